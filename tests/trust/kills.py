"""Promises 1 and 2: an acknowledged push survives a crash of the server, and a crash of the database.

Method: eight districts push, each push one observation that no other speaks of, under an Idempotency-Key of its own.
Meanwhile ``equityaccess serve``, or the postmaster of its PostgreSQL, is killed with -9 again and again, never before
pushes are acknowledged since the last time. A client that does not know what became of a push sends it again under
the same key. At the end every receipt is held against the database, as Jepsen's set checker does.
Figure: kills, pushes acknowledged, and of these lost; pushes done twice; observations that nobody sent. For the
database also how long after the kill the same process of the service was ready again; most of it is PostgreSQL's own.
Mutants: an answer that is sent 50 ms before the commit; ``synchronous_commit = off`` with the check of it taken out.
"""

import asyncio
import contextlib
import os
import random
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import asyncpg

from equityaccess import database, embedded
from equityaccess.database import Database, Transaction
from equityaccess.submissions.judge import Judge, Verdict
from tests.trust import clients, world
from tests.trust.harness import Figure, Harness, Run

_ACKED_BETWEEN = 25  # pushes acknowledged between two kills, at least
WITHIN_S = 60.0
_EARLY_S = 0.05
_READY_P95_S = 2.0
# As docs/running.md advises: after a crash PostgreSQL has the disk write everything at once, not file by file.
_QUICK = {"recovery_init_sync_method": "syncfs"} if sys.platform == "linux" else {}
_FORGETFUL = {"synchronous_commit": "off", "wal_writer_delay": "10s"}


def acknowledge_early() -> None:
    """A seeded defect: the answer leaves before the transaction is committed."""
    judge, write_down = Judge.judge, Judge._write_down

    async def early(self: Judge, db: Database) -> Verdict:
        told: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()

        async def tell_and_wait(tx: Transaction, verdict: Verdict) -> None:
            await write_down(self, tx, verdict)
            told.set_result(verdict)
            await asyncio.sleep(_EARLY_S)

        self._write_down = tell_and_wait  # type: ignore[method-assign]
        judging = asyncio.create_task(judge(self, db))
        await asyncio.wait({judging, told}, return_when=asyncio.FIRST_COMPLETED)
        return told.result() if told.done() else await judging

    Judge.judge = early  # type: ignore[method-assign]


def demand_nothing() -> None:
    """A seeded defect: a server that may forget is taken as it is."""

    async def demand(_: object) -> None:
        pass

    database._demand_durability = demand


async def _kill_server(run: Run) -> Figure:
    kills = run.size(50, 3)
    defect = f"{__name__}:acknowledge_early" if run.mutant else ""
    with world.folder() as at:
        async with world.seeded(at) as url:
            secrets = await clients.keys(url, clients.DISTRICTS)
            port = world.free_port()
            service = world.start(at, url, "serve", port=port, defect=defect)
            load = clients.Load(lambda: port)
            try:
                await world.ready(service)
                async with load.running(secrets):
                    for _ in range(kills):
                        await load.more(_ACKED_BETWEEN, WITHIN_S)
                        await asyncio.sleep(random.random() * 0.1)
                        service.process.kill()
                        service.process.wait()
                        service = world.start(at, url, "serve", port=port, defect=defect)
                    await load.more(_ACKED_BETWEEN, WITHIN_S)
            finally:
                world.stop(service)
            seen = await clients.tally(url, load)
    return _figure(kills, seen, load)


def _figure(kills: int, seen: clients.Tally, load: clients.Load, more: str = "", *, holds: bool = True) -> Figure:
    text = f"kills={kills} {seen}; {load.replayed} retries found their push done{more}"
    if load.unexpected:
        text += f"; {len(load.unexpected)} other answers, such as {load.unexpected[0]}"
    return Figure(text=text, holds=holds and seen.is_clean and not load.unexpected)


