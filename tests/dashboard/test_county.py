"""The county's board shows what the API tells, says what is not known, and leads every figure to its passport."""

import re

import httpx
import pytest

from equityaccess import clock
from equityaccess.coverage import store as coverage
from equityaccess.coverage.jobs import aggregate_coverage, expire_coverage
from equityaccess.coverage.store import Pair
from equityaccess.dashboard.passport import JOB
from equityaccess.database import Database
from equityaccess.scheduler import store as scheduler
from equityaccess.scheduler.schedule import read_schedule
from equityaccess.scheduler.structs import JobOutcome
from tests.browsers import sign_in
from tests.conftest import MakeKey, bearer
from tests.statements import counted
from tests.submissions.pushing import ABC, LAUSD, row
from tests.triage.test_routes import county, scored

__all__ = ["county", "scored"]
MOST_STATEMENTS = 6


@pytest.fixture
async def told(client: httpx.AsyncClient, make_key: MakeKey, database: Database) -> None:
    """One district has told of two groups, and everything is worked out."""
    key = await make_key(lea=ABC)
    observations = [row(), row(student_group="EL", population=1_000, met=600, not_met=300)]
    answer = await client.post("/v1/submissions", json={"observations": observations}, headers=bearer(key))
    assert answer.is_success, answer.text
    async with database.transaction(role="aggregator") as tx:
        await expire_coverage(tx, clock.now())
        await aggregate_coverage(tx, clock.now())


def words(page: httpx.Response) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.text))


async def test_the_board_shows_what_the_api_tells(
    told: None, client: httpx.AsyncClient, database: Database, make_key: MakeKey
) -> None:
    key = await make_key(scopes=["county"])
    items = (await client.get("/v1/coverage", headers=bearer(key))).json()["items"]
    page = await client.get("/county", headers=await sign_in(database, client, "technology_office"))
    for item in items:
        asked = f"indicator={item['indicator']}&amp;student_group={item['student_group']}"
        assert f'href="/passport?{asked}"' in page.text
        rate = item["point"]["figures"]["confirmed_percent"]
        shown = re.search(rf'{re.escape(asked)}">(.*?)</a>', page.text, re.DOTALL)
        assert shown
        assert (f"{int(rate * 10) / 10:g}%" if rate is not None else "no figure") in shown[1]


async def test_a_passport_says_what_stands_behind_a_figure(
    told: None, client: httpx.AsyncClient, database: Database
) -> None:
    browser = await sign_in(database, client, "best_support")
    page = await client.get("/passport?indicator=home_internet&student_group=EL", headers=browser)
    said = words(page)
    assert "600 confirmed" in said
    assert "C: a survey" in said
    assert "1 of 393 asked" in said
    assert "Long Beach Unified" in said
    unheard = page.text[page.text.index("LEAs not heard from") :]
    assert f">{ABC}<" not in unheard


async def test_a_passport_leads_to_the_receipts_and_the_run_behind_a_figure(
    told: None, client: httpx.AsyncClient, database: Database, make_key: MakeKey
) -> None:
    key = bearer(await make_key(lea=ABC, scopes=["read"]))
    [receipt] = (await client.get("/v1/submissions", headers=key)).json()["items"]
    browser = await sign_in(database, client, "technology_office")
    asked = "/passport?indicator=home_internet&student_group=EL"
    page = await client.get(asked, headers=browser)
    assert receipt["submission_id"] in page.text
    assert "ABC Unified 600 1,000" in words(page)
    assert "by the run of" not in words(page), "a test has worked it out"
    async with database.transaction(role="aggregator") as tx:
        [point] = await coverage.stored_now(tx, "county", Pair(indicator="home_internet", student_group="EL"))
        at = point.computed_at
        run = JobOutcome(job=JOB, slot=at, state="done", started_at=at, finished_at=at)
        assert await scheduler.record(tx, run, None)
    assert JOB in {job.name for job in read_schedule()}
    assert f"by the run of {JOB} that was due" in words(await client.get(asked, headers=browser))


async def test_a_district_reads_the_passports_of_its_own_figures_and_of_the_countys(
    told: None, client: httpx.AsyncClient, database: Database
) -> None:
    browser = await sign_in(database, client, "district", [ABC])
    asked = "/passport?indicator=home_internet&student_group=EL"
    own = await client.get(f"{asked}&scope={ABC}", headers=browser)
    assert "600 confirmadas" in words(await client.get(f"{asked}&scope={ABC}&lang=es", headers=browser))
    assert "/my/receipts/" in own.text
    county = await client.get(asked, headers=browser)
    assert county.status_code == 200
    for of_others in ("What it is added up from", "LEAs not heard from"):
        assert of_others not in county.text
    assert (await client.get(f"{asked}&scope={LAUSD}", headers=browser)).status_code == 403


async def test_a_passport_of_what_there_is_not_is_refused(client: httpx.AsyncClient, database: Database) -> None:
    browser = await sign_in(database, client, "admin")
    answer = await client.get("/passport?indicator=nothing", headers=browser)
    assert (answer.status_code, "no such measure" in words(answer)) == (404, True)


async def test_a_board_without_figures_says_so(client: httpx.AsyncClient, database: Database) -> None:
    page = await client.get("/county", headers=await sign_in(database, client, "admin"))
    assert "There are no figures yet" in words(page)


@pytest.mark.parametrize("path", ["/county", "/passport?indicator=home_internet"])
async def test_a_page_costs_few_statements(
    told: None, client: httpx.AsyncClient, database: Database, path: str
) -> None:
    browser = await sign_in(database, client, "technology_office")
    with counted() as sent:
        assert (await client.get(path, headers=browser)).status_code == 200
    assert 1 <= len(sent) <= MOST_STATEMENTS, sent


async def test_a_part_of_a_page_is_refused_above_it(client: httpx.AsyncClient) -> None:
    answer = await client.get("/county", headers={"HX-Request": "true"})
    assert (answer.status_code, answer.headers["HX-Retarget"]) == (401, "#refusal")
    assert answer.text.lstrip().startswith('<div class="usa-alert')


@pytest.mark.parametrize("path", ["/county", "/sign-in", "/nowhere", "/problems"])
async def test_no_page_lets_in_a_script_or_style_of_its_own(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path, headers={"Accept": "text/html"})
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert not re.search(r"<style|<script(?![^>]*\b(?:src=|type=\"application/json\"))| on\w+=| style=", answer.text)


@pytest.mark.usefixtures("told", "scored")
async def test_it_says_whether_the_pace_is_enough_and_how_far_best_has_come(
    client: httpx.AsyncClient, database: Database, make_key: MakeKey
) -> None:
    browser = await sign_in(database, client, "technology_office")
    said = words(await client.get("/county", headers=browser))
    reader = bearer(await make_key(scopes=["county"]))
    asked = {"indicator": "home_internet", "student_group": "ALL"}
    series = (await client.get("/v1/coverage/series", headers=reader, params=asked)).json()
    assert series["outlook"]["note"] == "There is not enough history to say."
    assert series["outlook"]["needed_points_a_week"] is None, "the day of the plan's target has passed"
    assert f"{' '.join(['no figure'] * 3)} {series['outlook']['note']}" in said.replace("\N{EN DASH} ", "")
    figures = (await client.get("/v1/onboarding?track=FIN", headers=reader)).json()["figures"]
    gates = f"{figures['gates_passed']} of {figures['gates']}"
    assert f"FIN {figures['participating']} {figures['onboarded']} {figures['live']} {gates}" in said
