"""Promise 20: one LEA's flood takes nothing from the others.

Method: two processes with the limit that is the default. Four districts push, five times a second each, half of what
they may; a fifth sends twenty times what it may, over eight connections that wait for no answer. Calm and flood take
turns, so that whatever else this machine does meets both; what a bucket has saved up, which is its LEA's by right, is
used up before each flood, and not in the time of either; each connection to the database has pushed before: the first
push of one takes longer. The RateLimit fields of every answer are read as the draft has them.
Figure: pushes of the others, their 95th percentile in the flood and in the calm and the quotient, how many of them were
answered 429; what the flood sent, how much of it was taken, and fields that cannot be read or do not agree.
Mutant: the quota is counted by address, as where nobody looks whose key it is.
"""

import asyncio
import itertools
import re
import statistics
import time
from typing import Final

from equityaccess import database
from equityaccess.access import limits
from tests.trust import clients, world
from tests.trust.clients import Answer
from tests.trust.harness import Figure, Harness, Run
from tests.trust.revoked import asked, issued

_PER_MINUTE: Final = 600
_TIMES: Final = 20
_CONNECTIONS: Final = 8
_OTHERS: Final = clients.DISTRICTS[:4]
_EVERY_S: Final = 0.2  # a push of each of the others
_JSON: Final = "Content-Type: application/json"
_READ: Final = "GET /v1/student-groups"
_QUOTIENT: Final = 1.5
# An item of a list of RFC 9651: a string, and parameters that are integers.
_ITEM: Final = re.compile(r'\A"([\x20-\x21\x23-\x5b\x5d-\x7e]*)"((?:; *[a-z*][a-z0-9_.*-]*=-?[0-9]{1,15})+)\Z')


def fields(text: str) -> tuple[str, dict[str, int]] | None:
    """The policy and the parameters of a RateLimit field, or None if it cannot be read."""
    item = _ITEM.match(text)
    if item is None:
        return None
    pairs = (parameter.strip().split("=") for parameter in item[2].split(";")[1:])
    return item[1], {name: int(value) for name, value in pairs}


def is_sound(answer: Answer) -> bool:
    """Whether what *answer* says of the quota can be read, agrees with itself and with the status."""
    policy, share = fields(answer.headers.get("ratelimit-policy", "")), fields(answer.headers.get("ratelimit", ""))
    if policy is None or share is None or policy[0] != share[0]:
        return False
    if policy[1] != {"q": _PER_MINUTE, "w": 60} or share[1].keys() != {"r", "t"}:
        return False
    if answer.status != 429:
        return 0 <= share[1]["r"] < _PER_MINUTE and share[1]["t"] > 0
    come_back = int(answer.headers.get("retry-after", "0"))
    return share[1]["r"] == 0 and come_back >= share[1]["t"] > 0 and b'"/problems/quota-exceeded"' in answer.body


class Seen:
    """What was answered, to whom and how fast."""

    def __init__(self) -> None:
        self.is_flood: bool | None = None  # neither: nobody measures
        self.is_over = False
        self.took: dict[bool, list[float]] = {False: [], True: []}
        self.flood = self.taken = self.turned_away = self.unsound = self.failed = 0


async def push_calmly(port: int, lea: str, secret: str, seen: Seen) -> None:
    """Push once in a while, and note how long each took."""
    connection = await clients.connect(port)
    for attempt in clients.attempts(lea):
        began, is_flood = time.monotonic(), seen.is_flood
        answer = await asked(connection, "POST /v1/submissions", secret, attempt.body, _JSON)
        if is_flood is not None and is_flood == seen.is_flood:
            seen.took[is_flood].append(time.monotonic() - began)
        seen.turned_away += answer.status == 429
        seen.failed += answer.status not in (201, 429)
        seen.unsound += not is_sound(answer)
        await asyncio.sleep(max(0.0, began + _EVERY_S - time.monotonic()))
        if seen.is_over:
            return


