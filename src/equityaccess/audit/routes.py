"""The log over HTTP: an LEA reads what was done about its own data, the county everything."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from msgspec import Meta

from equityaccess.audit import store
from equityaccess.audit.store import Asked
from equityaccess.audit.structs import AuditPage, Reader
from equityaccess.database import Database
from equityaccess.web import answer, decode_cursor, encode_cursor, refuses, wrong_parameter

_FIRST_YEAR, _LAST_YEAR = 2018, 2199
_EntryId = Annotated[int, Meta(ge=0, le=2**63 - 1)]  # what bigint holds: a cursor may come from anywhere


@get("/audit", operation_id="read_audit", tags=["audit"], responses=refuses())
async def read_audit(
    request: Request[Any, Any, Any],
    caller: NamedDependency[Reader],
    db: NamedDependency[Database],
    action: Annotated[
        str | None, QueryParameter(max_length=64, description="Only this action, such as `push` or `create_key`.")
    ] = None,
    key_id: Annotated[UUID | None, QueryParameter(description="Only what this key did.")] = None,
    from_at: Annotated[
        datetime | None, QueryParameter(name="from", description="From this instant on, with an offset.")
    ] = None,
    to_at: Annotated[datetime | None, QueryParameter(name="to", description="Before this instant.")] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=500, description="At most so many in one answer.")] = 100,
    cursor: Annotated[str | None, QueryParameter(description="`next` of the previous page, as it is.")] = None,
) -> Response[AuditPage]:
    """Read who did what, when and from where, newest first: pushes, reads, keys, changes of the directory, jobs.

    A district's key reads what concerns its LEA, whoever did it; the county reads everything. No entry is ever changed
    or removed: entries are sealed in a chain within seconds, and `equityaccess audit verify` holds them against it.
    """
    for name, instant in (("from", from_at), ("to", to_at)):
        _demand_instant(name, instant)
    before = decode_cursor(cursor, tuple[_EntryId])[0] if cursor else None
    asked = Asked(action=action, key_id=key_id, from_at=from_at, to_at=to_at)
    async with db.transaction(leas=caller.lea_ids, every_lea=caller.sees_every_lea) as tx:
        entries = await store.entries(
            tx, asked, caller.lea_ids, sees_every_lea=caller.sees_every_lea, before=before, limit=limit + 1
        )
    page, more = entries[:limit], entries[limit:]
    following = encode_cursor(page[-1].entry_id) if more else None
    return answer(request, AuditPage(items=page, next=following))


def _demand_instant(name: str, instant: datetime | None) -> None:
    if instant is None:
        return
    if instant.tzinfo is None:
        raise wrong_parameter(name, "timezone-required", f"{name} needs an offset, such as Z or -08:00.")
    if not _FIRST_YEAR <= instant.year <= _LAST_YEAR:
        raise wrong_parameter(name, "invalid-period", f"{name} is not between {_FIRST_YEAR} and {_LAST_YEAR}.")


ROUTES = (read_audit,)
