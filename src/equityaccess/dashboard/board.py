"""The county's board: what was counted becomes rows of measures and columns of student groups. Pure."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

import msgspec

from equityaccess.catalogue.structs import Indicator, StudentGroup
from equityaccess.coverage.outlook import outlook
from equityaccess.coverage.store import Found
from equityaccess.coverage.structs import Counted, Goal, Outlook, Point

TREND_WEEKS: Final = 4
SHOWN_WEEKS: Final = 12  # that are read: enough for the trend, and for a week in which nothing was worked out
_BAR: Final = 34  # pixels of a chart for a bar
_LINES: Final = 5  # of a chart that are still told apart


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One measure of one group: its newest point, how many percentage points it moved, and where that leads."""

    indicator: str
    student_group: str
    point: Point
    goal: Goal | None
    moved: float | None
    outlook: Outlook


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A measure with its figures by group."""

    indicator: Indicator
    figures: dict[str, Figure]


class Board(msgspec.Struct, frozen=True, kw_only=True):
    """The whole board; groups are those of which there is any figure."""

    rows: list[Row]
    groups: list[StudentGroup]
    as_of: date | None
    computed_at: datetime | None


class History(msgspec.Struct, frozen=True, kw_only=True):
    """What was confirmed of one measure from week to week: by group, everyone first; None where nothing counted."""

    weeks: list[date]
    rates: dict[str, list[float | None]]


def board(
    found: Sequence[Found],
    indicators: Sequence[Indicator],
    groups: Sequence[StudentGroup],
    goals: Mapping[tuple[str, str], Goal],
    today: date,
) -> Board:
    """The board of *found*, which are the points of the weeks before *today*."""
    figures = figures_of(found, goals, today)
    rows = [
        Row(indicator=it, figures={one.student_group: one for one in figures if one.indicator == it.code})
        for it in indicators
    ]
    with_figures = {one.student_group for one in figures}
    return Board(
        rows=[row for row in rows if row.figures],
        groups=[group for group in groups if group.code in with_figures],
        as_of=max((one.point.as_of for one in figures), default=None),
        computed_at=min((one.point.computed_at for one in figures), default=None),
    )


def figures_of(found: Sequence[Found], goals: Mapping[tuple[str, str], Goal], today: date) -> list[Figure]:
    """The figures of which *found* are the points of the weeks before *today*, for who may see them whole."""
    series: dict[tuple[str, str], list[Point]] = {}
    for one in sorted(found, key=lambda one: one.week_ending):
        series.setdefault((one.indicator, one.student_group), []).append(one.point(is_own=True))
    return [_figure(pair, points, goals.get(pair), today) for pair, points in series.items()]


def _figure(pair: tuple[str, str], points: Sequence[Point], goal: Goal | None, today: date) -> Figure:
    newest = points[-1]
    earlier = [one for one in points if one.week_ending <= newest.week_ending - timedelta(weeks=TREND_WEEKS)]
    moved = None
    if earlier:
        now, then = _confirmed(newest), _confirmed(earlier[-1])
        moved = None if now is None or then is None else now - then
    return Figure(
        indicator=pair[0],
        student_group=pair[1],
        point=newest,
        goal=goal,
        moved=moved,
        outlook=outlook(points, goal, today),
    )


def _confirmed(point: Point) -> float | None:
    return point.figures.confirmed_percent if isinstance(point.figures, Counted) else None


def widest_first(row: Row) -> list[Figure]:
    """The figures of a measure, the furthest from 100 % first; those of which nothing is known come last."""

    def confirmed(one: Figure) -> tuple[bool, float]:
        rate = _confirmed(one.point)
        return rate is None, rate or 0.0

    return sorted(row.figures.values(), key=confirmed)


def history(found: Sequence[Found], indicator: str) -> History:
    """How *indicator* went in the weeks of *found*: everyone, and the groups of which the least is confirmed now."""
    rates: dict[str, dict[date, float | None]] = {}
    for one in sorted(found, key=lambda one: one.week_ending):
        if one.indicator == indicator:
            rate = _confirmed(one.point(is_own=True)) if one.leas_heard else None
            rates.setdefault(one.student_group, {})[one.week_ending] = rate
    weeks = sorted({week for of_group in rates.values() for week in of_group})
    lines = {group: [of_group.get(week) for week in weeks] for group, of_group in rates.items()}

    def place(group: str) -> tuple[bool, bool, float]:
        newest = lines[group][-1]
        return group != "ALL", newest is None, newest or 0.0

    return History(weeks=weeks, rates={group: lines[group] for group in sorted(lines, key=place)[:_LINES]})


def chart(figures: Sequence[Figure], names: Mapping[str, str], words: Mapping[str, str]) -> dict[str, Any]:
    """What charts.js draws of *figures*: what is confirmed and what is unknown, one bar a group, against the target."""
    counted = [(one, one.point.figures) for one in figures if isinstance(one.point.figures, Counted)]
    drawn = [(one, it) for one, it in counted if it.confirmed_percent is not None and it.at_most_percent is not None]
    goals = {one.goal.percent for one, _ in drawn if one.goal}
    return {
        "description": words["description"],
        "most": 100,
        "stacked": True,
        "height": 120 + _BAR * len(drawn),
        "categories": [names[one.student_group] for one, _ in drawn],
        "series": [
            {"name": words["confirmed"], "data": [it.confirmed_percent for _, it in drawn]},
            {
                "name": words["unknown"],
                "data": [round((it.at_most_percent or 0) - (it.confirmed_percent or 0), 2) for _, it in drawn],
            },
        ],
        # Of a measure whose groups have several targets none is drawn: the table has each.
        **({"target": goals.pop(), "target_name": words["target"]} if len(goals) == 1 else {}),
    }
