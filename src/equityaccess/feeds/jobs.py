"""The job that notices the push that did not come."""

import itertools
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from equityaccess.clock import LOCAL
from equityaccess.database import Transaction
from equityaccess.feeds import store
from equityaccess.feeds.rules import Arrival, described, expected_at, habit
from equityaccess.feeds.structs import ArrivalRow, FeedRow
from equityaccess.outcome import Done

_LOOKS_BACK = timedelta(days=400)  # a school year and a summer


async def detect_silent_feeds(tx: Transaction, now: datetime) -> Done:
    """Learn when each LEA's push is to be expected, and say how many have not come."""
    rows = list(learned(await store.arrivals(tx, now - _LOOKS_BACK), now))
    await store.keep(tx, rows)
    silent = sum(row.expected_at is not None and row.expected_at < now for row in rows)
    return Done(touched=len(rows), said=f"{silent} of {len(rows)} feeds are silent")


def learned(arrivals: Iterable[ArrivalRow], now: datetime) -> Iterator[FeedRow]:
    """A feed for each LEA of *arrivals*, which are in the order of the LEAs and then of time."""
    for lea_id, some in itertools.groupby(arrivals, key=lambda row: row.lea_id):
        rows = list(some)
        local = [row.first_at.astimezone(LOCAL) for row in rows]
        found = habit([Arrival(day=at.date(), at=at.time()) for at in local])
        yield FeedRow(
            lea_id=lea_id,
            habit=described(found) if found else None,
            learned_from=found.learned_from if found else len(rows),
            last_received_at=rows[-1].last_at,
            expected_at=expected_at(found, local[-1].date(), LOCAL) if found else None,
            computed_at=now,
        )
