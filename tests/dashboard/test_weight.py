"""What a page costs: at most six statements, and few bytes over a slow line."""

import gzip
import re
from typing import Final

import httpx
import pytest

from equityaccess import clock
from equityaccess.coverage.jobs import aggregate_coverage
from equityaccess.database import Database
from equityaccess.publication.jobs import publish_open_data
from equityaccess.running.assets import by_address
from equityaccess.signin.structs import Role
from tests.browsers import ACCEPT, sign_in
from tests.conftest import MakeKey, bearer
from tests.statements import counted
from tests.submissions.pushing import ABC, row
from tests.triage.test_routes import county, scored

__all__ = ["county", "scored"]

MOST_STATEMENTS: Final = 6
FIRST_LOAD: Final = 400_000  # compressed bytes, with all that the page names
LATER_LOAD: Final = 60_000
PAGES: Final[list[tuple[str, Role | None]]] = [
    ("/", None),
    ("/county", "technology_office"),
    ("/county/last-mile", "technology_office"),
    ("/county/data", "technology_office"),
    ("/passport?indicator=home_internet", "technology_office"),
    ("/triage", "best_support"),
    ("/waves", "best_support"),
    ("/waves/soon", "best_support"),
    (f"/leas/{ABC}", "district"),
    (f"/leas/{ABC}/record", "district"),
    (f"/leas/{ABC}/contacts", "district"),
    ("/submit", "district"),
    ("/submit/typed", "district"),
    ("/my", "district"),
    ("/my/keys", "district"),
    ("/my/contacts", "district"),
    ("/admin", "admin"),
    ("/admin/keys", "admin"),
    ("/admin/reference", "admin"),
    ("/admin/audit", "admin"),
]
_NAMED: Final = re.compile(r'(?:src|href)="(/static/[^"#]+)')
_IN_STYLES: Final = re.compile(r'url\("(/static/[^"]+)"\)')


@pytest.mark.usefixtures("scored")
@pytest.mark.parametrize(("path", "role"), PAGES, ids=lambda it: str(it))
async def test_a_page_is_light(
    client: httpx.AsyncClient, database: Database, make_key: MakeKey, path: str, role: Role | None
) -> None:
    key = bearer(await make_key(lea=ABC))
    told = await client.post("/v1/submissions", json={"lea": ABC, "observations": [row()]}, headers=key)
    assert told.is_success, told.text
    async with database.transaction(role="aggregator") as tx:
        await aggregate_coverage(tx, clock.now())
        await publish_open_data(tx, clock.now())
    browser = await sign_in(database, client, role, [ABC] if role == "district" else []) if role else dict(ACCEPT)
    with counted() as sent:
        answer = await client.get(path, headers=browser)
    assert answer.status_code == 200, answer.text
    assert len(sent) <= MOST_STATEMENTS, sent
    body = len(gzip.compress(answer.content, 6))
    assert body <= LATER_LOAD
    files = set(_NAMED.findall(answer.text))
    files |= {name for file in files if file.endswith(".css") for name in _IN_STYLES.findall(_text(file))}
    assert body + sum(_weight(file) for file in files) <= FIRST_LOAD


def _text(address: str) -> str:
    return by_address()[address].body.decode()


def _weight(address: str) -> int:
    asset = by_address()[address]
    return len(asset.gzipped or asset.body)
