"""Migrations while others are being served: squawk's rules, and locks that are not waited for."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from equityaccess import migrate
from equityaccess.bundled import bundled
from tests.conftest import clone, fresh_name
from tests.migrations import findings, statements

_VERSIONS = bundled("db") / "migrations" / "versions"


def test_squawk_finds_nothing_in_any_migration() -> None:
    assert findings() == []


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE observation DROP COLUMN evidence",
        "ALTER TABLE observation ADD COLUMN extra integer NOT NULL",
        "CREATE INDEX later ON observation (recorded_at)",
        "ALTER TABLE observation RENAME COLUMN met TO reached",
        "ALTER TABLE submission ADD CONSTRAINT known CHECK (status > 0)",
    ],
)
def test_squawk_finds_what_would_stop_those_who_are_served(tmp_path: Path, statement: str) -> None:
    (tmp_path / "0099_bad.py").write_text(f'op.execute("SET LOCAL lock_timeout = 300")\nop.execute("{statement}")\n')
    assert findings(tmp_path)


def test_every_migration_begins_with_its_timeouts_and_waits_for_no_lock_for_long() -> None:
    for revision in _VERSIONS.glob("*.py"):
        assert {"SET LOCAL lock_timeout = '300ms'", "SET LOCAL statement_timeout = '60s'"} <= set(
            statements(revision)[:3]
        ), revision.name


@pytest.fixture
async def first_revision(server: str) -> AsyncIterator[str]:
    """The URL of a database at the first revision."""
    async with clone(server, fresh_name("old"), "template0") as url:
        await migrate.migrate(url, "0001")
        yield url


async def test_a_lock_that_is_not_to_be_had_is_asked_for_again(
    first_revision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate, "_AGAIN_S", 0.05)
    reader = await asyncpg.connect(first_revision)
    reading = reader.transaction()
    await reading.start()
    await reader.execute("LOCK coverage_point IN ACCESS SHARE MODE")
    migrating = asyncio.create_task(migrate.migrate(first_revision))
    await asyncio.sleep(1)
    assert not migrating.done()
    await reading.commit()
    await reader.close()
    assert await asyncio.wait_for(migrating, 20) == ("0001", migrate.code_revision())


async def test_it_gives_up_on_a_lock_in_the_end(first_revision: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrate, "_AGAIN_S", 0.01)
    monkeypatch.setattr(migrate, "_ATTEMPTS", 2)
    reader = await asyncpg.connect(first_revision)
    async with reader.transaction():
        await reader.execute("LOCK coverage_point IN ACCESS SHARE MODE")
        with pytest.raises(Exception, match="lock timeout"):
            await migrate.migrate(first_revision)
    await reader.close()
