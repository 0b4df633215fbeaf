"""Feeds over HTTP: a district reads whether its own push came, the county whose did not."""

from typing import Annotated, Any

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from equityaccess import clock
from equityaccess.access.structs import Caller
from equityaccess.database import Database
from equityaccess.feeds import store
from equityaccess.feeds.structs import Feed, FeedList, FeedRow, State
from equityaccess.leas import store as leas
from equityaccess.web import answer, refuses


@get("/feeds", operation_id="list_feeds", tags=["submissions"], responses=refuses())
async def list_feeds(
    request: Request[Any, Any, Any],
    caller: NamedDependency[Caller],
    db: NamedDependency[Database],
    only: Annotated[State | None, QueryParameter(name="state", description="Only feeds in this state.")] = None,
) -> Response[FeedList]:
    """List when pushes about each LEA usually come, and whose did not: a job that died is noticed within hours.

    A feed is learned from the days on which pushes were taken, every hour. It is silent once `expected_at` is past.
    """
    async with db.transaction(leas=caller.lea_ids, every_lea=caller.sees_every_lea) as tx:
        rows = await store.feeds(tx)
        codes = await leas.codes(tx, clock.today())
    found = [_feed(row, codes[row.lea_id]) for row in rows if row.lea_id in codes]
    wanted = [feed for feed in found if only in (None, feed.state)]
    return answer(request, FeedList(items=sorted(wanted, key=_urgency)))


def _feed(row: FeedRow, code: str) -> Feed:
    state: State = "irregular"
    if row.expected_at is not None:
        state = "silent" if row.expected_at < clock.now() else "on_time"
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


ROUTES = (list_feeds,)
