"""The shapes of support: what is told, what is answered, and the rows."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from equityaccess.onboarding.playbook import Track
from equityaccess.onboarding.structs import Code, ExternalId
from equityaccess.support.measures import Access, Figures
from equityaccess.support.tickets import TicketEvent, TicketKind, TicketName

SessionKind = Literal["technical_assistance", "training", "office_hours", "site_visit"]
Kind = SessionKind | Literal["contact", "rated"] | TicketKind
Channel = Literal["phone", "video", "email", "chat", "in_person", "portal"]
Measure = Literal["first_answer", "resolution"]
Users = Annotated[int, Meta(ge=0, le=1_000_000)]


class SupportEventIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Support that was given, something that happened to a ticket, or an LEA's rating of either.

    `started_at` needs an offset. A session needs `topic`, `minutes` and `people`; a contact `channel`; a ticket
    `ticket`; a rating `satisfaction` and either `ticket` or, for a session, `about` with its `event_id`.
    """

    external_id: ExternalId
    lea: Code
    track: Track
    kind: Kind
    started_at: datetime
    topic: Code | None = None
    minutes: Annotated[int, Meta(ge=1, le=1_440)] | None = None
    people: Annotated[int, Meta(ge=1, le=10_000)] | None = None
    channel: Channel | None = None
    ticket: TicketName | None = None
    about: UUID | None = None
    satisfaction: Annotated[int, Meta(ge=1, le=5)] | None = None


class SupportEventsIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Events of one or many LEAs; all of them are stored, or none."""

    events: Annotated[list[SupportEventIn], Meta(min_length=1, max_length=1_000)]


class SupportReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """What became of what was sent."""

    received: int
    created: int
    unchanged: int
    leas: list[str]


class SupportEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event as it can be read again. `told_by` is the county, or the LEA itself."""

    event_id: UUID
    lea: str
    track: Track
    kind: Kind
    started_at: datetime
    told_at: datetime
    told_by: Literal["lea", "county"]
    topic: str | None
    minutes: int | None
    people: int | None
    channel: Channel | None
    ticket: str | None
    about: UUID | None
    satisfaction: int | None


class SupportEventPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some events, newest first; `next` continues, and is null on the last page."""

    items: list[SupportEvent]
    next: str | None


class AccessCountIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many of an LEA's people signed in to BEST, as the identity log has it: never who.

    Of those provisioned on `day`: `core_users` signed in on that day, `core_users_30_days` on it or in the 29 days
    before. Of those employed: `ess_activated` have ever activated self-service, `ess_users` used it on that day.
    """

    lea: Code
    track: Track
    day: date
    core_users: Users
    core_users_30_days: Users
    core_provisioned: Users
    ess_users: Users | None = None
    ess_activated: Users | None = None
    employees: Users | None = None


class AccessCountsIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Counts of one or many LEAs and days; all of them are stored, or none."""

    counts: Annotated[list[AccessCountIn], Meta(min_length=1, max_length=5_000)]


class AccessReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the counts; an updated one is a new revision of what stood there."""

    received: int
    created: int
    updated: int
    unchanged: int


class AccessCount(msgspec.Struct, frozen=True, kw_only=True):
    """The newest word on a day."""

    lea: str
    track: Track
    day: date
    revision: int
    core_users: int
    core_users_30_days: int
    core_provisioned: int
    ess_users: int | None
    ess_activated: int | None
    employees: int | None
    told_at: datetime


class AccessCountPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some counts, the newest day first; `next` continues, and is null on the last page."""

    items: list[AccessCount]
    next: str | None


class SupportTopic(msgspec.Struct, frozen=True, kw_only=True):
    """What support can be about, with the milestones that it helps along."""

    code: str
    name: str
    milestones: list[str]


class SupportTarget(msgspec.Struct, frozen=True, kw_only=True):
    """How many business minutes a ticket may take, from a day on."""

    measure: Measure
    valid_from: date
    minutes: int
    source: str


class SupportCatalogue(msgspec.Struct, frozen=True, kw_only=True):
    """What support can be about, and how fast it is to be."""

    topics: list[SupportTopic]
    targets: list[SupportTarget]


class LeaMeasures(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of one LEA."""

    lea: str
    access: list[Access]
    figures: Figures


class SupportReport(msgspec.Struct, frozen=True, kw_only=True):
    """The support given from `from_on` to `to_on`, and who signs in, of the LEAs that take part: all, and each."""

    scope: str
    track: Track | None
    from_on: date
    to_on: date
    computed_at: datetime
    participating: int
    access: list[Access]
    figures: Figures
    leas: list[LeaMeasures]


class HolidayIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A day on which an LEA is closed."""

    day: date
    name: Annotated[str, Meta(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f]*$")]


class LeaHolidays(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The days on which an LEA is closed beside the county's holidays: all of them, in the place of those before."""

    holidays: Annotated[list[HolidayIn], Meta(max_length=1_000)]


# Rows -------------------------------------------------------------------------------------------------------------


class TopicRow(msgspec.Struct, frozen=True, kw_only=True):
    """A topic as the reference file and the table have it."""

    code: str
    name: str
    milestones: str = ""


class EventRow(msgspec.Struct, frozen=True, kw_only=True):
    """An event as it is stored."""

    event_id: UUID
    lea_id: int
    track: Track
    kind: Kind
    started_at: datetime
    told_at: datetime
    told_by: Literal["lea", "county"]
    key_id: UUID
    external_id: str
    topic: str | None = None
    minutes: int | None = None
    people: int | None = None
    channel: Channel | None = None
    ticket: str | None = None
    about: UUID | None = None
    satisfaction: int | None = None

    def content(self) -> tuple[object, ...]:
        """What makes two tellings the same: everything but when, by whom and under which of our ids it was told."""
        return (
            self.lea_id, self.track, self.kind, self.started_at, self.topic, self.minutes, self.people, self.channel,
            self.ticket, self.about, self.satisfaction,
        )  # fmt: skip


class TicketRow(msgspec.Struct, frozen=True, kw_only=True):
    """An event of a ticket, as far as its clocks need it."""

    lea_id: int
    ticket: str
    kind: TicketKind
    started_at: datetime
    external_id: str

    def event(self) -> TicketEvent:
        """As the clocks know it."""
        return TicketEvent(self.kind, self.started_at)


class CountRow(msgspec.Struct, frozen=True, kw_only=True):
    """A count as it is stored."""

    lea_id: int
    track: Track
    day: date
    revision: int
    core_users: int
    core_users_30_days: int
    core_provisioned: int
    ess_users: int | None = None
    ess_activated: int | None = None
    employees: int | None = None
    told_at: datetime
    key_id: UUID

    def content(self) -> tuple[int | None, ...]:
        """What makes two words on a day the same."""
        return (
            self.core_users, self.core_users_30_days, self.core_provisioned, self.ess_users, self.ess_activated,
            self.employees,
        )  # fmt: skip


class GivenRow(msgspec.Struct, frozen=True, kw_only=True):
    """The support that an LEA was given in a period, added up."""

    lea_id: int
    sessions: int
    session_minutes: int
    people: int
    contacts: int
    ratings: int
    satisfaction_sum: int
    ratable: int
    last_contact_at: datetime | None
    recent_tickets: int


class HolidayRow(msgspec.Struct, frozen=True, kw_only=True):
    """A day on which an LEA is closed, as it is stored."""

    lea_id: int
    day: date
    name: str
