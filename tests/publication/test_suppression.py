"""What is hidden of a table, and that nobody can work it out."""

from collections.abc import Iterable

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from equityaccess.publication.suppression import (
    ALL,
    PARTS,
    SMALL,
    Cell,
    Count,
    DoesNotAddUp,
    Key,
    Published,
    Rate,
    knowledge,
    primary,
    protect,
    rate,
    shown,
)

Table = dict[Key, Cell]


def table(leas: dict[str, dict[str, tuple[int, int, int]]], *, silent: dict[str, int] | None = None) -> Table:
    """A county of one kind: of each LEA, by group, its base, the met and the not met; totals are added up."""
    cells = {
        Key(lea, group): Cell(parent="kind", base=base, met=met, not_met=not_met)
        for lea, groups in leas.items()
        for group, (base, met, not_met) in groups.items()
    }
    for lea, base in (silent or {}).items():
        cells[Key(lea, ALL)] = Cell(parent="kind", base=base, met=0, not_met=0, is_heard=False)
    for whole, part, parent in (("kind", None, "county"), ("county", "kind", None)):
        for group in sorted({key.student_group for key in cells}):
            parts = [cell for key, cell in cells.items() if key.student_group == group and part in (None, key.scope)]
            cells[Key(whole, group)] = Cell(
                parent=parent,
                base=sum(cell.base for cell in parts),
                met=sum(cell.met for cell in parts),
                not_met=sum(cell.not_met for cell in parts),
            )
    return cells


def hidden(cells: Table, **more: object) -> set[Key]:
    return {key for key, published in protect(cells, **more).cells.items() if published is None}  # type: ignore[arg-type]


LARGE = {"a": {ALL: (500, 400, 50)}, "b": {ALL: (900, 500, 300)}, "c": {ALL: (700, 350, 200)}}


@pytest.mark.parametrize(
    ("count", "base", "percent", "bound", "least", "most"),
    [
        (512, 1_000, 51.2, "=", 512, 512),
        (51_299, 100_000, 51.2, "=", 51_200, 51_299),
        (297, 300, 99, ">=", 297, 300),
        (296, 300, 98.6, "=", 296, 296),
        (298, 299, 98, ">=", 294, 299),
        (98, 100, 98, ">=", 98, 100),
        (97, 100, 97.0, "=", 97, 97),
        (95, 99, 95, ">=", 95, 99),
        (38, 40, 95, ">=", 38, 40),
        (36, 39, 90, ">=", 36, 39),
        (18, 20, 90, ">=", 18, 20),
        (16, 19, 80, ">=", 16, 19),
        (9, 11, 80, ">=", 9, 11),
        (3, 300, 1, "<=", 0, 3),
        (4, 300, 1.3, "=", 4, 4),
        (2, 100, 2, "<=", 0, 2),
        (0, 40, 5, "<=", 0, 2),
        (1, 39, 10, "<=", 0, 3),
        (2, 11, 20, "<=", 0, 2),
        (284, 28_300, 1, "=", 284, 311),  # 283 would be "1 % or less", as a reader knows
    ],
)
def test_a_rate_is_cut_and_near_the_ends_a_bound(
    count: int, base: int, percent: float, bound: str, least: int, most: int
) -> None:
    assert rate(count, base) == Rate(percent=percent, bound=bound, least=least, most=most)


@given(st.integers(1, 10**6), st.data())
def test_a_rate_stands_for_the_count_that_it_was_made_of(base: int, data: st.DataObject) -> None:
    count = data.draw(st.integers(0, base))
    found = rate(count, base)
    assert 0 <= found.least <= count <= found.most <= base
    assert {rate(one, base) for one in (found.least, found.most)} == {found}


def test_who_is_silent_gives_away_nothing_but_that() -> None:
    nothing = Rate(percent=0, bound="=", least=0, most=0)
    for cell in (
        Cell(parent=None, base=70, met=0, not_met=0, is_heard=False),
        Cell(parent=None, base=0, met=0, not_met=0),
    ):
        assert shown(cell) == Published(base=cell.base, met=nothing, not_met=nothing)
    assert hidden(table({**LARGE}, silent={"d": 5, "e": 0})) == set()


def test_ten_people_are_too_few_and_so_are_ten_without_whom_a_group_is_all() -> None:
    cells = table(
        {
            "a": {ALL: (500, 400, 50), "EL": (10, 5, 5), "SED": (490, 395, 45), "HOM": (489, 394, 45)},
            "b": {ALL: (900, 500, 300), "EL": (11, 5, 5), "SED": (900, 500, 300), "HOM": (0, 0, 0)},
        }
    )
    assert primary(cells) == {Key("a", "EL"), Key("a", "SED"), Key("kind", "SED"), Key("county", "SED")}


def test_nothing_is_hidden_where_nobody_is_given_away() -> None:
    done = protect(table(LARGE))
    assert (done.primary, done.complementary, done.unprotected) == (0, 0, [])
    assert done.cells[Key("a", ALL)] == shown(table(LARGE)[Key("a", ALL)])


def test_a_hidden_cell_takes_the_smallest_of_its_row_along() -> None:
    cells = table({**LARGE, "d": {ALL: (8, 8, 0)}, "e": {ALL: (60, 20, 20)}})
    assert hidden(cells) >= {Key("d", ALL), Key("e", ALL)}
    assert Key("b", ALL) not in hidden(cells)
    done = protect(cells)
    assert (done.primary, done.complementary) == (1, len(hidden(cells)) - 1)


