"""The shell around every route: request ids, headers, refusals, strict requests, health, metrics, pages."""

import asyncio
import hashlib
import inspect
import json
import re
from collections.abc import AsyncIterator, Mapping
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest
from litestar.routes import HTTPRoute

from equityaccess.app import create_app
from equityaccess.database import Database
from equityaccess.migrate import SchemaMismatch, code_revision, migrate, reason_to_refuse
from equityaccess.problems import REFUSALS, Unavailable
from equityaccess.running import observing
from equityaccess.running.assets import STATIC, assets
from equityaccess.running.readiness import Readiness
from equityaccess.web import as_refusal
from tests.conftest import MakeKey, bearer, running, serving, settings_for
from tests.held import faults_of_body

KEY = {"scopes": ["county"]}
JSON = {"Content-Type": "application/json"}


@pytest.fixture
async def admin(make_key: MakeKey) -> dict[str, str]:
    return bearer(await make_key(scopes=["admin"]))


@pytest.fixture
async def owner(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


# Every answer -------------------------------------------------------------------------------------------------------


async def test_an_unknown_address_is_a_problem_document_with_the_request_id(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/nothing-here", headers={"X-Request-Id": "sent-by-caller-1"})
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["type"] == "/problems/not-found"
    assert answer.json()["request_id"] == answer.headers["X-Request-Id"] == "sent-by-caller-1"


@pytest.mark.parametrize(
    "sent",
    ["short", "x" * 65, "with space in it", "line\tfeed-1", "ümlaut-ümlaut", "'; DROP TABLE", "eqa_live_0a1B2c3D"],
)
async def test_a_request_id_that_is_not_safe_to_repeat_is_replaced(client: httpx.AsyncClient, sent: str) -> None:
    answer = await client.get("/health/live", headers={"X-Request-Id": sent.encode()})
    assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["X-Request-Id"])


async def test_two_request_ids_are_none(client: httpx.AsyncClient) -> None:
    answer = await client.get(
        "/health/live", headers=[("X-Request-Id", "first-of-two"), ("X-Request-Id", "second-of-two")]
    )
    assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["X-Request-Id"])


@pytest.mark.parametrize(
    "path", ["/health/live", "/v1/leas", "/nothing", "/docs", "/problems", "/metrics", "/openapi.json"]
)
async def test_every_answer_carries_the_security_headers(client: httpx.AsyncClient, path: str) -> None:
    headers = (await client.get(path)).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cross-Origin-Opener-Policy"] == headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "geolocation=()" in headers["Permissions-Policy"]
    assert "Strict-Transport-Security" not in headers, "this was not TLS"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["Cache-Control"]


async def test_an_answer_to_a_key_is_never_kept_by_others(client: httpx.AsyncClient, admin: dict[str, str]) -> None:
    assert (await client.get("/v1/keys", headers=admin)).headers["Cache-Control"] == "private, no-cache"
    made = await client.post("/v1/keys", json=KEY, headers=admin)
    assert (made.status_code, made.headers["Cache-Control"]) == (201, "no-store")


async def test_a_browser_that_came_by_tls_is_told_to_stay_with_it(client: httpx.AsyncClient) -> None:
    answer = await client.get("https://equityaccess.test/health/live")
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"


async def test_only_the_hosts_that_are_named_are_served(database_url: str, admin: dict[str, str]) -> None:
    settings = settings_for(database_url, allowed_hosts="Equityaccess.Example.org, 127.0.0.1,")
    async with serving(settings) as client:
        for host, status in (
            ("equityaccess.example.org", 200),
            ("EQUITYACCESS.example.ORG:8443", 200),
            ("127.0.0.1:8000", 200),
            ("elsewhere.example.org", 421),
            ("equityaccess.example.org.elsewhere.example", 421),
            ("", 421),
        ):
            answer = await client.get("/v1/keys", headers=admin | {"Host": host})
            assert answer.status_code == status, host
            assert (await client.get("/health/ready", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "HEAD", "MAKEUP"])
