"""A door with nothing behind it: the guard, a route that says who is calling, and one for the county's readers."""

from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import httpx
import pytest
from litestar import Litestar, Router, get
from litestar.di import NamedDependency, Provide

from equityaccess import clock, web
from equityaccess.access import auth
from equityaccess.access.issue import issue_key
from equityaccess.access.limits import Limits
from equityaccess.access.structs import Caller, KeyIn
from equityaccess.database import Database

ABC, ACTON, LONG_BEACH = "19642120000000", "19753090000000", "19647250000000"


@pytest.fixture
async def owner(empty_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection of the owner, who may write the directory."""
    connection = await asyncpg.connect(empty_url, server_settings={"role": "equityaccess_owner"})
    yield connection
    await connection.close()


@pytest.fixture
async def leas(owner: asyncpg.Connection) -> dict[str, int]:
    """Three districts in an otherwise empty database: their ids by code."""
    names = {ABC: "ABC Unified", ACTON: "Acton-Agua Dulce Unified", LONG_BEACH: "Long Beach Unified"}
    ids = {}
    for code, name in names.items():
        ids[code] = await owner.fetchval("INSERT INTO lea DEFAULT VALUES RETURNING lea_id")
        await owner.execute(
            "INSERT INTO lea_period (lea_id, valid_from, name, kind, county_code) "
            "VALUES ($1, '2018-07-01', $2, 'unified_district', '19')",
            ids[code],
            name,
        )
        await owner.execute(
            "INSERT INTO identifier (scheme, code, lea_id, valid_from) VALUES ('cds', $1, $2, '2018-07-01')",
            code,
            ids[code],
        )
    return ids


class Door:
    """A client of the small app, and the keys to it."""

    def __init__(self, db: Database, limits: Limits) -> None:
        self.db = db

        @get("/who", operation_id="who")
        async def who(caller: NamedDependency[Caller]) -> Caller:
            return caller

        @get("/county", operation_id="county")
        async def county(caller: NamedDependency[Caller]) -> None:
            caller.demand("county")

        @get("/unguarded", dependencies={"caller": Provide(auth.provide_caller)})
        async def unguarded(caller: NamedDependency[Caller]) -> Caller:
            return caller

        guarded = Router(
            "/v1",
            route_handlers=[who, county],
            guards=[auth.authenticated],
            dependencies={"caller": Provide(auth.provide_caller)},
        )
        self.app = Litestar(
            [guarded, unguarded],
            exception_handlers={Exception: web.refuse},
            before_send=[auth.show_share],
            openapi_config=None,
            logging_config=None,
        )
        self.app.state.db, self.app.state.limits = db, limits
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://test")

    async def key(
        self, *leas: str, scopes=("push",), days: int = 180, ago: timedelta = timedelta(0), label: str = ""
    ) -> str:
        """The secret of a new key, issued *ago*."""
        wanted = KeyIn(scopes=list(scopes), leas=list(leas), expires_in_days=days, label=label)
        async with self.db.transaction(every_lea=True) as tx:
            return (await issue_key(tx, wanted, created_by="a test", now=clock.now() - ago)).secret

    async def get(self, path: str, secret: str | None = None, **more) -> httpx.Response:
        headers = {"Authorization": f"Bearer {secret}"} if secret else {}
        return await self.client.get(path, headers=headers, **more)


@pytest.fixture
async def door(empty: Database, leas: dict[str, int]) -> AsyncIterator[Door]:
    """The small app on a database with three districts."""
    door = Door(empty, Limits(600, 60))
    async with door.client:
        yield door
