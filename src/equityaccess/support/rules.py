"""What may be told of support, and by whom. Pure: every fault is found, each with its place."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Literal, get_args
from uuid import UUID

from equityaccess.personal import looks_personal, token_looks_personal
from equityaccess.problems import Owner, Problem
from equityaccess.support.structs import AccessCountIn, EventRow, HolidayIn, SessionKind, SupportEventIn
from equityaccess.support.tickets import TicketKind

SESSIONS: frozenset[str] = frozenset(get_args(SessionKind))
_TICKETS: frozenset[str] = frozenset(get_args(TicketKind))
_FIRST_DAY = date(2018, 7, 1)  # before which nothing is kept here
_LEAST_AHEAD = timedelta(minutes=5)  # clocks differ
_NOT_OF_THIS_KIND = ("topic", "minutes", "people", "channel", "ticket", "about", "satisfaction")
_NEEDED: Mapping[str, Sequence[str]] = {
    "session": ("topic", "minutes", "people"),
    "contact": ("channel",),
    "ticket": ("ticket",),
    "rated": ("satisfaction",),
}
_ALLOWED: Mapping[str, Collection[str]] = {
    "session": ("topic", "minutes", "people", "channel"),
    "contact": ("topic", "channel", "minutes"),
    "ticket": ("ticket", "topic", "channel"),
    "rated": ("satisfaction", "ticket", "about"),
}


def family(kind: str) -> str:
    """Which of the four families of events *kind* belongs to."""
    return "session" if kind in SESSIONS else "ticket" if kind in _TICKETS else kind


def faults_of_form(
    sent: Sequence[SupportEventIn], topics: Collection[str], now: datetime, *, is_county: bool
) -> list[Problem]:
    """What is wrong with each event by itself."""
    return [
        fault
        for number, one in enumerate(sent)
        for found in (_time(one, now), _fields(one, topics), _names(one), _rights(one, is_county=is_county))
        for fault in (_event_fault(number, *parts) for parts in found)
    ]


_Parts = tuple[str, str, str, Owner]


def _event_fault(number: int, field: str, code: str, detail: str, owner: Owner) -> Problem:
    return Problem(code=code, detail=detail, owner=owner, row=number + 1, pointer=f"/events/{number}/{field}")


def _time(one: SupportEventIn, now: datetime) -> Iterator[_Parts]:
    if one.started_at.tzinfo is None:
        yield "started_at", "timezone-required", "started_at needs an offset, such as -08:00.", "sender"
    elif one.started_at > now + _LEAST_AHEAD:
        yield "started_at", "future-date", f"{one.started_at} is to come.", "sender"
    elif one.started_at.date() < _FIRST_DAY:
        yield "started_at", "invalid-period", f"Nothing is kept here of the time before {_FIRST_DAY}.", "sender"


def _fields(one: SupportEventIn, topics: Collection[str]) -> Iterator[_Parts]:
    kind = family(one.kind)
    for name in _NOT_OF_THIS_KIND:
        is_there = getattr(one, name) is not None
        if name in _NEEDED[kind] and not is_there:
            yield name, "missing-field", f"An event of the kind {one.kind} needs {name}.", "sender"
        elif is_there and name not in _ALLOWED[kind]:
            yield name, "field-not-used", f"An event of the kind {one.kind} has no {name}.", "sender"
    if kind == "rated" and (one.ticket is None) == (one.about is None):
        detail = "A rating is of a ticket, or about a session by its event_id: one of the two."
        yield "ticket", "missing-field", detail, "sender"
    if one.topic is not None and one.topic not in topics:
        detail = f"{one.topic!r} is not a topic; known are {', '.join(sorted(topics))}."
        yield "topic", "unknown-topic", detail, "sender"


def _names(one: SupportEventIn) -> Iterator[_Parts]:
    for name in ("external_id", "ticket"):
        if personal := token_looks_personal(getattr(one, name) or ""):
            detail = f"{name} holds what looks like {personal}. Name the event, not a person."
            yield name, "personal-data", detail, "data_owner"


def _rights(one: SupportEventIn, *, is_county: bool) -> Iterator[_Parts]:
    """Who gave the support tells of it; only who was given it says how it was."""
    if is_county and one.kind == "rated":
        yield "satisfaction", "lea-only", "Only an LEA's own key says how satisfied it is.", "data_owner"
    elif not is_county and one.kind != "rated":
        yield "kind", "county-only", "The county tells of the support that it gave; an LEA rates it.", "county"


def faults_of_names(rows: Sequence[EventRow], before: Mapping[str, EventRow]) -> list[Problem]:
    """The same name for two different events, within what was sent or since before."""
    found = []
    told: dict[str, EventRow] = dict(before)
    for number, row in enumerate(rows):
        first = told.setdefault(row.external_id, row)
        if first is not row and first.content() != row.content():
            detail = f"{row.external_id!r} was the name of another event. A new event needs a new name."
            found.append(_event_fault(number, "external_id", "external-id-reused", detail, "sender"))
        elif first is not row and row.external_id not in before:
            detail = f"{row.external_id!r} stands here twice."
            found.append(_event_fault(number, "external_id", "duplicate-row", detail, "sender"))
    return found


def faults_of_ratings(
    rows: Sequence[EventRow], sessions: Mapping[UUID, int], tickets: Collection[tuple[int, str]]
) -> list[Problem]:
    """Ratings of what the LEA was never given; another LEA's session looks like one that is not."""
    found = []
    for number, row in enumerate(rows):
        if row.kind != "rated":
            continue
        if row.about is not None and sessions.get(row.about) != row.lea_id:
            detail = "This LEA had no session with this event_id."
            found.append(_event_fault(number, "about", "unknown-event", detail, "sender"))
        if row.ticket is not None and (row.lea_id, row.ticket) not in tickets:
            detail = f"This LEA has no ticket {row.ticket!r}."
            found.append(_event_fault(number, "ticket", "unknown-event", detail, "sender"))
    return found


