"""Bad requests, by kind: what is asked, and what has to be answered. `bad_inputs.py` asks them of a running service.

The numbers are those of the requirement's list; a letter after one is a further input of the same kind. Bodies, files
and rows stand in tables of their own beside the tests that hold every word of their answers.
"""

import json

import msgspec

from tests.submissions.pushing import LAUSD, days_ago, row, written
from tests.submissions.test_bad_bodies import BAD_JSON
from tests.submissions.test_csv import FILES
from tests.submissions.test_workbook import WRONG, XLSX

PUSH = "/v1/submissions"
GOOD = written("json", [row()])
_JSON = {"Content-Type": "application/json"}
_POST = "POST /v1/submissions HTTP/1.1\r\nHost: a\r\nConnection: close"
_GET = "GET /health/live HTTP/1.1\r\nHost: a\r\nConnection: close"
_KEY = "Authorization: Bearer SECRET"
_UNKNOWN = "00000000-0000-0000-0000-000000000000"
_ABOVE = written(
    "json", [row(population=100, met=50, not_met=1), row(student_group="EL", population=101, met=5, not_met=1)]
)
_OVERLAPPING = written(
    "json",
    [
        row(as_of=days_ago(20)),
        row(as_of=days_ago(20), student_group="SED", population=17_000, met=5, not_met=1),
        row(as_of=days_ago(20), student_group="EL", population=9_000, met=5, not_met=1),
    ],
)


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """One request, and the answer that it must get: its status, and the code of its first fault or of its kind."""

    number: str
    what: str
    status: int
    code: str | None = None  # None: a success
    method: str = "GET"
    path: str = PUSH
    headers: dict[str, str] = {}
    body: bytes | None = None
    who: str | None = "own"  # whose key; None: nobody's
    raw: bytes | None = None  # the bytes of the request, where no client would send such a one


def _push(number: str, what: str, status: int, code: str | None, body: bytes = GOOD, **more: object) -> Ask:
    headers = _JSON | dict(more.pop("headers", {}))  # type: ignore[call-overload]
    return Ask(number=number, what=what, status=status, code=code, method="POST", body=body, headers=headers, **more)  # type: ignore[arg-type]


def _read(number: str, what: str, status: int, code: str | None, path: str, **more: object) -> Ask:
    return Ask(number=number, what=what, status=status, code=code, path=path, **more)  # type: ignore[arg-type]


def _raw(number: str, what: str, status: int, *head: str, code: str | None = None, body: bytes = b"") -> Ask:
    return Ask(number=number, what=what, status=status, code=code, raw="\r\n".join([*head, "", ""]).encode() + body)


def _one(**changes: object) -> bytes:
    return written("json", [row(**changes)])


_BODIES = [
    _push(f"json {what}", what, status, code, body, path=f"{PUSH}?mode=partial" if status == 422 else PUSH)
    for what, body, status, code in BAD_JSON
    if status != 422
] + [_push(f"json {what}", what, status, code, body) for what, body, status, code in BAD_JSON if status == 422]
_FILES = [
    Ask(
        number=f"csv {what}",
        what=what,
        status=status,
        code=code,
        method="POST",
        body=body,
        headers={"Content-Type": "text/csv"},
    )
    for what, body, status, code, _, _ in FILES
]

_SHEETS = [
    Ask(
        number="101",
        what=f"a workbook: {what}",
        status=status,
        code=code,
        method="POST",
        body=body,
        headers={"Content-Type": XLSX},
    )
    for what, body, status, code in WRONG
]

