"""Takes in events: once each, in one transaction with what follows from them, and only what the sender may tell."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import msgspec

from equityaccess.access.rules import lea_named
from equityaccess.access.structs import Caller, LeaCode
from equityaccess.audit import store as audit
from equityaccess.audit.structs import Entry, Origin
from equityaccess.database import Transaction
from equityaccess.onboarding import following, store
from equityaccess.onboarding.playbook import Playbook, Track
from equityaccess.onboarding.rules import Event, NotPossible, Status, after, demand_possible, in_order
from equityaccess.onboarding.structs import EventRow, EventsReceipt, MilestoneEventIn, Participation
from equityaccess.personal import looks_personal
from equityaccess.problems import Invalid, NotAllowed, Owner, Problem

_LEAST_AHEAD = timedelta(minutes=5)  # clocks differ
_MOST_LISTED = 100
_FREE_TEXTS = ("evidence", "reason")
_NOTHING = Status()


def lea_ids_of(events: Iterable[MilestoneEventIn], known: Mapping[str, LeaCode], caller: Caller) -> list[int]:
    """The LEAs of *events*. Raises Invalid for an unknown code, NotAllowed for another's LEA."""
    found = {lea_named(one.lea, known, f"/events/{n}/lea").lea_id: one.lea for n, one in enumerate(events)}
    if not caller.is_county and (foreign := sorted(found.keys() - set(caller.lea_ids))):
        code = found[foreign[0]]
        problem = Problem(code="lea-mismatch", detail=f"This key does not speak for {code}.", owner="sender")
        raise NotAllowed(problem.detail, errors=[problem])
    return sorted(found)


async def tell(
    tx: Transaction,
    caller: Caller,
    origin: Origin,
    sent: Sequence[MilestoneEventIn],
    known: Mapping[str, LeaCode],
    now: datetime,
) -> EventsReceipt:
    """Store what is new of *sent*, and work out what follows.

    The transaction must see the LEAs that are named. Raises Invalid with every fault; then nothing is stored.
    """
    rows = [_row(one, known[one.lea].lea_id, caller, now) for one in sent]
    leas = sorted({row.lea_id for row in rows})
    await store.lock_leas(tx, leas)
    before = await store.known_events(tx, caller.key_id, [row.external_id for row in rows])
    faults = [*_faults_of_form(sent, now), *_faults_of_names(rows, before), *_faults_of_rights(sent, rows, caller)]
    fresh = [row for row in rows if row.external_id not in before]
    if not faults:
        faults = await _faults_of_history(tx, leas, rows, fresh)
    if faults:
        detail = f"{len(faults)} of {len(sent)} events have faults; nothing was stored."
        raise Invalid(detail, errors=faults[:_MOST_LISTED], errors_total=len(faults))
    await store.put_events(tx, fresh)
    await following.follow(tx, sorted({row.lea_id for row in fresh}), now)
    codes = sorted({one.lea for one in sent})
    await audit.write(tx, *_entries(origin, sent, before))
    return EventsReceipt(received=len(rows), created=len(fresh), unchanged=len(rows) - len(fresh), leas=codes)


def _row(one: MilestoneEventIn, lea_id: int, caller: Caller, now: datetime) -> EventRow:
    return EventRow(
        lea_id=lea_id,
        track=one.track,
        event_id=uuid4(),
        key=one.milestone,
        kind=one.kind,
        happened_at=one.happened_at,
        told_at=now,
        told_by="county" if caller.is_county else "lea",
        key_id=caller.key_id,
        external_id=one.external_id,
        evidence=one.evidence,
        waiting_on=one.waiting_on,
        reason=one.reason,
        planned_on=one.planned_on,
        waiver_granted_by=one.waiver.granted_by if one.waiver else None,
        waiver_reason=one.waiver.reason if one.waiver else None,
    )


def _fault(number: int, field: str, code: str, detail: str, owner: Owner = "sender") -> Problem:
    return Problem(code=code, detail=detail, owner=owner, row=number + 1, pointer=f"/events/{number}/{field}")


def _faults_of_form(sent: Sequence[MilestoneEventIn], now: datetime) -> list[Problem]:
    found = []
    for number, one in enumerate(sent):
        if one.happened_at.tzinfo is None:
            found.append(
                _fault(number, "happened_at", "timezone-required", "happened_at needs an offset, such as -08:00.")
            )
        elif one.happened_at > now + _LEAST_AHEAD:
            found.append(_fault(number, "happened_at", "future-date", f"{one.happened_at} is to come."))
        for name in _FREE_TEXTS:
            if personal := looks_personal(getattr(one, name) or ""):
                detail = f"{name} holds what looks like {personal}. Name the document or the role, not a person."
                found.append(_fault(number, name, "personal-data", detail))
    return found


