"""The arithmetic of coverage: rates that are never rounded up, weeks, pace and projection. Pure."""

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


def weekly_pace(points: Sequence[tuple[date, int, int]]) -> float | None:
    """Percentage points a week: the least-squares slope through (day, met, base), or None when fewer than four have a base."""
    known = [((day - WEEKS_START).days / 7, 100 * met / base) for day, met, base in points if base > 0]
    if len(known) < 4:
        return None
    mean_x = sum(x for x, _ in known) / len(known)
    mean_y = sum(y for _, y in known) / len(known)
    spread = sum((x - mean_x) ** 2 for x, _ in known)
    if spread == 0:
        return None
    return sum((x - mean_x) * (y - mean_y) for x, y in known) / spread
