"""The page of one LEA, for the LEA itself and for the county; another's is not there."""

import json
import re

import httpx
import pytest

from equityaccess import clock
from equityaccess.database import Database
from equityaccess.publication.jobs import publish_open_data
from equityaccess.signin.structs import Role
from tests.browsers import sign_in
from tests.conftest import MakeKey, bearer
from tests.dashboard.test_county import told, words
from tests.submissions.pushing import ABC, LAUSD, row
from tests.support.test_routes import event, push
from tests.triage.test_routes import county, scored

__all__ = ["county", "scored", "told"]


READERS: list[tuple[Role, list[str]]] = [("district", [ABC]), ("technology_office", []), ("best_support", [])]


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize(("role", "leas"), READERS)
async def test_it_shows_coverage_beside_its_kind(
    client: httpx.AsyncClient, database: Database, role: Role, leas: list[str]
) -> None:
    async with database.transaction(role="aggregator") as tx:
        await publish_open_data(tx, clock.now())
    browser = await sign_in(database, client, role, leas)
    page = await client.get(f"/leas/{ABC}", headers=browser)
    said = words(page).replace("\N{EN DASH} ", "")
    assert "High-speed internet at home All students 94.4%" in said
    assert "English learners 60% at most 70% 400 100 1,000" in said
    released = await client.get(
        "/v1/public/coverage", params={"scope": "unified_district", "indicator": "home_internet"}
    )
    [theirs] = [one for one in released.json()["items"] if one["student_group"] == "ALL"]
    row = page.text[page.text.index("High-speed internet at home") :].partition("</tr>")[0]
    rate = theirs["figures"]["confirmed"]
    assert f"{rate['percent']:g}%" in row.rpartition("<td")[2], (
        "the last column is what is published of all of its kind"
    )


@pytest.mark.usefixtures("told")
async def test_a_measure_is_shown_week_by_week_and_what_did_not_count_is_not_a_zero(
    client: httpx.AsyncClient, database: Database
) -> None:
    browser = await sign_in(database, client, "district", [ABC])
    page = await client.get(f"/leas/{ABC}", headers=browser)
    drawn = re.search(r'data-chart="line">.*?<script type="application/json">(.*?)</script>', page.text, re.DOTALL)
    assert drawn
    content = json.loads(drawn[1])
    by_name = {one["name"]: one["data"] for one in content["series"]}
    assert list(by_name) == ["All students", "English learners"]
    assert (by_name["All students"][-1], by_name["English learners"][-1]) == (94.44, 60.0)
    assert by_name["English learners"][0] is None, "twelve weeks ago it had not told anything"
    assert len(content["categories"]) == len(by_name["All students"]) == 13
    newest = page.text[page.text.index("Week until") :].partition("</tr>")[2].partition("</tr>")[0]
    assert "94.4%" in newest
    another = words(await client.get(f"/leas/{ABC}?indicator=device", headers=browser))
    assert "Week by week" in another
    assert (await client.get(f"/leas/{ABC}?indicator=weather", headers=browser)).status_code == 422


@pytest.mark.usefixtures("told", "scored")
@pytest.mark.parametrize(("role", "leas"), READERS)
async def test_its_record_shows_what_came_and_the_way_to_best(
    client: httpx.AsyncClient, database: Database, make_key: MakeKey, role: Role, leas: list[str]
) -> None:
    another = await client.post(
        "/v1/submissions", json={"observations": [row(lea=LAUSD)]}, headers=bearer(await make_key(lea=LAUSD))
    )
    assert another.is_success
    visit = event("1", "site_visit", 2, lea=ABC)
    assert (await push(client, bearer(await make_key(scopes=["county"])), visit)).is_success
    page = await client.get(f"/leas/{ABC}/record", headers=await sign_in(database, client, role, leas))
    said = words(page)
    assert "data validation blocked: lea, totals do not tie" in said
    sent = page.text[page.text.index("<h2>What was sent") : page.text.index("<h2>Support given")]
    assert sent.count("<tr>") == 2, "the heading, and the one push of its own"
    assert ("/my/receipts/" in sent) == (role == "district")
    assert "FIN site visit testing 90" in said


async def test_another_lea_is_not_there(client: httpx.AsyncClient, database: Database) -> None:
    browser = await sign_in(database, client, "district", [ABC])
    for code in (LAUSD, "19000000000000", "x"):
        assert (await client.get(f"/leas/{code}", headers=browser)).status_code == 404
        assert (await client.get(f"/leas/{code}/record", headers=browser)).status_code == 404


async def test_it_speaks_spanish(client: httpx.AsyncClient, database: Database) -> None:
    browser = await sign_in(database, client, "district", [ABC])
    assert "Cobertura de hoy" in words(await client.get(f"/leas/{ABC}?lang=es", headers=browser))
