"""How good the figures are: who was not heard from, what was due and came, and whose figures moved."""

from datetime import date, datetime
from uuid import UUID

import msgspec

from equityaccess.coverage.store import COUNTY, Pair, sql
from equityaccess.database import Transaction


class UnheardLea(msgspec.Struct, frozen=True, kw_only=True):
    """An LEA that is asked and was not heard from."""

    code: str
    name: str


async def unheard_leas(tx: Transaction, pair: Pair, today: date) -> list[UnheardLea]:
    """The county's LEAs that are asked about *pair* and told nothing that counts; needs a reader of every LEA."""
    return await tx.all(sql.unheard_leas, UnheardLea, county=COUNTY, today=today, **msgspec.structs.asdict(pair))


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """What one LEA said that a figure was added up from, and the receipt of it."""

    lea: str
    lea_name: str
    as_of: date
    base: int
    met: int
    evidence: str
    recorded_at: datetime
    submission_id: UUID


async def sources(tx: Transaction, pair: Pair, today: date, *, lea_id: int | None, kind: str | None) -> list[Source]:
    """What the newest figure of *pair* is added up from, of the county, a kind or an LEA, the largest LEA first."""
    wanted = msgspec.structs.asdict(pair)
    return await tx.all(sql.sources, Source, county=COUNTY, today=today, lea_id=lea_id, kind=kind, **wanted)


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """Of one indicator: what was expected and what came."""

    indicator: str
    expected: int
    received: int
    on_time: int
    leas_expected: int
    leas_heard: int


class Mover(msgspec.Struct, frozen=True, kw_only=True):
    """What an LEA told of a measure and group on a day and tells now; None where nothing counts."""

    lea_id: int
    met_before: int | None
    base_before: int | None
    met_now: int | None
    base_now: int | None
    as_of: date | None  # of what counts now
    reached: int  # more people than before; negative where fewer


async def movers(tx: Transaction, indicator: str, student_group: str, since: date, limit: int) -> list[Mover]:
    """Whose figures are not what they were on the day *since*, who moved most people first."""
    return await tx.all(sql.movers, Mover, indicator=indicator, student_group=student_group, since=since, limit=limit)


async def completeness(
    tx: Transaction, lea_id: int | None, kind: str | None, indicator: str | None, due: tuple[date, date]
) -> list[Expected]:
    """What was due between two days, by indicator; needs a reader of every LEA unless *lea_id* is the caller's."""
    return await tx.all(
        sql.completeness, Expected, lea_id=lea_id, kind=kind, indicator=indicator, from_on=due[0], to_on=due[1]
    )
