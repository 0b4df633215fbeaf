"""Every figure again, from all observations, in arrays. Pure.

The nightly proof of the stored figures: it comes to them by another way than queries.sql, so that a mistake there does
not prove itself right. Days are counted from ``WEEKS_START``; arrays of figures are by group, week and kind of LEA.
"""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from equityaccess.coverage.observed import Observed
from equityaccess.coverage.rules import WEEKS_START, week_ending, week_of

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

_DATES_START: Final = (WEEKS_START - date(2000, 1, 1)).days  # where PostgreSQL counts days from
_SUMS: Final = ("population", "met", "not_met", "not_applicable", "unknown", "unheard", "leas_asked", "leas_heard")


class Period(msgspec.Struct, frozen=True, kw_only=True):
    """What an LEA was, and for how long: from the first day to before the last."""

    lea_id: int
    kind: str
    authorizer_id: int | None
    is_local: bool  # counted by the district that authorizes it
    is_ours: bool  # in the county
    valid_from: date
    valid_to: date


class Asking(msgspec.Struct, frozen=True, kw_only=True):
    """An indicator: of whom it is asked, since when, and how long an answer counts."""

    indicator_id: int
    counts_for_days: int
    is_about_students: bool
    asked_of: list[str]
    asked_from: date


class Enrolled(msgspec.Struct, frozen=True, kw_only=True):
    """How many students an LEA had of a group on a Census Day; in the order of LEA, group and day."""

    lea_id: int
    student_group_id: int
    census_on: date
    students: int


class Reference(msgspec.Struct, frozen=True, kw_only=True):
    """What figures are held against: the directory, the catalogue and the enrollment."""

    lea_ids: list[int]
    periods: list[Period]
    askings: list[Asking]
    enrolled: list[Enrolled]
    group_ids: list[int]  # the group ALL first


class Rebuilt(msgspec.Struct, frozen=True, kw_only=True):
    """The rows of ``coverage_cell``, and those of ``coverage_point`` but for the instant."""

    cells: list[tuple[Any, ...]]
    points: list[tuple[Any, ...]]


def rebuilt(reference: Reference, observed: Observed, today: date) -> Rebuilt:
    """Every cell and every figure there is to be on *today*."""
    if not reference.askings:  # nothing is set up yet
        return Rebuilt(cells=[], points=[])
    county = _County(reference, today)
    table = observed.table()
    cells: list[tuple[Any, ...]] = []
    points: list[tuple[Any, ...]] = []
    for asking in reference.askings:
        said = _Said(table[table["indicator"] == asking.indicator_id], asking, county)
        cells += said.cells()
        points += _points(said, asking, county)
    return Rebuilt(cells=cells, points=points)


def _day(day: date) -> int:
    return (day - WEEKS_START).days


