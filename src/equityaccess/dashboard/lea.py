"""``/leas/{code}``: what one LEA looks like to everybody entitled: the LEA itself, and the people of the county."""

from datetime import timedelta
from typing import Annotated, Any, Final

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from equityaccess import clock
from equityaccess.access import store as access
from equityaccess.access.structs import Caller, LeaCode
from equityaccess.catalogue import store as catalogue
from equityaccess.coverage import rules
from equityaccess.coverage import store as coverage
from equityaccess.coverage.store import Pair, Weeks
from equityaccess.dashboard.board import SHOWN_WEEKS, figures_of, history
from equityaccess.dashboard.doors import FOR_COUNTY_AND_DISTRICTS
from equityaccess.dashboard.rendering import page
from equityaccess.database import Database
from equityaccess.leas.contact_points import contact_points
from equityaccess.onboarding import store as onboarding
from equityaccess.problems import NotFound
from equityaccess.publication import store as publication
from equityaccess.submissions import store as submissions
from equityaccess.support import store as support
from equityaccess.web import wrong_parameter

_SHOWN: Final = 20
_FIRST: Final = "home_internet"


@get("/leas/{code:str}", operation_id="show_lea", include_in_schema=False, opt=FOR_COUNTY_AND_DISTRICTS)
async def show_lea(
    request: Request[Any, Any, Any],
    caller: NamedDependency[Caller],
    db: NamedDependency[Database],
    code: FromPath[str],
    indicator: Annotated[str, QueryParameter(max_length=64)] = _FIRST,
) -> Response[Any]:
    """Its coverage, where that leads, what is published of all LEAs of its kind, and one measure week by week."""
    now, today = clock.now(), clock.today()
    lea = await _named(db, caller, code)
    async with db.transaction(leas=[lea.lea_id]) as tx:
        first = rules.week_of(today - timedelta(weeks=SHOWN_WEEKS))
        found = await coverage.own(tx, lea.lea_id, Pair(), Weeks(first=first, today=today, known_at=now), now)
        goals = await coverage.targets(tx, today)
        peers = [row.cell() for row in await publication.peers(tx, lea.lea_id)]
        catalogued = await catalogue.names(tx)
    if indicator not in catalogued.indicators:
        raise wrong_parameter("indicator", "unknown-indicator", "There is no such measure.")
    figures = sorted(figures_of(found, goals, today), key=lambda one: (one.indicator, one.student_group != "ALL"))
    return page(
        request,
        "lea.html",
        lea=lea,
        figures=figures,
        peers={(one.indicator, one.student_group): one.figures for one in peers},
        names=catalogued.every,
        asked=sorted({one.indicator for one in figures}),
        indicator=indicator,
        history=history(found, indicator),
    )


@get("/leas/{code:str}/record", operation_id="show_lea_record", include_in_schema=False, opt=FOR_COUNTY_AND_DISTRICTS)
async def show_lea_record(
    request: Request[Any, Any, Any], caller: NamedDependency[Caller], db: NamedDependency[Database], code: FromPath[str]
) -> Response[Any]:
    """What came from it and what is still expected, its way to BEST, and the support that it was given."""
    today = clock.today()
    lea = await _named(db, caller, code)
    # As the LEA itself, whoever asks: so the second wall narrows every statement to it.
    async with db.transaction(leas=[lea.lea_id]) as tx:
        owed = await submissions.owed(tx, [lea.lea_id], today, _SHOWN)
        receipts = await submissions.submissions(tx, None, None, _SHOWN)
        statuses = await onboarding.statuses(tx, lea.lea_id)
        events = await support.events_page(tx, support.EventsWanted(lea_id=lea.lea_id), None, _SHOWN)
        names = (await catalogue.names(tx)).every
    return page(
        request,
        "lea_record.html",
        lea=lea,
        owed=owed,
        receipts=receipts,
        is_own=lea.lea_id in caller.lea_ids,
        statuses=statuses,
        events=events,
        names=names,
        today=today,
    )


@get(
    "/leas/{code:str}/contacts", operation_id="show_lea_contacts", include_in_schema=False, opt=FOR_COUNTY_AND_DISTRICTS
)
async def show_lea_contacts(
    request: Request[Any, Any, Any], caller: NamedDependency[Caller], db: NamedDependency[Database], code: FromPath[str]
) -> Response[Any]:
    """Whom the county writes to there, in each role."""
    lea = await _named(db, caller, code)
    async with db.transaction(leas=[lea.lea_id]) as tx:
        points = await contact_points(tx, lea.lea_id)
    return page(request, "lea_contacts.html", lea=lea, points=points, is_own=lea.lea_id in caller.lea_ids)


async def _named(db: Database, caller: Caller, code: str) -> LeaCode:
    """The LEA of *code*. Raises NotFound where there is none, and for another's: it looks as if it were not there."""
    async with db.transaction() as tx:
        lea = await access.lea_of_code(tx, code)
    if lea is None or not (caller.sees_every_lea or lea.lea_id in caller.lea_ids):
        raise NotFound("There is no LEA of yours under this address.")
    return lea


ROUTES = [show_lea, show_lea_record, show_lea_contacts]
