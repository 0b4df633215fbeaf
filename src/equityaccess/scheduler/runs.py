"""One run of a job, and what is done about the runs that were missed."""

import time
from datetime import datetime, timedelta

import structlog

from equityaccess.audit import store as audit
from equityaccess.audit.structs import Entry, Origin
from equityaccess.database import Database
from equityaccess.scheduler import store
from equityaccess.scheduler.schedule import current_slot, function_of, slots
from equityaccess.scheduler.structs import Job, JobOutcome, State

_LOOK_BACK = timedelta(days=31)  # what was missed earlier is not even written down
_INSTANT = timedelta(microseconds=1)
_LONGEST_SAID = 2_000
_SCHEDULER = Origin(actor="the scheduler")
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


async def run_job(db: Database, job: Job, slot: datetime, now: datetime, token: int | None = None) -> JobOutcome:
    """Run *job* for *slot* unless it has run; its effect and its ``job_run`` row are one transaction.

    A job that raises is undone and leaves a row that says why. One with nothing to do leaves a row only if its slots
    can be missed. Nothing stays of a run for a leader whose *token* no longer stands.
    """
    run = _Run(job, slot, now)
    try:
        return await _effect(db, run, token)
    except _UndoneError as undone:
        if undone.state == "not_ours" or not job.late_by_at_most_s:
            return run.ended(undone.state)
        ended = run.ended("done", touched=0, said="there was nothing to do")
    except Exception as error:
        _log.exception("job_failed", job=job.name, slot=slot.isoformat())
        ended = run.ended("failed", said=f"{type(error).__name__}: {error}")
    try:
        async with db.transaction(role="aggregator") as tx:
            return ended if await store.record(tx, ended, token) else run.ended("not_ours")
    except Exception:  # most often the database is away, which is also why the job failed
        _log.exception("job_end_not_recorded", job=job.name, slot=slot.isoformat())
        return run.ended("lost", said=ended.said)


async def _effect(db: Database, run: _Run, token: int | None) -> JobOutcome:
    function = function_of(run.job)
    async with db.transaction(role="aggregator", patience_s=store.PATIENCE.total_seconds()) as tx:
        await store.take_turn(tx, run.job.name)
        if await store.has_run(tx, run.job.name, run.slot) or not await store.leads(tx, token):
            raise _UndoneError("not_ours")
        done = await function(tx, run.now)
        if done is None:
            raise _UndoneError("nothing")
        outcome = run.ended("failed" if done.failed else "done", done.touched, done.said)
        if not await store.record(tx, outcome, token):  # somebody wrote the row without taking a turn, or leads by now
            raise _UndoneError("not_ours")
        if run.job.cron:  # what runs every few seconds only carries on what others began, and they are on record
            await audit.write(tx, _entry(outcome))
        return outcome


def _entry(outcome: JobOutcome) -> Entry:
    after = {"state": outcome.state, "touched": outcome.touched, "said": outcome.said}
    place = f"{outcome.job} {outcome.slot:%Y-%m-%dT%H:%M:%SZ}"
    return Entry(origin=_SCHEDULER, action="run_job", object=place, after=after)


async def due_slots(
    db: Database, job: Job, now: datetime, *, since: datetime | None = None, token: int | None = None
) -> list[datetime]:
    """The slots of *job* that have had no run and should have it now, oldest first; up to *since* all is settled.

    Those missed that will not run are written down as skipped: they are too late, or the latest stands for them. A job
    without ``late_by_at_most_s`` has no missed slots, and one that never ran has one at most.
    """
    if not job.late_by_at_most_s:
        return [current_slot(job, now)]
    late_by = timedelta(seconds=job.late_by_at_most_s)
    async with db.transaction(role="aggregator") as tx:
        first = since or await store.first_slot(tx, job.name)
        after = since or (max(first - _INSTANT, now - _LOOK_BACK) if first else now - late_by)
        recorded = await store.recorded_slots(tx, job.name, after, now)
        missed = [slot for slot in slots(job, after, now) if slot not in recorded]
        due = [slot for slot in missed if now - slot <= late_by]
        if job.missed == "latest" or not first:
            due = due[-1:]
        passed_over = missed[: len(missed) - len(due)]
        if first and passed_over:
            stands_for_it = due and job.missed == "latest"
            said = f"the run of {due[0]:%Y-%m-%d %H:%M} UTC stands for it" if stands_for_it else "too late to run"
            await store.skip(tx, job.name, passed_over, now, f"missed; {said}", token)
        return due
