"""The job that keeps the scheduler's own history short."""

from datetime import datetime, timedelta

from equityaccess.database import Transaction
from equityaccess.outcome import Done
from equityaccess.scheduler import store

KEEP = timedelta(days=90)


async def purge_history(tx: Transaction, now: datetime) -> Done:
    """Forget runs of long ago: a job of every second would otherwise leave a row for each second with a push in it."""
    forgotten = await store.forget(tx, now - KEEP)
    return Done(touched=forgotten, said=f"{forgotten} runs forgotten")
