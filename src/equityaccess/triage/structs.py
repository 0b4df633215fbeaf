"""The shapes of triage: items with their reasons, changes, the brief."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from equityaccess.access.structs import Desk
from equityaccess.onboarding.playbook import Track
from equityaccess.onboarding.rules import WaitingOn

ReasonCode = Literal[
    "gate_overdue", "stalled", "blocked", "trouble", "training_late", "core_users_silent", "ess_low", "tickets_old",
    "tickets_many", "silence", "dissatisfied", "data_silent", "data_owed", "data_refused", "calendar",
]  # fmt: skip
State = Literal["open", "snoozed", "closed", "resolved"]
EventKind = Literal["opened", "closed", "assigned", "snoozed", "noted", "contacted", "resolved"]
Note = Annotated[str, Meta(min_length=1, max_length=500, description="What is to be remembered. No person's name.")]


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """One reason, with its points: an item's score is the sum of its reasons' points, to the point."""

    code: ReasonCode
    points: int
    said: str
    track: Track | None = None
    milestone: str | None = None


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """An LEA that needs a person: its score is the sum of the points of its reasons, the heaviest first.

    `weights_version` says by which weights it was scored. `next_action` belongs to the heaviest reason.
    """

    item_id: UUID
    lea: str
    lea_name: str
    waves: list[str]
    state: State
    score: int
    reasons: list[Reason]
    next_action: str | None
    assignee: str | None
    snoozed_until: date | None
    opened_at: datetime
    scored_at: datetime
    closed_at: datetime | None
    weights_version: int
    version: int


class Cluster(msgspec.Struct, frozen=True, kw_only=True):
    """One milestone that the same cause blocks in three LEAs or more: a matter for the county, not for each of them."""

    track: Track
    milestone: str
    waiting_on: WaitingOn
    reason: str
    leas: list[str]
    since: datetime


class TriageList(msgspec.Struct, frozen=True, kw_only=True):
    """Items by score, the highest first, and what blocks several LEAs at once; `next` continues the items."""

    items: list[Item]
    clusters: list[Cluster]
    next: str | None


class ItemEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened to an item. `told_by` is the job that scores, or the county."""

    kind: EventKind
    at: datetime
    told_by: Literal["job", "county"]
    text: str | None
    score: int


class ItemHistory(msgspec.Struct, frozen=True, kw_only=True):
    """An item, and all that happened to it, newest first."""

    item: Item
    events: list[ItemEvent]


class ContactIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A contact with the LEA; it is stored as a support event too, which the plan counts."""

    track: Track
    channel: Literal["phone", "video", "email", "chat", "in_person", "portal"]
    said: Note


class Change(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to change: one or several of these. `assignee` null gives it back; `snoozed_until` null wakes it."""

    assignee: Desk | msgspec.UnsetType | None = msgspec.UNSET
    snoozed_until: date | msgspec.UnsetType | None = msgspec.UNSET
    note: Note | msgspec.UnsetType = msgspec.UNSET
    contact: ContactIn | msgspec.UnsetType = msgspec.UNSET
    resolved_with: (
        Annotated[str, Meta(min_length=3, max_length=500, description="What was done. It closes the item.")]
        | msgspec.UnsetType
    ) = msgspec.UNSET


class Contact(msgspec.Struct, frozen=True, kw_only=True):
    """Support that an LEA was given."""

    at: datetime
    kind: str
    track: Track
    topic: str | None


class NextStep(msgspec.Struct, frozen=True, kw_only=True):
    """What to do next, and for which reason."""

    reason: ReasonCode
    action: str
    milestone: str | None
    evidence_asked: str | None


class TrackStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Where an LEA stands on a track."""

    track: Track
    wave: str
    go_live_on: date
    next_gate: str | None
    next_gate_on: date | None
    days_behind: int
    is_live: bool


class Brief(msgspec.Struct, frozen=True, kw_only=True):
    """The hand-off on one page: where the LEA stands, what was done, what comes next, and who waits for the same."""

    item: Item
    tracks: list[TrackStatus]
    contacts: list[Contact]
    failing_feed: str | None
    next_actions: list[NextStep]
    waiting_for_the_same: list[Cluster]


class ItemRow(msgspec.Struct, frozen=True, kw_only=True):
    """An item as the table has it."""

    item_id: UUID
    lea_id: int
    score: int
    reasons: str
    quiet_runs: int
    assignee: str | None
    snoozed_until: date | None
    opened_at: datetime
    scored_at: datetime
    closed_at: datetime | None
    resolved_with: str | None
    weights_version: int
    version: int
