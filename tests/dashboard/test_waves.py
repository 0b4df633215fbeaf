"""Waves on pages: toward 100 % of those that take part, and one wave with every LEA beside every milestone."""

import httpx
import pytest

from equityaccess.database import Database
from tests.browsers import sign_in
from tests.dashboard.test_county import words
from tests.triage.test_routes import county, scored

__all__ = ["county", "scored"]


@pytest.mark.usefixtures("scored")
async def test_a_wave_shows_every_lea_beside_every_milestone(
    client: httpx.AsyncClient, database: Database, county: dict[str, str]
) -> None:
    browser = await sign_in(database, client, "best_support")
    waves = (await client.get("/v1/waves", headers=county)).json()["items"]
    playbook = (await client.get("/v1/playbook", headers=county)).json()
    said = words(await client.get("/waves", headers=browser))
    for wave in waves:
        assert wave["name"] in said
    (soon,) = [wave for wave in waves if wave["code"] == "soon"]
    answer = await client.get("/waves/soon", headers=browser)
    said = words(answer)
    assert "ABC Unified" in said
    keys = [one["milestone"] for one in playbook["milestones"] if soon["track"] in one["tracks"]]
    assert keys
    for key in keys:
        assert key.replace("_", " ") in said
    assert answer.text.count('class="milestone"') == len(keys)


async def test_without_a_wave_the_page_says_where_waves_come_from(
    client: httpx.AsyncClient, database: Database
) -> None:
    browser = await sign_in(database, client, "best_support")
    assert "There is no wave yet" in words(await client.get("/waves", headers=browser))
    assert (await client.get("/waves/none", headers=browser)).status_code == 404
