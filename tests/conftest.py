"""Real PostgreSQL for every test: one server a session, one migrated and seeded template, one clone a test."""

import asyncio
import contextlib
import gc
import os
import signal
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from litestar import Litestar

from equityaccess import clock, embedded
from equityaccess.access.issue import issue_key
from equityaccess.access.structs import KeyIn, Scope
from equityaccess.app import create_app, state_of
from equityaccess.commands.reference import seed_all
from equityaccess.database import Database, connect
from equityaccess.migrate import migrate
from equityaccess.settings import Settings
from tests.held import held_to_the_contract
from tests.memory import use_memory

# A shell that starts the tests in the background has SIGINT ignored, and every program started from here would inherit
# that: the tests that interrupt one need it back.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Every test builds an application, which is half a million small objects: looking for garbage among them, and among all
# that is imported, took a good part of the time of the tests.
gc.freeze()
gc.set_threshold(100_000, 50, 50)


use_memory()


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
        # By copying files: on a server that may forget, it is a third faster than by way of the log.
        await admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY')
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


@pytest.fixture(scope="session")
async def seeded(server: str, migrated: str) -> AsyncIterator[str]:
    """The name of a migrated database with the reference data in it, to be used as a template only."""
    name = fresh_name("seeded")
    async with clone(server, name, migrated) as url:
        owner = await connect(settings_for(url), role="owner")
        await seed_all(owner, clock.now())
        await owner.close()
        yield name


@pytest.fixture
async def database_url(server: str, seeded: str) -> AsyncIterator[str]:
    """The URL of a database with the reference data in it."""
    async with clone(server, fresh_name("test"), seeded) as url:
        yield url


def settings_for(url: str, **changes: object) -> Settings:
    """Settings for a test server, which is fast because it may forget."""
    return Settings(database_url=url, demand_durability=False, pool_size=4, **changes)  # type: ignore[arg-type]


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A pool on a database with the reference data in it, in the role app."""
    database = await connect(settings_for(database_url))
    yield database
    await database.close()


@pytest.fixture
async def empty(empty_url: str) -> AsyncIterator[Database]:
    """A pool on a migrated database without any rows, in the role app."""
    database = await connect(settings_for(empty_url))
    yield database
    await database.close()


def bearer(secret: str) -> dict[str, str]:
    """The header that shows a key."""
    return {"Authorization": f"Bearer {secret}"}


MakeKey = Callable[..., Awaitable[str]]


@pytest.fixture
async def make_key(database_url: str) -> AsyncIterator[MakeKey]:
    """``await make_key(lea="19642120000000", scopes=["push"])`` is the secret of a new key in the client's database."""
    db = await connect(settings_for(database_url))

    async def issue(*, lea: str | None = None, leas: Sequence[str] = (), scopes: Sequence[Scope] = ("push",)) -> str:
        wanted = KeyIn(scopes=list(scopes), leas=[lea, *leas] if lea else list(leas), label="a test")
        async with db.transaction(every_lea=True) as tx:
            issued = await issue_key(tx, wanted, created_by="a test", now=clock.now())
        return issued.secret

    yield issue
    await db.close()


_stopped: list[Litestar] = []


@contextlib.asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Litestar]:
    """An application between start and stop, in a task of its own as under a server. What it raises, this raises.

    Its routes take longer to build than most tests take, and know nothing of the settings: one that has stopped starts
    again with the state of a new one.
    """
    app = _stopped.pop() if _stopped else create_app(settings)
    app.state = state_of(settings)
    told: asyncio.Queue[Any] = asyncio.Queue()
    said: asyncio.Queue[Any] = asyncio.Queue()
    life = asyncio.create_task(app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, told.get, said.put))  # type: ignore[arg-type]
    await told.put({"type": "lifespan.startup"})
    if (await said.get())["type"] == "lifespan.startup.failed":
        await life
    yield app
    await told.put({"type": "lifespan.shutdown"})
    await life
    _stopped.append(app)


@contextlib.asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application with these settings, each of whose answers is held to the contract."""
    async with (
        running(settings) as app,
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url="http://equityaccess.test",
            event_hooks={"response": [held_to_the_contract]},
        ) as client,
    ):
        yield client


@pytest.fixture
async def client(database_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the application on a database of its own; every answer is held to the contract."""
    async with serving(settings_for(database_url)) as client:
        yield client
