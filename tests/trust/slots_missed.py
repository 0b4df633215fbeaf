"""Promise 25: after a day without a scheduler every slot that was due is accounted for, and the work begins at once.

Method: the jobs that ship have run until 26 hours ago; then the real scheduler is started on that database. Beside it,
by a clock that is set: further jobs (hourly, each quarter of an hour, once a week; the latest slot for all, or each)
are down for 26 hours, from instants drawn at random and from around every clock change of eleven years.
Figure: slots due; how many ran, were left to a later run, or were too late; ``unrecorded``, those without a row of
their own or whose row names a run that is not there; seconds until the first missed run had ended.
Mutant: what was missed by more than a second is dropped, as APScheduler does unless it is told otherwise.
"""

import asyncio
import random
import re
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import msgspec

from equityaccess import clock, database
from equityaccess.database import Database, Transaction
from equityaccess.outcome import Done
from equityaccess.scheduler import leader
from equityaccess.scheduler.runs import due_slots, run_job
from equityaccess.scheduler.schedule import current_slot, read_schedule, slots
from equityaccess.scheduler.structs import Job
from tests.trust import world
from tests.trust.harness import Figure, Harness, Run
from tests.trust.slots_clock import edges

_DOWN = timedelta(hours=26)
_SOON_S = 60.0
_STANDS_FOR_IT = re.compile(r"the run of (.{16}) UTC stands for it")


def _job(name: str, cron: str, late_by: timedelta, **more: Any) -> Job:
    run, late = f"{__spec__.name}:quiet", int(late_by.total_seconds())
    return Job(name=name, run=run, why="a harness", cron=cron, late_by_at_most_s=late, **more)


_JOBS = [
    _job("hourly", "0 * * * *", timedelta(hours=2)),
    _job("hourly-each", "30 * * * *", timedelta(days=7), missed="each"),
    _job("quarterly-each", "*/15 * * * *", timedelta(hours=3), missed="each"),
    _job("nightly", "30 9 * * *", timedelta(hours=12)),
    _job("never-late", "5 8 * * *", timedelta(minutes=1)),
    _job("weekly", "0 10 * * sun", timedelta(days=3)),
]


async def quiet(tx: Transaction, now: datetime) -> Done:
    """The job of the set clock: what it does is of no interest here."""
    return Done(touched=0, said="done")


async def _forgets(db: Database, job: Job, now: datetime, **_known: Any) -> list[datetime]:
    slot = current_slot(job, now)
    return [slot] if now - slot <= timedelta(seconds=1) else []


def forget_what_was_missed() -> None:
    """The seeded defect."""
    leader.due_slots = _forgets


async def _unrecorded(
    watch: "asyncpg.Connection[Any]", jobs: Sequence[Job], since: datetime, until: datetime, seen: Counter[str]
) -> int:
    """How many slots of *jobs* have no row, or one that names a run which is not there; *seen* counts the others."""
    missing = 0
    for job in jobs:
        rows = {
            row["slot"]: row
            for row in await watch.fetch("SELECT slot, state, said FROM job_run WHERE job = $1", job.name)
        }
        for slot in slots(job, since, until):
            row = rows.get(slot)
            stands = row and _STANDS_FOR_IT.search(row["said"] or "")
            if row is None:
                missing += 1
            elif stands:
                run = rows.get(datetime.strptime(stands[1], "%Y-%m-%d %H:%M").replace(tzinfo=UTC))
                is_run = run is not None and run["state"] == "done" and run["slot"] > slot
                missing += not is_run
                seen["stood for"] += is_run
            else:
                seen["ran" if row["state"] == "done" else "too late"] += 1
    return missing


async def _for_real(
    url: str, watch: "asyncpg.Connection[Any]", seen: Counter[str], *, mutant: bool
) -> tuple[int, float]:
    """The scheduler as it ships, after a day down: slots unrecorded, and seconds until the first missed run ended."""
    jobs = [job for job in read_schedule() if job.late_by_at_most_s]
    stopped = clock.now() - _DOWN
    db = await database.connect(world.settings_for(url))
    for job in jobs:
        await run_job(db, job, current_slot(job, stopped), stopped)
    await db.close()
    defect = f"{__spec__.name}:forget_what_was_missed" if mutant else ""
    began = clock.now()
    ran = "SELECT min(finished_at) FROM job_run WHERE state = 'done' AND started_at >= $1"
    with world.folder() as at:
        service = world.start(at, url, "scheduler", defect=defect)
        try:
            async with asyncio.timeout(10 if mutant else _SOON_S):
                await world.until(lambda: watch.fetchval(ran, began))
                seconds = (await watch.fetchval(ran, began) - began).total_seconds()
                due = sum(1 for job in jobs for _ in slots(job, stopped, began))
                recorded = "SELECT count(*) = $1 FROM job_run WHERE job = ANY($2) AND slot > $3 AND slot <= $4"
                names = [job.name for job in jobs]
                await world.until(lambda: watch.fetchval(recorded, due, names, stopped, began))
        except TimeoutError:
            seconds = float("inf")
        finally:
            world.stop(service)
    return await _unrecorded(watch, jobs, stopped, began, seen), seconds


async def _by_a_set_clock(
    db: Database, watch: "asyncpg.Connection[Any]", seen: Counter[str], count: int, *, mutant: bool
) -> int:
    """Days down, one after another from *count* instants: slots unrecorded."""
    chance = random.Random(25)
    found = [edge - timedelta(hours=13) for edge in edges(2024, 2034)]
    found += [datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=chance.randrange(5_000_000)) for _ in range(count)]
    missing = 0
    for number, stopped in enumerate(chance.sample(found, count)):
        jobs = [msgspec.structs.replace(job, name=f"{job.name}-{number}") for job in _JOBS]
        now = stopped + _DOWN
        for job in jobs:
            await run_job(db, job, current_slot(job, stopped), stopped)
            for slot in await (_forgets if mutant else due_slots)(db, job, now):
                await run_job(db, job, slot, now)
        missing += await _unrecorded(watch, jobs, stopped, now, seen)
    return missing


async def _run(run: Run) -> Figure:
    seen: Counter[str] = Counter()
    with world.folder() as at:
        async with world.seeded(at) as url:
            watch = await asyncpg.connect(url)
            missing, seconds = await _for_real(url, watch, seen, mutant=run.mutant)
            db = await database.connect(world.settings_for(url))
            downs = run.size(40, 5)
            missing += await _by_a_set_clock(db, watch, seen, downs, mutant=run.mutant)
            await db.close()
            await watch.close()
    return Figure(
        text=f"down=26h times={downs + 1} due={seen.total() + missing} ran={seen['ran']} "
        f"stood_for={seen['stood for']} too_late={seen['too late']} unrecorded={missing} first={seconds:.1f}s",
        holds=missing == 0 and seconds <= _SOON_S and seen["ran"] > 0,
    )


HARNESSES = [
    Harness(
        number=25,
        promise="After 26 hours without a scheduler every slot has run or says why not, the first within a minute",
        mutant="what was missed by more than a second is dropped",
        run=_run,
        runs_alone=True,
    )
]