async def test_another_method_is_refused_with_those_that_are_offered(client: httpx.AsyncClient, method: str) -> None:
    answer = await client.request(method, "/health/live")
    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]


@pytest.mark.parametrize(
    "path",
    ["/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/static/0/..%2f..%2fapp.py", "/v1/%00", "/static/x/docs.js"],
)
async def test_a_path_that_climbs_finds_nothing(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(path)).status_code == 404


_PLACES = sorted(
    (method, route.path)
    for route in create_app(settings_for("postgresql://nowhere")).routes
    if isinstance(route, HTTPRoute)
    for method in route.methods - {"OPTIONS", "HEAD"}
)


def test_no_guard_is_sent_to_a_thread() -> None:
    """The framework wraps one that is not async, and every request of its routes pays for two changes of thread."""
    guards = {
        guard
        for route in create_app(settings_for("postgresql://nowhere")).routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
        for guard in handler.resolve_guards()
    }
    assert len(guards) >= 5
    assert [guard for guard in guards if not inspect.iscoroutinefunction(guard)] == []


async def test_a_nul_reaches_no_handler(client: httpx.AsyncClient) -> None:
    """PostgreSQL's text cannot hold one, so that whatever asks with it would fail."""
    for method, path in _PLACES:
        somewhere = re.sub(r"{[^}]+}", str(UUID(int=1)), path)
        assert (await client.request(method, f"{somewhere}?q=a%00b")).status_code == 400
        if re.search(r"{\w+:str}", path):
            assert (await client.request(method, re.sub(r"{[^}]+}", "a%00b", path))).status_code == 400


@pytest.mark.parametrize(
    "path", ["//v1/leas", "/v1//leas", "/v1/leas/", "/v1/leas%2f", "/v1%2F%2fleas", "/health/live//"]
)
async def test_an_address_is_written_in_one_way(client: httpx.AsyncClient, admin: dict[str, str], path: str) -> None:
    answer = await client.get(f"http://equityaccess.test{path}", headers=admin)
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/not-found")


async def test_a_format_that_is_ruled_out_is_not_given(client: httpx.AsyncClient, admin: dict[str, str]) -> None:
    for wish in ("application/json;q=0", "application/json; q=0.000, image/png"):
        assert (await client.get("/v1/leas", headers=admin | {"Accept": wish})).status_code == 406
    assert (await client.get("/v1/leas", headers=admin | {"Accept": "application/json;q=0.1"})).status_code == 200


# Strict requests ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml",
     "text/json", "application/msgpack", "image/png", "application/json; charset=latin-1", "application/jsonx", ""],
)  # fmt: skip
async def test_json_under_another_name_is_not_read(client: httpx.AsyncClient, admin: dict[str, str], kind: str) -> None:
    answer = await client.post("/v1/keys", content=json.dumps(KEY), headers=admin | {"Content-Type": kind})
    assert answer.status_code == 415
    assert answer.json()["errors"][0]["suggestion"]


async def test_a_body_without_a_content_type_is_not_read(client: httpx.AsyncClient, admin: dict[str, str]) -> None:
    assert (await client.post("/v1/keys", content=json.dumps(KEY), headers=admin)).status_code == 415


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "identity, gzip"])
async def test_a_compressed_body_is_not_read(client: httpx.AsyncClient, admin: dict[str, str], encoding: str) -> None:
    answer = await client.post("/v1/keys", content=b"\x1f\x8b", headers=admin | JSON | {"Content-Encoding": encoding})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (415, "unsupported-encoding")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "empty-body"),
        (b"{", 400, "malformed-json"),
        (b'{"scopes": ["county"], "scopes": ["admin"]}', 400, "duplicate-key"),
        (b'{"scopes": ["county"], "label": "\xe9"}', 400, "invalid-encoding"),
        (b"[" * 1_500, 400, "too-deep"),
        (b'{"label": "a\\u0000b", "scopes": ["county"]}', 422, "invalid-character"),
        (b"[]", 422, "wrong-type"),
        (b'{"scopes": ["county"], "lea_id": 5}', 422, "unknown-field"),
    ],
)
async def test_a_json_body_is_read_strictly(
    client: httpx.AsyncClient, admin: dict[str, str], body: bytes, status: int, code: str
) -> None:
    answer = await client.post("/v1/keys", content=body, headers=admin | JSON)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (status, code)


