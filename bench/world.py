"""What is measured: a durable PostgreSQL with stored rows, and the service's own processes on copies of it."""

import asyncio
import contextlib
import math
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, TypeAlias
from uuid import uuid4

import asyncpg
import msgspec

from bench import client
from bench.rows import Cell, cells
from equityaccess import clock, database, embedded
from equityaccess.access.issue import issue_key
from equityaccess.access.structs import KeyIn
from equityaccess.commands.reference import seed_all
from equityaccess.coverage.jobs import rebuild_coverage
from equityaccess.database import Database, Transaction, load_queries
from equityaccess.migrate import migrate
from equityaccess.settings import Settings
from equityaccess.submissions import store

_START_TIMEOUT_S = 30
_STOP_TIMEOUT_S = 60
LONG_S = 3600.0
_DISTRICTS = 16
Administrator: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
sql = load_queries(__file__)


class World(msgspec.Struct, frozen=True, kw_only=True):
    """The server, its filled database (a template only), and the keys in it."""

    admin_url: str
    template: str
    folder: Path
    stored: int
    weeks: int
    cells: list[Cell]
    push_key: str  # speaks for every LEA of the cells
    county_key: str
    district_keys: dict[str, str]  # by CDS code
    today: date

    @property
    def stored_days(self) -> list[date]:
        """The days of the stored observations, newest first."""
        return [newest_stored(self.today) - timedelta(weeks=n) for n in range(self.weeks)]

    def fresh_days(self) -> Iterator[date]:
        """Days on which nothing is stored, newest first."""
        weekday = newest_stored(self.today).weekday()
        return (day for n in range(1, 2000) if (day := self.today - timedelta(days=n)).weekday() != weekday)

    @contextlib.asynccontextmanager
    async def clone(self, name: str) -> AsyncIterator[str]:
        """The URL of a copy of the filled database, dropped at the end."""
        admin = await asyncpg.connect(self.admin_url)
        try:
            await admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{self.template}" STRATEGY FILE_COPY')
            yield _named(self.admin_url, name)
            await admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
        finally:
            await admin.close()


def newest_stored(today: date) -> date:
    """The day of the newest stored observations."""
    return today - timedelta(days=1)


def _named(url: str, name: str) -> str:
    head, mark, query = url.partition("?")
    return f"{head.rpartition('/')[0]}/{name}{mark}{query}"


def settings_for(url: str) -> Settings:
    """The product's own settings, but for the length of a statement: at 10^7 rows a plain GROUP BY takes long."""
    return Settings(database_url=url, statement_timeout_s=LONG_S, push_timeout_s=LONG_S)


@contextlib.asynccontextmanager
async def administrator(url: str) -> AsyncIterator[Administrator]:
    """A connection that row-level security does not bind."""
    connection = await asyncpg.connect(url, server_settings={"jit": "off", "timezone": "UTC"})
    try:
        yield connection
    finally:
        await connection.close()


@contextlib.asynccontextmanager
async def pool(url: str) -> AsyncIterator[Database]:
    """A pool as the product's processes have one."""
    db = await database.connect(settings_for(url))
    try:
        yield db
    finally:
        await db.close()


@contextlib.asynccontextmanager
async def world(folder: Path, stored: int) -> AsyncIterator[World]:
    """A migrated, seeded and filled database with current coverage, on a PostgreSQL started for it in *folder*."""
    today = clock.today()
    with embedded.postgres(folder / "pg") as url:
        await migrate(url)
        owner = await database.connect(settings_for(url), role="owner")
        await seed_all(owner, clock.now())
        await owner.close()
        found, weeks = await _fill(url, stored, today)
        async with pool(url) as db:
            push_key = await _key(db, scopes=["push"], leas=sorted({cell.cds for cell in found}))
            county_key = await _key(db, scopes=["county"], leas=[])
            districts = sorted({cell.cds for cell in found})[:_DISTRICTS]
            district_keys = {cds: await _key(db, scopes=["push", "read"], leas=[cds]) for cds in districts}
            async with db.transaction(role="aggregator") as tx:
                await rebuild_coverage(tx, clock.now())
        async with administrator(url) as admin:
            await admin.execute("VACUUM ANALYZE")
        yield World(
            admin_url=_named(url, "postgres"),
            template=embedded.DATABASE,
            folder=folder,
            stored=stored,
            weeks=weeks,
            cells=found,
            push_key=push_key,
            county_key=county_key,
            district_keys=district_keys,
            today=today,
        )


