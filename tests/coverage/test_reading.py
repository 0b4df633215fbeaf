"""Reading coverage: what the county and a district see, what is withheld, and what was known when."""

from datetime import date, timedelta

import httpx
import pytest

from equityaccess import clock
from equityaccess.coverage import jobs, store
from equityaccess.database import Database, Query, connect
from tests.conftest import MakeKey, bearer, settings_for

ABC = "19642120000000"
LACOE = "19101990000000"
LAUSD = "19647330000000"
EVERYBODY = 1_313_935  # Census Day October 2022: the sum over the county's authorizer families


MORE_STUDENTS = Query(
    "more_students",
    "UPDATE enrollment SET students = students + 1000 FROM identifier i, student_group g"
    f" WHERE i.code = '{LAUSD}' AND enrollment.lea_id = i.lea_id"
    " AND g.code = 'ALL' AND enrollment.student_group_id = g.student_group_id",
    (),
)


@pytest.fixture
async def aggregate(database: Database):
    """Run the jobs that the scheduler would have run by now."""

    async def run() -> None:
        async with database.transaction(role="aggregator") as tx:
            await jobs.expire_coverage(tx, clock.now())

    await run()
    return run


async def push(
    client: httpx.AsyncClient, key: dict[str, str], lea: str, as_of: date, **counts: object
) -> httpx.Response:
    row = {"indicator": "home_internet", "student_group": "ALL", "evidence": "C", "not_met": 0} | counts
    answer = await client.post(
        "/v1/submissions", headers=key, json={"lea": lea, "as_of": str(as_of), "observations": [row]}
    )
    assert answer.status_code in (200, 201), answer.text
    return answer


async def coverage(client: httpx.AsyncClient, key: dict[str, str], **parameters: str) -> dict[str, object]:
    answer = await client.get(
        "/v1/coverage", params={"indicator": "home_internet", "student_group": "ALL"} | parameters, headers=key
    )
    assert answer.status_code == 200, answer.text
    (item,) = answer.json()["items"]
    return item


async def test_before_anybody_reports_everybody_is_unknown(
    client: httpx.AsyncClient, make_key: MakeKey, aggregate
) -> None:
    item = await coverage(client, bearer(await make_key(scopes=["county"])))
    figures = item["point"]["figures"]
    assert (figures["population"], figures["unknown"], figures["unheard"]) == (EVERYBODY, EVERYBODY, EVERYBODY)
    assert figures["confirmed_percent"] == 0
    assert figures["respondent_percent"] is None
    assert item["point"]["leas_heard"] == 0
    assert item["target"] == {"percent": 100.0, "target_on": "2025-06-30"}


async def test_a_push_shows_in_the_county_and_in_the_district(
    client: httpx.AsyncClient, make_key: MakeKey, aggregate
) -> None:
    key, office = bearer(await make_key(lea=ABC)), bearer(await make_key(scopes=["county"]))
    receipt = (await push(client, key, ABC, clock.today(), population=18354, met=17102, not_met=611)).json()
    await aggregate()
    county = (await coverage(client, office))["point"]
    assert county["figures"]["met"] == 17102
    assert county["figures"]["population"] == EVERYBODY
    assert county["lowest_evidence"] == "C"
    rounded = (await coverage(client, key))["point"]["figures"]
    assert rounded == receipt["effect"][0]["county_after"]
    assert rounded == {
        "kind": "rounded",
        "base": 1_314_000,
        "gap": 1_297_000,
        "confirmed_percent": 1.3,
        "at_most_percent": 99.9,
    }
    own = (await coverage(client, key, scope=ABC))["point"]
    assert own["figures"]["confirmed_percent"] == 93.17
    assert own["figures"]["unknown"] == 18354 - 17102 - 611


