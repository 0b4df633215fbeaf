"""The directory, for whoever has a key: no LEA's own counts stand in it."""

from datetime import date
from typing import Annotated, Any

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from msgspec import Meta

from equityaccess import clock
from equityaccess.access import store as access
from equityaccess.access.rules import lea_named, nearest
from equityaccess.access.structs import Caller
from equityaccess.catalogue.routes import Cursor, Limit
from equityaccess.database import Database
from equityaccess.leas import store
from equityaccess.leas.answers import LeaDetail, LeaPage
from equityaccess.leas.periods import is_open, period_on
from equityaccess.leas.store import Wanted
from equityaccess.leas.structs import Kind
from equityaccess.leas.withholding import enrollment_shown
from equityaccess.problems import NotFound
from equityaccess.web import answer, decode_cursor, encode_cursor, refuses

Name = Annotated[str, Meta(pattern=r"^[^\x00]*$")]  # PostgreSQL's text holds no NUL


@get("/leas", operation_id="list_leas", tags=["leas"], responses=refuses())
async def list_leas(
    request: Request[Any, Any, Any],
    db: NamedDependency[Database],
    caller: NamedDependency[Caller],  # noqa: ARG001, names the route as one that needs a key
    q: Annotated[
        str | None,
        QueryParameter(
            min_length=1, max_length=200, pattern=r"^[^\x00]+$", description="Part of the name, in any case."
        ),
    ] = None,
    kind: Annotated[Kind | None, QueryParameter(description="Only LEAs of this kind.")] = None,
    county: Annotated[
        str | None, QueryParameter(pattern=r"^[0-9]{2}$", description="Only LEAs of this county: 19 is Los Angeles.")
    ] = None,
    authorizer: Annotated[
        str | None, QueryParameter(description="Only charters of this authorizer, by its CDS code.")
    ] = None,
    on: Annotated[date | None, QueryParameter(description="LEAs open on this day, as they were then; today.")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response[LeaPage]:
    """List the LEAs that are open, or were on a day, by name: districts, charters, the county office and others."""
    after = decode_cursor(cursor, tuple[Name, Name]) if cursor else None
    async with db.transaction() as tx:
        of = lea_named(authorizer, await access.lea_codes(tx), "/query/authorizer").lea_id if authorizer else None
        wanted = Wanted(on_day=on or clock.today(), q=q, kind=kind, county=county, authorizer_id=of)
        leas = await store.leas_on(tx, wanted, after=after, limit=limit + 1)
    page, more = leas[:limit], leas[limit:]
    following = encode_cursor(page[-1].name, page[-1].code) if more else None
    return answer(request, LeaPage(items=page, next=following))


@get("/leas/{code:str}", operation_id="read_lea", tags=["leas"], responses=refuses(NotFound))
async def read_lea(
    request: Request[Any, Any, Any],
    code: FromPath[str],
    db: NamedDependency[Database],
    caller: NamedDependency[Caller],
) -> Response[LeaDetail]:
    """Read an LEA by any code it has or had: its codes, its periods, its enrollment by year and group.

    A district's enrollment includes the charters that it authorizes. Groups of ten or fewer students are withheld
    from all but the LEA itself and the county.
    """
    today = clock.today()
    async with db.transaction() as tx:
        known = await access.lea_codes(tx)
        if code not in known:
            near = "; ".join(f"{lea.code} is {lea.name}" for lea in nearest(code, known.values()))
            raise NotFound("No LEA has or had this code." + (f" Near it: {near}." if near else ""))
        lea_id = known[code].lea_id
        periods = await store.periods(tx, lea_id, today)
        counts = await store.enrollment(tx, lea_id)
        current = period_on(periods, today)
        detail = LeaDetail(
            code=await store.code(tx, lea_id, today),
            name=current.name,
            kind=current.kind,
            is_open=is_open(current, today),
            identifiers=await store.identifiers(tx, lea_id),
            periods=periods,
            enrollment=enrollment_shown(counts, in_full=caller.sees_every_lea or lea_id in caller.lea_ids),
            charters_count=await store.charters_count(tx, lea_id, today),
        )
    return answer(request, detail)


ROUTES = [list_leas, read_lea]