async def flood(port: int, secret: str, seen: Seen, seconds: float) -> None:
    """Send on a connection of its own a part of the flood, on time whether or not the last was answered."""
    connection = await clients.connect(port)
    between = 60 / (_PER_MINUTE * _TIMES / _CONNECTIONS)
    requests = int(seconds / between)

    async def hear() -> None:
        for _ in range(requests):
            answer = await connection.answer()
            seen.taken += answer.status == 200
            seen.failed += answer.status not in (200, 429)
            seen.unsound += not is_sound(answer)

    hearing = asyncio.create_task(hear())
    due = time.monotonic()
    for _ in range(requests):
        due += between
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        await connection.send(b"", f"Authorization: Bearer {secret}", target=_READ)
        seen.flood += 1
    await hearing
    connection.hang_up()


async def use_up(port: int, secret: str) -> None:
    """Ask until there is nothing left in the bucket."""
    connection = await clients.connect(port)
    while (await asked(connection, _READ, secret)).status == 200:
        pass
    connection.hang_up()


async def warm(ports: tuple[int, ...], others: dict[str, str]) -> None:
    """Let every connection that the processes may have to the database push before anything is measured."""

    async def push(at: int, port: int, lea: str, secret: str) -> None:
        connection = await clients.connect(port)
        for attempt in itertools.islice(clients.attempts(lea), 800 + 10 * at, 806 + 10 * at):
            await asked(connection, "POST /v1/submissions", secret, attempt.body, _JSON)
        connection.hang_up()

    async with asyncio.TaskGroup() as group:
        for at, port in enumerate(ports * 3):
            for lea, secret in others.items():
                group.create_task(push(at, port, lea, secret))


def one_bucket_for_all() -> None:
    """The seeded defect: everybody behind this address shares a quota."""
    limits._of = lambda _caller: "key of everybody"


async def run(run: Run) -> Figure:
    defect = "tests.trust.fair_share:one_bucket_for_all" if run.mutant else ""
    turns, seconds = run.size(4, 2), run.size(5, 2)
    settings = {"RATE_PER_MINUTE": str(_PER_MINUTE)}
    seen = Seen()
    with world.folder() as at:
        async with world.seeded(at) as url:
            db = await database.connect(world.settings_for(url))
            others = {lea: (await issued(db, lea, scopes=["push"])).secret for lea in _OTHERS}
            noisy = (await issued(db, world.LAUSD)).secret
            await db.close()
            async with (
                world.serving(at, url, defect=defect, settings=settings) as one,
                world.serving(at, url, defect=defect, settings=settings) as other,
            ):
                ports = itertools.cycle((one.port, other.port))
                await use_up(one.port, noisy)
                await warm((one.port, other.port), others)
                async with asyncio.timeout(300), asyncio.TaskGroup() as group:
                    for lea, secret in others.items():
                        group.create_task(push_calmly(next(ports), lea, secret, seen))
                    for _ in range(turns):
                        seen.is_flood = False
                        await asyncio.sleep(seconds)
                        seen.is_flood = None
                        await use_up(one.port, noisy)
                        seen.is_flood = True
                        async with asyncio.TaskGroup() as sending:
                            for _ in range(_CONNECTIONS):
                                sending.create_task(flood(next(ports), noisy, seen, seconds))
                    seen.is_over = True
    calm, loud = (statistics.quantiles(seen.took[is_flood], n=20)[18] for is_flood in (False, True))
    return Figure(
        text=f"pushes={sum(map(len, seen.took.values()))} p95={loud * 1000:.0f} ms in the flood, "
        f"{calm * 1000:.0f} ms in the calm: x{loud / calm:.2f}; 429 for them={seen.turned_away} failed={seen.failed}; "
        f"flood={seen.flood} taken={seen.taken} unsound_fields={seen.unsound}",
        holds=loud < _QUOTIENT * calm and not (seen.turned_away or seen.failed or seen.unsound) and seen.flood > 0,
    )


HARNESSES = [
    Harness(
        number=20,
        promise="Fair share: an LEA that sends 20 times its quota slows others by less than half, at no 429 for them",
        mutant="all callers behind an address share one quota",
        run=run,
        runs_alone=True,
        is_quick=False,  # two percentiles need more than seconds; tests/access has the quotas
    )
]
