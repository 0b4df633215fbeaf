"""Promises 18 and 19: big, slow and packed bodies cannot hurt.

18. Method: a body of 1 GB with its length said, one in chunks without, both as JSON; and 500 connections that send a
head or a body a byte a second, while eight districts push. ``equityaccess serve`` stands alone, without a proxy.
Figure: the answers to the two bodies and the longest that one took (of the chunked one, from the byte that was too
many); by how much the memory of the server grew; the p95 of the others' pushes beside the slow ones, as a multiple of
that before them and after; how many of the slow ones were still there when their time was over.
Mutant: bodies have no limit and are held in memory, and nobody who is slow is ever let go.

19. Method: archives that unpack to a hundred times what the service may grow, as gzip, zip, xlsx and a zip in a zip,
sent under their own names, under ``Content-Encoding``, and under the names of what is read.
Figure: how often each status was the answer, the longest that one took, and by how much the memory grew.
Mutant: a body with ``Content-Encoding: gzip`` is unpacked.
"""

import asyncio
import contextlib
import gzip
import io
import itertools
import time
import zipfile
import zlib
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from equityaccess import web
from equityaccess.commands import connections
from equityaccess.running import observing
from equityaccess.settings import Settings
from equityaccess.submissions import journal, routes
from tests.trust import clients, world
from tests.trust.harness import Figure, Harness, Run

_GIGABYTE = 1_000_000_000
_PIECE = b" " * 65_536
_WITHIN_S, _QUICK_WITHIN_S = 1.0, 5.0
_GROWN_MB = 20.0
_SLOWER, _QUICK_SLOWER = 2.0, 4.0
_SLOW_ONES = 500
_LET_GO_S = 20.0  # ten of them are patience, the rest is a busy machine
_BESIDE_S = 8.0  # while they are all there
_ANSWER_S = 60.0
_GIVE_UP_S = 5.0


def take_everything() -> None:
    """A seeded defect: a body is read whole, however large, and waited for, however slow."""
    pieces = journal._pieces

    async def whole(body: AsyncIterator[bytes], most: int) -> AsyncIterator[bytes]:
        del most
        yield b"".join([piece async for piece in pieces(body, 1 << 40)])

    journal._pieces = whole
    routes._demand_length = lambda *_: None  # type: ignore[assignment]
    connections._HEAD_S = observing._SILENCE_S = 1e6  # type: ignore[misc]


def unpack() -> None:
    """A seeded defect: what says that it is packed is unpacked."""
    demand, received = web.demand_media_type, journal.receive

    def demand_less(request: Any, read: Any) -> str:
        request.scope["headers"] = [one for one in request.scope["headers"] if one[0] != b"content-encoding"]
        return demand(type(request)(request.scope), read)

    async def unpacked(db: Any, caller: Any, body: AsyncIterator[bytes], **kept: Any) -> Any:
        raw = b"".join([piece async for piece in body])

        async def pieces() -> AsyncIterator[bytes]:
            yield zlib.decompressobj(wbits=47).decompress(raw) if raw[:2] == b"\x1f\x8b" else raw

        return await received(db, caller, pieces(), **kept)

    routes.demand_media_type = demand_less  # type: ignore[attr-defined]
    journal.receive = unpacked  # type: ignore[assignment]


def _memory_mb(pid: int) -> float:
    """The most memory that process *pid* had in use since ``_forget_peak``."""
    [line] = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1024


def _forget_peak(pid: int) -> None:
    Path(f"/proc/{pid}/clear_refs").write_text("5")


