"""``/passport``: everything that stands behind one figure, so that nobody has to believe it."""

from typing import Annotated, Any

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from equityaccess import clock
from equityaccess.access.structs import Caller
from equityaccess.catalogue import store as catalogue
from equityaccess.coverage import quality, rules
from equityaccess.coverage import store as coverage
from equityaccess.coverage.scopes import is_own, reading, scope_of
from equityaccess.coverage.store import Pair, Weeks
from equityaccess.dashboard.doors import FOR_COUNTY
from equityaccess.dashboard.rendering import page
from equityaccess.database import Database
from equityaccess.problems import NotFound


@get("/passport", operation_id="show_passport", include_in_schema=False, opt=FOR_COUNTY)
async def show_passport(
    request: Request[Any, Any, Any],
    caller: NamedDependency[Caller],
    db: NamedDependency[Database],
    indicator: Annotated[str, QueryParameter(max_length=64)],
    student_group: Annotated[str, QueryParameter(max_length=64)] = "ALL",
    of: Annotated[str, QueryParameter(name="scope", max_length=64)] = "county",
) -> Response[Any]:
    """Formula, numerator, denominator, what is unknown, evidence, age, and who was not heard from."""
    now, today = clock.now(), clock.today()
    pair = Pair(indicator=indicator, student_group=student_group)
    async with reading(db, caller, of) as tx:
        scope = await scope_of(tx, of, caller)
        indicators = {one.code: one for one in await catalogue.indicators(tx)}
        groups = {one.code: one for one in await catalogue.student_groups(tx)}
        if indicator not in indicators or student_group not in groups:
            raise NotFound("There is no such measure or group.")
        if scope.lea_id is None:
            found = await coverage.stored_now(tx, scope.stored, pair)
        else:
            week = Weeks(first=rules.week_of(today), today=today, known_at=now)
            found = await coverage.own(tx, scope.lea_id, pair, week, now)
        unheard = await quality.unheard_leas(tx, pair, today) if scope.lea_id is None and scope.kind is None else []
    if not found:
        raise NotFound("Of this measure and group there is no figure yet.")
    point = found[-1].point(is_own=is_own(scope, caller))
    return page(
        request,
        "english/passport.html",
        scope=scope,
        point=point,
        measure=indicators[indicator],
        group=groups[student_group],
        unheard=unheard,
    )


ROUTES = [show_passport]
