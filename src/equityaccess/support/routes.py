"""Support over HTTP: telling of it, two help desks, who signs in, and on which days an LEA is closed."""

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from litestar import Request, Response, get, post, put
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody, QueryParameter

from equityaccess import clock
from equityaccess.access import store as access
from equityaccess.access.rules import lea_named
from equityaccess.access.structs import Caller, LeaCode
from equityaccess.audit import store as audit
from equityaccess.audit.recording import on_record
from equityaccess.audit.structs import Entry, Origin
from equityaccess.catalogue.routes import Cursor
from equityaccess.database import Database, Transaction
from equityaccess.leas import store as leas
from equityaccess.onboarding.playbook import Track
from equityaccess.onboarding.routes import OneTrack
from equityaccess.problems import Conflict, Invalid, NotAllowed, NotFound, Problem
from equityaccess.support import rules, store, telling
from equityaccess.support.desks import FrappePayload, Told, ZammadPayload
from equityaccess.support.measuring import midnight
from equityaccess.support.store import CountsWanted, EventsWanted
from equityaccess.support.structs import (
    AccessCount,
    AccessCountPage,
    AccessCountsIn,
    AccessReceipt,
    CountRow,
    EventRow,
    HolidayIn,
    Kind,
    LeaHolidays,
    SupportCatalogue,
    SupportEvent,
    SupportEventPage,
    SupportEventsIn,
    SupportReceipt,
    SupportTopic,
)
from equityaccess.web import answer, decode_cursor, encode_cursor, refuses

_BODY = 2_000_000  # bytes: 5,000 counts, or a ticket with a long text
_KNOWN = {200: ResponseSpec(SupportReceipt, description="All of it was known already.", generate_examples=False)}
OneLea = Annotated[str | None, QueryParameter(max_length=64, description="Only this LEA, by its code.")]
From = Annotated[date | None, QueryParameter(name="from", description="The first day.")]
To = Annotated[date | None, QueryParameter(name="to", description="The last day.")]
Limit = Annotated[int, QueryParameter(ge=1, le=1_000, description="At most so many in one answer.")]
DeskTrack = Annotated[Track, QueryParameter(name="track", description="The track that this desk's queue is about.")]


@get("/support-topics", operation_id="read_support_topics", tags=["support"], responses=refuses())
async def read_support_topics(
    request: Request[Any, Any, Any],
    db: NamedDependency[Database],
    caller: NamedDependency[Caller],  # noqa: ARG001, names the route as one that needs a key
) -> Response[SupportCatalogue]:
    """Read what support can be about, with the milestones that it helps along, and how fast it is to be."""
    async with db.transaction() as tx:
        topics = [
            SupportTopic(code=row.code, name=row.name, milestones=row.milestones.split())
            for row in await store.topics(tx)
        ]
        return answer(request, SupportCatalogue(topics=topics, targets=await store.targets(tx)))


@post(
    "/support-events",
    operation_id="push_support_events",
    tags=["support"],
    request_max_body_size=_BODY,
    responses=refuses(NotAllowed, Conflict) | _KNOWN,
)
async def push_support_events(
    request: Request[Any, Any, Any],
    data: JSONBody[SupportEventsIn],
    db: NamedDependency[Database],
    caller: NamedDependency[Caller],
    origin: NamedDependency[Origin],
) -> Response[SupportReceipt]:
    """Push support that was given, and what happened to tickets: all of it is stored, or nothing.

    An event keeps the name that its sender gave it: sent again it changes nothing. The county tells of the support that
    it gave; an LEA's own key sends events of the kind `rated`, with its satisfaction from 1 to 5, and no other.
    """
    _demand_teller(caller)
    async with db.transaction() as tx:
        known = await access.lea_codes(tx)
    lea_ids = telling.lea_ids_of([one.lea for one in data.events], known, caller, "events")
    async with db.transaction(leas=lea_ids, every_lea=caller.sees_every_lea) as tx:
        receipt = await telling.tell(tx, caller, origin, data.events, known, clock.now())
    return _receipt(request, receipt)


def _demand_teller(caller: Caller) -> None:
    if not caller.is_county:
        caller.demand("push")


def _receipt(request: Request[Any, Any, Any], receipt: SupportReceipt) -> Response[SupportReceipt]:
    if receipt.created:
        on_record(request)
    return Response(receipt, status_code=201 if receipt.created else 200)


@post(
    "/support-events/zammad",
    operation_id="push_zammad_ticket",
    tags=["support"],
    request_max_body_size=_BODY,
    responses=refuses(NotAllowed, Conflict) | _KNOWN,
)
async def push_zammad_ticket(
    request: Request[Any, Any, Any],
    data: JSONBody[ZammadPayload],
    db: NamedDependency[Database],
    caller: NamedDependency[Caller],
    origin: NamedDependency[Origin],
    track: DeskTrack,
) -> Response[SupportReceipt]:
    """Take the default payload of a Zammad webhook: how a ticket stands. What it says of people is not read.

    The customer's organization has the LEA's code in its attribute `lea`, or in its name. The same delivery again, or
    one that comes late, changes nothing. For the county's keys.
    """
    return await _desk(request, db, caller, origin, track, data.lea(), data.told())


