"""The page of one LEA, for the LEA itself and for the county; another's is not there."""

import httpx
import pytest

from equityaccess.database import Database
from tests.browsers import sign_in
from tests.dashboard.test_county import told, words
from tests.submissions.pushing import ABC, LAUSD
from tests.triage.test_routes import county, scored

__all__ = ["county", "scored", "told"]


@pytest.mark.usefixtures("told", "scored")
async def test_it_shows_coverage_and_the_way_to_best(client: httpx.AsyncClient, database: Database) -> None:
    for role, leas in (("district", [ABC]), ("technology_office", []), ("best_support", [])):
        browser = await sign_in(database, client, role, leas)  # type: ignore[arg-type]
        said = words(await client.get(f"/leas/{ABC}", headers=browser))
        assert "High-speed internet at home All students 94.4%" in said
        assert "English learners 60% at most 70% 400 100 1,000" in said
        assert "data validation blocked: lea, totals do not tie" in said


async def test_another_lea_is_not_there(client: httpx.AsyncClient, database: Database) -> None:
    browser = await sign_in(database, client, "district", [ABC])
    for code in (LAUSD, "19000000000000", "x"):
        assert (await client.get(f"/leas/{code}", headers=browser)).status_code == 404


async def test_it_speaks_spanish(client: httpx.AsyncClient, database: Database) -> None:
    browser = await sign_in(database, client, "district", [ABC])
    assert "Cobertura de hoy" in words(await client.get(f"/leas/{ABC}?lang=es", headers=browser))
