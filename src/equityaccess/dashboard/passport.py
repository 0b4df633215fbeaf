"""``/passport``: everything that stands behind one figure, so that nobody has to believe it."""

from typing import Annotated, Any, Final

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
from equityaccess.dashboard.doors import FOR_COUNTY_AND_DISTRICTS
from equityaccess.dashboard.rendering import page
from equityaccess.database import Database
from equityaccess.problems import NotFound
from equityaccess.scheduler import store as scheduler

JOB: Final = "aggregate-coverage"  # works out every figure that is not of one LEA alone


@get("/passport", operation_id="show_passport", include_in_schema=False, opt=FOR_COUNTY_AND_DISTRICTS)
async def show_passport(
    request: Request[Any, Any, Any],
    caller: NamedDependency[Caller],
    db: NamedDependency[Database],
    indicator: Annotated[str, QueryParameter(max_length=64)],
    student_group: Annotated[str, QueryParameter(max_length=64)] = "ALL",
    of: Annotated[str, QueryParameter(name="scope", max_length=64)] = "county",
) -> Response[Any]:
    """Formula, numerator, denominator, what is unknown, evidence, age, what it is from, and who was not heard from."""
    now, today = clock.now(), clock.today()
    pair = Pair(indicator=indicator, student_group=student_group)
    async with reading(db, caller, of) as tx:
        scope = await scope_of(tx, of, caller)
        indicators = {one.code: one for one in await catalogue.indicator_lines(tx)}
        groups = {one.code: one for one in await catalogue.student_groups(tx)}
        if indicator not in indicators or student_group not in groups:
            raise NotFound("There is no such measure or group.")
        if scope.lea_id is None:
            found = await coverage.stored_now(tx, scope.stored, pair)
        else:
            week = Weeks(first=rules.week_of(today), today=today, known_at=now)
            found = await coverage.own(tx, scope.lea_id, pair, week, now)
        run = await scheduler.run_at(tx, JOB, found[-1].computed_at) if found and scope.lea_id is None else None
        unheard = sources = []
        if caller.sees_every_lea or scope.lea_id is not None:
            sources = await quality.sources(tx, pair, today, lea_id=scope.lea_id, kind=scope.kind)
        if caller.sees_every_lea and scope.code == "county":
            unheard = await quality.unheard_leas(tx, pair, today)
    if not found:
        raise NotFound("Of this measure and group there is no figure yet.")
    point = found[-1].point(is_own=is_own(scope, caller))
    return page(
        request,
        "passport.html",
        scope=scope,
        point=point,
        measure=indicators[indicator],
        group=groups[student_group],
        unheard=unheard,
        sources=sources,
        run=run,
        is_office=caller.sees_every_lea,
    )


ROUTES = [show_passport]
