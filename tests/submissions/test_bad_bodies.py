"""Bodies that are not what their media type says, heads that are not sound: the status, the code and the place."""

import json
from typing import Any

import pytest

from tests.submissions.pushing import ABC, KINDS, Sender, by_row, chunks, codes, days, journal, row, written

GOOD = written("json", [row()])
ONE = json.dumps(row()).encode()


def with_observation(text: str) -> bytes:
    """A document whose one observation is *text*."""
    return b'{"observations": [' + text.encode() + b"]}"


def instead(old: bytes, new: bytes, of: bytes = GOOD) -> bytes:
    assert of.count(old) == 1, (old, of)
    return of.replace(old, new)


BAD_JSON: list[tuple[str, bytes, int, str]] = [
    ("cut short", GOOD[:-5], 400, "malformed-json"),
    ("nothing", b"", 400, "empty-body"),
    ("spaces", b" \r\n\t ", 400, "empty-body"),
    ("NaN", instead(b"18000", b"NaN"), 400, "malformed-json"),
    ("Infinity", instead(b"18000", b"Infinity"), 400, "malformed-json"),
    ("minus infinity", instead(b"18000", b"-Infinity"), 400, "malformed-json"),
    ("a leading zero", instead(b"18000", b"018000"), 400, "malformed-json"),
    ("a plus", instead(b"18000", b"+18000"), 400, "malformed-json"),
    ("hexadecimal", instead(b"18000", b"0x10"), 400, "malformed-json"),
    ("no digit before the point", instead(b"18000", b".5"), 400, "malformed-json"),
    ("more digits than Python reads", instead(b"18000", b"1" * 5_000), 400, "malformed-json"),
    ("a trailing comma", instead(b"}]}", b"},]}"), 400, "malformed-json"),
    ("a comment", b"/* nightly */" + GOOD, 400, "malformed-json"),
    ("single quotes", GOOD.replace(b'"', b"'"), 400, "malformed-json"),
    ("two documents", GOOD + b"\n" + GOOD, 400, "malformed-json"),
    ("text after it", GOOD + b" thanks", 400, "malformed-json"),
    ("a raw newline in a string", instead(b"home_internet", b"home\ninternet"), 400, "malformed-json"),
    ("a byte order mark", b"\xef\xbb\xbf" + GOOD, 400, "malformed-json"),
    ("Latin-1", instead(b"home_internet", b"\xe9"), 400, "invalid-encoding"),
    ("overlong", instead(b"home_internet", b"\xc0\xaf"), 400, "invalid-encoding"),
    ("a surrogate in UTF-8", instead(b"home_internet", b"\xed\xa0\x80"), 400, "invalid-encoding"),
    ("UTF-16", GOOD.decode().encode("utf-16"), 400, "invalid-encoding"),
    ("UTF-16 without a mark", GOOD.decode().encode("utf-16-le"), 400, "invalid-encoding"),
    ("UTF-32", GOOD.decode().encode("utf-32-be"), 400, "invalid-encoding"),
    ("a key twice", instead(b'"met": 17000', b'"met": 17000, "met": 17001'), 400, "duplicate-key"),
    ("a key twice, once escaped", instead(b'"met": 17000', b'"met": 17000, "m\\u0065t": 1'), 400, "duplicate-key"),
    ("a key twice at the top", b'{"observations": [], ' + GOOD[1:], 400, "duplicate-key"),
    ("seventeen levels", b"[" * 17 + b"]" * 17, 400, "too-deep"),
    ("fifteen hundred levels", b"[" * 1_500, 400, "too-deep"),
    ("two hundred thousand levels", b'{"a":' * 200_000, 400, "too-deep"),
    ("an escaped NUL", instead(b"home_internet", b"home\\u0000internet"), 422, "invalid-character"),
    ("half a surrogate pair", instead(b"home_internet", b"\\ud800"), 422, "invalid-character"),
    ("half a pair in a name", b'{"a\\ud800": ["\\u0000"]}', 422, "invalid-character"),
    ("half a pair in a name, twice", b'{"a\\ud800": 1, "a\\ud800": 2}', 400, "duplicate-key"),
    ("half a pair in the name of what is too deep", b'{"a\\ud800": ' + b"[" * 20 + b"]" * 20 + b"}", 400, "too-deep"),
    ("an array at the top", b"[" + ONE + b"]", 422, "wrong-type"),
    ("a string at the top", b'"push"', 422, "wrong-type"),
    ("null at the top", b"null", 422, "wrong-type"),
    ("no observations", b"{}", 422, "missing-field"),
    ("null for observations", b'{"observations": null}', 422, "wrong-type"),
    ("an object for observations", b'{"observations": {}}', 422, "wrong-type"),
    ("an empty list", b'{"observations": []}', 422, "no-rows"),
    ("a string for an observation", with_observation('"home_internet"'), 422, "wrong-type"),
    ("null for an observation", with_observation("null"), 422, "wrong-type"),
    ("a list for a breakdown", with_observation(json.dumps(row() | {"breakdown": []})), 422, "wrong-type"),
    ("an unknown field at the top", instead(b"{", b'{"lea_id": 5, ', of=b'{"observations": []}'), 422, "unknown-field"),
    ("a source that is too long", b'{"source": "' + b"x" * 201 + b'", ' + GOOD[1:], 422, "invalid-value"),
    ("a source with an address", b'{"source": "jo@example.org", ' + GOOD[1:], 422, "personal-data"),
    ("a source with an SSN", b'{"source": "for 078-05-1120", ' + GOOD[1:], 422, "personal-data"),
    ("a source that turns around", "{\"source\": \"a\u202eb\", ".encode() + GOOD[1:], 422, "invalid-character"),
    ("a source with a key", b'{"source": "eqa_live_abc", ' + GOOD[1:], 422, "secret"),
    ("more rows than JSON takes", written("json", [row()] * 5_001), 413, "too-many-rows"),
]  # fmt: skip


