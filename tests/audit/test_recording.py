"""Every request of a known key is on record once, in the transaction that it is about or before its answer leaves."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import httpx
import pytest

from equityaccess import clock
from equityaccess.audit import recording, store
from equityaccess.audit.recording import Recorder
from equityaccess.audit.structs import Entry, Origin
from equityaccess.database import Database
from equityaccess.leas.seed import seed
from equityaccess.problems import Unavailable
from tests.conftest import MakeKey, bearer, connect, serving, settings_for
from tests.submissions.pushing import ABC, LAUSD, row, written


@pytest.fixture
async def admin(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def on_record(admin: asyncpg.Connection, request_id: str) -> list[dict[str, Any]]:
    """The entries of one request."""
    found = await admin.fetch("SELECT * FROM audit_entry WHERE request_id = $1", request_id)
    return [dict(one) for one in found]


async def entry_of(admin: asyncpg.Connection, answer: httpx.Response) -> dict[str, Any]:
    (entry,) = await on_record(admin, answer.headers["X-Request-Id"])
    assert entry["status"] == answer.status_code
    return entry


async def push(client: httpx.AsyncClient, secret: str, body: bytes, **more: str) -> httpx.Response:
    headers = bearer(secret) | {"Content-Type": "application/json"} | more
    return await client.post("/v1/submissions", content=body, headers=headers)


GOOD = written("json", [row()])


async def test_a_push_is_on_record_with_its_outcome(client, admin: asyncpg.Connection, make_key: MakeKey) -> None:
    secret = await make_key(lea=ABC)
    for body, outcome in ((GOOD, "applied"), (GOOD, "unchanged"), (b"{", "refused")):
        answer = await push(client, secret, body)
        entry = await entry_of(admin, answer)
        place = answer.headers.get("Location") or answer.json()["instance"]
        assert (entry["action"], entry["object"], entry["actor"]) == ("push", place, "a test")
        assert json.loads(entry["after"]) == {"outcome": outcome}
        assert entry["address"] == "127.0.0.1"
        assert len(entry["lea_ids"]) == 1


async def test_a_push_sent_again_is_on_record_again(client, admin: asyncpg.Connection, make_key: MakeKey) -> None:
    secret = await make_key(lea=ABC)
    outcomes = []
    for body in (GOOD, GOOD, written("json", [row(met=5)])):
        answer = await push(client, secret, body, **{"Idempotency-Key": "night"})
        outcomes.append(json.loads((await entry_of(admin, answer))["after"])["outcome"])
    assert outcomes == ["applied", "replayed", "refused"]


async def test_a_push_of_two_leas_concerns_only_those_that_it_names(
    client, admin: asyncpg.Connection, make_key: MakeKey
) -> None:
    secret = await make_key(leas=[ABC, LAUSD])
    one = await entry_of(admin, await push(client, secret, GOOD))
    both = await entry_of(admin, await push(client, secret, b"[]"))
    assert len(one["lea_ids"]) == 1
    assert len(both["lea_ids"]) == 2, "what cannot be read may concern either"


async def test_what_is_not_applied_is_not_on_record_as_applied(
    client, admin: asyncpg.Connection, make_key: MakeKey
) -> None:
    """The entry and the observations are of one transaction: without the one there is no other."""
    secret = await make_key(lea=ABC)
    await admin.execute("ALTER TABLE audit_entry ADD CONSTRAINT none_of_them CHECK (action <> 'push') NOT VALID")
    with pytest.raises(AssertionError, match="answered 500"):
        await push(client, secret, GOOD)
    assert await admin.fetchval("SELECT count(*) FROM observation") == 0


@pytest.mark.parametrize(
    ("address", "status", "action", "parameters"),
    [
        ("/v1/coverage", 200, "read_coverage", None),
        (f"/v1/coverage?scope={ABC}&as_of=2026-01-31", 200, "read_coverage", {"scope": ABC, "as_of": "2026-01-31"}),
        (f"/v1/observations?lea={LAUSD}", 403, "list_observations", {"lea": LAUSD}),
        ("/v1/observations?indicator=078-05-1120", 422, "list_observations", {"indicator": "[removed]"}),
        ("/v1/completeness?due_from=078-05-1120", 422, "read_completeness", {"due_from": "[removed]"}),
        ("/v1/completeness?due_to=jo@example.org", 422, "read_completeness", {"due_to": "[removed]"}),
        ("/v1/completeness?due_to=2026-07-01", 200, "read_completeness", {"due_to": "2026-07-01"}),
        ("/v1/coverage?nothing=jo@example.org", 422, "read_coverage", None),
        ("/v1/keys", 403, "list_keys", None),
        ("/v1/leas/jo@example.org", 404, "read_lea", None),
    ],
)
async def test_a_read_is_on_record_without_free_text(
    client, admin: asyncpg.Connection, make_key: MakeKey, address: str, status: int, action: str, parameters: object
) -> None:
    answer = await client.get(address, headers=bearer(await make_key(lea=ABC, scopes=["read"])))
    assert answer.status_code == status
    entry = await entry_of(admin, answer)
    assert (entry["action"], entry["parameters"] and json.loads(entry["parameters"])) == (action, parameters)
    assert "example.org" not in entry["object"]


async def test_a_lea_in_the_path_is_named(client, admin: asyncpg.Connection, make_key: MakeKey) -> None:
    secret = await make_key(scopes=["county"])
    entry = await entry_of(admin, await client.get(f"/v1/leas/{ABC}", headers=bearer(secret)))
    assert entry["object"] == f"/v1/leas/{ABC}"
    assert len(entry["lea_ids"]) == 1


async def test_a_refused_credential_is_on_record_and_an_unknown_one_is_not(
    client, admin: asyncpg.Connection, make_key: MakeKey
) -> None:
    secret = await make_key(lea=ABC, scopes=["read"])
    await admin.execute("UPDATE api_key SET revoked_at = now()")
    revoked = await client.get("/v1/coverage", headers=bearer(secret))
    assert (await entry_of(admin, revoked))["status"] == 401
    before = await admin.fetchval("SELECT count(*) FROM audit_entry")
    for headers in ({}, bearer("eqa_live_x")):
        assert (await client.get("/v1/coverage", headers=headers)).status_code == 401
    assert (await client.get("/health/live")).status_code == 200
    assert await admin.fetchval("SELECT count(*) FROM audit_entry") == before


async def test_what_a_quota_turns_away_is_not_on_record(
    database_url: str, admin: asyncpg.Connection, make_key: MakeKey
) -> None:
    secret = await make_key(lea=ABC, scopes=["read"])
    async with serving(settings_for(database_url, rate_per_minute=1)) as client:
        first = await client.get("/v1/student-groups", headers=bearer(secret))
        second = await client.get("/v1/student-groups", headers=bearer(secret))
    assert (first.status_code, second.status_code) == (200, 429)
    assert len(await on_record(admin, first.headers["X-Request-Id"])) == 1
    assert await on_record(admin, second.headers["X-Request-Id"]) == []


async def test_keys_are_on_record_from_their_issue_to_their_end(
    client, admin: asyncpg.Connection, make_key: MakeKey
) -> None:
    boss = bearer(await make_key(scopes=["admin"]))
    created = await client.post("/v1/keys", json={"scopes": ["read"], "leas": [ABC], "label": "SIS"}, headers=boss)
    issued = await entry_of(admin, created)
    assert (issued["action"], issued["object"]) == ("create_key", created.headers["Location"])
    assert json.loads(issued["after"])["label"] == "SIS"
    assert created.json()["secret"] not in str(issued)
    assert len(issued["lea_ids"]) == 1, "the LEA sees that a key for it was issued"
    revoked = await client.delete(created.headers["Location"], headers=boss)
    ended = await entry_of(admin, revoked)
    assert json.loads(ended["before"]) == {"revoked_at": None}
    assert json.loads(ended["after"])["revoked_at"]
    again = await client.delete("/v1/keys/00000000-0000-0000-0000-000000000000", headers=boss)
    assert (await entry_of(admin, again))["status"] == 404


async def test_seeding_is_on_record_once_it_changes_something(database_url: str, admin: asyncpg.Connection) -> None:
    owner = await connect(settings_for(database_url), role="owner")
    assert await seed(owner, clock.today()) == ["nothing changed"]
    (first,) = await admin.fetch("SELECT actor, after FROM audit_entry WHERE action = 'seed'")
    assert first["actor"] == "the program"
    assert any("lea" in line for line in json.loads(first["after"])["changed"])
    await admin.execute("UPDATE indicator SET name = 'another' WHERE code = 'device'")
    await seed(owner, clock.today(), Origin(actor="somebody"))
    await owner.close()
    second = await admin.fetchrow("SELECT actor, after FROM audit_entry WHERE action = 'seed' AND actor = 'somebody'")
    assert "indicator" in second["after"]


# The log over HTTP


async def pages(client: httpx.AsyncClient, secret: str, **query: Any) -> list[dict[str, Any]]:
    items, cursor = [], None
    while True:
        asked = query | ({"cursor": cursor} if cursor else {})
        answer = await client.get("/v1/audit", params=asked, headers=bearer(secret))
        assert answer.status_code == 200, answer.text
        items += answer.json()["items"]
        cursor = answer.json()["next"]
        if cursor is None:
            return items


async def test_an_lea_reads_what_was_done_about_it_whoever_did_it(client, make_key: MakeKey) -> None:
    mine, theirs, vendor = await make_key(lea=ABC), await make_key(lea=LAUSD), await make_key(leas=[ABC, LAUSD])
    county = await make_key(scopes=["county"])
    await push(client, mine, GOOD)
    await push(client, theirs, written("json", [row(lea=LAUSD)]))
    await push(client, vendor, GOOD)
    await client.get(f"/v1/coverage?scope={ABC}", headers=bearer(county))
    await client.get(f"/v1/coverage?scope={LAUSD}", headers=bearer(county))
    seen = await pages(client, mine)
    seen = [one for one in seen if one["action"] != "read_audit"]
    assert {(one["action"], tuple(one["leas"])) for one in seen} == {
        ("create_key", (ABC,)), ("push", (ABC,)), ("read_coverage", (ABC,)),
    }  # fmt: skip
    assert len([one for one in seen if one["action"] == "push"]) == 2
    everything = await pages(client, county)
    assert {"seed", "create_key", "push", "read_coverage"} <= {one["action"] for one in everything}
    assert len([one for one in everything if one["action"] == "push"]) == 3


async def test_the_log_is_read_in_pages_and_by_what_was_done(client, make_key: MakeKey) -> None:
    county = await make_key(scopes=["county"])
    for _ in range(5):
        await client.get("/v1/student-groups", headers=bearer(county))
    found = await pages(client, county, action="list_student_groups", limit=2)
    assert [one["action"] for one in found] == ["list_student_groups"] * 5
    ids = [one["entry_id"] for one in found]
    assert ids == sorted(ids, reverse=True)
    (key_id,) = {one["key_id"] for one in found}
    assert {one["key_id"] for one in await pages(client, county, key_id=key_id)} == {key_id}
    later = found[2]["recorded_at"]
    assert len(await pages(client, county, action="list_student_groups", **{"from": later})) == 3
    assert len(await pages(client, county, action="list_student_groups", to=later)) == 2


@pytest.mark.parametrize(
    "query",
    ["from=2026-11-01T00:00:00", "to=0001-01-01T00:00:00%2B14:00", "from=9999-12-31T23:59:59-12:00", "limit=0",
     "cursor=WzFlMzBd", "key_id=1"],
)  # fmt: skip
async def test_a_question_that_makes_no_sense_is_refused(client, make_key: MakeKey, query: str) -> None:
    answer = await client.get(f"/v1/audit?{query}", headers=bearer(await make_key(scopes=["county"])))
    assert answer.status_code == 422


# Nothing leaves unrecorded


async def test_an_answer_that_cannot_be_put_on_record_does_not_leave(
    client, admin: asyncpg.Connection, make_key: MakeKey
) -> None:
    secret = await make_key(lea=ABC, scopes=["read"])
    await admin.execute("BEGIN; LOCK TABLE audit_entry IN EXCLUSIVE MODE")
    recorder: Recorder = client._transport.app.state.recorder
    recorder.PATIENCE_S = 0.2
    answer = await client.get("/v1/student-groups", headers=bearer(secret))
    await admin.execute("ROLLBACK")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert (await client.get("/v1/student-groups", headers=bearer(secret))).status_code == 200


async def test_entries_that_come_together_are_written_together(empty: Database, monkeypatch) -> None:
    sizes = []

    async def counted(tx: Any, entries: list[Entry]) -> None:
        sizes.append(len(entries))
        await asyncio.sleep(0.05)

    monkeypatch.setattr(recording.store, "write_quickly", counted)
    recorder = Recorder(empty)
    await asyncio.gather(*(recorder.record(Entry(origin=Origin(actor="x"), action="x", object="x")) for _ in range(20)))
    assert sizes == [1, 19]


async def test_a_batch_that_cannot_be_written_fails_for_each_in_it_and_the_next_is_tried(
    empty: Database, monkeypatch
) -> None:
    tries = []

    async def failing(tx: Any, entries: list[Entry]) -> None:
        tries.append(len(entries))
        await asyncio.sleep(0.05)
        raise Unavailable("away")

    written_to = store.write_quickly
    monkeypatch.setattr(recording.store, "write_quickly", failing)
    recorder = Recorder(empty)
    entry = Entry(origin=Origin(actor="x"), action="x", object="x")
    results = await asyncio.gather(*(recorder.record(entry) for _ in range(5)), return_exceptions=True)
    assert [type(one) for one in results] == [Unavailable] * 5
    assert tries == [1, 4]
    monkeypatch.setattr(recording.store, "write_quickly", written_to)
    await recorder.record(entry)


async def test_a_key_in_a_path_a_query_or_a_request_id_is_not_on_record(
    client, admin: asyncpg.Connection, make_key: MakeKey
) -> None:
    secret = await make_key(scopes=["county"])
    headers = bearer(secret) | {"X-Request-Id": secret}
    for path in (
        f"/v1/leas/{secret}",
        f"/v1/leas?q={secret}",
        f"/v1/leas?cursor={secret}",
        f"/v1/coverage?lea={secret}",
    ):
        answer = await client.get(path, headers=headers)
        assert len(await on_record(admin, answer.headers["X-Request-Id"])) == 1
    assert secret not in str(await admin.fetch("SELECT * FROM audit_entry"))
