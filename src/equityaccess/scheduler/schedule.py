"""``jobs/schedule.toml`` as Jobs, and their slots by arithmetic: in UTC, so no clock change skips or doubles one."""

import importlib
import inspect
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from equityaccess.bundled import bundled
from equityaccess.database import Transaction
from equityaccess.outcome import Done
from equityaccess.scheduler.structs import Job

JobFunction = Callable[[Transaction, datetime], Awaitable[Done | None]]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAME = re.compile(r"\A[a-z]+(-[a-z]+)*\Z")
_LONGEST_PAUSE = timedelta(days=366)  # every cron in use comes round within a year


class ScheduleError(ValueError):
    """A schedule that cannot be followed; every fault is named."""


class _Schedule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    job: list[Job]


def read_schedule(file: Path | None = None) -> list[Job]:
    """The jobs of *file*, by default the schedule that ships with this code. Raises ScheduleError."""
    file = file or bundled("jobs") / "schedule.toml"
    try:
        jobs = msgspec.toml.decode(file.read_bytes(), type=_Schedule).job
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise ScheduleError(f"{file}: {error}") from None
    faults = [
        f"{name} stands there {times} times" for name, times in Counter(job.name for job in jobs).items() if times > 1
    ]
    faults += [f"{job.name}: {fault}" for job in jobs for fault in _faults(job)]
    if faults:
        raise ScheduleError(f"{file}: " + "; ".join(faults))
    return jobs


def _faults(job: Job) -> Iterator[str]:
    if not _NAME.match(job.name):
        yield "a name is lower-case words joined by hyphens"
    if (job.every_s is None) == (job.cron is None):
        yield "give either every_s or cron"
    if job.every_s is not None and job.every_s < 1:
        yield "every_s is at least 1"
    if job.cron is not None:
        yield from _cron_faults(job.cron)
        if job.late_by_at_most_s < 1:
            yield "a cron job needs late_by_at_most_s"
    if job.missed == "each" and job.late_by_at_most_s < 1:
        yield "missed slots can run only within late_by_at_most_s"


def _cron_faults(cron: str) -> Iterator[str]:
    fields = cron.split()
    if len(fields) != 5:
        yield f"{cron!r} is not minute, hour, day, month, weekday"
    elif re.search(r"\d", fields[4]):
        # APScheduler counts from Monday = 0, cron from Sunday = 0: a digit means different days to different readers.
        yield f"name the weekday (mon, tue, ...) instead of {fields[4]!r}"
    else:
        try:
            CronTrigger.from_crontab(cron, timezone=UTC)
        except ValueError as error:
            yield f"{cron!r}: {error}"


def trigger(job: Job) -> CronTrigger | IntervalTrigger:
    """When *job* runs, as APScheduler wants it; intervals are counted from the epoch, the same in every process."""
    if job.cron:
        return CronTrigger.from_crontab(job.cron, timezone=UTC)
    return IntervalTrigger(seconds=job.every_s, start_date=_EPOCH, timezone=UTC)


def slots(job: Job, after: datetime, until: datetime) -> Iterator[datetime]:
    """The slots of *job* in (*after*, *until*], oldest first."""
    when = trigger(job)
    slot = when.get_next_fire_time(None, after + timedelta(microseconds=1))
    while slot and slot <= until:
        yield slot
        slot = when.get_next_fire_time(slot, slot + timedelta(microseconds=1))


def next_slot(job: Job, after: datetime) -> datetime:
    """The first slot of *job* later than *after*."""
    return next(slots(job, after, after + _LONGEST_PAUSE))


def current_slot(job: Job, now: datetime) -> datetime:
    """The slot that *now* belongs to: the latest that is not in the future."""
    if job.every_s:
        passed = int((now - _EPOCH).total_seconds()) // job.every_s
        return _EPOCH + timedelta(seconds=passed * job.every_s)
    back = timedelta(hours=1)
    while not (found := list(slots(job, now - back, now))) and back < _LONGEST_PAUSE:
        back *= 5
    if not found:
        raise ScheduleError(f"{job.name}: {job.cron!r} has no slot in the year before {now:%Y-%m-%d}")
    return found[-1]


def function_of(job: Job) -> JobFunction:
    """The coroutine function that ``run`` names. Raises ScheduleError unless it is one of (tx, now)."""
    module, _, name = job.run.partition(":")
    try:
        function = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ScheduleError(f"{job.name}: {job.run!r} cannot be loaded: {error}") from None
    if not inspect.iscoroutinefunction(function) or [*inspect.signature(function).parameters] != ["tx", "now"]:
        raise ScheduleError(f"{job.name}: {job.run} is not `async def {name}(tx, now)`")
    loaded: JobFunction = function
    return loaded
