"""Every way in which a row can be wrong, in each format: its code, its place, who mends it, what was meant."""

from typing import Any, NamedTuple

import pytest

from tests.submissions.conftest import Sending
from tests.submissions.pushing import ABC, FORMS, LAUSD, Sender, by_row, codes, days_ago, row

CLOSED = "19769920000000"  # an SBE charter that closed on 2022-01-02
LOCAL = "19642460126003"  # a locally funded charter of Antelope Valley Union High
ANTELOPE = "19642460000000"
LOWELL_BEFORE, LOWELL_AFTER = "19647660000000", "30647660000000"  # it left the county on 2021-07-01
ARABIC = ABC.translate({ord("0") + digit: 0x660 + digit for digit in range(10)})
FULLWIDTH = ABC.translate({ord("0") + digit: 0xFF10 + digit for digit in range(10)})
WEEK = "2026-W01-1"  # a Monday, as Python's own reader of dates would have it


class Bad(NamedTuple):
    """A field, what makes it wrong, and what is to be said of it. *csv* is the code in CSV, where all is text."""

    field: str
    value: Any
    code: str
    csv: str | None = "same"  # None: CSV cannot say it, or says it otherwise without fault
    owner: str = "sender"
    suggestion: str | None = None
    beside: tuple[tuple[str, Any], ...] = ()

    def code_in(self, form: str) -> str | None:
        if form == "xlsx" and isinstance(self.value, float) and self.value.is_integer():
            return None  # a sheet knows no other numbers
        return self.csv if form in ("csv", "xlsx") and self.csv != "same" else self.code

    def fields(self) -> dict[str, Any]:
        return row() | dict(self.beside) | {self.field: self.value}


