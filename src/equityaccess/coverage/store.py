"""Coverage in the database: typed functions over queries.sql."""

from datetime import date, datetime

import msgspec

from equityaccess.coverage.rules import week_of
from equityaccess.coverage.structs import Counted, Sums, counted
from equityaccess.database import Transaction, load_queries

COUNTY = "19"  # CDE's code of Los Angeles County
sql = load_queries(__file__)


class Difference(msgspec.Struct, frozen=True):
    """How the stored figures differed from the rebuilt ones."""

    cells: int
    points: int
    examples: list[str]

    def __str__(self) -> str:
        named = "; ".join(self.examples)
        return f"STORED FIGURES WERE WRONG: {self.cells} cells and {self.points} figures differed and were replaced: {named}"


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
        await tx.execute(sql.put_points, today=today, last_week=last_week, county=COUNTY, now=now)
    return touched


async def mark_expired(tx: Transaction, today: date) -> int:
    """Mark the cells that no longer count and the figures that are not of *today*; how many."""
    await tx.execute(sql.lock)
    return await tx.execute(sql.mark_expired, today=today)


async def rebuild(tx: Transaction, now: datetime, today: date) -> Difference | None:
    """Compare the stored figures with those rebuilt from every observation; replace them if they differ."""
    await tx.execute(sql.lock)
    await tx.execute(sql.make_fresh_cells)
    await tx.execute(sql.make_fresh_points)
    await tx.execute(sql.rebuild_cells, today=today)
    await tx.execute(sql.rebuild_points, today=today, last_week=week_of(today), county=COUNTY, now=now)
    cells: int = await tx.value(sql.different_cells)
    points = await tx.rows(sql.different_points)
    if not cells and not points:
        return None
    await tx.execute(sql.clear_cells)
    await tx.execute(sql.keep_fresh_cells)
    await tx.execute(sql.clear_points)
    await tx.execute(sql.keep_fresh_points)
    return Difference(cells, len(points), [" ".join(map(str, point)) for point in points[:5]])


Cell = tuple[int, int, int]  # LEA, indicator, student group


class CellSums(Sums, frozen=True, kw_only=True):
    """The sums of one cell, or of the county for its indicator and group (lea_id 0)."""

    lea_id: int
    indicator_id: int
    student_group_id: int


async def figures_now(tx: Transaction, cells: list[Cell], today: date) -> tuple[dict[Cell, Counted], dict[tuple[int, int], Counted]]:
    """What counts today of *cells*, and the county's figures with them; needs a transaction that reads every LEA."""
    lea_ids, indicator_ids, student_group_ids = (list(column) for column in zip(*cells, strict=True))
    columns = {"lea_ids": lea_ids, "indicator_ids": indicator_ids, "student_group_ids": student_group_ids, "today": today}
    own = await tx.all(sql.own_figures_now, CellSums, **columns)
    county = await tx.all(sql.county_figures_now, CellSums, **columns, last_week=week_of(today), county=COUNTY)
    return (
        {(row.lea_id, row.indicator_id, row.student_group_id): counted(row) for row in own},
        {(row.indicator_id, row.student_group_id): counted(row) for row in county},
    )