async def _key(db: Database, **wanted: Any) -> str:
    async with db.transaction(every_lea=True) as tx:
        issued = await issue_key(
            tx, KeyIn(label="the benchmark", **wanted), created_by="the benchmark", now=clock.now()
        )
    return issued.secret


async def _fill(url: str, stored: int, today: date) -> tuple[list[Cell], int]:
    """Put in *stored* observations and mark them; the cells they are of, and over how many weeks."""
    async with administrator(url) as admin:
        tx = Transaction(admin, patience_s=LONG_S)
        lea_ids = await tx.values(sql.lea_ids)
        known = await store.known(tx, lea_ids, today)
        most = len(cells(known, today))
        oldest = newest_stored(today) - timedelta(weeks=math.ceil(1.5 * stored / most) + 1)
        found = cells(known, oldest)
        weeks = math.ceil(stored / len(found))
        await tx.execute(sql.make_cells)
        await tx.copy(
            "bench_cell",
            ("lea_id", "indicator_id", "student_group_id", "population"),
            ((c.lea_id, c.indicator_id, c.student_group_id, c.population) for c in found),
        )
        await tx.execute(
            sql.store_observations, newest=newest_stored(today), weeks=weeks, stored=stored, submission_id=uuid4()
        )
        await tx.execute(sql.mark_everything)
        await admin.execute("ANALYZE")
    return found, weeks


def noon(day: date) -> datetime:
    """An instant for rows that are put in beside the service."""
    return datetime.combine(day, time(12), clock.LOCAL)


class Server(msgspec.Struct, frozen=True):
    """A running `equityaccess serve`."""

    port: int
    pid: int


@contextlib.asynccontextmanager
async def serving(world: World, url: str) -> AsyncIterator[Server]:
    """`equityaccess serve` with one worker on *url*, ready."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with _process(world, url, "serve", "--port", str(port)) as process:
        deadline = asyncio.get_running_loop().time() + _START_TIMEOUT_S
        while not await _is_ready(port):
            if process.poll() is not None or asyncio.get_running_loop().time() > deadline:
                raise RuntimeError("serve did not start:\n" + (world.folder / "serve.log").read_text()[-2000:])
            await asyncio.sleep(0.05)
        yield Server(port, process.pid)


async def _is_ready(port: int) -> bool:
    try:
        connection = await client.connect(port)
        await connection.ask("GET", "/health/ready", 200)
    except (OSError, EOFError, client.UnexpectedAnswer):
        return False
    await connection.close()
    return True


@contextlib.contextmanager
def scheduling(world: World, url: str) -> Iterator[None]:
    """`equityaccess scheduler` on *url*."""
    with _process(world, url, "scheduler"):
        yield


@contextlib.contextmanager
def _process(world: World, url: str, command: str, *arguments: str) -> Iterator["subprocess.Popen[bytes]"]:
    with (world.folder / f"{command}.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "equityaccess", command, *arguments],
            env=_environment(url),
            stdout=log,
            stderr=log,
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()


def _environment(url: str) -> Mapping[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("EQUITYACCESS_")}
    return kept | {
        "EQUITYACCESS_DATABASE_URL": url,
        "EQUITYACCESS_RATE_PER_MINUTE": "100000000",
        "EQUITYACCESS_STATEMENT_TIMEOUT_S": str(LONG_S),
        "EQUITYACCESS_PUSH_TIMEOUT_S": str(LONG_S),
    }
