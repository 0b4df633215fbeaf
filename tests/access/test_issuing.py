"""Issuing and revoking: two live keys an LEA, whoever asks, however many at once."""

import asyncio
import json
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest

from equityaccess import clock
from equityaccess.access import store
from equityaccess.access.issue import issue_key, revoke_key
from equityaccess.access.structs import IssuedKey, KeyIn
from equityaccess.audit.structs import Origin
from equityaccess.database import Database
from equityaccess.problems import Conflict, Invalid
from tests.access.conftest import ABC, ACTON, LONG_BEACH

pytestmark = pytest.mark.usefixtures("leas")
NOW = clock.now()
WAITING = """
SELECT count(*) FROM pg_locks JOIN pg_database d ON d.oid = database
 WHERE locktype = 'advisory' AND NOT granted AND datname = current_database()"""


async def issue(db: Database, *leas: str, now=NOW, **more) -> IssuedKey:
    wanted = KeyIn(**{"scopes": ["push"], "leas": list(leas), **more})
    async with db.transaction(every_lea=True) as tx:
        return await issue_key(tx, wanted, created_by="a test", now=now)


async def test_a_key_is_kept_with_everything_but_its_secret(empty: Database) -> None:
    issued = await issue(empty, ACTON, ABC, ABC, scopes=["read", "push", "push"], expires_in_days=30, label="nightly")
    key = issued.key
    assert (key.leas, key.scopes, key.label, key.state) == ([ABC, ACTON], ["push", "read"], "nightly", "live")
    assert key.last_four == issued.secret[-4:]
    assert (key.created_at, key.expires_at) == (NOW, NOW + timedelta(days=30))
    assert (key.revoked_at, key.last_used_at) == (None, None)


async def test_issuing_and_revoking_are_on_record_without_the_secret(
    empty: Database, leas: dict[str, int], empty_url: str
) -> None:
    issued = await issue(empty, ACTON, ABC, scopes=["read", "push"], expires_in_days=30, label="nightly")
    asked = Origin(actor="an administrator", request_id="a-request")
    async with empty.transaction(every_lea=True) as tx:
        wanted = KeyIn(scopes=["county"], leas=[])
        of_county = await issue_key(tx, wanted, created_by="somebody", now=NOW, origin=asked)
        assert await revoke_key(tx, issued.key.key_id, origin=asked, now=NOW) is not None
        assert await revoke_key(tx, UUID(int=7), origin=asked, now=NOW) is None
    auditor = await asyncpg.connect(empty_url)
    entries = await auditor.fetch("SELECT * FROM audit_entry ORDER BY entry_id")
    await auditor.close()
    until = [(NOW + timedelta(days=days)).isoformat().replace("+00:00", "Z") for days in (30, 180)]
    made, for_county, gone = ({name: one[name] for name in ("actor", "action", "status")} for one in entries)
    assert made == {"actor": "a test", "action": "create_key", "status": None}  # on the command line
    assert for_county == {"actor": "an administrator", "action": "create_key", "status": 201}
    assert gone == {"actor": "an administrator", "action": "revoke_key", "status": 204}
    assert [json.loads(one["after"]) for one in entries] == [
        {"label": "nightly", "scopes": ["push", "read"], "expires_at": until[0]},
        {"label": "", "scopes": ["county"], "expires_at": until[1]},
        {"revoked_at": NOW.isoformat().replace("+00:00", "Z")},
    ]
    assert [one["before"] and json.loads(one["before"]) for one in entries] == [None, None, {"revoked_at": None}]
    assert [str(issued.key.key_id) in one["object"] for one in entries] == [True, False, True]
    assert str(of_county.key.key_id) in entries[1]["object"]
    both = {leas[ABC], leas[ACTON]}
    assert [set(one["lea_ids"]) for one in entries] == [both, set(), both]
    assert issued.secret not in str(entries)


async def test_a_third_live_key_is_refused_until_one_is_revoked(empty: Database) -> None:
    first = await issue(empty, ABC, label="old", now=NOW - timedelta(hours=1))
    await issue(empty, ABC)
    with pytest.raises(Conflict) as refused:
        await issue(empty, ABC)
    (fault,) = refused.value.errors
    assert f"ABC Unified ({ABC}) has 2 live keys: 'old' …{first.secret[-4:]} until" in fault.detail
    assert str(first.key.key_id) in fault.suggestion
    async with empty.transaction(every_lea=True) as tx:
        await store.revoke_key(tx, first.key.key_id, NOW)
    await issue(empty, ABC)


