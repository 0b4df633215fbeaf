"""Unit costs in the database: typed functions over queries.sql."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from equityaccess.catalogue.reference import as_json
from equityaccess.database import Transaction, load_queries
from equityaccess.last_mile.structs import Priced, UnitCost, UnitCostIn, UnitCostRow

sql = load_queries(__file__)


async def unit_costs(tx: Transaction, indicator: str | None = None, *, every_revision: bool = False) -> list[UnitCost]:
    """The unit costs that hold, of one indicator or of all; with *every_revision* also those that held before."""
    return await tx.all(sql.unit_costs, UnitCost, indicator=indicator, every_revision=every_revision)


async def put_unit_cost(
    tx: Transaction, indicator: str, barrier: Priced, after: int, new: UnitCostIn, now: datetime, key_id: UUID
) -> bool:
    """Put *new* after the revision *after*, 0 for none; whether it still was the newest."""
    return bool(
        await tx.execute(
            sql.put_unit_cost,
            indicator=indicator,
            barrier=barrier,
            after=after,
            cents=new.cents,
            source=new.source,
            now=now,
            key_id=key_id,
        )
    )


async def seed(tx: Transaction, rows: Sequence[UnitCostRow], now: datetime) -> list[str]:
    """Put the estimates of the reference file where there are none yet."""
    return await tx.values(sql.seed_unit_costs, rows=as_json(rows), now=now)
