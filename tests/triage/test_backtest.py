"""The back-test: each week is ranked by what had happened by then, and held against what happened after."""

from datetime import date, timedelta

import httpx
import pytest

from equityaccess import clock
from equityaccess.commands.triage import lines
from equityaccess.database import Database
from equityaccess.onboarding.jobs import reschedule_onboarding
from equityaccess.triage.backtest import BackTest, backtest
from tests.onboarding.test_routes import event, push
from tests.submissions.pushing import ABC, LAUSD
from tests.triage.test_routes import Headers, county

__all__ = ["county"]

GATE = "security_roles"
BEFORE = (
    *("participation_agreement", "project_team", "third_party_inventory", "process_map_and_resource_plan"),
    *("fit_gap", "coa_crosswalk", "reference_data"),
)


@pytest.fixture
async def planned_on(client: httpx.AsyncClient, county: Headers, database: Database) -> date:
    """When a gate was due six weeks ago or so: ABC passed it two weeks early, Los Angeles never has."""
    go_live = str(clock.today() + timedelta(days=206))
    wave = {"track": "FIN", "name": "A wave", "go_live_on": go_live, "leas": [ABC, LAUSD]}
    assert (await client.put("/v1/waves/past", headers=county, json=wave)).status_code == 200
    done = [(lea, key, 20) for lea in (ABC, LAUSD) for key in BEFORE] + [(ABC, GATE, 8)]
    events = [event(f"{lea}-{key}", key, "completed", weeks * 7, lea=lea) for lea, key, weeks in done]
    told = await push(client, county, *events)
    assert told.is_success, told.text[:300]
    async with database.transaction(role="aggregator", patience_s=30) as tx:
        await reschedule_onboarding(tx, clock.now())
    found = await client.get(f"/v1/leas/{LAUSD}/milestones/FIN/{GATE}", headers=county)
    return date.fromisoformat(found.json()["dates"]["planned_on"])


async def replayed(database: Database, weeks: int) -> BackTest:
    async with database.transaction(role="aggregator", patience_s=60) as tx:
        return await backtest(tx, weeks, clock.now())


async def test_each_week_knows_what_had_happened_by_then_and_is_judged_by_what_followed(
    planned_on: date, database: Database
) -> None:
    found = await replayed(database, 16)
    weeks = {(clock.today() - week.on).days // 7: week for week in found.weeks}
    last = (clock.today() - planned_on).days // 7
    assert 5 <= last <= 7, "the gate was due about six weeks ago"
    for back in range(9, 16):
        week = weeks[back]
        assert (week.leas, week.missed, week.shown) == (2, 1, 2), "before ABC passed it, both had it before them"
        assert week.by_score == week.by_days == 1
    for back in range(last + 1, 8):
        assert (weeks[back].leas, weeks[back].missed) == (1, 1), "then only Los Angeles, who missed it"
    assert min(weeks) > last - 1, "a gate whose day has come is nobody's next"
    assert found.precision(lambda week: week.missed) == 100 * len(weeks) / sum(week.shown for week in found.weeks)


async def test_what_is_printed_says_how_many_of_the_first_ten_missed(planned_on: date, database: Database) -> None:
    said = lines(await replayed(database, 12))
    assert not any("SAMPLE" in line for line in said)
    assert str(clock.today() - timedelta(weeks=10)) in said[3]
    assert said[-1].startswith("precision at ten: score ")


async def test_without_a_history_there_is_nothing_to_judge(client: httpx.AsyncClient, database: Database) -> None:
    found = await replayed(database, 4)
    assert (found.weeks, found.precision(lambda week: week.missed)) == ([], None)
    assert "There is no week" in lines(found)[-1]
