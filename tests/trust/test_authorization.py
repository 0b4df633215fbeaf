"""authorization.csv speaks of every route, and every answer is the one that it expects."""

import httpx
import msgspec
import pytest

from equityaccess.database import Database
from tests.conftest import serving, settings_for
from tests.trust import authorization
from tests.trust.actors import ACTORS, LEAS, Cast

ROWS = authorization.rows()
OF_ANOTHER = "/v1/submissions/{submission_id}"


@pytest.fixture
async def cast(database: Database, database_url: str):
    async with serving(settings_for(database_url, rate_per_minute=1_000_000)) as client:
        cast = Cast(database, client)
        await cast.enter()
        yield cast


def test_every_route_and_method_has_a_row_and_every_row_a_route() -> None:
    add = "run `make authorization`, then decide every `?` in tests/trust/authorization.csv by hand"
    assert authorization.missing(ROWS) == [], add
    assert [str(row) for row in authorization.superfluous(ROWS)] == [], add
    assert [str(row) for row in authorization.undecided(ROWS)] == [], add
    assert [str(row) for row in ROWS if not row.rule] == [], "say in words by which rule it is so"


def test_a_route_without_a_row_is_found() -> None:
    without = [row for row in ROWS if (row.method, row.path) != ("POST", "/v1/keys")]
    assert authorization.missing(without) == [("POST", "/v1/keys")]
    added = authorization.skeleton("POST", "/v1/keys")
    assert authorization.undecided([added]) == [added]
    assert (added.expected["anonymous"], added.expected["admin"]) == ("401", "?")


def test_a_success_is_expected_of_nobody_without_a_live_key_under_v1() -> None:
    """The file itself is held to the rule from which its skeleton is made."""
    strangers = ("anonymous", "public", "expired", "revoked")
    guarded = [row for row in ROWS if row.path.startswith("/v1/") and not row.path.startswith("/v1/public/")]
    assert [str(row) for row in guarded if any(row.expected[who].startswith("2") for who in strangers)] == []


async def test_every_answer_is_the_one_that_the_file_expects(cast: Cast) -> None:
    assert [difference.what for difference in await authorization.differences(cast, ROWS)] == []


async def test_a_wrong_expectation_is_found(cast: Cast) -> None:
    [row] = [row for row in ROWS if row.given == "submission_id={submission of A}"]
    wrong = msgspec.structs.replace(row, expected=row.expected | {"lea_a": "404", "lea_b": "200"})
    found = await authorization.differences(cast, [wrong])
    assert [difference.is_success for difference in found] == [True, False]


@pytest.mark.parametrize("actor", ["lea_b", "wrong_scope", "lea_a"])
async def test_what_is_anothers_looks_like_what_there_is_not(cast: Cast, actor: str) -> None:
    def said(answer: httpx.Response, asked: str) -> tuple[int, str, dict[str, str]]:
        headers = {
            name: value for name, value in answer.headers.items() if not name.startswith(("x-request", "ratelimit"))
        }
        text = answer.text.replace(answer.headers["X-Request-Id"], "").replace(asked, "")
        return answer.status_code, text, headers

    answers = [
        (await cast.ask(actor, "GET", OF_ANOTHER, {"submission_id": it}), await cast.filled(it))
        for it in ("{submission of A and B}", "{unknown}")
    ]
    assert said(*answers[0]) == said(*answers[1])
    assert answers[0][0].status_code == 404


@pytest.mark.parametrize(
    "path",
    ["/v1/keys/", "//v1/keys", "/v1//keys", "/v1/./keys", "/v1/leas/../keys", "/V1/keys", "/v1/%6beys", "/v1/keys%00"],
)
async def test_no_other_way_of_writing_an_address_leads_past_the_key(cast: Cast, path: str) -> None:
    cast.client.event_hooks = {}  # the contract knows no such address
    for actor in ("anonymous", "lea_a", "expired"):
        assert (await cast.ask(actor, "GET", path, {})).status_code in (401, 403, 404)


@pytest.mark.parametrize("header", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
async def test_no_header_makes_a_reading_into_a_writing(cast: Cast, header: str) -> None:
    place = f"/v1/keys/{await cast.filled('{key of A}')}"
    assert (await cast.ask("admin", "GET", place, {}, headers={header: "DELETE"})).status_code == 405


async def test_a_cursor_of_anothers_page_leads_nowhere(cast: Cast) -> None:
    """A page of LEA A continues for LEA B with nothing, or with what is B's own."""
    for _ in range(2):
        await cast.ask("lea_a", "POST", "/v1/submissions", {}, "push for A")
    for path in ("/v1/submissions", "/v1/observations", "/v1/coverage/gaps"):
        cursor = (await cast.ask("lea_a", "GET", path, {"limit": "1"})).json()["next"]
        if cursor is None:
            assert path == "/v1/observations"  # a correction is one row
            continue
        answer = await cast.ask("lea_b", "GET", path, {"cursor": cursor})
        assert answer.status_code == 200
        assert LEAS["A"] not in answer.text
        if path == "/v1/submissions":
            assert answer.json() == {"items": [], "next": None}


@pytest.mark.parametrize("accept", ["application/json", "application/x-ndjson", "text/csv"])
async def test_every_format_holds_the_own_rows_only(cast: Cast, accept: str) -> None:
    await cast.ask("lea_b", "POST", "/v1/submissions", {}, "push for B")
    for more in ({}, {"every_revision": "true"}):
        answer = await cast.ask("lea_b", "GET", "/v1/observations", more, headers={"Accept": accept})
        assert LEAS["B"] in answer.text
        assert LEAS["A"] not in answer.text


def test_everybody_is_asked() -> None:
    assert set(ACTORS) >= {"anonymous", "public", "lea_a", "lea_b", "two_leas", "wrong_scope", "county", "admin"}
    assert set(ACTORS) >= {"expired", "revoked"}
