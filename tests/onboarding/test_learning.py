"""How long others took is learnt: once enough of them have finished, those who have not are forecast by it."""

from datetime import date, timedelta

import httpx
import pytest

from equityaccess import clock
from equityaccess.database import Database
from equityaccess.onboarding.dates import FEW
from equityaccess.onboarding.jobs import reschedule_onboarding
from tests.conftest import MakeKey, bearer
from tests.onboarding.test_routes import event, push
from tests.submissions.pushing import LAUSD

FIRST, SECOND = "participation_agreement", "project_team"  # ten business days after the first, says the playbook


async def forecast(client: httpx.AsyncClient, county: dict[str, str], database: Database) -> date:
    """When Los Angeles is to be done with it, after the job has run."""
    async with database.transaction(role="aggregator", patience_s=30) as tx:
        await reschedule_onboarding(tx, clock.now())
    found = await client.get(f"/v1/leas/{LAUSD}/milestones/FIN/{SECOND}", headers=county)
    return date.fromisoformat(found.json()["dates"]["forecast_on"])


@pytest.mark.parametrize(("finished", "is_learnt"), [(FEW - 1, False), (FEW, True)])
async def test_enough_leas_that_took_seven_weeks_move_the_forecast_of_who_has_not_begun(
    client: httpx.AsyncClient, make_key: MakeKey, database: Database, finished: int, *, is_learnt: bool
) -> None:
    county = bearer(await make_key(scopes=["county"]))
    listed = await client.get("/v1/leas?kind=unified_district&limit=20", headers=county)
    others = [one["code"] for one in listed.json()["items"] if one["code"] != LAUSD][:finished]
    go_live = str(clock.today() + timedelta(days=200))
    wave = {"track": "FIN", "name": "A wave", "go_live_on": go_live, "leas": [LAUSD, *others]}
    assert (await client.put("/v1/waves/first", headers=county, json=wave)).status_code == 200
    before = await forecast(client, county, database)
    told = await push(
        client,
        county,
        *(event(f"{lea}-before", FIRST, "completed", 61, lea=lea) for lea in others),
        *(event(f"{lea}-began", SECOND, "started", 60, lea=lea) for lea in others),
        *(event(f"{lea}-ended", SECOND, "completed", 9, lea=lea) for lea in others),
    )
    assert told.is_success, told.text[:300]
    after = await forecast(client, county, database)
    assert (after > before + timedelta(days=21)) == is_learnt, "it took them about 35 business days"
    assert is_learnt or after == before
