"""Takes in support events and access counts: once each, in one transaction, and only what the sender may tell."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import uuid4

from equityaccess import clock
from equityaccess.access.rules import lea_named
from equityaccess.access.structs import Caller, LeaCode
from equityaccess.audit import store as audit
from equityaccess.audit.structs import Entry, Origin
from equityaccess.database import Transaction
from equityaccess.onboarding import store as onboarding
from equityaccess.onboarding.playbook import Track
from equityaccess.problems import Conflict, Invalid, NotAllowed, Problem
from equityaccess.support import rules, store
from equityaccess.support.desks import Told
from equityaccess.support.structs import (
    AccessCountIn,
    AccessReceipt,
    CountRow,
    EventRow,
    SupportEventIn,
    SupportReceipt,
)

_MOST_LISTED = 100


def lea_ids_of(codes: Sequence[str], known: Mapping[str, LeaCode], caller: Caller, name: str) -> list[int]:
    """The LEAs of *codes*, as the list *name* has them. Raises Invalid for an unknown one, NotAllowed for another's."""
    found = {lea_named(code, known, f"/{name}/{n}/lea").lea_id: code for n, code in enumerate(codes)}
    if not caller.is_county and (foreign := sorted(found.keys() - set(caller.lea_ids))):
        problem = Problem(
            code="lea-mismatch", detail=f"This key does not speak for {found[foreign[0]]}.", owner="sender"
        )
        raise NotAllowed(problem.detail, errors=[problem])
    return sorted(found)


async def tell(
    tx: Transaction,
    caller: Caller,
    origin: Origin,
    sent: Sequence[SupportEventIn],
    known: Mapping[str, LeaCode],
    now: datetime,
) -> SupportReceipt:
    """Store what is new of *sent*. The transaction must see the LEAs that are named.

    Raises Invalid with every fault, and then nothing is stored; Conflict when the same is being told by another.
    """
    rows = [_row(one, known[one.lea].lea_id, caller, now) for one in sent]
    await onboarding.lock_leas(tx, (row.lea_id for row in rows))
    topics = {topic.code for topic in await store.topics(tx)}
    before = await store.known_events(tx, caller.key_id, [row.external_id for row in rows])
    faults = [
        *rules.faults_of_form(sent, topics, now, is_county=caller.is_county),
        *rules.faults_of_names(rows, before),
        *await _faults_of_ratings(tx, rows),
    ]
    _demand_none(faults, len(sent))
    fresh = [row for row in rows if row.external_id not in before]
    if await store.put_events(tx, fresh) != len(fresh):
        raise Conflict("The same events are being stored by another request of this key. Send them again.")
    await audit.write(tx, *[_entry(origin, one) for one in sent if one.external_id not in before])
    return _receipt(sent, len(fresh))


def _demand_none(faults: Sequence[Problem], sent: int) -> None:
    if faults:
        detail = f"{len({fault.row for fault in faults})} of {sent} have faults; nothing was stored."
        raise Invalid(detail, errors=list(faults[:_MOST_LISTED]), errors_total=len(faults))


def _receipt(sent: Sequence[SupportEventIn], created: int) -> SupportReceipt:
    leas = sorted({one.lea for one in sent})
    return SupportReceipt(received=len(sent), created=created, unchanged=len(sent) - created, leas=leas)


async def _faults_of_ratings(tx: Transaction, rows: Sequence[EventRow]) -> list[Problem]:
    ratings = [row for row in rows if row.kind == "rated"]
    if not ratings:
        return []
    sessions = await store.sessions_named(tx, [row.about for row in ratings if row.about])
    leas = sorted({row.lea_id for row in ratings})
    tickets = await store.ticket_events(tx, leas, sorted({row.ticket for row in ratings if row.ticket}))
    return rules.faults_of_ratings(rows, sessions, tickets.keys())


