"""What two help desks send of a ticket, as events of ours. Pure.

A desk's webhook tells how a ticket stands; what happened follows from how it stood before. Of what it sends only the
fields below are read: requesters, agents, subjects and texts are never kept.

Zammad: manage/webhook/payload.rst of its administrator's documentation. Frappe Helpdesk: the DocType "HD Ticket", sent
by a Webhook of the Frappe framework; docs/help-desks.md has the template to paste.
"""

import re
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Literal

import msgspec

from equityaccess.clock import LOCAL
from equityaccess.support.tickets import TicketEvent, TicketKind, TicketName, TicketState, replay

_CODE = re.compile(r"(?<!\d)\d{14}(?!\d)|best:[A-Za-z0-9._-]+")
_STEPS: dict[tuple[TicketState, TicketState], tuple[TicketKind, ...]] = {
    ("open", "waiting"): ("ticket_waiting",),
    ("open", "resolved"): ("ticket_resolved",),
    ("waiting", "open"): ("ticket_resumed",),
    ("waiting", "resolved"): ("ticket_resolved",),
    ("resolved", "open"): ("ticket_reopened",),
    ("resolved", "waiting"): ("ticket_reopened", "ticket_waiting"),
}
# Of states that a desk has added itself nothing is known: the ticket stays as it was.
_ZAMMAD_STATES: dict[str, TicketState] = {
    "new": "open",
    "open": "open",
    "pending reminder": "waiting",
    "pending close": "waiting",
    "closed": "resolved",
    "merged": "resolved",
}
_FRAPPE_CATEGORIES: dict[str, TicketState] = {"open": "open", "paused": "waiting", "resolved": "resolved"}


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """How a desk says that a ticket stands."""

    ticket: str
    opened_at: datetime
    as_of: datetime  # of the state
    state: TicketState | None
    answers: tuple[tuple[str, datetime], ...]  # the desk's own name of each, and when
    topic: str | None

    def news(self, before: Sequence[TicketEvent], names: Collection[str]) -> list[tuple[str, TicketEvent]]:
        """What must have happened since *before*, each with its name; *names* are known already.

        What comes late, when more is known already, tells of answers still, and of no state.
        """
        found = [(self._name("opened", self.opened_at), TicketEvent("ticket_opened", self.opened_at))]
        found += [
            (f"{self.ticket}-answered-{name}", TicketEvent("ticket_answered", max(at, self.opened_at)))
            for name, at in self.answers
        ]
        ticket = replay(before)
        state = ticket.state if ticket else "open"
        if self.state is not None and (ticket is None or self.as_of >= ticket.since):
            for kind in _STEPS.get((state, self.state), ()):
                at = max(self.as_of, self.opened_at)
                found.append((self._name(kind.removeprefix("ticket_"), at), TicketEvent(kind, at)))
        return [
            (name, event)
            for name, event in found
            if name not in names and not (event.kind == "ticket_opened" and ticket)
        ]

    def _name(self, what: str, at: datetime) -> str:
        return f"{self.ticket}-{what}-{at.astimezone(UTC):%Y%m%dT%H%M%S.%f}"


class ZammadOrganization(msgspec.Struct, frozen=True, kw_only=True):
    """The customer's organization. `lea` is a custom object attribute, which the payload includes."""

    name: str = ""
    lea: str | None = None


class ZammadTicket(msgspec.Struct, frozen=True, kw_only=True):
    """What is read of `ticket`. `topic` is a custom object attribute with a code of our topics."""

    id: int
    state: str
    created_at: datetime
    updated_at: datetime
    organization: ZammadOrganization | None = None
    topic: str | None = None


class ZammadArticle(msgspec.Struct, frozen=True, kw_only=True):
    """What is read of `article`, which is empty when no article caused the delivery."""

    id: int | None = None
    sender: str = ""
    internal: bool = False
    created_at: datetime | None = None


class ZammadPayload(msgspec.Struct, frozen=True, kw_only=True):
    """The default payload of a Zammad webhook. Fields that are not named here are not read."""

    ticket: ZammadTicket
    article: ZammadArticle | None = None

    def lea(self) -> str:
        """The code of the LEA whose ticket it is; empty when none is named."""
        customer = self.ticket.organization or ZammadOrganization()
        return _code(customer.lea, customer.name)

    def told(self) -> Told:
        """How the ticket stands."""
        answers: tuple[tuple[str, datetime], ...] = ()
        one = self.article
        if one and one.id is not None and one.created_at and one.sender == "Agent" and not one.internal:
            answers = ((str(one.id), _instant(one.created_at)),)
        return Told(
            ticket=f"zammad-{self.ticket.id}",
            opened_at=_instant(self.ticket.created_at),
            as_of=_instant(self.ticket.updated_at),
            state=_ZAMMAD_STATES.get(self.ticket.state.casefold()),
            answers=answers,
            topic=self.ticket.topic,
        )


class FrappePayload(msgspec.Struct, frozen=True, kw_only=True):
    """An HD Ticket of Frappe Helpdesk, as the template in docs/help-desks.md sends it.

    Instants without an offset are by the county's clock, to which the desk has to be set. An empty text is no value.
    """

    name: TicketName | int
    creation: str
    modified: str
    status_category: Literal["Open", "Paused", "Resolved"]
    customer: str | None = None
    custom_lea: str | None = None
    ticket_type: str | None = None
    first_responded_on: str | None = None

    def lea(self) -> str:
        """The code of the LEA whose ticket it is; empty when none is named."""
        return _code(self.custom_lea, self.customer or "")

    def told(self) -> Told:
        """How the ticket stands. Raises ValueError for an instant that is none."""
        answered = _instant(datetime.fromisoformat(self.first_responded_on)) if self.first_responded_on else None
        return Told(
            ticket=f"frappe-{self.name}",
            opened_at=_instant(datetime.fromisoformat(self.creation)),
            as_of=_instant(datetime.fromisoformat(self.modified)),
            state=_FRAPPE_CATEGORIES[self.status_category.casefold()],
            answers=(("first", answered),) if answered else (),
            topic=self.ticket_type,
        )


def _code(stated: str | None, name: str) -> str:
    """The code that an attribute states, or that stands in the customer's name."""
    if stated:
        return stated.strip()
    found = _CODE.search(name)
    return found[0] if found else ""


def _instant(at: datetime) -> datetime:
    return at if at.tzinfo else at.replace(tzinfo=LOCAL)