async def test_a_small_route_takes_a_small_body(client: httpx.AsyncClient, admin: dict[str, str]) -> None:
    said = await client.post("/v1/keys", content=b" " * 70_000, headers=admin | JSON)
    assert said.status_code == 413

    async def parts() -> Any:
        for _ in range(70):
            yield b" " * 1_000

    streamed = await client.post("/v1/keys", content=parts(), headers=admin | JSON)
    assert streamed.status_code == 413


async def test_who_may_not_ask_is_told_so_before_the_body_is_judged(client: httpx.AsyncClient) -> None:
    assert (await client.post("/v1/keys", content=b"{")).status_code == 401


async def test_a_body_has_one_length(client: httpx.AsyncClient, admin: dict[str, str]) -> None:
    answer = await client.post("/v1/keys", content=b"{}", headers=admin | JSON | {"Transfer-Encoding": "chunked"})
    assert answer.status_code == 400
    assert answer.headers["Connection"] == "close"


async def test_a_request_has_one_host_and_a_sane_head(client: httpx.AsyncClient) -> None:
    assert (await client.get("/health/live", headers=[("Host", "a"), ("Host", "b")])).status_code == 400
    assert (await client.get("/health/live", headers={"X-Long": "x" * 40_000})).status_code == 400


async def test_a_caller_who_hangs_up_is_no_failure_of_ours(database_url: str, admin: dict[str, str]) -> None:
    headers = [(name.lower().encode(), value.encode()) for name, value in (admin | JSON).items()]
    scope = {"type": "http", "method": "POST", "path": "/v1/keys", "query_string": b"", "headers": headers}
    heard = iter([{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}])
    said: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return next(heard)

    async def send(message: dict[str, Any]) -> None:
        said.append(message)

    async with running(settings_for(database_url)) as app:
        await app(scope, receive, send)  # type: ignore[arg-type]
    assert said[0]["status"] == 400


