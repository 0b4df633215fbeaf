"""Journal first: the bytes of a push are kept as they come, before anybody looks into them."""

import asyncio
import hashlib
import zlib
from collections.abc import AsyncIterator
from datetime import datetime
from uuid import UUID, uuid4

from equityaccess.access.structs import Caller
from equityaccess.database import Database, Transaction
from equityaccess.problems import MalformedRequest, TooLarge
from equityaccess.submissions import store
from equityaccess.submissions.store import Journaled

PART_BYTES = 1 << 20
_LEVEL = 1  # counts repeat so much that a higher level gains little and costs a lot


async def receive(
    db: Database,
    caller: Caller,
    body: AsyncIterator[bytes],
    *,
    content_type: str,
    parameters: str,
    now: datetime,
    most_bytes: int,
) -> Journaled:
    """Keep the bytes of *body*, committed, and say what came.

    A body that ends early, or grows beyond *most_bytes*, stays in the journal as far as it came, and is refused.
    """
    submission_id, size, digest, part, is_open = uuid4(), 0, hashlib.sha256(), bytearray(), False
    parts = 0

    def line() -> Journaled:
        return Journaled(
            submission_id=submission_id,
            received_at=now,
            content_type=content_type,
            parameters=parameters,
            byte_count=size,
            sha256=digest.digest(),
        )

    try:
        async for piece in body:
            size += len(piece)
            if size > most_bytes:
                raise TooLarge(f"The body is larger than {most_bytes} bytes. Send it in several pushes.")
            digest.update(piece)
            part += piece
            if len(part) >= PART_BYTES:
                async with db.transaction(leas=caller.lea_ids) as tx:
                    if not is_open:
                        await store.receive(tx, caller.key_id, caller.lea_ids, line(), is_whole=False)
                        is_open = True
                    await _keep(tx, submission_id, parts, part)
                parts, part = parts + 1, bytearray()
    except BaseException as error:
        if is_open or part:
            await asyncio.shield(_give_up(db, caller, line(), parts, part, is_open=is_open, error=error, now=now))
        if isinstance(error, TooLarge | asyncio.CancelledError):
            raise
        raise MalformedRequest(f"The body ended early, after {size} bytes; nothing was applied.") from error
    async with db.transaction(leas=caller.lea_ids) as tx:
        if is_open:
            await store.complete(tx, submission_id, size, digest.digest())
        else:
            await store.receive(tx, caller.key_id, caller.lea_ids, line(), is_whole=True)
        if part or not parts:
            await _keep(tx, submission_id, parts, part)
    return line()


async def _keep(tx: Transaction, submission_id: UUID, part: int, raw: bytearray) -> None:
    deflated = zlib.compress(raw, _LEVEL) if len(raw) < 65_536 else await asyncio.to_thread(zlib.compress, raw, _LEVEL)
    await store.keep_part(tx, submission_id, part, deflated)


async def _give_up(
    db: Database,
    caller: Caller,
    line: Journaled,
    parts: int,
    part: bytearray,
    *,
    is_open: bool,
    error: BaseException,
    now: datetime,
) -> None:
    async with db.transaction(leas=caller.lea_ids) as tx:
        if not is_open:
            await store.receive(tx, caller.key_id, caller.lea_ids, line, is_whole=False)
        await _keep(tx, line.submission_id, parts, part)
        status = error.status if isinstance(error, TooLarge) else MalformedRequest.status
        await store.decide(tx, line.submission_id, "incomplete", status, None, now)


async def body(tx: Transaction, submission_id: UUID) -> AsyncIterator[bytes]:
    """The bytes of a push, part by part, as they came."""
    number = 0
    while (deflated := await store.part_of_body(tx, submission_id, number)) is not None:
        yield (
            zlib.decompress(deflated) if len(deflated) < 65_536 else await asyncio.to_thread(zlib.decompress, deflated)
        )
        number += 1
