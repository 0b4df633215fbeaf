"""What is asked and about whom, for whoever sends or reads counts."""

from typing import Annotated, Any

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from equityaccess.access.structs import Caller
from equityaccess.catalogue import store
from equityaccess.catalogue.rules import page_after
from equityaccess.catalogue.structs import IndicatorPage, StudentGroupPage
from equityaccess.database import Database
from equityaccess.web import answer, decode_cursor, encode_cursor, refuses

Limit = Annotated[int, QueryParameter(ge=1, le=500, description="At most so many rows in one answer.")]
Cursor = Annotated[str | None, QueryParameter(description="`next` of the previous page, as it is.")]


@get("/indicators", operation_id="list_indicators", tags=["catalogue"], responses=refuses())
async def list_indicators(
    request: Request[Any, Any, Any],
    db: NamedDependency[Database],
    caller: NamedDependency[Caller],  # noqa: ARG001, names the route as one that needs a key
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response[IndicatorPage]:
    """List what is asked: definitions with their sources, units, cadences and dated targets, by code."""
    after = decode_cursor(cursor, tuple[str])[0] if cursor else None
    async with db.transaction() as tx:
        page, last = page_after(await store.indicators(tx), after, limit)
    items = [indicator.shown() for indicator in page]
    return answer(request, IndicatorPage(items=items, next=encode_cursor(last) if last else None))


@get("/student-groups", operation_id="list_student_groups", tags=["catalogue"], responses=refuses())
async def list_student_groups(
    request: Request[Any, Any, Any],
    db: NamedDependency[Database],
    caller: NamedDependency[Caller],  # noqa: ARG001, names the route as one that needs a key
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response[StudentGroupPage]:
    """List the student groups, with their codes in CDE's two code sets: all students first, then by kind and code.

    Groups overlap: a student may be in several. Never add them up.
    """
    after = decode_cursor(cursor, tuple[str])[0] if cursor else None
    async with db.transaction() as tx:
        page, last = page_after(await store.student_groups(tx), after, limit)
    items = [group.shown() for group in page]
    return answer(request, StudentGroupPage(items=items, next=encode_cursor(last) if last else None))


ROUTES = [list_indicators, list_student_groups]
