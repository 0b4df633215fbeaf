"""The rows that are pushed and copied: real LEAs, indicators and groups, with made-up counts that pass the rules."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from itertools import islice
from uuid import UUID

import msgspec

from equityaccess.submissions.rules import EARLIEST, Known

INDICATORS = ("home_internet", "home_internet_100_20", "device", "parent_portal", "digital_literacy", "parent_workshop")
STUDENT_GROUPS = ("ALL", "AA", "AS", "FI", "HI", "WH", "MR", "EL", "SED", "SWD", "FOS", "HOM")
COPY_COLUMNS = (
    "lea_id", "indicator_id", "student_group_id", "as_of", "revision",
    "population", "met", "not_met", "not_applicable", "evidence", "submission_id", "recorded_at",
)  # fmt: skip
_UNKNOWN_ENROLLMENT = 400
_encode = msgspec.json.Encoder().encode


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """What one LEA reports about one indicator and group, week after week."""

    lea_id: int
    cds: str
    indicator_id: int
    indicator: str
    student_group_id: int
    student_group: str
    population: int

    def counts(self, as_of: date, shift: int) -> tuple[int, int, int]:
        """Population, met and not met on *as_of*: 70 to 79 %, so that few rows are jumps; each *shift* tells others."""
        population = self.population + shift
        met = population * (70 + ((as_of - EARLIEST).days + self.lea_id) % 10) // 100
        return population, met, (population - met) * 3 // 5


Told = tuple[Cell, date]


def cells(known: Known, oldest: date) -> list[Cell]:
    """Every cell that can be reported on every day from *oldest* until today, in the order of the ids."""
    reporters = sorted(
        {
            (lea.lea_id, lea.cds)
            for leas in known.leas.values()
            for lea in leas
            if lea.funding != "local"
            and lea.kind in known.indicators[INDICATORS[0]].asked_of
            and lea.valid_from <= oldest
            and known.today < lea.valid_to
        }
    )
    return [
        Cell(
            lea_id=lea_id,
            cds=cds,
            indicator_id=known.indicators[indicator].indicator_id,
            indicator=indicator,
            student_group_id=known.student_groups[group],
            student_group=group,
            population=_population(known, lea_id, group),
        )
        for lea_id, cds in reporters
        for indicator in INDICATORS
        for group in STUDENT_GROUPS
    ]


def _population(known: Known, lea_id: int, group: str) -> int:
    """What is enrolled, so that no row is doubted; never more than the group ALL, so that none is refused."""
    everybody = known.enrolled.get((lea_id, known.student_groups["ALL"]), _UNKNOWN_ENROLLMENT)
    return min(everybody, known.enrolled.get((lea_id, known.student_groups[group]), everybody // 4))


def told(cells: Sequence[Cell], days: Sequence[date], count: int) -> list[Told]:
    """The first *count* rows of *cells* on *days*, day after day as a nightly export would have them."""
    found = list(islice(((cell, day) for day in days for cell in cells), count))
    if len(found) < count:
        raise ValueError(f"{len(cells)} cells on {len(days)} days make {len(found)} rows, {count} are needed")
    return found


def ndjson(rows: Iterable[Told], shift: int) -> bytes:
    """The body of a push of *rows*."""
    return b"".join(_lines(rows, shift))


def _lines(rows: Iterable[Told], shift: int) -> Iterator[bytes]:
    for cell, as_of in rows:
        yield _encode(observation(cell, as_of, shift) | {"lea": cell.cds, "as_of": as_of})
        yield b"\n"


def observation(cell: Cell, as_of: date, shift: int) -> dict[str, object]:
    """The fields of one row, without its LEA and day."""
    population, met, not_met = cell.counts(as_of, shift)
    return {
        "indicator": cell.indicator,
        "student_group": cell.student_group,
        "population": population,
        "met": met,
        "not_met": not_met,
        "not_applicable": 0,
        "evidence": "C",
    }


def records(
    rows: Iterable[Told], shift: int, revision: int, submission_id: UUID, now: datetime
) -> list[tuple[object, ...]]:
    """The same rows as a push of *rows* stores them, in the order of COPY_COLUMNS."""
    return [
        (
            cell.lea_id, cell.indicator_id, cell.student_group_id, as_of, revision,
            *cell.counts(as_of, shift), 0, "C", submission_id, now,
        )
        for cell, as_of in rows
    ]  # fmt: skip
