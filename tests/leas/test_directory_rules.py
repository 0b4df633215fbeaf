"""What a directory file says happened to whom, and what it leaves open."""

from datetime import date

import msgspec
import pytest

from equityaccess.leas.changes import Comparison, Held, Listed
from equityaccess.leas.rules import compare

AS_OF = date(2022, 1, 2)
LOWELL = Held(
    lea_id=1,
    cds="19647660000000",
    is_open=True,
    valid_from=date(2018, 7, 1),
    name="Lowell Joint",
    kind="elementary_district",
    county_code="19",
    authorizer_cds=None,
    funding=None,
    nces="0623010",
    charter_number=None,
    city="Whittier",
    zip="90603-3042",
    grades=None,
)
LAUSD = msgspec.structs.replace(
    LOWELL, lea_id=2, cds="19647330000000", name="Los Angeles Unified", kind="unified_district", nces="0622710"
)
LACOE = msgspec.structs.replace(
    LOWELL,
    lea_id=3,
    cds="19101990000000",
    name="Los Angeles County Office of Education",
    kind="county_office",
    nces="0691078",
)
LASHON = msgspec.structs.replace(
    LOWELL,
    lea_id=4,
    cds="19647330128025",
    name="Lashon Academy",
    kind="charter",
    authorizer_cds="19647330000000",
    funding="direct",
    nces=None,
    charter_number="1560",
)
EVERYBODY = (LOWELL, LAUSD, LACOE, LASHON)


def listed(lea: Held, **changes: object) -> Listed:
    """The row of *lea* in a file that says what the directory says, but for *changes*."""
    same = {name: value for name, value in msgspec.structs.asdict(lea).items() if name in Listed.__struct_fields__}
    row = {"row": lea.lea_id, "status": "active", "doc": "54", "opened_on": None, "closed_on": None}
    return Listed(**{**row, **same, **changes})  # type: ignore[arg-type]


def compared(*rows: Listed, held: tuple[Held, ...] = EVERYBODY, transfers: dict[str, str] | None = None) -> Comparison:
    """*rows* against *held*."""
    return compare(rows, held, {lea.cds: lea.lea_id for lea in held}, transfers or {}, AS_OF)


def happened(comparison: Comparison) -> list[tuple[str, str]]:
    """What happened to whom."""
    return [(change.what, change.cds) for change in comparison.changes]


def same(*but: Held) -> list[Listed]:
    """A file with everybody in it *but* these."""
    return [listed(lea) for lea in EVERYBODY if lea not in but]


def test_a_file_that_says_the_same_changes_nothing():
    comparison = compared(*same())
    assert (comparison.changes, comparison.undecided, comparison.unchanged_count) == ([], [], 4)


def test_what_the_file_does_not_say_is_no_change():
    assert compared(*same(LOWELL), listed(LOWELL, city=None, zip=None, nces=None)).unchanged_count == 4


def test_another_name_is_a_renaming_and_another_funding_a_change():
    renamed = listed(LAUSD, name="Los Angeles Unified School District", grades="K-12")
    comparison = compared(*same(LAUSD, LASHON), renamed, listed(LASHON, funding="local"))
    assert happened(comparison) == [("changed", LASHON.cds), ("renamed", LAUSD.cds)]
    assert [(one.field, one.before, one.after) for one in comparison.changes[1].differences] == [
        ("name", "Los Angeles Unified", "Los Angeles Unified School District"),
        ("grades", None, "K-12"),
    ]


def test_a_district_keeps_its_identity_under_a_new_code_by_its_nces_id():
    comparison = compared(*same(LOWELL), listed(LOWELL, cds="30647660000000"))
    assert happened(comparison) == [("moved", "30647660000000")]
    assert comparison.changes[0].before == LOWELL


def test_a_district_keeps_its_identity_by_a_transfer_that_is_known():
    moved = listed(LOWELL, cds="30647660000000", nces=None)
    assert happened(compared(*same(LOWELL), moved, transfers={LOWELL.cds: moved.cds})) == [("moved", moved.cds)]
    stays = msgspec.structs.replace(LOWELL, lea_id=9, cds="19643390000000", name="East Whittier City", nces=None)
    without = compared(listed(stays), moved, held=(LOWELL, stays))
    assert happened(without) == [("closed", LOWELL.cds)]  # of another county and unknown, the new row is none of ours


def test_the_last_of_its_kind_is_not_closed_because_a_file_has_none_of_them():
    comparison = compared(*same(LOWELL))
    assert (happened(comparison), [one.cds for one in comparison.undecided]) == ([], [LOWELL.cds])


def test_a_charter_keeps_its_identity_under_another_authorizer_by_its_charter_number():
    moved = listed(LASHON, cds="19101990128025", authorizer_cds="19101990000000")
    comparison = compared(*same(LASHON), moved)
    assert happened(comparison) == [("moved", "19101990128025")]
    assert [one.field for one in comparison.changes[0].differences] == ["cds", "authorizer_cds"]


def test_an_nces_id_that_charters_share_with_their_authorizer_moves_nobody():
    other = listed(LASHON, cds="19647330999999", charter_number="9999", nces="0622710", name="Another")
    assert happened(compared(*same(), other)) == [("added", "19647330999999")]


