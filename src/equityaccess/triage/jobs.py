"""The job that scores every LEA, every quarter of an hour."""

from datetime import datetime

from equityaccess.database import Transaction
from equityaccess.outcome import Done
from equityaccess.triage.scoring import score_all


async def score_triage(tx: Transaction, now: datetime) -> Done:
    """Give every LEA its reasons and their sum; open and close items."""
    scored, opened, closed = await score_all(tx, now)
    return Done(touched=scored, said=f"scored {scored} LEAs: {opened} items opened, {closed} closed")
