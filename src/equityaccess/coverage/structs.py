"""The shapes of coverage: figures, points, gaps, completeness."""

from datetime import date, datetime
from typing import Literal

import msgspec

from equityaccess.coverage.rules import percent

SMALL = 10  # CDE withholds groups of 10 or fewer
Grade = Literal["A", "B", "C", "D"]


class Sums(msgspec.Struct, frozen=True, kw_only=True):
    """People, summed over a scope; what the database gives."""

    population: int
    met: int
    not_met: int
    not_applicable: int
    unknown: int
    unheard: int


class Counted(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="counted"):
    """How far a scope is: people, and rates in percent, each cut (never rounded up) to two decimals.

    `base` is population less not_applicable. Unknown people count as not met in `confirmed_percent`, the headline; the
    truth lies between it and `at_most_percent`. A rate without a base is null.
    """

    population: int
    met: int
    not_met: int
    not_applicable: int
    unknown: int
    unheard: int
    base: int
    gap: int
    confirmed_percent: float | None
    known_percent: float | None
    respondent_percent: float | None
    at_most_percent: float | None


class Suppressed(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="suppressed"):
    """Withheld, because the group has 10 people or fewer and is not the caller's own: neither null nor zero."""

    reason: str = "10 people or fewer"


Figures = Counted | Suppressed


def counted(sums: Sums) -> Counted:
    """The rates of *sums*, as the glossary defines them."""
    base = max(0, sums.population - sums.not_applicable)
    return Counted(
        population=sums.population,
        met=sums.met,
        not_met=sums.not_met,
        not_applicable=sums.not_applicable,
        unknown=sums.unknown,
        unheard=sums.unheard,
        base=base,
        gap=max(0, base - sums.met),
        confirmed_percent=percent(sums.met, base),
        known_percent=percent(sums.met + sums.not_met, base),
        respondent_percent=percent(sums.met, sums.met + sums.not_met),
        at_most_percent=percent(sums.met + sums.unknown, base),
    )


def published(figures: Counted, *, is_own: bool = False) -> Figures:
    """*figures* as a caller may see them: withheld when 10 people or fewer are in them, unless they are the caller's own."""
    return figures if is_own or figures.population > SMALL else Suppressed()
