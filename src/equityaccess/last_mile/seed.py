"""Brings the unit costs of the reference file where the county office has none of its own."""

from datetime import datetime

from equityaccess.catalogue.reference import read_reference, reference_folder
from equityaccess.catalogue.seed import told
from equityaccess.database import Database
from equityaccess.last_mile import store
from equityaccess.last_mile.structs import UnitCostRow


async def seed_unit_costs(db: Database, now: datetime) -> list[str]:
    """What was added, in a line; what the county office has estimated itself is left. Needs the role owner."""
    rows = read_reference(reference_folder() / "unit_costs.csv", UnitCostRow)
    async with db.transaction(role="owner") as tx:
        return told("unit_cost", await store.seed(tx, rows, now))
