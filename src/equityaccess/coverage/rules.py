"""The arithmetic of coverage: rates that are never rounded up, weeks, pace and projection. Pure."""

import math
from collections.abc import Sequence
from datetime import date, timedelta

WEEKS_START = date(2018, 7, 1)  # a Sunday; the first school year that can be reported on


def week_of(day: date) -> int:
    """The number of the week that *day* falls in; weeks end on Sundays."""
    return ((day - WEEKS_START).days + 6) // 7


def week_ending(week: int) -> date:
    """The Sunday on which *week* ends."""
    return WEEKS_START + timedelta(weeks=week)


def percent(part: int, base: int) -> float | None:
    """*part* of *base* in percent, cut (never rounded) to two decimals: 100 only when part = base. None without a base.

    More than the base, as parts that do not add up can give, shows as 100.
    """
    if base <= 0:
        return None
    return min(10_000, part * 10_000 // base) / 100


def tenths(rate: float) -> float:
    """*rate* cut (never rounded) to one decimal."""
    return math.floor(rate * 10 + 1e-6) / 10


def weekly_pace(points: Sequence[tuple[date, int, int]]) -> float | None:
    """Percentage points a week, the least-squares slope of (day, met, base); None with fewer than four that count."""
    known = [((day - WEEKS_START).days / 7, 100 * met / base) for day, met, base in points if base > 0]
    if len(known) < 4:
        return None
    mean_x = sum(x for x, _ in known) / len(known)
    mean_y = sum(y for _, y in known) / len(known)
    spread = sum((x - mean_x) ** 2 for x, _ in known)
    if spread == 0:
        return None
    return sum((x - mean_x) * (y - mean_y) for x, y in known) / spread


OUTLOOK_WEEKS = 12


def outlook_note(pace: float | None, weeks_left: float | None, current: float | None, goal: float | None) -> str:
    """What the outlook can and cannot say, in a sentence."""
    if goal is None:
        return "There is no target."
    if current is not None and current >= goal:
        return "The target is met."
    if pace is None:
        return "There is not enough history to say."
    if weeks_left is not None and weeks_left <= 0:
        return "The target date has passed, and the target was not met by now."
    if pace <= 0:
        return "At the pace of the last weeks the target is never met."
    return "If the pace of the last weeks holds."


def needed_pace(current: float, goal: float, weeks_left: float) -> float | None:
    """Percentage points a week that would still meet the goal; None when its date has passed."""
    return max(0.0, goal - current) / weeks_left if weeks_left > 0 else None


def projected_on(current: float, goal: float, pace: float | None, today: date) -> date | None:
    """The day on which *goal* is met at *pace*; None when it is not within 50 years."""
    if current >= goal:
        return today
    if pace is None or pace <= 0 or (goal - current) / pace > 50 * 52:
        return None
    return today + timedelta(weeks=(goal - current) / pace)
