"""A backup is what the database was at one instant, and a restored one is equal to it, or is refused."""

import asyncio
import contextlib
import hashlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import httpx
import msgspec
import pytest

from equityaccess.commands import manifest
from equityaccess.commands.backup import program
from equityaccess.commands.manifest import BackupError, Content
from equityaccess.commands.restore import _compare
from tests.conftest import MakeKey, clone, fresh_name
from tests.submissions.pushing import ABC, Sender, days


def command(name: str, folder: Path, url: str, *more: str) -> "subprocess.CompletedProcess[str]":
    """Run ``equityaccess NAME FOLDER`` as an operator does."""
    kept = {variable: value for variable, value in os.environ.items() if not variable.startswith("EQUITYACCESS_")}
    return subprocess.run(
        [sys.executable, "-m", "equityaccess", name, str(folder), *more],
        env=kept | {"EQUITYACCESS_DATABASE_URL": url},
        capture_output=True,
        text=True,
    )


async def ran(name: str, folder: Path, url: str, *more: str) -> "subprocess.CompletedProcess[str]":
    return await asyncio.to_thread(command, name, folder, url, *more)


@pytest.fixture
async def sender(client: httpx.AsyncClient, make_key: MakeKey) -> Sender:
    return Sender(client, await make_key(lea=ABC))


@pytest.fixture
async def backup(sender: Sender, database_url: str, tmp_path: Path) -> Path:
    """A backup of a database with the reference data, a push and its receipt in it."""
    assert (await sender.rows("ndjson", days(40))).status_code == 201
    folder = tmp_path / "backup"
    done = await ran("backup", folder, database_url)
    assert done.returncode == 0, done.stderr
    return folder


@contextlib.asynccontextmanager
async def empty_database(server: str) -> AsyncIterator[str]:
    async with clone(server, fresh_name("restored"), "template0") as url:
        yield url


async def test_what_is_restored_is_what_was_backed_up(backup: Path, server: str, database_url: str) -> None:
    async with empty_database(server) as url:
        done = await ran("restore", backup, url)
        assert done.returncode == 0, done.stderr
        assert "every table and the definitions are equal" in done.stdout
        live, restored = await asyncpg.connect(database_url), await asyncpg.connect(url)
        for table in ("observation", "submission", "submission_body", "api_key", "audit_entry", "lea_period"):
            rows = f"SELECT t::text FROM {table} t ORDER BY 1"
            assert await live.fetch(rows) == await restored.fetch(rows), table
        # What is given out next is beyond what was.
        identity = "INSERT INTO lea DEFAULT VALUES RETURNING lea_id > (SELECT max(lea_id) FROM lea)"
        assert await restored.fetchval(identity)
        await live.close()
        await restored.close()


async def test_a_backup_is_for_its_owner_only_and_says_what_is_in_it(backup: Path, database_url: str) -> None:
    assert os.stat(backup).st_mode & 0o077 == 0  # noqa: PTH116
    said = manifest.read(backup)
    admin = await asyncpg.connect(database_url)
    tables = await admin.fetch(
        "SELECT relname FROM pg_class"
        " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition"
    )
    await admin.close()
    assert said.tables.keys() == {row["relname"] for row in tables}
    assert said.tables["observation"].rows == 40
    assert said.tables["submission"].rows == 1


async def test_a_hash_is_that_of_a_copy_in_the_order_of_the_key(backup: Path, database_url: str) -> None:
    """Whoever doubts it can work it out with psql and sha256sum."""
    said = manifest.read(backup).tables["api_key_lea"]
    admin = await asyncpg.connect(database_url)
    rows = await admin.fetch("SELECT key_id, lea_id FROM api_key_lea ORDER BY key_id, lea_id")
    await admin.close()
    lines = "".join(f"{key_id}\t{lea_id}\n" for key_id, lea_id in rows)
    assert said == Content(rows=len(rows), sha256=hashlib.sha256(lines.encode()).hexdigest())


async def test_it_can_be_verified_at_once(sender: Sender, database_url: str, tmp_path: Path) -> None:
    await sender.rows("json", days(2))
    done = await ran("backup", tmp_path / "one" / "deep", database_url, "--verify")
    assert done.returncode == 0, done.stderr
    assert "every table and the definitions are equal" in done.stdout
    assert os.listdir(tmp_path / "one") == ["deep"], "the scratch database is gone"  # noqa: PTH208


async def test_a_database_that_is_not_empty_is_left_alone(backup: Path, database_url: str) -> None:
    done = await ran("restore", backup, database_url)
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    assert "not empty" in done.stderr


async def test_a_folder_that_is_not_empty_is_left_alone(backup: Path, database_url: str) -> None:
    before = manifest.read(backup)
    done = await ran("backup", backup, database_url)
    assert done.returncode == 2
    assert manifest.read(backup) == before


async def test_one_flipped_bit_of_a_dump_is_found(backup: Path, server: str) -> None:
    dump = backup / manifest.DUMP
    whole = bytearray(dump.read_bytes())
    whole[len(whole) // 2] ^= 1
    dump.write_bytes(whole)
    async with empty_database(server) as url:
        done = await ran("restore", backup, url)
        assert done.returncode == 2
        assert "damaged" in done.stderr


@pytest.mark.parametrize("missing", [manifest.DUMP, manifest.MANIFEST])
async def test_a_backup_that_was_not_finished_is_refused(backup: Path, server: str, missing: str) -> None:
    (backup / missing).unlink()
    async with empty_database(server) as url:
        done = await ran("restore", backup, url)
        assert done.returncode == 2
        assert f"it has no {missing}" in done.stderr


async def test_a_backup_of_a_newer_release_is_refused(backup: Path, server: str) -> None:
    said = manifest.read(backup)
    manifest.write(backup, msgspec.structs.replace(said, revision="9999", equityaccess="9.9"))
    async with empty_database(server) as url:
        done = await ran("restore", backup, url)
        assert done.returncode == 2
        assert "install equityaccess 9.9" in done.stderr


CHANGES = {
    "UPDATE observation SET met = met - 1 WHERE as_of = '2021-07-01'": "observation has other rows",
    "DELETE FROM submission_body": "submission_body has 0 rows, in the backup 1",
    "DROP TABLE job_run": "job_run is missing",
    "ALTER TABLE api_key NO FORCE ROW LEVEL SECURITY": "definitions",
    "GRANT DELETE ON observation TO equityaccess_app": "definitions",
}


async def test_whatever_is_not_as_it_was_is_named(backup: Path, server: str) -> None:
    said = manifest.read(backup)
    async with empty_database(server) as url:
        assert (await ran("restore", backup, url)).returncode == 0
        for change, complaint in CHANGES.items():
            admin = await asyncpg.connect(url)
            await admin.execute(change)
            await admin.close()
            with pytest.raises(BackupError, match=complaint):
                await _compare(url, said)


def test_a_password_is_never_on_a_command_line() -> None:
    shown, secret = manifest.without_password("postgresql+asyncpg://who:p%40ss@host:5432/base?sslmode=require")
    assert (shown, secret) == ("postgresql://who@host:5432/base?sslmode=require", {"PGPASSWORD": "p@ss"})
    assert manifest.without_password("postgresql://who@/base?host=/tmp") == ("postgresql://who@/base?host=/tmp", {})


def test_a_program_that_fails_says_why() -> None:
    with pytest.raises(BackupError, match=r"pg_dump failed: .*nobody-here"):
        program("pg_dump", "postgresql://who@/base?host=/nobody-here", "--schema-only")
