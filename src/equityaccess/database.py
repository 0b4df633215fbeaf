"""The only way to PostgreSQL: a pool, visible transactions, and named statements from ``queries.sql`` files.

Every connection logs in and takes the role ``equityaccess_app`` at once; a transaction may take another of the four
roles for its own length only. What a caller may see is set per transaction (``SET LOCAL``) and enforced by row-level
security, so nothing can leak through the pool.
"""

import asyncio
import contextlib
import math
import re
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

import asyncpg
import msgspec
from asyncpg.pool import PoolConnectionProxy
from sqlalchemy import ClauseElement, text
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg

from equityaccess.problems import Unavailable
from equityaccess.settings import Settings

Role = Literal["app", "aggregator", "public", "owner"]  # owner: migrations and reference data, never a request
Isolation = Literal["read_committed", "repeatable_read"]
Plans = Literal["auto", "force_custom_plan"]
Subject = Literal["coverage", "onboarding", "triage"]  # what a transaction may tell others that it changed
T = TypeVar("T")

_SLACK_S: Final = 2.0  # after which a statement that the server should have ended is taken for one it never answers
_OWNER_S: Final = 120.0  # of the reference data and the directory: nobody waits for them
CONNECT_S: Final = 3.0
_AT_A_TIME: Final = 2_000  # rows of a stream
CHANNEL: Final = "equityaccess_news"
NO_LEA: Final[Sequence[int]] = ()
_DIALECT = PGDialect_asyncpg(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]
_NAMED = re.compile(r"^-- (name|fragment): (\w+)\n", re.MULTILINE)
_COMMENT = re.compile(r"^[ \t]*--.*\n", re.MULTILINE)  # a colon in one would read as a parameter
_FRAGMENT = re.compile(r"\{\{(\w+)\}\}")


class Query(msgspec.Struct, frozen=True):
    """A statement with positional parameters, the names they had, and where it stands."""

    name: str
    sql: str
    parameters: tuple[str, ...]

    def arguments(self, values: dict[str, Any]) -> list[Any]:
        """*values* in the order of the statement; each must be used, none may be missing."""
        if values.keys() != set(self.parameters):
            raise TypeError(f"{self.name} takes {sorted(set(self.parameters))}, not {sorted(values)}")
        return [values[parameter] for parameter in self.parameters]


class Queries:
    """The statements of one ``queries.sql``, by name."""

    def __init__(self, queries: Iterable[Query]) -> None:
        self._queries = {query.name: query for query in queries}

    def __getattr__(self, name: str) -> Query:
        try:
            return self._queries[name]
        except KeyError:
            raise AttributeError(name) from None

    def __iter__(self) -> Iterator[Query]:
        return iter(self._queries.values())


def compiled(statement: ClauseElement, name: str = "core") -> tuple[Query, dict[str, Any]]:
    """A SQLAlchemy Core statement as a Query, with the values bound in it."""
    done = statement.compile(dialect=_DIALECT)
    return Query(name, str(done), tuple(done.positiontup or ())), dict(done.params)  # type: ignore[attr-defined]


def load_queries(beside: str) -> Queries:
    """The statements of the ``queries.sql`` beside the module file *beside*.

    ``-- name: x`` starts a statement, ``-- fragment: x`` a piece that ``{{x}}`` puts into later ones.
    """
    parts = _NAMED.split((Path(beside).parent / "queries.sql").read_text())
    fragments: dict[str, str] = {}
    queries = []
    for kind, name, body in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
        sql = _FRAGMENT.sub(lambda match: fragments[match[1]], _COMMENT.sub("", body).strip().rstrip(";"))
        if kind == "fragment":
            fragments[name] = sql
        else:
            query, _ = compiled(text(sql), name)
            queries.append(query)
    return Queries(queries)


