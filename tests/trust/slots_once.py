"""Promise 24: with several schedulers every slot runs, and runs once, whatever dies or freezes.

Method: three scheduler processes follow one schedule, two jobs a second, each slot of which counts. Every five seconds
one process is killed (-9) and started again; once the leader is stopped (SIGSTOP) in the middle of a run, and wakes
after another has taken its place. Each run leaves a row in a table of its own, with the token of its leader.
Figure: slots that ran of slots that were due; ``dup``, effects that no slot answers for; ``stale``, effects that came
after those of a later leader; how long nothing ran while the leader was frozen, at most the lease and three seconds.
Mutant: every process leads, and nobody looks whether the slot has had its run: a job store shared by plain schedulers.
"""

import asyncio
import contextlib
import random
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import uvloop

from equityaccess.database import Query, Transaction
from equityaccess.outcome import Done
from equityaccess.scheduler import leader, lease, store
from equityaccess.scheduler.leader import Metrics, follow_schedule
from equityaccess.scheduler.structs import Job, JobOutcome
from tests.trust import world
from tests.trust.harness import Figure, Harness, Run

_JOBS = [
    Job(name=name, run=f"{__spec__.name}:tick", why="a harness", every_s=1, late_by_at_most_s=3600, missed="each")
    for name in ("tick", "tock")
]
_QUICK_LEASE_S = 2.0
_GRACE_S, _QUICK_GRACE_S = 3.0, 15.0  # to see that the lease has run out, to connect, to run
_KILL_EVERY_S = 5.0
_TABLE = """
    CREATE TABLE trust_effect (effect bigint GENERATED ALWAYS AS IDENTITY, leader text, finished boolean);
    GRANT SELECT, INSERT, UPDATE ON trust_effect TO equityaccess_aggregator"""
_BEGIN = Query(
    "begin", "INSERT INTO trust_effect (leader) SELECT current_setting('application_name') RETURNING effect", ()
)
_END = Query("end", "UPDATE trust_effect SET finished = true WHERE effect = $1", ("effect",))
# Each effect answers for one slot; a token is greater than all before it, so its effects come after theirs.
_COUNT = """
    WITH ran AS (SELECT CAST(said AS bigint) AS effect, slot FROM job_run WHERE state = 'done'),
         effect AS (SELECT e.effect, e.finished, e.leader, max(CAST(substring(leader FROM '[0-9]+$') AS bigint)) OVER (
                             ORDER BY e.effect) AS latest FROM trust_effect e)
    SELECT (SELECT count(*) FROM ran WHERE slot >= $1 AND slot < $2) AS ran,
           (SELECT count(*) FROM effect WHERE effect NOT IN (SELECT effect FROM ran) OR finished IS NOT true) AS dup,
           (SELECT count(*) FROM effect WHERE CAST(substring(leader FROM '[0-9]+$') AS bigint) < latest) AS stale"""
_FIRST = "SELECT max(first) FROM (SELECT min(slot) AS first FROM job_run GROUP BY job) AS firsts HAVING count(*) = 2"
_IN_A_RUN = """
    SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'equityaccess scheduler ' || $1
                      AND state = 'idle in transaction' AND query LIKE '%trust_effect%')"""


async def tick(tx: Transaction, now: datetime) -> Done:
    """The job: an effect in two halves, with time between them to be killed or frozen in."""
    effect = await tx.value(_BEGIN)
    await asyncio.sleep(0.1)
    await tx.execute(_END, effect=effect)
    return Done(touched=1, said=str(effect))


def everybody_leads() -> None:
    """The seeded defect."""

    class Granted(lease.Lease):
        async def keep(self, until: Any) -> None:
            await until

    async def granted(_settings: Any, session: Any, _stop: Any) -> lease.Lease:
        return Granted(session, 0)

    async def has_run(_tx: Transaction, _job: str, _slot: datetime) -> bool:
        await asyncio.sleep(0.4)  # of three who each begin at some moment of the second, two now overlap
        return False

    async def leads(_tx: Transaction, _token: int | None) -> bool:
        return True

    written = store.record

    async def record(tx: Transaction, outcome: JobOutcome, _token: int | None) -> bool:
        await written(tx, outcome, None)
        return True

    leader.wait_for_lease = granted
    store.has_run, store.leads, store.record = has_run, leads, record


async def _follow(url: str) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await follow_schedule(world.settings_for(url, pool_size=4), _JOBS, stop, Metrics())


