"""Promise 22: a deployment loses nothing.

Method: two processes of ``equityaccess serve`` on one database, eight districts that push to whichever takes the
connection. One after the other is told to stop (SIGTERM), waited for, and started again, under load. Every client sends
again what was not answered or answered 503. At the end every receipt is held against the database.
Figure: restarts, pushes acknowledged, answers other than a receipt, 409 and 503, receipts without their observation and
observations done twice; how many requests got no answer at all and were sent again; the longest a stop took.
Mutant: a stop that waits for nothing and has no last word for those it cuts off.
"""

import asyncio
import itertools
import time

from equityaccess.commands import workers
from equityaccess.database import Database
from equityaccess.running.observing import Exchange
from equityaccess.submissions.judge import Judge, Verdict
from tests.trust import clients, world
from tests.trust.harness import Figure, Harness, Run

_ACKED_BETWEEN = 20
_WITHIN_S = 60.0
_SLOW_S = 0.5


def stop_at_once() -> None:
    """A seeded defect: nothing under way is waited for. Pushes take longer, so that some always are."""
    judge = Judge.judge

    async def slowly(self: Judge, db: Database) -> Verdict:
        await asyncio.sleep(_SLOW_S)
        return await judge(self, db)

    async def say_nothing(_: Exchange) -> None:
        pass

    Judge.judge = slowly  # type: ignore[method-assign]
    Exchange.cut_off = say_nothing  # type: ignore[method-assign]
    workers._GRACE_S = 0  # type: ignore[misc]


async def _rolling(run: Run) -> Figure:
    restarts = run.size(20, 2)
    defect = f"{__name__}:stop_at_once" if run.mutant else ""
    slowest = 0.0
    with world.folder() as at:
        async with world.seeded(at) as url:
            secrets = await clients.keys(url, clients.DISTRICTS)
            ports = [world.free_port(), world.free_port()]
            services = [world.start(at, url, "serve", port=port, defect=defect) for port in ports]
            turns = itertools.cycle(ports)
            load = clients.Load(lambda: next(turns))
            try:
                for service in services:
                    await world.ready(service)
                async with load.running(secrets):
                    for number in range(restarts):
                        await load.more(_ACKED_BETWEEN, _WITHIN_S)
                        began = time.monotonic()
                        await asyncio.to_thread(world.stop, services[number % 2])
                        slowest = max(slowest, time.monotonic() - began)
                        services[number % 2] = world.start(at, url, "serve", port=ports[number % 2], defect=defect)
                        await world.ready(services[number % 2])
                    await load.more(_ACKED_BETWEEN, _WITHIN_S)
            finally:
                for service in services:
                    world.stop(service)
            seen = await clients.tally(url, load)
    text = f"restarts={restarts} failed={len(load.unexpected)} {seen}; {load.cut} requests without an answer were sent"
    text += f" again; the slowest stop took {slowest:.1f} s"
    if load.unexpected:
        text += f"; such as {load.unexpected[0]}"
    return Figure(text=text, holds=seen.is_clean and not load.unexpected)


HARNESSES = [
    Harness(
        number=22,
        promise="A deployment loses nothing: processes are replaced under load",
        mutant="a stop that waits for nothing",
        run=_rolling,
    ),
]
