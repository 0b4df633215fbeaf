"""The rebuild reads observations as PostgreSQL's binary COPY has them, in pieces that may end anywhere."""

from datetime import date, timedelta

import asyncpg
import numpy as np
import pytest

from equityaccess.coverage import jobs, rebuilding, store
from equityaccess.coverage import observed as observed_module
from equityaccess.coverage.observed import Observed
from equityaccess.coverage.rules import WEEKS_START
from equityaccess.database import Database
from equityaccess.outcome import Done
from tests.coverage.test_aggregation import Story, noon
from tests.coverage.worlds import settle


@pytest.fixture
async def copied(empty: Database, empty_url: str) -> bytes:
    """A few hundred observations as they come out of the database."""
    story = Story(5, empty_url, empty, await settle(empty_url))
    await story.play(steps=40)
    await story.connection.close()
    pieces = bytearray()

    async def take(piece: bytes) -> None:
        pieces.extend(piece)

    async with empty.transaction(role="aggregator") as tx:
        await tx.copy_out(store.sql.observed_ever, take)
    return bytes(pieces)


@pytest.mark.parametrize("size", [1, 18, 19, 20, 85, 87, 10_000_000])
async def test_a_row_is_a_row_wherever_a_piece_ends(copied: bytes, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observed_module, "_AT_A_TIME", 200)
    observed, whole = Observed(), Observed()
    for start in range(0, len(copied), size):
        await observed.take(copied[start : start + size])
    await whole.take(copied)
    rows = observed.table()
    assert len(rows) > 100
    assert np.array_equal(rows, whole.table())


async def test_what_is_read_is_what_was_stored(copied: bytes, empty: Database) -> None:
    observed = Observed()
    await observed.take(copied)
    start = WEEKS_START - timedelta(days=rebuilding._DATES_START)
    read = {
        (lea, indicator, group, start + timedelta(days=as_of), *rest[:-2], rest[-2].decode())
        for lea, indicator, group, as_of, *rest in observed.table().tolist()
    }
    async with empty.transaction(role="aggregator") as tx:
        rows = await tx.rows(store.sql.observed_ever)
    assert read == {row[:-1] for row in rows}
    ends = {row[-1] for row in rows}
    assert {date.max} < ends, "plans that end, and observations without an end"


async def test_who_was_asked_has_figures_though_nobody_said_anything(empty: Database, empty_url: str) -> None:
    await settle(empty_url)
    async with empty.transaction(role="aggregator") as tx:
        await jobs.expire_coverage(tx, noon(date(2024, 8, 1)))
        done = await jobs.rebuild_coverage(tx, noon(date(2024, 8, 1)))
        assert await tx.rows(store.sql.different_points) == []
        await tx.execute(store.sql.clear_points)
        told = await tx.rows(store.sql.different_points)
    assert (done.failed, len(told) > 10) == (False, True), "the rebuild found as many figures as were stored"


async def test_there_is_nothing_to_rebuild_before_anything_is_set_up(empty: Database) -> None:
    async with empty.transaction(role="aggregator") as tx:
        assert await jobs.rebuild_coverage(tx, noon(date(2024, 8, 1))) == Done(
            touched=0, said="the rebuilt figures are those that were stored"
        )


async def test_nobody_is_asked_before_the_directory_is_there(empty: Database, empty_url: str) -> None:
    await settle(empty_url)
    owner = await asyncpg.connect(empty_url)
    await owner.execute("TRUNCATE lea CASCADE")
    await owner.close()
    async with empty.transaction(role="aggregator") as tx:
        await jobs.expire_coverage(tx, noon(date(2024, 8, 1)))
        assert not (await jobs.rebuild_coverage(tx, noon(date(2024, 8, 1)))).failed
