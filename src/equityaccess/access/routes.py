"""Keys over the API, for administrators."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Request, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from equityaccess import clock
from equityaccess.access import rules, store
from equityaccess.access.issue import issue_key
from equityaccess.access.issue import revoke_key as revoke
from equityaccess.access.structs import Caller, IssuedKey, KeyIn, KeyPage
from equityaccess.audit.recording import on_record
from equityaccess.audit.structs import Origin
from equityaccess.database import Database
from equityaccess.problems import Conflict, NotAllowed, NotFound
from equityaccess.web import answer, decode_cursor, encode_cursor, refuses


@post(
    "/keys",
    operation_id="create_key",
    tags=["keys"],
    responses=refuses(NotAllowed, Conflict),
)
async def create_key(
    request: Request[Any, Any, Any],
    data: JSONBody[KeyIn],
    db: NamedDependency[Database],
    caller: NamedDependency[Caller],
    origin: NamedDependency[Origin],
) -> Response[IssuedKey]:
    """Issue a key. Its secret is in this answer and nowhere else: it is shown once and kept as a hash.

    An LEA has at most two live keys, so that a new one can be in use before the old one is revoked.
    """
    caller.demand("admin")
    async with db.transaction(every_lea=True) as tx:
        issued = await issue_key(tx, data, created_by=f"key {caller.key_id}", now=clock.now(), origin=origin)
    on_record(request)
    location = {"Location": f"/v1/keys/{issued.key.key_id}", "Cache-Control": "no-store"}
    return Response(issued, status_code=201, headers=location)


@get("/keys", operation_id="list_keys", tags=["keys"], responses=refuses(NotAllowed))
async def list_keys(
    request: Request[Any, Any, Any],
    db: NamedDependency[Database],
    caller: NamedDependency[Caller],
    lea: Annotated[str | None, QueryParameter(description="Only the keys of this LEA, by its CDS code.")] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=500, description="At most so many keys in one answer.")] = 100,
    cursor: Annotated[str | None, QueryParameter(description="`next` of the previous page, as it is.")] = None,
) -> Response[KeyPage]:
    """List the keys, newest first: live, expired and revoked ones, without their secrets."""
    caller.demand("admin")
    after = decode_cursor(cursor, tuple[UUID])[0] if cursor else None
    async with db.transaction(every_lea=True) as tx:
        of = rules.lea_named(lea, await store.lea_codes(tx), "/query/lea").lea_id if lea else None
        keys = await store.list_keys(tx, clock.now(), lea_id=of, limit=limit + 1, after=after)
    page, more = keys[:limit], keys[limit:]
    following = encode_cursor(page[-1].key_id) if more else None
    return answer(request, KeyPage(items=page, next=following))


@delete(
    "/keys/{key_id:uuid}",
    operation_id="revoke_key",
    tags=["keys"],
    responses=refuses(NotAllowed, NotFound),
    status_code=204,
)
async def revoke_key(
    request: Request[Any, Any, Any],
    key_id: FromPath[UUID],
    db: NamedDependency[Database],
    caller: NamedDependency[Caller],
    origin: NamedDependency[Origin],
) -> None:
    """Revoke a key: from the next request on it is refused. Revoking it again changes nothing."""
    caller.demand("admin")
    async with db.transaction(every_lea=True) as tx:
        key = await revoke(tx, key_id, origin=origin, now=clock.now())
    if key is None:
        raise NotFound(f"There is no key {key_id}.")
    on_record(request)


ROUTES = [create_key, list_keys, revoke_key]
