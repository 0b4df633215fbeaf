"""The shapes of onboarding: who takes part, what is told, what is answered."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from equityaccess.leas.structs import Kind as LeaKind
from equityaccess.onboarding.dates import Dates
from equityaccess.onboarding.playbook import Phase, Track
from equityaccess.onboarding.progress import Onboarded, Progress
from equityaccess.onboarding.rules import Event, Kind, State, WaitingOn, Waiver

Text = Annotated[str, Meta(min_length=1, max_length=500, pattern=r"^[^\x00-\x1f]*$")]
Code = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f]*$")]
ExternalId = Annotated[str, Meta(pattern=r"^[\x21-\x7e]{1,255}$", description="The sender's own name for this event.")]


class Holiday(msgspec.Struct, frozen=True, kw_only=True):
    """A day on which the county's offices are closed."""

    day: date
    name: str


class WaiverIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who lets a gate pass before all that it needs, by role or board, and why."""

    granted_by: Text
    reason: Text

    def granted(self) -> Waiver:
        """As the rules know it."""
        return Waiver(granted_by=self.granted_by, reason=self.reason)


class MilestoneEventIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something that happened to a milestone. `happened_at` needs an offset."""

    external_id: ExternalId
    lea: Code
    track: Track
    milestone: Code
    kind: Kind
    happened_at: datetime
    evidence: Text | None = None
    waiting_on: WaitingOn | None = None
    reason: Text | None = None
    planned_on: date | None = None
    waiver: WaiverIn | None = None


class MilestoneEventsIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Events of one or many LEAs; all of them are stored, or none."""

    events: Annotated[list[MilestoneEventIn], Meta(min_length=1, max_length=1_000)]


class MilestoneChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What happens to one milestone now, or happened at `happened_at`."""

    kind: Kind
    happened_at: datetime | None = None
    evidence: Text | None = None
    waiting_on: WaitingOn | None = None
    reason: Text | None = None
    planned_on: date | None = None
    waiver: WaiverIn | None = None


class EventsReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the events that were sent."""

    received: int
    created: int
    unchanged: int
    leas: list[str]


class MilestoneOut(msgspec.Struct, frozen=True, kw_only=True):
    """A milestone of an LEA: its state, what it waits for, and its days."""

    lea: str
    track: Track
    milestone: str
    phase: Phase
    is_gate: bool
    version: int
    state: State
    since: datetime | None
    waiting_on: WaitingOn | None
    reason: str | None
    evidence: str | None
    evidence_asked: str
    waiver: Waiver | None
    needs: list[str]
    next_action: str
    dates: Dates


class TrackOut(msgspec.Struct, frozen=True, kw_only=True):
    """An LEA's onboarding on one track."""

    track: Track
    wave: str
    playbook_version: int
    progress: Progress
    milestones: list[MilestoneOut]


class LeaOnboarding(msgspec.Struct, frozen=True, kw_only=True):
    """An LEA's onboarding on every track that it takes part in."""

    lea: str
    tracks: list[TrackOut]


# Of a wave's code: whatever a roster brings in can be asked for in an address.
WaveCode = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,39}$")]


class WaveOut(msgspec.Struct, frozen=True, kw_only=True):
    """The LEAs that go live together on a track, with the date. Sample waves are labelled so."""

    code: str
    track: Track
    name: str
    go_live_on: date
    is_sample: bool
    leas: int


class WaveList(msgspec.Struct, frozen=True, kw_only=True):
    """Every wave, by track and date."""

    items: list[WaveOut]


class WaveIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A wave as the county plans it, and the LEAs that join it. A wave keeps its track."""

    track: Track
    name: Text
    go_live_on: date
    leas: Annotated[list[Code], Meta(max_length=1_000)] = []
    is_sample: Annotated[bool, Meta(description="Sample data, labelled so wherever the wave shows.")] = False


class LeaProgress(msgspec.Struct, frozen=True, kw_only=True):
    """How far one LEA has come on one track."""

    lea: str
    track: Track
    wave: str
    week_ending: date
    progress: Progress


class OnboardingReport(msgspec.Struct, frozen=True, kw_only=True):
    """How many of the LEAs that take part are onboarded, as of the newest week, and each of them."""

    scope: str
    target_percent: int
    onboarded_percent: int | None  # floored; null when nobody takes part
    figures: Onboarded
    computed_at: datetime | None
    leas: list[LeaProgress]


class OnboardingWeek(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of one week."""

    week_ending: date
    figures: Onboarded


