"""A push that did not come, from the journal to the answer."""

from datetime import datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest

from equityaccess import clock
from equityaccess.database import Database
from equityaccess.feeds.jobs import detect_silent_feeds
from tests.conftest import MakeKey, bearer
from tests.submissions.pushing import ABC, LAUSD, days_ago, row


@pytest.fixture
async def feeds(client: httpx.AsyncClient, database: Database, database_url: str, make_key: MakeKey) -> "Feeds":
    return Feeds(client, database, database_url, make_key)


class Feeds:
    """Pushes that came at other times than now, and what is said of them."""

    def __init__(self, client: httpx.AsyncClient, db: Database, url: str, make_key: MakeKey) -> None:
        self.client, self.db, self.url, self.make_key = client, db, url, make_key

    async def came(self, secret: str, at: datetime, *rows: dict[str, Any], expect: int = 201) -> None:
        """A push of *rows* with *secret*, moved in the journal to *at*."""
        answer = await self.client.post("/v1/submissions", json={"observations": list(rows)}, headers=bearer(secret))
        assert answer.status_code == expect, answer.text
        admin = await asyncpg.connect(self.url)
        await admin.execute(
            "UPDATE submission SET received_at = $1 WHERE submission_id = (SELECT submission_id FROM submission "
            "ORDER BY received_at DESC LIMIT 1)",
            at,
        )
        await admin.close()

    async def learn(self) -> str:
        async with self.db.transaction(role="aggregator") as tx:
            return (await detect_silent_feeds(tx, clock.now())).said

    async def seen(self, secret: str, query: str = "") -> list[dict[str, Any]]:
        answer = await self.client.get(f"/v1/feeds{query}", headers=bearer(secret))
        assert answer.status_code == 200
        items: list[dict[str, Any]] = answer.json()["items"]
        return items


async def test_an_lea_that_drops_out_of_a_vendors_push_is_noticed_and_the_others_are_not(feeds: Feeds) -> None:
    vendor = await feeds.make_key(leas=[ABC, LAUSD], scopes=["push", "read"])
    week = timedelta(weeks=1)
    newest = clock.now() - timedelta(hours=1)
    for n in range(6):
        both = [row(as_of=days_ago(7 * n + 1)), row(lea=LAUSD, as_of=days_ago(7 * n + 1))]
        await feeds.came(vendor, newest - n * week, *(both if n >= 2 else both[:1]))
    assert await feeds.learn() == "1 of 2 feeds are silent"
    county = await feeds.make_key(scopes=["county"])
    silent, fine = await feeds.seen(county)
    assert (silent["lea"], silent["state"], silent["learned_from"]) == (LAUSD, "silent", 4)
    assert (fine["lea"], fine["state"], fine["learned_from"]) == (ABC, "on_time", 6)
    assert [one["lea"] for one in await feeds.seen(county, "?state=silent")] == [LAUSD]
    assert [one["lea"] for one in await feeds.seen(await feeds.make_key(lea=ABC))] == [ABC]


async def test_what_was_refused_or_tried_did_not_come(feeds: Feeds) -> None:
    secret = await feeds.make_key(lea=ABC, scopes=["push", "read"])
    await feeds.came(secret, clock.now(), row(met=99_999), expect=422)
    answer = await feeds.client.post(
        "/v1/submissions?dry_run=true", json={"observations": [row()]}, headers=bearer(secret)
    )
    assert answer.json()["outcome"] == "dry_run"
    assert await feeds.learn() == "0 of 0 feeds are silent"
    await feeds.came(secret, clock.now(), row())
    await feeds.came(secret, clock.now(), row(), expect=200)
    assert await feeds.learn() == "0 of 1 feeds are silent"
    assert [(one["state"], one["habit"], one["expected_at"]) for one in await feeds.seen(secret)] == [
        ("irregular", None, None)
    ]