async def test_who_watches_the_county_sees_nothing_of_what_few_people_change_elsewhere(
    client: httpx.AsyncClient, make_key: MakeKey, aggregate
) -> None:
    """The county just before another LEA's push and just after gave that LEA's counts away, to the person."""
    other, watcher = bearer(await make_key(lea=LAUSD)), bearer(await make_key(lea=ABC))
    await push(client, other, LAUSD, clock.today(), population=429_349, met=300_000)
    await push(client, watcher, ABC, clock.today(), population=18_000, met=9_000)
    await aggregate()
    then = clock.now()
    watched = {"population": 18_000, "met": 9_000}
    before = (await push(client, watcher, ABC, clock.today(), **watched)).json()["effect"]
    await push(client, other, LAUSD, clock.today(), population=429_349, met=300_010)
    await aggregate()
    assert (await push(client, watcher, ABC, clock.today(), **watched)).json()["effect"] == before
    now = await coverage(client, watcher)
    as_then = await coverage(client, watcher, known_at=then.isoformat())
    assert now["point"]["figures"] == as_then["point"]["figures"]
    assert now["point"]["figures"]["kind"] == "rounded"
    assert {"met", "not_met", "unknown", "population"}.isdisjoint(now["point"]["figures"])


async def test_a_district_reads_itself_and_the_county_and_nobody_else(
    client: httpx.AsyncClient, make_key: MakeKey, aggregate
) -> None:
    key, county = bearer(await make_key(lea=ABC)), bearer(await make_key(scopes=["county"]))
    for path in ("/v1/coverage", "/v1/coverage/series?indicator=device", "/v1/coverage/gaps", "/v1/completeness"):
        for scope in (LAUSD, "county_office"):
            parameters = {"scope": scope} | ({"indicator": "device"} if "series" in path else {})
            refused = await client.get(path.partition("?")[0], params=parameters, headers=key)
            assert refused.status_code == 403, (path, scope, refused.text)
    assert (await coverage(client, county, scope=LAUSD))["point"]["figures"]["unheard"] > 0
    assert (await coverage(client, county, scope="county_office"))["point"]["leas_asked"] == 1


async def test_a_family_heard_in_part_keeps_the_rest_as_unheard(
    client: httpx.AsyncClient, make_key: MakeKey, aggregate
) -> None:
    key = bearer(await make_key(lea=LACOE))
    await push(client, key, LACOE, clock.today(), population=1500, met=1500)
    await aggregate()
    figures = (await coverage(client, bearer(await make_key(scopes=["county"]))))["point"]["figures"]
    assert figures["population"] == EVERYBODY, (
        "LACOE's charters have not reported, so its family still stands for 9,076"
    )
    assert figures["unheard"] == EVERYBODY - 1500


async def test_small_groups_of_the_county_are_suppressed_for_districts_and_shown_to_the_county(
    client: httpx.AsyncClient, make_key: MakeKey, aggregate
) -> None:
    key, county = bearer(await make_key(lea=LACOE)), bearer(await make_key(scopes=["county"]))
    row = {
        "indicator": "court_school_access",
        "student_group": "JIY",
        "population": 9,
        "met": 4,
        "not_met": 5,
        "evidence": "A",
    }
    body = {"lea": LACOE, "as_of": str(clock.today()), "observations": [row]}
    receipt = (await client.post("/v1/submissions", headers=key, json=body)).json()
    assert receipt["effect"][0]["county_after"] == {"kind": "suppressed", "reason": "too few people"}
    await aggregate()
    asked = {"indicator": "court_school_access", "student_group": "JIY"}
    assert (await coverage(client, key, **asked))["point"]["figures"]["kind"] == "suppressed"
    assert (await coverage(client, county, **asked))["point"]["figures"]["met"] == 4
    assert (await coverage(client, key, **asked, scope=LACOE))["point"]["figures"]["met"] == 4


async def test_what_was_known_then_stays_what_it_was(client: httpx.AsyncClient, make_key: MakeKey, aggregate) -> None:
    key = bearer(await make_key(lea=ABC))
    day = clock.today() - timedelta(days=1)
    await push(client, key, ABC, day, population=18354, met=100, not_met=0)
    await aggregate()
    then = clock.now()
    before = await coverage(client, key, as_of=str(day))
    await push(client, key, ABC, day, population=18354, met=9000, not_met=0)
    await aggregate()
    office = bearer(await make_key(scopes=["county"]))
    assert (await coverage(client, office, as_of=str(day)))["point"]["figures"]["met"] == 9000
    as_then = await coverage(client, key, as_of=str(day), known_at=then.isoformat())
    assert as_then["point"]["figures"] == before["point"]["figures"]
    for scope in ("county", ABC):
        then_own = await coverage(client, office, scope=scope, known_at=then.isoformat())
        assert then_own["point"]["figures"]["met"] == 100