def bad_rows() -> list[Bad]:
    """Every bad row, with days counted from the day on which it is asked for: a run may pass midnight."""
    return [
        # Codes of LEAs
        Bad("lea", "19642120000001", "unknown-cds", suggestion="19642120000000 (ABC Unified)"),
        Bad("lea", "19642210000000", "unknown-cds"),
        Bad("lea", "91642120000000", "unknown-cds", suggestion="19642120000000 (ABC Unified)"),
        Bad("lea", "00000000000000", "unknown-cds"),
        Bad("lea", "1.96473E+13", "cds-unrecoverable"),
        Bad("lea", "1,96473e+13", "cds-unrecoverable"),
        Bad("lea", "19642120000000.0", "cds-format"),
        Bad("lea", "1964212000000", "cds-format"),
        Bad("lea", "196421200000000", "cds-format"),
        Bad("lea", "19-64212-0000000", "cds-format", suggestion=ABC),
        Bad("lea", "19 64212 0000000", "cds-format", suggestion=ABC),
        Bad("lea", ARABIC, "cds-format"),
        Bad("lea", FULLWIDTH, "cds-format"),
        Bad("lea", ABC + "\n", "cds-format", csv=None, suggestion=ABC),
        Bad("lea", "l9642120000000", "cds-format"),
        Bad("lea", "1964212000000O", "cds-format"),
        Bad("lea", "", "cds-format", csv=None),
        Bad("lea", "ABC Unified", "cds-format"),
        Bad("lea", "1" * 65, "invalid-value"),
        Bad("lea", 19642120000000, "wrong-type", csv=None),
        Bad("lea", None, "wrong-type", csv=None),
        Bad("lea", [ABC], "wrong-type", csv=None),
        Bad("lea", CLOSED, "entity-closed", owner="data_owner"),
        Bad("lea", LOCAL, "reports-with-authorizer", owner="data_owner"),
        Bad("lea", LOWELL_BEFORE, "entity-closed", owner="data_owner"),
        # Codes of indicators and groups
        Bad("student_group", "el", "unknown-group", suggestion="EL"),
        Bad("student_group", "English learners", "unknown-group"),
        Bad("student_group", "\u0415L", "unknown-group", suggestion="EL"),  # a Cyrillic letter
        Bad("student_group", "A\u0301LL", "unknown-group", suggestion="ALL"),
        Bad("student_group", "", "invalid-value", csv="missing-field"),
        Bad("student_group", "x" * 65, "invalid-value"),
        Bad("student_group", None, "wrong-type", csv="missing-field"),
        Bad("student_group", ..., "missing-field"),
        Bad("indicator", "home-internet", "unknown-indicator", suggestion="home_internet"),
        Bad("indicator", "HOME_INTERNET", "unknown-indicator", suggestion="home_internet"),
        Bad("indicator", "=cmd|'/c calc'!A1", "unknown-indicator"),
        Bad("indicator", "'; DROP TABLE observation; --", "unknown-indicator"),
        Bad("indicator", 5, "wrong-type", csv="unknown-indicator"),
        Bad("indicator", ..., "missing-field"),
        Bad("indicator", "court_school_access", "not-asked", owner="county"),
        # Counts
        Bad("population", -1, "out-of-range", csv="out-of-range"),
        Bad("population", 10_000_001, "out-of-range"),
        Bad("population", 2**31, "out-of-range"),
        Bad("population", 2**63, "out-of-range"),
        Bad("population", 10**30, "out-of-range"),
        Bad("population", 1.5, "wrong-type"),
        Bad("population", 18000.0, "wrong-type"),
        Bad("population", "18000", "wrong-type", csv=None),
        Bad("population", True, "wrong-type"),
        Bad("population", None, "wrong-type", csv="missing-field"),
        Bad("population", {}, "wrong-type"),
        Bad("population", ..., "missing-field"),
        Bad("population", "*", "suppressed-input"),
        Bad("population", "<11", "suppressed-input"),
        Bad("population", "N/A", "suppressed-input"),
        Bad("population", "--", "suppressed-input"),
        Bad("population", "eighteen", "wrong-type"),
        Bad("population", "18,000", "wrong-type", suggestion="18000"),
        Bad("population", "+5", "wrong-type"),
        Bad("population", "0x10", "wrong-type"),
        Bad("population", "1e3", "wrong-type"),
        Bad("population", "\u0661\u0662", "wrong-type"),
        Bad("met", -5, "out-of-range"),
        Bad("met", 18_001, "met-exceeds-population"),
        Bad("met", 17_901, "met-exceeds-population", beside=(("not_applicable", 100),)),
        Bad("met", 5, "met-exceeds-population", beside=(("population", 0),)),
        Bad("not_met", -1, "out-of-range"),
        Bad("not_applicable", 18_001, "not-applicable-exceeds-population", beside=(("met", 0),)),
        Bad("not_applicable", None, "wrong-type", csv=None),
        Bad("breakdown.met_by_lea", -1, "out-of-range"),
        Bad("breakdown.met_by_lea", "many", "wrong-type"),
        # Days
        Bad("as_of", days_ago(-1), "future-date"),
        Bad("as_of", "9999-12-31", "future-date"),
        Bad("as_of", "2018-06-30", "invalid-period"),
        Bad("as_of", "0001-01-01", "invalid-period"),
        Bad("as_of", "0000-01-01", "invalid-date"),
        Bad("as_of", "2026-02-30", "invalid-date"),
        Bad("as_of", "2025-02-29", "invalid-date"),
        Bad("as_of", "11/23/2025", "invalid-date"),
        Bad("as_of", "2025-11-23T00:00:00Z", "invalid-date"),
        Bad("as_of", "20251123", "invalid-date"),
        Bad("as_of", WEEK, "invalid-date"),
        Bad("as_of", "46349", "invalid-date"),
        Bad("as_of", 46349, "wrong-type", csv="invalid-date"),
        Bad("as_of", None, "wrong-type", csv="missing-field"),
        Bad("as_of", ..., "missing-field", suggestion=days_ago(0)),
        Bad("valid_until", days_ago(4), "invalid-period"),
        Bad("valid_until", "soon", "invalid-date"),
        # Words
        Bad("evidence", "E", "invalid-value", suggestion="One of A, B, C, D."),
        Bad("evidence", "a", "invalid-value", suggestion="One of A, B, C, D."),
        Bad("evidence", 1, "wrong-type", csv="invalid-value", suggestion="One of A, B, C, D."),
        Bad("evidence", ..., "missing-field"),
    ]


UNKNOWN = ["lea_id", "recorded_at", "revision", "status", "is_published", "notes", "met_by_lea", "Population"]


def where(fault: dict[str, Any], form: str, number: int) -> str:
    """The field that a fault points to, after the rest of its place was held to be right."""
    if form in ("csv", "xlsx"):
        assert fault["line"] == number + 1, fault
        return fault["column"]
    if form == "ndjson":
        assert fault["line"] == number, fault
        return fault["pointer"].removeprefix("/")
    head = f"/observations/{number - 1}/"
    assert fault["pointer"].startswith(head), fault
    return fault["pointer"].removeprefix(head).replace("/", ".")


