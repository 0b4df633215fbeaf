"""The job that forgets what need not be kept: never the journal."""

from datetime import datetime, timedelta

from equityaccess.access import store as access
from equityaccess.database import Transaction
from equityaccess.outcome import Done
from equityaccess.signin import store as signin
from equityaccess.submissions import store

FULL_AGAIN = timedelta(hours=1)  # a quota is full after a minute; clocks may differ
KEEP = timedelta(hours=72)  # the most that settings.idempotency_hours may be


async def purge_expired(tx: Transaction, now: datetime) -> Done:
    """Forget Idempotency-Keys, tokens and sign-in links whose time is over, and quotas that are full again."""
    keys = await store.forget_idempotency(tx, now - KEEP)
    quotas = await access.forget_quotas(tx, now - FULL_AGAIN)
    tokens = await access.forget_tokens(tx, now - KEEP)
    links = await signin.forget_links(tx, now - KEEP)
    said = f"{keys} idempotency keys, {tokens} tokens, {links} sign-in links and {quotas} quotas forgotten"
    return Done(touched=keys + tokens + links + quotas, said=said)
