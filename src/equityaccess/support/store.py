"""Support in the database: typed functions over queries.sql."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

import msgspec

from equityaccess.catalogue.reference import as_json
from equityaccess.database import Transaction, load_queries
from equityaccess.onboarding.playbook import Track
from equityaccess.support.structs import (
    CountRow,
    EventRow,
    GivenRow,
    HolidayIn,
    HolidayRow,
    SupportTarget,
    TicketRow,
    TopicRow,
)

sql = load_queries(__file__)


class EventsWanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which events a caller asks for; None is any."""

    lea_id: int | None = None
    track: Track | None = None
    kind: str | None = None
    from_at: datetime | None = None
    until_at: datetime | None = None


class CountsWanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which counts a caller asks for; None is any."""

    lea_id: int | None
    track: Track | None
    from_on: date | None
    to_on: date | None


class PeriodWanted(msgspec.Struct, frozen=True, kw_only=True):
    """Whose support in which period; no LEAs are none, and None is every one that the transaction sees."""

    lea_ids: Sequence[int] | None
    track: Track | None
    from_at: datetime
    until_at: datetime


async def topics(tx: Transaction) -> list[TopicRow]:
    """What support can be about."""
    return await tx.all(sql.topics, TopicRow)


async def targets(tx: Transaction) -> list[SupportTarget]:
    """How fast support is to be, the earliest first."""
    return await tx.all(sql.targets, SupportTarget)


async def put_events(tx: Transaction, rows: Sequence[EventRow]) -> int:
    """Add those of *rows* whose name the sender has not used; how many."""
    return await tx.execute(sql.put_events, rows=as_json(rows))


async def known_events(tx: Transaction, key_id: UUID, external_ids: Sequence[str]) -> dict[str, EventRow]:
    """What this key has told before, by its own names."""
    found = await tx.all(sql.known_events, EventRow, key_id=key_id, external_ids=external_ids)
    return {row.external_id: row for row in found}


async def ticket_events(
    tx: Transaction, lea_ids: Sequence[int], tickets: Sequence[str]
) -> dict[tuple[int, str], list[TicketRow]]:
    """What happened to these tickets, by LEA and ticket."""
    return _by_ticket(await tx.all(sql.ticket_events, TicketRow, lea_ids=lea_ids, tickets=tickets))


async def tickets_opened(tx: Transaction, wanted: PeriodWanted) -> dict[tuple[int, str], list[TicketRow]]:
    """Everything that happened, until the period's end, to the tickets opened in it, by LEA and ticket."""
    return _by_ticket(await tx.all(sql.tickets_opened, TicketRow, **_values(wanted)))


def _by_ticket(rows: Sequence[TicketRow]) -> dict[tuple[int, str], list[TicketRow]]:
    found: dict[tuple[int, str], list[TicketRow]] = {}
    for row in rows:
        found.setdefault((row.lea_id, row.ticket), []).append(row)
    return found


async def sessions_named(tx: Transaction, event_ids: Sequence[UUID]) -> dict[UUID, int]:
    """Those of these events that are sessions, with the LEA that had them."""
    return dict(await tx.rows(sql.sessions_named, event_ids=event_ids))


async def events_page(
    tx: Transaction, wanted: EventsWanted, after: tuple[datetime, UUID] | None, limit: int
) -> list[EventRow]:
    """Up to *limit* events, newest first, that follow *after*."""
    after_at, after_id = after or (None, None)
    return await tx.all(sql.events_page, EventRow, **_values(wanted), after_at=after_at, after_id=after_id, limit=limit)


async def known_counts(tx: Transaction, rows: Sequence[CountRow]) -> dict[tuple[int, Track, date], CountRow]:
    """The newest word on the days of *rows*."""
    found = await tx.all(
        sql.known_counts,
        CountRow,
        lea_ids=[row.lea_id for row in rows],
        tracks=[row.track for row in rows],
        days=[row.day for row in rows],
    )
    return {(row.lea_id, row.track, row.day): row for row in found}


async def put_counts(tx: Transaction, rows: Sequence[CountRow]) -> None:
    """Add *rows*, each the next revision of its day."""
    await tx.execute(sql.put_counts, rows=as_json(rows))


async def counts_page(
    tx: Transaction, wanted: CountsWanted, after: tuple[date, int, Track] | None, limit: int
) -> list[CountRow]:
    """Up to *limit* of the newest words on each day, the newest day first, that follow *after*."""
    after_day, after_lea, after_track = after or (None, None, None)
    return await tx.all(
        sql.counts_page,
        CountRow,
        **_values(wanted),
        after_day=after_day,
        after_lea=after_lea,
        after_track=after_track,
        limit=limit,
    )


async def newest_counts(
    tx: Transaction, lea_ids: Sequence[int] | None, track: Track | None, from_on: date, to_on: date
) -> list[CountRow]:
    """The newest count in a period of each LEA and track."""
    return await tx.all(sql.newest_counts, CountRow, lea_ids=lea_ids, track=track, from_on=from_on, to_on=to_on)


async def given(tx: Transaction, wanted: PeriodWanted, recent_at: datetime) -> list[GivenRow]:
    """What each LEA was given; tickets since *recent_at* are counted as recent."""
    return await tx.all(sql.given, GivenRow, **_values(wanted), recent_at=recent_at)


async def holidays(tx: Transaction, lea_ids: Sequence[int] | None) -> dict[int, list[HolidayRow]]:
    """The days on which LEAs are closed, by LEA."""
    found: dict[int, list[HolidayRow]] = {}
    for row in await tx.all(sql.holidays, HolidayRow, lea_ids=lea_ids):
        found.setdefault(row.lea_id, []).append(row)
    return found


async def replace_holidays(tx: Transaction, lea_id: int, rows: Sequence[HolidayIn]) -> None:
    """Put *rows* in the place of the LEA's days."""
    await tx.execute(sql.forget_holidays, lea_id=lea_id)
    await tx.execute(sql.put_holidays, lea_id=lea_id, rows=as_json(rows))


def _values(wanted: msgspec.Struct) -> dict[str, object]:
    return msgspec.structs.asdict(wanted)
