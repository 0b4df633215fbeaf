"""What the demo pushes: the real ACS baseline, and a year of invented counts about the real LEAs.

Everything invented is worked out from a hash of what it is about, so that every demo tells the same story.
"""

import csv
import hashlib
import itertools
import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import msgspec

SAMPLE_SOURCE: Final = "SAMPLE DATA (equityaccess demo)"
ACS_SOURCE: Final = (
    "U.S. Census Bureau, American Community Survey 2014-2018, as tabulated by NCES EDGE (Urban Institute)"
)
ACS_AS_OF: Final = date(2018, 12, 31)
ABC: Final = "19642120000000"

_DISTRICTS: Final = frozenset({"unified_district", "elementary_district", "high_school_district"})
_GROUPS: Final = ("EL", "SED", "SWD", "FOS", "HOM")
_BEHIND: Final = {"ALL": 0.0, "EL": 0.03, "SED": 0.04, "SWD": 0.02, "FOS": 0.08, "HOM": 0.14}  # of the rate
_ALWAYS: Final = frozenset({ABC, "19647330000000", "19101990000000"})  # the county's largest, its own, and ours to try
_CENSUS_DAY: Final = date(2022, 10, 5)
_BEGAN: Final = date(2023, 7, 1)  # when the invented programs began to work