async def test_a_late_observation_restates_the_series(client: httpx.AsyncClient, make_key: MakeKey, aggregate) -> None:
    key, office = bearer(await make_key(lea=ABC)), bearer(await make_key(scopes=["county"]))
    today = clock.today()
    for weeks, met in ((8, 1000), (6, 2000), (4, 3000), (2, 4000), (0, 5000)):
        await push(client, key, ABC, today - timedelta(weeks=weeks), population=18354, met=met)
    await aggregate()
    asked = {"indicator": "home_internet", "from": str(today - timedelta(weeks=9)), "to": str(today)}
    for scope in ("county", ABC):
        series = (await client.get("/v1/coverage/series", params=asked | {"scope": scope}, headers=office)).json()
        mets = [point["figures"]["met"] for point in series["points"]]
        assert mets[-9:] == [1000, 1000, 2000, 2000, 3000, 3000, 4000, 4000, 5000]
        assert series["outlook"]["points_a_week"] > 0
        assert series["outlook"]["needed_points_a_week"] is None, "the plan's target date has passed"
    before = clock.now()
    await push(client, key, ABC, today - timedelta(weeks=5), population=18354, met=2500)
    await aggregate()
    for scope in ("county", ABC):
        series = (await client.get("/v1/coverage/series", params=asked | {"scope": scope}, headers=office)).json()
        assert [point["figures"]["met"] for point in series["points"]][-6] == 2500
        old = asked | {"scope": scope, "known_at": before.isoformat()}
        series = (await client.get("/v1/coverage/series", params=old, headers=office)).json()
        assert [point["figures"]["met"] for point in series["points"]][-6] == 2000


async def test_a_plan_that_ends_makes_its_people_unknown_again(
    client: httpx.AsyncClient, make_key: MakeKey, aggregate
) -> None:
    key = bearer(await make_key(lea=ABC))
    yesterday = clock.today() - timedelta(days=1)
    await push(client, key, ABC, yesterday, population=18354, met=17000, valid_until=str(yesterday))
    await aggregate()
    office = bearer(await make_key(scopes=["county"]))
    assert (await coverage(client, office))["point"]["figures"]["met"] == 0
    assert (await coverage(client, office, as_of=str(yesterday)))["point"]["figures"]["met"] == 17000


async def test_gaps_come_largest_first_with_the_barrier_and_page_without_loss(
    client: httpx.AsyncClient, make_key: MakeKey, aggregate
) -> None:
    key, county = bearer(await make_key(lea=ABC)), bearer(await make_key(scopes=["county"]))
    breakdown = {"barrier_not_affordable": 380, "barrier_not_available": 231}
    await push(client, key, ABC, clock.today(), population=18354, met=17102, not_met=700, breakdown=breakdown)
    await aggregate()
    mine = (await client.get("/v1/coverage/gaps?indicator=home_internet", headers=key)).json()["items"]
    found = {gap["barrier"]: gap["people"] for gap in mine}
    assert found == {"unknown": 552, "not_affordable": 380, "not_available": 231, "not_said": 89}
    assert sum(found.values()) == 18354 - 17102
    assert [gap["people"] for gap in mine] == sorted((gap["people"] for gap in mine), reverse=True)
    everyone, cursor = [], ""
    while cursor is not None:
        page = (await client.get(f"/v1/coverage/gaps?indicator=home_internet&limit=97{cursor}", headers=county)).json()
        everyone += page["items"]
        cursor = f"&cursor={page['next']}" if page["next"] else None
    assert len({(gap["lea"], gap["barrier"]) for gap in everyone}) == len(everyone)
    assert everyone[0]["lea"] == LAUSD
    assert sum(gap["people"] for gap in everyone) == (await coverage(client, county))["point"]["figures"]["gap"]


async def test_a_key_for_two_leas_reads_the_gaps_of_these_two_only(
    client: httpx.AsyncClient, make_key: MakeKey, aggregate
) -> None:
    """Who was not heard from stands in the directory, which no wall hides: it once listed the whole county."""
    both = bearer(await make_key(lea=ABC, leas=[LAUSD]))
    gaps = (await client.get("/v1/coverage/gaps?limit=500", headers=both)).json()
    assert {gap["lea"] for gap in gaps["items"]} == {ABC, LAUSD}
    assert gaps["next"] is None


