"""Around every request, known route or not: its id, one line in the log, its figures, the security headers."""

import asyncio
import re
import time
import uuid
from collections.abc import Iterable, Iterator
from typing import Any, Final, cast

import structlog
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPReceiveMessage, HTTPScope, Message, Receive, Scope, Send

from equityaccess.personal import token_looks_personal
from equityaccess.problems import TooSlow, Unavailable
from equityaccess.running.metrics import Metrics
from equityaccess.running.readiness import Readiness
from equityaccess.web import send_refusal

UNKNOWN_ROUTE: Final = "unknown"
_REQUEST_ID: Final = re.compile(r"\A[A-Za-z0-9_-][A-Za-z0-9._-]{7,63}\Z")
HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cache-Control": "no-store",
}
_AS_SENT: Final = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
_ONLY_TLS: Final = b"max-age=31536000"  # this name alone: what else the county runs is not ours to decide
_SILENCE_S: Final = 10.0  # that a body may be silent for
_LEAST_RATE: Final = 1_000  # bytes a second on the whole, or a byte now and then would keep a connection for ever
_log = structlog.get_logger()


def request_id(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The caller's own ``X-Request-Id`` if it sent one that is safe to repeat in a log, else a new one."""
    sent = [value for name, value in headers if name == b"x-request-id"]
    text = sent[0].decode("latin-1") if len(sent) == 1 else ""
    return text if _REQUEST_ID.match(text) and not token_looks_personal(text) else uuid.uuid4().hex


class Exchange:
    """One request and its answer, as they pass by."""

    def __init__(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        self._started = time.perf_counter()
        self.request_id = request_id(scope["headers"])
        self.status = 500  # unless an answer starts, which then says better
        self.bytes_in = self.bytes_out = 0
        self._waited = 0.0
        self._is_whole = self._is_answered = False
        scope["state"]["request_id"] = self.request_id

    async def receive(self) -> HTTPReceiveMessage:
        """Pass on what the caller sends. A caller who hangs up is noted: that is no failure of ours.

        Raises TooSlow when the body does not come in time.
        """
        message = await (self._next() if self._is_whole else self._next_of_body())
        if message["type"] == "http.disconnect":
            self._scope["state"]["hung_up"] = True
        else:
            self.bytes_in += len(message["body"])
            self._is_whole = not message.get("more_body", False)
        return message

    async def _next_of_body(self) -> HTTPReceiveMessage:
        began = time.monotonic()
        left = _SILENCE_S + self.bytes_in / _LEAST_RATE - self._waited
        try:
            async with asyncio.timeout(min(left, _SILENCE_S)):
                return await self._next()
        except TimeoutError:
            detail = f"The body was silent for {_SILENCE_S:.0f} s, or slower than {_LEAST_RATE} bytes a second."
            raise TooSlow(detail, headers={"Connection": "close"}) from None
        finally:
            self._waited += time.monotonic() - began

    async def _next(self) -> HTTPReceiveMessage:
        return cast("HTTPReceiveMessage", await self._receive())

    async def send(self, message: Message) -> None:
        """Pass on the answer, with the request id and the headers that every answer has."""
        if message["type"] == "http.response.start":
            self.status, self._is_answered = message["status"], True
            there = {name.lower() for name, _ in message["headers"]}
            message["headers"] = [*message["headers"], *(one for one in self._of_every_answer() if one[0] not in there)]
        elif message["type"] == "http.response.body":
            self.bytes_out += len(message["body"])
        await self._send(message)

    def _of_every_answer(self) -> Iterator[tuple[bytes, bytes]]:
        yield b"x-request-id", self.request_id.encode()
        readiness: Readiness | None = self._scope["litestar_app"].state.get("readiness")
        if readiness is not None and readiness.is_draining:
            yield b"connection", b"close"  # so that the next request goes elsewhere, and finds no closed door
        if self._scope.get("scheme") == "https":  # as the proxy says, where one is trusted
            yield b"strict-transport-security", _ONLY_TLS
        yield from _AS_SENT

    async def cut_off(self) -> None:
        """Answer in the last moment, if nothing was answered yet: it may be sent again, and is not our failure."""
        if self._is_answered:
            return
        refusal = Unavailable(
            "The service stopped before it was done. Nothing was half done: send the same again.",
            headers={"Connection": "close", "Retry-After": "2"},
        )
        await send_refusal(refusal, self.send, self.request_id)

    @property
    def route(self) -> str:
        """The template of the route that answered: never the path itself, which anybody may make up."""
        template: str = self._scope.get("path_template", "")
        return template or UNKNOWN_ROUTE

    @property
    def seconds(self) -> float:
        """How long it has taken so far."""
        return time.perf_counter() - self._started

    def line(self) -> dict[str, Any]:
        """What the log says about it: no header, no query string, nothing of the body."""
        known = self._scope["state"].get("known")
        return {
            "method": self._scope["method"],
            "route": self.route,
            "status": self.status,
            "ms": round(self.seconds * 1000, 1),
            "bytes_in": self.bytes_in,
            "bytes_out": self.bytes_out,
            "key": str(known.key_id)[:8] if known else None,
        }


def observed(inner: ASGIApp) -> ASGIApp:
    """*inner*, with every request of it counted, logged and answered under its request id."""

    async def outermost(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await inner(scope, receive, send)
            return
        exchange = Exchange(scope, receive, send)
        metrics: Metrics = scope["litestar_app"].state.metrics
        with (
            structlog.contextvars.bound_contextvars(request_id=exchange.request_id),
            metrics.in_flight.track_inprogress(),
        ):
            try:
                await inner(scope, exchange.receive, exchange.send)
            except asyncio.CancelledError:  # a stop that would not wait any longer
                await exchange.cut_off()
                raise
            finally:
                metrics.answered(scope["method"], exchange.route, exchange.status, exchange.seconds)
                _log.info("request", **exchange.line())

    return outermost
