"""The playbook: which milestones a track has, what each needs, and when it usually is. Pure."""

from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Literal

import msgspec

Track = Literal["FIN", "HCM"]
Phase = Literal["initiation", "structure", "construct", "transition", "deploy", "stabilise"]
PHASES: tuple[Phase, ...] = ("initiation", "structure", "construct", "transition", "deploy", "stabilise")
GO_LIVE = "go_live"


class PlaybookRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of db/reference/playbook.csv; lists are words with spaces between them."""

    version: int
    place: int
    key: str
    phase: Phase
    tracks: str
    offset_days: int
    duration_days: int
    weight: int
    evidence: str
    next_action: str
    gate_on: str = ""
    needs: str = ""


class Milestone(msgspec.Struct, frozen=True, kw_only=True):
    """A step of an LEA's onboarding on one track, as the playbook has it."""

    key: str
    place: int
    phase: Phase
    is_gate: bool
    offset_days: int  # business days from the go-live to the day by which it is usually done; negative: before
    duration_days: int  # business days that it usually takes
    weight: int
    evidence: str  # what an approver asks to see
    next_action: str
    needs: tuple[str, ...]


class UnsoundPlaybook(ValueError):
    """A playbook that no LEA could follow: a need that is not in it, a circle, or no go-live."""


Playbook = Mapping[str, Milestone]  # of one version and track, each milestone after all that it needs


def playbook(rows: Iterable[PlaybookRow], track: Track) -> Playbook:
    """The milestones of *track*, each after all that it needs.

    A need on the other track is left out: the tracks go live apart. Raises UnsoundPlaybook.
    """
    every = list(rows)
    known = {row.key for row in every}
    mine = {row.key: _milestone(row, track) for row in every if track in row.tracks.split()}
    for row in every:
        if strangers := sorted(set(row.needs.split()) - known):
            raise UnsoundPlaybook(f"{row.key} needs {', '.join(strangers)}, which the playbook does not have")
    if GO_LIVE not in mine:
        raise UnsoundPlaybook(f"the track {track} has no {GO_LIVE}")
    needs = {key: tuple(need for need in one.needs if need in mine) for key, one in mine.items()}
    try:
        order = list(TopologicalSorter(needs).static_order())
    except CycleError as error:
        raise UnsoundPlaybook(f"these need each other in a circle: {' → '.join(error.args[1])}") from None
    return {key: msgspec.structs.replace(mine[key], needs=needs[key]) for key in order}


def _milestone(row: PlaybookRow, track: Track) -> Milestone:
    return Milestone(
        key=row.key,
        place=row.place,
        phase=row.phase,
        is_gate=track in row.gate_on.split(),
        offset_days=row.offset_days,
        duration_days=row.duration_days,
        weight=row.weight,
        evidence=row.evidence,
        next_action=row.next_action,
        needs=tuple(row.needs.split()),
    )