def test_a_group_is_not_read_off_all_of_which_it_is_part() -> None:
    """Of 300 at least 99 % are met, so of a group of eight within them at least five would be."""
    cells = table({**LARGE, "d": {ALL: (300, 299, 1), "FOS": (8, 8, 0)}, "e": {ALL: (310, 200, 50), "FOS": (9, 4, 4)}})
    assert Key("d", ALL) in hidden(cells)


def test_the_last_of_the_races_is_not_what_the_others_leave() -> None:
    cells = table({**LARGE, "d": {ALL: (300, 150, 100), "HI": (200, 100, 50), "WH": (91, 46, 46), "AS": (9, 4, 4)}})
    found = hidden(cells)
    assert Key("d", "AS") in found
    assert found & {Key("d", "HI"), Key("d", "WH"), Key("d", ALL)}


def test_a_rate_that_is_a_bound_is_not_read_off_a_total() -> None:
    cells = table({"a": {ALL: (100, 100, 0)}, "b": {ALL: (150, 75, 50)}, "c": {ALL: (140, 75, 50)}})
    assert hidden(cells), "what the county has more than b and c is a: all of them"


def test_what_was_hidden_stays_hidden() -> None:
    cells = table(LARGE)
    assert hidden(cells, hidden_before={Key("a", ALL), Key("gone", ALL)}) >= {Key("a", ALL)}


def counts(keys: Iterable[Key]) -> set[Count]:
    return {Count(key, part) for key in keys for part in PARTS}


def test_what_a_reader_knows_protects_nobody() -> None:
    cells = table({**LARGE, "d": {ALL: (8, 8, 0)}, "e": {ALL: (60, 20, 20)}})
    found = hidden(cells, known=counts({Key("e", ALL)}))
    assert Key("e", ALL) not in found
    assert found > {Key("d", ALL)}
    everything = protect(cells, known=counts(set(cells) - {Key("d", ALL)}))
    assert everything.unprotected == [Key("d", ALL)]
    done = protect(cells, known=counts(cells))
    assert (done.cells[Key("d", ALL)], done.unprotected) == (None, [])


def test_who_was_not_heard_from_needs_no_protection() -> None:
    done = protect(table({"a": {ALL: (7, 3, 3)}}, silent={"b": 100}))
    assert {key for key, published in done.cells.items() if published is None} >= {Key("a", ALL), Key("kind", ALL)}
    assert done.unprotected == [], "everybody knows that none of the 100 is in the counts: nobody could be told more"


def test_a_rate_that_was_shown_once_is_not_made_more_exact_by_what_is_shown_now() -> None:
    cells = table({f"lea{number:02}": {ALL: (700, 300 + number, 200)} for number in range(20)})
    totals = {Key("kind", ALL), Key("county", ALL)}
    assert hidden(cells, hidden_before=totals, known=counts(totals)) > totals, "14 counts have the rate, the sum is one"
    assert not hidden(cells, known=counts(totals)), "where nothing is hidden, nothing needs to be"


def test_what_is_not_true_nobody_can_know() -> None:
    larger_than_all = table({**LARGE, "d": {ALL: (80, 20, 20), "EL": (90, 18, 18)}})
    part_of_all = table({**LARGE, "d": {ALL: (95, 20, 20), "EL": (90, 18, 18)}})
    assert len(list(knowledge(larger_than_all))) < len(list(knowledge(part_of_all)))


def test_groups_without_all_and_leas_without_a_total_are_protected_too() -> None:
    cells = table({**LARGE, "d": {"EL": (8, 8, 0)}, "e": {"EL": (90, 40, 40)}})
    del cells[Key("county", ALL)], cells[Key("kind", ALL)]
    assert hidden(cells) >= {Key("d", "EL"), Key("e", "EL")}


def test_figures_that_contradict_each_other_are_not_published() -> None:
    with pytest.raises(DoesNotAddUp, match="d ALL"):
        protect(table({"a": {ALL: (500, 400, 50)}, "b": {ALL: (900, 500, 300)}, "d": {ALL: (8, 9, 0)}}))


@st.composite
def tables(draw: st.DrawFn) -> Table:
    leas = {}
    for number in range(draw(st.integers(2, 6))):
        base = draw(st.integers(1, 400))
        met = draw(st.integers(0, base))
        not_met = draw(st.integers(0, base - met))
        groups = {ALL: (base, met, not_met)}
        if draw(st.booleans()):
            of_met, of_not = draw(st.integers(0, met)), draw(st.integers(0, not_met))
            others = draw(st.integers(0, base - met - not_met))
            groups["EL"] = (of_met + of_not + others, of_met, of_not)
        leas[f"lea{number}"] = groups
    return table(leas)


@settings(max_examples=60, deadline=None)
@given(tables())
def test_whatever_the_table_no_small_cell_is_shown_and_what_is_done_is_done(cells: Table) -> None:
    done = protect(cells)
    assert done.unprotected == [], "nothing has been given away before"
    for key, published in done.cells.items():
        if published is not None:
            assert not 0 < cells[key].base <= SMALL
            assert published == shown(cells[key])
    gone = {key for key, published in done.cells.items() if published is None}
    again = protect(cells, hidden_before=gone, known=counts(set(cells) - gone))
    assert {key for key, published in again.cells.items() if published is None} == gone
    assert again.unprotected == []
