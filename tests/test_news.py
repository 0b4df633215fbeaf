"""What changed is told at once: when it is committed, to everybody, once, and again after the line was lost."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import asyncpg
import pytest

from equityaccess.database import CHANNEL, Database
from equityaccess.news import SUBJECTS, News
from tests.conftest import settings_for
from tests.line import Line

_SOON_S = 20.0  # far longer than it takes


@contextlib.asynccontextmanager
async def listening(url: str) -> AsyncIterator[News]:
    news = News(settings_for(url))
    task = asyncio.create_task(news.listen())
    try:
        yield news
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.fixture
async def news(database_url: str) -> AsyncIterator[News]:
    async with listening(database_url) as news:
        with news.reader() as reader:
            assert await reader.next(_SOON_S) == SUBJECTS  # the line is there
        yield news


async def test_what_is_announced_is_heard_by_everybody_when_it_is_committed(news: News, database: Database) -> None:
    with news.reader() as one, news.reader() as other:
        async with database.transaction() as tx:
            await tx.announce("coverage")
            assert await one.next(0.2) == frozenset()
        assert await one.next(_SOON_S) == {"coverage"}
        assert await other.next(_SOON_S) == {"coverage"}
    assert news.readers == 0


async def test_what_is_undone_is_not_heard(news: News, database: Database) -> None:
    with news.reader() as reader:
        with contextlib.suppress(ZeroDivisionError):
            async with database.transaction() as tx:
                await tx.announce("triage")
                raise ZeroDivisionError
        async with database.transaction() as tx:
            await tx.announce("onboarding")
        assert await reader.next(_SOON_S) == {"onboarding"}


async def test_what_is_told_often_is_heard_once(news: News, database: Database) -> None:
    with news.reader() as reader, news.reader() as witness:
        for subject in ("coverage", "coverage", "triage"):
            async with database.transaction() as tx:
                await tx.announce(subject)
        while "triage" not in await witness.next(_SOON_S):
            pass
        assert await reader.next(_SOON_S) == {"coverage", "triage"}
        assert await reader.next(0.2) == frozenset()


async def test_a_word_that_this_release_does_not_know_is_passed_over(news: News, database_url: str) -> None:
    other = await asyncpg.connect(database_url)
    with news.reader() as reader:
        await other.execute("SELECT pg_notify($1, 'weather')", CHANNEL)
        await other.execute("SELECT pg_notify($1, 'triage')", CHANNEL)
        assert await reader.next(_SOON_S) == {"triage"}
    await other.close()


async def test_after_a_lost_line_everything_counts_as_told(database_url: str, database: Database) -> None:
    async with Line.to(database_url) as line, listening(line.url) as news:
        with news.reader() as reader:
            assert await reader.next(_SOON_S) == SUBJECTS
            line.cut()
            assert await reader.next(_SOON_S) == SUBJECTS
            async with database.transaction() as tx:
                await tx.announce("coverage")
            assert await reader.next(_SOON_S) == {"coverage"}