class _County:
    """Who was asked, and how many were enrolled, week by week."""

    def __init__(self, reference: Reference, today: date) -> None:
        self.today = _day(today)
        self.weeks = week_of(today) + 1
        self.ends = [week_ending(week) for week in range(self.weeks)]
        self.on_days = np.minimum(7 * np.arange(self.weeks), self.today)
        self.kinds = sorted({period.kind for period in reference.periods})
        self.group_ids = np.array(sorted(reference.group_ids))
        self.all_at = int(np.searchsorted(self.group_ids, reference.group_ids[0]))
        self.lea_ids = np.array(sorted(reference.lea_ids))
        leas, kinds = len(self.lea_ids), len(self.kinds)
        self._at = {lea_id: place for place, lea_id in enumerate(self.lea_ids.tolist())}
        # In which family an LEA reports for itself, and as what; -1 where it does not.
        self.family = np.full((leas, self.weeks), -1)
        self.kind = np.full((leas, self.weeks), -1)
        self.head_kind = np.full((leas, self.weeks), -1)  # of the head of a family
        self._sit_down(reference.periods)
        self.students = np.full((leas, len(self.group_ids), self.weeks), -1)  # of a family's head; -1: not known
        self._enroll(reference.enrolled)
        # Of how many LEAs an indicator is asked, by family and by kind; and who is enrolled in the families asked.
        self.asked_families: dict[tuple[str, ...], Ints] = {}
        self.asked_kinds: dict[tuple[str, ...], Ints] = {}
        self.everybody: dict[tuple[str, ...], Ints] = {}
        for asked_of in {tuple(asking.asked_of) for asking in reference.askings}:
            self._ask(asked_of, leas, kinds)

    def _weeks(self, from_on: date, to_on: date) -> slice:
        """The weeks whose figure is of a day from *from_on* to before *to_on*."""
        first, end = np.searchsorted(self.on_days, [_day(from_on), _day(to_on)])
        return slice(int(first), int(end))

    def _sit_down(self, periods: Sequence[Period]) -> None:
        of_lea: dict[int, list[Period]] = {}
        for period in periods:
            of_lea.setdefault(period.lea_id, []).append(period)
        for period in periods:
            if period.is_local:
                continue
            head_id = period.lea_id if period.authorizer_id is None else period.authorizer_id
            for head in of_lea.get(head_id, ()):
                weeks = self._weeks(max(period.valid_from, head.valid_from), min(period.valid_to, head.valid_to))
                if head.is_ours and weeks.start < weeks.stop:
                    self.family[self._at[period.lea_id], weeks] = self._at[head_id]
                    self.kind[self._at[period.lea_id], weeks] = self.kinds.index(period.kind)
                    self.head_kind[self._at[head_id], weeks] = self.kinds.index(head.kind)

    def _enroll(self, enrolled: Sequence[Enrolled]) -> None:
        """The newest Census Day counts, and the first of all for the time before it too."""
        known: set[tuple[int, int]] = set()
        for one in enrolled:
            cell = (one.lea_id, one.student_group_id)
            from_on = one.census_on if cell in known else WEEKS_START
            known.add(cell)
            group = int(np.searchsorted(self.group_ids, one.student_group_id))
            self.students[self._at[one.lea_id], group, self._weeks(from_on, date.max)] = one.students

    def _ask(self, asked_of: tuple[str, ...], leas: int, kinds: int) -> None:
        is_asked = np.isin(self.kind, [self.kinds.index(kind) for kind in asked_of if kind in self.kinds])
        lea, week = np.nonzero(is_asked)
        families = np.zeros((leas, self.weeks), np.int64)
        np.add.at(families, (self.family[lea, week], week), 1)
        by_kind = np.zeros((self.weeks, kinds), np.int64)
        np.add.at(by_kind, (week, self.kind[lea, week]), 1)
        everybody = np.full((len(self.group_ids), self.weeks, kinds), -1)
        head, group, week = np.nonzero((self.students >= 0) & (families > 0)[:, np.newaxis, :])
        where = (group, week, self.head_kind[head, week])
        everybody[where] = 0
        np.add.at(everybody, where, self.students[head, group, week])
        self.asked_families[asked_of], self.asked_kinds[asked_of] = families, by_kind
        self.everybody[asked_of] = everybody


