"""A connection of the server: slow heads, unread answers, too many at once, and no HTTP at all. With sockets."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from equityaccess.commands import connections
from equityaccess.commands.connections import Connection

HEAD = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
MEGABYTE = b"x" * 1_000_000
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Connect = Callable[[], contextlib.AbstractAsyncContextManager[Streams]]


async def megabytes(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for _ in range(100):
        await send({"type": "http.response.body", "body": MEGABYTE, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def small(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok", "more_body": False})


@contextlib.asynccontextmanager
async def stopping(app: Any = small, most: int = 10) -> AsyncIterator[tuple[Connect, Callable[[], None]]]:
    """A server of *app* that holds *most* connections: how to reach it, and how to tell its connections to end."""
    config = uvicorn.Config(app, limit_concurrency=most, log_config=None)
    config.load()
    state = ServerState()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(config, state, {}, loop), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    @contextlib.asynccontextmanager
    async def connect() -> AsyncIterator[Streams]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            yield reader, writer
        finally:
            writer.close()

    def stop() -> None:
        for connection in list(state.connections):
            connection.shutdown()

    try:
        yield connect, stop
    finally:
        server.close()
        for connection in list(state.connections):
            connection.transport.abort()


@contextlib.asynccontextmanager
async def listening(app: Any = small, most: int = 10) -> AsyncIterator[Connect]:
    """How to reach a server of *app* that holds *most* connections."""
    async with stopping(app, most) as (connect, _):
        yield connect


async def answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)).decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
    return int(head[0].split()[1]), headers, await reader.readexactly(int(headers["content-length"]))


@pytest.mark.parametrize("sent", [b"", b"GET / HTT", b"GET / HTTP/1.1\r\nHost: a\r\nX-Slow: "])
async def test_a_head_has_to_come_in_time(monkeypatch: pytest.MonkeyPatch, sent: bytes) -> None:
    monkeypatch.setattr(connections, "_HEAD_S", 0.2)
    async with listening() as connect, connect() as (reader, writer):
        writer.write(sent)
        status, headers, body = await answer(reader)
        assert (status, headers["connection"], json.loads(body)["type"]) == (408, "close", "/problems/request-timeout")
        assert await reader.read() == b""


async def test_a_byte_now_and_then_gains_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "_HEAD_S", 0.5)
    async with listening() as connect, connect() as (reader, writer):
        said = asyncio.create_task(answer(reader))
        for byte in HEAD[:-2]:
            if not said.done():
                writer.write(bytes([byte]))
                await asyncio.sleep(0.1)
        assert (await said)[0] == 408


async def test_the_second_request_of_a_connection_has_its_own_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "_HEAD_S", 0.3)
    async with listening() as connect, connect() as (reader, writer):
        for _ in range(3):
            writer.write(HEAD)
            assert (await answer(reader))[0] == 200
            await asyncio.sleep(0.2)
        writer.write(b"GET")
        assert (await answer(reader))[0] == 408


async def test_an_answer_that_nobody_reads_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "_UNREAD_S", 0.2)
    read = 0
    async with listening(megabytes) as connect, connect() as (reader, writer):
        writer.write(HEAD)
        await asyncio.sleep(1)
        with contextlib.suppress(ConnectionError):
            while piece := await asyncio.wait_for(reader.read(1 << 20), 5):
                read += len(piece)
    assert read < 100 * len(MEGABYTE)


async def test_too_many_connections_are_told_when_to_come_back() -> None:
    async with listening(most=1) as connect, connect() as (first, to_first), connect() as (second, to_second):
        for _ in range(2):
            to_first.write(HEAD)
            assert (await answer(first))[0] == 200
        to_second.write(HEAD)
        status, headers, body = await answer(second)
        assert (status, headers["retry-after"], headers["connection"]) == (503, "2", "close")
        assert json.loads(body)["type"] == "/problems/temporary-reduced-capacity"


async def test_what_is_no_http_is_refused_with_a_problem_document() -> None:
    async with listening() as connect, connect() as (reader, writer):
        writer.write(b"\x16\x03\x01 this is no HTTP\r\n\r\n")
        status, headers, body = await answer(reader)
        assert (status, headers["content-type"]) == (400, "application/problem+json")
        assert json.loads(body)["type"] == "/problems/malformed-request"


@pytest.mark.parametrize("earlier", [0, 1])
async def test_a_request_on_its_way_when_the_server_stops_is_answered(earlier: int) -> None:
    async with stopping() as (connect, stop), connect() as (reader, writer):
        for _ in range(earlier):
            writer.write(HEAD)
            assert (await answer(reader))[1].get("connection") is None
        await asyncio.sleep(0.05)
        stop()
        await asyncio.sleep(0.05)
        writer.write(HEAD)
        status, headers, _ = await answer(reader)
        assert (status, headers["connection"]) == (200, "close")
        assert await reader.read() == b""


async def test_a_connection_without_a_request_ends_soon_when_the_server_stops() -> None:
    async with stopping() as (connect, stop), connect() as (reader, _):
        await asyncio.sleep(0.05)
        stop()
        assert await asyncio.wait_for(reader.read(), 5) == b""
