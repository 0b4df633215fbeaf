"""Brings the weights of triage up to the reference file; each change is a version of its own."""

from datetime import datetime

from equityaccess.catalogue.reference import reference_folder
from equityaccess.catalogue.seed import told
from equityaccess.database import Database
from equityaccess.triage import store
from equityaccess.triage.weights import read_weights


async def seed_weights(db: Database, now: datetime) -> list[str]:
    """What was added, in a line; needs the role owner. Raises msgspec.ValidationError for weights without sense."""
    document = (reference_folder() / "triage.toml").read_text(encoding="utf-8")
    read_weights(document)
    async with db.transaction(role="owner") as tx:
        return told("triage_weights", await store.put_weights(tx, document, now))
