"""Promise 21: an overload is told honestly, and what can be done is done.

Method: eight districts push one after the other as fast as they are answered, which gives the peak: receipts a second.
Then pushes come at five times that rate, whatever becomes of those before (an open loop over 400 connections). Both by
turns, for five seconds each after a second in which the queue fills: what stands in it is as much at the end as at the
beginning, and was no receipt yet. Then nothing more comes, and one push a moment asks when all is well.
Figure: the peak, the rate at which pushes came and the receipts a second under it, as a share of the peak; how often
each status was the answer, and how many pushes had none within 10 s; seconds until a push is answered at once again.
Mutant: no bound on pushes under way, waits without an end.
"""

import asyncio
import collections
import time
from collections.abc import Iterator

from tests.trust import clients, world
from tests.trust.clients import Attempt, Connection
from tests.trust.harness import Figure, Harness, Run

_TIMES = 5
_CONNECTIONS = 400
_ANSWER_S = 10.0
_IDLE_S = 3.0
_FILLS_S = 1.0
_AT_ONCE_S = 1.0
_AGAIN_WITHIN_S, _QUICK_AGAIN_S = 5.0, 20.0
_GIVE_UP_S = 30.0
_LEAST_SHARE, _QUICK_SHARE = 0.8, 0.5
_UNBOUNDED = {"POOL_WAIT_S": "1000", "CONCURRENT_PUSHES": "100000", "STATEMENT_TIMEOUT_S": "1000"}


class _Pushes:
    """Pushes of eight districts by turns, and what they were answered."""

    def __init__(self, port: int, secrets: list[str]) -> None:
        self._port = port
        self._turns: Iterator[tuple[Attempt, str]] = (
            (attempt, secret)
            for attempts in zip(*(clients.attempts(lea) for lea in clients.DISTRICTS), strict=True)
            for attempt, secret in zip(attempts, secrets, strict=True)
        )
        self._idle: list[tuple[Connection, float]] = []
        self.statuses: collections.Counter[int] = collections.Counter()

    async def push(self, within_s: float = _ANSWER_S) -> int:
        """The status of one push; 0 when none came in time, or the connection was lost."""
        attempt, secret = next(self._turns)
        connection = None
        try:
            async with asyncio.timeout(within_s):
                connection = self._at_hand() or await clients.connect(self._port)
                await connection.send(attempt.body, *clients.headers_for(secret))
                answer = await connection.answer()
        except clients.AMBIGUOUS:
            if connection:
                connection.hang_up()
            self.statuses[0] += 1
            return 0
        if answer.headers.get("connection") == "close":
            connection.hang_up()
        else:
            self._idle.append((connection, time.monotonic()))
        self.statuses[answer.status] += 1
        return answer.status

    def _at_hand(self) -> Connection | None:
        """A connection that the server will not have closed for being idle."""
        while self._idle:
            connection, since = self._idle.pop()
            if time.monotonic() - since < _IDLE_S:
                return connection
            connection.hang_up()
        return None

    async def one_after_the_other(self, until: float) -> None:
        """Push as fast as is answered, until an instant of the loop's clock."""
        while time.monotonic() < until:
            await self.push()

    async def at_a_rate(self, rate: float, seconds: float) -> int:
        """Push *rate* times a second, whatever is answered; how many did not even find a connection of ours."""
        began, kept, skipped = time.monotonic(), set[asyncio.Task[int]](), 0
        number = 0
        while (now := time.monotonic() - began) < seconds:
            while number < now * rate:
                number += 1
                if len(kept) < _CONNECTIONS:
                    task = asyncio.create_task(self.push())
                    kept.add(task)
                    task.add_done_callback(kept.discard)
                else:
                    skipped += 1
            await asyncio.sleep(0.005)
        self.under_way = kept
        return number - skipped


async def _overload(run: Run) -> Figure:
    rounds = run.size(4, 2)
    round_s = 5 if run.mutant else run.size(5, 3)
    with world.folder() as at:
        async with world.seeded(at) as url:
            secrets = await clients.keys(url, clients.DISTRICTS)
            bounds = _UNBOUNDED if run.mutant else {}
            more = ["--limit-concurrency", "100000"] if run.mutant else []
            async with world.serving(at, url, *more, settings=bounds) as service:
                warm = _Pushes(service.port, secrets)
                await asyncio.gather(*(warm.one_after_the_other(time.monotonic() + 1) for _ in range(8)))
                calm, flood = _Pushes(service.port, secrets), _Pushes(service.port, secrets)
                came = in_calm = in_flood = 0
                for number in range(1, rounds + 1):  # by turns, for a busy machine is not always as busy
                    until = time.monotonic() + _FILLS_S + round_s
                    async with asyncio.TaskGroup() as group:
                        for _ in range(8):
                            group.create_task(calm.one_after_the_other(until))
                        in_calm += await _receipts(calm, round_s)
                    peak = in_calm / (number * round_s)
                    async with asyncio.TaskGroup() as group:
                        coming = group.create_task(flood.at_a_rate(_TIMES * peak, _FILLS_S + round_s))
                        in_flood += await _receipts(flood, round_s)
                    came += coming.result()
                    done = in_flood / (number * round_s)
                    if number < rounds:
                        await asyncio.gather(*flood.under_way)
                began = time.monotonic()
                is_well = False
                while not is_well and time.monotonic() - began < _GIVE_UP_S:
                    is_well = await flood.push(_AT_ONCE_S) in (200, 201)
                    await asyncio.sleep(0 if is_well else 0.1)
                again = time.monotonic() - began
                await asyncio.gather(*flood.under_way)
    answers = " ".join(f"{status or 'none'}={times}" for status, times in sorted(flood.statuses.items()))
    share = done / peak
    rate = came / (rounds * (_FILLS_S + round_s))
    text = f"peak={peak:.0f}/s came={rate:.0f}/s done={done:.0f}/s ({share:.0%}); {answers};"
    text += f" well again after {again:.1f} s"
    is_honest = flood.statuses[503] > 0 and set(flood.statuses) <= {200, 201, 429, 503}
    is_done = share >= run.bound(_LEAST_SHARE, _QUICK_SHARE)
    is_soon = is_well and again < run.bound(_AGAIN_WITHIN_S, _QUICK_AGAIN_S)
    return Figure(text=text, holds=is_honest and is_done and is_soon)


async def _receipts(pushes: _Pushes, seconds: float) -> int:
    """How many receipts come within *seconds*, once the queue has filled."""
    await asyncio.sleep(_FILLS_S)
    before = pushes.statuses[200] + pushes.statuses[201]
    await asyncio.sleep(seconds)
    return pushes.statuses[200] + pushes.statuses[201] - before


HARNESSES = [
    Harness(
        number=21,
        promise="An overload is answered 503 at once, and what can be done is done",
        mutant="no bound on pushes under way, waits without an end",
        run=_overload,
        runs_alone=True,
    ),
]
