"""What may be said: the checks on the rows of a push. Pure: rows in; records, refusals and warnings out."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Literal, NamedTuple

import msgspec
from msgspec import UNSET, UnsetType

from equityaccess.problems import Problem
from equityaccess.submissions.faults import Fault, cds_fault, too_many
from equityaccess.submissions.structs import Defaults, Row

EARLIEST = date(2018, 7, 1)
FAR_FROM_ENROLLMENT = 4  # a population differs by more than a quarter of what is enrolled
JUMP_IN_POINTS = 20
Format = Literal["json", "ndjson", "csv", "xlsx"]


class Lea(msgspec.Struct, frozen=True, kw_only=True):
    """An LEA of the caller under one of its CDS codes, with the days on which the code is valid."""

    lea_id: int
    cds: str
    kind: str
    funding: str | None
    valid_from: date
    valid_to: date


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What the rules need to know of an indicator."""

    indicator_id: int
    code: str
    unit: str
    asked_of: list[str]


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that rows are checked against."""

    leas: dict[str, list[Lea]]
    indicators: dict[str, Asked]
    student_groups: dict[str, int]
    enrolled: dict[tuple[int, int], int]  # (LEA, group) -> students, newest school year
    today: date


class Place(NamedTuple):
    """Where a row stands: its number, from 1, and its line in the file."""

    row: int
    line: int


class Rows(NamedTuple):
    """Rows with the number and the line of each, apart: to pair them up would cost as much as to check them."""

    numbers: list[int]
    lines: list[int]
    rows: list[Row]

    def add(self, place: Place, row: Row) -> None:
        """One more."""
        self.numbers.append(place.row)
        self.lines.append(place.line)
        self.rows.append(row)


# A row that passed, as it is staged: ids, absent parts None, in the order of STAGED; a named tuple costs thrice.
Record = tuple[
    int, int, int, int, int, date, int, int, int, int, str, date | None,
    int | None, int | None, int | None, int | None, int | None, int | None,
]  # fmt: skip
STAGED = (
    "row_number", "line", "lea_id", "indicator_id", "student_group_id", "as_of",
    "population", "met", "not_met", "not_applicable", "evidence", "valid_until", "met_by_family", "met_by_lea",
    "barrier_not_available", "barrier_not_affordable", "barrier_not_desired", "barrier_other",
)  # fmt: skip
_PARTS = "met, not_met and not_applicable add up to {}, more than the population of {}."
_BY_WHOM = "met_by_family and met_by_lea add up to {}, and met is {}."
_BARRIERS = "The barriers add up to {}, and not_met is {}."
_FAR = "The population is {}; on the last Census Day {} were enrolled."
_DATA_OWNER: Mapping[str, object] = {"owner": "data_owner"}
_Parts = tuple[int | None, int | None, int | None, int | None, int | None, int | None]
_NONE_SENT = (UNSET,) * 6
_NONE_KNOWN: _Parts = (None, None, None, None, None, None)
_NO_PARTS = list(_NONE_KNOWN)


class Checked(NamedTuple):
    """What became of some rows. A refusal of an unknown word holds the word alone, until ``suggesting`` explains it."""

    records: list[Record]
    refusals: list[Problem]
    warnings: list[Problem]
    warnings_total: int


def locate(form: Format, place: Place, field: str) -> dict[str, object]:
    """How a sender finds *field* of the row at *place*."""
    if form in ("csv", "xlsx"):
        return {"row": place.row, "line": place.line, "column": field}
    if form == "ndjson":
        return {"row": place.row, "line": place.line, "pointer": f"/{field}"}
    return {"row": place.row, "pointer": f"/observations/{place.row - 1}/{field.replace('.', '/')}"}


def problem(form: Format, place: Place, field: str, code: str, detail: str, **more: object) -> Problem:
    """A fault or a doubt about *field* of the row at *place*; the sender mends it unless *more* says otherwise."""
    return Problem(code=code, detail=detail, **({"owner": "sender"} | locate(form, place, field) | more))  # type: ignore[arg-type]


class Half(NamedTuple):
    """A row of which some fields could not be read: harmless values stand for them, and nothing is said of them."""

    place: Place
    row: Row
    wrong: frozenset[str]


class Doubt(NamedTuple):
    """A doubt about a row, put into words only when it is told: a million of them must cost little."""

    field: str
    text: str
    values: tuple[int, int]
    code: str = "parts-do-not-add-up"

    def told(self, form: Format, place: Place) -> Problem:
        """The doubt as the sender reads it."""
        return problem(form, place, self.field, self.code, self.text.format(*self.values), **_DATA_OWNER)


class _Subject(NamedTuple):
    """An LEA and an indicator of which some row was right, and the days on which another may speak of them."""

    lea_id: int
    indicator_id: int
    is_about_students: bool
    first_on: date
    last_on: date


class Check:
    """Checks rows of one push; answers that repeat from row to row are worked out once."""

    def __init__(self, form: Format, known: Known, defaults: Defaults) -> None:
        self._form = form
        self._known = known
        self._defaults = defaults
        self._about_students = {asked.indicator_id for asked in known.indicators.values() if asked.unit == "students"}
        # Only what is right is remembered: there is no end to what may be wrong.
        self._subjects: dict[tuple[str | UnsetType, str], _Subject] = {}

    def rows(self, rows: Rows, room: int) -> Checked:
        """Sort *rows* into records to be stored and problems to be told; warnings beyond *room* are only counted."""
        records: list[Record] = []
        refusals: list[Problem] = []
        warnings: list[Problem] = []
        doubted = 0
        faults: list[Fault] = []
        for number, line, row in zip(*rows, strict=True):
            if plain := self._plain(number, line, row):
                records.append(plain)
                continue
            record = self._row(number, line, row, faults)
            if record is None:
                place = Place(number, line)
                refusals.extend(problem(self._form, place, f.field, f.code, f.detail, **f.more) for f in faults)
                faults.clear()
                continue
            records.append(record)
            if doubts := self._doubts(record):
                doubted += len(doubts)
                if len(warnings) < room:
                    warnings.extend(doubt.told(self._form, Place(number, line)) for doubt in doubts)
        return Checked(records, refusals, warnings, doubted)

    def halves(self, halves: Sequence[Half]) -> Iterator[Problem]:
        """The faults of rows that could not be read as a whole, beyond those that kept them from being read."""
        for place, row, wrong in halves:
            faults: list[Fault] = []
            self._row(*place, row, faults)
            for fault in faults:
                if fault.field not in wrong:
                    yield problem(self._form, place, fault.field, fault.code, fault.detail, **fault.more)

    def _plain(self, number: int, line: int, row: Row) -> Record | None:
        """The record of *row* if it is like one that was right, and nothing in it can be doubted. Most rows are."""
        subject = self._subjects.get((row.lea, row.indicator))
        group = self._known.student_groups.get(row.student_group)
        if subject is None or group is None:
            return None
        lea_id, indicator_id, is_about_students, first_on, last_on = subject
        as_of, population, met, not_met = row.as_of, row.population, row.met, row.not_met
        not_applicable = 0 if row.not_applicable is UNSET else row.not_applicable
        # This is done for every row of a large push: what is called elsewhere stands here in place.
        enrolled = self._known.enrolled.get((lea_id, group), 0) if is_about_students else 0
        if (
            as_of is UNSET
            or not first_on <= as_of <= last_on
            or met + not_met + not_applicable > population
            or (enrolled > 0 and abs(population - enrolled) * FAR_FROM_ENROLLMENT > enrolled)
            or row.valid_until is not UNSET
            or row.met_by_family is not UNSET
            or row.met_by_lea is not UNSET
            or row.barrier_not_available is not UNSET
            or row.barrier_not_affordable is not UNSET
            or row.barrier_not_desired is not UNSET
            or row.barrier_other is not UNSET
        ):
            return None
        return (
            number, line, lea_id, indicator_id, group, as_of,
            population, met, not_met, not_applicable, row.evidence, None, None, None, None, None, None, None,
        )  # fmt: skip

    def _is_far(self, lea_id: int, group: int, population: int) -> bool:
        enrolled = self._known.enrolled.get((lea_id, group), 0)
        return enrolled > 0 and abs(population - enrolled) * FAR_FROM_ENROLLMENT > enrolled

    def _row(self, number: int, line: int, row: Row, faults: list[Fault]) -> Record | None:
        as_of = self._day(row, faults)
        lea = self._lea(row, as_of, faults)
        asked = self._indicator(row.indicator, lea, faults)
        group = self._known.student_groups.get(row.student_group)
        if group is None:
            faults.append(Fault("student_group", "unknown-group", row.student_group))
        not_applicable = 0 if row.not_applicable is UNSET else row.not_applicable
        if row.met > row.population - not_applicable:
            faults.append(too_many(row, not_applicable))
        valid_until = None if row.valid_until is UNSET else row.valid_until
        if valid_until and as_of and valid_until < as_of:
            detail = f"valid_until {valid_until} is before as_of {as_of}: it never counted."
            faults.append(Fault("valid_until", "invalid-period", detail))
        if faults or as_of is None or lea is None or asked is None or group is None:
            return None
        last_on = min(self._known.today, lea.valid_to - timedelta(days=1))
        self._subjects[row.lea, row.indicator] = _Subject(
            lea.lea_id, asked.indicator_id, asked.unit == "students", max(EARLIEST, lea.valid_from), last_on
        )
        return (
            number, line, lea.lea_id, asked.indicator_id, group, as_of,
            row.population, row.met, row.not_met, not_applicable, row.evidence, valid_until, *_parts(row),
        )  # fmt: skip

    def _day(self, row: Row, faults: list[Fault]) -> date | None:
        as_of = self._defaults.as_of if row.as_of is UNSET else row.as_of
        if as_of is None:
            detail = "There is no as_of, neither in the row nor for the whole push."
            faults.append(Fault("as_of", "missing-field", detail, {"suggestion": str(self._known.today)}))
        elif as_of > self._known.today:
            faults.append(Fault("as_of", "future-date", f"{as_of} is after today, {self._known.today}."))
        elif as_of < EARLIEST:
            detail = f"{as_of} is before {EARLIEST}, the first day that is kept."
            faults.append(Fault("as_of", "invalid-period", detail))
        else:
            return as_of
        return None

    def _lea(self, row: Row, as_of: date | None, faults: list[Fault]) -> Lea | None:
        cds = self._defaults.lea if row.lea is UNSET else row.lea
        if cds is None:
            faults.append(Fault("lea", "missing-field", "There is no lea, neither in the row nor for the whole push."))
            return None
        resolved = self._resolve(cds, as_of)
        if isinstance(resolved, Fault):
            faults.append(resolved)
            return None
        return resolved

    def _resolve(self, cds: str, as_of: date | None) -> Lea | Fault | None:
        """The LEA of *cds* on *as_of*; without a day, only whether the caller has such a code at all."""
        if fault := cds_fault(cds):
            return fault
        mine = self._known.leas.get(cds)
        if mine is None:
            return Fault("lea", "unknown-cds", cds)
        if as_of is None:
            return None
        lea = next((lea for lea in mine if lea.valid_from <= as_of < lea.valid_to), None)
        if lea is None:
            days = "; ".join(_period(lea) for lea in mine)
            return Fault("lea", "entity-closed", f"{cds} was not in use on {as_of}; it was {days}.", _DATA_OWNER)
        if lea.funding == "local":
            detail = "A locally funded charter is counted by the district that authorizes it, in the district's push."
            return Fault("lea", "reports-with-authorizer", detail, _DATA_OWNER)
        return lea

    def _indicator(self, code: str, lea: Lea | None, faults: list[Fault]) -> Asked | None:
        asked = self._known.indicators.get(code)
        if asked is None:
            faults.append(Fault("indicator", "unknown-indicator", code))
            return None
        if lea and lea.kind not in asked.asked_of:
            detail = f"{code} is asked of {', '.join(asked.asked_of)}, and {lea.cds} is a {lea.kind}."
            faults.append(Fault("indicator", "not-asked", detail, {"owner": "county"}))
            return None
        return asked

    def _doubts(self, record: Record) -> Sequence[Doubt]:
        _, _, lea_id, indicator_id, group, _, population, met, not_met, not_applicable, _, _, *parts = record
        doubts = []
        if met + not_met + not_applicable > population:
            doubts.append(Doubt("population", _PARTS, (met + not_met + not_applicable, population)))
        if parts != _NO_PARTS:
            doubts.extend(_doubts_of_parts(met, not_met, *(part or 0 for part in parts)))
        if indicator_id in self._about_students and self._is_far(lea_id, group, population):
            enrolled = self._known.enrolled[lea_id, group]
            doubts.append(Doubt("population", _FAR, (population, enrolled), "far-from-enrollment"))
        return doubts


def _doubts_of_parts(met: int, not_met: int, by_family: int, by_lea: int, *barriers: int) -> Iterator[Doubt]:
    if by_family + by_lea and by_family + by_lea != met:
        yield Doubt("met", _BY_WHOM, (by_family + by_lea, met))
    if sum(barriers) > not_met:
        yield Doubt("not_met", _BARRIERS, (sum(barriers), not_met))


def _period(lea: Lea) -> str:
    return f"from {lea.valid_from}" if lea.valid_to == date.max else f"from {lea.valid_from} until {lea.valid_to}"


def _parts(row: Row) -> _Parts:
    """The parts of a breakdown as they are staged."""
    parts = (
        row.met_by_family, row.met_by_lea,
        row.barrier_not_available, row.barrier_not_affordable, row.barrier_not_desired, row.barrier_other,
    )  # fmt: skip
    if parts == _NONE_SENT:
        return _NONE_KNOWN
    first, second, third, fourth, fifth, sixth = (None if part is UNSET else part for part in parts)
    return first, second, third, fourth, fifth, sixth
