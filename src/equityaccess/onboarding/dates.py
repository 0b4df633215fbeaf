"""When each milestone is planned, and when it is now to be expected. Pure.

The planned day comes from the wave's go-live and the playbook, or from a replan. The forecast starts from it and moves
by business days: a milestone that is late, or that LEAs like this one take longer for, moves all that needs it.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from statistics import median, quantiles

import msgspec

from equityaccess.business_time import BusinessTime
from equityaccess.clock import today as day_of
from equityaccess.onboarding.playbook import GO_LIVE, Milestone, Playbook, Track
from equityaccess.onboarding.rules import Status

FEW = 5  # LEAs; with fewer that have finished a milestone, the playbook's duration stands
_TENTHS = 10
_NOTHING = Status()


class Took(msgspec.Struct, frozen=True, kw_only=True):
    """How many business days a milestone takes: the median, and the range of 80 % of the LEAs like this one."""

    days: int
    least: int
    most: int
    leas: int  # 0: as the playbook has it


class Dates(msgspec.Struct, frozen=True, kw_only=True):
    """The days of one milestone. *actual_on* is set once it has happened."""

    planned_on: date
    forecast_on: date
    earliest_on: date  # with *latest_on*, the forecast if this milestone takes what 80 % of LEAs took
    latest_on: date
    actual_on: date | None
    slip_days: int  # business days from planned to forecast, or to actual
    blackouts: tuple[str, ...]


class Blackout(msgspec.Struct, frozen=True, kw_only=True):
    """Days of every year on which a track should not go live, and no payroll be paid for the first time."""

    code: str
    name: str
    from_month: int
    from_day: int
    to_month: int
    to_day: int
    tracks: str

    def holds(self, day: date) -> bool:
        """Whether *day* lies in it, the ends included."""
        return (self.from_month, self.from_day) <= (day.month, day.day) <= (self.to_month, self.to_day)


# What a blackout is about: the days on which the system changes, or pays people for the first time.
_HELD_TO_BLACKOUTS = frozenset({GO_LIVE, "final_conversion", "first_payroll", "first_warrant_run", "parallel_payroll"})


def usual(durations: Sequence[int], milestone: Milestone) -> Took:
    """What *durations*, in business days, of LEAs like this one say; the playbook when they are too few."""
    if len(durations) < FEW:
        days = milestone.duration_days
        return Took(days=days, least=days, most=days, leas=0)
    tenths = quantiles(durations, n=_TENTHS, method="inclusive")
    return Took(days=round(median(durations)), least=int(tenths[0]), most=-int(-tenths[-1]), leas=len(durations))


class Course(msgspec.Struct, frozen=True, kw_only=True):
    """What the days of an LEA on a track are worked out from."""

    track: Track
    go_live_on: date
    playbook: Playbook
    statuses: Mapping[str, Status]
    took: Mapping[str, Took]  # by milestone; one that is not in it takes what the playbook says


def dates(course: Course, today: date, calendar: BusinessTime, blackouts: Iterable[Blackout]) -> dict[str, Dates]:
    """The days of every milestone of *course*, as seen on *today*.

    A replanned go-live moves every milestone that has not happened and was not replanned by itself.
    """
    held = [blackout for blackout in blackouts if course.track in blackout.tracks.split()]
    found: dict[str, Dates] = {}
    for key, milestone in course.playbook.items():
        status = course.statuses.get(key, _NOTHING)
        planned = _planned(course, milestone, status, calendar)
        if status.done_at is not None:
            found[key] = _happened(key, planned, day_of(status.done_at), calendar, held)
        else:
            found[key] = _expected(course, milestone, status, planned, found, today, calendar, held)
    return found


def _planned(course: Course, milestone: Milestone, status: Status, calendar: BusinessTime) -> date:
    if status.planned_on is not None:
        return status.planned_on
    moved = course.statuses.get(GO_LIVE, _NOTHING).planned_on
    go_live = moved if moved is not None and status.done_at is None else course.go_live_on
    return calendar.shifted(go_live, milestone.offset_days)


def _happened(key: str, planned: date, actual: date, calendar: BusinessTime, held: Sequence[Blackout]) -> Dates:
    return Dates(
        planned_on=planned,
        forecast_on=actual,
        earliest_on=actual,
        latest_on=actual,
        actual_on=actual,
        slip_days=calendar.between(planned, actual),
        blackouts=_in(key, actual, held),
    )


def _expected(
    course: Course,
    milestone: Milestone,
    status: Status,
    planned: date,
    found: Mapping[str, Dates],
    today: date,
    calendar: BusinessTime,
    held: Sequence[Blackout],
) -> Dates:
    took = course.took.get(milestone.key) or usual((), milestone)
    slip = max((found[need].slip_days for need in milestone.needs if _counts(course, need)), default=0)
    began = calendar.on_or_after(day_of(status.started_at)) if status.started_at else None

    def when(days: int) -> date:
        """The day on which it is done if it takes *days*: never before what it needs, nor before today."""
        behind = max(0, slip) + max(0, days - milestone.duration_days)
        by_plan = calendar.shifted(planned, behind)
        by_start = calendar.shifted(began, days) if began else by_plan
        return max(by_plan, by_start, calendar.on_or_after(today))

    forecast = when(took.days)
    return Dates(
        planned_on=planned,
        forecast_on=forecast,
        earliest_on=when(took.least),
        latest_on=when(took.most),
        actual_on=None,
        slip_days=calendar.between(planned, forecast),
        blackouts=_in(milestone.key, forecast, held),
    )


def _counts(course: Course, key: str) -> bool:
    """Whether *key* can hold up what needs it: what does not apply cannot."""
    return course.statuses.get(key, _NOTHING).state != "not_applicable"


def _in(key: str, day: date, held: Sequence[Blackout]) -> tuple[str, ...]:
    return tuple(one.code for one in held if one.holds(day)) if key in _HELD_TO_BLACKOUTS else ()
