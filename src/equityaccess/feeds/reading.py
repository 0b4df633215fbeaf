"""The feeds as they are told, for the API and the pages: the longest silent before others."""

from collections.abc import Mapping
from datetime import datetime

from equityaccess.database import Transaction
from equityaccess.feeds import store
from equityaccess.feeds.structs import Feed, FeedRow, State


async def feeds(tx: Transaction, codes: Mapping[int, str], now: datetime) -> list[Feed]:
    """Every feed that the transaction sees, of the LEAs in *codes*."""
    rows = await store.feeds(tx)
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