class Transaction:
    """An open transaction: statements in, Structs out.

    The server ends a statement that takes longer than *patience_s*. When nothing at all has come a little after that,
    the line is dead: it is cut here, or whoever waits on it would wait for ever.
    """

    def __init__(self, connection: "asyncpg.Connection[Any] | PoolConnectionProxy[Any]", patience_s: float) -> None:
        self._connection = connection
        self._silence_s = patience_s + min(patience_s, _SLACK_S)

    async def all(self, query: Query, into: type[T], /, **values: Any) -> list[T]:
        """Every row, as *into*, whose fields are the columns."""
        with self._heard():
            rows = await self._connection.fetch(query.sql, *query.arguments(values))
        return [into(**row) for row in rows]

    async def one(self, query: Query, into: type[T], /, **values: Any) -> T | None:
        """The first row as *into*, or None."""
        with self._heard():
            row = await self._connection.fetchrow(query.sql, *query.arguments(values))
        return None if row is None else into(**row)

    async def values(self, query: Query, /, **values: Any) -> list[Any]:
        """The first column of every row."""
        with self._heard():
            return [row[0] for row in await self._connection.fetch(query.sql, *query.arguments(values))]

    async def value(self, query: Query, /, **values: Any) -> Any:  # noqa: ANN401, what a column holds is its own
        """The first column of the first row, or None."""
        with self._heard():
            return await self._connection.fetchval(query.sql, *query.arguments(values))

    async def rows(self, query: Query, /, **values: Any) -> list[tuple[Any, ...]]:
        """Every row as a tuple: for pairs and small lookups."""
        with self._heard():
            return [tuple(row) for row in await self._connection.fetch(query.sql, *query.arguments(values))]

    async def execute(self, query: Query, /, **values: Any) -> int:
        """Run it; how many rows it touched."""
        with self._heard():
            status = await self._connection.execute(query.sql, *query.arguments(values))
        last = status.rpartition(" ")[2]
        return int(last) if last.isdigit() else 0

    async def copy(self, table: str, columns: Sequence[str], records: Iterable[tuple[Any, ...]]) -> None:
        """Stream *records* into *table*: the fastest way in."""
        with self._heard():
            await self._connection.copy_records_to_table(table, columns=list(columns), records=records)

    async def copy_out(self, query: Query, take: Callable[[bytes], Coroutine[Any, Any, None]]) -> None:
        """Hand the rows of *query*, which takes no values, to *take* as binary COPY has them: the fastest way out."""
        with self._heard():
            await self._connection.copy_from_query(query.sql, output=take, format="binary")

    async def stream(self, query: Query, into: type[T], /, **values: Any) -> AsyncIterator[T]:
        """Every row as *into*, fetched 2,000 at a time."""
        with self._heard():
            cursor = await self._connection.cursor(query.sql, *query.arguments(values))
        while rows := await self._fetched(cursor):
            for row in rows:
                yield into(**row)

    async def _fetched(self, cursor: "asyncpg.cursor.Cursor[Any]") -> "list[asyncpg.Record]":
        with self._heard():
            return await cursor.fetch(_AT_A_TIME)

    async def become(self, role: Role) -> None:
        """Take *role* for the rest of this transaction."""
        with self._heard():
            await self._connection.execute("SELECT set_config('role', $1, true)", f"equityaccess_{role}")

    async def announce(self, subject: Subject) -> None:
        """Let everybody who waits for *subject* know, when this transaction commits; see ``news``."""
        with self._heard():
            await self._connection.execute("SELECT pg_notify($1, $2)", CHANNEL, subject)

    @contextlib.asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """A part that may fail, or be undone, without the rest."""
        async with self.block():
            yield

    @contextlib.asynccontextmanager
    async def block(self, isolation: Isolation | None = None) -> AsyncIterator[None]:
        """What is between BEGIN and COMMIT, or the like of a savepoint."""
        block = self._connection.transaction(isolation=isolation)
        with self._heard():
            await block.start()
        try:
            yield
        except BaseException:
            if not self._connection.is_closed():
                with self._heard():
                    await block.rollback()
            raise
        with self._heard():
            await block.commit()

    async def see(self, leas: Sequence[int], *, every_lea: bool, plans: Plans, statement_s: float) -> None:
        """Say until the transaction ends whose rows may be seen, how statements are planned, how long one may take."""
        with self._heard():
            await self._connection.execute(
                "SELECT set_config('app.leas', $1, true), set_config('app.every_lea', $2, true),"
                " set_config('statement_timeout', $3, true), set_config('plan_cache_mode', $4, true)",
                "{" + ",".join(map(str, leas)) + "}",
                "on" if every_lea else "off",
                str(math.ceil(statement_s * 1000)),
                plans,
            )

    def _heard(self) -> contextlib.AbstractContextManager[None]:
        return _heard(self._connection, self._silence_s)


@contextlib.contextmanager
def _heard(connection: "asyncpg.Connection[Any] | PoolConnectionProxy[Any]", silence_s: float) -> Iterator[None]:
    """Cut the line if the server says nothing in time; who waits is then told that the connection is gone."""
    watch = asyncio.get_running_loop().call_later(silence_s, connection.terminate)
    try:
        yield
    finally:
        watch.cancel()


class UnsafeServer(RuntimeError):
    """The server would lose acknowledged data in a crash, or is not ours to use."""


