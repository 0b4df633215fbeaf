"""What is left, added up."""

from datetime import date

import hypothesis.strategies as st
from hypothesis import given

from equityaccess.coverage.structs import Barrier, Counted, Gap, Sums, counted
from equityaccess.last_mile import rules

DAY = date(2026, 10, 1)
CENTS: dict[Barrier, int] = {"not_affordable": 21_400, "other": 0}


def gap(lea: str, barrier: Barrier, people: int, as_of: date | None = DAY) -> Gap:
    return Gap(
        lea=lea,
        lea_name=lea.upper(),
        indicator="home_internet",
        student_group="ALL",
        barrier=barrier,
        people=people,
        as_of=as_of,
    )


def figures(population: int, met: int) -> Counted:
    return counted(
        Sums(population=population, met=met, not_met=0, not_applicable=0, unknown=population - met, unheard=0)
    )


def test_only_people_behind_a_barrier_with_a_unit_cost_are_priced() -> None:
    gaps = [gap("a", "not_affordable", 10), gap("b", "not_affordable", 5), gap("a", "unknown", 7), gap("a", "other", 2)]
    barriers = rules.by_barrier(gaps, CENTS)
    assert [(one.barrier, one.people, one.cost_cents) for one in barriers] == [
        ("not_affordable", 15, 321_000),
        ("other", 2, 0),
        ("unknown", 7, None),
    ]
    assert rules.cost(barriers) == (321_000, 17)


def test_the_lea_with_the_most_people_left_comes_first_and_points_are_cut() -> None:
    gaps = [gap("a", "not_affordable", 10), gap("b", "unknown", 12, None), gap("a", "unknown", 1, date(2026, 9, 1))]
    first, second = rules.by_lea(gaps, CENTS, 1_000)
    assert (first.lea, first.people, first.points, first.as_of, first.people_priced) == ("b", 12, 1.2, None, 0)
    assert (second.lea, second.people, second.points, second.as_of) == ("a", 11, 1.1, date(2026, 9, 1))
    assert rules.by_lea(gaps, CENTS, 700)[1].points == 1.57
    assert rules.by_lea(gaps, CENTS, 0)[0].points is None


def test_the_group_furthest_behind_is_not_the_one_with_the_most_people_left() -> None:
    groups = {"ALL": figures(1_000, 10), "EL": figures(100, 40), "SED": figures(900, 500), "FOS": figures(0, 0)}
    found = rules.furthest_behind(groups)
    assert found is not None
    assert found[0] == "EL"
    assert rules.furthest_behind({"ALL": figures(1_000, 10)}) is None
    equals = rules.furthest_behind({"EL": figures(100, 50), "SED": figures(900, 450)})
    assert equals is not None
    assert equals[0] == "SED"


LEAS = st.sampled_from("abcdefg")
BARRIERS = st.sampled_from(["not_available", "not_affordable", "other", "unknown", "not_heard_from"])


@given(st.lists(st.builds(gap, LEAS, BARRIERS, st.integers(1, 10_000))))
def test_nobody_is_counted_twice_or_lost(gaps: list[Gap]) -> None:
    people = sum(one.people for one in gaps)
    leas = rules.by_lea(gaps, CENTS, 1_000_000)
    assert sum(one.people for one in leas) == people
    assert sum(one.people for one in rules.by_barrier(gaps, CENTS)) == people
    assert sum(one.cost_cents for one in leas) == rules.cost(rules.by_barrier(gaps, CENTS))[0]
    assert [one.people for one in leas] == sorted((one.people for one in leas), reverse=True)
