"""Onboarding in the database: typed functions over queries.sql."""

import functools
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from uuid import UUID

from equityaccess.business_time import BusinessTime
from equityaccess.catalogue.reference import as_json
from equityaccess.database import Transaction, load_queries
from equityaccess.onboarding.dates import Blackout
from equityaccess.onboarding.playbook import Playbook, PlaybookRow, Track, playbook
from equityaccess.onboarding.progress import Onboarded
from equityaccess.onboarding.structs import (
    Duration,
    EventRow,
    Participation,
    ProgressRow,
    StatusRow,
    TookRow,
    WaveOut,
)

sql = load_queries(__file__)
TRACKS: tuple[Track, ...] = ("FIN", "HCM")


async def playbook_rows(tx: Transaction, version: int | None = None) -> list[PlaybookRow]:
    """The rows of one version, or of all."""
    return await tx.all(sql.playbook_rows, PlaybookRow, version=version)


async def newest_playbook(tx: Transaction) -> int | None:
    """The newest version."""
    version: int | None = await tx.value(sql.newest_playbook)
    return version


async def playbooks(tx: Transaction) -> dict[tuple[int, Track], Playbook]:
    """Every version of each track."""
    rows: dict[int, list[PlaybookRow]] = {}
    for row in await playbook_rows(tx):
        rows.setdefault(row.version, []).append(row)
    return {(version, track): playbook(some, track) for version, some in rows.items() for track in TRACKS}


async def calendar(tx: Transaction) -> BusinessTime:
    """The county's business days."""
    return _calendar(frozenset(await tx.values(sql.holidays)))


@functools.lru_cache(maxsize=8)
def _calendar(holidays: frozenset[date]) -> BusinessTime:
    """To lay out twenty years of days takes longer than a small push may."""
    return BusinessTime(holidays)


async def blackouts(tx: Transaction) -> list[Blackout]:
    """Every blackout."""
    return await tx.all(sql.blackouts, Blackout)


async def waves(tx: Transaction) -> list[WaveOut]:
    """Every wave, with how many of the LEAs in it this transaction sees."""
    return await tx.all(sql.waves, WaveOut)


async def participations(
    tx: Transaction, lea_ids: Sequence[int] | None = None, wave: str | None = None, track: Track | None = None
) -> list[Participation]:
    """Who takes part; None is any that the transaction sees."""
    return await tx.all(sql.participations, Participation, lea_ids=lea_ids, wave=wave, track=track)


async def lock_leas(tx: Transaction, lea_ids: Iterable[int]) -> None:
    """Be the only writer of these LEAs' events until the transaction ends; in one order, so none waits in a circle."""
    await tx.value(sql.lock_leas, lea_ids=sorted(set(lea_ids)))


async def events(tx: Transaction, lea_ids: Sequence[int] | None) -> list[EventRow]:
    """The events of *lea_ids*, or of every LEA, by LEA and track as they happened."""
    return await tx.all(sql.events, EventRow, lea_ids=lea_ids)


async def known_events(tx: Transaction, key_id: UUID, external_ids: Sequence[str]) -> dict[str, EventRow]:
    """What this key has told before, by its own names."""
    found = await tx.all(sql.known_events, EventRow, key_id=key_id, external_ids=external_ids)
    return {row.external_id: row for row in found}


async def put_events(tx: Transaction, rows: Sequence[EventRow]) -> None:
    """Add *rows*."""
    await tx.execute(sql.put_events, rows=as_json(rows))


async def took(tx: Transaction) -> list[TookRow]:
    """How long LEAs took."""
    return await tx.all(sql.took, TookRow)


async def durations(tx: Transaction) -> list[Duration]:
    """When every milestone that is done began and ended."""
    return await tx.all(sql.durations, Duration)


async def keep_took(tx: Transaction, rows: Sequence[TookRow]) -> None:
    """Put *rows* in the place of what was known."""
    await tx.execute(sql.forget_took)
    await tx.execute(sql.put_took, rows=as_json(rows))


async def keep(
    tx: Transaction, statuses: Sequence[StatusRow], progress: Sequence[ProgressRow], week_ending: date, now: datetime
) -> None:
    """Put what was worked out for some LEAs and tracks in the place of what was known of them."""
    leas = [row.lea_id for row in progress]
    tracks = [row.track for row in progress]
    await tx.execute(sql.forget_statuses, lea_ids=leas, tracks=tracks)
    await tx.execute(sql.put_statuses, rows=as_json(statuses))
    await tx.execute(sql.forget_week, lea_ids=leas, tracks=tracks, week_ending=week_ending)
    await tx.execute(sql.put_progress, rows=as_json(progress), now=now)


async def statuses(tx: Transaction, lea_id: int) -> list[StatusRow]:
    """The milestones of an LEA, by track and planned day."""
    return await tx.all(sql.statuses, StatusRow, lea_id=lea_id)


async def wave_statuses(tx: Transaction, wave: str) -> list[StatusRow]:
    """The milestones of everyone in *wave*, by LEA."""
    return await tx.all(sql.wave_statuses, StatusRow, wave=wave)


async def progress(
    tx: Transaction,
    lea_ids: Sequence[int] | None = None,
    wave: str | None = None,
    track: Track | None = None,
    *,
    every_week: bool = False,
) -> list[ProgressRow]:
    """The progress of who takes part, of the newest week or of every one."""
    return await tx.all(sql.progress, ProgressRow, lea_ids=lea_ids, wave=wave, track=track, every_week=every_week)


class _OfTrack(Onboarded, frozen=True, kw_only=True):
    track: Track


async def together(tx: Transaction) -> dict[Track, Onboarded]:
    """The figures of each track that anybody takes part in; needs a reader of every LEA."""
    return {found.track: found for found in await tx.all(sql.together, _OfTrack)}


async def merge_waves(tx: Transaction, rows: str) -> list[str]:
    """Bring waves up to *rows*, a JSON array; what was done to each."""
    return await tx.values(sql.merge_waves, rows=rows)


async def merge_participations(tx: Transaction, rows: str) -> list[str]:
    """Bring participations up to *rows*, a JSON array; what was done to each."""
    return await tx.values(sql.merge_participations, rows=rows)
