"""The last mile on a page: what the API tells, and a unit cost that is changed by who has seen it."""

import httpx
import pytest

from equityaccess.database import Database
from tests.browsers import form_token, sign_in
from tests.dashboard.test_county import told, words

__all__ = ["told"]
PLACE = "/county/last-mile"
Form = dict[str, str]


@pytest.mark.usefixtures("told")
async def test_it_shows_who_is_left_where_and_what_it_costs(client: httpx.AsyncClient, database: Database) -> None:
    browser = await sign_in(database, client, "technology_office")
    page = await client.get(PLACE, headers=browser)
    said = words(page)
    assert "Nothing is known" in said
    assert "not priced" in said
    assert "Los Angeles Unified moves the county most" in said
    assert "Furthest behind are English learners" in said
    assert "214.00 dollars" in said


async def test_what_is_not_asked_is_not_there(client: httpx.AsyncClient, database: Database) -> None:
    browser = await sign_in(database, client, "technology_office")
    assert (await client.get(f"{PLACE}?indicator=weather", headers=browser)).status_code == 404


async def test_an_estimate_is_set_once_and_a_colleagues_is_not_overwritten(
    client: httpx.AsyncClient, database: Database
) -> None:
    browser = await sign_in(database, client, "technology_office")
    token = form_token(await client.get(PLACE, headers=browser))

    async def send(revision: str, dollars: str, source: str = "contract of 2026") -> httpx.Response:
        form: Form = {"form_token": token, "indicator": "home_internet", "barrier": "not_affordable"}
        form |= {"revision": revision, "dollars": dollars, "source": source}
        return await client.post(PLACE, data=form, headers=browser)

    assert (await send("1", "1,180.50")).status_code == 303
    assert "1,180.50 dollars" in words(await client.get(PLACE, headers=browser))
    late = await send("1", "99")
    assert late.status_code == 412
    assert "revision 2" in words(late)
    for dollars, source in (("many", "a quote"), ("-1", "a quote"), ("1e99", "a quote"), ("5", "x")):
        assert (await send("2", dollars, source)).status_code == 422
