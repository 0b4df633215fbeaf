"""The process that follows the schedule: one leads, any others wait to take over."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any

import asyncpg
import prometheus_client
import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from equityaccess import clock
from equityaccess.database import Database, connect, plain_url
from equityaccess.migrate import SchemaMismatch, demand_revision
from equityaccess.problems import Unavailable
from equityaccess.scheduler.runs import claim_missed, run_job
from equityaccess.scheduler.schedule import current_slot, trigger
from equityaccess.scheduler.structs import Job
from equityaccess.settings import Settings

_LOCK = 0x45415F53  # "EA_S": the session that holds it leads
_HEARTBEAT_S = 0.5
_SILENCE_S = 5.0  # a heartbeat without an answer for so long: the place is lost
_PATIENCE_S = 30.0  # with the runs under way when that happens
_LONGEST_REST_S = 60.0
_LOST = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, Unavailable, SchemaMismatch)
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

    def __init__(self, db: Database, metrics: Metrics) -> None:
        self._db = db
        self._metrics = metrics
        self._under_way: set[asyncio.Task[Any]] = set()
        self._failures: dict[str, int] = {}
        self._rests_until: dict[str, float] = {}

    async def run(self, job: Job, slot: datetime | None = None) -> None:
        """Run *job*, for the slot of this moment unless another is given."""
        if time.monotonic() < self._rests_until.get(job.name, 0):
            return
        if task := asyncio.current_task():
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
        now = clock.now()
        outcome = await run_job(self._db, job, slot or current_slot(job, now), now)
        self._metrics.runs.labels(job.name, outcome.state).inc()
        self._metrics.seconds.labels(job.name).observe(outcome.seconds)
        if outcome.state in ("done", "failed"):
            _log.info(
                "job_ran", job=job.name, state=outcome.state, seconds=round(outcome.seconds, 3), said=outcome.said
            )
        if job.every_s:
            self._rest(job.name, failed=outcome.state == "failed")

    def _rest(self, name: str, *, failed: bool) -> None:
        failures = self._failures[name] = self._failures.get(name, 0) + 1 if failed else 0
        if failures:
            self._rests_until[name] = time.monotonic() + min(2.0**failures, _LONGEST_REST_S)

    async def finish(self, patience_s: float | None) -> None:
        """Wait for the runs under way, and end those that take longer than *patience_s*."""
        if self._under_way:
            _, late = await asyncio.wait(self._under_way, timeout=patience_s)
            for task in late:
                task.cancel()


async def follow_schedule(settings: Settings, jobs: Sequence[Job], stop: asyncio.Event, metrics: Metrics) -> None:
    """Lead whenever nobody else does, until *stop*; a database that is away is waited for."""
    while not stop.is_set():
        try:
            await demand_revision(settings.database_url)
            async with _leadership(settings, stop) as session:
                if not stop.is_set():
                    await _lead(settings, jobs, stop, metrics, session)
        except _LOST as error:
            _log.warning("scheduler_waits", error=f"{type(error).__name__}: {error}")
            await _pause(stop, _HEARTBEAT_S * 4)


@contextlib.asynccontextmanager
async def _leadership(settings: Settings, stop: asyncio.Event) -> "AsyncIterator[asyncpg.Connection[Any]]":
    """A session that holds the lock: the place is lost with the session, and never without it."""
    session = await asyncpg.connect(
        plain_url(settings.database_url),
        timeout=10,
        server_settings={
            "application_name": "equityaccess scheduler",
            # The server must notice a leader that fell off the network before the next day.
            "tcp_keepalives_idle": "10",
            "tcp_keepalives_interval": "5",
            "tcp_keepalives_count": "3",
        },
    )
    try:
        while not stop.is_set() and not await session.fetchval("SELECT pg_try_advisory_lock($1)", _LOCK):
            await _pause(stop, _HEARTBEAT_S)
        yield session
    finally:
        session.terminate()


async def _lead(
    settings: Settings,
    jobs: Sequence[Job],
    stop: asyncio.Event,
    metrics: Metrics,
    session: "asyncpg.Connection[Any]",
) -> None:
    db = await connect(settings)
    runner = Runner(db, metrics)
    scheduler = AsyncIOScheduler(
        timezone=UTC, job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
    )
    try:
        for job in jobs:
            scheduler.add_job(runner.run, trigger(job), args=[job], id=job.name)
            if missed := await claim_missed(db, job, clock.now()):
                scheduler.add_job(runner.run, args=[job, missed])
        scheduler.start()
        metrics.leading.set(1)
        _log.info("scheduler_leads", jobs=len(jobs))
        while not stop.is_set():
            async with asyncio.timeout(_SILENCE_S):
                await session.fetchval("SELECT 1")
            await _pause(stop, _HEARTBEAT_S)
    finally:
        metrics.leading.set(0)
        if scheduler.running:
            scheduler.pause()
            await runner.finish(None if stop.is_set() else _PATIENCE_S)
            scheduler.shutdown(wait=False)
        await db.close()


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
