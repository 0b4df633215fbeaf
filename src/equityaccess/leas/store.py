"""The directory: LEAs by their codes, with periods, enrollment and what is expected of them."""

from collections.abc import Sequence
from datetime import date

import msgspec

from equityaccess.catalogue.reference import as_json
from equityaccess.database import Transaction, load_queries
from equityaccess.leas.answers import IdentifierOut, LeaOut, PeriodOut
from equityaccess.leas.changes import Held
from equityaccess.leas.structs import (
    Enrollment,
    GroupCount,
    Identifier,
    IdentifierEnd,
    Kind,
    KnownLea,
    Period,
    PeriodEnd,
    Scheme,
)

sql = load_queries(__file__)


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which LEAs to list; what is None does not narrow."""

    on_day: date
    q: str | None = None
    kind: Kind | None = None
    county: str | None = None
    authorizer_id: int | None = None


async def known_leas(tx: Transaction) -> list[KnownLea]:
    """Every CDS code that names or named an LEA, by code."""
    return await tx.all(sql.known_leas, KnownLea)


async def leas_by_code(tx: Transaction) -> dict[tuple[Scheme, str], int]:
    """The LEA of every code, present or former; of two that had the same code, the later."""
    return {(scheme, code): lea_id for scheme, code, lea_id in await tx.rows(sql.leas_by_code)}


async def add_leas(tx: Transaction, count: int) -> list[int]:
    """*count* new LEAs, without names or codes yet."""
    return await tx.values(sql.add_leas, count=count)


async def add_history(tx: Transaction, periods: Sequence[Period], identifiers: Sequence[Identifier]) -> None:
    """Write what is true of LEAs, and by which codes they go."""
    await tx.execute(sql.add_periods, rows=as_json(periods))
    await tx.execute(sql.add_identifiers, rows=as_json(identifiers))


async def merge_enrollment(tx: Transaction, counts: Sequence[Enrollment]) -> list[str]:
    """Write enrollment; what ``merge_action()`` said of each row that changed."""
    return await tx.values(sql.merge_enrollment, rows=as_json(counts))


async def plan_expectations(tx: Transaction, from_on: date, to_on: date) -> list[str]:
    """Bring what is expected in [from_on, to_on) up to the directory; both are the first day of a school year.

    What ``merge_action()`` said of each row that changed.
    """
    return await tx.values(sql.merge_expectations, from_on=from_on, to_on=to_on)


async def leas_on(tx: Transaction, wanted: Wanted, *, after: tuple[str, str] | None, limit: int) -> list[LeaOut]:
    """The LEAs that were open on a day, as they were then, by name and code, from the one that follows *after*."""
    after_name, after_code = after or (None, None)
    narrowed = msgspec.structs.asdict(wanted)
    return await tx.all(sql.leas_on, LeaOut, **narrowed, after_name=after_name, after_code=after_code, limit=limit)


async def code(tx: Transaction, lea_id: int, on_day: date) -> str:
    """The code by which an LEA goes on a day: its last one, once it is closed."""
    return str(await tx.value(sql.code, lea_id=lea_id, on_day=on_day))


async def codes(tx: Transaction, on_day: date) -> dict[int, str]:
    """The code by which each LEA goes on a day."""
    return dict(await tx.rows(sql.codes, on_day=on_day))


async def named(tx: Transaction, on_day: date) -> dict[int, tuple[str, str]]:
    """The code by which each LEA goes on a day, and its latest name."""
    return {lea_id: (code, name) for lea_id, code, name in await tx.rows(sql.named, on_day=on_day) if name}


async def periods(tx: Transaction, lea_id: int, on_day: date) -> list[PeriodOut]:
    """The history of an LEA, the oldest first; authorizers by the codes they go by on *on_day*."""
    return await tx.all(sql.periods, PeriodOut, lea_id=lea_id, on_day=on_day)


async def identifiers(tx: Transaction, lea_id: int) -> list[IdentifierOut]:
    """Every code an LEA has or had, the oldest first."""
    return await tx.all(sql.identifiers, IdentifierOut, lea_id=lea_id)


async def enrollment(tx: Transaction, lea_id: int) -> list[GroupCount]:
    """The students of an LEA by school year and group, as they were published."""
    return await tx.all(sql.enrollment, GroupCount, lea_id=lea_id)


async def charters_count(tx: Transaction, lea_id: int, on_day: date) -> int:
    """How many charters an LEA authorizes on a day."""
    return int(await tx.value(sql.charters_count, lea_id=lea_id, on_day=on_day))


async def held_on(tx: Transaction, as_of: date) -> list[Held]:
    """Every LEA with a CDS code, as the directory has it on a day."""
    return await tx.all(sql.held_on, Held, as_of=as_of)


async def newest_change(tx: Transaction) -> date | None:
    """The last day on which the directory knows of anything beginning or ending."""
    found: date | None = await tx.value(sql.newest_change)
    return found


async def end_history(tx: Transaction, periods: Sequence[PeriodEnd], identifiers: Sequence[IdentifierEnd]) -> None:
    """Let what is true of LEAs, and codes of theirs, end; what began on the same day goes."""
    await tx.execute(sql.end_periods, rows=as_json(periods))
    await tx.execute(sql.end_identifiers, rows=as_json(identifiers))