def test_two_rows_with_one_identity_are_left_to_a_person():
    twins = [listed(LASHON, cds=cds) for cds in ("19647330000001", "19647330000002")]
    assert [one.cds for one in compared(*same(LASHON), *twins).undecided] == ["19647330000001", "19647330000002"]
    both = compared(*same(), twins[0])
    assert (happened(both), [one.cds for one in both.undecided]) == ([], ["19647330000001"])


def test_a_code_that_stands_twice_in_the_file_is_left_to_a_person():
    comparison = compared(*same(), listed(LOWELL, name="Lowell"))
    assert (happened(comparison), [one.cds for one in comparison.undecided]) == ([], [LOWELL.cds])


def test_a_former_code_is_left_to_a_person():
    now = msgspec.structs.replace(LOWELL, cds="30647660000000", county_code="30")
    comparison = compare([listed(LOWELL)], [now], {LOWELL.cds: 1, now.cds: 1}, {}, AS_OF)
    assert (happened(comparison), [one.cds for one in comparison.undecided]) == ([], [LOWELL.cds])


@pytest.mark.parametrize("status", ["closed", "merged"])
def test_an_lea_closes_on_the_day_the_file_gives_else_on_the_day_of_the_file(status: str):
    gone = listed(LASHON, status=status, closed_on=date(2021, 6, 30))
    assert compared(*same(LASHON), gone).changes[0].on == date(2021, 6, 30)
    later = listed(LASHON, status=status, closed_on=date(2022, 6, 30))
    assert compared(*same(LASHON), later).changes[0].on == AS_OF


def test_an_lea_that_is_no_longer_listed_has_closed():
    assert happened(compared(*same(LASHON), listed(LASHON, cds="19647330128033", charter_number="1561"))) == [
        ("added", "19647330128033"),
        ("closed", LASHON.cds),
    ]


def test_a_file_of_districts_closes_no_charter():
    assert happened(compared(*same(LASHON))) == []


def test_a_file_of_one_county_closes_nobody_of_another():
    elsewhere = msgspec.structs.replace(LOWELL, cds="30647660000000", county_code="30")
    other = msgspec.structs.replace(LOWELL, lea_id=9, cds="19643030000000", name="East Whittier City", nces="0612150")
    held = (elsewhere, other)
    assert happened(compared(listed(other), held=held)) == []
    statewide = listed(other, cds="30664230000000", name="Anaheim Elementary", nces="0602610")
    assert happened(compared(listed(other), statewide, held=held)) == [("closed", elsewhere.cds)]


def test_a_file_that_breaks_off_closes_nobody():
    many = tuple(msgspec.structs.replace(LAUSD, lea_id=n, cds=f"19{n:05}0000000", nces=None) for n in range(100, 130))
    comparison = compared(*(listed(lea) for lea in many[:5]), held=many)
    assert happened(comparison) == []
    assert len(comparison.undecided) == 25
    few = compared(*(listed(lea) for lea in many[:25]), held=many)
    assert len(happened(few)) == 5


def test_a_closed_lea_that_is_listed_again_is_open_again():
    closed = msgspec.structs.replace(LOWELL, is_open=False)
    assert happened(compared(listed(closed), held=(closed,))) == [("reopened", LOWELL.cds)]


def test_an_lea_that_is_only_known_from_a_later_day_is_compared_with_what_it_was_first():
    later = msgspec.structs.replace(LOWELL, is_open=False, valid_from=date(2022, 7, 1))
    assert compared(listed(later), held=(later,)).unchanged_count == 1


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"kind": None, "doc": "34", "authorizer_cds": None}, "DOC 34"),
        ({"funding": None}, "funding"),
        ({"authorizer_cds": "19999990000000"}, "19999990000000"),
    ],
)
def test_a_new_row_that_is_not_clear_is_left_to_a_person(changes: dict[str, object], reason: str):
    new = listed(LASHON, cds="19647330999999", charter_number="9999", **changes)
    comparison = compared(*same(), new)
    assert happened(comparison) == []
    assert reason in comparison.undecided[0].reason


def test_a_charter_and_its_authorizer_may_be_new_together():
    sbe = listed(LACOE, cds="19773620000000", name="SBE - Eagle Collegiate Academy", kind="sbe_charter", nces=None)
    eagle = listed(
        LASHON, cds="19773620137281", charter_number="2020", authorizer_cds=sbe.cds, name="Eagle Collegiate Academy"
    )
    assert happened(compared(*same(), sbe, eagle)) == [("added", sbe.cds), ("added", eagle.cds)]


def test_an_lea_begins_on_its_opening_day_unless_that_is_still_to_come():
    new = listed(LASHON, cds="19647330999999", charter_number="9999", opened_on=date(2020, 8, 17))
    assert compared(*same(), new).changes[0].on == date(2020, 8, 17)
    future = msgspec.structs.replace(new, opened_on=date(2022, 8, 17))
    assert compared(*same(), future).changes[0].on == AS_OF


def test_what_is_not_open_yet_is_counted_and_not_added():
    pending = listed(LASHON, cds="19647330999999", charter_number="9999", status="pending")
    comparison = compared(*same(), pending)
    assert (happened(comparison), comparison.pending_count) == ([], 1)


def test_agencies_of_other_counties_are_none_of_ours():
    other = listed(LOWELL, cds="01611190000000", name="Alameda Unified", nces="0601770")
    assert (compared(*same(), other).changes, compared(*same(), other).undecided) == ([], [])
