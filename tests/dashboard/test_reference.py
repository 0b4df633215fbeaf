"""Reference rows: an administrator decides on targets; what the files say comes second, and nothing decided is lost."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from equityaccess import clock
from equityaccess.catalogue.seed import seed_catalogue
from equityaccess.catalogue.targets import TargetInForce, targets_in_force
from equityaccess.coverage import store as coverage
from equityaccess.database import Database
from tests.browsers import form_token, sign_in
from tests.conftest import MakeKey, bearer
from tests.dashboard.test_county import words

PLACE = "/admin/reference"
GIVEN = {"indicator": "home_internet", "student_group": "ALL", "target_on": "2025-06-30"}
NEW = {"indicator": "device", "student_group": "EL", "target_on": "2027-06-30"}
BOARD = {"source": "Board decision of November 2026"}

Decide = Callable[..., Awaitable[httpx.Response]]


@pytest.fixture
async def browser(client: httpx.AsyncClient, database: Database) -> dict[str, str]:
    return await sign_in(database, client, "admin")


@pytest.fixture
async def decide(client: httpx.AsyncClient, browser: dict[str, str]) -> Decide:
    token = form_token(await client.get(PLACE, headers=browser))

    async def deciding(**form: Any) -> httpx.Response:
        return await client.post(PLACE, data=BOARD | form | {"form_token": token}, headers=browser)

    return deciding


async def in_force(database: Database, place: dict[str, str]) -> TargetInForce | None:
    async with database.transaction() as tx:
        found = await targets_in_force(tx)
    said = [one for one in found if (one.indicator, one.student_group, str(one.target_on)) == tuple(place.values())]
    assert len(said) < 2
    return said[0] if said else None


async def test_a_target_is_changed_and_what_was_before_stays_told(
    client: httpx.AsyncClient, database: Database, browser: dict[str, str], decide: Decide, make_key: MakeKey
) -> None:
    assert (await decide(**GIVEN, percent="95.5", revision=0)).status_code == 303
    assert (await decide(**GIVEN, percent="97", revision=1)).status_code == 303
    said = words(await client.get(PLACE, headers=browser))
    assert "97% June 30, 2025 Board decision of November 2026 (decision 2)" in said
    assert said.index("June 30, 2025 97%") < said.index("June 30, 2025 95.5%"), "the newest first"
    key = bearer(await make_key(scopes=["county"]))
    indicators = (await client.get("/v1/indicators?limit=200", headers=key)).json()["items"]
    [told] = [one["targets"] for one in indicators if one["code"] == "home_internet"]
    assert [(one["percent"], one["source"]) for one in told] == [(97.0, BOARD["source"])]
    async with database.transaction() as tx:
        assert (await coverage.targets(tx, clock.today()))["home_internet", "ALL"].percent == 97.0


async def test_what_was_decided_stands_over_the_reference_files(database: Database, decide: Decide) -> None:
    await decide(**GIVEN, percent="95.5", revision=0)
    async with database.transaction(role="owner") as tx:
        await seed_catalogue(tx)
    found = await in_force(database, GIVEN)
    assert found is not None
    assert str(found.percent) == "95.50"


async def test_a_target_is_withdrawn_and_decided_anew(database: Database, decide: Decide) -> None:
    assert (await decide(**NEW, percent="80")).status_code == 303
    assert (await decide(**NEW, percent="80")).status_code == 412, "it is there already"
    assert (await decide(**NEW, percent="80", withdraw="1", revision=1)).status_code == 303
    assert await in_force(database, NEW) is None
    assert (await decide(**NEW, percent="85", revision=2)).status_code == 412, "there is nothing to change"
    assert (await decide(**NEW, percent="85")).status_code == 303
    found = await in_force(database, NEW)
    assert found is not None
    assert (str(found.percent), found.revision) == ("85.00", 3)


async def test_what_somebody_else_decided_is_not_overwritten(
    client: httpx.AsyncClient, database: Database, decide: Decide
) -> None:
    assert (await decide(**GIVEN, percent="90", revision=0)).status_code == 303
    late = await decide(**GIVEN, percent="80", revision=0)
    assert late.status_code == 412
    found = await in_force(database, GIVEN)
    assert found is not None
    assert str(found.percent) == "90.00"


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"percent": "101"}, 422),
        ({"percent": "-1"}, 422),
        ({"percent": "NaN"}, 422),
        ({"percent": "33.333"}, 422),
        ({"percent": ""}, 422),
        ({"source": ""}, 422),
        ({"source": "two\nlines"}, 422),
        ({"source": "ask maria@example.org"}, 422),
        ({"target_on": "2025-02-30"}, 422),
        ({"target_on": "9999-12-31"}, 422),
        ({"revision": "first"}, 422),
        ({"indicator": "nothing"}, 404),
        ({"student_group": "all"}, 404),
    ],
)
async def test_what_cannot_be_a_target_is_refused(
    database: Database, decide: Decide, wrong: dict[str, str], status: int
) -> None:
    async with database.transaction() as tx:
        before = await targets_in_force(tx)
    assert (await decide(**(NEW | {"percent": "80"} | wrong))).status_code == status
    async with database.transaction() as tx:
        assert await targets_in_force(tx) == before


async def test_a_decision_is_on_record_with_what_was_before(
    client: httpx.AsyncClient, browser: dict[str, str], decide: Decide
) -> None:
    await decide(**GIVEN, percent="90", revision=0)
    said = words(await client.get("/admin/audit?action=decide_target", headers=browser))
    assert "home_internet ALL 2025-06-30" in said
