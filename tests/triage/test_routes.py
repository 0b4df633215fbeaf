"""Triage over HTTP: the ranked list, what people do about an item, and who may."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from equityaccess import clock
from equityaccess.database import Database
from equityaccess.onboarding import jobs as onboarding
from equityaccess.triage.jobs import score_triage
from tests.conftest import MakeKey, bearer
from tests.submissions.pushing import ABC, LAUSD

Headers = dict[str, str]


@pytest.fixture
async def county(client: httpx.AsyncClient, make_key: MakeKey) -> Headers:
    return bearer(await make_key(scopes=["county"], leas=()))


async def score(database: Database, days: int = 0) -> str:
    now = clock.now() + timedelta(days=days)
    async with database.transaction(role="aggregator", patience_s=30) as tx:
        await onboarding.reschedule_onboarding(tx, now)
        return (await score_triage(tx, now)).said


@pytest.fixture
async def scored(client: httpx.AsyncClient, county: Headers, database: Database) -> None:
    """ABC and Los Angeles take part; ABC is blocked on itself and goes live soon, Los Angeles much later."""
    for code, lea, days in (("soon", ABC, 40), ("later", LAUSD, 600)):
        go_live = str(clock.today() + timedelta(days=days))
        wave = {"track": "FIN", "name": "A wave", "go_live_on": go_live, "leas": [lea]}
        answer = await client.put(f"/v1/waves/{code}", headers=county, json=wave)
        assert answer.status_code == 200, answer.text
    place = f"/v1/leas/{ABC}/milestones/FIN/data_validation"
    for change in ({"kind": "started"}, {"kind": "blocked", "waiting_on": "lea", "reason": "totals do not tie"}):
        told = await client.patch(place, headers=county | {"If-Match": "*"}, json=change)
        assert told.status_code == 200, told.text
    await score(database)


async def listed(client: httpx.AsyncClient, county: Headers, **query: Any) -> dict[str, Any]:
    answer = await client.get("/v1/triage", headers=county, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()  # type: ignore[no-any-return]


async def first(client: httpx.AsyncClient, county: Headers) -> tuple[dict[str, Any], str]:
    item = (await listed(client, county, wave="soon"))["items"][0]
    answer = await client.get(f"/v1/triage/{item['item_id']}", headers=county)
    return answer.json()["item"], answer.headers["ETag"]


@pytest.mark.usefixtures("scored")
async def test_the_list_is_ranked_and_the_reasons_are_the_score(client: httpx.AsyncClient, county: Headers) -> None:
    items = (await listed(client, county, limit=500))["items"]
    assert items[0]["lea"] == ABC
    assert items[0]["waves"] == ["soon"]
    assert {"gate_overdue", "blocked"} <= {one["code"] for one in items[0]["reasons"]}
    for item in items:
        assert item["score"] == sum(one["points"] for one in item["reasons"]) >= 30
        assert item["next_action"]
    assert [one["score"] for one in items] == sorted((one["score"] for one in items), reverse=True)
    assert [
        one["lea"] for one in (await listed(client, county, wave="soon", track="FIN", reason="blocked"))["items"]
    ] == [ABC]
    assert (await listed(client, county, wave="soon", track="HCM"))["items"] == []
    assert (await listed(client, county, wave="soon", assignee="desk-9"))["items"] == []


@pytest.mark.usefixtures("scored")
async def test_pages_come_without_loss(client: httpx.AsyncClient, county: Headers, database: Database) -> None:
    whole = [one["item_id"] for one in (await listed(client, county, limit=500))["items"]]
    paged: list[str] = []
    query: dict[str, Any] = {"limit": 1}
    while True:
        page = await listed(client, county, **query)
        paged += [one["item_id"] for one in page["items"]]
        if page["next"] is None:
            break
        query["cursor"] = page["next"]
    assert paged == whole


@pytest.mark.usefixtures("scored")
async def test_an_item_is_changed_by_who_has_read_it(client: httpx.AsyncClient, county: Headers) -> None:
    item, etag = await first(client, county)
    place = f"/v1/triage/{item['item_id']}"
    assert (await client.patch(place, headers=county, json={"note": "x"})).status_code == 428
    assert (await client.patch(place, headers=county | {"If-Match": '"99"'}, json={"note": "x"})).status_code == 412
    done = await client.patch(
        place, headers=county | {"If-Match": etag}, json={"assignee": "desk-2", "note": "call back"}
    )
    assert (done.status_code, done.json()["assignee"]) == (200, "desk-2")
    assert (await client.patch(place, headers=county | {"If-Match": etag}, json={"note": "y"})).status_code == 412
    later = str(clock.today() + timedelta(days=3))
    snoozed = await client.patch(
        place, headers=county | {"If-Match": done.headers["ETag"]}, json={"snoozed_until": later, "assignee": None}
    )
    assert (snoozed.json()["state"], snoozed.json()["assignee"]) == ("snoozed", None)
    assert (await listed(client, county, wave="soon"))["items"] == []
    assert len((await listed(client, county, wave="soon", state="snoozed"))["items"]) == 1
    events = (await client.get(place, headers=county)).json()["events"]
    assert {one["kind"] for one in events} == {"opened", "assigned", "noted", "snoozed"}


@pytest.mark.usefixtures("scored")
async def test_a_contact_on_an_item_is_support_that_is_counted(client: httpx.AsyncClient, county: Headers) -> None:
    item, etag = await first(client, county)
    place = f"/v1/triage/{item['item_id']}"
    contact = {"track": "FIN", "channel": "phone", "said": "totals are being looked into"}
    done = await client.patch(place, headers=county | {"If-Match": etag}, json={"contact": contact})
    assert done.status_code == 200, done.text
    told = (await client.get("/v1/support-events", headers=county, params={"lea": ABC})).json()["items"]
    assert [(one["kind"], one["channel"]) for one in told] == [("contact", "phone")]
    brief = (await client.get(f"{place}/brief", headers=county)).json()
    assert [one["kind"] for one in brief["contacts"]] == ["contact"]
    assert brief["tracks"][0]["wave"] == "soon"
    assert len(brief["next_actions"]) == 2
    assert brief["next_actions"][0]["action"]


@pytest.mark.usefixtures("scored")
async def test_what_is_resolved_closes_and_is_not_opened_again_at_once(
    client: httpx.AsyncClient, county: Headers, database: Database
) -> None:
    item, etag = await first(client, county)
    place = f"/v1/triage/{item['item_id']}"
    done = await client.patch(place, headers=county | {"If-Match": etag}, json={"resolved_with": "totals tie now"})
    assert done.json()["state"] == "resolved"
    again = await client.patch(place, headers=county | {"If-Match": done.headers["ETag"]}, json={"note": "x"})
    assert again.status_code == 409
    await score(database)
    assert (await listed(client, county, wave="soon"))["items"] == []
    await score(database, days=8)
    (new,) = (await listed(client, county, wave="soon"))["items"]
    assert new["item_id"] != item["item_id"]


@pytest.mark.usefixtures("scored")
async def test_a_run_that_finds_the_same_changes_no_version(
    client: httpx.AsyncClient, county: Headers, database: Database
) -> None:
    before, etag = await first(client, county)
    await score(database)
    after, same = await first(client, county)
    assert (after["score"], same) == (before["score"], etag)


@pytest.mark.usefixtures("scored")
@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({}, "missing-field"),
        ({"snoozed_until": "2020-01-01"}, "invalid-date"),
        ({"note": "ask maria@example.org"}, "personal-data"),
        ({"resolved_with": "Maria Garcia called"}, "personal-data"),
        ({"contact": {"track": "FIN", "channel": "phone", "said": "call (562) 555-0134"}}, "personal-data"),
        ({"assignee": "Maria Garcia"}, "invalid-value"),
        ({"owner": "x"}, "unknown-field"),
    ],
)
async def test_a_change_that_makes_no_sense_is_refused(
    client: httpx.AsyncClient, county: Headers, change: dict[str, Any], code: str
) -> None:
    item, etag = await first(client, county)
    answer = await client.patch(f"/v1/triage/{item['item_id']}", headers=county | {"If-Match": etag}, json=change)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, code), answer.text


async def test_without_weights_the_job_says_what_to_do(empty: Database) -> None:
    async with empty.transaction(role="aggregator") as tx:
        with pytest.raises(RuntimeError, match="equityaccess seed"):
            await score_triage(tx, clock.now())


async def test_what_blocks_three_leas_alike_is_one_matter_of_the_county(
    client: httpx.AsyncClient, county: Headers, database: Database
) -> None:
    leas = [ABC, LAUSD, "19642460000000", "19642790000000"]
    wave = {"track": "FIN", "name": "A wave", "go_live_on": str(clock.today() + timedelta(days=300)), "leas": leas}
    assert (await client.put("/v1/waves/many", headers=county, json=wave)).status_code == 200
    for lea, reason in zip(leas, ("No run", "no  run", " NO RUN ", "another"), strict=True):
        place = f"/v1/leas/{lea}/milestones/FIN/fit_gap"
        for change in ({"kind": "started"}, {"kind": "blocked", "waiting_on": "county", "reason": reason}):
            told = await client.patch(place, headers=county | {"If-Match": "*"}, json=change)
            assert told.status_code == 200, told.text
    (cluster,) = (await listed(client, county))["clusters"]
    assert (cluster["milestone"], cluster["waiting_on"]) == ("fit_gap", "county")
    assert cluster["leas"] == sorted(leas[:3])
    await score(database)
    for item in (await listed(client, county, limit=500))["items"]:
        assert "blocked" not in {one["code"] for one in item["reasons"]}