async def test_json_of_no_certain_meaning_is_refused_and_kept(sender: Sender, database_url: str) -> None:
    wrong = []
    for what, body, status, code in BAD_JSON:
        answer = await sender.body(body, KINDS["json"])
        if (answer.status_code, codes(answer)[:1]) != (status, [code]):
            wrong.append((what, status, code, answer.text[:300]))
        receipt = (await sender.get(answer.json()["instance"])).json()
        assert receipt["outcome"] == "refused", what
        assert receipt["refused_as"] == answer.json()["type"].removeprefix("/problems/"), what
    assert not wrong, "\n".join(map(repr, wrong))
    assert [kept.body for kept in await journal(database_url)] == [body for _, body, _, _ in BAD_JSON]


async def test_a_source_that_looks_personal_is_not_repeated(sender: Sender) -> None:
    answer = await sender.rows("ndjson", [row()], source="from jo@example.org")
    assert codes(answer) == ["personal-data"]
    assert "jo@" not in answer.text + (await sender.get(answer.json()["instance"])).text
    assert (await sender.rows("ndjson", [row()], source="SIS nightly export 2026-11-20, v12.3")).status_code == 201


async def test_ndjson_lines_are_refused_each_by_itself(sender: Sender) -> None:
    dup = ONE.replace(b'"met": 17000', b'"met": 17000, "met": 17001')
    lines: list[tuple[bytes, str]] = [
        (ONE[:-1], "malformed-json"),
        (b"\xef\xbb\xbf" + ONE, "malformed-json"),
        (ONE.replace(b"home_internet", b"\xe9"), "invalid-encoding"),
        (ONE.replace(b"home_internet", b"home\\u0000"), "invalid-character"),
        (ONE.replace(b"home_internet", b"\\ud800"), "invalid-character"),
        (dup, "duplicate-key"),
        (dup.replace(b'"met": 17001', b'"met" : 17001'), "duplicate-key"),
        (dup.replace(b'"met": 17001', b'"met"\t:17001'), "duplicate-key"),
        (dup.replace(b'"met": 17001', b'"\\u006det":17001'), "duplicate-key"),
        (ONE + b" " + ONE, "malformed-json"),
        (ONE + b"," + ONE, "malformed-json"),
        (b"[" + ONE + b"]", "wrong-type"),
        (b"null", "wrong-type"),
        (b"5", "wrong-type"),
        (b'"*"', "wrong-type"),
        (b"[" * 1_500, "too-deep"),
        (b'{"breakdown": ' + b"[" * 16 + b"]" * 16 + b"}", "too-deep"),
        (ONE.replace(b"17000", b"1" * 5_000), "malformed-json"),
        (ONE.replace(b"home_internet", b"home\0internet"), "invalid-encoding"),
    ]
    body = b"\n\n".join(line for line, _ in lines)
    answer = await sender.body(body, KINDS["ndjson"])
    assert answer.status_code == 422
    found = {number: [fault["code"] for fault in faults] for number, faults in by_row(answer).items()}
    assert found == {number: [code] for number, (_, code) in enumerate(lines, 1)}
    assert {fault["row"]: fault["line"] for fault in answer.json()["errors"]} == {
        number: 2 * number - 1 for number in found
    }


async def test_lines_that_are_documents_only_together_are_refused(sender: Sender) -> None:
    """Three lines, three observations, and not one line that is a document of its own."""
    one, two, three = (json.dumps(fields).encode() for fields in days(3))
    half = three.index(b', "met"')
    body = b"\n".join([one + b"," + two, three[:half], three[half + 2 :], b""])
    answer = await sender.body(body, KINDS["ndjson"])
    assert answer.status_code == 422
    assert codes(answer) == ["malformed-json"] * 3