def _row(one: SupportEventIn, lea_id: int, caller: Caller, now: datetime) -> EventRow:
    return EventRow(
        event_id=uuid4(),
        lea_id=lea_id,
        track=one.track,
        kind=one.kind,
        started_at=one.started_at,
        told_at=now,
        told_by="county" if caller.is_county else "lea",
        key_id=caller.key_id,
        external_id=one.external_id,
        topic=one.topic,
        minutes=one.minutes,
        people=one.people,
        channel=one.channel,
        ticket=one.ticket,
        about=one.about,
        satisfaction=one.satisfaction,
    )


def _entry(origin: Origin, one: SupportEventIn) -> Entry:
    after = {"kind": one.kind, "started_at": one.started_at.isoformat()}
    about = one.ticket or one.topic or "an LEA"
    return Entry(origin=origin, action="support-event", object=f"{one.track} {about}", codes=[one.lea], after=after)


async def tell_of_ticket(
    tx: Transaction,
    caller: Caller,
    origin: Origin,
    lea: str,
    track: Track,
    told: Told,
    known: Mapping[str, LeaCode],
    now: datetime,
) -> SupportReceipt:
    """Store what is new in what a desk *told* of one ticket: desks tell how it stands, not what happened."""
    lea_id = known[lea].lea_id
    await onboarding.lock_leas(tx, [lea_id])
    before = (await store.ticket_events(tx, [lea_id], [told.ticket])).get((lea_id, told.ticket), [])
    topics = {topic.code for topic in await store.topics(tx)}
    happened = told.news([row.event() for row in before], {row.external_id for row in before})
    sent = [
        SupportEventIn(
            external_id=name,
            lea=lea,
            track=track,
            kind=event.kind,
            started_at=event.at,
            topic=told.topic if told.topic in topics else None,
            ticket=told.ticket,
        )
        for name, event in happened
    ]
    if not sent:
        return SupportReceipt(received=1, created=0, unchanged=1, leas=[lea])
    return await tell(tx, caller, origin, sent, known, now)


async def count(
    tx: Transaction,
    caller: Caller,
    origin: Origin,
    sent: Sequence[AccessCountIn],
    known: Mapping[str, LeaCode],
    now: datetime,
) -> AccessReceipt:
    """Store what is new of *sent* as the next revisions. Raises Invalid with every fault."""
    _demand_none(rules.faults_of_counts(sent, clock.today(now)), len(sent))
    first = [_count_row(one, known[one.lea].lea_id, caller, now) for one in sent]
    await onboarding.lock_leas(tx, (row.lea_id for row in first))
    before = await store.known_counts(tx, first)
    fresh, updated = [], 0
    for one, row in zip(sent, first, strict=True):
        there = before.get((row.lea_id, row.track, row.day))
        if there is None or there.content() != row.content():
            revision = there.revision + 1 if there else 1
            fresh.append(_count_row(one, row.lea_id, caller, now, revision))
            updated += there is not None
    await store.put_counts(tx, fresh)
    if fresh:
        codes = sorted({one.lea for one in sent})
        days = sorted({str(row.day) for row in fresh})
        after = {"counts": len(fresh), "from": days[0], "to": days[-1]}
        await audit.write(
            tx, Entry(origin=origin, action="access-counts", object="access counts", codes=codes, after=after)
        )
    return AccessReceipt(
        received=len(sent), created=len(fresh) - updated, updated=updated, unchanged=len(sent) - len(fresh)
    )


def _count_row(one: AccessCountIn, lea_id: int, caller: Caller, now: datetime, revision: int = 1) -> CountRow:
    return CountRow(
        lea_id=lea_id,
        track=one.track,
        day=one.day,
        revision=revision,
        core_users=one.core_users,
        core_users_30_days=one.core_users_30_days,
        core_provisioned=one.core_provisioned,
        ess_users=one.ess_users,
        ess_activated=one.ess_activated,
        employees=one.employees,
        told_at=now,
        key_id=caller.key_id,
    )
