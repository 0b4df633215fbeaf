"""Coverage in the database: typed functions over queries.sql."""

from datetime import date, datetime
from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta

from equityaccess.coverage.rules import week_ending, week_of
from equityaccess.coverage.structs import Counted, Gap, Goal, Grade, Point, Sums, counted, published
from equityaccess.database import Transaction, load_queries

COUNTY = "19"  # CDE's code of Los Angeles County
sql = load_queries(__file__)


async def drain(tx: Transaction, now: datetime, today: date) -> int:
    """Work out again exactly what the marks name; how many cells that were."""
    await tx.execute(sql.lock)
    await tx.execute(sql.make_touched)
    touched = await tx.execute(sql.take_marks)
    if touched:
        last_week = week_of(today)
        await tx.execute(sql.reach_back, today=today)
        await tx.execute(sql.forget_cells)
        await tx.execute(sql.put_cells, today=today)
        await tx.execute(sql.forget_points, last_week=last_week)
        await tx.execute(sql.prefer_hashing)
        await tx.execute(sql.put_points, today=today, last_week=last_week, county=COUNTY, now=now)
        await tx.announce("coverage")
    return touched


async def mark_expired(tx: Transaction, today: date) -> int:
    """Mark the cells that no longer count and the figures that are not of *today*; how many."""
    await tx.execute(sql.lock)
    return await tx.execute(sql.mark_expired, today=today)


async def mark_all(tx: Transaction, today: date) -> int:
    """Mark every figure, because the directory or the enrollment changed under it; how many pairs."""
    return await tx.execute(sql.mark_all, today=today)


Cell = tuple[int, int, int]  # LEA, indicator, student group


class CellSums(Sums, frozen=True, kw_only=True):
    """The sums of one cell, or of the county for its indicator and group (lea_id 0)."""

    lea_id: int
    indicator_id: int
    student_group_id: int


class Cells(msgspec.Struct, frozen=True, kw_only=True):
    """Cells in some order, as columns of the same length."""

    lea_ids: list[int]
    indicator_ids: list[int]
    student_group_ids: list[int]

    def first(self, most: int) -> list[Cell]:
        """The first *most* of them, one by one."""
        columns = (self.lea_ids[:most], self.indicator_ids[:most], self.student_group_ids[:most])
        return list(zip(*columns, strict=True))


async def figures_now(
    tx: Transaction, cells: Cells, today: date, listed: int
) -> tuple[dict[Cell, Counted], dict[tuple[int, int], Counted]]:
    """What counts today of the first *listed* of *cells*, and the county's figures with all of them.

    Needs a transaction that reads every LEA.
    """
    found = await tx.all(
        sql.figures_now,
        CellSums,
        **msgspec.structs.asdict(cells),
        today=today,
        last_week=week_of(today),
        county=COUNTY,
        listed=listed,
    )
    own = {(row.lea_id, row.indicator_id, row.student_group_id): counted(row) for row in found if row.lea_id}
    county = {(row.indicator_id, row.student_group_id): counted(row) for row in found if not row.lea_id}
    return own, county


class Found(Sums, frozen=True, kw_only=True):
    """The figures of one scope, indicator, group and week."""

    scope: str
    indicator: str
    student_group: str
    week_ending: date
    as_of: date
    leas_asked: int
    leas_heard: int
    evidence: Grade | None
    computed_at: datetime

    def point(self, *, is_own: bool) -> Point:
        """As a caller may see it."""
        return Point(
            week_ending=self.week_ending,
            as_of=self.as_of,
            figures=published(counted(self), is_own=is_own),
            leas_asked=self.leas_asked,
            leas_heard=self.leas_heard,
            lowest_evidence=self.evidence,
            computed_at=self.computed_at,
        )


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """Which figures are asked for; None is any."""

    indicator: str | None = None
    student_group: str | None = None


class Weeks(msgspec.Struct, frozen=True, kw_only=True):
    """The weeks that are asked for, up to the one of `today`, as they were known at an instant."""

    first: int
    today: date
    known_at: datetime


