"""Triage over HTTP, for the county's keys: the ranked list, one item, what was done about it."""

from typing import Annotated, Any, Final
from uuid import UUID

from litestar import Request, Response, get, patch
from litestar.di import NamedDependency
from litestar.params import FromPath, HeaderParameter, JSONBody, QueryParameter

from equityaccess import clock
from equityaccess.access.structs import Caller
from equityaccess.audit.recording import on_record
from equityaccess.audit.structs import Origin
from equityaccess.catalogue.routes import Cursor
from equityaccess.database import Database, Transaction
from equityaccess.onboarding.playbook import Track
from equityaccess.problems import Conflict, NotAllowed, NotFound, PreconditionFailed, PreconditionRequired
from equityaccess.triage import changing, reading, store
from equityaccess.triage.store import FIRST, ItemKey, ItemsWanted
from equityaccess.triage.structs import Brief, Change, Item, ItemHistory, ItemRow, ReasonCode, State, TriageList
from equityaccess.web import answer, decode_cursor, encode_cursor, refuses

_ITEM: Final = "/triage/{item_id:uuid}"


@get("/triage", operation_id="list_triage", tags=["triage"], responses=refuses(NotAllowed))
async def list_triage(
    request: Request[Any, Any, Any],
    caller: NamedDependency[Caller],
    db: NamedDependency[Database],
    only: Annotated[State | None, QueryParameter(name="state", description="Only items in this state.")] = "open",
    assignee: Annotated[
        str | None, QueryParameter(max_length=40, description="Only this desk's; empty: nobody's.")
    ] = None,
    reason: Annotated[ReasonCode | None, QueryParameter(description="Only with this reason.")] = None,
    wave: Annotated[str | None, QueryParameter(max_length=64, description="Only LEAs of this wave.")] = None,
    track: Annotated[Track | None, QueryParameter(description="Only LEAs on this track.")] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=500, description="At most so many in one answer.")] = 100,
    cursor: Cursor = None,
) -> Response[TriageList]:
    """List the LEAs that need a person, the highest score first, each with its reasons.

    A score is the sum of the points of the reasons that are shown, and nothing else. What waits for the county is never
    a reason; where it blocks three LEAs or more it stands among the `clusters`.
    """
    _demand_county(caller)
    wanted = ItemsWanted(state=only, assignee=assignee, reason=reason, wave=wave, track=track)
    after, today = decode_cursor(cursor, ItemKey) if cursor else FIRST, clock.today()
    async with db.transaction(every_lea=True) as tx:
        rows = await store.items(tx, wanted, after, today, limit + 1)
        items = await reading.items(tx, rows[:limit], today)
        clusters = await reading.clusters(tx, today)
    last = rows[limit - 1] if len(rows) > limit else None
    following = encode_cursor(-last.score, last.item_id) if last else None
    return answer(request, TriageList(items=items, clusters=clusters, next=following))


@get(_ITEM, operation_id="read_triage_item", tags=["triage"], responses=refuses(NotAllowed, NotFound))
async def read_triage_item(
    caller: NamedDependency[Caller], db: NamedDependency[Database], item_id: FromPath[UUID]
) -> Response[ItemHistory]:
    """Read one item, and all that happened to it. Its ETag is what a change has to name in If-Match."""
    _demand_county(caller)
    async with db.transaction(every_lea=True) as tx:
        found = await _found(tx, item_id)
        [item] = await reading.items(tx, [found], clock.today())
        events = await store.events(tx, item_id)
    return Response(ItemHistory(item=item, events=events), headers=_etag(item))


@patch(
    _ITEM,
    operation_id="change_triage_item",
    tags=["triage"],
    responses=refuses(NotAllowed, NotFound, Conflict, PreconditionFailed, PreconditionRequired),
)
async def change_triage_item(
    request: Request[Any, Any, Any],
    item_id: FromPath[UUID],
    data: JSONBody[Change],
    caller: NamedDependency[Caller],
    origin: NamedDependency[Origin],
    db: NamedDependency[Database],
    if_match: Annotated[
        str | None, HeaderParameter(name="If-Match", description="The ETag of the item as you read it.")
    ] = None,
) -> Response[Item]:
    """Assign, snooze, note, log a contact, or resolve. A contact is stored as a support event too."""
    if not caller.is_county:
        raise NotAllowed("Items of triage are the county's to work on.")
    if if_match is None:
        raise PreconditionRequired("Read the item, and send its ETag as If-Match.")
    await changing.change(db, caller, origin, item_id, if_match, data, clock.now())
    async with db.transaction(every_lea=True) as tx:
        [item] = await reading.items(tx, [await _found(tx, item_id)], clock.today())
    on_record(request)
    return Response(item, headers=_etag(item))


@get(f"{_ITEM}/brief", operation_id="read_brief", tags=["triage"], responses=refuses(NotAllowed, NotFound))
async def read_brief(
    request: Request[Any, Any, Any],
    caller: NamedDependency[Caller],
    db: NamedDependency[Database],
    item_id: FromPath[UUID],
) -> Response[Brief]:
    """Read the hand-off: where the LEA stands, its last contacts, what comes next, and who waits for the same."""
    _demand_county(caller)
    now = clock.now()
    async with db.transaction(every_lea=True) as tx:
        brief = await reading.brief(tx, await _found(tx, item_id), now)
    return answer(request, brief)


async def _found(tx: Transaction, item_id: UUID) -> ItemRow:
    found = await store.item(tx, item_id)
    if found is None:
        raise NotFound(f"There is no item {item_id}.")
    return found


def _demand_county(caller: Caller) -> None:
    if not caller.sees_every_lea:
        raise NotAllowed("Triage is for the county's keys.")


def _etag(item: Item) -> dict[str, str]:
    return {"ETag": f'"{item.version}"', "Cache-Control": "private, no-cache", "Vary": "Authorization, Accept"}


ROUTES = (list_triage, read_triage_item, change_triage_item, read_brief)