@post(
    "/support-events/frappe",
    operation_id="push_frappe_ticket",
    tags=["support"],
    request_max_body_size=_BODY,
    responses=refuses(NotAllowed, Conflict) | _KNOWN,
)
async def push_frappe_ticket(
    request: Request[Any, Any, Any],
    data: JSONBody[FrappePayload],
    db: NamedDependency[Database],
    caller: NamedDependency[Caller],
    origin: NamedDependency[Origin],
    track: DeskTrack,
) -> Response[SupportReceipt]:
    """Take an HD Ticket of Frappe Helpdesk, as its webhook sends it: how a ticket stands.

    The customer has the LEA's code in its name, or the ticket in its field `custom_lea`. The same delivery again, or
    one that comes late, changes nothing. For the county's keys.
    """
    try:
        told = data.told()
    except ValueError as fault:
        detail = "creation, modified and first_responded_on are instants, such as 2026-11-23 08:05:00."
        problem = Problem(code="invalid-date", detail=detail, owner="sender")
        raise Invalid(detail, errors=[problem]) from fault
    return await _desk(request, db, caller, origin, track, data.lea(), told)


async def _desk(
    request: Request[Any, Any, Any], db: Database, caller: Caller, origin: Origin, track: Track, lea: str, told: Told
) -> Response[SupportReceipt]:
    caller.demand("county")
    async with db.transaction() as tx:
        known = await access.lea_codes(tx)
    if not lea:
        detail = "The customer of this ticket has no LEA's code, in an attribute or in its name."
        raise Invalid(detail, errors=[Problem(code="no-lea", detail=detail, owner="county")])
    lea_id = lea_named(lea, known, "").lea_id
    async with db.transaction(leas=[lea_id], every_lea=True) as tx:
        receipt = await telling.tell_of_ticket(tx, caller, origin, lea, track, told, known, clock.now())
    return _receipt(request, receipt)


