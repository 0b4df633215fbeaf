"""Rows have a plain way and a strict way: a row that follows others is judged as if it came alone."""

from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET

from equityaccess.submissions.rules import EARLIEST, Asked, Check, Known, Lea, Rows
from equityaccess.submissions.structs import Defaults, Row

TODAY = date(2026, 11, 30)
MOVED = date(2024, 7, 1)
A, B = "19642120000000", "19647330000000"


def lea(lea_id: int, cds: str, since: date, until: date, funding: str | None = None) -> Lea:
    return Lea(lea_id=lea_id, cds=cds, kind="charter", funding=funding, valid_from=since, valid_to=until)


KNOWN = Known(
    # One code that passes from an LEA to another, one whose charter was counted by its authorizer before.
    leas={
        A: [lea(1, A, EARLIEST, MOVED), lea(2, A, MOVED, date.max)],
        B: [lea(3, B, EARLIEST, MOVED, "local"), lea(3, B, MOVED, TODAY, "direct")],
    },
    indicators={
        "home_internet": Asked(indicator_id=1, code="home_internet", unit="students", asked_of=["charter"]),
        "employee_device": Asked(indicator_id=2, code="employee_device", unit="employees", asked_of=["charter"]),
        "court_school_access": Asked(indicator_id=3, code="court_school_access", unit="students", asked_of=["office"]),
    },
    student_groups={"ALL": 1, "EL": 2},
    enrolled={(1, 1): 100, (2, 1): 40, (3, 2): 8},
    today=TODAY,
)
near = st.sampled_from([EARLIEST, MOVED, TODAY]).flatmap(
    lambda day: st.integers(-1, 1).map(lambda days: day + timedelta(days=days))
)
count = st.sampled_from([0, 1, 8, 10, 11, 39, 40, 50, 51, 75, 100, 125, 126])
SOUND = {
    "lea": A, "as_of": date(2026, 11, 2), "indicator": "home_internet", "student_group": "ALL",
    "population": 40, "met": 30, "not_met": 5, "evidence": "C",
}  # fmt: skip
FIELDS: dict[str, st.SearchStrategy[object]] = {
    "indicator": st.sampled_from([*KNOWN.indicators, "unheard_of"]),
    "student_group": st.sampled_from([*KNOWN.student_groups, "XX"]),
    "population": count,
    "met": count,
    "not_met": count,
    "lea": st.sampled_from([A, B, "19000000000000", UNSET]),
    "as_of": near | st.just(UNSET),
    "not_applicable": count,
    "valid_until": near | st.none(),
    "met_by_family": count,
    "barrier_other": count | st.none(),
}


@st.composite
def rows(draw: st.DrawFn) -> Row:
    """A sound row, of which a field or two are another."""
    other = draw(st.lists(st.sampled_from(sorted(FIELDS)), max_size=2, unique=True))
    return Row(**SOUND | {name: draw(FIELDS[name]) for name in other})


@settings(max_examples=1_500)
@given(st.lists(rows(), min_size=1, max_size=8), st.sampled_from([Defaults(), Defaults(lea=A, as_of=TODAY)]))
def test_a_row_is_judged_as_if_it_came_alone(came: list[Row], defaults: Defaults) -> None:
    numbers = list(range(1, len(came) + 1))
    together = Check("ndjson", KNOWN, defaults).rows(Rows(numbers, numbers, came), 1_000)
    alone = [
        Check("ndjson", KNOWN, defaults).rows(Rows([number], [number], [row]), 1_000)
        for number, row in zip(numbers, came, strict=True)
    ]
    assert together.records == [record for one in alone for record in one.records]
    assert together.refusals == [refusal for one in alone for refusal in one.refusals]
    assert together.warnings == [warning for one in alone for warning in one.warnings]
    assert together.warnings_total == sum(one.warnings_total for one in alone)


def test_most_rows_go_the_plain_way() -> None:
    check, row = Check("ndjson", KNOWN, Defaults()), Row(**SOUND)
    row = Row(
        lea=A,
        as_of=TODAY,
        indicator="home_internet",
        student_group="ALL",
        population=40,
        met=30,
        not_met=5,
        evidence="C",
    )
    assert check._plain(1, 1, row) is None
    (record,) = check.rows(Rows([1], [1], [row]), 0).records
    assert check._plain(1, 1, row) == record