class _Schedulers:
    """Three processes, any of which may be killed or frozen."""

    def __init__(self, at: Path, url: str, *flags: str) -> None:
        self._program = [sys.executable, "-m", __spec__.name, url, *flags]
        self._log = at / "schedulers.log"
        self.processes = [self._start() for _ in range(3)]
        self.kills = 0

    def _start(self) -> "subprocess.Popen[bytes]":
        with self._log.open("ab") as log:
            return subprocess.Popen(self._program, stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def kill(self, process: "subprocess.Popen[bytes]") -> None:
        """Kill *process*, and start another for it."""
        process.kill()
        process.wait()
        self.processes[self.processes.index(process)] = self._start()
        self.kills += 1

    def leader(self, holder: str) -> "subprocess.Popen[bytes] | None":
        """The process that *holder*, a row of the lease, names."""
        return next((one for one in self.processes if holder.endswith(f":{one.pid}")), None)

    def end(self) -> None:
        """Tell all to stop, and see that they have."""
        for process in self.processes:
            process.send_signal(signal.SIGCONT)
            process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


async def _freeze(schedulers: _Schedulers, watch: "asyncpg.Connection[Any]", lease_s: float) -> float:
    """Stop the leader in the middle of a run, until another has led for a while; how long nothing ran meanwhile."""
    while True:
        token, holder = await watch.fetchrow("SELECT token, holder FROM job_lease")
        if (frozen := schedulers.leader(holder)) and await watch.fetchval(_IN_A_RUN, str(token)):
            break
        await asyncio.sleep(0.01)
    frozen.send_signal(signal.SIGSTOP)
    began = asyncio.get_running_loop().time()
    done = "SELECT count(*) FROM job_run WHERE state = 'done'"
    await asyncio.sleep(0.1)  # a commit that was on its way
    before = await watch.fetchval(done)
    await world.until(lambda: watch.fetchval(f"SELECT ({done}) <> $1", before))
    silent = asyncio.get_running_loop().time() - began
    await asyncio.sleep(lease_s)
    frozen.send_signal(signal.SIGCONT)
    return silent


async def _torment(
    schedulers: _Schedulers, watch: "asyncpg.Connection[Any]", until: float, *, lease_s: float, kill_every_s: float
) -> float:
    """Kill one of the three again and again, each third time the leader, and freeze the leader once."""
    chance = random.Random(24)
    loop = asyncio.get_running_loop()
    silent = await _freeze(schedulers, watch, lease_s)
    while loop.time() + kill_every_s < until:
        holder = await watch.fetchval("SELECT holder FROM job_lease")
        victim = schedulers.leader(holder) if schedulers.kills % 3 == 0 else None
        schedulers.kill(victim or chance.choice(schedulers.processes))
        await asyncio.sleep(kill_every_s)
    return silent


@contextlib.asynccontextmanager
async def _database(at: Path) -> "AsyncIterator[tuple[str, asyncpg.Connection[Any]]]":
    async with world.seeded(at, durable=False) as url:
        watch = await asyncpg.connect(url)
        await watch.execute(_TABLE)
        try:
            yield url, watch
        finally:
            await watch.close()


async def _run(run: Run) -> Figure:
    seconds = 20 if run.mutant else run.size(100, 8)  # a defect has to show on a busy machine too
    lease_s = _QUICK_LEASE_S if run.quick else lease.LEASE_S
    flags = ["--mutant"] * run.mutant + ["--quick"] * run.quick
    with world.folder() as at:
        async with _database(at) as (url, watch):
            schedulers = _Schedulers(at, url, *flags)
            try:
                async with asyncio.timeout(60):
                    await world.until(lambda: watch.fetchval(_FIRST))
                first = await watch.fetchval(_FIRST)
                last = first + timedelta(seconds=seconds)
                due = seconds * len(_JOBS)
                until = asyncio.get_running_loop().time() + seconds
                silent = 0.0
                if not run.mutant:  # of whom nobody is the leader
                    every = _KILL_EVERY_S if not run.quick else 1.5
                    silent = await _torment(schedulers, watch, until, lease_s=lease_s, kill_every_s=every)
                await asyncio.sleep(max(0.0, until - asyncio.get_running_loop().time()))
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(lease_s + 15):
                        await world.until(
                            lambda: watch.fetchval(f"SELECT ran = $3 FROM ({_COUNT}) c", first, last, due)
                        )
            finally:
                schedulers.end()
            seen = await watch.fetchrow(_COUNT, first, last)
    is_short = run.mutant or 0 < silent <= lease_s + run.bound(_GRACE_S, _QUICK_GRACE_S)
    return Figure(
        text=f"slots={seen['ran']}/{due} dup={seen['dup']} stale={seen['stale']} kills={schedulers.kills} "
        f"frozen={int(silent > 0)} silent={silent:.1f}s lease={lease_s:.0f}s",
        holds=seen["ran"] == due and seen["dup"] == 0 and seen["stale"] == 0 and is_short,
    )


HARNESSES = [
    Harness(
        number=24,
        promise="Of three schedulers, killed and frozen, each slot runs once and none is missed",
        mutant="every scheduler leads, and nobody looks whether a slot has had its run",
        run=_run,
        runs_alone=True,
    )
]


if __name__ == "__main__":
    if "--mutant" in sys.argv:
        everybody_leads()
    if "--quick" in sys.argv:
        lease.LEASE_S = _QUICK_LEASE_S
    uvloop.run(_follow(sys.argv[1]))