@pytest.fixture
async def many(sending: Sending) -> Sender:
    """A sender for all the LEAs that the table speaks of."""
    return await sending(ABC, ANTELOPE, LOCAL, CLOSED, LOWELL_AFTER)


@pytest.mark.parametrize("form", FORMS)
async def test_every_fault_of_every_row_is_told_at_once(many: Sender, form: str) -> None:
    cases = [bad for bad in bad_rows() if bad.code_in(form)]
    answer = await many.rows(form, [{k: v for k, v in bad.fields().items() if v is not ...} for bad in cases])
    assert answer.status_code == 422, answer.text
    found = by_row(answer)
    wrong = []
    for number, bad in enumerate(cases, 1):
        wanted = (bad.field, bad.code_in(form), bad.owner, bad.suggestion)
        got = [(where(f, form, number), f["code"], f["owner"], f.get("suggestion")) for f in found.get(number, [])]
        if got != [wanted] and not (bad.suggestion is None and [g[:3] for g in got] == [wanted[:3]]):
            wrong.append((bad.value, wanted, got))
        assert all(fault["detail"] for fault in found.get(number, [])), bad
    assert not wrong, "\n".join(map(repr, wrong))
    receipt = (await many.get(answer.json()["instance"])).json()
    assert receipt["counts"] == {
        "received": len(cases), "created": 0, "updated": 0, "unchanged": 0, "refused": len(cases),
    }  # fmt: skip
    assert receipt["refusals"] == answer.json()["errors"]


@pytest.mark.parametrize("form", ["json", "ndjson"])
async def test_a_field_that_is_not_ours_is_refused_and_named(sender: Sender, form: str) -> None:
    answer = await sender.rows(form, [row() | {name: 1} for name in UNKNOWN])
    assert answer.status_code == 422
    for number, name in enumerate(UNKNOWN, 1):
        (fault,) = by_row(answer)[number]
        assert (fault["code"], where(fault, form, number)) == ("unknown-field", name)


@pytest.mark.parametrize("form", FORMS)
async def test_all_faults_of_one_row_are_listed(sender: Sender, form: str) -> None:
    several = row(indicator="internet", student_group="el", as_of="2018-06-30", met=18_001, lea="1")
    faults = by_row(await sender.rows(form, [several]))[1]
    assert {(where(f, form, 1), f["code"]) for f in faults} == {
        ("indicator", "unknown-indicator"),
        ("student_group", "unknown-group"),
        ("as_of", "invalid-period"),
        ("met", "met-exceeds-population"),
        ("lea", "cds-format"),
    }


@pytest.mark.parametrize("form", FORMS)
async def test_all_faults_of_one_breakdown_are_listed(sender: Sender, form: str) -> None:
    faults = by_row(await sender.rows(form, [row(breakdown_met_by_lea=-1, breakdown_barrier_other="few")]))[1]
    assert [(where(f, form, 1), f["code"]) for f in faults] in (
        [("breakdown.met_by_lea", "out-of-range"), ("breakdown.barrier_other", "wrong-type")],
        [("breakdown.barrier_other", "wrong-type"), ("breakdown.met_by_lea", "out-of-range")],
    )


@pytest.mark.parametrize("form", FORMS)
async def test_a_row_for_another_lea_is_not_allowed_and_says_whose_code_it_is(sender: Sender, form: str) -> None:
    answer = await sender.rows(form, [row(), row(lea=LAUSD, as_of=days_ago(4)), row(met=18_001, as_of=days_ago(5))])
    assert answer.status_code == 403
    assert codes(answer) == ["lea-mismatch", "met-exceeds-population"]
    (fault,) = by_row(answer)[2]
    assert where(fault, form, 2) == "lea"
    assert "Los Angeles Unified" in fault["detail"]
    part = await sender.rows(form, [row(), row(lea=LAUSD, as_of=days_ago(4))], mode="partial")
    assert part.status_code == 201
    assert part.json()["counts"] == {"received": 2, "created": 1, "updated": 0, "unchanged": 0, "refused": 1}