async def test_a_body_that_stops_coming_is_refused_and_stays_in_the_journal(
    database_url: str, make_key: MakeKey, owner: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(observing, "_SILENCE_S", 0.2)
    secret = await make_key(lea="19642120000000")
    for path, kind in (("/v1/submissions", "text/csv"), ("/v1/submissions", "application/json")):
        said = await _stalled(database_url, path, bearer(secret) | {"Content-Type": kind}, b"lea,")
        assert (said[0]["status"], dict(said[0]["headers"])[b"connection"]) == (408, b"close")
    kept = await owner.fetch("SELECT outcome, status, byte_count FROM submission")
    assert [tuple(one) for one in kept] == [("incomplete", 408, None)] * 2
    key = bearer(await make_key(scopes=["admin"]))
    said = await _stalled(database_url, "/v1/keys", key | JSON, b"{")
    assert (said[0]["status"], json.loads(said[1]["body"])["type"]) == (408, "/problems/request-timeout")


async def test_a_body_that_comes_in_drops_gains_no_time(
    database_url: str, admin: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(observing, "_SILENCE_S", 0.3)
    said = await _stalled(database_url, "/v1/keys", admin | JSON, *[b" "] * 50)
    assert said[0]["status"] == 408


async def _stalled(database_url: str, path: str, headers: Mapping[str, str], *pieces: bytes) -> list[dict[str, Any]]:
    """What the application says to a body of which a piece comes every 0.1 s, and after the last of them nothing."""
    fields = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": "POST", "path": path, "query_string": b"", "headers": fields}
    coming = iter(pieces)
    said: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        piece = next(coming, None)
        await asyncio.sleep(0.1 if piece else 60)
        return {"type": "http.request", "body": piece, "more_body": True}

    async def send(message: dict[str, Any]) -> None:
        said.append(message)

    async with running(settings_for(database_url)) as app:
        await app(scope, receive, send)  # type: ignore[arg-type]
    return said


async def test_who_is_cut_off_by_a_stop_is_told_to_send_it_again(database_url: str, admin: dict[str, str]) -> None:
    fields = [(name.lower().encode(), value.encode()) for name, value in (admin | JSON).items()]
    scope = {"type": "http", "method": "POST", "path": "/v1/keys", "query_string": b"", "headers": fields}
    is_reading = asyncio.Event()
    said: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        is_reading.set()
        await asyncio.sleep(60)
        raise AssertionError

    async def send(message: dict[str, Any]) -> None:
        said.append(message)

    async with running(settings_for(database_url)) as app:
        request = asyncio.ensure_future(app(scope, receive, send))  # type: ignore[arg-type]
        await asyncio.wait_for(is_reading.wait(), 10)
        request.cancel()
        with pytest.raises(asyncio.CancelledError):
            await request
    assert (said[0]["status"], dict(said[0]["headers"])[b"retry-after"]) == (503, b"2")
    assert not faults_of_body(json.loads(said[1]["body"]), {"$ref": "#/components/schemas/ProblemDetails"})


@pytest.mark.parametrize("limit", ["0", "-1", "1000000000", "ten", "1.5", ""])
async def test_a_parameter_out_of_range_is_invalid(
    client: httpx.AsyncClient, admin: dict[str, str], limit: str
) -> None:
    answer = await client.get("/v1/keys", params={"limit": limit}, headers=admin)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/query/limit"


async def test_a_parameter_sent_twice_is_refused(client: httpx.AsyncClient, admin: dict[str, str]) -> None:
    answer = await client.get("/v1/keys?limit=5&limit=6", headers=admin)
    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/repeated-parameter")
    assert answer.json()["detail"] == "Sent more than once: limit."


async def test_every_unknown_parameter_is_named(client: httpx.AsyncClient, admin: dict[str, str]) -> None:
    answer = await client.get("/v1/keys?limt=5&cursr=x&limit=5", headers=admin)
    assert answer.status_code == 422
    assert [(one["code"], one["pointer"], one["owner"]) for one in answer.json()["errors"]] == [
        ("unknown-parameter", "/query/cursr", "sender"),
        ("unknown-parameter", "/query/limt", "sender"),
    ]
    assert "it takes cursor, lea, limit." in answer.json()["detail"]
    alone = await client.get("/v1/public/releases?limt=5")
    assert alone.status_code == 422


@pytest.mark.parametrize("value", ["null", "NULL", ""])
async def test_a_filter_is_never_left_out_without_a_word(
    client: httpx.AsyncClient, admin: dict[str, str], value: str
) -> None:
    answer = await client.get("/v1/leas", params={"kind": value}, headers=admin)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/query/kind")
    assert answer.json()["errors"][0]["code"] == "invalid-parameter"
    assert (await client.get("/v1/leas", params={"q": "null"}, headers=admin)).status_code == 200


@pytest.mark.parametrize("value", ["0.5", "1700000000", "2026", "-1"])
async def test_an_instant_is_never_a_number(client: httpx.AsyncClient, admin: dict[str, str], value: str) -> None:
    answer = await client.get("/v1/observations", params={"known_at": value}, headers=admin)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/query/known_at")
    assert answer.json()["errors"][0]["code"] == "invalid-parameter"


async def test_options_names_every_method_of_a_path(client: httpx.AsyncClient, admin: dict[str, str]) -> None:
    answer = await client.options("/v1/keys", headers=admin)
    assert (answer.status_code, answer.headers["Allow"]) == (204, "GET, OPTIONS, POST")


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("image/png", 406),
        ("text/html", 406),
        ("application/*", 200),
        ("*/*", 200),
        ("text/html, application/json;q=0.5", 200),
    ],
)
async def test_a_format_that_is_not_offered_is_not_acceptable(
    client: httpx.AsyncClient, admin: dict[str, str], accept: str, status: int
) -> None:
    assert (await client.get("/v1/keys", headers=admin | {"Accept": accept})).status_code == status


