"""The lease of the leader: a row that says until when, by the database's clock, and a token that grows with every one.

The token is the fence: what a leader writes, it writes on the condition that its token still stands. So a leader that
was frozen or cut off, and believes that it leads, can write nothing once another has begun.
"""

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import asyncpg

from equityaccess.database import Query, plain_url
from equityaccess.scheduler.store import sql
from equityaccess.settings import Settings

LEASE_S = 5.0  # a leader that stands still for longer has lost
_HEARTBEAT_S = 1.0
_LOOK_S = 0.5  # whether the lease has become free


class LeaseLost(Exception):
    """Another scheduler has taken the lease."""


class Lease:
    """A lease held: *token* is the fence, ``name`` what the server knows the leader's sessions by."""

    def __init__(self, session: "asyncpg.Connection[Any]", token: int) -> None:
        self._session = session
        self.token = token
        self.name = f"equityaccess scheduler {token}"

    async def keep(self, until: Coroutine[Any, Any, object]) -> None:
        """Renew the lease again and again until *until* is done.

        Raises LeaseLost, or TimeoutError when the database does not answer.
        """
        awaited = asyncio.ensure_future(until)
        try:
            while not awaited.done():
                async with asyncio.timeout(LEASE_S):
                    if await _value(self._session, sql.renew_lease, token=self.token, seconds=LEASE_S) is None:
                        raise LeaseLost(f"another scheduler leads: token {self.token} is an earlier leader's")
                await asyncio.wait([awaited], timeout=_HEARTBEAT_S)
        finally:
            awaited.cancel()

    async def give_back(self) -> None:
        """Let the next scheduler lead at once; without an answer, it leads when the lease has run out."""
        with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            async with asyncio.timeout(LEASE_S):
                await _value(self._session, sql.give_lease_back, token=self.token)


@contextlib.asynccontextmanager
async def lease_session(settings: Settings) -> "AsyncIterator[asyncpg.Connection[Any]]":
    """A session of the scheduler's own for its lease: each statement commits by itself, so it never keeps a lock."""
    session = await asyncpg.connect(
        plain_url(settings.database_url),
        timeout=10,
        server_settings={
            "application_name": "equityaccess lease",
            "role": "equityaccess_aggregator",
            "lock_timeout": "10s",
        },
    )
    try:
        yield session
    finally:
        session.terminate()


async def wait_for_lease(settings: Settings, session: "asyncpg.Connection[Any]", stop: asyncio.Event) -> Lease | None:
    """The lease, once nobody holds it; None when *stop* came first."""
    while not stop.is_set():
        if (expired := await _value(session, sql.expired_lease)) is not None:
            await _end_sessions(settings, expired)
            token = await _value(
                session, sql.take_lease, holder=f"{socket.gethostname()}:{os.getpid()}", seconds=LEASE_S
            )
            if token is not None:
                return Lease(session, token)
        await pause(stop, _LOOK_S)
    return None


async def _end_sessions(settings: Settings, token: int) -> None:
    """End what earlier leaders left open: only their own login may, so this is not done in a role."""
    connection = await asyncpg.connect(plain_url(settings.database_url), timeout=10)
    try:
        await _value(connection, sql.end_sessions, token=token)
    finally:
        await connection.close()


async def _value(session: "asyncpg.Connection[Any]", query: Query, **values: object) -> Any:  # noqa: ANN401
    return await session.fetchval(query.sql, *query.arguments(values))


async def pause(until: asyncio.Event, seconds: float) -> None:
    """Wait for *seconds*, or less when *until* comes first."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(until.wait(), seconds)
