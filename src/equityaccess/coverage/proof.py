"""The nightly proof of the stored figures, against those rebuilt from every observation. Of the scheduler alone."""

import asyncio
from datetime import date, datetime
from typing import Final

import msgspec

from equityaccess.coverage import store
from equityaccess.coverage.observed import Observed
from equityaccess.coverage.rebuilding import Asking, Enrolled, Period, Reference, rebuilt
from equityaccess.database import Transaction

_CELL_COLUMNS: Final = (
    "lea_id", "indicator_id", "student_group_id", "as_of", "revision", "counts_until",
    "population", "met", "not_met", "not_applicable", "evidence",
)  # fmt: skip
_POINT_COLUMNS: Final = (
    "scope", "indicator_id", "student_group_id", "week_ending", "as_of", "population", "met", "not_met",
    "not_applicable", "unknown", "unheard", "leas_asked", "leas_heard", "evidence", "computed_at",
)  # fmt: skip


class Difference(msgspec.Struct, frozen=True):
    """How the stored figures differed from the rebuilt ones."""

    cells: int
    points: int
    examples: list[str]

    def __str__(self) -> str:
        named = "; ".join(self.examples)
        differed = f"{self.cells} cells and {self.points} figures differed and were replaced"
        return f"STORED FIGURES WERE WRONG: {differed}: {named}"


async def rebuild(tx: Transaction, now: datetime, today: date) -> Difference | None:
    """Compare the stored figures with those rebuilt from every observation; replace them if they differ."""
    await tx.execute(store.sql.lock)
    await work_out_afresh(tx, now, today)
    cells: int = await tx.value(store.sql.different_cells)
    points = await tx.rows(store.sql.different_points)
    if not cells and not points:
        return None
    await tx.execute(store.sql.clear_cells)
    await tx.execute(store.sql.keep_fresh_cells)
    await tx.execute(store.sql.clear_points)
    await tx.execute(store.sql.keep_fresh_points)
    return Difference(cells, len(points), [" ".join(map(str, point)) for point in points[:5]])


async def work_out_afresh(tx: Transaction, now: datetime, today: date) -> None:
    """Put every cell and figure there is to be into ``fresh_cell`` and ``fresh_point``."""
    reference = Reference(
        lea_ids=await tx.values(store.sql.lea_ids),
        periods=await tx.all(store.sql.periods, Period, county=store.COUNTY),
        askings=await tx.all(store.sql.askings, Asking),
        enrolled=await tx.all(store.sql.enrolled_ever, Enrolled),
        group_ids=await tx.values(store.sql.group_ids),
    )
    observed = Observed()
    await tx.copy_out(store.sql.observed_ever, observed.take)
    fresh = await asyncio.to_thread(rebuilt, reference, observed, today)
    await tx.execute(store.sql.make_fresh_cells)
    await tx.execute(store.sql.make_fresh_points)
    await tx.copy("fresh_cell", _CELL_COLUMNS, fresh.cells)
    await tx.copy("fresh_point", _POINT_COLUMNS, ((*point, now) for point in fresh.points))
