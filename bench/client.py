"""As little of an HTTP client as can be, so that on a small machine the server is what is measured."""

import asyncio
from collections.abc import Mapping

_PIECE = 1 << 18


class UnexpectedAnswer(RuntimeError):
    """The server said something else than the benchmark counts on; its figures would mean nothing."""


class Client:
    """One kept-alive connection to a server on this machine."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, headers: Mapping[str, str]) -> None:
        self._reader = reader
        self._writer = writer
        self._headers = "".join(f"{name}: {value}\r\n" for name, value in headers.items())

    async def ask(self, method: str, path: str, *expected: int, body: bytes = b"", media_type: str = "") -> bytes:
        """The body of the answer. Raises UnexpectedAnswer unless its status is one of *expected*."""
        length = f"Content-Type: {media_type}\r\nContent-Length: {len(body)}\r\n" if body else ""
        self._writer.write(f"{method} {path} HTTP/1.1\r\nHost: bench\r\n{self._headers}{length}\r\n".encode())
        for start in range(0, len(body), _PIECE):
            self._writer.write(body[start : start + _PIECE])
            await self._writer.drain()
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        said, _, rest = head.partition(b"content-length: ")
        answer = await self._reader.readexactly(int(rest[: rest.index(b"\r")]))
        status = int(said[9:12])
        if status not in expected:
            raise UnexpectedAnswer(f"{method} {path} was answered with {status}: {answer[:2000].decode()}")
        return answer

    async def close(self) -> None:
        """Hang up."""
        self._writer.close()
        await self._writer.wait_closed()


async def connect(port: int, secret: str | None = None) -> Client:
    """A connection to the server on *port*, with a key if one is given."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
    return Client(reader, writer, {"Authorization": f"Bearer {secret}"} if secret else {})