def _faults_of_names(rows: Sequence[EventRow], before: Mapping[str, EventRow]) -> list[Problem]:
    """The same name for two different events, within what was sent or since before."""
    found = []
    told: dict[str, EventRow] = dict(before)
    for number, row in enumerate(rows):
        first = told.setdefault(row.external_id, row)
        if first is not row and first.content() != row.content():
            detail = f"{row.external_id!r} was the name of another event. A new event needs a new name."
            found.append(_fault(number, "external_id", "external-id-reused", detail))
        elif first is not row and row.external_id not in before:
            found.append(_fault(number, "external_id", "duplicate-row", f"{row.external_id!r} stands here twice."))
    return found


def _faults_of_rights(sent: Sequence[MilestoneEventIn], rows: Sequence[EventRow], caller: Caller) -> list[Problem]:
    """What only the county may say: waivers, and the day of the go-live."""
    if caller.is_county:
        return []
    found = []
    for number, (one, row) in enumerate(zip(sent, rows, strict=True)):
        if one.waiver is not None:
            found.append(_fault(number, "waiver", "county-only", "Only the county waives what a gate needs.", "county"))
        if row.kind == "replanned" and row.key == "go_live":
            found.append(_fault(number, "kind", "county-only", "Only the county moves a go-live.", "county"))
    return found


async def _faults_of_history(
    tx: Transaction, leas: Sequence[int], rows: Sequence[EventRow], fresh: Sequence[EventRow]
) -> list[Problem]:
    """What cannot have happened, given all that is known to have."""
    books = await store.playbooks(tx)
    taking_part = {(who.lea_id, who.track): who for who in await store.participations(tx, leas)}
    events: dict[tuple[int, Track], list[EventRow]] = {}
    for row in await store.events(tx, leas):
        events.setdefault((row.lea_id, row.track), []).append(row)
    numbers = {row.event_id: number for number, row in enumerate(rows)}
    found: list[Problem] = []
    for place in dict.fromkeys((row.lea_id, row.track) for row in fresh):
        new = [row for row in fresh if (row.lea_id, row.track) == place]
        who = taking_part.get(place)
        if who is None:
            detail = f"This LEA does not take part in BEST on the track {place[1]}."
            found += [_fault(numbers[row.event_id], "track", "not-participating", detail, "county") for row in new]
        else:
            found += _impossible(
                who, books, [*events.get(place, []), *new], {row.event_id: row for row in new}, numbers
            )
    return sorted(found, key=lambda fault: fault.row or 0)


def _impossible(
    who: Participation,
    books: Mapping[tuple[int, Track], Playbook],
    every: Sequence[EventRow],
    new: Mapping[UUID, EventRow],
    numbers: Mapping[UUID, int],
) -> list[Problem]:
    """The first of the *new* events that does not fit; or the one that makes a known event impossible."""
    book = books[who.playbook_version, who.track]
    statuses: dict[str, Status] = {}
    latest_new: EventRow | None = None
    for event in in_order(row.event() for row in every):
        row = new.get(event.event_id)
        latest_new = row or latest_new
        try:
            demand_possible(event, statuses, book)
            if row:
                _demand_right(row, event, book)
        except NotPossible as fault:
            told = row or latest_new or next(iter(new.values()))
            field = "milestone" if fault.code == "unknown-milestone" else "kind"
            detail = str(fault) if row else f"With this, what is known could not have happened: {fault}"
            return [
                _fault(
                    numbers[told.event_id],
                    field,
                    fault.code,
                    detail,
                    "county" if fault.code == "county-only" else "data_owner",
                )
            ]
        statuses = after(statuses, event)
    return []


def _demand_right(row: EventRow, event: Event, book: Playbook) -> None:
    """A gate is confirmed by the county, whoever did the work."""
    if event.kind == "completed" and book[event.key].is_gate and row.told_by == "lea":
        raise NotPossible(
            "county-only", f"{event.key} is a gate: the county confirms it. Send it what {event.key} asks for."
        )


def _entries(origin: Origin, sent: Sequence[MilestoneEventIn], before: Mapping[str, EventRow]) -> list[Entry]:
    return [
        Entry(
            origin=origin,
            action="milestone-event",
            object=f"{one.track} {one.milestone}",
            codes=[one.lea],
            after={
                "kind": one.kind,
                "happened_at": one.happened_at.isoformat(),
                **({"waiver": msgspec.structs.asdict(one.waiver)} if one.waiver else {}),
            },
        )
        for one in sent
        if one.external_id not in before
    ]