class Database:
    """A pool of connections that are never the owner."""

    def __init__(self, pool: "asyncpg.Pool[Any]", wait_s: float, patience_s: float) -> None:
        self._pool = pool
        self._wait_s = wait_s
        self._patience_s = patience_s
        self.waiting = 0  # transactions that want a connection and have none yet

    @contextlib.asynccontextmanager
    async def transaction(
        self,
        *,
        leas: Sequence[int] = NO_LEA,
        every_lea: bool = False,
        role: Role = "app",
        isolation: Isolation = "read_committed",
        patience_s: float | None = None,
    ) -> AsyncIterator[Transaction]:
        """A transaction that sees the rows of *leas* only, or may read those of every LEA; commits at the end.

        No statement of it may take longer than *patience_s*; without it, than those of a request may.
        Raises Unavailable when no connection is free in time, or the server is no longer safe to write to.
        """
        patience_s = patience_s or self._patience_s
        async with self._connection() as connection:
            tx = Transaction(connection, patience_s)
            async with tx.block(isolation):
                # Who reads every LEA asks for much or for little: one plan for both was up to fifteen times too slow.
                plans: Plans = "force_custom_plan" if every_lea or role != "app" else "auto"
                await tx.see(leas, every_lea=every_lea, plans=plans, statement_s=patience_s)
                if role != "app":
                    await tx.become(role)
                yield tx

    @contextlib.asynccontextmanager
    async def _connection(self) -> "AsyncIterator[PoolConnectionProxy[Any]]":
        self.waiting += 1
        try:
            connection = await self._pool.acquire(timeout=self._wait_s)
        except (TimeoutError, OSError, asyncpg.PostgresConnectionError, asyncpg.CannotConnectNowError) as error:
            detail = "The database has no free connection. Nothing was half done: send the same again."
            raise Unavailable(detail, headers={"Retry-After": "2"}) from error
        except UnsafeServer as error:
            raise Unavailable(str(error), headers={"Retry-After": "60"}) from error
        finally:
            self.waiting -= 1
        try:
            yield connection
        finally:
            await self._pool.release(connection)

    async def close(self) -> None:
        """Give every connection back to the server."""
        try:
            async with asyncio.timeout(10):
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()


def plain_url(url: str) -> str:
    """*url* as asyncpg wants it, without SQLAlchemy's ``+asyncpg``."""
    return url.replace("postgresql+asyncpg://", "postgresql://", 1)


async def connect(settings: Settings, *, role: Role = "app", name: str = "equityaccess") -> Database:
    """A pool on ``settings.database_url``, every connection in *role* and known to the server as *name*.

    Raises UnsafeServer when the server gave up crash safety, or its login may not take the role.
    """
    patience_s = _OWNER_S if role == "owner" else settings.statement_timeout_s
    try:
        pool = await asyncpg.create_pool(
            plain_url(settings.database_url),
            min_size=1,
            max_size=settings.pool_size,
            init=_demand_durability if settings.demand_durability else None,
            timeout=CONNECT_S,  # the pool also connects by itself, when nobody is there to lose patience
            server_settings={
                "application_name": name,
                "role": f"equityaccess_{role}",
                "timezone": "UTC",
                "jit": "off",  # it costs more than it gives on statements this short
                "statement_timeout": str(math.ceil(patience_s * 1000)),
                "lock_timeout": "10s",
                "idle_in_transaction_session_timeout": "15s",  # we may be cut off, and hold locks until then
                "client_connection_check_interval": "5s",  # who was killed in a long statement must not hold its locks
            },
        )
    except asyncpg.InvalidParameterValueError as error:
        raise UnsafeServer(
            f"The login of EQUITYACCESS_DATABASE_URL cannot take the role equityaccess_{role}: {error}. "
            "Run `equityaccess migrate` as an administrator, with --login for this one."
        ) from None
    return Database(pool, settings.pool_wait_s, patience_s)


_DURABILITY = (
    "SELECT name FROM pg_settings"
    " WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit') AND setting = 'off' ORDER BY name"
)


async def _demand_durability(connection: "asyncpg.Connection[Any]") -> None:
    """Asked on every new connection: a server may be started again with other settings than we began with."""
    with _heard(connection, CONNECT_S):
        found = await connection.fetch(_DURABILITY)
    if off := [row["name"] for row in found]:
        raise UnsafeServer(
            f"PostgreSQL runs with {', '.join(off)} = off: an acknowledged push could be lost in a crash. "
            "Switch it on and start again."
        )
