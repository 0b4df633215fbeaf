"""Business days and business minutes of the county: weekends and holidays are left out, by its own clock.

Pure. Holidays are rows (db/reference/holidays.csv and what an LEA adds), never constants.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta

from equityaccess.clock import LOCAL

FIRST_DAY = date(2018, 1, 1)
LAST_DAY = date(2040, 12, 31)
_SATURDAY = 5
Span = tuple[datetime, datetime]


class BusinessTime:
    """The business days from FIRST_DAY to LAST_DAY less *holidays*, each open from *opens* to *closes*."""

    def __init__(self, holidays: Iterable[date], opens: time = time(8), closes: time = time(17)) -> None:
        closed = frozenset(holidays)
        every = (FIRST_DAY + timedelta(days=n) for n in range((LAST_DAY - FIRST_DAY).days + 1))
        self._days = [day for day in every if day.weekday() < _SATURDAY and day not in closed]
        self._opens = opens
        self._closes = closes
        self._minutes_a_day = _minute(closes) - _minute(opens)

    def is_business_day(self, day: date) -> bool:
        """Whether offices are open on *day*."""
        at = bisect_left(self._days, day)
        return at < len(self._days) and self._days[at] == day

    def on_or_after(self, day: date) -> date:
        """*day*, or the first business day after it. Raises IndexError beyond LAST_DAY."""
        return self._days[bisect_left(self._days, day)]

    def shifted(self, day: date, days: int) -> date:
        """The business day *days* after *day*, or before it when negative; 0 is ``on_or_after``.

        A day that is none counts as the next one. Raises IndexError beyond FIRST_DAY or LAST_DAY.
        """
        at = bisect_left(self._days, day) + days
        if at < 0:
            raise IndexError(f"{days} business days from {day} is before {FIRST_DAY}")
        return self._days[at]

    def between(self, earlier: date, later: date) -> int:
        """How many business days lie in (*earlier*, *later*]; negative when *later* is earlier."""
        return bisect_right(self._days, later) - bisect_right(self._days, earlier)

    def minutes(self, start: datetime, end: datetime, left_out: Sequence[Span] = ()) -> int:
        """The business minutes in [*start*, *end*), without those in *left_out*, whose spans may overlap.

        Instants need a zone; the hours are the county's, so that a change of its clocks moves nothing.
        """
        return self._open_minutes(start, end) - sum(
            self._open_minutes(max(start, first), min(end, last)) for first, last in _merged(left_out)
        )

    def _open_minutes(self, start: datetime, end: datetime) -> int:
        return max(0, self._opened_until(end) - self._opened_until(start)) if start < end else 0

    def _opened_until(self, instant: datetime) -> int:
        """Business minutes from FIRST_DAY until *instant*."""
        local = instant.astimezone(LOCAL)
        whole = bisect_left(self._days, local.date()) * self._minutes_a_day
        if not self.is_business_day(local.date()):
            return whole
        return whole + min(max(0, _minute(local.time()) - _minute(self._opens)), self._minutes_a_day)


def _minute(at: time) -> int:
    return at.hour * 60 + at.minute


def _merged(spans: Iterable[Span]) -> list[Span]:
    """*spans* in order, those that touch or overlap as one."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        elif start < end:
            merged.append((start, end))
    return merged