class OnboardingSeries(msgspec.Struct, frozen=True, kw_only=True):
    """The figures week by week, the oldest first."""

    scope: str
    weeks: list[OnboardingWeek]


class PlaybookOut(msgspec.Struct, frozen=True, kw_only=True):
    """A version of the playbook."""

    version: int
    milestones: list["PlaybookMilestone"]


class PlaybookMilestone(msgspec.Struct, frozen=True, kw_only=True):
    """A milestone as the playbook has it; days are business days, offsets from the go-live."""

    milestone: str
    phase: Phase
    tracks: list[Track]
    gate_on: list[Track]
    offset_days: int
    duration_days: int
    weight: int
    needs: list[str]
    evidence: str
    next_action: str


# Rows -------------------------------------------------------------------------------------------------------------


class Participation(msgspec.Struct, frozen=True, kw_only=True):
    """An LEA that takes part in BEST on a track."""

    lea_id: int
    track: Track
    playbook_version: int
    wave: str
    go_live_on: date
    joined_on: date
    kind: LeaKind


class EventRow(msgspec.Struct, frozen=True, kw_only=True):
    """An event as it is stored."""

    lea_id: int
    track: Track
    event_id: UUID
    key: str
    kind: Kind
    happened_at: datetime
    told_at: datetime
    told_by: str
    key_id: UUID
    external_id: str
    evidence: str | None = None
    waiting_on: WaitingOn | None = None
    reason: str | None = None
    planned_on: date | None = None
    waiver_granted_by: str | None = None
    waiver_reason: str | None = None

    def event(self) -> Event:
        """As the rules know it."""
        waiver = None
        if self.waiver_granted_by is not None and self.waiver_reason is not None:
            waiver = Waiver(granted_by=self.waiver_granted_by, reason=self.waiver_reason)
        return Event(
            event_id=self.event_id,
            key=self.key,
            kind=self.kind,
            happened_at=self.happened_at,
            evidence=self.evidence,
            waiting_on=self.waiting_on,
            reason=self.reason,
            planned_on=self.planned_on,
            waiver=waiver,
        )

    def content(self) -> tuple[object, ...]:
        """What makes two tellings the same: everything but when, by whom and under which of our ids it was told."""
        return (
            self.lea_id, self.track, self.key, self.kind, self.happened_at, self.evidence, self.waiting_on, self.reason,
            self.planned_on, self.waiver_granted_by, self.waiver_reason,
        )  # fmt: skip


class StatusRow(msgspec.Struct, frozen=True, kw_only=True):
    """The worked-out state and days of a milestone, as they are stored."""

    lea_id: int
    track: Track
    key: str
    version: int
    state: State
    since: datetime | None
    started_at: datetime | None
    done_at: datetime | None
    waiting_on: WaitingOn | None
    reason: str | None
    evidence: str | None
    waiver_granted_by: str | None
    waiver_reason: str | None
    planned_on: date
    forecast_on: date
    earliest_on: date
    latest_on: date
    actual_on: date | None
    slip_days: int
    blackouts: list[str]
    blocked_times: int
    reopened_times: int


class ProgressRow(Progress, frozen=True, kw_only=True):
    """The progress of an LEA in a week, as it is stored."""

    lea_id: int
    track: Track
    wave: str
    week_ending: date
    computed_at: datetime


class TookRow(msgspec.Struct, frozen=True, kw_only=True):
    """How long LEAs of a kind, or of any, took for a milestone."""

    playbook_version: int
    track: Track
    key: str
    kind: LeaKind | Literal["any"]
    days: int
    least: int
    most: int
    leas: int


class Duration(msgspec.Struct, frozen=True, kw_only=True):
    """When one LEA began a milestone and ended it."""

    playbook_version: int
    track: Track
    key: str
    kind: LeaKind
    started_at: datetime
    done_at: datetime
