"""What is asked, about which groups of students, and what it should reach by when."""

from datetime import date
from decimal import Decimal
from typing import Literal

import msgspec

Unit = Literal["students", "employees", "households", "requests", "children"]
Cadence = Literal["monthly", "quarterly", "yearly", "once"]
Polarity = Literal["more_is_better", "less_is_better"]
GroupKind = Literal["all", "race_ethnicity", "program", "local"]


class TargetOut(msgspec.Struct, frozen=True, kw_only=True):
    """The rate that an indicator is to reach for a student group by a date."""

    student_group: str
    target_on: date
    percent: float
    baseline_percent: float | None
    baseline_on: date | None
    source: str


class IndicatorOut(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is asked, with its targets, oldest first."""

    code: str
    name: str
    definition: str
    caveat: str
    source: str
    unit: Unit
    cadence: Cadence
    counts_for_days: int
    polarity: Polarity
    asked_of: list[str]
    is_in_plan: bool
    targets: list[TargetOut]


class StudentGroupOut(msgspec.Struct, frozen=True, kw_only=True):
    """A group of students, with its codes in the two sets of CDE; groups overlap and are never added up."""

    code: str
    name: str
    kind: GroupKind
    dashboard_code: str | None
    dataquest_code: str | None
    definition: str
    source: str


class IndicatorPage(msgspec.Struct, frozen=True, kw_only=True):
    """Indicators in the order of their codes."""

    items: list[IndicatorOut]
    next: str | None


class StudentGroupPage(msgspec.Struct, frozen=True, kw_only=True):
    """Student groups: all students first, then by kind and code."""

    items: list[StudentGroupOut]
    next: str | None


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """The rate that an indicator is to reach for a student group by a date, as somebody decided it."""

    student_group: str
    target_on: date
    percent: Decimal
    baseline_percent: Decimal | None
    baseline_on: date | None
    source: str


class IndicatorLine(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is asked, as the database holds it."""

    indicator_id: int
    code: str
    name: str
    definition: str
    caveat: str
    source: str
    unit: Unit
    cadence: Cadence
    counts_for_days: int
    polarity: Polarity
    asked_of: list[str]
    is_in_plan: bool


class Indicator(IndicatorLine, frozen=True, kw_only=True):
    """Something that is asked, with all of its targets, oldest first."""

    targets: list[Target]

    def shown(self) -> IndicatorOut:
        """As callers see it."""
        return msgspec.convert(self, IndicatorOut, from_attributes=True)


class StudentGroup(msgspec.Struct, frozen=True, kw_only=True):
    """A group of students; groups overlap and are never added up."""

    student_group_id: int
    code: str
    name: str
    kind: GroupKind
    dashboard_code: str | None
    dataquest_code: str | None
    definition: str
    source: str

    def shown(self) -> StudentGroupOut:
        """As callers see it."""
        return msgspec.convert(self, StudentGroupOut, from_attributes=True)


class IndicatorRow(msgspec.Struct, frozen=True, kw_only=True):
    """A line of ``indicators.csv``."""

    code: str
    name: str
    definition: str
    caveat: str = ""
    source: str
    unit: Unit
    cadence: Cadence
    counts_for_days: int
    polarity: Polarity
    asked_of: str  # kinds of LEA, with spaces between
    is_in_plan: bool


class StudentGroupRow(msgspec.Struct, frozen=True, kw_only=True):
    """A line of ``student_groups.csv``."""

    code: str
    name: str
    kind: GroupKind
    dashboard_code: str | None = None
    dataquest_code: str | None = None
    definition: str
    source: str


class TargetRow(msgspec.Struct, frozen=True, kw_only=True):
    """A line of ``targets.csv``."""

    indicator: str
    student_group: str
    target_on: date
    percent: Decimal
    baseline_percent: Decimal | None = None
    baseline_on: date | None = None
    source: str
