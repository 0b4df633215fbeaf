"""A connection of the server: how long it may keep us waiting, how many there may be, and what it is told otherwise."""

from asyncio import TimerHandle, Transport
from typing import Any, Final

from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, Scope
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from equityaccess.problems import MalformedRequest, Refusal, TooSlow, Unavailable
from equityaccess.running.observing import HEADERS
from equityaccess.web import written

_HEAD_S: Final = 10.0  # from the first byte of a request, or from connecting, until its head is there
_UNREAD_S: Final = 30.0  # that an answer may wait for the caller to read on
_ON_ITS_WAY_S: Final = 0.5  # that a request may be when the server stops
_CLOSE: Final = {"Connection": "close"}


class Connection(HttpToolsProtocol):
    """uvicorn's connection, with an end to its patience; what it refuses by itself is a problem document, too.

    How long a body may take is held where it is read (`running/observing.py`): there it can be journaled and logged.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._most, self.limit_concurrency = self.limit_concurrency, None
        self._head_timer: TimerHandle | None = None
        self._unread_timer: TimerHandle | None = None
        self._is_last = False  # whether the next request is the last

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Take the connection, and expect a head."""
        super().connection_made(transport)
        if self._most is not None and len(self.connections) > self._most:  # those who came before are served on
            self.app = _full
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of it, with all that was to happen to it."""
        self._head_comes()
        self._is_read()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on; what is no whole head yet has to become one in time."""
        super().data_received(data)
        if self.cycle is None or self.cycle.response_complete:
            self._expect_head()

    def _expect_head(self) -> None:
        if self._head_timer is None and not self.transport.is_closing():
            self._head_timer = self.loop.call_later(_HEAD_S, self._end_of_patience)

    def _head_comes(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _end_of_patience(self) -> None:
        self._refuse(TooSlow(f"The head of the request did not come within {_HEAD_S:.0f} s.", headers=_CLOSE))

    def on_headers_complete(self) -> None:
        """Answer the request."""
        self._head_comes()
        super().on_headers_complete()
        self.cycle.keep_alive &= not self._is_last

    def shutdown(self) -> None:
        """Take no further request but the one that may be on its way: who is idle here may have just sent it."""
        if self.cycle is not None and not self.cycle.response_complete:
            super().shutdown()
            return
        self._is_last = True
        self.loop.call_later(_ON_ITS_WAY_S, super().shutdown)

    def on_response_complete(self) -> None:
        """Expect the next request, or the caller to read the rest before the end."""
        super().on_response_complete()
        if self.transport.is_closing():
            self._expect_reader()

    def timeout_keep_alive_handler(self) -> None:
        """Close what is idle, also when the caller never reads what it was answered."""
        super().timeout_keep_alive_handler()
        self._expect_reader()

    def pause_writing(self) -> None:
        """Wait for the caller to read, though not for ever: the answer may hold a transaction."""
        super().pause_writing()
        self._expect_reader()

    def resume_writing(self) -> None:
        """Go on answering."""
        self._is_read()
        super().resume_writing()

    def _expect_reader(self) -> None:
        if self._unread_timer is None:
            self._unread_timer = self.loop.call_later(_UNREAD_S, self.transport.abort)

    def _is_read(self) -> None:
        if self._unread_timer is not None:
            self._unread_timer.cancel()
            self._unread_timer = None

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP."""
        self._refuse(MalformedRequest(msg, headers=_CLOSE))

    def _refuse(self, refusal: Refusal) -> None:
        if not self.transport.is_closing():
            head, body = written(refusal, headers=HEADERS)
            fields = b"".join(name + b": " + value + b"\r\n" for name, value in head)
            self.transport.write(STATUS_LINE[refusal.status] + fields + b"\r\n" + body)
            self.transport.close()
            self._expect_reader()


async def _full(_scope: Scope, _receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
    refusal = Unavailable("There are too many connections; nothing was done.", headers={**_CLOSE, "Retry-After": "2"})
    head, body = written(refusal, headers=HEADERS)
    await send({"type": "http.response.start", "status": refusal.status, "headers": head, "trailers": False})
    await send({"type": "http.response.body", "body": body, "more_body": False})