class Row(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One NDJSON line of a push."""

    lea: str
    indicator: str
    student_group: str
    as_of: date
    population: int
    met: int
    not_met: int
    evidence: str
    not_applicable: int = 0
    valid_until: date | None = None
    breakdown: dict[str, int] = {}

    def line(self) -> dict[str, object]:
        """The row as NDJSON wants it: the breakdown flat."""
        flat = {f"breakdown.{name}": count for name, count in self.breakdown.items()}
        plain: dict[str, object] = msgspec.to_builtins(msgspec.structs.replace(self, breakdown={}))
        return plain | flat


class Reporter(msgspec.Struct, frozen=True, kw_only=True):
    """An LEA that reports for itself, with the students that it counts, by group."""

    cds: str
    kind: str
    enrolled: dict[str, int]


class _Story(msgspec.Struct, frozen=True, kw_only=True):
    """How an indicator fares in the sample: the rates it moves between, who reports it, how often, about whom."""

    indicator: str
    floor: float
    ceiling: float
    heard: float  # of those asked, how many are known
    reported_by: float  # of the LEAs
    months: int = 1  # between two reports
    groups: Sequence[str] = ("ALL",)
    per_student: float = 1.0  # people asked about, for each student
    not_applicable: float = 0.0
    kinds: frozenset[str] = _DISTRICTS | {"county_office"}


_ALL_AND_GROUPS: Final = ("ALL", *_GROUPS)
_WITH_CHARTERS: Final = _DISTRICTS | {"county_office", "charter"}
_REPORTED_IN: Final = {1: frozenset(range(1, 13)), 3: frozenset({2, 5, 8, 11}), 12: frozenset({5})}


def _stories() -> Iterator[_Story]:
    def story(indicator: str, floor: float, ceiling: float, heard: float, reported_by: float, **more: Any) -> _Story:
        return _Story(indicator=indicator, floor=floor, ceiling=ceiling, heard=heard, reported_by=reported_by, **more)

    yield story("home_internet", 0.70, 0.97, 0.95, 1, groups=_ALL_AND_GROUPS, kinds=_WITH_CHARTERS)
    yield story("home_internet_100_20", 0.48, 0.72, 0.70, 0.25, months=12)
    yield story("device", 0.80, 0.99, 0.99, 0.85, months=3, groups=_ALL_AND_GROUPS, kinds=_WITH_CHARTERS)
    yield story("parent_portal", 0.45, 0.90, 1, 0.75, groups=_ALL_AND_GROUPS)
    yield story("digital_literacy", 0.40, 0.72, 0.88, 0.60, months=12, not_applicable=0.75)
    yield story("technical_support", 0.75, 0.96, 1, 0.60, per_student=0.02)
    yield story("instructional_support", 0.20, 0.65, 0.90, 0.50, months=3, per_student=0.045)
    yield story("parent_workshop", 0.03, 0.22, 1, 0.50, months=3)
    yield story("employee_device", 0.85, 0.99, 0.90, 0.30, months=12, per_student=0.1)
    yield story("employee_internet", 0.80, 0.97, 0.80, 0.30, months=12, per_student=0.1)
    yield story("court_school_access", 0.60, 0.93, 1, 1, per_student=0.25, kinds=frozenset({"county_office"}))


_STORIES: Final = tuple(_stories())


def chance(*what: object) -> float:
    """A number in [0, 1) that is always the same for *what*."""
    digest = hashlib.sha256("/".join(map(str, what)).encode()).digest()
    return int.from_bytes(digest[:8]) / 2**64


def _read(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as content:
        return list(csv.DictReader(content))


def _holds_on(period: dict[str, str], day: date) -> bool:
    return period["valid_from"] <= str(day) and (not period["valid_to"] or str(day) < period["valid_to"])


def acs_rows(reference: Path) -> Iterator[Row]:
    """The real baseline: children in households with a computer and broadband, by district."""
    codes = {lea["lea"]: lea["cds"] for lea in _read(reference / "leas.csv") if _holds_on(lea, ACS_AS_OF)}
    for row in _read(reference / "household_conditions_2014-2018.csv"):
        children = int(row["children_5_17"])
        without = int(children * Decimal(row["percent_without"]) / 100)
        yield Row(
            lea=codes[row["cds"]],
            indicator="acs_children_connected",
            student_group="ALL",
            as_of=ACS_AS_OF,
            population=children,
            met=children - without,
            not_met=without,
            evidence="D",
        )


def reporters(reference: Path, today: date) -> list[Reporter]:
    """The LEAs that report for themselves: a district counts its charters too, but not those funded directly."""
    totals: dict[str, dict[str, int]] = defaultdict(dict)
    for row in _read(reference / "enrollment_2022-23.csv"):
        totals[row["cds"]][row["group"]] = int(row["students"])
    charters = [
        row for row in _read(reference / "charters.csv") if row["funding"] == "direct" and _holds_on(row, today)
    ]
    elsewhere: dict[str, int] = defaultdict(int)
    for charter in charters:
        elsewhere[charter["authorizer"]] += totals[charter["cds"]].get("ALL", 0)
    heads = [
        row
        for row in _read(reference / "leas.csv")
        if row["kind"] in _DISTRICTS | {"county_office"} and row["county_code"] == "19" and _holds_on(row, today)
    ]
    found = []
    for row in itertools.chain(heads, charters):
        total = totals[row["cds"]].get("ALL", 0)
        own = total - elsewhere[row["lea"]]
        if own > 0:
            enrolled = {group: students * own // total for group, students in totals[row["cds"]].items()}
            found.append(Reporter(cds=row["cds"], kind=row["kind"], enrolled=enrolled))
    return found


def pushes(reporters: Sequence[Reporter], today: date) -> Iterator[tuple[date, list[Row]]]:
    """A year of pushes, one a month, each with the last day that it is about; some rows come a push late."""
    ends = _month_ends(today)
    late: list[Row] = []
    for after, end in itertools.pairwise(ends):
        rows = [row for reporter in reporters for row in _rows(reporter, after, end, today)]
        is_last = end == ends[-1]
        slow = {row.lea for row in rows if not is_last and chance(row.lea, "slow", end) < 0.05}
        yield end, late + [row for row in rows if row.lea not in slow]
        late = [row for row in rows if row.lea in slow]


def _month_ends(today: date) -> list[date]:
    """The last days of 13 months, and yesterday: between two of them lies one push."""
    ends = [today - timedelta(days=1)]
    while len(ends) < 14:
        ends.append(ends[-1].replace(day=1) - timedelta(days=1))
    return ends[::-1]


def _rows(reporter: Reporter, after: date, end: date, today: date) -> Iterator[Row]:
    habit = _habit(reporter)
    if habit == "silent" or (habit == "stopped" and today - end < timedelta(days=240)):
        return
    if habit == "irregular" and chance(reporter.cds, "busy", end) < 0.4:
        return
    for story in _STORIES:
        if reporter.kind not in story.kinds or chance(reporter.cds, story.indicator) >= story.reported_by:
            continue
        if end.month in _REPORTED_IN[3 if reporter.kind == "charter" else story.months]:
            yield from _report(reporter, story, end, story.groups)
        if habit == "weekly" and story.indicator == "home_internet":
            for day in _fridays(after, end):
                yield from _report(reporter, story, day, ("ALL",))


def _habit(reporter: Reporter) -> str:
    """How an LEA keeps its word in the sample; most report every month."""
    if reporter.cds in _ALWAYS:
        return "monthly"
    luck = chance(reporter.cds, "habit")
    if reporter.kind == "charter":
        return "silent" if luck < 0.35 else "monthly"
    bounds = (("silent", 0.10), ("stopped", 0.18), ("irregular", 0.30), ("weekly", 0.50))
    return next((habit for habit, below in bounds if luck < below), "monthly")


def _fridays(after: date, end: date) -> Iterator[date]:
    """The Fridays between two pushes; the day of the push itself has a report of its own."""
    days = (after + timedelta(days=n) for n in range(1, (end - after).days))
    return (day for day in days if day.weekday() == 4)


def _report(reporter: Reporter, story: _Story, as_of: date, groups: Sequence[str]) -> Iterator[Row]:
    tells_groups = chance(reporter.cds, "groups") < 0.65
    for group in groups if tells_groups else ("ALL",):
        shrunk = 0.985 ** _years(_CENSUS_DAY, as_of)
        population = int(reporter.enrolled.get(group, 0) * story.per_student * shrunk)
        if population:
            yield _row(reporter.cds, story, group, as_of, population)


def _row(cds: str, story: _Story, group: str, as_of: date, population: int) -> Row:
    not_applicable = int(population * story.not_applicable)
    asked = population - not_applicable
    known = int(asked * (story.heard + (1 - story.heard) * chance(cds, story.indicator, "answers")))
    met = int(known * _rate(cds, story, group, as_of))
    is_internet = story.indicator == "home_internet"
    has_plan = is_internet and chance(cds, "plan") < 0.3  # hotspots that are paid for until the end of the school year
    return Row(
        lea=cds,
        indicator=story.indicator,
        student_group=group,
        as_of=as_of,
        population=population,
        met=met,
        not_met=known - met,
        not_applicable=not_applicable,
        evidence="ABC"[int(chance(cds, story.indicator, "evidence") * 3)],
        valid_until=date(as_of.year + (as_of.month > 6), 6, 30) if has_plan else None,
        breakdown=_breakdown(cds, met, known - met) if is_internet else {},
    )


def _rate(cds: str, story: _Story, group: str, as_of: date) -> float:
    """Rises toward the ceiling, fast at first; dips in summer, when equipment comes back to the LEA."""
    progress = 1 - math.exp(-0.5 * _years(_BEGAN, as_of))
    rate = story.floor + (story.ceiling - story.floor) * progress - _BEHIND[group]
    rate += 0.12 * (chance(cds, story.indicator, "place") - 0.5) + 0.006 * (chance(cds, story.indicator, as_of) - 0.5)
    return min(0.995, max(0.02, rate - (0.01 if as_of.month in (7, 8) else 0)))


def _breakdown(cds: str, met: int, not_met: int) -> dict[str, int]:
    by_lea = int(met * (0.04 + 0.1 * chance(cds, "lent")))
    barriers = {"not_affordable": 0.5, "not_available": 0.2 * chance(cds, "remote"), "not_desired": 0.1}
    parts = {f"barrier_{name}": int(not_met * share) for name, share in barriers.items()}
    other = not_met - sum(parts.values())
    return {"met_by_family": met - by_lea, "met_by_lea": by_lea} | parts | {"barrier_other": other}


def _years(start: date, day: date) -> float:
    return (day - start).days / 365.25
