"""The job that forgets what need not be kept: never the journal."""

from datetime import datetime, timedelta

from equityaccess.database import Transaction
from equityaccess.outcome import Done
from equityaccess.submissions import store

KEEP = timedelta(hours=72)  # the most that settings.idempotency_hours may be


async def purge_expired(tx: Transaction, now: datetime) -> Done:
    """Forget Idempotency-Keys whose time is over; the submissions they named stay."""
    forgotten = await store.forget_idempotency(tx, now - KEEP)
    return Done(touched=forgotten, said=f"{forgotten} idempotency keys forgotten")
