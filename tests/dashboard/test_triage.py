"""Triage on pages: the ranked list, an item, and two people who work on it at once."""

import httpx
import pytest

from equityaccess.database import Database
from tests.browsers import form_token, sign_in
from tests.conftest import MakeKey
from tests.dashboard.test_county import words
from tests.triage.test_routes import county, scored

__all__ = ["county", "scored"]


async def item_of(client: httpx.AsyncClient, county: dict[str, str]) -> str:
    items = (await client.get("/v1/triage?wave=soon", headers=county)).json()["items"]
    return f"/triage/{items[0]['item_id']}"


@pytest.mark.usefixtures("scored")
async def test_the_list_shows_reasons_whose_points_are_the_score(
    client: httpx.AsyncClient, database: Database, county: dict[str, str]
) -> None:
    browser = await sign_in(database, client, "best_support")
    said = words(await client.get("/triage?wave=soon", headers=browser))
    (item,) = (await client.get("/v1/triage?wave=soon", headers=county)).json()["items"]
    assert f"{item['score']} ABC Unified soon" in said
    for reason in item["reasons"]:
        assert f"{reason['points']} {reason['track'] + ': ' if reason['track'] else ''}{reason['said']}" in said
    assert "Nobody" in words(await client.get("/triage?wave=soon&reason=silence", headers=browser))


@pytest.mark.usefixtures("scored")
async def test_who_works_on_an_item_does_not_overwrite_a_colleague(
    client: httpx.AsyncClient, database: Database, county: dict[str, str]
) -> None:
    place = await item_of(client, county)
    one, other = [await sign_in(database, client, "best_support") for _ in range(2)]
    tokens = [form_token(await client.get(place, headers=browser)) for browser in (one, other)]
    done = await client.post(place, data={"form_token": tokens[0], "version": "1", "assignee": "desk-2"}, headers=one)
    assert done.status_code == 303
    late = await client.post(place, data={"form_token": tokens[1], "version": "1", "assignee": "desk-3"}, headers=other)
    assert late.status_code == 412
    assert "on desk-2" in words(await client.get(place, headers=other))


@pytest.mark.usefixtures("scored")
async def test_each_form_does_what_it_says(
    client: httpx.AsyncClient, database: Database, county: dict[str, str], make_key: MakeKey
) -> None:
    place = await item_of(client, county)
    browser = await sign_in(database, client, "best_support")
    token = form_token(await client.get(place, headers=browser))
    forms = [
        {"assignee": "desk-2"},
        {"snoozed_until": "2999-01-01"},
        {"note": "call back on monday"},
        {"track": "FIN", "channel": "phone", "said": "totals are being looked into"},
        {"assignee": "", "snoozed_until": ""},
        {"resolved_with": "totals tie"},
    ]
    for version, form in enumerate(forms, 1):
        answer = await client.post(place, data={"form_token": token, "version": str(version), **form}, headers=browser)
        assert answer.status_code == 303, answer.text
    said = words(await client.get(place, headers=browser))
    for word in ("assigned", "snoozed", "noted", "contacted", "resolved", "phone: totals are being looked into"):
        assert word in said
    assert "What was done?" not in said


@pytest.mark.usefixtures("scored")
async def test_a_name_is_refused_with_what_to_do(
    client: httpx.AsyncClient, database: Database, county: dict[str, str]
) -> None:
    place = await item_of(client, county)
    browser = await sign_in(database, client, "best_support")
    token = form_token(await client.get(place, headers=browser))
    for form in ({"note": "Maria Garcia called"}, {"assignee": "Maria Garcia"}, {"snoozed_until": "soon"}):
        answer = await client.post(place, data={"form_token": token, "version": "1", **form}, headers=browser)
        assert answer.status_code == 422