class OwnAsked(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of an LEA for a group, and how many students it has of it, as far as is known."""

    indicator: str
    student_group: str
    is_about_students: bool
    students: int | None
    includes_charters: bool


class GoalOf(Goal, frozen=True, kw_only=True):
    """The target of one indicator and group."""

    indicator: str
    student_group: str


class FoundGap(Gap, frozen=True, kw_only=True):
    """A gap with the id of its LEA, which callers do not see."""

    lea_id: int


async def stored_now(tx: Transaction, scope: str, pair: Pair) -> list[Found]:
    """The newest aggregated figures of the county or a kind of LEA."""
    return await tx.all(sql.stored_now, Found, scope=scope, **msgspec.structs.asdict(pair))


async def stored_series(tx: Transaction, scope: str, pair: Pair, from_on: date, to_on: date) -> list[Found]:
    """The aggregated figures of the weeks that *from_on* to *to_on* touch."""
    return await tx.all(
        sql.stored_series, Found, scope=scope, from_on=from_on, to_on=to_on, **msgspec.structs.asdict(pair)
    )


async def as_known(tx: Transaction, scope: str, pair: Pair, weeks: Weeks, now: datetime) -> list[Found]:
    """The figures of the county or a kind of LEA, worked out from the observations; needs a reader of every LEA."""
    await tx.execute(sql.prefer_hashing)
    return await tx.all(
        sql.as_known,
        Found,
        scope=scope,
        county=COUNTY,
        first_week=weeks.first,
        last_week=week_of(weeks.today),
        today=weeks.today,
        known_at=weeks.known_at,
        now=now,
        **msgspec.structs.asdict(pair),
    )


async def own(tx: Transaction, lea_id: int, pair: Pair, weeks: Weeks, now: datetime) -> list[Found]:
    """The figures of one LEA; for what is asked of it and not heard, its enrollment, all of it unheard."""
    said = await tx.all(
        sql.own,
        Found,
        lea_id=lea_id,
        first_week=weeks.first,
        last_week=week_of(weeks.today),
        today=weeks.today,
        known_at=weeks.known_at,
        now=now,
        **msgspec.structs.asdict(pair),
    )
    heard = {(found.indicator, found.student_group, found.week_ending) for found in said}
    for asked in await own_asked(tx, lea_id, weeks.today):
        if pair.indicator not in (None, asked.indicator) or pair.student_group not in (None, asked.student_group):
            continue
        if asked.student_group == "ALL" or pair.student_group:
            said += [
                _unheard(asked, week, weeks.today, now)
                for week in range(weeks.first, week_of(weeks.today) + 1)
                if (asked.indicator, asked.student_group, week_ending(week)) not in heard
            ]
    return sorted(said, key=lambda f: (f.indicator, f.student_group != "ALL", f.student_group, f.week_ending))


def _unheard(asked: OwnAsked, week: int, today: date, now: datetime) -> Found:
    people = (asked.students or 0) if asked.is_about_students else 0
    return Found(
        scope="",
        indicator=asked.indicator,
        student_group=asked.student_group,
        week_ending=week_ending(week),
        as_of=min(week_ending(week), today),
        population=people,
        met=0,
        not_met=0,
        not_applicable=0,
        unknown=people,
        unheard=people,
        leas_asked=1,
        leas_heard=0,
        evidence=None,
        computed_at=now,
    )


async def own_asked(tx: Transaction, lea_id: int, on_day: date) -> list[OwnAsked]:
    """What is asked of an LEA on a day, by indicator and group."""
    return await tx.all(sql.own_asked, OwnAsked, lea_id=lea_id, on_day=on_day)


async def targets(tx: Transaction, today: date) -> dict[tuple[str, str], Goal]:
    """The target that matters now, by indicator and group."""
    return {
        (goal.indicator, goal.student_group): Goal(percent=goal.percent, target_on=goal.target_on)
        for goal in await tx.all(sql.targets, GoalOf, today=today)
    }


Text = Annotated[str, Meta(max_length=64, pattern=r"\A[^\x00]*\Z")]  # a cursor may come from anywhere


class GapKey(NamedTuple):
    """Where a gap stands in the order: the most people first."""

    fewer_than: Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)]  # negative, so that more people come first
    lea: Text
    indicator: Text
    student_group: Text
    barrier: Text


FIRST_GAP = GapKey(-(2**31), "", "", "", "")


async def gaps(
    tx: Transaction,
    lea_ids: list[int] | None,
    indicator: str | None,
    student_groups: list[str] | None,
    after: GapKey,
    today: date,
    limit: int,
) -> list[Gap]:
    """People left to reach, the most first, after a key; None is any, and every LEA needs a reader of every LEA.

    Who was not heard from comes from the directory, which everybody reads: the wall alone does not narrow it.
    """
    await tx.execute(sql.plan_for_the_values)
    found = await tx.all(
        sql.gaps,
        FoundGap,
        lea_ids=lea_ids,
        today=today,
        county=COUNTY,
        after_people=after.fewer_than,
        after_lea=after.lea,
        after_indicator=after.indicator,
        after_group=after.student_group,
        after_barrier=after.barrier,
        limit=limit,
        indicator=indicator,
        student_groups=student_groups,
    )
    return [msgspec.convert(gap, Gap, from_attributes=True) for gap in found]


async def indicators(tx: Transaction) -> list[str]:
    """The codes of all indicators."""
    return await tx.values(sql.indicators)


async def groups(tx: Transaction) -> list[str]:
    """The codes of all student groups, ALL first."""
    return await tx.values(sql.groups)
