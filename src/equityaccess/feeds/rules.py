"""When the next push about an LEA is to be expected, learned from those that came. Pure.

Most feeds are one of two: a job that runs on the same weekdays, or a person who sends something every so often. The
first is missed within hours of the day on which it did not come, the second after its usual interval.
"""

import itertools
import math
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta, tzinfo
from statistics import median, quantiles

import msgspec

WEEKS = 8  # that weekdays are learned from
_FEWEST_WEEKS = 3
_OFTEN = 0.75  # of the weeks: then a weekday is one on which the feed comes
_FEWEST_GAPS = 3
_GAPS = 12  # the newest, that an interval is learned from
_TENTHS = 10
_HOURS_OF_GRACE = 3  # after a usual weekday's time
_SHARE_OF_GRACE = 4  # an interval is exceeded by a quarter of itself, and a day at least


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """The first push about an LEA on a day, by the county's clock."""

    day: date
    at: time


class Habit(msgspec.Struct, frozen=True, kw_only=True):
    """How a feed comes: on *weekdays* (Monday is 1), by *at*; or, without any, every *days*."""

    weekdays: tuple[int, ...] = ()
    at: time = time.max
    days: int | None = None
    learned_from: int  # days on which something came


def habit(arrivals: Sequence[Arrival]) -> Habit | None:
    """What *arrivals*, in their order, show; None when they are too few, or follow no rule."""
    if not arrivals:
        return None
    return _weekly(arrivals) or _regular(arrivals)


def _weekly(arrivals: Sequence[Arrival]) -> Habit | None:
    """The weekdays on which the feed came in most of the weeks until its newest day."""
    newest = arrivals[-1].day
    recent = [one for one in arrivals if newest - one.day < timedelta(weeks=WEEKS)]
    weeks = min(WEEKS, math.ceil(((newest - recent[0].day).days + 1) / 7))
    if weeks < _FEWEST_WEEKS:
        return None
    counts = {day: sum(one.day.isoweekday() == day for one in recent) for day in range(1, 8)}
    usual = tuple(day for day, count in counts.items() if count >= _FEWEST_WEEKS and count >= _OFTEN * weeks)
    if not usual:
        return None
    times = sorted(one.at for one in recent if one.day.isoweekday() in usual)
    return Habit(weekdays=usual, at=times[math.ceil(0.9 * len(times)) - 1], learned_from=len(recent))


def _regular(arrivals: Sequence[Arrival]) -> Habit | None:
    """The interval that nine of ten of the newest gaps keep to, unless they are all over the place."""
    days = [one.day for one in arrivals]
    gaps = [(later - earlier).days for earlier, later in itertools.pairwise(days)][-_GAPS:]
    if len(gaps) < _FEWEST_GAPS:
        return None
    most = math.ceil(quantiles(gaps, n=_TENTHS, method="inclusive")[-1])
    if most > 3 * median(gaps):
        return None
    return Habit(days=most, learned_from=len(days))


def expected_at(learned: Habit, newest: date, zone: tzinfo) -> datetime:
    """When the push after that of *newest* is due, with grace: who has not come by then is silent."""
    if learned.weekdays:
        following = (newest + timedelta(days=n) for n in range(1, 8))
        due = next(day for day in following if day.isoweekday() in learned.weekdays)
        return datetime.combine(due, learned.at, zone) + timedelta(hours=_HOURS_OF_GRACE)
    days = learned.days or 0
    return datetime.combine(newest + timedelta(days=days + max(1, days // _SHARE_OF_GRACE)), time.max, zone)


def described(learned: Habit) -> str:
    """*learned* as a sentence for people."""
    if learned.weekdays:
        names = _joined(_WEEKDAYS[day - 1] for day in learned.weekdays)
        return f"comes on {names}, by {learned.at:%H:%M}"
    return f"comes every {learned.days} days or sooner" if learned.days != 1 else "comes every day"


_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def _joined(names: Iterable[str]) -> str:
    every = list(names)
    return every[0] if len(every) == 1 else f"{', '.join(every[:-1])} and {every[-1]}"