@pytest.mark.parametrize("form", FORMS)
async def test_rows_that_contradict_each_other_are_refused_with_their_rows(sender: Sender, form: str) -> None:
    rows = [
        row(population=100, met=50, not_met=1),
        row(student_group="EL", population=101, met=50, not_met=1),
        row(student_group="SED", population=100, met=50, not_met=1),
        row(student_group="SED", population=99, met=50, not_met=1),
        row(student_group="HOM", population=10, met=5, not_met=1),
    ]
    answer = await sender.rows(form, rows)
    assert answer.status_code == 422
    assert {n: [(where(f, form, n), f["code"], f["owner"]) for f in fs] for n, fs in by_row(answer).items()} == {
        2: [("population", "group-exceeds-total", "data_owner")],
        3: [("indicator", "duplicate-row", "sender")],
        4: [("indicator", "duplicate-row", "sender")],
    }
    part = await sender.rows(form, rows, mode="partial")
    assert part.json()["counts"] == {"received": 5, "created": 2, "updated": 0, "unchanged": 0, "refused": 3}


@pytest.mark.parametrize("form", FORMS)
async def test_a_total_that_is_sent_twice_refuses_itself_and_judges_a_group_once(sender: Sender, form: str) -> None:
    rows = [
        row(population=100, met=50, not_met=1),
        row(population=90, met=50, not_met=1),
        row(student_group="EL", population=95, met=5, not_met=1),
        row(student_group="SED", population=200, met=5, not_met=1),
    ]
    answer = await sender.rows(form, rows, mode="partial")
    assert answer.json()["counts"] == {"received": 4, "created": 1, "updated": 0, "unchanged": 0, "refused": 3}
    found = {number: [fault["code"] for fault in faults] for number, faults in by_row(answer).items()}
    assert found == {1: ["duplicate-row"], 2: ["duplicate-row"], 4: ["group-exceeds-total"]}


async def test_no_people_at_all_is_an_answer(sender: Sender) -> None:
    answer = await sender.rows("json", [row(student_group="MIG", population=0, met=0, not_met=0)])
    assert answer.status_code == 201, answer.text
    assert answer.json()["effect"][0]["lea_after"]["confirmed_percent"] is None


@pytest.mark.parametrize("form", FORMS)
async def test_lowell_joint_is_one_lea_under_the_code_of_the_day(sending: Sending, form: str) -> None:
    sender = await sending(LOWELL_AFTER)
    rows = [
        row(lea=LOWELL_BEFORE, as_of="2021-06-30"),
        row(lea=LOWELL_AFTER, as_of="2021-07-01"),
        row(lea=LOWELL_BEFORE, as_of="2021-07-01", student_group="EL", population=9, met=1, not_met=1),
        row(lea=LOWELL_AFTER, as_of="2021-06-30", student_group="EL", population=9, met=1, not_met=1),
    ]
    answer = await sender.rows(form, rows, mode="partial")
    assert answer.status_code == 201, answer.text
    assert {number: faults[0]["code"] for number, faults in by_row(answer).items()} == {
        3: "entity-closed",
        4: "entity-closed",
    }
    assert [(e["lea"], e["lea_after"]) for e in answer.json()["effect"]] == [(LOWELL_AFTER, None)]


async def test_one_key_pushes_for_two_leas_and_the_row_says_which(sending: Sending) -> None:
    sender = await sending(ABC, LAUSD)
    both = [row(), row(lea=LAUSD, population=400_000, met=300_000, not_met=5)]
    answer = await sender.rows("ndjson", both)
    assert answer.json()["counts"]["created"] == 2
    assert [effect["lea"] for effect in answer.json()["effect"]] == [ABC, LAUSD]
    assert [effect["lea_after"]["met"] for effect in answer.json()["effect"]] == [17_000, 300_000]


@pytest.mark.parametrize("form", ["ndjson", "csv"])
async def test_a_row_may_override_what_holds_for_the_whole_push(sending: Sending, form: str) -> None:
    sender = await sending(ABC, LAUSD)
    rows = [row(lea=..., as_of=...), row(lea=LAUSD, as_of=days_ago(9))]
    answer = await sender.rows(form, rows, lea=ABC, as_of=days_ago(2), source="the SIS")
    assert answer.status_code == 201, answer.text
    assert answer.json()["source"] == "the SIS"
    assert [effect["lea"] for effect in answer.json()["effect"]] == [ABC, LAUSD]
