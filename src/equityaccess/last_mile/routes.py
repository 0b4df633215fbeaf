"""The last mile over HTTP: for the county office, which decides where to go next and what that may cost."""

from typing import Annotated, Any, Final, get_args

from litestar import Request, Response, get, put
from litestar.di import NamedDependency
from litestar.params import FromPath, HeaderParameter, JSONBody, QueryParameter

from equityaccess import clock
from equityaccess.access.structs import Caller
from equityaccess.audit import store as audit
from equityaccess.audit.recording import on_record
from equityaccess.audit.structs import Entry, Origin
from equityaccess.coverage import store as coverage
from equityaccess.database import Database
from equityaccess.last_mile import reading, store
from equityaccess.last_mile.structs import LastMile, Priced, UnitCost, UnitCostIn, UnitCostList
from equityaccess.personal import looks_personal_or_named
from equityaccess.problems import Invalid, NotAllowed, NotFound, PreconditionFailed, PreconditionRequired, Problem
from equityaccess.web import answer, refuses, wrong_parameter

PRICED: Final[tuple[Priced, ...]] = get_args(Priced)


@get("/last-mile", operation_id="read_last_mile", tags=["coverage"], responses=refuses(NotAllowed))
async def read_last_mile(
    request: Request[Any, Any, Any],
    caller: NamedDependency[Caller],
    db: NamedDependency[Database],
    indicator: Annotated[str, QueryParameter(max_length=64, description="The indicator's code.")] = "home_internet",
    student_group: Annotated[str, QueryParameter(max_length=64, description="The student group's code.")] = "ALL",
) -> Response[LastMile]:
    """Read who is left to reach: behind what, in which LEAs, and what it would cost as far as unit costs are known.

    Costs are for the county office's estimates; where there is none, the people are counted and not priced. The five
    LEAs that move the county most are seldom those that narrow the widest gap between groups: both are named.
    """
    _demand_county(caller)
    found = await reading.last_mile(db, indicator, student_group, clock.today())
    if found is None:
        raise wrong_parameter(
            "indicator", "unknown-indicator", f"Nothing is asked as {indicator!r} of {student_group!r}."
        )
    return answer(request, found[0])


@get("/unit-costs", operation_id="list_unit_costs", tags=["coverage"], responses=refuses(NotAllowed))
async def list_unit_costs(
    request: Request[Any, Any, Any],
    caller: NamedDependency[Caller],
    db: NamedDependency[Database],
    every_revision: Annotated[bool, QueryParameter(description="Also those that held before.")] = False,  # noqa: FBT002
) -> Response[UnitCostList]:
    """List what it is estimated to cost to reach one person, by indicator and barrier."""
    _demand_county(caller)
    async with db.transaction() as tx:
        costs = await store.unit_costs(tx, every_revision=every_revision)
    return answer(request, UnitCostList(items=costs))


@put(
    "/unit-costs/{indicator:str}/{barrier:str}",
    operation_id="set_unit_cost",
    tags=["coverage"],
    responses=refuses(NotAllowed, NotFound, PreconditionFailed, PreconditionRequired),
)
async def set_unit_cost(
    request: Request[Any, Any, Any],
    indicator: FromPath[str],
    barrier: FromPath[str],
    data: JSONBody[UnitCostIn],
    caller: NamedDependency[Caller],
    origin: NamedDependency[Origin],
    db: NamedDependency[Database],
    if_match: Annotated[
        str | None,
        HeaderParameter(name="If-Match", description='The revision as you read it, such as "3"; "0" for none.'),
    ] = None,
) -> UnitCost:
    """Set what it costs to reach one person behind a barrier. What was estimated before stays in the history."""
    if not caller.is_county:
        raise NotAllowed("Unit costs are the county office's to estimate.")
    if if_match is None:
        raise PreconditionRequired("Read the unit cost, and send its revision as If-Match.")
    found = await change(db, caller, origin, (indicator, barrier), if_match, data)
    on_record(request)
    return found


async def change(
    db: Database, caller: Caller, origin: Origin, place: tuple[str, str], if_match: str, data: UnitCostIn
) -> UnitCost:
    """Set the unit cost at *place*, an indicator and a barrier, if *if_match* names its newest revision.

    Raises NotFound, Invalid, or PreconditionFailed when it was changed meanwhile.
    """
    indicator, barrier = place[0], next((one for one in PRICED if one == place[1]), None)
    if barrier is None:
        raise NotFound(f"There is no unit cost of {place[1]!r}; there are those of {', '.join(PRICED)}.")
    if what := looks_personal_or_named(data.source):
        detail = f"source holds what looks like {what}; name the contract or the quote."
        raise Invalid(detail, errors=[Problem(code="personal-data", detail=detail, owner="sender", pointer="/source")])
    now = clock.now()
    async with db.transaction() as tx:
        before = {one.barrier: one for one in await store.unit_costs(tx, indicator)}.get(barrier)
        after = before.revision if before else 0
        is_newest = if_match.removeprefix("W/") == f'"{after}"'
        if not is_newest or not await store.put_unit_cost(tx, indicator, barrier, after, data, now, caller.key_id):
            if indicator not in await coverage.indicators(tx):
                raise NotFound(f"There is no indicator {indicator!r}.")
            raise PreconditionFailed(f"This unit cost is at revision {after} now; you changed {if_match}.")
        [found] = [one for one in await store.unit_costs(tx, indicator) if one.barrier == barrier]
        entry = Entry(
            origin=origin,
            action="set_unit_cost",
            object=f"{indicator} {barrier}",
            before={"cents": before.cents, "source": before.source} if before else None,
            after={"cents": found.cents, "source": found.source},
        )
        await audit.write(tx, entry)
    return found


def _demand_county(caller: Caller) -> None:
    if not caller.sees_every_lea:
        raise NotAllowed("The last mile of every LEA is for the county's keys; /v1/coverage/gaps lists your own.")


ROUTES = (read_last_mile, list_unit_costs, set_unit_cost)
