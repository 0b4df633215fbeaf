"""The last mile over HTTP, on what districts pushed."""

from typing import Any

import httpx
import pytest

from equityaccess import clock
from equityaccess.coverage import store as coverage
from equityaccess.database import Database
from tests.conftest import MakeKey, bearer
from tests.submissions.pushing import ABC, LAUSD, Sender, row

SET = "/v1/unit-costs/home_internet/not_affordable"


@pytest.fixture
async def county(client: httpx.AsyncClient, make_key: MakeKey) -> dict[str, str]:
    return bearer(await make_key(scopes=["county"], leas=()))


@pytest.fixture
async def pushed(client: httpx.AsyncClient, make_key: MakeKey, database: Database) -> None:
    """ABC has 400 behind a price, 200 for another reason; Los Angeles more people left, and more of the EL."""
    abc = Sender(client, await make_key(leas=(ABC,)))
    await abc.rows(
        "ndjson",
        [
            row(met=17_000, not_met=600, breakdown_barrier_not_affordable=400),
            row(student_group="EL", population=2_000, met=1_900, not_met=50),
        ],
    )
    lausd = Sender(client, await make_key(leas=(LAUSD,)))
    await lausd.rows(
        "ndjson",
        [
            row(lea=LAUSD, population=500_000, met=400_000, not_met=50_000, breakdown_barrier_not_affordable=30_000),
            row(lea=LAUSD, student_group="EL", population=80_000, met=20_000, not_met=1_000),
        ],
    )
    async with database.transaction(role="aggregator") as tx:
        await coverage.drain(tx, clock.now(), clock.today())


async def read(client: httpx.AsyncClient, headers: dict[str, str], **query: Any) -> dict[str, Any]:
    answer = await client.get("/v1/last-mile", headers=headers, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()  # type: ignore[no-any-return]


@pytest.mark.usefixtures("pushed")
async def test_people_are_counted_by_lea_and_barrier_and_priced(
    client: httpx.AsyncClient, county: dict[str, str]
) -> None:
    found = await read(client, county)
    barriers = {one["barrier"]: one for one in found["barriers"]}
    assert barriers["not_affordable"]["people"] == 30_400
    assert found["cost_cents"] == barriers["not_affordable"]["cost_cents"] == 30_400 * 21_400
    assert found["people_priced"] == 30_400
    assert barriers["not_said"] == {
        "barrier": "not_said",
        "people": 20_200,
        "unit_cost_cents": None,
        "cost_cents": None,
    }
    left = sum(one["people"] for one in found["barriers"])
    assert left == sum(one["people"] for one in found["leas"])
    assert left + found["difference"] == found["figures"]["gap"]
    assert found["difference"] < 0, "Los Angeles counts people of its charters, which are not heard from"
    assert found["moves_county_most"][0] == LAUSD == found["leas"][0]["lea"]
    assert found["leas"][0]["people"] == 100_000
    assert found["target"]["percent"] == 100
    assert (found["widest"]["student_group"], found["widest"]["leas"][0]["people"]) == ("EL", 60_000)
    assert (await read(client, county, student_group="EL"))["figures"]["met"] == 21_900


async def test_what_nobody_reported_is_not_priced(client: httpx.AsyncClient, county: dict[str, str]) -> None:
    found = await read(client, county)
    assert (found["cost_cents"], found["people_priced"], found["widest"]) == (0, 0, None)
    assert [one["barrier"] for one in found["barriers"]] == ["not_heard_from"]


async def test_what_is_not_asked_is_refused(client: httpx.AsyncClient, county: dict[str, str]) -> None:
    for query in ({"indicator": "weather"}, {"student_group": "nobody"}):
        answer = await client.get("/v1/last-mile", headers=county, params=query)
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "unknown-indicator")


async def test_a_unit_cost_is_changed_by_who_has_read_it_and_its_history_stays(
    client: httpx.AsyncClient, county: dict[str, str]
) -> None:
    new = {"cents": 18_000, "source": "contract of 2026 with a carrier"}
    assert (await client.put(SET, headers=county, json=new)).status_code == 428
    assert (await client.put(SET, headers=county | {"If-Match": '"7"'}, json=new)).status_code == 412
    changed = await client.put(SET, headers=county | {"If-Match": '"1"'}, json=new)
    assert (changed.status_code, changed.json()["revision"], changed.json()["told_by"]) == (200, 2, "county")
    assert (await client.put(SET, headers=county | {"If-Match": '"1"'}, json=new)).status_code == 412
    listed = await client.get("/v1/unit-costs", headers=county)
    assert [one["cents"] for one in listed.json()["items"] if one["indicator"] == "home_internet"] == [18_000]
    every = await client.get("/v1/unit-costs", headers=county, params={"every_revision": True})
    assert [one["cents"] for one in every.json()["items"] if one["indicator"] == "home_internet"] == [18_000, 21_400]
    log = (await client.get("/v1/audit", headers=county, params={"action": "set_unit_cost"})).json()["items"]
    assert [(one["before"]["cents"], one["after"]["cents"]) for one in log if one["after"]] == [(21_400, 18_000)]


async def test_the_first_unit_cost_comes_after_none(client: httpx.AsyncClient, county: dict[str, str]) -> None:
    new = {"cents": 90_000, "source": "quote for a fixed line"}
    place = "/v1/unit-costs/home_internet/not_available"
    assert (await client.put(place, headers=county | {"If-Match": '"0"'}, json=new)).status_code == 200


async def test_a_unit_cost_of_nothing_or_from_a_person_is_refused(
    client: httpx.AsyncClient, county: dict[str, str]
) -> None:
    headers = county | {"If-Match": '"0"'}
    good = {"cents": 1, "source": "a quote"}
    for barrier in ("unknown", "not_desired", "weather"):
        answer = await client.put(f"/v1/unit-costs/home_internet/{barrier}", headers=headers, json=good)
        assert answer.status_code == 404
    assert (await client.put("/v1/unit-costs/weather/other", headers=headers, json=good)).status_code == 404
    for wrong, code in (
        ({"cents": -1, "source": "a quote"}, "out-of-range"),
        ({"cents": 1, "source": "ask maria@example.org"}, "personal-data"),
        ({"cents": 1, "source": "Maria Garcia"}, "personal-data"),
    ):
        answer = await client.put(SET, headers=county | {"If-Match": '"1"'}, json=wrong)
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, code)
