"""pages.csv speaks of every page, and every answer to every role is the one that it expects."""

import re
import uuid

import httpx
import msgspec
import pytest

from equityaccess import clock
from equityaccess.app import PAGES
from equityaccess.coverage.jobs import aggregate_coverage, expire_coverage
from equityaccess.dashboard import live
from equityaccess.database import Database
from tests.conftest import serving, settings_for
from tests.trust import pages

ROWS = pages.rows()


@pytest.fixture
async def lookers(database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(live, "LONGEST", 1)  # nobody here listens for ten minutes
    async with database.transaction(role="aggregator") as tx:  # what nobody has told of is a figure, too
        await expire_coverage(tx, clock.now())
        await aggregate_coverage(tx, clock.now())
    async with serving(settings_for(database_url, rate_per_minute=1_000_000, failures_per_minute=1_000_000)) as client:
        yield pages.Lookers(database, client)


def test_every_page_has_a_row_and_every_row_a_page() -> None:
    add = "run `make authorization`, then decide every `?` in tests/trust/pages.csv by hand"
    assert pages.missing(ROWS) == [], add
    assert [str(row) for row in pages.superfluous(ROWS)] == [], add
    assert [str(row) for row in ROWS if pages.UNDECIDED in row.expected.values() or not row.rule] == [], add


def test_every_page_says_whom_it_is_for() -> None:
    assert [page.paths for page in PAGES if "roles" not in page.opt] == []


async def test_every_answer_is_the_one_that_the_file_expects(lookers: pages.Lookers) -> None:
    assert await pages.differences(lookers, ROWS) == []


async def test_a_wrong_expectation_is_found(lookers: pages.Lookers) -> None:
    [row] = [row for row in ROWS if (row.method, row.path) == ("GET", "/county")]
    wrong = msgspec.structs.replace(row, expected={"district_a": "200", "admin": "200"})
    assert await pages.differences(lookers, [wrong]) == ["GET /county as district_a: 403, not 200"]


async def test_a_change_without_the_token_of_the_form_is_refused_to_everybody_signed_in(
    lookers: pages.Lookers, client: httpx.AsyncClient, database: Database
) -> None:
    from tests.browsers import sign_in

    for row in ROWS:
        if row.method != "GET":
            headers = await sign_in(database, client, "admin")
            path = re.sub(r"\{\w+\}", str(uuid.uuid4()), row.path)
            assert (await client.request(row.method, path, headers=headers)).status_code == 403, row
