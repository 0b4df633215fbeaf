"""Journal first: the bytes of a push are kept as they come, before anybody looks into them."""

import asyncio
import hashlib
import zlib
from collections.abc import AsyncIterator
from datetime import datetime
from uuid import UUID, uuid4

from equityaccess import personal
from equityaccess.access.structs import Caller
from equityaccess.database import Database, Transaction
from equityaccess.problems import MalformedRequest, Problem, TooLarge, TooSlow
from equityaccess.submissions import store
from equityaccess.submissions.store import Journaled

PART_BYTES = 1 << 20
_PARTS_SEARCHED = 4  # for what is personal: who sends such a file does so from its first rows on
_LEVEL = 1  # counts repeat so much that a higher level gains little and costs a lot
_SMALL = 65_536  # bytes that are not worth a thread


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

    A body that ends early, stops coming, or grows beyond *most_bytes*, stays in the journal as far as it came, and is
    refused.
    """
    entry = _Entry(db, caller, content_type, parameters, now)
    try:
        async for piece in _pieces(body, most_bytes):
            await entry.take(piece)
    except (TooLarge, TooSlow, MalformedRequest) as refusal:
        await entry.give_up(refusal.status)
        raise
    except asyncio.CancelledError:
        await asyncio.shield(entry.give_up(MalformedRequest.status))
        raise
    return await entry.close()


class _Entry:
    """A body on its way into the journal: how much of it came, and which part of that is not kept yet."""

    def __init__(self, db: Database, caller: Caller, content_type: str, parameters: str, now: datetime) -> None:
        self._db = db
        self._caller = caller
        self._content_type = content_type
        self._parameters = parameters
        self._now = now
        self._submission_id = uuid4()
        self._size = 0
        self._digest = hashlib.sha256()
        self._part = bytearray()
        self._parts = 0

    async def take(self, piece: bytes) -> None:
        """Add *piece*, and keep what has come when it is enough for a part."""
        self._size += len(piece)
        self._digest.update(piece)
        self._part += piece
        if len(self._part) >= PART_BYTES:
            async with self._db.transaction(leas=self._caller.lea_ids) as tx:
                if not self._parts:
                    await self._open(tx, is_whole=False)
                await self._keep(tx)
            self._part, self._parts = bytearray(), self._parts + 1

    async def close(self) -> Journaled:
        """Keep the rest, and write down that the body is whole."""
        line = self._line()
        async with self._db.transaction(leas=self._caller.lea_ids) as tx:
            if self._parts:
                await store.complete(tx, line.submission_id, line.byte_count, line.sha256)
            else:
                await self._open(tx, is_whole=True)
            if self._part or not self._parts:
                await self._keep(tx)
        return line

    async def give_up(self, status: int) -> None:
        """Keep what has come, if anything has, as a body that never became whole."""
        if not self._size:
            return
        async with self._db.transaction(leas=self._caller.lea_ids) as tx:
            if not self._parts:
                await self._open(tx, is_whole=False)
            if self._part:
                await self._keep(tx)
            await store.decide(tx, self._submission_id, "incomplete", status, None, self._now, None)

    async def _open(self, tx: Transaction, *, is_whole: bool) -> None:
        await store.receive(tx, self._caller.key_id, self._caller.lea_ids, self._line(), is_whole=is_whole)

    async def _keep(self, tx: Transaction) -> None:
        raw = self._part
        deflated = (
            zlib.compress(raw, _LEVEL) if len(raw) < _SMALL else await asyncio.to_thread(zlib.compress, raw, _LEVEL)
        )
        await store.keep_part(tx, self._submission_id, self._parts, deflated)

    def _line(self) -> Journaled:
        return Journaled(
            submission_id=self._submission_id,
            received_at=self._now,
            content_type=self._content_type,
            parameters=self._parameters,
            byte_count=self._size,
            sha256=self._digest.digest(),
        )


def too_many_bytes(most: int) -> TooLarge:
    """The refusal of a body of more than *most* bytes."""
    detail = f"The body is larger than {most} bytes. Send it in several pushes."
    return TooLarge(detail, errors=[Problem(code="too-many-bytes", detail=detail, owner="sender")])


async def _pieces(body: AsyncIterator[bytes], most: int) -> AsyncIterator[bytes]:
    """*body* as it comes.

    Raises TooLarge after *most* bytes, TooSlow when it stops coming, MalformedRequest when the sender hangs up.
    """
    size = 0
    try:
        async for piece in body:
            size += len(piece)
            if size > most:
                break
            yield piece
    except TooSlow:
        raise
    except Exception as error:
        detail = f"The body ended early, after {size} bytes; nothing was applied."
        problem = Problem(code="incomplete-body", detail=detail, owner="sender")
        raise MalformedRequest(detail, errors=[problem]) from error
    if size > most:
        raise too_many_bytes(most)


async def body(tx: Transaction, submission_id: UUID) -> AsyncIterator[bytes]:
    """The bytes of a push, part by part, as they came; the next is unpacked while one is looked into."""
    number, ahead = 0, None
    while (deflated := await store.part_of_body(tx, submission_id, number)) is not None:
        part, ahead, number = ahead, _unpacked(deflated), number + 1
        if part:
            yield await part
    if ahead:
        yield await ahead


def _unpacked(deflated: bytes) -> asyncio.Future[bytes]:
    loop = asyncio.get_running_loop()
    if len(deflated) >= _SMALL:
        return loop.run_in_executor(None, zlib.decompress, deflated)
    part = loop.create_future()
    part.set_result(zlib.decompress(deflated))
    return part


async def looks_personal(tx: Transaction, submission_id: UUID) -> str | None:
    """What the first parts of a body hold that looks like it belongs to a person, if anything does."""
    parts = 0
    async for part in body(tx, submission_id):
        if found := await asyncio.to_thread(personal.looks_personal, part.decode("utf-8", "replace")):
            return found
        parts += 1
        if parts == _PARTS_SEARCHED:
            break
    return None
