"""The shapes of coverage: figures, points, gaps, completeness."""

from datetime import date, datetime
from typing import Literal

import msgspec

from equityaccess.coverage.rules import percent, tenths

SMALL = 10  # CDE withholds groups of 10 or fewer
LARGE = 1_000 * SMALL  # of which a tenth of a percent is as many
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


class Rounded(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="rounded"):
    """The figures of a scope that is not the caller's own: rates cut to one decimal, people to the nearest thousand.

    Whoever watches them sees no change of a few people in somebody else's counts.
    """

    base: int
    gap: int
    confirmed_percent: float
    at_most_percent: float


class Suppressed(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="suppressed"):
    """Withheld, because it is not the caller's own and too few people for a tenth of a percent to hide ten of them.

    Neither null nor zero.
    """

    reason: str = "too few people"


Figures = Counted | Rounded | Suppressed


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
    """*figures* as a caller may see them: whole if its own, else rounded, or withheld where rounding hides too few."""
    if is_own:
        return figures
    if figures.base < LARGE or figures.confirmed_percent is None or figures.at_most_percent is None:
        return Suppressed()
    return Rounded(
        base=round(figures.base, -3),
        gap=round(figures.gap, -3),
        confirmed_percent=tenths(figures.confirmed_percent),
        at_most_percent=tenths(figures.at_most_percent),
    )


def met_of_base(figures: Figures) -> tuple[int, int] | None:
    """How many are met of how many, as far as *figures* say; None when they are withheld."""
    match figures:
        case Counted():
            return figures.met, figures.base
        case Rounded():
            return round(figures.confirmed_percent * 10), 1_000
        case Suppressed():
            return None


class Goal(msgspec.Struct, frozen=True, kw_only=True):
    """The rate to reach, and by when; the date may have passed."""

    percent: float
    target_on: date


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of a scope in one week: at its end, or so far."""

    week_ending: date
    as_of: date
    figures: Figures
    leas_asked: int
    leas_heard: int
    lowest_evidence: Grade | None
    computed_at: datetime


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """Where one indicator stands for one group of a scope, and what it has to reach."""

    indicator: str
    student_group: str
    point: Point
    target: Goal | None
    note: str | None


class CoverageReport(msgspec.Struct, frozen=True, kw_only=True):
    """Coverage of a scope: one item an indicator and group. Groups overlap; only ALL may be summed."""

    scope: str
    scope_name: str
    known_at: datetime
    items: list[Coverage]


class Outlook(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the target will be met, as far as the last weeks tell; null where they do not, and `note` says why."""

    weeks_considered: int
    points_a_week: float | None
    needed_points_a_week: float | None
    projected_on: date | None
    note: str


class CoverageSeries(msgspec.Struct, frozen=True, kw_only=True):
    """Coverage week by week, as it is known now, or was at `known_at`: late observations restate earlier weeks."""

    scope: str
    scope_name: str
    indicator: str
    student_group: str
    known_at: datetime
    target: Goal | None
    outlook: Outlook
    points: list[Point]


Barrier = Literal["not_available", "not_affordable", "not_desired", "other", "not_said", "unknown", "not_heard_from"]


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """People left to reach: of one LEA, indicator and group, behind one barrier."""

    lea: str
    lea_name: str
    indicator: str
    student_group: str
    barrier: Barrier
    people: int
    as_of: date | None


class GapPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of gaps, the largest first; `next` is the cursor of the page after it, null at the end."""

    items: list[Gap]
    next: str | None


class Completeness(msgspec.Struct, frozen=True, kw_only=True):
    """How many of the expected observations of an indicator came, and how many by their due date."""

    indicator: str
    expected: int
    received: int
    on_time: int
    completeness_percent: float | None
    timeliness_percent: float | None
    leas_expected: int
    leas_heard: int


class CompletenessReport(msgspec.Struct, frozen=True, kw_only=True):
    """Completeness and timeliness of what was due between two days, both included, for the group ALL."""

    scope: str
    scope_name: str
    due_from: date
    due_to: date
    items: list[Completeness]
