"""Administration: jobs run by hand, sessions end, and the log can be searched."""

import re

import httpx

from equityaccess.database import Database
from tests.browsers import form_token, sign_in
from tests.dashboard.test_county import words
from tests.submissions.pushing import ABC


async def test_a_job_runs_by_hand_and_shows_how_it_went(client: httpx.AsyncClient, database: Database) -> None:
    browser = await sign_in(database, client, "admin")
    before = await client.get("/admin", headers=browser)
    assert "publish-open-data" in words(before)
    token = form_token(before)
    done = await client.post("/admin/jobs/expire-coverage", data={"form_token": token}, headers=browser)
    assert (done.status_code, done.headers["Location"]) == (303, "/admin")
    assert re.search(
        r"expire-coverage .{0,120} (done|ran|succeeded)", words(await client.get("/admin", headers=browser))
    )


async def test_an_administrator_signs_somebody_out(client: httpx.AsyncClient, database: Database) -> None:
    district = await sign_in(database, client, "district", [ABC])
    browser = await sign_in(database, client, "admin")
    page = await client.get("/admin", headers=browser)
    places = re.findall(r'action="(/admin/keys/[-0-9a-f]+/revoke)"', page.text)
    assert len(places) == 2
    assert (await client.get("/my", headers=district)).status_code == 200
    for place in places[1:]:  # the newest, which is this administrator, is first
        assert (await client.post(place, data={"form_token": form_token(page)}, headers=browser)).status_code == 303
    assert (await client.get("/my", headers=district)).status_code == 401
    assert (await client.get("/admin", headers=browser)).status_code == 200


async def test_the_log_is_searched_by_action(client: httpx.AsyncClient, database: Database) -> None:
    browser = await sign_in(database, client, "admin")
    token = form_token(await client.get("/admin", headers=browser))
    await client.post("/admin/jobs/seal-audit", data={"form_token": token}, headers=browser)
    every = words(await client.get("/admin/audit", headers=browser))
    assert "run_job_now" in every
    only = words(await client.get("/admin/audit?action=run_job_now", headers=browser))
    assert "run_job_now" in only
    assert "show_admin" not in only
    assert "There is no such entry" in words(await client.get("/admin/audit?action=nothing", headers=browser))
