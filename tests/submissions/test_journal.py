"""Journal first: whatever a key sends within the limits is kept byte for byte, whatever becomes of it."""

import hashlib
from collections.abc import AsyncIterator
from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from litestar import Litestar

from tests.conftest import MakeKey, running, settings_for
from tests.submissions.pushing import FORMS, KINDS, Sender, chunks, days, journal, row, written

GOOD = {form: written(form, [row(), *days(2)]) for form in FORMS}
FEW = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)
# Pieces of what a push is made of, so that a mutation is more than noise.
TOKENS = [
    b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b"\n", b"\r", b"\r\n", b"\0", b"\xef\xbb\xbf", b"\xff", b" ", b"-",
    b"e9", b"null", b"true", b"NaN", b"1e400", b"99999999999999999999", b'"met"', b'"met":1', b"lea", b"2026-02-30",
    b"*", b";", b"\\u0000", b"\\ud800", b"breakdown.", b'"breakdown":{"met_by_lea":-1}', b"[[[[", b'""',
    "\u0661\uff11\u00e9".encode(),
]  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn, body: bytes) -> bytes:
    """*body* with some stretches of it taken out, doubled or replaced."""
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(body)))
        end = draw(st.integers(start, min(len(body), start + 40)))
        new = draw(st.sampled_from(TOKENS) | st.just(b"") | st.just(body[start:end] * 2) | st.binary(max_size=8))
        body = body[:start] + new + body[end:]
    return body


SENT = st.sampled_from(FORMS).flatmap(
    lambda form: st.tuples(st.just(form), st.sampled_from(FORMS).flatmap(lambda as_if: mutated(GOOD[as_if])))
)


@FEW
@given(sent=SENT, mode=st.sampled_from(["atomic", "partial"]), dry_run=st.booleans())
async def test_any_push_is_answered_kept_and_accounted_for(
    sender: Sender, sent: tuple[str, bytes], mode: str, dry_run: bool
) -> None:
    form, body = sent
    answer = await sender.body(body, KINDS[form], mode=mode, dry_run=dry_run)
    assert answer.status_code in (200, 201, 400, 403, 413, 415, 422), answer.text
    problems = answer.json().get("errors")
    assert answer.is_success or problems, "a refusal says at least one thing"
    place = answer.headers.get("Location") or answer.json()["instance"]
    receipt = (await sender.get(place)).json()
    assert (receipt["sha256"], receipt["bytes"]) == (hashlib.sha256(body).hexdigest(), len(body))
    counts = receipt["counts"]
    assert counts["received"] == sum(counts[name] for name in ("created", "updated", "unchanged", "refused"))
    assert all(fault["owner"] and fault["detail"] for fault in receipt["refusals"])


@settings(FEW, max_examples=25)
@given(bodies=st.lists(st.tuples(st.sampled_from(FORMS), st.binary(max_size=300)), max_size=4))
async def test_any_bytes_are_kept_as_they_came(
    sender: Sender, database_url: str, bodies: list[tuple[str, bytes]]
) -> None:
    before = len(await journal(database_url))
    for form, body in bodies:
        await sender.body(body, KINDS[form])
    kept = (await journal(database_url))[before:]
    assert [one.body for one in kept] == [body for _, body in bodies]
    assert [one.sha256 for one in kept] == [hashlib.sha256(body).digest() for _, body in bodies]
    assert {one.outcome for one in kept} <= {"refused"}


async def test_a_long_body_is_kept_in_parts_that_join(sender: Sender, database_url: str) -> None:
    """Many rows that are all wrong, streamed: more than one part, and nothing stays staged."""
    line = written("ndjson", [row(student_group="EL", population=900, met=100, not_met=5)])
    body = line * 50_000

    async def streamed() -> AsyncIterator[bytes]:
        for piece in chunks(body, 65_536):
            yield piece

    answer = await sender.body(streamed(), KINDS["ndjson"])
    assert answer.status_code == 422, answer.text
    assert answer.json()["detail"] == "50000 of 50000 rows have faults; nothing was applied."
    assert len(answer.json()["errors"]) == 1_000
    assert answer.json()["errors_total"] == 50_000
    (kept,) = await journal(database_url)
    assert kept.body == body
    assert (kept.sha256, kept.byte_count) == (hashlib.sha256(body).digest(), len(body))
    again = await sender.rows("ndjson", [row()])
    assert again.json()["counts"]["received"] == 1, "nothing of the refused push is still staged"


async def test_two_hundred_thousand_rows_are_applied_in_one_push(sender: Sender) -> None:
    indicators = ["home_internet", "home_internet_100_20", "device", "parent_portal", "digital_literacy"]
    groups = [
        "EL",
        "SED",
        "SWD",
        "FOS",
        "HOM",
        "MIG",
        "AA",
        "AI",
        "AS",
        "FI",
        "HI",
        "PI",
        "WH",
        "MR",
        "RD",
        "LTEL",
        "JIY",
    ]
    head = "lea,as_of,indicator,student_group,population,met,not_met,evidence\n"
    count = 2_353
    rest = [f"{indicator},{group},90,10,5,B\n" for indicator in indicators for group in groups]

    async def streamed() -> AsyncIterator[bytes]:
        yield head.encode()
        for day in days(count, since=date(2018, 7, 1)):
            prefix = f"{day['lea']},{day['as_of']},"
            yield "".join(prefix + tail for tail in rest).encode()

    answer = await sender.body(streamed(), KINDS["csv"])
    assert answer.status_code == 201, answer.text
    rows = count * len(rest)
    assert answer.json()["counts"] == {"received": rows, "created": rows, "updated": 0, "unchanged": 0, "refused": 0}


async def hang_up_after(app: Litestar, secret: str, pieces: list[bytes]) -> int:
    """Send *pieces* and hang up before the end; the status of the answer that nobody reads."""
    events = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    events.append({"type": "http.disconnect"})
    said: list[int] = []

    async def receive() -> dict[str, object]:
        return events.pop(0) if len(events) > 1 else events[0]

    async def send(message: dict[str, object]) -> None:
        if message["type"] == "http.response.start":
            said.append(message["status"])  # type: ignore[arg-type]

    headers = {"authorization": f"Bearer {secret}", "content-type": KINDS["ndjson"], "host": "equityaccess.test"}
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
        "path": "/v1/submissions", "raw_path": b"/v1/submissions", "query_string": b"", "root_path": "", "state": {},
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "server": ("equityaccess.test", 80), "client": ("127.0.0.1", 1),
    }  # fmt: skip
    await app(scope, receive, send)  # type: ignore[arg-type]
    return said[0]


@pytest.mark.parametrize("size", [1_000, 3_000_000, 2 * (1 << 20)])
async def test_a_body_that_ends_early_is_kept_as_far_as_it_came_and_never_judged(
    database_url: str, make_key: MakeKey, size: int
) -> None:
    body = (GOOD["ndjson"] * (size // len(GOOD["ndjson"]) + 1))[:size]
    async with running(settings_for(database_url)) as app:
        status = await hang_up_after(app, await make_key(lea="19642120000000"), list(chunks(body, 65_536)))
    assert status == 400
    (kept,) = await journal(database_url)
    assert (kept.outcome, kept.status, kept.sha256, kept.byte_count) == ("incomplete", 400, None, None)
    assert kept.body == body


async def test_who_hangs_up_before_the_first_byte_leaves_nothing(database_url: str, make_key: MakeKey) -> None:
    async with running(settings_for(database_url)) as app:
        assert await hang_up_after(app, await make_key(lea="19642120000000"), []) == 400
    assert await journal(database_url) == []
