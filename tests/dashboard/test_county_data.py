"""The quality of the county's data: who moved, what is in doubt, what has not come."""

from datetime import timedelta

import httpx
import pytest

from equityaccess import clock
from equityaccess.coverage.jobs import aggregate_coverage
from equityaccess.database import Database
from tests.browsers import sign_in
from tests.conftest import MakeKey, bearer
from tests.dashboard.test_county import words
from tests.submissions.pushing import ABC, days_ago, row


@pytest.fixture
async def push(client: httpx.AsyncClient, make_key: MakeKey, database: Database):  # type: ignore[no-untyped-def]
    key = bearer(await make_key(lea=ABC))

    async def pushing(**fields: object) -> None:
        one = row(**fields)
        answer = await client.post("/v1/submissions", json={"lea": ABC, "observations": [one]}, headers=key)
        assert answer.is_success, answer.text
        async with database.transaction(role="aggregator") as tx:
            await aggregate_coverage(tx, clock.now())

    return pushing


async def test_who_moved_since_a_day_is_told_with_both_figures(
    client: httpx.AsyncClient, database: Database, push
) -> None:
    await push(as_of=days_ago(40), population=18_000, met=9_000)
    await push(as_of=days_ago(2), population=18_000, met=17_000)
    browser = await sign_in(database, client, "technology_office")
    said = words(await client.get("/county/data", headers=browser))
    assert "50% 9,000 of 18,000" in said
    assert "94.4% 17,000 of 18,000 +8,000" in said
    since = clock.today() - timedelta(days=1)
    assert "Nothing: every figure" in words(await client.get(f"/county/data?since={since}", headers=browser))
    tomorrow = clock.today() + timedelta(days=1)
    assert (await client.get(f"/county/data?since={tomorrow}", headers=browser)).status_code == 422
    assert (await client.get("/county/data?indicator=nothing", headers=browser)).status_code == 422


async def test_a_doubt_stands_until_a_later_push_gives_no_cause_for_it(
    client: httpx.AsyncClient, database: Database, push
) -> None:
    browser = await sign_in(database, client, "technology_office")
    await push(as_of=days_ago(30), met=17_000)
    await push(as_of=days_ago(20), met=9_000, not_met=8_000)
    said = words(await client.get("/county/data", headers=browser))
    assert "jump" in said
    await push(as_of=days_ago(10), met=9_100, not_met=7_900)
    assert "jump" not in words(await client.get("/county/data", headers=browser))
