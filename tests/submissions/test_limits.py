"""Every limit is a setting, and beyond it the answer says which limit it was and what to do."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from tests.conftest import MakeKey, serving, settings_for
from tests.submissions.pushing import ABC, KINDS, Sender, chunks, codes, days, journal, row, until_it_waits, written

SMALL = {
    "max_json_bytes": 3_000, "max_json_rows": 5, "max_stream_bytes": 10_000, "max_stream_rows": 20,
    "max_line_bytes": 400, "max_depth": 3, "max_listed_problems": 4, "max_text": 10,
}  # fmt: skip


@pytest.fixture
async def cramped(database_url: str, make_key: MakeKey) -> AsyncIterator[Sender]:
    """A sender to a service with little room."""
    async with serving(settings_for(database_url, **SMALL)) as client:
        yield Sender(client, await make_key(lea=ABC))


async def test_bytes_rows_lines_and_depth_end_where_the_settings_say(cramped: Sender) -> None:
    at_most = [
        ("json", written("json", days(5))),
        ("ndjson", written("ndjson", days(20))),
        ("csv", written("csv", days(20))),
        ("ndjson", b'{"lea":"' + b"1" * 389 + b'"}\n' + written("ndjson", [row()])),
    ]
    for form, body in at_most:
        assert (await cramped.body(body, KINDS[form], mode="partial")).is_success, body
    beyond = [
        ("json", b" " * 3_001, 413, "too-many-bytes"),
        ("json", written("json", days(6)), 413, "too-many-rows"),
        ("ndjson", b"\n" * 10_001, 413, "too-many-bytes"),
        ("ndjson", written("ndjson", days(21)), 413, "too-many-rows"),
        ("csv", written("csv", days(21)), 413, "too-many-rows"),
        ("ndjson", written("ndjson", [row()]) + b'{"lea":"' + b"1" * 392 + b'"}\n', 413, "line-too-long"),
        ("ndjson", b'{"lea":"' + b"1" * 392 + b'"}', 413, "line-too-long"),
        ("csv", b"lea\n" + b"1" * 401, 413, "line-too-long"),
        ("csv", written("csv", [row()]) + b'"' + b"\n" * 400 + b'"', 413, "line-too-long"),
        ("json", b'{"observations": [[[]]]}', 400, "too-deep"),
        ("ndjson", b"[[[[]]]]", 422, "too-deep"),
    ]
    for form, body, status, code in beyond:
        answer = await cramped.body(body, KINDS[form])
        assert (answer.status_code, codes(answer)[:1]) == (status, [code]), (body[:80], answer.text)


async def test_a_text_ends_where_the_settings_say(cramped: Sender) -> None:
    assert (await cramped.rows("json", [row()], source="x" * 10)).status_code == 201
    assert codes(await cramped.rows("json", [row()], source="x" * 11)) == ["text-too-long"]


async def test_only_the_first_faults_are_listed_and_all_are_counted(cramped: Sender) -> None:
    answer = await cramped.rows("csv", days(10, met=18_001))
    assert [fault["row"] for fault in answer.json()["errors"]] == [1, 2, 3, 4]
    assert answer.json()["errors_total"] == 10
    assert answer.json()["detail"] == "10 of 10 rows have faults; nothing was applied."
    twice = await cramped.rows("csv", days(5) + days(5) + days(2, met=18_001), mode="partial")
    assert twice.json()["errors_total"] == 12


async def test_a_body_that_grows_too_long_on_the_way_is_kept_as_far_as_it_came(
    cramped: Sender, database_url: str
) -> None:
    body = written("ndjson", days(100))

    async def streamed() -> AsyncIterator[bytes]:
        for piece in chunks(body, 999):
            yield piece

    answer = await cramped.body(streamed(), KINDS["ndjson"])
    assert (answer.status_code, codes(answer)) == (413, ["too-many-bytes"])
    (kept,) = await journal(database_url)
    assert (kept.outcome, kept.status, kept.sha256) == ("incomplete", 413, None)
    assert kept.body == body[: 999 * 10]


async def test_more_pushes_at_once_than_the_process_judges_are_told_to_come_back(
    database_url: str, make_key: MakeKey
) -> None:
    holder = await asyncpg.connect(database_url)
    lea = await holder.fetchval("SELECT lea_id FROM identifier WHERE code = $1", ABC)
    async with serving(settings_for(database_url, concurrent_pushes=1, pool_wait_s=0.2)) as client:
        sender = Sender(client, await make_key(lea=ABC))
        async with holder.transaction():
            await holder.execute("SELECT pg_advisory_xact_lock(1162039121, $1)", lea)
            first = asyncio.create_task(sender.rows("json", [row()]))
            await until_it_waits(holder)
            busy = await sender.rows("json", [row()])
            assert (busy.status_code, busy.json()["type"]) == (503, "/problems/temporary-reduced-capacity")
            assert busy.headers["Retry-After"] == "2"
        assert (await first).status_code == 201
        assert (await sender.rows("json", [row()])).status_code == 200, "the turn is free again"
    await holder.close()
    assert [(kept.outcome, kept.status) for kept in await journal(database_url)] == [
        ("applied", 201),
        ("incomplete", 503),
        ("unchanged", 200),
    ]


async def test_a_push_behind_as_many_that_wait_is_turned_away_before_anything_is_done_for_it(
    database_url: str, make_key: MakeKey
) -> None:
    holder = await asyncpg.connect(database_url)
    lea = await holder.fetchval("SELECT lea_id FROM identifier WHERE code = $1", ABC)
    async with serving(settings_for(database_url, concurrent_pushes=1, pool_wait_s=20)) as client:
        sender = Sender(client, await make_key(lea=ABC))
        async with holder.transaction():
            await holder.execute("SELECT pg_advisory_xact_lock(1162039121, $1)", lea)
            first = asyncio.create_task(sender.rows("json", [row()]))
            await until_it_waits(holder)
            second = asyncio.create_task(sender.rows("json", [row()]))
            while len(await journal(database_url)) < 2:  # noqa: ASYNC110, what another task writes has no event
                await asyncio.sleep(0.05)
            busy = await asyncio.wait_for(sender.rows("json", [row()]), 10)
            assert (busy.status_code, busy.json()["type"]) == (503, "/problems/temporary-reduced-capacity")
            assert (await client.get("/health/ready")).status_code == 200
            assert (await client.get("/v1/submissions", headers=sender.headers)).status_code == 200
        assert [(await first).status_code, (await second).status_code] == [201, 200]
    await holder.close()
    assert len(await journal(database_url)) == 2


async def test_a_turn_is_given_back_after_every_refusal(database_url: str, make_key: MakeKey) -> None:
    async with serving(settings_for(database_url, concurrent_pushes=1, pool_wait_s=0.2)) as client:
        sender = Sender(client, await make_key(lea=ABC))
        for body in (b"", b"{", b"[]", written("json", [row(met=18_001)])):
            assert (await sender.body(body, KINDS["json"])).is_client_error
        assert (await sender.rows("json", [row()])).status_code == 201


async def test_a_key_that_has_used_up_its_minute_is_told_when_to_come_back(
    database_url: str, make_key: MakeKey
) -> None:
    async with serving(settings_for(database_url, rate_per_minute=2)) as client:
        sender, other = Sender(client, await make_key(lea=ABC)), Sender(client, await make_key(lea=ABC))
        statuses = [(await sender.rows("json", [row()])).status_code for _ in range(3)]
        assert statuses == [201, 200, 429]
        refused = await sender.rows("json", [row()])
        assert refused.json()["type"] == "/problems/quota-exceeded"
        assert int(refused.headers["Retry-After"]) >= 1
        assert (await other.rows("json", [row()])).status_code == 200
    assert len(await journal(database_url)) == 3
