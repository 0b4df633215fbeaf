"""Onboarding through HTTP: waves, events, one milestone with If-Match, and the county's figures."""

from datetime import date, timedelta
from typing import Any

import httpx
import pytest

from equityaccess import clock
from equityaccess.database import Database
from equityaccess.onboarding import following, store
from equityaccess.onboarding.jobs import reschedule_onboarding
from tests.conftest import MakeKey, bearer

LONG_BEACH = "19647250000000"
LAUSD = "19647330000000"
GLENDALE = "19645680000000"


@pytest.fixture
async def county(make_key: MakeKey) -> dict[str, str]:
    return bearer(await make_key(scopes=["county"]))


@pytest.fixture
async def district(make_key: MakeKey) -> dict[str, str]:
    return bearer(await make_key(lea=LONG_BEACH, scopes=["push", "read"]))


def ago(days: int) -> str:
    return (clock.now() - timedelta(days=days)).isoformat()


def event(
    name: str, milestone: str, kind: str, days_ago: int = 1, lea: str = LONG_BEACH, **more: Any
) -> dict[str, Any]:
    usual: dict[str, dict[str, Any]] = {
        "completed": {"evidence": "board item 7"},
        "blocked": {"waiting_on": "vendor", "reason": "no answer"},
    }
    return {
        "external_id": name, "lea": lea, "track": "FIN", "milestone": milestone, "kind": kind,
        "happened_at": ago(days_ago),
        **usual.get(kind, {}), **more,
    }  # fmt: skip


@pytest.fixture
async def wave(client: httpx.AsyncClient, county: dict[str, str]) -> date:
    """The go-live of a wave that Long Beach and Glendale are in."""
    go_live = clock.today() + timedelta(days=200)
    body = {"track": "FIN", "name": "First wave", "go_live_on": str(go_live), "leas": [LONG_BEACH, GLENDALE]}
    answer = await client.put("/v1/waves/fin-1", json=body, headers=county)
    assert answer.status_code == 200, answer.text
    assert [(one["leas"], one["is_sample"]) for one in answer.json()["items"]] == [(2, False)]
    return go_live


async def push(client: httpx.AsyncClient, key: dict[str, str], *events: dict[str, Any]) -> httpx.Response:
    return await client.post("/v1/milestone-events", json={"events": list(events)}, headers=key)


def codes(answer: httpx.Response) -> list[str]:
    return [error["code"] for error in answer.json()["errors"]]


async def test_the_playbook_is_there_for_every_key(client: httpx.AsyncClient, district: dict[str, str]) -> None:
    answer = await client.get("/v1/playbook", headers=district)
    assert len(answer.json()["milestones"]) == 28
    assert (await client.get("/v1/playbook?version=99", headers=district)).status_code == 404


async def test_an_lea_that_takes_part_has_every_milestone_with_its_days(
    client: httpx.AsyncClient, district: dict[str, str], wave: date
) -> None:
    found = (await client.get(f"/v1/leas/{LONG_BEACH}/milestones", headers=district)).json()
    [track] = found["tracks"]
    assert (track["track"], track["wave"], len(track["milestones"])) == ("FIN", "fin-1", 24)
    go_live = next(one for one in track["milestones"] if one["milestone"] == "go_live")
    assert date.fromisoformat(go_live["dates"]["planned_on"]) >= wave
    assert track["progress"]["gates"] == 5


async def test_a_sample_wave_says_so(client: httpx.AsyncClient, county: dict[str, str]) -> None:
    body = {"track": "HCM", "name": "A wave to try", "go_live_on": "2027-01-04", "is_sample": True}
    assert (await client.put("/v1/waves/try", json=body, headers=county)).json()["items"][0]["is_sample"] is True


async def test_another_lea_looks_like_one_that_is_not(
    client: httpx.AsyncClient, district: dict[str, str], wave: date
) -> None:
    foreign = await client.get(f"/v1/leas/{GLENDALE}/milestones", headers=district)
    unknown = await client.get("/v1/leas/19000000000000/milestones", headers=district)
    assert foreign.status_code == unknown.status_code == 404
    assert foreign.json()["detail"] == unknown.json()["detail"]
    waves = (await client.get("/v1/waves", headers=district)).json()["items"]
    assert [(one["code"], one["leas"]) for one in waves] == [("fin-1", 1)]
    told = await push(client, district, event("a", "project_team", "started", lea=GLENDALE))
    assert (told.status_code, codes(told)) == (403, ["lea-mismatch"])


