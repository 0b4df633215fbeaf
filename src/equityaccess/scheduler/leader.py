"""The process that follows the schedule: one leads, any others wait to take over."""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import asyncpg
import prometheus_client
import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from equityaccess import clock
from equityaccess.database import Database, connect
from equityaccess.migrate import SchemaMismatch, demand_revision
from equityaccess.problems import Unavailable
from equityaccess.scheduler.lease import Lease, LeaseLost, lease_session, pause, wait_for_lease
from equityaccess.scheduler.runs import due_slots, run_job
from equityaccess.scheduler.schedule import trigger
from equityaccess.scheduler.structs import Job, JobOutcome
from equityaccess.settings import Settings

_AGAIN_S = 2.0  # after the database was away
_LONGEST_REST_S = 60.0
_AWAY = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, Unavailable)
_log = structlog.get_logger()


class Metrics:
    """What the scheduler tells Prometheus."""

    def __init__(self) -> None:
        self.registry = prometheus_client.CollectorRegistry()
        self.leading = prometheus_client.Gauge(
            "equityaccess_scheduler_leading", "1 while this process leads", registry=self.registry
        )
        self.runs = prometheus_client.Counter(
            "equityaccess_job_runs", "Runs, by how they ended", ["job", "state"], registry=self.registry
        )
        self.seconds = prometheus_client.Histogram(
            "equityaccess_job_seconds", "How long a run took", ["job"], registry=self.registry
        )


class Runner:
    """Runs jobs for the leader and knows which are under way; a frequent job that keeps failing is given rests."""

    def __init__(self, db: Database, metrics: Metrics, token: int | None = None) -> None:
        self._db = db
        self._metrics = metrics
        self._token = token
        self._ending = asyncio.Event()
        self._under_way: set[asyncio.Task[Any]] = set()
        self._settled: dict[str, datetime] = {}  # until when every slot of a job has its row
        self._failures: dict[str, int] = {}
        self._rests_until: dict[str, float] = {}

    async def run(self, job: Job) -> None:
        """Run *job* for every slot that is due; if the database is away, again until it is not."""
        if task := asyncio.current_task():
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
        while not self._ending.is_set() and not await self._is_settled(job):
            await pause(self._ending, _AGAIN_S)

    async def _is_settled(self, job: Job) -> bool:
        now = clock.now()
        if time.monotonic() < self._rests_until.get(job.name, 0):
            return True
        try:
            due = await due_slots(self._db, job, now, since=self._settled.get(job.name), token=self._token)
        except _AWAY as error:
            _log.warning("job_waits", job=job.name, error=f"{type(error).__name__}: {error}")
            return False
        for slot in due:
            if self._ending.is_set():
                return True
            outcome = await run_job(self._db, job, slot, now, self._token)
            self._tell(job, outcome)
            if outcome.state == "lost" and job.late_by_at_most_s:
                return False
        self._settled[job.name] = now
        return True

    def _tell(self, job: Job, outcome: JobOutcome) -> None:
        self._metrics.runs.labels(job.name, outcome.state).inc()
        self._metrics.seconds.labels(job.name).observe(outcome.seconds)
        if outcome.state in ("done", "failed"):
            _log.info(
                "job_ran", job=job.name, state=outcome.state, seconds=round(outcome.seconds, 3), said=outcome.said
            )
        if job.every_s:
            self._rest(job.name, failed=outcome.state in ("failed", "lost"))

    def _rest(self, name: str, *, failed: bool) -> None:
        failures = self._failures[name] = self._failures.get(name, 0) + 1 if failed else 0
        if failures:
            self._rests_until[name] = time.monotonic() + min(2.0**failures, _LONGEST_REST_S)

    async def finish(self) -> None:
        """Begin no run, and wait for those under way."""
        self._ending.set()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    async def end(self) -> None:
        """Undo the runs under way: who has lost the lease keeps nobody waiting."""
        for task in self._under_way:
            task.cancel()
        await self.finish()


async def follow_schedule(settings: Settings, jobs: Sequence[Job], stop: asyncio.Event, metrics: Metrics) -> None:
    """Lead whenever nobody else does, until *stop*; a database that is away is waited for."""
    while not stop.is_set():
        try:
            await demand_revision(settings.database_url)
            async with lease_session(settings) as session:
                if lease := await wait_for_lease(settings, session, stop):
                    await _lead(settings, jobs, stop, metrics, lease)
        except (*_AWAY, LeaseLost, SchemaMismatch) as error:
            _log.warning("scheduler_waits", error=f"{type(error).__name__}: {error}")
            await pause(stop, _AGAIN_S)


async def _lead(settings: Settings, jobs: Sequence[Job], stop: asyncio.Event, metrics: Metrics, lease: Lease) -> None:
    db = await connect(settings, name=lease.name)
    runner = Runner(db, metrics, lease.token)
    scheduler = AsyncIOScheduler(
        timezone=UTC, job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
    )
    try:
        for job in jobs:  # each begins at once, with what was missed
            scheduler.add_job(runner.run, trigger(job), args=[job], id=job.name, next_run_time=clock.now())
        scheduler.start()
        metrics.leading.set(1)
        _log.info("scheduler_leads", jobs=len(jobs), token=lease.token)
        await lease.keep(stop.wait())
        scheduler.pause()
        await lease.keep(runner.finish())
    finally:
        metrics.leading.set(0)
        if scheduler.running:
            scheduler.shutdown(wait=False)
        await runner.end()
        await db.close()
        await lease.give_back()
