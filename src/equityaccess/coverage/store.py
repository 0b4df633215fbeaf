"""Coverage in the database: typed functions over queries.sql."""

from datetime import date, datetime

import msgspec

from equityaccess.coverage.rules import week_of
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