async def test_a_forged_forwarded_header_changes_nothing(client: httpx.AsyncClient) -> None:
    forged = {"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"}
    answer = await client.post("/sign-out", headers=forged)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/sign-in")


# Health and figures -------------------------------------------------------------------------------------------------


async def test_it_is_alive_and_ready(client: httpx.AsyncClient) -> None:
    assert (await client.get("/health/live")).json() == {"status": "ok"}
    assert (await client.get("/health/ready")).json() == {"status": "ok"}


async def migrate_beyond(owner: asyncpg.Connection, oldest: str) -> None:
    """Pretend that a newer release has moved the schema, which then serves code from *oldest* on."""
    await owner.execute("UPDATE alembic_version SET version_num = '9999'")
    await owner.execute(
        f"CREATE OR REPLACE FUNCTION oldest_code() RETURNS text LANGUAGE sql IMMUTABLE RETURN '{oldest}'"
    )


async def test_the_code_of_the_release_before_goes_on_and_starts_on_a_schema_that_serves_it(
    client: httpx.AsyncClient, database_url: str, owner: asyncpg.Connection
) -> None:
    await migrate_beyond(owner, code_revision())
    await asyncio.sleep(0.6)
    assert (await client.get("/health/ready")).status_code == 200
    async with serving(settings_for(database_url)) as other:
        assert (await other.get("/health/ready")).status_code == 200
    assert await migrate(database_url) == ("9999", "9999"), "and has nothing to migrate"


@pytest.mark.parametrize(
    ("found", "oldest", "serves"),
    [(None, None, False), ("0004", None, False), ("0005", None, True), ("0007", "0005", True), ("0007", "0001", True),
     ("0007", "0006", False), ("0007", None, False)],
)  # fmt: skip
def test_a_schema_says_which_code_it_serves(found: str | None, oldest: str | None, *, serves: bool) -> None:
    assert (reason_to_refuse(found, oldest, "0005") is None) is serves


async def test_a_database_of_another_revision_is_not_ready(
    client: httpx.AsyncClient, owner: asyncpg.Connection
) -> None:
    await migrate_beyond(owner, "9999")
    answer = await client.get("/health/ready")
    assert answer.status_code == 503
    assert "9999" in answer.json()["detail"]
    assert answer.headers["Retry-After"]
    assert (await client.get("/health/live")).status_code == 200


async def test_readiness_is_worked_out_at_most_twice_a_second(database: Database, owner: asyncpg.Connection) -> None:
    now = 0.0
    readiness = Readiness(database, code_revision(), lambda: now)
    await readiness.demand()
    await migrate_beyond(owner, "9999")
    now = 0.4
    await readiness.demand()
    now = 0.6
    with pytest.raises(Unavailable, match="9999"):
        await readiness.demand()


async def test_a_database_that_is_gone_is_not_ready(database: Database) -> None:
    await database.close()
    with pytest.raises(Unavailable):
        await Readiness(database, code_revision()).demand()


@pytest.mark.parametrize(
    "error",
    [asyncpg.InternalClientError("cannot switch to state 15"), asyncpg.AdminShutdownError(), ConnectionResetError()],
)
def test_a_database_that_dies_in_the_middle_is_an_outage_and_no_failure(error: Exception) -> None:
    assert isinstance(as_refusal(error), Unavailable)


async def test_it_does_not_start_on_another_schema(database_url: str, owner: asyncpg.Connection) -> None:
    await migrate_beyond(owner, "9999")
    with pytest.RaisesGroup(pytest.RaisesExc(SchemaMismatch, match="newer than this code")):
        async with serving(settings_for(database_url)):
            pass