_HTTP = [
    *[
        _push("18", f"JSON as {kind}", 415, "unsupported-media-type", headers={"Content-Type": kind})
        for kind in (
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "application/xml",
            "image/png",
            "application/msgpack",
            "text/json",
            "application/jsonx",
            "*/*",
            "application",
            ";",
            "a/b/c",
        )
    ],
    *[
        _push(
            "18a",
            f"charset {charset}",
            415,
            "unsupported-charset",
            headers={"Content-Type": f"text/csv; charset={charset}"},
        )
        for charset in ("latin-1", "utf-16", "utf-7", "x-unknown")
    ],
    *[
        _push(
            "20",
            f"compressed: {kind}",
            415,
            "unsupported-encoding",
            b"\x1f\x8b\x08\x00",
            headers={"Content-Encoding": kind},
        )
        for kind in ("gzip", "br", "deflate", "zstd", "identity, gzip", "x-gzip", "nonsense")
    ],
    _push("22", "a length of 1 GB", 413, "too-many-bytes", b"", headers={"Content-Length": "1000000000"}),
    _raw("22a", "a length of 5,000 digits", 400, _POST, "Content-Length: " + "9" * 5_000),
    _raw("25", "two lengths", 400, _POST, "Content-Length: 5", "Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
    _raw("25a", "Content-Length twice", 400, _POST, "Content-Length: 0", "Content-Length: 0"),
    _raw("25b", "a length below zero", 400, _POST, "Content-Length: -5"),
    _raw("25c", "a chunk of no size", 400, _POST, "Transfer-Encoding: chunked", body=b"zz\r\n"),
    _raw("25d", "two hosts", 400, _GET, "Host: b"),
    _raw("25e", "a header without a name", 400, _GET, ": b"),
    _raw("25f", "no HTTP", 400, "\x16\x03\x01\x02\x00\x01"),
    _raw("25g", "a version of no HTTP", 400, "GET / HTTP/9.9"),
    _raw("26", "200 kB of headers", 400, _GET, "X-Long: " + "x" * 200_000),
    *[
        Ask(number="28", what=f"{method} on a push", status=405, code="method-not-allowed", method=method)
        for method in ("PUT", "PATCH", "DELETE", "TRACE", "PROPFIND")
    ],
    Ask(number="28b", what="HEAD", status=405, method="HEAD", path="/v1/leas"),
    _raw("28a", "a method of nobody", 400, "MAKEUP /v1/leas HTTP/1.1", "Host: a"),
    *[
        _read("29", f"the path {path}", 404, "not-found", path)
        for path in (
            "/v2/leas",
            "/v1",
            "/v1/",
            "/v1/submissionz",
            "/%2e%2e/%2e%2e/etc/passwd",
            "/v1/%2e%2e/%2e%2e/app.py",
            "//v1//leas",
            "/static/..%2f..%2fapp.py",
            "/.env",
            "/.git/config",
            "/wp-login.php",
            "/v1/leas/%ff%fe",
            "/V1/leas",
            "/v1/leas/",
            "/v1/leas%2f",
            "/v1//keys",
            "/v1/leas;x=1",
        )
    ],
    *[
        _read("29a", f"a NUL in {place}", 400, "malformed-request", f"/v1/{place}")
        for place in ("leas/%00", "leas?limit%00=1", "leas?q=a%00b", "coverage?as_of=%00", "observations?cursor=%00")
    ],
    *[
        _read("30", f"Accept: {kind}", 406, "not-acceptable", "/v1/leas", headers={"Accept": kind})
        for kind in ("image/png", "text/html", "application/xml;q=0.9", "application/json;q=0")
    ],
    *[
        _read("33", f"limit={limit}", 422, "invalid-parameter", f"/v1/leas?limit={limit}")
        for limit in ("0", "-1", "1000000000", "1e3", "0x10", "ten", "1.5", "%2B5", "null", "", "%D9%A5", "9" * 400)
    ],
    _read("33a", "limit twice", 400, "repeated-parameter", "/v1/leas?limit=5&limit=6"),
    _read("33b", "limit twice, the same", 400, "repeated-parameter", "/v1/leas?limit=5&limit=5"),
    *[
        _read("34", f"the parameter {name}", 422, "unknown-parameter", f"/v1/leas?{name}=1")
        for name in ("lmit", "LIMIT", "limit[]", "lea_id", "__proto__", "%ED%A0%80")
    ],
    *[
        _read("34a", f"known_at={value}", 422, "invalid-parameter", f"/v1/observations?known_at={value}")
        for value in ("2026-11-23", "1700000000", "2026-11-23T25:00:00Z", "now")
    ],
    *[
        _read("78", f"known_at={value}", 422, "timezone-required", f"/v1/observations?known_at={value}")
        for value in ("2026-11-01T01:30:00", "2026-03-08T02:30:00")
    ],
    *[
        _read("34b", f"as_of={value}", 422, "invalid-parameter", f"/v1/coverage?as_of={value}")
        for value in ("2026-02-30", "11/23/2026", "46349", "0000-00-00", "2026-1-1", "9" * 4_000, "-2026-01-01")
    ],
    *[
        _read("34c", f"cursor={value[:20]}", 422, "invalid-cursor", f"/v1/observations?cursor={value}")
        for value in ("x", "AAAA", "e30", "W10", "bnVsbA", "e" * 3_000)
    ],
]

_WHO = [
    _read("37", "no key", 401, "not-authenticated", "/v1/leas", who=None),
    *[
        _read(
            "37a",
            f"Authorization: {value[:24]!r}",
            401,
            "not-authenticated",
            "/v1/leas",
            who=None,
            headers={"Authorization": value},
        )
        for value in (
            "",
            "Bearer",
            "Bearer ",
            "Basic dXNlcjpwYXNz",
            "Digest x",
            "eqa_live_x",
            "Bearer null",
            "Bearer undefined",
            "Bearer eqa_live_" + "0" * 43 + "_000000",
            "Bearer eqa_test_" + "0" * 43 + "_000000",
            "Bearer " + "x" * 10_000,
            "Bearer a b",
            "Bearer 'or'1'='1",
            "Bearer %00",
            "Token x",
        )
    ],
    _read("37b", "a key in the query", 401, "not-authenticated", "/v1/leas?access_token=SECRET", who=None),
    _read("39", "an expired key", 401, "key-expired", "/v1/leas", who="expired"),
    _read("39a", "a revoked key", 401, "key-revoked", "/v1/leas", who="revoked"),
    _push("40", "another LEA's row", 403, "lea-mismatch", _one(lea=LAUSD)),
    _read("41", "another's submission, or none", 404, "not-found", f"{PUSH}/{_UNKNOWN}"),
    _read("41a", "a submission by no UUID", 404, "not-found", f"{PUSH}/1"),
    _read("44", "a push key on keys", 403, "not-allowed", "/v1/keys"),
    Ask(
        number="44a",
        what="a push key makes keys",
        status=403,
        code="not-allowed",
        method="POST",
        path="/v1/keys",
        headers=_JSON,
        body=b'{"scopes": ["admin"], "label": "x"}',
    ),
    Ask(
        number="44b",
        what="a push key revokes",
        status=403,
        code="not-allowed",
        method="DELETE",
        path=f"/v1/keys/{_UNKNOWN}",
    ),
    _push("44c", "a reading key pushes", 403, "not-allowed", who="reader"),
    _read("44d", "another LEA's observations", 403, "not-allowed", f"/v1/observations?lea={LAUSD}"),
    *[
        _push("46", f"a row says its {name}", 422, "unknown-field", _one(**{name: 1}))
        for name in (
            "lea_id",
            "recorded_at",
            "revision",
            "status",
            "is_published",
            "submission_id",
            "__class__",
            "suppressed",
            "$schema",
        )
    ],
    _raw("49", "two keys", 400, _GET.replace("/health/live", "/v1/leas"), _KEY, _KEY, code="repeated-parameter"),
]

_ROWS = [
    _push("70", "a group above the total", 422, "group-exceeds-total", _ABOVE),
    _push("71", "one row twice", 422, "duplicate-row", written("json", [row(), row()])),
    _push("71a", "one row twice, otherwise", 422, "duplicate-row", written("json", [row(), row(met=5)])),
    _push("73", "an SSN as the source", 422, "personal-data", b'{"source": "078-05-1120", ' + GOOD[1:]),
    _push("73a", "an address as the source", 422, "personal-data", b'{"source": "jo@example.org", ' + GOOD[1:]),
    _push("76", "an end before the beginning", 422, "invalid-period", _one(valid_until=days_ago(4))),
    _push("76a", "before there was a programme", 422, "invalid-period", _one(as_of="2018-06-30")),
    *[
        _push("83a", f"Idempotency-Key: {key[:10]!r}", 400, "idempotency-key-format", headers={"Idempotency-Key": key})
        for key in ("", " ", "x" * 256, "two words", "a\tb")
    ],
    _push("85", "a key, the first time", 201, None, _one(as_of=days_ago(9)), headers={"Idempotency-Key": "trust-85"}),
    _push(
        "85a",
        "the same key, another body",
        422,
        "idempotency-key-reused",
        _one(as_of=days_ago(10)),
        headers={"Idempotency-Key": "trust-85"},
    ),
    _push("84", "the same key and body", 201, None, _one(as_of=days_ago(9)), headers={"Idempotency-Key": "trust-85"}),
    _push(
        "88", "the same body, a new key", 200, None, _one(as_of=days_ago(9)), headers={"Idempotency-Key": "trust-88"}
    ),
    _push("89", "an older day after a newer", 201, None, _one(as_of=days_ago(30))),
    _push("68", "nobody at all", 201, None, _one(student_group="MIG", population=0, met=0, not_met=0)),
    _push("70a", "groups that overlap may add up to more", 201, None, _OVERLAPPING),
    *[
        Ask(
            number="44e",
            what=f"a new key asks for {what}",
            status=status,
            code=code,
            method="POST",
            path="/v1/keys",
            headers=_JSON,
            body=json.dumps(body).encode(),
            who="admin",
        )
        for what, body, status, code in (
            ("nothing", {}, 422, "missing-field"),
            ("no scope", {"scopes": [], "label": "x"}, 422, "invalid-value"),
            ("a scope of no name", {"scopes": ["root"], "label": "x"}, 422, "invalid-value"),
            ("an LEA that is none", {"scopes": ["push"], "leas": ["1"], "label": "x"}, 422, "unknown-lea"),
            ("a million days", {"scopes": ["county"], "label": "x", "expires_in_days": 1_000_000}, 422, "out-of-range"),
            ("a NUL", {"scopes": ["county"], "label": "a\0b"}, 422, "invalid-character"),
            ("an address", {"scopes": ["county"], "label": "jo@example.org"}, 422, "personal-data"),
        )
    ],
]

# What the bad rows of a push are called in each format stands in `test_bad_rows.py`; they are sent as three pushes.
ASKS = [*_BODIES, *_FILES, *_SHEETS, *_HTTP, *_WHO, *_ROWS]
