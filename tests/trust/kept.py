"""Promise 4: nothing that is received is lost, even if it is invalid.

Method: eight districts send bodies in the three formats: sound ones, sound ones with stretches taken out, doubled or
replaced, random bytes, nothing at all, and some that are longer than a part of the journal. Each answer names its
submission; its bytes in the journal, and the sha256 beside them, are compared with what was sent, and the journal is
counted. What is refused for its head alone (no key, another media type, too long) is not a push, and is not read.
Figure: bodies sent, how many were refused, how many are in the journal, and how many of these byte for byte.
Mutant: the bytes are read as text and written again.
"""

import asyncio
import hashlib
import itertools
import random
import zlib
from collections import Counter
from collections.abc import Iterator

import asyncpg
import msgspec

from equityaccess.submissions.journal import PART_BYTES, _Entry
from tests.trust import clients, world
from tests.trust.harness import Figure, Harness, Run

_KINDS = ("application/json", "application/x-ndjson", "text/csv")
_LONG = 0.002  # of the bodies
_TOKENS = (
    b"{", b"}", b"[", b"]", b",", b'"', b"\\", b"\n", b"\r\n", b"\0", b"\xef\xbb\xbf", b"\xff", b"\xc0\x80", b"-1",
    b"1e400", b"null", b"NaN", b'"met":1', b"2026-02-30", b"*", b";", b"\\u0000", b"\\ud800", b"[" * 2_000,
    "\u0661\u00e9".encode(),
)  # fmt: skip


def recode() -> None:
    """A seeded defect: the journal holds text, and what is not UTF-8 is mended on the way."""
    take = _Entry.take

    async def mended(self: _Entry, piece: bytes) -> None:
        await take(self, piece.decode("utf-8", "replace").encode())

    _Entry.take = mended  # type: ignore[method-assign]


def _sound(kind: str, attempts: list[clients.Attempt]) -> bytes:
    rows = [msgspec.json.decode(attempt.body)["observations"][0] for attempt in attempts]
    if kind == "application/json":
        return msgspec.json.encode({"observations": rows})
    if kind == "application/x-ndjson":
        return b"".join(msgspec.json.encode(row) + b"\n" for row in rows)
    return "\r\n".join([",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows), ""]).encode()


def _broken(dice: random.Random, body: bytes) -> bytes:
    for _ in range(dice.randint(1, 4)):
        start = dice.randint(0, len(body))
        end = min(len(body), start + dice.randint(0, 40))
        new = dice.choice([dice.choice(_TOKENS), b"", body[start:end] * 2, dice.randbytes(dice.randint(0, 8))])
        body = body[:start] + new + body[end:]
    return body


def _bodies(lea: str, seed: int) -> Iterator[tuple[str, bytes]]:
    dice, pushes = random.Random(seed), clients.attempts(lea)
    while True:
        kind = dice.choice(_KINDS)
        body = _sound(kind, list(itertools.islice(pushes, dice.randint(1, 4))))
        what = dice.random()
        if what < _LONG:
            body = body + dice.randbytes(dice.randint(PART_BYTES, 3 * PART_BYTES))
        elif what < 0.6:
            body = _broken(dice, body)
        elif what < 0.75:
            body = dice.randbytes(dice.randint(0, 400))
        yield kind, body


async def _send(
    port: int, secret: str, sent: dict[str, bytes], told: Counter[int], bodies: list[tuple[str, bytes]]
) -> None:
    connection = await clients.connect(port)
    for kind, body in bodies:
        await connection.send(body, *clients.headers_for(secret, kind=kind))
        answer = await connection.answer()
        told[answer.status] += 1
        place = answer.headers.get("location") or msgspec.json.decode(answer.body).get("instance", "")
        sent[place.rpartition("/")[2] or f"without a place: {len(sent)}"] = body
    connection.hang_up()


_JOURNAL = """
SELECT submission_id::text, sha256, byte_count,
       ARRAY(SELECT deflated FROM submission_body b WHERE b.submission_id = s.submission_id ORDER BY part)
  FROM submission s"""


async def _keep(run: Run) -> Figure:
    count = run.size(10_000, 400)
    sent: dict[str, bytes] = {}
    told: Counter[int] = Counter()
    with world.folder() as at:
        async with world.seeded(at) as url:
            secrets = await clients.keys(url, clients.DISTRICTS)
            defect = f"{__name__}:{recode.__name__}" if run.mutant else ""
            async with world.serving(at, url, defect=defect) as service, asyncio.TaskGroup() as group:
                for seed, (lea, secret) in enumerate(zip(clients.DISTRICTS, secrets, strict=True)):
                    bodies = itertools.islice(_bodies(lea, seed), count // len(secrets))
                    group.create_task(_send(service.port, secret, sent, told, list(bodies)))
            admin = await asyncpg.connect(url)
            journal = await admin.fetch(_JOURNAL)
            await admin.close()
    same = sum(
        sent.get(submission_id) == b"".join(map(zlib.decompress, parts))
        and sha256 == hashlib.sha256(sent[submission_id]).digest()
        and size == len(sent[submission_id])
        for submission_id, sha256, size, parts in journal
    )
    refused = sum(times for status, times in told.items() if 400 <= status < 500)
    failed = sum(times for status, times in told.items() if status >= 500)
    long = sum(len(body) > PART_BYTES for body in sent.values())
    text = f"sent={told.total()} (refused={refused}, over 1 MiB={long}) journaled={len(journal)} byte-identical={same}"
    holds = not failed and told.total() == len(journal) == same and 0 < refused < same
    return Figure(text=text + f", {failed} answered 5xx" * bool(failed), holds=holds)


HARNESSES = [
    Harness(
        number=4,
        promise="Nothing that is received is lost, even if it is invalid",
        mutant="the journal holds text instead of bytes",
        run=_keep,
    )
]
