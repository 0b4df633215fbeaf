"""What may happen to a milestone, and what its state is after all that has. Pure.

The events are the truth; a state is always worked out from them, in the order in which they happened, so it does not
matter in which order they were told.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Literal
from uuid import UUID

import msgspec

from equityaccess.onboarding.playbook import Playbook

Kind = Literal["started", "completed", "blocked", "unblocked", "reopened", "not_applicable", "replanned"]
State = Literal["not_started", "in_progress", "blocked", "done", "not_applicable"]
WaitingOn = Literal["lea", "county", "vendor"]
SETTLED: frozenset[State] = frozenset({"done", "not_applicable"})

# From which states an event may come, and the state after it; a replanned milestone stays in its state.
_MOVES: Mapping[Kind, tuple[frozenset[State], State | None]] = {
    "started": (frozenset({"not_started"}), "in_progress"),
    "completed": (frozenset({"not_started", "in_progress"}), "done"),
    "blocked": (frozenset({"not_started", "in_progress"}), "blocked"),
    "unblocked": (frozenset({"blocked"}), "in_progress"),
    "reopened": (frozenset({"done", "not_applicable"}), "in_progress"),
    "not_applicable": (frozenset({"not_started", "in_progress", "blocked"}), "not_applicable"),
    "replanned": (frozenset({"not_started", "in_progress", "blocked"}), None),
}


class Waiver(msgspec.Struct, frozen=True, kw_only=True):
    """Who let a gate pass before all that it needs, and why."""

    granted_by: str
    reason: str


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened to one milestone of one LEA on one track."""

    event_id: UUID
    key: str
    kind: Kind
    happened_at: datetime
    evidence: str | None = None  # completed: where it can be seen
    waiting_on: WaitingOn | None = None  # blocked
    reason: str | None = None  # blocked, reopened, not_applicable, replanned
    planned_on: date | None = None  # replanned
    waiver: Waiver | None = None  # completed, on a gate


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a milestone after its events."""

    state: State = "not_started"
    since: datetime | None = None  # of the state; None while nothing has happened
    started_at: datetime | None = None
    done_at: datetime | None = None
    waiting_on: WaitingOn | None = None
    reason: str | None = None
    evidence: str | None = None
    planned_on: date | None = None  # by a replan; None: as the wave and the playbook have it
    waiver: Waiver | None = None
    blocked_times: int = 0
    reopened_times: int = 0


class NotPossible(ValueError):
    """An event that cannot have happened then; ``code`` is stable, the message is for people."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


_NOTHING = Status()


def in_order(events: Iterable[Event]) -> list[Event]:
    """*events* as they happened; those of one instant in the order of their ids, so that it is always the same."""
    return sorted(events, key=lambda event: (event.happened_at, event.event_id))


def replay(events: Iterable[Event], playbook: Playbook) -> dict[str, Status]:
    """The status of every milestone that something has happened to.

    Raises NotPossible when an event does not fit what had happened before it.
    """
    statuses: dict[str, Status] = {}
    for event in in_order(events):
        demand_possible(event, statuses, playbook)
        statuses = after(statuses, event)
    return statuses


def after(statuses: Mapping[str, Status], event: Event) -> dict[str, Status]:
    """*statuses* once *event*, which is possible, has happened."""
    return {**statuses, event.key: _after(statuses.get(event.key, _NOTHING), event)}


def demand_possible(event: Event, statuses: Mapping[str, Status], playbook: Playbook) -> None:
    """Raise NotPossible unless *event* fits *statuses*, which is what had happened before it."""
    milestone = playbook.get(event.key)
    if milestone is None:
        raise NotPossible("unknown-milestone", f"{event.key} is not a milestone of this track.")
    before = statuses.get(event.key, _NOTHING).state
    allowed, _ = _MOVES[event.kind]
    if before not in allowed:
        raise NotPossible(
            "wrong-state", f"{event.key} was {before} on {event.happened_at:%Y-%m-%d}: it cannot be {event.kind}."
        )
    if fault := _missing(event):
        raise fault
    if event.kind == "not_applicable" and milestone.is_gate:
        raise NotPossible("gate-applies", f"{event.key} is a gate: it is passed or waived, never not applicable.")
    if event.kind == "completed" and event.waiver is None:
        open_needs = [need for need in milestone.needs if statuses.get(need, _NOTHING).state not in SETTLED]
        if milestone.is_gate and open_needs:
            raise NotPossible(
                "gate-not-ready",
                f"{event.key} is a gate, and {', '.join(open_needs)} was not done on {event.happened_at:%Y-%m-%d}. "
                "Complete that first, or send a waiver with who granted it and why.",
            )


def _missing(event: Event) -> NotPossible | None:
    needed: dict[Kind, Sequence[str]] = {
        "completed": ("evidence",),
        "blocked": ("waiting_on", "reason"),
        "reopened": ("reason",),
        "not_applicable": ("reason",),
        "replanned": ("planned_on", "reason"),
    }
    for name in needed.get(event.kind, ()):
        if not getattr(event, name):
            return NotPossible("missing-field", f"An event of the kind {event.kind} needs {name}.")
    return None


def _after(before: Status, event: Event) -> Status:
    state = _MOVES[event.kind][1]
    if state is None:
        return msgspec.structs.replace(before, planned_on=event.planned_on)
    starts = before.started_at or event.happened_at
    return msgspec.structs.replace(
        before,
        state=state,
        since=event.happened_at,
        started_at=None if state == "not_applicable" else starts,
        done_at=event.happened_at if state == "done" else None,
        waiting_on=event.waiting_on if state == "blocked" else None,
        reason=event.reason,
        evidence=event.evidence if state == "done" else None,
        waiver=event.waiver if state == "done" else None,
        blocked_times=before.blocked_times + (event.kind == "blocked"),
        reopened_times=before.reopened_times + (event.kind == "reopened"),
    )