class Postgres:
    """A PostgreSQL that can be killed, and started again over the same files."""

    def __init__(self, at: Path, settings: Mapping[str, str]) -> None:
        self._data, self._settings = at / "pg", settings
        self._life = contextlib.ExitStack()
        self.url = ""

    async def start(self) -> None:
        """Start it; the children of one that was killed may hold its memory for a moment longer."""
        server = embedded.postgres(self._data, settings=self._settings)
        async with asyncio.timeout(WITHIN_S):
            while True:
                with contextlib.suppress(embedded.NoPostgres):
                    self.url = await asyncio.to_thread(self._life.enter_context, server)
                    break
                await asyncio.sleep(0.02)
                server = embedded.postgres(self._data, settings=self._settings)

    async def restart(self, settings: Mapping[str, str]) -> None:
        """End it in order, and start it with other *settings*."""
        self.stop()
        self._settings = settings
        await self.start()

    def kill(self) -> None:
        """End the postmaster with -9."""
        postmaster = int((self._data / "postmaster.pid").read_text().split()[0])
        os.kill(postmaster, signal.SIGKILL)
        self.stop()

    def stop(self) -> None:
        """End it in order, if it runs."""
        self._life.close()


async def _kill_database(run: Run) -> Figure:
    kills = run.size(20, 2)
    down: list[float] = []  # from the kill until PostgreSQL takes connections again
    away: list[float] = []  # from then until the service has acknowledged a push and says that it is ready
    with world.folder() as at:
        world.copy_prepared(at)
        postgres = Postgres(at, _QUICK | (_FORGETFUL if run.mutant else {}))
        await postgres.start()
        try:
            secrets = await clients.keys(postgres.url, clients.DISTRICTS)
            await _checkpoint(postgres.url)  # also a forgetful server keeps what was there before
            defect = f"{__name__}:demand_nothing" if run.mutant else ""
            async with world.serving(at, postgres.url, defect=defect) as service:
                load = clients.Load(lambda: service.port)
                async with load.running(secrets):
                    for _ in range(kills):
                        await load.more(_ACKED_BETWEEN, WITHIN_S)
                        await asyncio.sleep(random.random() * 0.1)
                        began = time.monotonic()
                        postgres.kill()
                        await postgres.start()
                        down.append(time.monotonic() - began)
                        await ready_again(service.port, load)
                        away.append(time.monotonic() - began - down[-1])
                    await load.more(_ACKED_BETWEEN, WITHIN_S)
                is_same = service.process.poll() is None
                seen = await clients.tally(postgres.url, load)
        finally:
            postgres.stop()
    ready = _p95([one + other for one, other in zip(down, away, strict=True)])
    more = f"; ready again p95 {ready:.1f} s after the kill, {_p95(away):.1f} s after PostgreSQL was"
    if not is_same:
        more += "; but the service had to be started again"
    # Two kills have no p95, and a busy machine that runs the quick form is no reason to fail.
    return _figure(kills, seen, load, more, holds=is_same and (run.quick or ready < _READY_P95_S))


def _p95(seconds: Sequence[float]) -> float:
    return sorted(seconds)[-(-len(seconds) * 95 // 100) - 1]


async def _checkpoint(url: str) -> None:
    admin = await asyncpg.connect(url)
    await admin.execute("CHECKPOINT")
    await admin.close()


async def ready_again(port: int, load: clients.Load) -> None:
    """Return when a push is acknowledged and the service says that it is ready. Raises TimeoutError."""
    await load.more(1, WITHIN_S)
    async with asyncio.timeout(WITHIN_S):
        while True:
            connection = await clients.connect(port)
            await connection.send(b"", target="GET /health/ready")
            status = (await connection.answer()).status
            connection.hang_up()
            if status == 200:
                return
            await asyncio.sleep(0.02)


HARNESSES = [
    Harness(
        number=1,
        promise="An acknowledged push survives a crash of the server",
        mutant="the answer is sent before the commit",
        run=_kill_server,
    ),
    Harness(
        number=2,
        promise="An acknowledged push survives a crash of the database, and the service recovers by itself",
        mutant="synchronous_commit = off, and nobody checks",
        run=_kill_database,
        runs_alone=True,
    ),
]
