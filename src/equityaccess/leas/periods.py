"""Which part of an LEA's history a day falls in."""

from collections.abc import Sequence
from datetime import date

from equityaccess.leas.answers import PeriodOut


def period_on(history: Sequence[PeriodOut], day: date) -> PeriodOut:
    """What is true of the LEA on *day*, or was last before it, or will be first after it. *history* is oldest first."""
    begun = [period for period in history if period.valid_from <= day]
    return begun[-1] if begun else history[0]


def is_open(period: PeriodOut, day: date) -> bool:
    """Whether *day* is in the period."""
    return period.valid_from <= day and (period.valid_to is None or day < period.valid_to)
