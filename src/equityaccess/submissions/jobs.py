"""The job that forgets what need not be kept: never the journal."""

from datetime import datetime, timedelta

from equityaccess.access import store as access
from equityaccess.database import Transaction
from equityaccess.outcome import Done
from equityaccess.submissions import store

FULL_AGAIN = timedelta(hours=1)  # a quota is full after a minute; clocks may differ
KEEP = timedelta(hours=72)  # the most that settings.idempotency_hours may be


async def purge_expired(tx: Transaction, now: datetime) -> Done:
    """Forget Idempotency-Keys whose time is over, and quotas that are full again; the submissions they named stay."""
    keys = await store.forget_idempotency(tx, now - KEEP)
    quotas = await access.forget_quotas(tx, now - FULL_AGAIN)
    return Done(touched=keys + quotas, said=f"{keys} idempotency keys and {quotas} quotas forgotten")
