"""What harnesses work on: a PostgreSQL of their own, a migrated and seeded database, and the service as processes.

Making such a PostgreSQL takes seconds, copying its files a tenth of one: it is made once for all harnesses.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from pathlib import Path

import httpx
import msgspec

from equityaccess import clock, database, embedded
from equityaccess.access.issue import issue_key
from equityaccess.access.structs import KeyIn, Scope
from equityaccess.commands.reference import seed_all
from equityaccess.database import Database
from equityaccess.migrate import migrate
from equityaccess.settings import Settings

PREPARED = "TRUST_PREPARED"  # the variable that says where the files are that every harness copies
_START_TIMEOUT_S = 60.0
_STOP_TIMEOUT_S = 30.0
# Two real districts of the directory in the wheel, and the rate that no harness but that of the rate itself may meet.
LAUSD = "19647330000000"
LONG_BEACH = "19647250000000"
_NO_LIMIT = "100000000"


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """A folder that is gone at the end."""
    with tempfile.TemporaryDirectory(prefix="ea-trust-", ignore_cleanup_errors=True) as name:
        yield Path(name)


async def prepare(at: Path) -> None:
    """Put into *at* the files of a PostgreSQL with a migrated database and the reference data in it, and stop it."""
    with embedded.postgres(at / "pg") as url:
        await migrate(url)
        owner = await database.connect(settings_for(url), role="owner")
        await seed_all(owner, clock.now())
        await owner.close()


def copy_prepared(at: Path) -> None:
    """Put into *at* a copy of what was prepared for all harnesses."""
    shutil.copytree(Path(os.environ[PREPARED]) / "pg", at / "pg")


@contextlib.asynccontextmanager
async def seeded(at: Path, *, durable: bool = True) -> AsyncIterator[str]:
    """The URL of a migrated database with the reference data in it, on a PostgreSQL started for it in *at*.

    ``equityaccess serve`` refuses a server that is not durable.
    """
    copy_prepared(at)
    with embedded.postgres(at / "pg", durable=durable, settings={"max_connections": "200"}) as url:
        yield url


def settings_for(url: str, **changes: object) -> Settings:
    """Settings for a harness' own connections to a server that may be fast because it may forget."""
    return Settings(database_url=url, demand_durability=False, **changes)  # type: ignore[arg-type]


async def key(db: Database, *leas: str, scopes: Sequence[Scope] = ("push", "read")) -> str:
    """The secret of a new key for *leas*."""
    wanted = KeyIn(label="a harness", leas=list(leas), scopes=list(scopes))
    async with db.transaction(every_lea=True) as tx:
        return (await issue_key(tx, wanted, created_by="a harness", now=clock.now())).secret


async def until(seen: Callable[[], Awaitable[object]], every_s: float = 0.05) -> None:
    """Wait until *seen* answers yes; give it a timeout."""
    while not await seen():  # noqa: ASYNC110, what is waited for happens in other processes
        await asyncio.sleep(every_s)


def free_port() -> int:
    """A port on which nobody listens now."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """A running command of equityaccess."""

    port: int
    process: "subprocess.Popen[bytes]"
    log: Path

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"


def start(
    at: Path, url: str, *command: str, port: int = 0, defect: str = "", settings: Mapping[str, str] | None = None
) -> Service:
    """Start ``equityaccess COMMAND`` on *url*; *defect* is a ``MODULE:FUNCTION`` that seeds a defect first."""
    program = ["-m", "tests.trust.mutated", defect] if defect else ["-m", "equityaccess"]
    arguments = [*command, *(["--port", str(port)] if command[0] == "serve" else [])]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("EQUITYACCESS_")}
    given = {"DATABASE_URL": url, "RATE_PER_MINUTE": _NO_LIMIT, **(settings or {})}
    log = at / f"{command[0]}.log"
    with log.open("ab") as file:
        process = subprocess.Popen(
            [sys.executable, *program, *arguments],
            env=kept | {f"EQUITYACCESS_{name}": value for name, value in given.items()},
            stdout=file,
            stderr=file,
            stdin=subprocess.DEVNULL,
        )
    return Service(port=port, process=process, log=log)


async def ready(service: Service) -> None:
    """Wait until *service* says that it is ready.

    Raises RuntimeError with the end of its log when it has died or takes too long.
    """
    async with httpx.AsyncClient(base_url=service.url) as client:
        deadline = asyncio.get_running_loop().time() + _START_TIMEOUT_S
        while service.process.poll() is None and asyncio.get_running_loop().time() < deadline:
            with contextlib.suppress(httpx.HTTPError):
                if (await client.get("/health/ready")).status_code == 200:
                    return
            await asyncio.sleep(0.05)
    raise RuntimeError("the service is not ready:\n" + service.log.read_text()[-2000:])


def stop(service: Service) -> None:
    """Tell *service* to finish what it has begun and end, and see that it has."""
    service.process.send_signal(signal.SIGTERM)
    try:
        service.process.wait(_STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        service.process.kill()
        service.process.wait()


@contextlib.asynccontextmanager
async def serving(
    at: Path, url: str, *arguments: str, defect: str = "", settings: Mapping[str, str] | None = None
) -> AsyncIterator[Service]:
    """`equityaccess serve` on *url*, ready."""
    service = start(at, url, "serve", *arguments, port=free_port(), defect=defect, settings=settings)
    try:
        await ready(service)
        yield service
    finally:
        stop(service)
