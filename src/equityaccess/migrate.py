"""Moves the schema: roles first, then Alembic's numbered revisions, one at a time under an advisory lock."""

import asyncio
import itertools
import re

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from equityaccess.bundled import bundled
from equityaccess.database import plain_url

_LOCK = 0x45415F4D  # "EA_M": two migrations never run at once
_LOCK_EVERY_S = 0.1
_ATTEMPTS, _AGAIN_S = 60, 1.0  # to get the locks that a revision needs, each of which waits 0.3 s at the most
_LOGIN = re.compile(r"\A[a-z_][a-z0-9_]{0,62}\Z")
_MAKE_LOGIN = (
    "SELECT format('%s ROLE %I LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOINHERIT PASSWORD %L',"
    " $1::text, $2::text, $3::text)"
)
_GRANT_ROLES = "SELECT format('GRANT equityaccess_app, equityaccess_aggregator, equityaccess_public TO %I', $1::text)"


class SchemaMismatch(RuntimeError):
    """The schema does not serve this code; the message says why, and what to do."""


def config() -> Config:
    """Alembic's configuration: where the scripts are, and nothing else."""
    alembic = Config()
    alembic.set_main_option("script_location", str(bundled("db") / "migrations"))
    return alembic


def code_revision() -> str:
    """The revision that this code needs."""
    head = ScriptDirectory.from_config(config()).get_current_head()
    if head is None:
        raise SchemaMismatch("There are no migrations beside this code: the installation is incomplete.")
    return head


def _url(url: str) -> str:
    return plain_url(url).replace("postgresql://", "postgresql+asyncpg://", 1)


async def migrate(url: str, revision: str = "head") -> tuple[str | None, str | None]:
    """Bring the database at *url* to *revision*; the revisions before and after. *url* logs in as an administrator.

    One that is further on is left as it is. Raises SchemaMismatch when it serves this code no more.
    """
    found, oldest = await _schema(url)
    if found is not None and found > code_revision():
        _demand_served(found, oldest)
        return found, found
    engine = create_async_engine(_url(url))
    try:
        async with engine.connect() as connection:
            await _take_lock(connection)
            await make_roles(url)
            before = await _revision(connection)
            await connection.commit()  # Alembic gives each revision its own transaction only if none is open
            await _upgrade_patiently(connection, revision)
            await connection.commit()
            return before, await _revision(connection)
    finally:
        await engine.dispose()


async def _take_lock(connection: AsyncConnection) -> None:
    """Hold the lock of migrations for the session: asked for again and again, never waited for in a statement.

    A waiting statement is a transaction that an index built concurrently under the lock would wait for in turn.
    """
    while not await connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": _LOCK}):
        await connection.rollback()
        await asyncio.sleep(_LOCK_EVERY_S)
    await connection.commit()


async def make_roles(url: str) -> None:
    """Make the four roles, which belong to the cluster and not to a database, unless they are there."""
    connection = await asyncpg.connect(plain_url(url))
    try:
        await connection.execute((bundled("db") / "roles.sql").read_text())
    finally:
        await connection.close()


async def _upgrade_patiently(connection: AsyncConnection, revision: str) -> None:
    """Try again when a lock was not to be had: who waits for one makes everybody behind it wait, so nobody does long.

    What was migrated before stays: each revision is a transaction of its own.
    """
    for attempt in itertools.count(1):
        try:
            await connection.run_sync(_upgrade, revision)
        except (DBAPIError, asyncpg.LockNotAvailableError) as error:
            lacks_lock = asyncpg.LockNotAvailableError.sqlstate in (
                getattr(error, "sqlstate", None),
                getattr(getattr(error, "orig", None), "sqlstate", None),
            )
            if not lacks_lock or attempt == _ATTEMPTS:
                raise
            await connection.rollback()
            await asyncio.sleep(_AGAIN_S)
        else:
            return


def _upgrade(connection: Connection, revision: str) -> None:
    alembic = config()
    alembic.attributes["connection"] = connection
    command.upgrade(alembic, revision)


async def _revision(connection: AsyncConnection) -> str | None:
    there = await connection.scalar(text("SELECT to_regclass('alembic_version') IS NOT NULL"))
    return await connection.scalar(text("SELECT version_num FROM alembic_version")) if there else None


async def database_revision(url: str) -> str | None:
    """The revision of the database at *url*, None if it was never migrated."""
    connection = await asyncpg.connect(plain_url(url))
    try:
        if not await connection.fetchval("SELECT to_regclass('alembic_version') IS NOT NULL"):
            return None
        found: str | None = await connection.fetchval("SELECT version_num FROM alembic_version")
        return found
    finally:
        await connection.close()


async def demand_revision(url: str) -> None:
    """Raise SchemaMismatch unless the schema serves this code: it has what the code needs, and has not dropped it."""
    _demand_served(*await _schema(url))


def _demand_served(found: str | None, oldest: str | None) -> None:
    if reason := reason_to_refuse(found, oldest, code_revision()):
        raise SchemaMismatch(reason)


def reason_to_refuse(found: str | None, oldest: str | None, needed: str) -> str | None:
    """Why a schema at *found*, which says that it serves code from *oldest* on, is not one for code of *needed*."""
    if found is None or found < needed:
        return (
            f"The database is at revision {found or 'none'}, this code needs {needed}: "
            "run `equityaccess migrate` first."
        )
    if found > needed and (oldest is None or oldest > needed):
        return (
            f"The database is at revision {found} and serves code from {oldest or found} on, which is newer than "
            f"this code's {needed}: install a newer equityaccess."
        )
    return None


async def _schema(url: str) -> tuple[str | None, str | None]:
    """The revision of the database at *url*, and that of the oldest code it says that it serves."""
    found = await database_revision(url)
    if found is None or found <= code_revision():
        return found, None
    connection = await asyncpg.connect(plain_url(url))
    try:
        return found, await connection.fetchval("SELECT oldest_code()")
    finally:
        await connection.close()


async def allow_login(url: str, login: str, password: str) -> None:
    """Create or update *login*, an ordinary account that may only become app, aggregator or public."""
    if not _LOGIN.match(login):
        raise ValueError(f"{login!r} is not a role name: lower-case letters, digits and _, not starting with a digit")
    connection = await asyncpg.connect(plain_url(url))
    try:
        exists = await connection.fetchval("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", login)
        verb = "ALTER" if exists else "CREATE"
        # A role cannot be a parameter; the server quotes it, so that no statement is ever put together here.
        await connection.execute(await connection.fetchval(_MAKE_LOGIN, verb, login, password))
        await connection.execute(await connection.fetchval(_GRANT_ROLES, login))
    finally:
        await connection.close()


def migrate_now(url: str) -> tuple[str | None, str | None]:
    """``migrate`` for callers without an event loop."""
    return asyncio.run(migrate(url))
