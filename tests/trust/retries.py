"""Promises 5 and 6: a retry is safe, and an Idempotency-Key stands for one push only.

Method for 5: each push is sent five times at once under one Idempotency-Key, each time over a connection of its own;
half of the clients hang up without waiting for the answer, and ask again until they have one, as do those who were
told that the first is still being judged (409) or that too many pushes are (503). For 6: each push is followed by
another under its key that differs in one field, in a byte that means nothing, or in a parameter.
Figure: for 5 the keys, the answers that nobody heard, the pushes done and done again, the keys of which not all five
answers were the same bytes, and the statuses; for 6 how many were refused with 422 for that reason, and whether any
observation, cell or mark is another than before.
Mutants: a push that is being judged counts as lost, so that a retry is judged beside it; all pushes look the same.
"""

import asyncio
import hashlib
import itertools
import random
from collections import Counter
from collections.abc import Sequence

import asyncpg
import msgspec

from equityaccess.database import Transaction
from equityaccess.submissions import once, store
from equityaccess.submissions.store import Journaled
from tests.trust import clients, world
from tests.trust.clients import Answer, Attempt
from tests.trust.harness import Figure, Harness, Run

_TIMES = 5
_RETRY_S = 0.1
_LONGEST_WAIT_S = 0.03  # before a client hangs up


def take_for_lost() -> None:
    """A seeded defect: whoever asks may judge, also while somebody does."""

    async def hold(_: Transaction, submission_id: object) -> bool:
        return True

    store.hold = hold


def look_the_same() -> None:
    """A seeded defect: only the Idempotency-Key counts, not what was sent under it."""

    def fingerprint(_: Journaled) -> bytes:
        return b"the same"

    once.fingerprint = fingerprint


class _Retries:
    """One push sent five times at once, by clients half of which hang up."""

    def __init__(self, port: int, secret: str) -> None:
        self._port, self._secret = port, secret
        self.told: Counter[int] = Counter()
        self.dropped = 0
        self.differing = 0
        self.load = clients.Load(lambda: port)  # only what it was told is used here

    async def push(self, attempt: Attempt) -> None:
        """Send *attempt* five times, and hold the five answers against each other."""
        drops = [number % 2 == 0 for number in range(_TIMES)]
        drops[0] = random.random() < 0.5  # so that it is half of them, and sometimes the first
        random.shuffle(drops)
        self.load.tried[attempt.cell] = attempt
        answers = await asyncio.gather(*(self._until_answered(attempt, drops=drop) for drop in drops))
        self.differing += len({answer.body for answer in answers}) > 1
        self.load.acked[attempt.cell] = attempt, msgspec.json.decode(answers[0].body).get("submission_id", "")

    async def _until_answered(self, attempt: Attempt, *, drops: bool) -> Answer:
        while True:
            connection = await clients.connect(self._port)
            await connection.send(attempt.body, *clients.headers_for(self._secret, attempt.name))
            if drops:
                await asyncio.sleep(random.random() * _LONGEST_WAIT_S)
                connection.hang_up()
                drops, self.dropped = False, self.dropped + 1
                continue
            answer = await connection.answer()
            connection.hang_up()
            self.told[answer.status] += 1
            if answer.status not in (409, 503):
                return answer
            await asyncio.sleep(_RETRY_S)


async def _retry(run: Run) -> Figure:
    count = run.size(1_000, 60)
    with world.folder() as at:
        async with world.seeded(at) as url:
            [secret] = await clients.keys(url, clients.DISTRICTS[:1])
            defect = f"{__name__}:{take_for_lost.__name__}" if run.mutant else ""
            async with world.serving(at, url, defect=defect) as service:
                retries = _Retries(service.port, secret)
                for attempts in _by(3, list(itertools.islice(clients.attempts(clients.DISTRICTS[0]), count))):
                    await asyncio.gather(*map(retries.push, attempts))
            seen = await clients.tally(url, retries.load)
    done = seen.acked - seen.lost
    statuses = ", ".join(f"{times} x {status}" for status, times in sorted(retries.told.items()))
    text = (
        f"{count} keys x {_TIMES} at once, {retries.dropped} answers unheard: rows={done} dup={seen.dup} "
        f"phantom={seen.phantom}, keys with differing answers={retries.differing}; {statuses}"
    )
    is_only = retries.told.keys() <= {200, 201, 409, 503}
    return Figure(text=text, holds=seen.is_clean and done == count and not retries.differing and is_only)


