"""``/county/data``: what changed, what has not come, which feeds fell silent; what is in doubt is worked on here."""

from datetime import date, timedelta
from typing import Annotated, Any, Final

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from litestar.response import Redirect

from equityaccess import clock
from equityaccess.access.structs import Caller
from equityaccess.audit.recording import on_record
from equityaccess.audit.structs import Origin
from equityaccess.catalogue import store as catalogue
from equityaccess.coverage import quality
from equityaccess.dashboard import forms
from equityaccess.dashboard.doors import FOR_COUNTY, FOR_TECHNOLOGY_OFFICE
from equityaccess.dashboard.rendering import page
from equityaccess.database import Database
from equityaccess.feeds import reading as feeds
from equityaccess.leas import store as leas
from equityaccess.signin.guard import session_of
from equityaccess.submissions.doubts import DoubtWork, doubts, work_on
from equityaccess.web import wrong_parameter

_PLACE: Final = "/county/data"
_FIRST: Final = "home_internet"
_SHOWN: Final = 50
_LATELY: Final = timedelta(days=28)
_DOUBTED: Final = timedelta(days=35)  # a push that is older says nothing of what is sent now


@get(_PLACE, operation_id="show_county_data", include_in_schema=False, opt=FOR_COUNTY)
async def show_county_data(
    request: Request[Any, Any, Any],
    db: NamedDependency[Database],
    indicator: Annotated[str, QueryParameter(max_length=64)] = _FIRST,
    since: Annotated[date | None, QueryParameter()] = None,
) -> Response[Any]:
    """How good the county's data is today."""
    now = clock.now()
    today = clock.today(now)
    session = session_of(request.scope)
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
        may_work=session is not None and session.role in FOR_TECHNOLOGY_OFFICE["roles"],
        now=now,
        shown=_SHOWN,
    )


@post(_PLACE, operation_id="work_on_doubt", include_in_schema=False, opt=FOR_TECHNOLOGY_OFFICE)
async def work_on_doubt(
    request: Request[Any, Any, Any],
    caller: NamedDependency[Caller],
    origin: NamedDependency[Origin],
    db: NamedDependency[Database],
) -> Redirect:
    """Give a doubt to a desk, or settle it, if it still stands as the page showed it."""
    await work_on(db, caller, origin, _work(await forms.fields(request)), clock.now())
    on_record(request)
    return Redirect(f"{_PLACE}#doubts", status_code=303)


def _work(form: dict[str, str]) -> DoubtWork:
    """What a form asks for; an empty desk gives the doubt back."""
    sent: dict[str, str | None] = {name: form.get(name) for name in ("submission_id", "code", "revision")}
    if "desk" in form:
        sent["desk"] = form["desk"] or None
    if "said" in form:
        sent["said"] = form["said"]
    return forms.read_as(DoubtWork, sent)


ROUTES = [show_county_data, work_on_doubt]
