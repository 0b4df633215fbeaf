"""Turns: how many pushes a process judges at once, how many may wait for that, and what the others are told."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from equityaccess.database import Database
from equityaccess.problems import Unavailable
from equityaccess.web import send_refusal

PATH = "/v1/submissions"


class Busy(Unavailable):
    """The service judges as many pushes as it can; nothing was applied. ``Retry-After`` says when to come back."""


class Turns:
    """The turns of one process: *at_once* are given, and as many callers wait at most, for *wait_s*."""

    def __init__(self, at_once: int, wait_s: float) -> None:
        self._at_once, self._wait_s = at_once, wait_s
        self._free = asyncio.Semaphore(at_once)
        self._waiting = 0

    def are_taken(self, *, also_waiting: int) -> bool:
        """Whether a further push would only wait behind those that wait, for a turn or for the database."""
        return self._waiting + also_waiting >= self._at_once

    @contextlib.asynccontextmanager
    async def take(self) -> AsyncIterator[None]:
        """One turn. Raises Busy when none is free in time.

        It is taken when the whole body is there: slow senders keep nobody waiting.
        """
        self._waiting += 1
        try:
            async with asyncio.timeout(self._wait_s):
                await self._free.acquire()
        except TimeoutError:
            raise self.busy() from None
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._free.release()

    def busy(self) -> Busy:
        """What one more push is told."""
        detail = f"{self._at_once} pushes are being judged; this one was not. Send it again in a moment."
        return Busy(detail, headers={"Retry-After": "2"})


def while_there_is_room(inner: ASGIApp) -> ASGIApp:
    """*inner*, before which a push is turned away at once that could not be judged soon.

    Whatever is done for it first, even to look up its key, is taken from those that are being judged.
    """

    async def door(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.HTTP and scope["method"] == "POST" and scope["path"] == PATH:
            turns: Turns = scope["litestar_app"].state.turns
            db: Database = scope["litestar_app"].state.db
            if turns.are_taken(also_waiting=db.waiting):
                scope["path_template"] = PATH
                await send_refusal(turns.busy(), send, scope["state"].get("request_id"))
                return
        await inner(scope, receive, send)

    return door
