"""One run of a job, and what is done about the runs that were missed."""

import time
from datetime import datetime, timedelta

import structlog

from equityaccess.database import Database
from equityaccess.scheduler import store
from equityaccess.scheduler.schedule import function_of, slots
from equityaccess.scheduler.structs import Job, JobOutcome, State

_LOOK_BACK = timedelta(days=31)  # what was missed earlier is not even written down
_LONGEST_SAID = 2_000
_log = structlog.get_logger()


class _Run:
    """A run under way: knows when it began, also by a clock that nobody sets back."""

    def __init__(self, job: Job, slot: datetime, now: datetime) -> None:
        self.job, self.slot, self.now = job, slot, now
        self._began = time.monotonic()

    def ended(self, state: State, touched: int | None = None, said: str | None = None) -> JobOutcome:
        """Its outcome, if it ends at this moment."""
        return JobOutcome(
            job=self.job.name,
            slot=self.slot,
            state=state,
            started_at=self.now,
            finished_at=self.now + timedelta(seconds=time.monotonic() - self._began),
            touched=touched,
            said=said and said[:_LONGEST_SAID],
        )


class _UndoneError(Exception):
    """Rolls back a run that keeps nothing."""

    def __init__(self, state: State) -> None:
        super().__init__(state)
        self.state = state


async def run_job(db: Database, job: Job, slot: datetime, now: datetime) -> JobOutcome:
    """Run *job* for *slot* unless it has run; its effect and its ``job_run`` row are one transaction.

    A job that raises is undone and leaves a row that says why; one with nothing to do leaves no row.
    """
    run = _Run(job, slot, now)
    try:
        return await _effect(db, run)
    except _UndoneError as undone:
        return run.ended(undone.state)
    except Exception as error:
        _log.exception("job_failed", job=job.name, slot=slot.isoformat())
        failed = run.ended("failed", said=f"{type(error).__name__}: {error}")
    try:
        async with db.transaction(role="aggregator") as tx:
            await store.record(tx, failed)
    except Exception:  # most often the database is away, which is also why the job failed
        _log.exception("job_failure_not_recorded", job=job.name, slot=slot.isoformat())
    return failed


async def _effect(db: Database, run: _Run) -> JobOutcome:
    function = function_of(run.job)
    async with db.transaction(role="aggregator") as tx:
        await store.take_turn(tx, run.job.name)
        if await store.has_run(tx, run.job.name, run.slot):
            raise _UndoneError("not_ours")
        done = await function(tx, run.now)
        if done is None:
            raise _UndoneError("nothing")
        outcome = run.ended("failed" if done.failed else "done", done.touched, done.said)
        if not await store.record(tx, outcome):  # somebody wrote the row without taking a turn: theirs stands
            raise _UndoneError("not_ours")
        return outcome


async def claim_missed(db: Database, job: Job, now: datetime) -> datetime | None:
    """The slot of *job* that was missed and should run now; those that will not run are written down as skipped.

    Of several missed slots only the latest runs, and only if it is not too late. A job with short intervals has no
    missed slots, and one that never ran has one at most.
    """
    if job.cron is None:
        return None
    async with db.transaction(role="aggregator") as tx:
        last = await store.last_slot(tx, job.name)
        late_by = timedelta(seconds=job.late_by_at_most_s)
        missed = list(slots(job, max(last or now - late_by, now - _LOOK_BACK), now))
        if not missed:
            return None
        due = missed.pop() if now - missed[-1] <= late_by else None
        said = f"missed; the run of {due:%Y-%m-%d %H:%M} UTC stands for it" if due else "missed, and too late to run"
        if last and missed:
            await store.skip(tx, job.name, missed, now, said)
        return due