@get("/support-events", operation_id="list_support_events", tags=["support"], responses=refuses(NotFound))
async def list_support_events(
    request: Request[Any, Any, Any],
    db: NamedDependency[Database],
    caller: NamedDependency[Caller],
    lea: OneLea = None,
    track: OneTrack = None,
    kind: Annotated[Kind | None, QueryParameter(description="Only events of this kind.")] = None,
    from_on: From = None,
    to_on: To = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response[SupportEventPage]:
    """List the support that was given, newest first: an LEA sees its own, the county that of all."""
    after = decode_cursor(cursor, tuple[datetime, UUID]) if cursor else None
    async with db.transaction(leas=caller.lea_ids, every_lea=caller.sees_every_lea) as tx:
        wanted = EventsWanted(
            lea_id=await _seen(tx, caller, lea) if lea else None,
            track=track,
            kind=kind,
            from_at=midnight(from_on) if from_on else None,
            until_at=midnight(to_on, days_later=1) if to_on else None,
        )
        rows = await store.events_page(tx, wanted, after, limit + 1)
        codes = await leas.codes(tx, clock.today())
    page, more = rows[:limit], rows[limit:]
    items = [_event(row, codes[row.lea_id]) for row in page]
    following = encode_cursor(page[-1].started_at, page[-1].event_id) if more else None
    return answer(request, SupportEventPage(items=items, next=following))


def _event(row: EventRow, code: str) -> SupportEvent:
    return SupportEvent(lea=code, **{name: getattr(row, name) for name in _EVENT_FIELDS})


def _count(row: CountRow, code: str) -> AccessCount:
    return AccessCount(lea=code, **{name: getattr(row, name) for name in _COUNT_FIELDS})


_EVENT_FIELDS = [name for name in SupportEvent.__struct_fields__ if name != "lea"]
_COUNT_FIELDS = [name for name in AccessCount.__struct_fields__ if name != "lea"]


async def _seen(tx: Transaction, caller: Caller, code: str) -> int:
    """The LEA of *code*, which the caller may see. Raises NotFound: another's looks like one that is not."""
    return seen((await access.lea_codes(tx)).get(code), caller)


def seen(lea: LeaCode | None, caller: Caller) -> int:
    """The id of *lea*, which the caller may see. Raises NotFound: another's looks like one that is not."""
    if lea is None or not (caller.sees_every_lea or lea.lea_id in caller.lea_ids):
        raise NotFound("No LEA of yours has this code.")
    return lea.lea_id


@post(
    "/access-counts",
    operation_id="push_access_counts",
    tags=["support"],
    request_max_body_size=_BODY,
    responses=refuses(NotAllowed)
    | {200: ResponseSpec(AccessReceipt, description="Every count was known already.", generate_examples=False)},
)
async def push_access_counts(
    request: Request[Any, Any, Any],
    data: JSONBody[AccessCountsIn],
    db: NamedDependency[Database],
    caller: NamedDependency[Caller],
    origin: NamedDependency[Origin],
) -> Response[AccessReceipt]:
    """Push how many people signed in to BEST, by LEA, track and day, as the identity log has it. For the county's keys.

    Counts only: nobody is named. Another word on a day is its next revision, and the newest counts.
    """
    caller.demand("county")
    async with db.transaction() as tx:
        known = await access.lea_codes(tx)
    lea_ids = telling.lea_ids_of([one.lea for one in data.counts], known, caller, "counts")
    async with db.transaction(leas=lea_ids, every_lea=True) as tx:
        receipt = await telling.count(tx, caller, origin, data.counts, known, clock.now())
    is_new = bool(receipt.created or receipt.updated)
    if is_new:
        on_record(request)
    return Response(receipt, status_code=201 if is_new else 200)


@get("/access-counts", operation_id="list_access_counts", tags=["support"], responses=refuses(NotFound))
async def list_access_counts(
    request: Request[Any, Any, Any],
    db: NamedDependency[Database],
    caller: NamedDependency[Caller],
    lea: OneLea = None,
    track: OneTrack = None,
    from_on: From = None,
    to_on: To = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response[AccessCountPage]:
    """List how many people signed in, the newest day first: an LEA sees its own, the county those of all."""
    after = decode_cursor(cursor, tuple[date, int, Track]) if cursor else None
    async with db.transaction(leas=caller.lea_ids, every_lea=caller.sees_every_lea) as tx:
        lea_id = await _seen(tx, caller, lea) if lea else None
        wanted = CountsWanted(lea_id=lea_id, track=track, from_on=from_on, to_on=to_on)
        rows = await store.counts_page(tx, wanted, after, limit + 1)
        codes = await leas.codes(tx, clock.today())
    page, more = rows[:limit], rows[limit:]
    items = [_count(row, codes[row.lea_id]) for row in page]
    following = encode_cursor(page[-1].day, page[-1].lea_id, page[-1].track) if more else None
    return answer(request, AccessCountPage(items=items, next=following))


@get("/leas/{code:str}/holidays", operation_id="read_lea_holidays", tags=["support"], responses=refuses(NotFound))
async def read_lea_holidays(
    request: Request[Any, Any, Any],
    code: FromPath[str],
    db: NamedDependency[Database],
    caller: NamedDependency[Caller],
) -> Response[LeaHolidays]:
    """Read the days on which an LEA is closed beside the county's holidays: no ticket's time runs on them."""
    async with db.transaction(leas=caller.lea_ids, every_lea=caller.sees_every_lea) as tx:
        lea_id = await _seen(tx, caller, code)
        rows = (await store.holidays(tx, [lea_id])).get(lea_id, [])
    return answer(request, LeaHolidays(holidays=[HolidayIn(day=row.day, name=row.name) for row in rows]))


@put(
    "/leas/{code:str}/holidays",
    operation_id="put_lea_holidays",
    tags=["support"],
    responses=refuses(NotAllowed, NotFound),
)
async def put_lea_holidays(
    request: Request[Any, Any, Any],
    code: FromPath[str],
    data: JSONBody[LeaHolidays],
    db: NamedDependency[Database],
    caller: NamedDependency[Caller],
    origin: NamedDependency[Origin],
) -> Response[LeaHolidays]:
    """Say on which days an LEA is closed: all of them, in the place of those before. For the LEA and the county."""
    _demand_teller(caller)
    if faults := rules.faults_of_holidays(data.holidays):
        raise Invalid(f"{len(faults)} of the days have faults; nothing was stored.", errors=faults)
    async with db.transaction() as tx:
        lea_id = await _seen(tx, caller, code)
    days = sorted(data.holidays, key=lambda one: one.day)
    async with db.transaction(leas=[lea_id], every_lea=caller.sees_every_lea) as tx:
        await store.replace_holidays(tx, lea_id, days)
        after = {"days": [str(one.day) for one in days]}
        await audit.write(tx, Entry(origin=origin, action="put-holidays", object="holidays", codes=[code], after=after))
    on_record(request)
    return Response(LeaHolidays(holidays=days))


ROUTES = [
    read_support_topics,
    push_support_events,
    push_zammad_ticket,
    push_frappe_ticket,
    list_support_events,
    push_access_counts,
    list_access_counts,
    read_lea_holidays,
    put_lea_holidays,
]
