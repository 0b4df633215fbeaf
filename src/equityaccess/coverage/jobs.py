"""The jobs that keep coverage: drain what pushes marked, let plans end, and prove the result once a night."""

from datetime import datetime

from equityaccess import clock
from equityaccess.coverage import proof, store
from equityaccess.database import Transaction
from equityaccess.outcome import Done


async def aggregate_coverage(tx: Transaction, now: datetime) -> Done | None:
    """Work out again what was touched since the last time; nothing to do is nothing said."""
    touched = await store.drain(tx, now, clock.today(now))
    return Done(touched=touched, said=f"worked out {touched} touched cells again") if touched else None


async def expire_coverage(tx: Transaction, now: datetime) -> Done:
    """Turn what no longer counts into unknown, and open the figures of a new day."""
    marked = await store.mark_expired(tx, clock.today(now))
    await store.drain(tx, now, clock.today(now))
    return Done(touched=marked, said=f"{marked} cells and figures brought to {clock.today(now)}")


async def rebuild_coverage(tx: Transaction, now: datetime) -> Done:
    """Everything again from the observations; a single difference to the stored figures is a failure, and is mended."""
    today = clock.today(now)
    await store.mark_expired(tx, today)
    await store.drain(tx, now, today)
    difference = await proof.rebuild(tx, now, today)
    if difference is None:
        return Done(touched=0, said="the rebuilt figures are those that were stored")
    return Done(touched=difference.cells + difference.points, said=str(difference), failed=True)
