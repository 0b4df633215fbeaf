from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from equityaccess.feeds.rules import Arrival, described, expected_at, habit

ZONE = ZoneInfo("America/Los_Angeles")
MONDAY = date(2026, 8, 3)


def came(*days: date, at: time = time(2, 10)) -> list[Arrival]:
    return [Arrival(day=day, at=at) for day in days]


def weekdays(first: date, count: int) -> Iterator[date]:
    return (day for n in range(count) if (day := first + timedelta(days=n)).isoweekday() <= 5)


def test_a_job_of_every_weekday_is_missed_on_the_next_one_and_not_on_sunday() -> None:
    nightly = habit(came(*weekdays(MONDAY, 40)))
    assert nightly is not None
    assert (nightly.weekdays, nightly.at) == ((1, 2, 3, 4, 5), time(2, 10))
    assert described(nightly) == "comes on Monday, Tuesday, Wednesday, Thursday and Friday, by 02:10"
    friday = date(2026, 9, 11)
    assert expected_at(nightly, friday, ZONE) == datetime(2026, 9, 14, 5, 10, tzinfo=ZONE)
    assert expected_at(nightly, friday - timedelta(days=1), ZONE) == datetime(2026, 9, 11, 5, 10, tzinfo=ZONE)


def test_one_holiday_breaks_no_habit() -> None:
    days = [day for day in weekdays(MONDAY, 56) if day != date(2026, 9, 7)]
    learned = habit(came(*days))
    assert learned is not None
    assert learned.weekdays == (1, 2, 3, 4, 5)


def test_a_push_on_fridays_is_missed_on_friday() -> None:
    learned = habit(came(*(date(2026, 8, 7) + timedelta(weeks=n) for n in range(6)), at=time(16, 30)))
    assert learned is not None
    assert described(learned) == "comes on Friday, by 16:30"
    assert expected_at(learned, date(2026, 9, 11), ZONE) == datetime(2026, 9, 18, 19, 30, tzinfo=ZONE)


def test_a_monthly_push_is_given_a_quarter_more_than_it_ever_needs() -> None:
    learned = habit(came(*(date(2026, month, 3) for month in range(1, 9))))
    assert learned is not None
    assert described(learned) == "comes every 31 days or sooner"
    assert expected_at(learned, date(2026, 8, 3), ZONE).date() == date(2026, 8, 3) + timedelta(days=31 + 7)


def test_what_follows_no_rule_is_never_late() -> None:
    assert habit([]) is None
    assert habit(came(MONDAY, MONDAY + timedelta(days=30))) is None
    assert habit(came(*(MONDAY + timedelta(days=n) for n in (0, 1, 2, 3, 90, 91, 92, 200, 201)))) is None


@given(st.lists(st.integers(0, 400), min_size=0, max_size=80, unique=True), st.times())
def test_the_next_push_is_always_expected_after_the_newest(numbers: list[int], at: time) -> None:
    days = [MONDAY + timedelta(days=n) for n in sorted(numbers)]
    learned = habit(came(*days, at=at))
    if learned is not None:
        due = expected_at(learned, days[-1], ZONE)
        assert due > datetime.combine(days[-1], at, ZONE)
        assert described(learned)
