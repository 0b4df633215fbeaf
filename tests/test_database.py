"""The way to the database: how long it is waited for, and what becomes of a line on which nothing comes any more."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import asyncpg
import msgspec
import pytest

from equityaccess.database import Query, connect
from equityaccess.migrate import code_revision
from equityaccess.problems import Unavailable
from equityaccess.running.readiness import LINE, Readiness
from equityaccess.web import as_refusal
from tests.conftest import settings_for
from tests.line import Line

ONE = Query("one", "SELECT 1", ())
PLANS = Query("plans", "SELECT current_setting('plan_cache_mode')", ())
SLEEP = Query("sleep", "SELECT pg_sleep(30)", ())
SETTINGS = Query(
    "settings",
    "SELECT setting FROM pg_settings WHERE name IN ('statement_timeout', 'lock_timeout',"
    " 'idle_in_transaction_session_timeout', 'client_connection_check_interval') ORDER BY name",
    (),
)


@pytest.fixture
async def line(database_url: str) -> AsyncIterator[Line]:
    """A line to the database that can be disturbed."""
    async with Line.to(database_url) as line:
        yield line


async def test_every_wait_of_the_server_has_an_end(database_url: str) -> None:
    db = await connect(settings_for(database_url))
    async with db.transaction() as tx:
        assert await tx.values(SETTINGS) == ["5000", "15000", "10000", "10000"]
    async with db.transaction(patience_s=0.25) as tx:
        assert (await tx.values(SETTINGS))[-1] == "250"
    async with db.transaction() as tx:
        assert (await tx.values(SETTINGS))[-1] == "10000"
    await db.close()


async def test_who_reads_every_lea_has_plans_for_what_was_asked(database_url: str) -> None:
    db = await connect(settings_for(database_url))
    async with db.transaction(leas=[1]) as tx:
        assert await tx.value(PLANS) == "auto"
    async with db.transaction(every_lea=True) as tx:
        assert await tx.value(PLANS) == "force_custom_plan"
    async with db.transaction(role="aggregator") as tx:
        assert await tx.value(PLANS) == "force_custom_plan"
    async with db.transaction() as tx:
        assert await tx.value(PLANS) == "auto"
    await db.close()


async def test_a_statement_that_takes_too_long_is_an_outage(database_url: str) -> None:
    db = await connect(settings_for(database_url))
    with pytest.raises(asyncpg.QueryCanceledError) as raised:
        async with db.transaction(patience_s=0.2) as tx:
            await tx.value(SLEEP)
    assert isinstance(as_refusal(raised.value), Unavailable)
    async with db.transaction() as tx:
        assert await tx.value(ONE) == 1
    await db.close()


async def test_a_pool_in_full_use_is_waited_for_no_longer_than_said(database_url: str) -> None:
    db = await connect(settings_for(database_url, pool_wait_s=0.2))
    async with contextlib.AsyncExitStack() as held:
        for _ in range(4):
            await held.enter_async_context(db.transaction())
        began = time.monotonic()
        with pytest.raises(Unavailable) as raised:
            async with db.transaction():
                pass
        assert time.monotonic() - began < 5
        assert raised.value.headers["Retry-After"]
    async with db.transaction() as tx:
        assert await tx.value(ONE) == 1
    await db.close()


@pytest.mark.parametrize("moment", ["begin", "statement", "commit"])
async def test_a_line_on_which_nothing_comes_is_cut_and_the_next_one_works(line: Line, moment: str) -> None:
    db = await connect(settings_for(line.url, pool_wait_s=0.5))

    async def disturbed() -> None:
        line.is_open = moment != "begin"
        async with asyncio.timeout(10), db.transaction(patience_s=0.3) as tx:
            line.is_open = moment == "commit"
            await tx.value(ONE)
            line.is_open = False

    with pytest.raises((asyncpg.PostgresConnectionError, asyncpg.InterfaceError, ConnectionError)) as raised:
        await disturbed()
    assert isinstance(as_refusal(raised.value), Unavailable)
    line.is_open = True
    async with db.transaction() as tx:
        assert await tx.value(ONE) == 1
    await db.close()


async def test_readiness_neither_waits_for_a_dead_line_nor_for_a_pool_in_full_use(line: Line) -> None:
    settings = settings_for(line.url)
    aside = await connect(msgspec.structs.replace(settings, **LINE))
    readiness = Readiness(aside, code_revision())
    db = await connect(settings)
    async with contextlib.AsyncExitStack() as held:
        for _ in range(settings.pool_size):
            await held.enter_async_context(db.transaction())
        await readiness.demand()
    line.is_open = False
    await asyncio.sleep(0.6)
    with pytest.raises(Unavailable):
        async with asyncio.timeout(5):
            await readiness.demand()
    line.is_open = True
    await asyncio.sleep(0.6)
    await readiness.demand()
    await aside.close()
    await db.close()
