"""Puts into a database everything that ships with the program: each slice brings its own rows."""

from datetime import datetime

from equityaccess import clock
from equityaccess.audit.structs import Origin
from equityaccess.database import Database
from equityaccess.last_mile.seed import seed_unit_costs
from equityaccess.leas.seed import THE_PROGRAM, seed
from equityaccess.onboarding.seed import seed_onboarding
from equityaccess.support.seed import seed_support
from equityaccess.triage.seed import seed_weights


async def seed_all(db: Database, now: datetime, origin: Origin = THE_PROGRAM) -> list[str]:
    """What changed, a line a table. Safe to run again; needs the role owner."""
    return [
        *await seed(db, clock.today(now), origin),
        *await seed_onboarding(db),
        *await seed_support(db),
        *await seed_unit_costs(db, now),
        *await seed_weights(db, now),
    ]