async def _huge(port: int, secret: str, *, chunked: bool, size: int) -> tuple[int, float]:
    """The status of the answer to *size* bytes, and how long it took from when it could have been given."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    length = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {size}"
    head = ["POST /v1/submissions HTTP/1.1", "Host: trust", length, *clients.headers_for(secret), "", ""]
    writer.write("\r\n".join(head).encode())
    piece = b"%x\r\n%s\r\n" % (len(_PIECE), _PIECE) if chunked else _PIECE
    limit = Settings().max_json_bytes if chunked else 0
    answer = asyncio.create_task(reader.readuntil(b"\r\n"))
    sent, since = 0, time.monotonic()
    with contextlib.suppress(OSError):
        while sent < size and not answer.done():
            if sent <= limit:
                since = time.monotonic()
            writer.write(piece)
            await writer.drain()
            sent += len(_PIECE)
            await asyncio.sleep(0)
    try:
        status = int((await asyncio.wait_for(answer, _ANSWER_S)).split()[1])
    except (*clients.AMBIGUOUS, IndexError):
        status = 0
    took = time.monotonic() - since
    writer.transport.abort()
    return status, took


class _Slow:
    """Connections that send a byte a second: every other one of them a head, the rest a body."""

    def __init__(self, port: int, secret: str) -> None:
        head = ["POST /v1/submissions HTTP/1.1", "Host: trust", "Content-Length: 100000", *clients.headers_for(secret)]
        self._head = "\r\n".join(head).encode()
        self._port = port
        self._ends: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    @property
    def there(self) -> int:
        """How many the server has not closed."""
        return sum(not reader.at_eof() and not writer.is_closing() for reader, writer in self._ends)

    async def begin(self) -> None:
        """Open them all, each with the beginning of a request."""
        for number in range(_SLOW_ONES):
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port, limit=1)
            writer.write(self._head + (b"\r\n\r\n" if number % 2 else b"\r\nX-Slow: "))
            self._ends.append((reader, writer))

    async def go_on(self) -> None:
        """A byte of each every second, by turns, for as long as it is listened to."""
        for turn in itertools.cycle(range(10)):
            for reader, writer in self._ends[turn::10]:
                if not reader.at_eof() and not writer.is_closing():
                    writer.write(b" ")
            await asyncio.sleep(0.1)

    def end(self) -> None:
        """Close what is left."""
        for _, writer in self._ends:
            writer.transport.abort()


async def _pushed(port: int, secrets: list[str], seconds: float, skip: int) -> list[float]:
    """How long the pushes of eight districts took, each pushing one after the other for so many *seconds*."""
    took: list[float] = []
    until = time.monotonic() + seconds

    async def district(lea: str, secret: str) -> None:
        connection = await clients.connect(port)
        for attempt in itertools.islice(clients.attempts(lea), skip, None):
            began = time.monotonic()
            if began > until:
                break
            await connection.send(attempt.body, *clients.headers_for(secret))
            answer = await connection.answer()
            if answer.status != 201:
                raise RuntimeError(f"a push was answered {answer.status}")
            took.append(time.monotonic() - began)
        connection.hang_up()

    await asyncio.gather(*(district(*one) for one in zip(clients.DISTRICTS, secrets, strict=True)))
    return took


def _p95(took: list[float]) -> float:
    return sorted(took)[len(took) * 95 // 100]


async def _big_and_slow(run: Run) -> Figure:
    seconds = run.size(8, 4)
    with world.folder() as at:
        async with world.seeded(at) as url:
            secrets = await clients.keys(url, clients.DISTRICTS)
            defect = f"{__name__}:take_everything" if run.mutant else ""
            async with world.serving(at, url, defect=defect) as service:
                await _pushed(service.port, secrets, 1, 0)
                pid = service.process.pid
                _forget_peak(pid)
                before = _memory_mb(pid)
                size = _GIGABYTE if not run.mutant else _GIGABYTE // 10
                answers = [await _huge(service.port, secrets[0], chunked=one, size=size) for one in (False, True)]
                grown = _memory_mb(pid) - before
                calm = await _pushed(service.port, secrets, seconds / 2, 1_000)
                slow = _Slow(service.port, secrets[0])
                await slow.begin()
                going_on = asyncio.create_task(slow.go_on())
                there = slow.there
                began = time.monotonic()
                beside = _p95(await _pushed(service.port, secrets, min(seconds, _BESIDE_S), 3_000))
                while (left := slow.there) and time.monotonic() - began < _LET_GO_S:  # noqa: ASYNC110
                    await asyncio.sleep(0.1)
                let_go_s = time.monotonic() - began
                going_on.cancel()
                slow.end()
                calm += await _pushed(service.port, secrets, seconds / 2, 5_000)
    longest = max(took for _, took in answers)
    statuses = "+".join(str(status) for status, _ in answers)
    text = f"1 GB: {statuses} within {longest:.2f} s, memory +{grown:.0f} MB; {there} slow clients: p95 of the others"
    slower = beside / _p95(calm)
    text += f" {slower:.1f} times ({_p95(calm) * 1000:.0f} -> {beside * 1000:.0f} ms), {left} of the slow ones left"
    text += f" after {let_go_s:.0f} s"
    is_soon = longest < run.bound(_WITHIN_S, _QUICK_WITHIN_S)
    is_refused = {status for status, _ in answers} == {413} and is_soon and grown < _GROWN_MB
    is_unhurt = slower < run.bound(_SLOWER, _QUICK_SLOWER)
    return Figure(text=text, holds=is_refused and is_unhurt and left == 0 and there == _SLOW_ONES)


def _bombs(size: int) -> dict[str, bytes]:
    """Archives of *size* zero bytes."""
    packer, piece, packed = zlib.compressobj(9, wbits=31), bytes(1 << 20), bytearray()
    for _ in range(size >> 20):
        packed += packer.compress(piece)
    packed += packer.flush()
    return {
        "gzip": bytes(packed),
        "gzip in gzip": gzip.compress(packed),
        "zip": _zipped("bomb.csv", size),
        "xlsx": _zipped("xl/worksheets/sheet1.xml", size),
        "zip in zip": _zipped_bytes("inner.zip", _zipped("bomb.csv", size)),
    }


def _zipped(name: str, size: int) -> bytes:
    out = io.BytesIO()
    with (
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive,
        archive.open(name, "w", force_zip64=True) as member,
    ):
        for _ in range(size >> 20):
            member.write(bytes(1 << 20))
    return out.getvalue()


def _zipped_bytes(name: str, content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return out.getvalue()


_KINDS = {
    "gzip": "application/gzip",
    "zip": "application/zip",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


async def _archives(run: Run) -> Figure:
    size = run.size(2 << 30, 256 << 20)
    bombs = await asyncio.to_thread(_bombs, size)
    statuses: Counter[int] = Counter()
    longest = 0.0
    with world.folder() as at:
        async with world.seeded(at) as url:
            [secret] = await clients.keys(url, clients.DISTRICTS[:1])
            defect = f"{__name__}:unpack" if run.mutant else ""
            async with world.serving(at, url, defect=defect) as service:
                for _ in range(2):  # once to warm up
                    await _sent(service.port, secret, b"lea,as_of\n" * 100_000, "text/csv")
                _forget_peak(service.process.pid)
                before = _memory_mb(service.process.pid)
                for name, bomb in bombs.items():
                    own = _KINDS.get(name.split()[0], "application/octet-stream")
                    for kind, packed in _disguises(own):
                        status, took = await _sent(service.port, secret, bomb, kind, packed)
                        statuses[status] += 1
                        longest = max(longest, took)
                        if longest > _GIVE_UP_S:
                            break
                grown = _memory_mb(service.process.pid) - before
    said = " ".join(f"{status or 'none'}={times}" for status, times in sorted(statuses.items()))
    smallest = min(map(len, bombs.values()))
    text = f"{len(bombs)} archives of {smallest / 1e3:.0f} kB and more, {size / 2**30:.1f} GB unpacked, sent in"
    text += f" {statuses.total()} ways: {said} within {longest:.2f} s, memory +{grown:.0f} MB"
    is_soon = longest < run.bound(_WITHIN_S, _QUICK_WITHIN_S)
    return Figure(text=text, holds=set(statuses) <= {400, 413, 415, 422} and is_soon and grown < _GROWN_MB)


def _disguises(own: str) -> list[tuple[str, str]]:
    """Under which content type, and which encoding, a bomb is sent."""
    read = ("application/json", "application/x-ndjson", "text/csv")
    return [(own, ""), *((kind, "") for kind in read), *((kind, "gzip") for kind in read), ("text/csv", "deflate")]


async def _sent(port: int, secret: str, body: bytes, kind: str, packed: str = "") -> tuple[int, float]:
    began = time.monotonic()
    connection = await clients.connect(port)
    try:
        encoding = [f"Content-Encoding: {packed}"] * bool(packed)
        async with asyncio.timeout(_ANSWER_S):
            await connection.send(body, *clients.headers_for(secret, kind=kind), *encoding)
            status = (await connection.answer()).status
    except clients.AMBIGUOUS:
        status = 0
    connection.hang_up()
    return status, time.monotonic() - began


HARNESSES = [
    Harness(
        number=18,
        promise="Big and slow bodies hurt nobody: refused in a second, and let go",
        mutant="bodies without a limit, patience without an end",
        run=_big_and_slow,
        runs_alone=True,
    ),
    Harness(
        number=19,
        promise="An archive is refused unread, whatever it would unpack to",
        mutant="a packed body is unpacked",
        run=_archives,
        runs_alone=True,
    ),
]