async def test_events_are_told_once_however_often_they_are_sent(
    client: httpx.AsyncClient, district: dict[str, str], wave: date
) -> None:
    one, two = (
        event("1", "participation_agreement", "started", 9),
        event("2", "participation_agreement", "completed", 2),
    )
    first = await push(client, district, one, two)
    assert (first.status_code, first.json()["created"]) == (201, 2)
    again = await push(client, district, two, event("3", "project_team", "started"))
    assert (again.status_code, again.json()["created"], again.json()["unchanged"]) == (201, 1, 1)
    assert (await push(client, district, one, two)).status_code == 200
    other = await push(client, district, {**two, "evidence": "another one"})
    assert (other.status_code, codes(other)) == (422, ["external-id-reused"])
    twice = await push(client, district, event("4", "project_team", "blocked"), event("4", "project_team", "blocked"))
    assert twice.status_code == 422


async def test_every_fault_is_told_and_nothing_is_stored(
    client: httpx.AsyncClient, district: dict[str, str], wave: date
) -> None:
    answer = await push(
        client,
        district,
        event("1", "participation_agreement", "started"),
        event("2", "project_team", "started", happened_at=(clock.now() + timedelta(days=1)).isoformat()),
        event("3", "project_team", "blocked", reason="write to jo@example.org"),
        event("4", "go_live", "replanned", planned_on="2027-03-01", reason="later"),
        event("5", "process_map_and_resource_plan", "completed", waiver={"granted_by": "x", "reason": "y"}),
    )
    assert answer.status_code == 422
    assert codes(answer) == ["future-date", "personal-data", "county-only", "county-only"]
    assert "jo@" not in answer.text
    assert (await push(client, district, event("1", "participation_agreement", "started"))).json()["created"] == 1


@pytest.mark.parametrize(
    ("told", "code"),
    [
        (event("1", "parallel_payroll", "started"), "unknown-milestone"),
        (event("1", "uat", "unblocked"), "wrong-state"),
        (event("1", "uat", "completed", evidence=None), "missing-field"),
        (event("1", "uat", "started", track="HCM"), "not-participating"),
        (event("1", "go_no_go", "not_applicable", reason="no"), "gate-applies"),
        (event("1", "security_roles", "completed"), "gate-not-ready"),
    ],
)
async def test_what_cannot_have_happened_is_refused(
    client: httpx.AsyncClient, district: dict[str, str], wave: date, told: dict[str, Any], code: str
) -> None:
    answer = await push(client, district, told)
    assert (answer.status_code, codes(answer)) == (422, [code])


async def test_the_county_confirms_gates_and_waives(
    client: httpx.AsyncClient, district: dict[str, str], county: dict[str, str], wave: date
) -> None:
    needs = [event(key, key, "completed", 3) for key in ("project_team", "third_party_inventory")]
    gate = event("gate", "process_map_and_resource_plan", "completed")
    assert codes(await push(client, district, *needs, gate)) == ["county-only"]
    assert (await push(client, district, *needs)).status_code == 201
    assert (await push(client, county, gate)).status_code == 201
    waived = event(
        "waived", "security_roles", "completed", waiver={"granted_by": "steering committee", "reason": "tried out"}
    )
    assert (await push(client, county, waived)).status_code == 201
    found = (await client.get(f"/v1/leas/{LONG_BEACH}/milestones", headers=district)).json()["tracks"][0]
    assert (found["progress"]["gates_passed"], found["progress"]["waived"]) == (2, 1)


async def test_an_event_that_makes_a_known_one_impossible_is_refused(
    client: httpx.AsyncClient, district: dict[str, str], wave: date
) -> None:
    assert (await push(client, district, event("1", "training", "completed", 2))).status_code == 201
    answer = await push(client, district, event("2", "training", "not_applicable", 5, reason="x"))
    assert (answer.status_code, codes(answer)) == (422, ["wrong-state"])
    assert "what is known could not have happened" in answer.json()["errors"][0]["detail"]


