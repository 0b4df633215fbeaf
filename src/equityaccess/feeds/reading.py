"""The feeds as they are told, for the API and the pages: the longest silent before others."""

from datetime import datetime

from equityaccess import clock
from equityaccess.database import Transaction
from equityaccess.feeds import store
from equityaccess.feeds.structs import Feed, FeedRow, State
from equityaccess.leas import store as leas


async def feeds(tx: Transaction, now: datetime) -> list[Feed]:
    """Every feed that the transaction sees, of an LEA that there is today."""
    rows = await store.feeds(tx)
    codes = await leas.codes(tx, clock.today(now))
    return sorted((_feed(row, codes[row.lea_id], now) for row in rows if row.lea_id in codes), key=_urgency)


def _feed(row: FeedRow, code: str, now: datetime) -> Feed:
    state: State = "irregular"
    if row.expected_at is not None:
        state = "silent" if row.expected_at < now else "on_time"
    return Feed(
        lea=code,
        state=state,
        habit=row.habit,
        learned_from=row.learned_from,
        last_received_at=row.last_received_at,
        expected_at=row.expected_at,
        computed_at=row.computed_at,
    )


def _urgency(feed: Feed) -> tuple[bool, bool, float, str]:
    due = feed.expected_at.timestamp() if feed.expected_at else 0.0
    return (feed.state != "silent", feed.state == "irregular", due, feed.lea)
