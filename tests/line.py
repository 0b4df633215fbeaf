"""A line between the service and PostgreSQL that can be disturbed: a proxy on a TCP port of this machine."""

import asyncio
import contextlib
import urllib.parse
from collections.abc import AsyncIterator
from typing import Self

_PIECE = 65_536


class Line:
    """What passes through it, and how. The faults may be changed at any time, and hold for the lines that are there."""

    def __init__(self, server: str, url: str) -> None:
        self._server = server  # the socket, or the host and port, on which PostgreSQL listens
        self.url = url  # for clients, by way of this line
        self.is_open = True  # else what is sent is lost, and nobody is told
        self.answers = True  # else what PostgreSQL says is lost, and what it is told is not
        self.takes = True  # else a new connection is refused
        self.delay_s = 0.0
        self.slice = _PIECE  # bytes that pass at a time
        self._ends: set[asyncio.StreamWriter] = set()

    @classmethod
    @contextlib.asynccontextmanager
    async def to(cls, url: str) -> AsyncIterator[Self]:
        """A line to the PostgreSQL at *url*, embedded or not."""
        parts = urllib.parse.urlsplit(url)
        login, _, place = parts.netloc.rpartition("@")
        folder = urllib.parse.parse_qs(parts.query).get("host", [""])[0]
        line = cls(f"{folder}/.s.PGSQL.5432" if folder else place, "")
        listening = await asyncio.start_server(line._carry, "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        line.url = f"postgresql://{login}@127.0.0.1:{port}{parts.path}?sslmode=disable"
        try:
            yield line
        finally:
            listening.close()
            line.cut()

    def cut(self) -> None:
        """Reset every connection that is there."""
        for end in self._ends:
            end.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self.takes:
            writer.transport.abort()
            return
        there, back = await self._connect()
        ends = {writer, back}
        self._ends |= ends
        try:
            await asyncio.gather(self._pass(reader, back, asked=True), self._pass(there, writer, asked=False))
        except OSError:
            pass
        finally:
            self._ends -= ends
            for end in ends:
                end.transport.abort()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._server.startswith("/"):
            return await asyncio.open_unix_connection(self._server)
        host, _, port = self._server.partition(":")
        return await asyncio.open_connection(host, int(port or 5432))

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, asked: bool) -> None:
        while piece := await reader.read(self.slice):
            if self.delay_s:
                await asyncio.sleep(self.delay_s)
            if self.is_open and (asked or self.answers):
                writer.write(piece)
                await writer.drain()
        writer.close()  # the other side has hung up: say so
