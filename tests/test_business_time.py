"""Business days and minutes, held against a model that walks day by day and minute by minute."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equityaccess.business_time import BusinessTime
from equityaccess.catalogue.reference import read_reference, reference_folder
from equityaccess.clock import LOCAL
from equityaccess.onboarding.structs import Holiday

HOLIDAYS = {row.day for row in read_reference(reference_folder() / "holidays.csv", Holiday)}
CALENDAR = BusinessTime(HOLIDAYS)
DAYS = st.dates(date(2024, 1, 1), date(2034, 12, 31))


def is_open(day: date) -> bool:
    return day.weekday() < 5 and day not in HOLIDAYS


@settings(max_examples=300, deadline=None)
@given(DAYS, st.integers(-300, 300))
def test_shifted_walks_day_by_day(day: date, days: int) -> None:
    walked = day
    while not is_open(walked):
        walked += timedelta(days=1)
    left = days
    while left:
        walked += timedelta(days=1 if left > 0 else -1)
        if is_open(walked):
            left -= 1 if left > 0 else -1
    assert CALENDAR.shifted(day, days) == walked


@settings(max_examples=300, deadline=None)
@given(DAYS, DAYS)
def test_between_counts_day_by_day(one: date, other: date) -> None:
    earlier, later = sorted((one, other))
    counted = sum(is_open(earlier + timedelta(days=n)) for n in range(1, (later - earlier).days + 1))
    assert CALENDAR.between(earlier, later) == counted
    assert CALENDAR.between(later, earlier) == -counted


# Around every change of the clocks too: 2024-2034, second Sunday of March and first of November.
INSTANTS = st.integers(0, 11 * 365 * 24 * 60).map(lambda n: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=n))


@settings(max_examples=60, deadline=None)
@given(
    INSTANTS,
    st.integers(0, 60 * 24 * 6),
    st.lists(st.tuples(st.integers(-500, 9000), st.integers(1, 3000)), max_size=3),
)
def test_minutes_are_those_of_a_clock_that_is_looked_at_every_minute(
    start: datetime, length: int, waits: list[tuple[int, int]]
) -> None:
    end = start + timedelta(minutes=length)
    spans = [(start + timedelta(minutes=a), start + timedelta(minutes=a + n)) for a, n in waits]
    counted = 0
    at = start
    while at < end:
        local = at.astimezone(LOCAL)
        if is_open(local.date()) and time(8) <= local.time() < time(17) and not any(a <= at < b for a, b in spans):
            counted += 1
        at += timedelta(minutes=1)
    assert CALENDAR.minutes(start, end, spans) == counted


@pytest.mark.parametrize("change", [date(2026, 3, 8), date(2026, 11, 1)])
def test_a_change_of_the_clocks_moves_no_business_minute(change: date) -> None:
    friday, monday = change - timedelta(days=2), change + timedelta(days=1)
    start, end = datetime.combine(friday, time(16), LOCAL), datetime.combine(monday, time(9), LOCAL)
    assert CALENDAR.minutes(start, end) == 120


def test_every_year_has_the_ten_days_on_which_schools_close() -> None:
    """Cal. Ed. Code 37220 (a) (1) to (10)."""
    for year in range(2018, 2036):
        days = sorted(day for day in HOLIDAYS if day.year == year)
        assert len(days) == 10
        assert {date(year, 1, 1), date(year, 7, 4), date(year, 11, 11), date(year, 12, 25)} <= set(days)
        assert [day.weekday() for day in days if day.month == 1 and day.day > 1] == [0]
        assert [day.weekday() for day in days if (day.month, day.day > 20) == (11, True)] == [3]


def test_days_beyond_the_calendar_are_refused() -> None:
    with pytest.raises(IndexError, match="is before 2018-01-01"):
        CALENDAR.shifted(date(2018, 1, 5), -10)
    with pytest.raises(IndexError):
        CALENDAR.on_or_after(date(2041, 1, 1))
