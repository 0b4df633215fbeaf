"""The database is what the migrations, tables.py, schema.sql and the walls say it is."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine

import equityaccess
from equityaccess import tables
from equityaccess.database import Database, Query, load_queries
from equityaccess.migrate import code_revision, config, migrate
from tests.conftest import clone, fresh_name
from tests.schema_dump import SCHEMA, dump

QUERY_FILES = sorted(Path(equityaccess.__file__).parent.rglob("queries.sql"))
# Comments are written for who reads the database; tables.py has its own.
IGNORED = ("modify_comment", "add_table_comment", "remove_table_comment")


@pytest.fixture
async def administrator(empty_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A superuser's connection to a migrated database: no wall holds it."""
    connection = await asyncpg.connect(empty_url)
    yield connection
    await connection.close()


def differences(connection: Connection) -> list[Any]:
    partitions = connection.exec_driver_sql("SELECT inhrelid::regclass::text FROM pg_inherits").scalars().all()
    exclusions = connection.exec_driver_sql("SELECT conname FROM pg_constraint WHERE contype = 'x'").scalars().all()

    def is_compared(_: Any, name: str | None, kind: str, is_reflected: bool, __: Any) -> bool:
        # A partition is its parent's; Alembic takes the index of an exclusion constraint for one that was forgotten.
        return not (is_reflected and name in {"table": partitions, "index": exclusions}.get(kind, ()))

    options = {"compare_type": True, "compare_server_default": True, "include_object": is_compared}
    found = compare_metadata(MigrationContext.configure(connection, opts=options), tables.metadata)
    changes = [change for entry in found for change in (entry if isinstance(entry, list) else [entry])]
    return [change for change in changes if change[0] not in IGNORED]


async def test_the_tables_in_python_are_the_tables_that_the_migrations_make(empty_url: str) -> None:
    engine = create_async_engine(empty_url.replace("postgresql://", "postgresql+asyncpg://", 1))
    try:
        async with engine.connect() as connection:
            assert await connection.run_sync(differences) == []
    finally:
        await engine.dispose()


async def test_the_committed_dump_is_what_the_migrations_make(empty_url: str) -> None:
    made = await asyncio.to_thread(dump, empty_url)
    assert made == SCHEMA.read_text(), "The schema changed: run `make schema`, read the difference, commit both."


def test_the_migrations_are_numbered_without_gaps_and_named_after_their_revision() -> None:
    scripts = list(ScriptDirectory.from_config(config()).walk_revisions())
    numbers = [script.revision for script in reversed(scripts)]
    assert numbers == [f"{n:04}" for n in range(1, len(numbers) + 1)]
    assert all(Path(script.path).name.startswith(f"{script.revision}_") for script in scripts)


async def test_two_migrations_at_once_wait_for_each_other_and_a_third_changes_nothing(server: str) -> None:
    async with clone(server, fresh_name("twice"), "template0") as url:
        runs = await asyncio.gather(migrate(url), migrate(url))
        head = code_revision()
        assert sorted(runs, key=str) == [(head, head), (None, head)]
        assert await migrate(url) == (head, head)


@pytest.mark.parametrize("file", QUERY_FILES, ids=lambda file: file.parent.name)
async def test_every_query_prepares(file: Path, administrator: asyncpg.Connection) -> None:
    queries: list[Query] = list(load_queries(str(file.parent / "store.py")))
    assert queries
    for query in queries:
        if query.sql.startswith("CREATE TEMP TABLE"):  # a job's working table, which its other statements name
            await administrator.execute(query.sql)
    wrong = {}
    for query in queries:
        try:
            await administrator.prepare(query.sql)
        except asyncpg.PostgresError as error:
            wrong[query.name] = f"{type(error).__name__}: {error}"
    assert wrong == {}


# The walls: docs/decisions/0007-two-walls.md


async def test_every_table_that_names_an_lea_has_row_security_forced(administrator: asyncpg.Connection) -> None:
    rows = await administrator.fetch("""
        SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity AS walled
          FROM pg_class c
         WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
           AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname IN ('lea_id', 'lea_ids'))""")
    assert {"observation", "submission", "coverage_cell", "observation_2026"} <= {row["relname"] for row in rows}
    assert [row["relname"] for row in rows if not row["walled"]] == []


async def test_every_policy_names_the_roles_it_is_for(administrator: asyncpg.Connection) -> None:
    assert await administrator.fetch("SELECT tablename, policyname FROM pg_policies WHERE roles = '{public}'") == []


async def test_everything_belongs_to_the_owner_role(administrator: asyncpg.Connection) -> None:
    owned_otherwise = await administrator.fetch("""
        SELECT relname AS what, relowner::regrole::text AS owner FROM pg_class
         WHERE relnamespace = 'public'::regnamespace AND relowner <> 'equityaccess_owner'::regrole
        UNION ALL
        SELECT proname, proowner::regrole::text FROM pg_proc p
         WHERE pronamespace = 'public'::regnamespace AND proowner <> 'equityaccess_owner'::regrole
           AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')""")
    assert owned_otherwise == []


