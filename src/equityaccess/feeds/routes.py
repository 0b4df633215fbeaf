"""Feeds over HTTP: a district reads whether its own push came, the county whose did not."""

from typing import Annotated, Any

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from equityaccess import clock
from equityaccess.access.structs import Caller
from equityaccess.database import Database
from equityaccess.feeds.reading import feeds
from equityaccess.feeds.structs import FeedList, State
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
        found = await feeds(tx, await leas.codes(tx, clock.today()), clock.now())
    return answer(request, FeedList(items=[feed for feed in found if only in (None, feed.state)]))


ROUTES = (list_feeds,)
