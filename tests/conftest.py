"""Real PostgreSQL for every test: one server a session, one migrated and seeded template, one clone a test."""

import contextlib
import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from equityaccess import embedded
from equityaccess.database import Database, connect
from equityaccess.migrate import migrate
from equityaccess.settings import Settings


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The URL of a PostgreSQL for this session: EQUITYACCESS_TEST_DATABASE_URL, or an embedded one."""
    if given := os.environ.get("EQUITYACCESS_TEST_DATABASE_URL"):
        yield given
        return
    with (
        tempfile.TemporaryDirectory(prefix="ea-") as folder,
        embedded.postgres(Path(folder) / "pg", durable=False, settings={"max_connections": "200"}) as url,
    ):
        yield url


def named(url: str, database: str) -> str:
    """*url* with another database name."""
    head, _, rest = url.partition("://")
    place, mark, query = rest.partition("?")
    return f"{head}://{place.rpartition('/')[0]}/{database}{mark}{query}"


@contextlib.asynccontextmanager
async def clone(server: str, name: str, template: str) -> AsyncIterator[str]:
    """A database of its own, made from *template* and dropped at the end."""
    admin = await asyncpg.connect(server)
    try:
        await admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        await admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        yield named(server, name)
        await admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    finally:
        await admin.close()


_number = iter(range(1_000_000_000))


def fresh_name(what: str) -> str:
    """A database name that no other test of this machine uses."""
    return f"ea_{what}_{os.getpid()}_{next(_number)}"


@pytest.fixture(scope="session")
async def migrated(server: str) -> AsyncIterator[str]:
    """The name of an empty, migrated database, to be used as a template only."""
    name = fresh_name("migrated")
    async with clone(server, name, "template0") as url:
        await migrate(url)
        yield name


@pytest.fixture
async def empty_url(server: str, migrated: str) -> AsyncIterator[str]:
    """The URL of a migrated database without any rows."""
    async with clone(server, fresh_name("test"), migrated) as url:
        yield url


def settings_for(url: str, **changes: object) -> Settings:
    """Settings for a test server, which is fast because it may forget."""
    return Settings(database_url=url, demand_durability=False, pool_size=4, **changes)  # type: ignore[arg-type]


@pytest.fixture
async def empty(empty_url: str) -> AsyncIterator[Database]:
    """A pool on a migrated database without any rows, in the role app."""
    database = await connect(settings_for(empty_url))
    yield database
    await database.close()