async def test_a_function_that_runs_as_the_owner_looks_for_temporary_tables_last(
    administrator: asyncpg.Connection,
) -> None:
    """Else whoever may make a temporary table makes it read another table than it means."""
    paths = await administrator.fetch("""
        SELECT proname, coalesce(array_to_string(proconfig, ';'), '') AS settings FROM pg_proc
         WHERE pronamespace = 'public'::regnamespace AND prosecdef""")
    assert paths
    assert [row["proname"] for row in paths if not row["settings"].endswith("pg_temp")] == []


async def test_the_app_reads_the_figures_of_a_kind_of_lea_for_the_county_only(
    empty: Database, administrator: asyncpg.Connection
) -> None:
    await administrator.execute("""
        SET session_replication_role = replica;
        INSERT INTO coverage_point (scope, indicator_id, student_group_id, week_ending, as_of, population, met, not_met,
                                    not_applicable, unknown, unheard, leas_asked, leas_heard, computed_at)
        SELECT scope, 1, 1, '2026-11-15', '2026-11-15', 10, 10, 0, 0, 0, 0, 1, 1, now()
          FROM unnest(ARRAY['county', 'county_office']) AS scope;
        RESET session_replication_role""")
    scopes = Query("scopes", "SELECT scope FROM coverage_point ORDER BY 1", ())
    async with empty.transaction(leas=[1]) as tx:
        assert await tx.values(scopes) == ["county"]
    async with empty.transaction(every_lea=True) as tx:
        assert await tx.values(scopes) == ["county", "county_office"]


async def test_the_app_does_not_say_who_speaks_for_an_lea_unless_it_administers(
    empty: Database, administrator: asyncpg.Connection
) -> None:
    """Not even for its own LEA: else it could hand what is the LEA's to any key."""
    lea_id = await administrator.fetchval("INSERT INTO lea DEFAULT VALUES RETURNING lea_id")
    key_id = await administrator.fetchval("""
        INSERT INTO api_key (secret_sha256, last_four, label, scopes, created_at, created_by, expires_at)
        VALUES ('', 'last', '', '{push}', now(), '', now() + interval '1 day') RETURNING key_id""")
    attach = Query("attach", "INSERT INTO api_key_lea (key_id, lea_id) VALUES ($1, $2)", ("key_id", "lea_id"))
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
        async with empty.transaction(leas=[lea_id]) as tx:
            await tx.execute(attach, key_id=key_id, lea_id=lea_id)
    async with empty.transaction(every_lea=True) as tx:
        assert await tx.execute(attach, key_id=key_id, lea_id=lea_id) == 1


async def test_no_role_of_the_service_is_above_the_walls(administrator: asyncpg.Connection) -> None:
    above = await administrator.fetch("""
        SELECT rolname FROM pg_roles
         WHERE rolname LIKE 'equityaccess\\_%'
           AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolcanlogin
                OR (rolname <> 'equityaccess_owner' AND pg_has_role(rolname, 'equityaccess_owner', 'MEMBER')))""")
    assert above == []


@pytest.mark.parametrize("table", ["observation", "observation_2026"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET met = 0", "DELETE FROM {}", "TRUNCATE {}"])
async def test_the_app_cannot_change_or_remove_an_observation(empty: Database, statement: str, table: str) -> None:
    query = Query("forbidden", statement.format(table), ())
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with empty.transaction(leas=[1], every_lea=True) as tx:
            await tx.execute(query)


async def test_the_app_sees_and_adds_the_rows_of_its_own_leas_only(
    empty: Database, administrator: asyncpg.Connection
) -> None:
    insert = """INSERT INTO observation (lea_id, indicator_id, student_group_id, as_of, revision, population, met,
                                         not_met, not_applicable, evidence, submission_id, recorded_at)
                VALUES ($1, 1, 1, '2026-11-20', 1, 10, 10, 0, 0, 'A', gen_random_uuid(), now())"""
    await administrator.executemany(insert, [(1,), (2,), (3,)])
    seen = Query("seen", "SELECT DISTINCT lea_id FROM observation ORDER BY 1", ())
    add = Query("add", insert.replace("'2026-11-20'", "'2026-11-21'"), ("lea_id",))
    async with empty.transaction() as tx:
        assert await tx.values(seen) == []
    async with empty.transaction(every_lea=True) as tx:
        assert await tx.values(seen) == [1, 2, 3]
    async with empty.transaction(leas=[2, 3]) as tx:
        assert await tx.values(seen) == [2, 3]
        assert await tx.execute(add, lea_id=3) == 1
    for who in ({"leas": [2, 3]}, {"leas": [2, 3], "every_lea": True}):
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
            async with empty.transaction(**who) as tx:
                await tx.execute(add, lea_id=1)