def _by(size: int, attempts: Sequence[Attempt]) -> list[Sequence[Attempt]]:
    return [attempts[start : start + size] for start in range(0, len(attempts), size)]


def _other(attempt: Attempt, number: int) -> tuple[bytes, str]:
    """A push that differs from *attempt* in one thing, and where it is sent."""
    document = msgspec.json.decode(attempt.body)
    changes = {"met": 7, "population": 999_999, "not_met": 1, "evidence": "A", "indicator": "home_internet_100_20"}
    changes |= {"as_of": "2018-07-02" if str(attempt.cell.as_of) != "2018-07-02" else "2018-07-03"}
    field = [*changes, "white space", "parameter"][number % 8]
    target = "POST /v1/submissions"
    if field == "white space":
        return attempt.body + b"\n", target
    if field == "parameter":
        return attempt.body, f"{target}?dry_run=true"
    [row] = document["observations"]
    row[field] = changes[field] if row[field] != changes[field] else 8
    return msgspec.json.encode(document), target


_STATE = """
SELECT string_agg(line, E'\\n' ORDER BY line COLLATE "C")
  FROM (SELECT o::text FROM observation o
        UNION ALL SELECT c::text FROM coverage_cell c
        UNION ALL SELECT m::text FROM coverage_mark m) s (line)"""


async def _state(url: str) -> str:
    admin = await asyncpg.connect(url)
    try:
        return hashlib.sha256((await admin.fetchval(_STATE)).encode()).hexdigest()
    finally:
        await admin.close()


async def _reuse(run: Run) -> Figure:
    count = run.size(1_000, 80)
    refused = 0
    with world.folder() as at:
        async with world.seeded(at) as url:
            secrets = await clients.keys(url, clients.DISTRICTS)
            defect = f"{__name__}:{look_the_same.__name__}" if run.mutant else ""
            async with world.serving(at, url, defect=defect) as service:

                async def send(lea: str, secret: str, *, again: bool) -> int:
                    connection, right = await clients.connect(service.port), 0
                    for number, attempt in enumerate(itertools.islice(clients.attempts(lea), count // len(secrets))):
                        body, target = _other(attempt, number) if again else (attempt.body, "POST /v1/submissions")
                        await connection.send(body, *clients.headers_for(secret, attempt.name), target=target)
                        answer = await connection.answer()
                        reason = b"idempotency-key-reused" in answer.body
                        right += answer.status == 422 and reason if again else answer.status == 201
                    connection.hang_up()
                    return right

                async def everybody(*, again: bool) -> int:
                    who = zip(clients.DISTRICTS, secrets, strict=True)
                    return sum(await asyncio.gather(*(send(lea, secret, again=again) for lea, secret in who)))

                first = await everybody(again=False)
                before = await _state(url)
                refused = await everybody(again=True)
                is_unchanged = await _state(url) == before
    text = (
        f"{first} pushes, {refused}/{count} others under their keys refused, {'no' if is_unchanged else 'SOME'} writes"
    )
    return Figure(text=text, holds=first == refused == count and is_unchanged)


HARNESSES = [
    Harness(
        number=5,
        promise="A retry is safe: a push is done once and answered alike, however often and whenever it is sent",
        mutant="a push that is being judged counts as lost",
        run=_retry,
    ),
    Harness(
        number=6,
        promise="An Idempotency-Key that was used for another push is refused",
        mutant="only the Idempotency-Key is compared",
        run=_reuse,
    ),
]