async def test_an_expired_key_makes_room(empty: Database) -> None:
    await issue(empty, ABC, expires_in_days=1)
    await issue(empty, ABC)
    with pytest.raises(Conflict):
        await issue(empty, ABC, now=NOW + timedelta(hours=23))
    await issue(empty, ABC, now=NOW + timedelta(days=1))


async def test_a_consortium_key_counts_for_each_of_its_leas(empty: Database) -> None:
    await issue(empty, ABC, ACTON)
    await issue(empty, ACTON)
    with pytest.raises(Conflict) as refused:
        await issue(empty, LONG_BEACH, ACTON, ABC)
    assert [fault.pointer for fault in refused.value.errors] == ["/leas/1"]
    await issue(empty, LONG_BEACH, ABC)


async def test_county_keys_are_not_counted(empty: Database) -> None:
    for _ in range(3):
        issued = await issue(empty, scopes=["county"])
    assert issued.key.leas == []


async def test_of_many_who_ask_at_once_two_get_a_key(empty: Database) -> None:
    consortia = [(ABC, ACTON), (ACTON, ABC)] * 3
    answers = await asyncio.gather(*(issue(empty, *leas) for leas in consortia), return_exceptions=True)
    assert sorted(type(answer).__name__ for answer in answers) == ["Conflict"] * 4 + ["IssuedKey"] * 2


async def test_keys_for_overlapping_leas_wait_in_one_order_and_so_never_for_each_other(
    empty: Database, leas: dict[str, int], owner
) -> None:
    async def hold_both() -> None:
        async with empty.transaction(every_lea=True) as tx:
            await store.live_keys(tx, [leas[ACTON], leas[ABC]], NOW)

    async with empty.transaction(every_lea=True) as tx:
        await store.live_keys(tx, [leas[ABC]], NOW)
        other = asyncio.create_task(hold_both())
        while not await owner.fetchval(WAITING):  # noqa: ASYNC110, only the server knows when the other waits
            await asyncio.sleep(0.01)
        await store.live_keys(tx, [leas[ACTON]], NOW)
    await other


async def test_nothing_is_kept_of_a_key_that_is_refused(empty: Database) -> None:
    with pytest.raises(Invalid) as refused:
        await issue(empty, "19642120000001", expires_in_days=999)
    assert [fault.code for fault in refused.value.errors] == ["unknown-lea", "out-of-range"]
    async with empty.transaction(every_lea=True) as tx:
        assert await store.list_keys(tx, NOW, limit=10) == []


async def test_revoking_again_keeps_the_first_time(empty: Database) -> None:
    key_id = (await issue(empty, ABC)).key.key_id
    for hour in (1, 2):
        async with empty.transaction(every_lea=True) as tx:
            key = await store.revoke_key(tx, key_id, NOW + timedelta(hours=hour))
        assert key is not None
        assert (key.state, key.revoked_at) == ("revoked", NOW + timedelta(hours=1))


async def test_a_former_code_names_the_same_lea_and_a_reused_one_its_latest_holder(
    empty: Database, leas: dict[str, int], owner
) -> None:
    await owner.execute(
        "INSERT INTO identifier (scheme, code, lea_id, valid_from, valid_to) VALUES "
        "('cds', '19000010000000', $1, '2010-07-01', '2018-07-01'), ('best', '0417', $1, '2020-07-01', 'infinity'), "
        "('cds', '19000020000000', $1, '2010-07-01', '2012-07-01'), "
        "('cds', '19000020000000', $2, '2012-07-01', '2014-07-01')",
        leas[ABC],
        leas[ACTON],
    )
    async with empty.transaction() as tx:
        known = await store.lea_codes(tx)
    assert {code: known[code].lea_id for code in (ABC, "19000010000000", "best:0417", "19000020000000")} == {
        ABC: leas[ABC],
        "19000010000000": leas[ABC],
        "best:0417": leas[ABC],
        "19000020000000": leas[ACTON],
    }
    assert (await issue(empty, "19000010000000")).key.leas == [ABC]


async def test_a_key_that_is_gone_before_it_is_told_is_a_failure_and_no_secret(
    empty: Database, owner: asyncpg.Connection
) -> None:
    await owner.execute("""
        CREATE FUNCTION remove_key() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
          $$ BEGIN DELETE FROM api_key WHERE key_id = NEW.key_id; RETURN NULL; END $$;
        CREATE TRIGGER remove_key AFTER INSERT ON api_key FOR EACH ROW EXECUTE FUNCTION remove_key()""")
    with pytest.raises(RuntimeError, match="cannot be read back"):
        await issue(empty, scopes=["county"])
