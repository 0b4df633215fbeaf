"""The public page: published figures, in two languages, and nothing that a release does not say."""

import json
import re

import httpx
import pytest

from equityaccess.database import Database
from tests.browsers import ACCEPT, sign_in
from tests.dashboard.test_county import MOST_STATEMENTS, words
from tests.publication.test_routes import publish, pushed
from tests.statements import counted

__all__ = ["pushed"]


async def test_before_the_first_release_it_says_so(client: httpx.AsyncClient) -> None:
    assert "Nothing has been published yet" in words(await client.get("/", headers=ACCEPT))


@pytest.mark.usefixtures("pushed")
async def test_it_shows_what_is_published_and_nothing_else(client: httpx.AsyncClient, database: Database) -> None:
    await publish(database)
    said = words(await client.get("/", headers=ACCEPT))
    assert "24.1%" in said
    assert re.search(r"24\.1% [\d.]+% about 9\d\d,\d00 1,3\d\d,\d\d\d", said), said[said.index("24.1%") :][:80]
    assert "ABC Unified" in said
    assert "not heard from" in said
    assert "/v1/public/releases/1.csv" in (await client.get("/", headers=ACCEPT)).text
    assert "317000" not in said.replace(",", ""), "a count that was pushed is no figure of a release"


@pytest.mark.usefixtures("pushed")
async def test_releases_are_drawn_in_their_order_and_tabled_the_newest_first(
    client: httpx.AsyncClient, database: Database
) -> None:
    await publish(database)
    assert "a trend needs a second one" in words(await client.get("/", headers=ACCEPT))
    await publish(database, days=31)
    page = await client.get("/?q=", headers=ACCEPT)  # the other address is kept for some seconds
    [drawn] = re.findall(r'data-chart="line".*?<script type="application/json">(.*?)</script>', page.text, re.DOTALL)
    chart = json.loads(drawn)
    assert [(one["name"], len(one["data"])) for one in chart["series"]] == [("Confirmed", 2), ("At most", 2)]
    assert chart["series"][0]["data"][0] == 24.1
    assert chart["target"] == 100
    said = words(page)
    table = said[said.index("Everyone, by release") :]
    older, newer = chart["categories"]
    assert table.index(newer) < table.index(older)


@pytest.mark.usefixtures("pushed")
async def test_leas_are_searched_and_sorted_without_javascript(client: httpx.AsyncClient, database: Database) -> None:
    await publish(database)
    found = await client.get("/?q=los angeles", headers=ACCEPT)
    table = found.text[found.text.index('id="leas"') :]  # the map shows them all
    assert "Los Angeles Unified" in table
    assert "ABC Unified" not in table
    page = (await client.get("/?order=confirmed&direction=down", headers=ACCEPT)).text
    table = page[page.index('id="leas"') :]
    names = re.findall(r'<th scope="row">([^<]+)</th>', table)
    assert names[:2] == ["ABC Unified", "Los Angeles Unified"]
    page = (await client.get("/?order=base&direction=down", headers=ACCEPT)).text
    assert re.findall(r'<th scope="row">([^<]+)</th>', page[page.index('id="leas"') :])[0] == "Los Angeles Unified"
    assert (await client.get("/?indicator=weather", headers=ACCEPT)).status_code == 404


@pytest.mark.usefixtures("pushed")
async def test_it_speaks_spanish_and_takes_few_statements(client: httpx.AsyncClient, database: Database) -> None:
    await publish(database)
    await publish(database, days=31)
    with counted() as sent:
        page = await client.get("/?lang=es", headers=ACCEPT)
    said = words(page)
    assert "Hacia la conexión de todos" in said
    assert "Publicación 2" in said
    assert "100 % de sus estudiantes" in said
    assert len(sent) <= MOST_STATEMENTS, sent


async def test_who_is_signed_in_comes_to_their_front_door(client: httpx.AsyncClient, database: Database) -> None:
    browser = await sign_in(database, client, "best_support")
    assert (await client.get("/", headers=browser)).headers["Location"] == "/triage"
    assert (await client.get("/?indicator=device", headers=browser)).status_code == 200