def faults_of_counts(sent: Sequence[AccessCountIn], today: date) -> list[Problem]:
    """What is wrong with counts of who signed in: a part larger than its whole, a day to come, a day twice."""
    found = []
    seen: set[tuple[str, str, date]] = set()
    for number, one in enumerate(sent):
        for field, code, detail in _count_faults(one, today):
            pointer = f"/counts/{number}/{field}"
            found.append(Problem(code=code, detail=detail, owner="sender", row=number + 1, pointer=pointer))
        if (place := (one.lea, one.track, one.day)) in seen:
            detail = f"{one.lea} {one.track} {one.day} stands here twice."
            pointer = f"/counts/{number}/day"
            found.append(Problem(code="duplicate-row", detail=detail, owner="sender", row=number + 1, pointer=pointer))
        seen.add(place)
    return found


def _count_faults(one: AccessCountIn, today: date) -> Iterator[tuple[str, str, str]]:
    if one.day > today:
        yield "day", "future-date", f"{one.day} is to come."
    elif one.day < _FIRST_DAY:
        yield "day", "invalid-period", f"Nothing is kept here of the time before {_FIRST_DAY}."
    if one.core_users > one.core_users_30_days:
        yield "core_users", "part-above-whole", "core_users are among core_users_30_days, and cannot be more."
    if one.core_users_30_days > one.core_provisioned:
        detail = "core_users_30_days are those of the provisioned who signed in, and cannot be more."
        yield "core_users_30_days", "part-above-whole", detail
    ess = (one.ess_users, one.ess_activated, one.employees)
    if None in ess:
        if any(part is not None for part in ess):
            yield "employees", "missing-field", "ess_users, ess_activated and employees go together."
        return
    if one.ess_users > one.ess_activated or one.ess_activated > one.employees:  # type: ignore[operator]
        detail = "ess_users are among ess_activated, and these among employees: none can be more."
        yield "ess_activated", "part-above-whole", detail


def faults_of_holidays(holidays: Sequence[HolidayIn]) -> list[Problem]:
    """A day twice, one that no calendar here knows, or a name that looks like a person's number."""
    found = []
    days: set[date] = set()
    for number, one in enumerate(holidays):
        fault: tuple[Literal["day", "name"], str, str] | None = None
        if one.day in days:
            fault = ("day", "duplicate-row", f"{one.day} stands here twice.")
        elif not _FIRST_DAY <= one.day < date(2040, 7, 1):
            fault = ("day", "invalid-period", f"{one.day} is in no school year that is kept here.")
        elif personal := looks_personal(one.name):
            fault = ("name", "personal-data", f"name holds what looks like {personal}.")
        days.add(one.day)
        if fault:
            field, code, detail = fault
            pointer = f"/holidays/{number}/{field}"
            found.append(Problem(code=code, detail=detail, owner="sender", row=number + 1, pointer=pointer))
    return found
