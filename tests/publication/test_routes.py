"""What anybody may read, and that it is never changed."""

import contextlib
import csv
import hashlib
import io
from datetime import timedelta

import asyncpg
import httpx
import pytest

from equityaccess import clock
from equityaccess.database import Database
from equityaccess.publication.jobs import publish_open_data
from tests.conftest import MakeKey
from tests.submissions.pushing import ABC, LAUSD, Sender, row


@pytest.fixture
async def pushed(client: httpx.AsyncClient, make_key: MakeKey) -> None:
    abc = Sender(client, await make_key(leas=(ABC,)))
    await abc.rows("ndjson", [row(), row(student_group="FOS", population=9, met=9, not_met=0)])
    lausd = Sender(client, await make_key(leas=(LAUSD,)))
    await lausd.rows("ndjson", [row(lea=LAUSD, population=400_000, met=300_000, not_met=50_000)])


async def publish(database: Database, days: int = 0) -> None:
    async with database.transaction(role="aggregator") as tx:
        await publish_open_data(tx, clock.now() + timedelta(days=days))


async def test_before_the_first_release_there_is_nothing(client: httpx.AsyncClient) -> None:
    assert (await client.get("/v1/public/coverage")).status_code == 404
    assert (await client.get("/v1/public/releases")).json() == {"items": []}
    for place in ("1", "0", "1.csv", "0.csv", "x.csv", "99999999999", "99999999999.csv"):
        assert (await client.get(f"/v1/public/releases/{place}")).status_code == 404


@pytest.mark.usefixtures("pushed")
async def test_a_release_is_read_without_a_key_as_figures_and_as_a_file(
    client: httpx.AsyncClient, database: Database
) -> None:
    await publish(database)
    found = (await client.get("/v1/public/coverage?indicator=home_internet&student_group=ALL")).json()
    (county,) = found["items"]
    assert (county["scope"], county["figures"]["kind"]) == ("county", "shown")
    assert county["figures"]["confirmed"] == {"percent": 24.1, "bound": "="}
    assert county["target"] == {"percent": 100.0, "target_on": "2025-06-30"}
    leas = (await client.get("/v1/public/coverage?indicator=home_internet&scope=leas")).json()["items"]
    figures = {(one["scope"], one["student_group"]): one["figures"] for one in leas}
    assert figures[ABC, "FOS"] == {"kind": "suppressed", "reason": "withheld to protect small groups"}
    assert figures[ABC, "ALL"]["base"] == 18_000
    assert {one["kind"] for key, one in figures.items() if key[0] not in (ABC, LAUSD)} == {"not_heard_from"}
    manifest = (await client.get("/v1/public/releases/1")).json()
    assert manifest == found["release"] == (await client.get("/v1/public/releases")).json()["items"][0]
    file = await client.get("/v1/public/releases/1.csv")
    assert hashlib.sha256(file.content).hexdigest() == manifest["sha256"]
    rows = list(csv.DictReader(io.StringIO(file.text)))
    assert len(rows) == manifest["rows"]
    (withheld,) = [one for one in rows if (one["scope"], one["student_group"]) == (ABC, "FOS")]
    assert [withheld[name] for name in ("base", "confirmed_percent", "at_most_percent")] == ["suppressed"] * 3
    assert manifest["suppressed"] == sum(one["state"] == "suppressed" for one in rows)


@pytest.mark.usefixtures("pushed")
async def test_what_is_published_may_be_kept_by_whoever_is_on_the_way(
    client: httpx.AsyncClient, database: Database
) -> None:
    await publish(database)
    for place, kept in (
        ("/v1/public/coverage", "public, max-age=300"),
        ("/v1/public/coverage?release=1", "public, max-age=31536000, immutable"),
        ("/v1/public/releases", "public, max-age=300"),
        ("/v1/public/releases/1.csv", "public, max-age=31536000, immutable"),
    ):
        answer = await client.get(place)
        assert answer.headers["Cache-Control"] == kept
        again = await client.get(place, headers={"If-None-Match": answer.headers["ETag"]})
        assert again.status_code == 304


@pytest.mark.usefixtures("pushed")
async def test_the_same_figures_are_published_once_a_day_and_older_releases_stay(
    client: httpx.AsyncClient, database: Database, make_key: MakeKey
) -> None:
    await publish(database)
    await publish(database)
    assert len((await client.get("/v1/public/releases")).json()["items"]) == 1
    before = (await client.get("/v1/public/coverage?release=1")).json()
    await publish(database, days=31)
    assert (await client.get("/v1/public/coverage?release=1")).json() == before
    assert (await client.get("/v1/public/coverage")).json()["release"]["number"] == 2
    assert (await client.get("/v1/public/coverage?release=3")).status_code == 404


@pytest.mark.usefixtures("pushed")
@pytest.mark.parametrize("role", ["equityaccess_aggregator", "equityaccess_owner", "equityaccess_app", None])
async def test_nobody_changes_a_release(database: Database, database_url: str, role: str | None) -> None:
    await publish(database)
    line = await asyncpg.connect(database_url)
    if role:
        await line.execute(f"SET ROLE {role}")
    for statement in (
        "UPDATE release SET rows = 0",
        "DELETE FROM release_cell",
        "UPDATE release_cell SET base = 0",
        "TRUNCATE release CASCADE",
    ):
        with pytest.raises(asyncpg.PostgresError, match=r"cannot be changed|permission denied|must be owner"):
            await line.execute(statement)
    await line.close()


async def test_the_public_role_reads_releases_and_nothing_else(database_url: str) -> None:
    line = await asyncpg.connect(database_url)
    tables = await line.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    await line.execute("SET ROLE equityaccess_public")
    readable = set()
    for (name,) in tables:
        with contextlib.suppress(asyncpg.InsufficientPrivilegeError):
            await line.fetch(f'SELECT * FROM "{name}" LIMIT 1')
            readable.add(name)
    assert readable == {"release", "release_cell", "alembic_version"}, "the number of the schema is no secret"
    await line.close()


@pytest.mark.usefixtures("pushed")
async def test_a_question_that_makes_no_sense_is_refused(client: httpx.AsyncClient, database: Database) -> None:
    await publish(database)
    for query, status in (
        ("colour=blue", 422),
        ("release=0", 422),
        ("scope=nowhere", 404),
        ("indicator=weather", 404),
        ("scope=county&scope=leas", 400),
    ):
        assert (await client.get(f"/v1/public/coverage?{query}")).status_code == status, query
