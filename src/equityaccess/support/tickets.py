"""What became of a ticket, and how long it took in business time. Pure.

The time in which the desk waited for the LEA counts for nobody, nor does that between a resolution and a reopening;
nor do the county's holidays and those of the LEA.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from equityaccess.business_time import BusinessTime, Span
from equityaccess.clock import LOCAL

TicketKind = Literal[
    "ticket_opened", "ticket_answered", "ticket_waiting", "ticket_resumed", "ticket_resolved", "ticket_reopened"
]
TicketName = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", description="The desk's own name of the ticket.")
]
TicketState = Literal["open", "waiting", "resolved"]
# At one instant: what opens comes before what answers, and that before what ends.
_ORDER: tuple[TicketKind, ...] = (
    "ticket_opened", "ticket_reopened", "ticket_resumed", "ticket_answered", "ticket_waiting", "ticket_resolved",
)  # fmt: skip
_DAY = timedelta(days=1)


class TicketEvent(msgspec.Struct, frozen=True):
    """Something that happened to one ticket."""

    kind: TicketKind
    at: datetime


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """A ticket after its events."""

    state: TicketState
    opened_at: datetime
    since: datetime  # of the state
    answered_at: datetime | None = None
    resolved_at: datetime | None = None
    left_out: tuple[Span, ...] = ()  # waiting for the LEA, or resolved until it was reopened


def replay(events: Iterable[TicketEvent]) -> Ticket | None:
    """The ticket that *events* make, in whatever order they were told; None until its opening is known.

    A desk is believed: what does not fit, such as a resumption of a ticket that does not wait, changes nothing.
    """
    ticket: Ticket | None = None
    for event in sorted(events, key=lambda event: (event.at, _ORDER.index(event.kind))):
        if ticket is not None:
            ticket = _after(ticket, event)
        elif event.kind == "ticket_opened":
            ticket = Ticket(state="open", opened_at=event.at, since=event.at)
    return ticket


def _after(ticket: Ticket, event: TicketEvent) -> Ticket:
    ended = (*ticket.left_out, (ticket.since, event.at))
    match event.kind, ticket.state:
        case "ticket_answered", _ if ticket.answered_at is None:
            return msgspec.structs.replace(ticket, answered_at=event.at)
        case "ticket_waiting", "open":
            return msgspec.structs.replace(ticket, state="waiting", since=event.at)
        case "ticket_resumed", "waiting":
            return msgspec.structs.replace(ticket, state="open", since=event.at, left_out=ended)
        case "ticket_resolved", "open":
            return msgspec.structs.replace(ticket, state="resolved", since=event.at, resolved_at=event.at)
        case "ticket_resolved", "waiting":
            return msgspec.structs.replace(
                ticket, state="resolved", since=event.at, resolved_at=event.at, left_out=ended
            )
        case "ticket_reopened", "resolved":
            return msgspec.structs.replace(ticket, state="open", since=event.at, resolved_at=None, left_out=ended)
    return ticket


def days_off(days: Iterable[date]) -> list[Span]:
    """The *days* on which an LEA is closed, by the county's clock, as spans to leave out."""
    return [(_midnight(day), _midnight(day + _DAY)) for day in sorted(days)]


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), LOCAL)


class Took(msgspec.Struct, frozen=True):
    """How many business minutes something took, or has taken until now."""

    minutes: int
    is_over: bool


def first_answer(ticket: Ticket, calendar: BusinessTime, off: Sequence[Span], now: datetime) -> Took:
    """From the opening to the first answer; a resolution without one is the answer."""
    ended = min((at for at in (ticket.answered_at, ticket.resolved_at) if at is not None), default=None)
    return _took(ticket, ended, calendar, off, now)


def resolution(ticket: Ticket, calendar: BusinessTime, off: Sequence[Span], now: datetime) -> Took:
    """From the opening to the resolution that held."""
    return _took(ticket, ticket.resolved_at, calendar, off, now)


def _took(ticket: Ticket, ended: datetime | None, calendar: BusinessTime, off: Sequence[Span], now: datetime) -> Took:
    waiting = ((ticket.since, now),) if ticket.state == "waiting" and ticket.since < now else ()
    minutes = calendar.minutes(ticket.opened_at, ended or now, [*ticket.left_out, *waiting, *off])
    return Took(minutes, is_over=ended is not None)