class _Said:
    """What was said of one indicator: each observation with the day from which it no longer counts."""

    def __init__(self, rows: NDArray[Any], asking: Asking, county: _County) -> None:
        self._county = county
        self._asking = asking
        as_of = rows["as_of"].astype(np.int64) - _DATES_START
        until = rows["valid_until"].astype(np.int64) - _DATES_START + 1
        order = np.lexsort((rows["revision"], as_of, rows["group"], rows["lea"]))
        order = order[as_of[order] <= county.today]
        self._rows, self._as_of = rows[order], as_of[order]
        self._until = np.minimum(until[order], self._as_of + asking.counts_for_days)
        is_followed = np.zeros(len(order), np.bool_)
        is_followed[:-1] = (self._rows["lea"][1:] == self._rows["lea"][:-1]) & (
            self._rows["group"][1:] == self._rows["group"][:-1]
        )
        self._is_newest = ~is_followed
        self._replaced = self._until.copy()
        np.minimum(self._until[:-1], self._as_of[1:], out=self._replaced[:-1], where=is_followed[:-1])

    def cells(self) -> Iterator[tuple[Any, ...]]:
        """The newest observation of each cell, if it counts today."""
        counts = self._is_newest & (self._until > self._county.today)
        rows, as_of, until = self._rows[counts], self._as_of[counts].tolist(), self._until[counts].tolist()
        for row, day, end in zip(rows.tolist(), as_of, until, strict=True):
            lea, indicator, group, _, revision, *sums, evidence, _ = row
            days = WEEKS_START + timedelta(days=day), revision, WEEKS_START + timedelta(days=end)
            yield lea, indicator, group, *days, *sums, evidence.decode()

    def first_weeks(self) -> Ints:
        """From which week on each group has figures; a week that is yet to come where it has none."""
        county = self._county
        first = np.full(len(county.group_ids), county.weeks)
        np.minimum.at(first, self._groups(), (self._as_of + 6) // 7)
        asked_from = _day(self._asking.asked_from)
        if asked_from <= county.today:
            first[county.all_at] = min(first[county.all_at], (asked_from + 6) // 7)
        return first

    def _groups(self) -> Ints:
        return np.searchsorted(self._county.group_ids, self._rows["group"])

    def by_week(self) -> "_Weekly":
        """Each observation in each week in whose figure it counts."""
        county = self._county
        last_week = county.weeks - 1
        first = (self._as_of + 6) // 7
        last = np.where(self._replaced > county.today, last_week, np.minimum((self._replaced - 1) // 7, last_week - 1))
        times = np.maximum(last - first + 1, 0)  # 0 for what was revised on the same day
        row = np.repeat(np.arange(len(times)), times)
        week = np.arange(len(row)) - np.repeat(np.cumsum(times) - times - first, times)
        lea = np.searchsorted(county.lea_ids, self._rows["lea"])[row]
        sits = county.family[lea, week] >= 0
        row, week, lea = row[sits], week[sits], lea[sits]
        sums = {name: self._rows[name][row].astype(np.int64) for name in _SUMS[:4]}
        said = sums["met"] + sums["not_met"] + sums["not_applicable"]
        return _Weekly(
            group=self._groups()[row],
            week=week,
            family=county.family[lea, week],
            kind=county.kind[lea, week],
            evidence=self._rows["evidence"][row].view(np.uint8),
            sums=sums | {"unknown": np.maximum(0, sums["population"] - said)},
        )


class _Weekly(msgspec.Struct, frozen=True, kw_only=True):
    """Columns of what counts in a week."""

    group: Ints
    week: Ints
    family: Ints
    kind: Ints
    evidence: NDArray[np.uint8]
    sums: dict[str, Ints]


def _points(said: _Said, asking: Asking, county: _County) -> Iterator[tuple[Any, ...]]:
    """The figures of one indicator, of the county and of each kind of LEA."""
    shape = (len(county.group_ids), county.weeks, len(county.kinds))
    sums = {name: np.zeros(shape, np.int64) for name in _SUMS}
    evidence = np.zeros(shape, np.uint8)
    weekly, first = said.by_week(), said.first_weeks()
    is_there = (np.arange(county.weeks) >= first[:, np.newaxis])[:, :, np.newaxis]  # a pair has figures by then
    where = (weekly.group, weekly.week, weekly.kind)
    for name, values in weekly.sums.items():
        np.add.at(sums[name], where, values)
    np.add.at(sums["leas_heard"], where, 1)
    np.maximum.at(evidence, where, weekly.evidence)
    asked_of = tuple(asking.asked_of)
    sums["leas_asked"] += np.where(is_there, county.asked_kinds[asked_of], 0)
    there = (sums["leas_heard"] > 0) | (sums["leas_asked"] > 0)
    if asking.is_about_students:
        everybody = np.where(is_there, county.everybody[asked_of], -1)
        there |= everybody >= 0
        unheard = np.maximum(everybody, 0) - _heard_of(weekly, asked_of, county)
        for name in ("population", "unknown", "unheard"):
            sums[name] += unheard
    yield from _rows(asking, county, there, sums, evidence)


def _heard_of(weekly: _Weekly, asked_of: tuple[str, ...], county: _County) -> Ints:
    """How many of those enrolled are no longer unheard: all of a family heard in full, else as many as it told of."""
    gone = np.zeros((len(county.group_ids), county.weeks, len(county.kinds)), np.int64)
    place = (weekly.group * county.weeks + weekly.week) * len(county.lea_ids) + weekly.family
    places, at = np.unique(place, return_inverse=True)
    told = np.zeros(len(places), np.int64)
    np.add.at(told, at, weekly.sums["population"])
    heard = np.bincount(at, minlength=len(places))
    rest, family = np.divmod(places, len(county.lea_ids))
    group, week = np.divmod(rest, county.weeks)
    enrolled, asked = county.students[family, group, week], county.asked_families[asked_of][family, week]
    share = np.where(heard < asked, np.minimum(told, enrolled), enrolled)
    counts = (enrolled >= 0) & (asked > 0)
    np.add.at(gone, (group[counts], week[counts], county.head_kind[family, week][counts]), share[counts])
    return gone


def _rows(
    asking: Asking, county: _County, there: Flags, sums: dict[str, Ints], evidence: NDArray[np.uint8]
) -> Iterator[tuple[Any, ...]]:
    """The figures that are *there*, kind by kind and of all kinds together."""
    for at, kind in enumerate(county.kinds):
        of_kind = {name: one[:, :, at] for name, one in sums.items()}
        yield from _rows_of(kind, asking, county, there[:, :, at], of_kind, evidence[:, :, at])
    whole = {name: one.sum(axis=2) for name, one in sums.items()}
    yield from _rows_of(
        "county", asking, county, np.logical_or.reduce(there, axis=2), whole, evidence.max(axis=2, initial=0)
    )


def _rows_of(
    scope: str, asking: Asking, county: _County, there: Flags, sums: dict[str, Ints], evidence: NDArray[np.uint8]
) -> Iterator[tuple[Any, ...]]:
    days = [WEEKS_START + timedelta(days=day) for day in county.on_days.tolist()]
    groups, weeks = np.nonzero(there)
    ids = county.group_ids[groups].tolist()
    columns = zip(*(sums[name][there].tolist() for name in _SUMS), strict=True)
    for group, week, figures, grade in zip(ids, weeks.tolist(), columns, evidence[there].tolist(), strict=True):
        yield scope, asking.indicator_id, group, county.ends[week], days[week], *figures, chr(grade) if grade else None
