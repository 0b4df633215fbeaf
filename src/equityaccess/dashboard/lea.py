"""``/leas/{code}``: what one LEA looks like to everybody entitled: the LEA itself, and the people of the county."""

from typing import Any

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from equityaccess import clock
from equityaccess.access import store as access
from equityaccess.access.structs import Caller
from equityaccess.catalogue import store as catalogue
from equityaccess.coverage import rules
from equityaccess.coverage import store as coverage
from equityaccess.coverage.store import Pair, Weeks
from equityaccess.dashboard.doors import FOR_COUNTY_AND_DISTRICTS
from equityaccess.dashboard.rendering import page
from equityaccess.database import Database
from equityaccess.onboarding import store as onboarding
from equityaccess.problems import NotFound
from equityaccess.submissions import store as submissions

_OWED = 20


@get("/leas/{code:str}", operation_id="show_lea", include_in_schema=False, opt=FOR_COUNTY_AND_DISTRICTS)
async def show_lea(
    request: Request[Any, Any, Any], caller: NamedDependency[Caller], db: NamedDependency[Database], code: FromPath[str]
) -> Response[Any]:
    """Its coverage, what it owes, and where it stands on the way to BEST; another's looks as if it were not there."""
    now, today = clock.now(), clock.today()
    async with db.transaction(leas=caller.lea_ids, every_lea=caller.sees_every_lea) as tx:
        lea = (await access.lea_codes(tx)).get(code)
        if lea is None or not (caller.sees_every_lea or lea.lea_id in caller.lea_ids):
            raise NotFound("There is no LEA of yours under this address.")
        week = Weeks(first=rules.week_of(today), today=today, known_at=now)
        found = await coverage.own(tx, lea.lea_id, Pair(), week, now)
        goals = await coverage.targets(tx, today)
        owed = await submissions.owed(tx, [lea.lea_id], today, _OWED)
        statuses = await onboarding.statuses(tx, lea.lea_id)
        names = (await catalogue.names(tx)).every
    points = [(one.indicator, one.student_group, one.point(is_own=True)) for one in found]
    return page(
        request, "lea.html", lea=lea, points=points, goals=goals, owed=owed, statuses=statuses, names=names, today=today
    )


ROUTES = [show_lea]
