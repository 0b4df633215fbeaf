"""Triage in the database: typed functions over queries.sql."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any, Final, NamedTuple
from uuid import UUID

import msgspec
from msgspec import Meta

from equityaccess.catalogue.reference import as_json
from equityaccess.database import Transaction, load_queries
from equityaccess.onboarding.playbook import Track
from equityaccess.onboarding.rules import WaitingOn
from equityaccess.onboarding.structs import ProgressRow, StatusRow
from equityaccess.triage.structs import Contact, EventKind, ItemEvent, ItemRow, ReasonCode, State
from equityaccess.triage.weights import Weights, read_weights

sql = load_queries(__file__)


class ItemKey(NamedTuple):
    """Where an item stands in the order: the highest score first."""

    less: Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)]  # the negative score
    item_id: UUID


CLUSTER: Final = 3  # LEAs, from which on a cause is the county's matter
FIRST: Final = ItemKey(-(2**31), UUID(int=0))


class ItemsWanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which items are asked for; None is any."""

    state: State | None
    assignee: str | None
    reason: ReasonCode | None
    wave: str | None
    track: Track | None


class NewEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event to be kept."""

    event_id: UUID
    item_id: UUID
    lea_id: int
    kind: EventKind
    at: datetime
    told_by: str
    key_id: UUID | None
    text: str | None
    score: int


class ClusterRow(msgspec.Struct, frozen=True, kw_only=True):
    """What blocks several LEAs in the same way, with their ids."""

    track: Track
    milestone: str
    waiting_on: WaitingOn
    reason: str
    lea_ids: list[int]
    since: datetime


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """The weights in force."""

    version: int
    weights: Weights


async def weights(tx: Transaction) -> Kept | None:
    """The weights in force; None before the first seed."""
    found = await tx.rows(sql.weights)
    return Kept(version=found[0][0], weights=read_weights(found[0][1])) if found else None


async def put_weights(tx: Transaction, document: str, now: datetime) -> list[str]:
    """Keep *document* as the next version, unless it is the one in force."""
    found = await tx.rows(sql.weights)
    if found and found[0][1] == document:
        return []
    return await tx.values(sql.put_weights, document=document, now=now)


async def statuses(tx: Transaction) -> list[StatusRow]:
    """What is under way or ahead, of every LEA that takes part."""
    return await tx.all(sql.statuses, StatusRow)


async def progress(tx: Transaction, lea_id: int | None = None) -> list[ProgressRow]:
    """How far each LEA is on each track, or one."""
    return await tx.all(sql.progress, ProgressRow, lea_id=lea_id)


async def versions(tx: Transaction) -> dict[tuple[int, Track], int]:
    """The version of the playbook of each LEA and track."""
    return {(lea_id, track): version for lea_id, track, version in await tx.rows(sql.versions)}


async def owed(tx: Transaction, today: date) -> dict[int, int]:
    """How many observations each LEA owes."""
    return dict(await tx.rows(sql.owed, today=today))


async def refused(tx: Transaction, since: datetime) -> set[int]:
    """The LEAs whose newest push was refused."""
    return set(await tx.values(sql.refused, since=since))


async def silent_feeds(tx: Transaction, now: datetime) -> set[int]:
    """The LEAs whose usual push did not come."""
    return set(await tx.values(sql.silent_feeds, now=now))


async def newest_items(tx: Transaction) -> dict[int, ItemRow]:
    """Of each LEA the open item, else the one that closed last."""
    return {row.lea_id: row for row in await tx.all(sql.newest_items, ItemRow)}


async def keep(
    tx: Transaction,
    opened: Sequence[dict[str, Any]],
    rescored: Sequence[dict[str, Any]],
    events: Sequence[NewEvent],
    version: int,
    now: datetime,
) -> None:
    """Keep what a run of the job found."""
    if opened:
        await tx.execute(sql.put_items, rows=msgspec.json.encode(opened).decode(), weights_version=version, now=now)
    if rescored:
        rows = msgspec.json.encode(rescored).decode()
        await tx.execute(sql.rescore_items, rows=rows, weights_version=version, now=now)
    await put_events(tx, events)


async def put_events(tx: Transaction, events: Sequence[NewEvent]) -> None:
    """Keep what happened to items."""
    if events:
        await tx.execute(sql.put_events, rows=as_json(events))


async def items(tx: Transaction, wanted: ItemsWanted, after: ItemKey, today: date, limit: int) -> list[ItemRow]:
    """Items by score, the highest first, after a key."""
    return await tx.all(
        sql.items,
        ItemRow,
        **msgspec.structs.asdict(wanted),
        today=today,
        after_score=after.less,
        after_id=after.item_id,
        limit=limit,
    )


async def item(tx: Transaction, item_id: UUID, *, to_change: bool = False) -> ItemRow | None:
    """One item; locked when it is *to_change*."""
    return await tx.one(sql.item_for_change if to_change else sql.item_by_id, ItemRow, item_id=item_id)


async def change(tx: Transaction, row: ItemRow) -> None:
    """Keep what people may change of an item."""
    await tx.execute(
        sql.change_item,
        item_id=row.item_id,
        assignee=row.assignee,
        snoozed_until=row.snoozed_until,
        closed_at=row.closed_at,
        resolved_with=row.resolved_with,
    )


async def events(tx: Transaction, item_id: UUID) -> list[ItemEvent]:
    """All that happened to an item, newest first."""
    return await tx.all(sql.events, ItemEvent, item_id=item_id)


async def clusters(tx: Transaction) -> list[ClusterRow]:
    """What blocks three LEAs or more in the same way."""
    return await tx.all(sql.clusters, ClusterRow, least=CLUSTER)


async def contacts(tx: Transaction, lea_id: int) -> list[Contact]:
    """The last three contacts with an LEA."""
    return await tx.all(sql.contacts, Contact, lea_id=lea_id)


async def names(tx: Transaction, lea_ids: Sequence[int], today: date) -> dict[int, tuple[str, str]]:
    """Code and name of LEAs."""
    return {lea_id: (code, name) for lea_id, code, name in await tx.rows(sql.names, lea_ids=lea_ids, today=today)}


async def waves(tx: Transaction, lea_ids: Sequence[int]) -> dict[int, list[str]]:
    """The waves of LEAs."""
    found: dict[int, list[str]] = {}
    for lea_id, code in await tx.rows(sql.waves, lea_ids=lea_ids):
        found.setdefault(lea_id, []).append(code)
    return found