@pytest.mark.parametrize("form", ["ndjson", "csv"])
async def test_a_body_without_rows_is_refused(sender: Sender, form: str) -> None:
    for body in (b"", b"\n\r\n \n", b"\xef\xbb\xbf" if form == "csv" else b" "):
        answer = await sender.body(body, KINDS[form])
        assert (answer.status_code, codes(answer)) == (422, ["no-rows"]), body


async def test_only_our_media_types_are_read_and_nothing_else_is_kept(sender: Sender, database_url: str) -> None:
    forms = ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
    others = ["text/plain", "application/xml", "application/msgpack", "image/png", "application/vnd.ms-excel", "*/*"]
    for kind in (*forms, *others, "application/jsonx", None):
        answer = await sender.body(GOOD, kind)
        assert (answer.status_code, codes(answer)) == (415, ["unsupported-media-type"]), kind
        assert "text/csv" in answer.json()["errors"][0]["suggestion"]
    for charset in ("latin-1", "utf-16", "cp1252"):
        answer = await sender.body(GOOD, f"application/json; charset={charset}")
        assert (answer.status_code, codes(answer)) == (415, ["unsupported-charset"]), charset
    for encoding in ("gzip", "br", "deflate", "gzip, gzip"):
        answer = await sender.body(b"\x1f\x8b\x08\x00", KINDS["json"], headers={"Content-Encoding": encoding})
        assert (answer.status_code, codes(answer)) == (415, ["unsupported-encoding"]), encoding
    assert await journal(database_url) == []
    for kind in ("application/json; charset=UTF-8", "Application/JSON", 'application/json;charset="utf-8"'):
        assert (await sender.body(GOOD, kind)).status_code in (200, 201), kind


async def test_the_query_is_held_to_its_word_before_anything_is_kept(sender: Sender, database_url: str) -> None:
    refused: list[tuple[dict[str, Any], int]] = [
        ({"mode": "most"}, 422),
        ({"dry_run": "perhaps"}, 422),
        ({"as_of": "2026-02-30"}, 422),
        ({"as_of": "11/20/2026"}, 422),
        ({"as_of": "2026-W01-1"}, 422),
        ({"lea": "1" * 65}, 422),
        ({"source": "x" * 201}, 422),
        ({"moed": "partial"}, 422),
        ({"token": "eqa_live_"}, 422),
        ({"mode": ["atomic", "partial"]}, 400),
    ]
    for query, status in refused:
        answer = await sender.body(GOOD, KINDS["json"], **query)
        assert answer.status_code == status, (query, answer.text)
        assert status == 400 or answer.json()["errors"][0]["pointer"] == f"/query/{next(iter(query))}", answer.text
    assert await journal(database_url) == []


async def test_the_head_is_held_to_its_word_before_anything_is_kept(sender: Sender, database_url: str) -> None:
    heads: list[tuple[dict[str, str], int]] = [
        ({"Accept": "image/png"}, 406),
        ({"Content-Length": "1000000000"}, 413),
        ({"Content-Length": "9" * 5_000}, 413),
        ({"Content-Length": "5", "Transfer-Encoding": "chunked"}, 400),
        ({"X-Long": "x" * 200_000}, 400),
        ({"Idempotency-Key": ""}, 400),
        ({"Idempotency-Key": "x" * 256}, 400),
        ({"Idempotency-Key": "two words"}, 400),
        ({"Idempotency-Key": "a\tb"}, 400),
    ]
    for head, status in heads:
        answer = await sender.body(GOOD, KINDS["json"], headers=head)
        assert answer.status_code == status, (head, answer.text)
    assert await journal(database_url) == []


async def test_an_idempotency_key_that_stands_twice_is_refused(sender: Sender) -> None:
    two = [("Idempotency-Key", "a"), ("Idempotency-Key", "b"), ("Content-Type", KINDS["json"]), *sender.headers.items()]
    answer = await sender.client.post("/v1/submissions", content=GOOD, headers=two)
    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/repeated-parameter")


async def test_a_body_may_come_in_any_pieces(sender: Sender) -> None:
    """Pieces cut lines, line ends and characters anywhere."""
    for form in ("ndjson", "csv"):
        body = written(form, days(20)).replace(b"\n", b"\r\n")

        async def dripping(body: bytes = body) -> Any:
            for piece in chunks(body, 1):
                yield piece

        answer = await sender.body(dripping(), KINDS[form])
        assert answer.json()["counts"]["received"] == 20, form


async def test_a_cds_code_of_the_whole_document_is_judged_too(sender: Sender) -> None:
    document = {"lea": "1.96421E+13", "observations": [row(lea=...)]}
    answer = await sender.body(json.dumps(document).encode(), KINDS["json"])
    assert codes(answer) == ["cds-unrecoverable"]
    answer = await sender.body(json.dumps(document | {"lea": None}).encode(), KINDS["json"])
    assert answer.json()["errors"][0]["pointer"] == "/lea"
    answer = await sender.body(json.dumps({"observations": [row(lea=...)]}).encode(), KINDS["json"], lea=ABC)
    assert answer.status_code == 201
