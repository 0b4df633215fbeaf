"""The school year as CDE counts it: 1 July to 30 June, written ``2022-23``."""

import re
from datetime import date, timedelta

_WRITTEN = re.compile(r"\A([0-9]{4})-([0-9]{2})\Z")
_WEDNESDAY = 2


def first_day(day: date) -> date:
    """The 1 July with which the school year of *day* began."""
    return date(day.year if day.month >= 7 else day.year - 1, 7, 1)


def census_day(school_year: str) -> date:
    """Census Day of *school_year*: the first Wednesday of October.

    Raises ValueError unless *school_year* is written like ``2022-23``.
    """
    written = _WRITTEN.match(school_year)
    if written is None or (int(written[1]) + 1) % 100 != int(written[2]):
        raise ValueError(f"{school_year!r} is not a school year: they are written like 2022-23")
    october = date(int(written[1]), 10, 1)
    return october + timedelta(days=(_WEDNESDAY - october.weekday()) % 7)


def planned_years(today: date) -> tuple[date, date]:
    """The time for which LEAs are told what to report: from the school year before that of *today* to its end."""
    begins = first_day(today)
    return begins.replace(year=begins.year - 1), begins.replace(year=begins.year + 1)
