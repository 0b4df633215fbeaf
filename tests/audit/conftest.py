"""A log with some sealed entries in it, and a superuser's connection to it."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from equityaccess import clock
from equityaccess.audit import chain, store
from equityaccess.audit.structs import Entry, Origin
from equityaccess.database import Database

SEALS = 12


async def fill(db: Database, *, seals: int = SEALS, each: int = 3) -> None:
    """Put entries on record, and seal them a few at a time."""
    for number in range(seals):
        async with db.transaction() as tx:
            for one in range(each):
                origin = Origin(actor="a test", lea_ids=[1], address="192.0.2.1", request_id=f"{number}-{one}")
                await store.write(tx, Entry(origin=origin, action="push", object=f"/{number}/{one}", status=201))
        async with db.transaction(role="aggregator") as tx:
            assert await chain.seal(tx, clock.now())


@pytest.fixture
async def filled(empty: Database) -> Database:
    await fill(empty)
    return empty


@pytest.fixture
async def admin(empty_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A superuser: no wall holds it."""
    connection = await asyncpg.connect(empty_url)
    yield connection
    await connection.close()
