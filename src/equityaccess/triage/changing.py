"""Changes an item by hand: who works on it, when it is looked at again, what was said, what was done."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

import msgspec
from msgspec import UNSET

from equityaccess import clock
from equityaccess.access import store as access
from equityaccess.access.structs import Caller
from equityaccess.audit import store as audit
from equityaccess.audit.structs import Entry, Origin
from equityaccess.database import Database, Transaction
from equityaccess.personal import looks_personal_or_named
from equityaccess.problems import Conflict, Invalid, NotFound, PreconditionFailed, Problem
from equityaccess.support import telling as support
from equityaccess.support.structs import SupportEventIn
from equityaccess.triage import store
from equityaccess.triage.store import NewEvent
from equityaccess.triage.structs import Change, EventKind, ItemRow


async def change(
    db: Database, caller: Caller, origin: Origin, item_id: UUID, if_match: str, data: Change, now: datetime
) -> None:
    """Change the item if *if_match* names its version; all of *data*, or nothing.

    Raises NotFound, PreconditionFailed, Conflict for one that is closed, or Invalid with every fault.
    """
    if faults := list(_faults(data, clock.today(now))):
        raise Invalid("; ".join(fault.detail for fault in faults), errors=faults)
    async with db.transaction(every_lea=True) as tx:
        found = await store.item(tx, item_id)
    if found is None:
        raise NotFound(f"There is no item {item_id}.")
    async with db.transaction(leas=[found.lea_id], every_lea=True) as tx:
        before = await store.item(tx, item_id, to_change=True)
        if before is None or if_match.removeprefix("W/") != f'"{before.version}"':
            version = before.version if before else 0
            raise PreconditionFailed(f"The item is at version {version} now; you changed version {if_match}.")
        if before.closed_at is not None:
            raise Conflict("This item is closed; a new one opens when the LEA needs somebody again.")
        await store.change(tx, _changed(before, data, now))
        await store.put_events(tx, [*_events(before, data, caller, now)])
        if data.contact is not UNSET:
            await _tell(tx, caller, origin, before.lea_id, data, now)
        await audit.write(tx, _entry(origin, before, data))
        await tx.announce("triage")


def _changed(before: ItemRow, data: Change, now: datetime) -> ItemRow:
    given: dict[str, Any] = {
        name: value
        for name, value in (("assignee", data.assignee), ("snoozed_until", data.snoozed_until))
        if value is not UNSET
    }
    if data.resolved_with is not UNSET:
        given |= {"resolved_with": data.resolved_with, "closed_at": now}
    return msgspec.structs.replace(before, **given)


def _events(before: ItemRow, data: Change, caller: Caller, now: datetime) -> Iterator[NewEvent]:
    contact = data.contact
    said: list[tuple[EventKind, object]] = [
        ("assigned", data.assignee),
        ("snoozed", data.snoozed_until),
        ("noted", data.note),
        ("contacted", contact if contact is UNSET else f"{contact.channel}: {contact.said}"),
        ("resolved", data.resolved_with),
    ]
    for kind, text in said:
        if text is not UNSET:
            yield NewEvent(
                event_id=uuid4(),
                item_id=before.item_id,
                lea_id=before.lea_id,
                kind=kind,
                at=now,
                told_by="county",
                key_id=caller.key_id,
                text=None if text is None else str(text),
                score=before.score,
            )


async def _tell(tx: Transaction, caller: Caller, origin: Origin, lea_id: int, data: Change, now: datetime) -> None:
    """A contact on an item is support that the plan counts."""
    contact = data.contact
    if contact is UNSET:
        return
    known = await access.lea_codes(tx)
    code = next(code for code, lea in known.items() if lea.lea_id == lea_id)
    event = SupportEventIn(
        external_id=f"triage-{uuid4()}",
        lea=code,
        track=contact.track,
        kind="contact",
        started_at=now,
        channel=contact.channel,
    )
    await support.tell(tx, caller, origin, [event], known, now)


def _entry(origin: Origin, before: ItemRow, data: Change) -> Entry:
    was = {"assignee": before.assignee, "snoozed_until": before.snoozed_until}
    return Entry(
        origin=msgspec.structs.replace(origin, lea_ids=[before.lea_id]),
        action="change_triage_item",
        object=str(before.item_id),
        before=msgspec.to_builtins(was),
        after=msgspec.to_builtins(data),
    )


def _faults(data: Change, today: date) -> Iterator[Problem]:
    if data == Change():
        yield _fault("missing-field", "There is nothing to change.", "")
    if isinstance(data.snoozed_until, date) and data.snoozed_until <= today:
        yield _fault("invalid-date", "snoozed_until is a day to come.", "/snoozed_until")
    contact = data.contact
    texts = {"/note": data.note, "/resolved_with": data.resolved_with}
    texts["/contact/said"] = UNSET if contact is UNSET else contact.said
    for pointer, text in texts.items():
        if isinstance(text, str) and (what := looks_personal_or_named(text)):
            yield _fault("personal-data", f"{pointer[1:]} holds what looks like {what}; say what, not who.", pointer)


def _fault(code: str, detail: str, pointer: str) -> Problem:
    return Problem(code=code, detail=detail, pointer=pointer, owner="sender")
