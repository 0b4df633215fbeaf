"""The job that keeps the days of onboarding current: time passes, and others finish."""

from datetime import datetime

from equityaccess.database import Transaction
from equityaccess.onboarding import following, store
from equityaccess.outcome import Done


async def reschedule_onboarding(tx: Transaction, now: datetime) -> Done:
    """Work out how long LEAs take, then every LEA's days, and the progress of the running week."""
    books, calendar = await store.playbooks(tx), await store.calendar(tx)
    await store.keep_took(tx, following.taken(await store.durations(tx), books, calendar))
    count = await following.follow(tx, None, now)
    return Done(touched=count, said=f"worked out the days of {count} participations")
