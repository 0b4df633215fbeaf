"""The quality of the county's data: who moved, what is in doubt and who works on it, what has not come."""

import re
from datetime import timedelta

import asyncpg
import httpx
import pytest

from equityaccess import clock
from equityaccess.coverage.jobs import aggregate_coverage
from equityaccess.database import Database
from tests.browsers import form_token, sign_in
from tests.conftest import MakeKey, bearer
from tests.dashboard.test_county import words
from tests.submissions.pushing import ABC, days_ago, row

PLACE = "/county/data"


@pytest.fixture
async def push(client: httpx.AsyncClient, make_key: MakeKey, database: Database):  # type: ignore[no-untyped-def]
    key = bearer(await make_key(lea=ABC))

    async def pushing(*groups: str, **fields: object) -> None:
        rows = [row(student_group=group, **fields) for group in groups or ("ALL",)]
        answer = await client.post("/v1/submissions", json={"lea": ABC, "observations": rows}, headers=key)
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
    said = words(await client.get(PLACE, headers=browser))
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
    said = words(await client.get(PLACE, headers=browser))
    assert "jump" in said
    await push(as_of=days_ago(10), met=9_100, not_met=7_900)
    assert "jump" not in words(await client.get(PLACE, headers=browser))


async def test_a_doubt_is_as_old_as_the_first_of_the_pushes_that_all_left_it(
    client: httpx.AsyncClient, database: Database, database_url: str, push
) -> None:
    admin = await asyncpg.connect(database_url)
    for came, population in ((9, 500), (7, 18_000), (5, 500), (3, 500), (2, 500)):
        await push(as_of=days_ago(came), population=population, met=1, not_met=1)
        await admin.execute("UPDATE submission SET received_at = $1 WHERE outcome = 'applied' AND received_at > $2",
                            clock.now() - timedelta(days=came), clock.now() - timedelta(days=1))  # fmt: skip
    await admin.close()
    browser = await sign_in(database, client, "technology_office")
    answer = await client.get(PLACE, headers=browser)
    [age] = re.findall(
        r"<code>far-from-enrollment</code></td>(?:<td[^>]*>[^<]*</td>){2}<td[^>]*>(\d+)</td>", answer.text
    )
    assert age == "5"


@pytest.fixture
async def doubted(client: httpx.AsyncClient, database: Database, push):  # type: ignore[no-untyped-def]
    """The technology office, before a doubt; it sends a form about the doubt that its page shows."""
    await push(as_of=days_ago(30), met=17_000)
    await push(as_of=days_ago(20), met=9_000, not_met=8_000)
    browser = await sign_in(database, client, "technology_office")

    async def send(revision: int, **fields: str) -> httpx.Response:
        page = await client.get(PLACE, headers=browser)
        [submission_id] = set(re.findall(r'name="submission_id" value="([^"]+)"', page.text))
        form = {
            "form_token": form_token(page),
            "submission_id": submission_id,
            "code": "jump",
            "revision": str(revision),
        }
        return await client.post(PLACE, data=form | fields, headers=browser)

    return browser, send


async def test_a_doubt_is_given_to_a_desk_and_settled_with_what_was_found(
    client: httpx.AsyncClient, database: Database, make_key: MakeKey, doubted
) -> None:
    browser, send = doubted
    assert "nobody works on it" in words(await client.get(PLACE, headers=browser))
    given = await send(0, desk="data-2")
    assert (given.status_code, given.headers["Location"]) == (303, f"{PLACE}#doubts")
    assert "on data-2" in words(await client.get(PLACE, headers=browser))
    assert (await send(1, said="The export counted one school twice")).status_code == 303
    said = words(await client.get(PLACE, headers=browser))
    assert "The export counted one school twice on data-2" in said
    assert "Settled" in said
    assert (await send(2, desk="")).status_code == 303
    assert "on data-2" not in words(await client.get(PLACE, headers=browser))
    county = bearer(await make_key(scopes=("county",)))
    log = (await client.get("/v1/audit", headers=county, params={"action": "work_on_doubt"})).json()["items"]
    assert [one["after"]["desk"] for one in log] == [None, "data-2", "data-2"]


async def test_a_doubt_in_more_rows_than_were_settled_is_open_again(client: httpx.AsyncClient, push, doubted) -> None:
    browser, send = doubted
    assert (await send(0, said="The export counted one school twice")).status_code == 303
    await push("ALL", "EL", as_of=days_ago(10), met=17_000)  # EL was never told before
    said = words(await client.get(PLACE, headers=browser))
    assert "Settled" in said
    assert "Open again" not in said
    await push("ALL", "EL", as_of=days_ago(5), met=9_000, not_met=8_000)
    assert "Open again; settled with fewer rows" in words(await client.get(PLACE, headers=browser))


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"desk": "Maria Lopez"}, 422),
        ({"said": "Ask Maria Lopez at maria@example.org"}, 422),
        ({"said": "x"}, 422),
        ({"said": "counted\0twice"}, 422),
        ({"desk": "data-2", "code": "ju\0mp"}, 422),
        ({"desk": "data-2", "code": "no-such"}, 404),
        ({"desk": "data-2", "submission_id": "00000000-0000-0000-0000-000000000001"}, 404),
        ({"desk": "data-2", "submission_id": "what"}, 422),
    ],
)
async def test_what_cannot_be_done_about_a_doubt_is_refused(doubted, fields: dict[str, str], status: int) -> None:
    _, send = doubted
    assert (await send(0, **fields)).status_code == status


async def test_who_was_first_with_a_doubt_is_not_overwritten(client: httpx.AsyncClient, doubted) -> None:
    browser, send = doubted
    assert (await send(0, desk="data-1")).status_code == 303
    assert (await send(0, desk="data-2")).status_code == 412
    assert "on data-1" in words(await client.get(PLACE, headers=browser))