async def test_requests_are_counted_by_route_and_never_by_address(
    client: httpx.AsyncClient, admin: dict[str, str]
) -> None:
    await client.get("/v1/leas/19642120000000", headers=admin)
    await client.get("/made/up")
    await client.request("MAKEUP", "/health/live")
    answer = await client.get("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    assert answer.headers["Content-Type"].count("charset") == 1
    text = answer.text
    assert 'equityaccess_http_requests_total{method="GET",route="/v1/leas/{code}",status="200"} 1.0' in text
    assert 'equityaccess_http_requests_total{method="GET",route="unknown",status="404"} 1.0' in text
    assert 'equityaccess_http_requests_total{method="OTHER",route="unknown",status="405"} 1.0' in text
    assert "equityaccess_http_requests_in_flight 1.0" in text
    assert 'equityaccess_build_info{schema_revision="' in text
    assert "19642120000000" not in text
    assert "made/up" not in text


async def test_two_applications_count_apart(client: httpx.AsyncClient, database_url: str) -> None:
    await client.get("/health/live")
    async with serving(settings_for(database_url)) as other:
        assert 'route="/health/live"' not in (await other.get("/metrics")).text


# Pages --------------------------------------------------------------------------------------------------------------


async def test_the_documentation_needs_nothing_from_elsewhere(client: httpx.AsyncClient) -> None:
    page = await client.get("/docs")
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    addresses = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert [address for address in addresses if not address.startswith(("/", "data:"))] == []
    assert not re.search(r"<script(?![^>]*\ssrc=)", page.text), "the policy forbids a script in the page"
    for address in addresses:
        if address.startswith("/static/"):
            assert (await client.get(address)).status_code == 200


async def test_a_file_of_a_page_may_be_kept_for_ever(client: httpx.AsyncClient) -> None:
    for asset in assets().values():
        answer = await client.get(asset.address)
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert answer.headers["Content-Type"].split(";")[0] == asset.media_type
        again = await client.get(asset.address, headers={"If-None-Match": answer.headers["ETag"]})
        assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("encodings", ["gzip, deflate, br", "GZIP;q=0.5", "identity", "gzip;q=0", ""])
async def test_a_file_of_a_page_comes_compressed_to_who_reads_that(client: httpx.AsyncClient, encodings: str) -> None:
    for asset in assets().values():
        answer = await client.get(asset.address, headers={"Accept-Encoding": encodings})
        is_compressed = "gzip" in encodings.lower() and not encodings.endswith("q=0") and asset.gzipped is not None
        assert answer.headers.get("Content-Encoding") == ("gzip" if is_compressed else None)
        assert answer.headers["Vary"] == "Accept-Encoding"
        assert answer.content == asset.body


def test_what_comes_from_elsewhere_is_what_came() -> None:
    vendor = STATIC / "vendor"
    sums = dict(re.findall(r"^\| (\S+) \| ([0-9a-f]{64}) \|$", (vendor / "VENDOR.md").read_text(), re.MULTILINE))
    files = {
        file.relative_to(vendor).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in vendor.rglob("*")
        if file.is_file() and file.name != "VENDOR.md"
    }
    assert files == sums


async def test_every_refusal_has_a_page_for_people_and_for_programs(client: httpx.AsyncClient) -> None:
    listed = (await client.get("/problems")).json()["items"]
    assert [kind["code"] for kind in listed] == [refusal.code for refusal in REFUSALS]
    for kind in listed:
        assert (await client.get(kind["type"])).json() == kind
        assert kind["example"]["type"] == kind["type"]
        assert not faults_of_body(kind["example"], {"$ref": "#/components/schemas/ProblemDetails"})
        page = await client.get(kind["type"], headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
        assert page.headers["Content-Type"] == "text/html; charset=utf-8"
        assert "Who mends it" in page.text
    assert "<table" in (await client.get("/problems", headers={"Accept": "text/html"})).text
    assert (await client.get("/problems", headers={"Accept": "image/png"})).status_code == 406
    assert (await client.get("/problems/of-no-kind")).status_code == 404
