"""The log and its seals, to and from PostgreSQL."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from equityaccess.audit.structs import AuditEntry, Entry, Kept, Origin, Seal
from equityaccess.database import Transaction, load_queries

sql = load_queries(__file__)
_SEALS_AT_A_TIME = 500


def _as_json(entries: Sequence[Entry]) -> str:
    lines: list[dict[str, Any]] = []
    for entry in entries:
        line = msgspec.structs.asdict(entry)
        origin: Origin = line.pop("origin")
        lines.append(line | msgspec.structs.asdict(origin))
    return msgspec.json.encode(lines).decode()


async def write(tx: Transaction, *entries: Entry) -> None:
    """Put *entries* on record, in the transaction that they are about: they stand if it does."""
    await tx.execute(sql.write, entries=_as_json(entries))


async def write_quickly(tx: Transaction, entries: Sequence[Entry]) -> None:
    """Put *entries* on record in a transaction that does nothing else, and let its commit not wait for the disk."""
    await tx.execute(sql.write_quickly, entries=_as_json(entries))


async def last_seal(tx: Transaction) -> Seal | None:
    """The end of the chain."""
    return await tx.one(sql.last_seal, Seal)


async def settled(tx: Transaction, floor_id: int) -> int:
    """The entry up to which nothing more can come; *floor_id* where that is as before."""
    return await tx.value(sql.settled, floor_id=floor_id) or floor_id


async def unsealed(tx: Transaction, floor_id: int, most: int) -> list[Kept]:
    """Up to *most* entries above *floor_id* that are in no seal, in order."""
    return await tx.all(sql.unsealed, Kept, floor_id=floor_id, most=most)


async def now_running(tx: Transaction) -> int:
    """A number above that of every transaction that has one."""
    number: int = await tx.value(sql.now_running)
    return number


async def put_seal(tx: Transaction, seal: Seal) -> None:
    """Add *seal* to the chain."""
    await tx.execute(sql.put_seal, **msgspec.structs.asdict(seal))


async def seal_by_id(tx: Transaction, seal_id: int) -> Seal | None:
    """The seal with this number."""
    return await tx.one(sql.seal_by_id, Seal, seal_id=seal_id)


async def chain(tx: Transaction) -> AsyncIterator[tuple[Seal, dict[int, Kept]]]:
    """Every seal in order, with those of its entries that are there."""
    after = -(2**62)
    while seals := await tx.all(sql.seals_after, Seal, seal_id=after, most=_SEALS_AT_A_TIME):
        ids = [entry_id for seal in seals for entry_id in seal.entry_ids]
        kept = {entry.entry_id: entry for entry in await tx.all(sql.entries_by_id, Kept, entry_ids=ids)}
        for seal in seals:
            yield seal, kept
        after = seals[-1].seal_id


async def in_no_seal(tx: Transaction) -> list[int]:
    """The entries that are in no seal."""
    return await tx.values(sql.in_no_seal)


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """Which entries are asked for; None is any that the transaction sees."""

    action: str | None
    key_id: UUID | None
    from_at: datetime | None
    to_at: datetime | None


class _Found(Kept, frozen=True, kw_only=True):
    leas: list[str]


async def entries(
    tx: Transaction, asked: Asked, shown_leas: Sequence[int], *, sees_every_lea: bool, before: int | None, limit: int
) -> list[AuditEntry]:
    """Up to *limit* entries older than *before*, newest first, naming those of their LEAs that the reader may see."""
    values = msgspec.structs.asdict(asked)
    found = await tx.all(
        sql.entries, _Found, shown_leas=shown_leas, sees_every_lea=sees_every_lea, before=before, limit=limit, **values
    )
    return [_answered(one) for one in found]


def _answered(found: _Found) -> AuditEntry:
    fields = msgspec.structs.asdict(found)
    del fields["lea_ids"]
    for name in ("parameters", "before", "after"):
        fields[name] = None if fields[name] is None else msgspec.json.decode(fields[name])
    return AuditEntry(**fields)
