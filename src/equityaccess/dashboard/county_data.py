"""``/county/data``: what changed, what has not come, which feeds fell silent, and what pushes left in doubt."""

from datetime import date, timedelta
from typing import Annotated, Any, Final

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from equityaccess import clock
from equityaccess.catalogue import store as catalogue
from equityaccess.coverage import quality
from equityaccess.dashboard.doors import FOR_COUNTY
from equityaccess.dashboard.rendering import page
from equityaccess.database import Database
from equityaccess.feeds import reading as feeds
from equityaccess.leas import store as leas
from equityaccess.submissions.doubts import doubts
from equityaccess.web import wrong_parameter

_FIRST: Final = "home_internet"
_SHOWN: Final = 50
_LATELY: Final = timedelta(days=28)
_DOUBTED: Final = timedelta(days=35)  # a push that is older says nothing of what is sent now


@get("/county/data", operation_id="show_county_data", include_in_schema=False, opt=FOR_COUNTY)
async def show_county_data(
    request: Request[Any, Any, Any],
    db: NamedDependency[Database],
    indicator: Annotated[str, QueryParameter(max_length=64)] = _FIRST,
    since: Annotated[date | None, QueryParameter()] = None,
) -> Response[Any]:
    """How good the county's data is today."""
    now = clock.now()
    today = clock.today(now)
    start = since or today - _LATELY
    if start > today:
        raise wrong_parameter("since", "future-date", "Nothing has changed since a day that is to come.")
    due = (date(today.year - (today.month < 7), 7, 1), today)
    async with db.transaction(every_lea=True) as tx:
        of_leas = await leas.named(tx, today)
        indicators = (await catalogue.names(tx)).indicators
        if indicator not in indicators:
            raise wrong_parameter("indicator", "unknown-indicator", "There is no such measure.")
        movers = await quality.movers(tx, indicator, "ALL", start, _SHOWN)
        expected = await quality.completeness(tx, None, None, None, due)
        silent = [
            one
            for one in await feeds.feeds(tx, {lea_id: code for lea_id, (code, _) in of_leas.items()}, now)
            if one.state == "silent"
        ]
        doubtful = await doubts(tx, now - _DOUBTED, _SHOWN)
    return page(
        request,
        "english/county_data.html",
        indicator=indicator,
        names=indicators,
        since=start,
        movers=movers,
        named=of_leas,
        by_code=dict(of_leas.values()),
        expected=expected,
        due=due,
        silent=silent,
        doubts=doubtful,
        now=now,
        shown=_SHOWN,
    )


ROUTES = [show_county_data]