async def test_completeness_counts_each_expected_observation_once(
    client: httpx.AsyncClient, make_key: MakeKey, aggregate
) -> None:
    key = bearer(await make_key(lea=ABC))
    for met in (1, 2, 3):
        await push(client, key, ABC, clock.today(), population=18354, met=met, indicator="parent_portal")
    asked = {
        "scope": ABC,
        "indicator": "parent_portal",
        "due_from": "2026-07-01",
        "due_to": str(clock.today() + timedelta(days=60)),
    }
    (item,) = (await client.get("/v1/completeness", params=asked, headers=key)).json()["items"]
    assert item["received"] == 1
    assert item["received"] <= item["expected"]
    assert item["on_time"] == 1
    (county,) = (await client.get("/v1/completeness", params=asked | {"scope": "county"}, headers=key)).json()["items"]
    assert county["leas_expected"] > 300
    assert county["leas_heard"] == 1


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"indicator": "home_intrnet"}, "unknown-indicator"),
        ({"student_group": "XX"}, "unknown-student-group"),
        ({"scope": "nowhere"}, "unknown-lea"),
        ({"as_of": "2999-01-01"}, "invalid-period"),
        ({"known_at": "2999-01-01T00:00:00Z"}, "future-date"),
        ({"known_at": "2026-01-01T00:00:00"}, "timezone-required"),
        ({"colour": "blue"}, "unknown-parameter"),
    ],
)
async def test_a_question_that_makes_no_sense_is_refused(
    client: httpx.AsyncClient, make_key: MakeKey, parameters, code
) -> None:
    key = bearer(await make_key(scopes=["county"]))
    refused = await client.get("/v1/coverage", params=parameters, headers=key)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["code"] == code


@pytest.mark.parametrize(
    ("path", "parameters", "wrong"),
    [
        ("coverage", {"as_of": "0001-01-01"}, "as_of"),
        ("coverage", {"known_at": "0001-01-01T00:00:00Z"}, "known_at"),
        ("coverage", {"as_of": "2026-01-01", "known_at": "0001-01-01T00:00:00+23:59"}, "known_at"),
        ("coverage", {"known_at": "9999-12-31T23:59:59-23:59"}, "known_at"),
        ("coverage/series", {"indicator": "device", "to": "0001-01-01"}, "to"),
        ("coverage/series", {"indicator": "device", "from": "9999-12-31"}, "from"),
        ("coverage/series", {"indicator": "device", "known_at": "0001-01-01T00:00:00Z"}, "known_at"),
        ("completeness", {"due_to": "0001-01-01"}, "due_to"),
        ("completeness", {"due_from": "9999-12-31"}, "due_from"),
        ("observations", {"known_at": "0001-01-01T00:00:00Z"}, "known_at"),
    ],
)
async def test_a_day_at_the_end_of_the_calendar_is_refused_and_not_a_failure(
    client: httpx.AsyncClient, make_key: MakeKey, path: str, parameters: dict[str, str], wrong: str
) -> None:
    key = bearer(await make_key(scopes=["county"]))
    refused = await client.get(f"/v1/{path}", params=parameters, headers=key)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, f"/query/{wrong}")


async def test_a_change_of_the_directory_restates_every_figure(
    client: httpx.AsyncClient, make_key: MakeKey, aggregate, database: Database, database_url: str
) -> None:
    county = bearer(await make_key(scopes=["county"]))
    owner = await connect(settings_for(database_url), role="owner")
    async with owner.transaction() as tx:
        await tx.execute(MORE_STUDENTS)
        await store.mark_all(tx, clock.today())
    await owner.close()
    async with database.transaction(role="aggregator") as tx:
        await jobs.aggregate_coverage(tx, clock.now())
    assert (await coverage(client, county))["point"]["figures"]["population"] == EVERYBODY + 1000
    async with database.transaction(role="aggregator") as tx:
        done = await jobs.rebuild_coverage(tx, clock.now())
    assert not done.failed, done.said
