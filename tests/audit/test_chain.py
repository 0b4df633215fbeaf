"""Whatever is changed in the log afterwards is found, and named."""

import asyncio
import contextlib
import random

import asyncpg
import pytest

from equityaccess import clock
from equityaccess.audit import chain, jobs, store
from equityaccess.audit.structs import Entry, Origin, Report
from equityaccess.database import Database, Query, Transaction
from tests.audit.conftest import SEALS
from tests.audit.tampering import TAMPERS, Tamper

ENTRY = Entry(origin=Origin(actor="a test"), action="push", object="/x")


async def verified(db: Database, noted: str | None = None) -> Report:
    async with db.transaction(role="aggregator", isolation="repeatable_read") as tx:
        return await chain.verify(tx, noted)


async def sealed(db: Database) -> list[int]:
    async with db.transaction(role="aggregator") as tx:
        made = await chain.seal(tx, clock.now())
    return made.entry_ids if made else []


async def test_a_log_that_nobody_touched_is_as_it_was_sealed(filled: Database) -> None:
    report = await verified(filled)
    assert (report.entries, report.seals, report.pending, report.findings) == (3 * SEALS, SEALS, 0, [])
    assert (await verified(filled, report.head)).findings == []


async def test_an_empty_log_has_no_head(empty: Database) -> None:
    assert await verified(empty) == Report(entries=0, seals=0, pending=0, head=None, findings=[])
    assert await sealed(empty) == []


@pytest.mark.parametrize("tamper", TAMPERS, ids=lambda tamper: tamper.__name__)
async def test_a_change_is_found_and_named(filled: Database, admin: asyncpg.Connection, tamper: Tamper) -> None:
    noted = (await verified(filled)).head
    touched = await tamper(admin, random.Random(tamper.__name__))
    report = await verified(filled, noted)
    assert touched in [(one.what, one.id) for one in report.findings]


async def test_what_commits_late_is_sealed_when_it_comes(empty: Database) -> None:
    """A push that takes long has drawn its number before others that are sealed already."""
    drawn, go_on = asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        async with empty.transaction() as tx:
            await store.write(tx, ENTRY)
            drawn.set()
            await go_on.wait()

    late = asyncio.create_task(slow())
    await drawn.wait()
    for expected in ([2], [3], [4]):
        async with empty.transaction() as tx:
            await store.write(tx, ENTRY)
        assert await sealed(empty) == expected
    go_on.set()
    await late
    assert (await verified(empty)).findings == [], "it waits to be sealed"
    assert await sealed(empty) == [1]
    report = await verified(empty)
    assert (report.entries, report.pending, report.findings) == (4, 0, [])


async def test_what_is_put_below_all_that_could_still_come_is_never_sealed(
    filled: Database, admin: asyncpg.Connection
) -> None:
    await admin.execute(
        "INSERT INTO audit_entry (entry_id, actor, lea_ids, action, object) OVERRIDING SYSTEM VALUE"
        " VALUES (0, 'x', '{}', 'x', 'x')"
    )
    assert await sealed(filled) == []
    assert [(one.id, one.what) for one in (await verified(filled)).findings] == [(0, "entry")]


async def test_more_than_fits_into_one_seal_goes_into_the_next(
    empty: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chain, "AT_A_TIME", 2)
    async with empty.transaction() as tx:
        await store.write(tx, *[ENTRY] * 5)
    assert [await sealed(empty) for _ in range(4)] == [[1, 2], [3, 4], [5], []]
    assert (await verified(empty)).findings == []


async def test_what_is_undone_leaves_no_entry_and_no_gap_that_matters(empty: Database) -> None:
    async with empty.transaction() as tx:
        with contextlib.suppress(RuntimeError):
            async with tx.savepoint():
                await store.write(tx, ENTRY)
                raise RuntimeError
        await store.write(tx, ENTRY)
    assert await sealed(empty) == [2]
    assert (await verified(empty)).findings == []


async def test_the_jobs_say_the_head_and_what_was_changed(filled: Database, admin: asyncpg.Connection) -> None:
    async with filled.transaction(role="aggregator") as tx:
        assert await jobs.seal_audit(tx, clock.now()) is None
        await store.write(tx, ENTRY)
    async with filled.transaction(role="aggregator") as tx:
        done = await jobs.seal_audit(tx, clock.now())
        assert done is not None
        head = (await verified_in(tx)).head
        assert done.said == f"1 entries sealed; head {head}"
        assert (await jobs.verify_audit(tx, clock.now())).said.endswith(f"head {head}")
    await admin.execute("UPDATE audit_entry SET actor = 'another' WHERE entry_id = 5")
    async with filled.transaction(role="aggregator") as tx:
        done = await jobs.verify_audit(tx, clock.now())
    assert done.failed
    assert "entry 5 was edited" in done.said


async def verified_in(tx: Transaction) -> Report:
    return await chain.verify(tx)


@pytest.mark.parametrize("role", ["app", "aggregator", "owner"])
@pytest.mark.parametrize("table", ["audit_entry", "audit_seal"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET {} = 0", "DELETE FROM {}", "TRUNCATE {}"])
async def test_nobody_can_change_or_remove_what_is_on_record(
    filled: Database, empty_url: str, role: str, table: str, statement: str
) -> None:
    number = {"audit_entry": "status", "audit_seal": "floor_id"}[table]
    admin = await asyncpg.connect(empty_url)
    try:
        await admin.execute(f"SET ROLE equityaccess_{role}")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await admin.execute(statement.format(table, number))
    finally:
        await admin.close()


async def test_nobody_says_himself_when_it_was_and_the_app_seals_nothing(filled: Database) -> None:
    dated = "INSERT INTO audit_entry (recorded_at, actor, lea_ids, action, object) VALUES (now(), 'x', '{}', 'x', 'x')"
    for forbidden in (dated, "SELECT * FROM audit_seal"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with filled.transaction(every_lea=True) as tx:
                await tx.execute(Query("forbidden", forbidden, ()))


async def test_an_lea_sees_what_concerns_it_and_nothing_else(filled: Database) -> None:
    count = Query("count", "SELECT count(*) FROM audit_entry", ())
    for who, seen in (({}, 0), ({"leas": [2]}, 0), ({"leas": [1, 2]}, 3 * SEALS), ({"every_lea": True}, 3 * SEALS)):
        async with filled.transaction(**who) as tx:
            assert await tx.value(count) == seen