async def test_a_change_needs_the_version_that_was_read(
    client: httpx.AsyncClient, district: dict[str, str], county: dict[str, str], wave: date
) -> None:
    path = f"/v1/leas/{LONG_BEACH}/milestones/FIN/uat"
    read = await client.get(path, headers=district)
    assert read.headers["ETag"] == '"0"'
    start = {"kind": "started"}
    assert (await client.patch(path, json=start, headers=district)).status_code == 428
    changed = await client.patch(path, json=start, headers={**district, "If-Match": '"0"'})
    assert (changed.status_code, changed.headers["ETag"], changed.json()["state"]) == (200, '"1"', "in_progress")
    stale = await client.patch(path, json={"kind": "completed", "evidence": "e"}, headers={**county, "If-Match": '"0"'})
    assert stale.status_code == 412
    assert (await client.get(path, headers=district)).json()["state"] == "in_progress"
    assert (await client.get(f"/v1/leas/{LONG_BEACH}/milestones/HCM/uat", headers=district)).status_code == 404


async def test_a_wave_that_moves_takes_its_leas_along_and_keeps_its_track(
    client: httpx.AsyncClient, district: dict[str, str], county: dict[str, str], wave: date
) -> None:
    path = f"/v1/leas/{LONG_BEACH}/milestones/FIN/uat"
    before = (await client.get(path, headers=district)).json()["dates"]["planned_on"]
    body = {"track": "FIN", "name": "First wave", "go_live_on": str(wave + timedelta(days=70))}
    assert (await client.put("/v1/waves/fin-1", json=body, headers=district)).status_code == 403
    assert (await client.put("/v1/waves/fin-1", json=body, headers=county)).status_code == 200
    assert (await client.get(path, headers=district)).json()["dates"]["planned_on"] > before
    assert codes(await client.put("/v1/waves/fin-1", json={**body, "track": "HCM"}, headers=county)) == ["track-kept"]


async def test_the_county_sees_how_many_of_those_that_take_part_are_onboarded(
    client: httpx.AsyncClient, district: dict[str, str], county: dict[str, str], wave: date
) -> None:
    waiver = {"granted_by": "steering committee", "reason": "pilot"}
    await push(
        client, county, event("1", "go_live", "completed", 3), event("2", "hypercare_exit", "completed", waiver=waiver)
    )
    found = (await client.get("/v1/onboarding", headers=county)).json()
    assert found["figures"] == {
        "participating": 2, "live": 1, "onboarded": 1, "gates_passed": 1, "gates": 10, "weight_done": 14,
        "weight": found["figures"]["weight"],
    }  # fmt: skip
    assert (found["onboarded_percent"], found["target_percent"]) == (50, 100)
    assert [one["lea"] for one in found["leas"]] == sorted([LONG_BEACH, GLENDALE])
    of_wave = (await client.get("/v1/onboarding?scope=wave:fin-1&track=FIN", headers=county)).json()
    assert of_wave["figures"] == found["figures"]
    weeks = (await client.get("/v1/onboarding/series", headers=county)).json()["weeks"]
    assert [week["figures"]["participating"] for week in weeks] == [2]
    none = (await client.get("/v1/onboarding?track=HCM", headers=county)).json()
    assert (none["figures"]["participating"], none["onboarded_percent"]) == (0, None)
    assert codes(await client.get("/v1/onboarding?scope=wave:hcm-9", headers=county)) == ["unknown-wave"]
    assert (await client.get("/v1/onboarding", headers=district)).status_code == 403


async def test_replaying_the_events_gives_the_stored_rows(
    client: httpx.AsyncClient, county: dict[str, str], wave: date, database: Database
) -> None:
    await push(
        client,
        county,
        event("1", "uat", "started", 9),
        event("2", "uat", "blocked", 5),
        event("3", "training", "completed", 2),
    )
    async with database.transaction(role="aggregator") as tx:
        [who] = [
            one
            for one in await store.participations(tx)
            if one.kind and one.lea_id == (await store.events(tx, None))[0].lea_id
        ]
        before = await store.statuses(tx, who.lea_id)
        now = clock.now()
        rows, _ = following.followed(
            await following.ground(tx, clock.today(now)), who, await store.events(tx, [who.lea_id]), now
        )
        assert sorted(rows, key=lambda row: row.key) == sorted(before, key=lambda row: row.key)
        done = await reschedule_onboarding(tx, now)
        assert done.touched == 2
        assert await store.statuses(tx, who.lea_id) == before
