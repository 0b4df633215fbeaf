"""What each reason weighs: read from the reference file, kept by version."""

import tomllib
from typing import Any

import msgspec


class Weight(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one reason weighs, and why; the thresholds that it does not use are absent."""

    points: int
    why: str
    action: str
    most: int = 1_000
    near_days: int = 0
    times_usual: int = 0
    milestones: tuple[str, ...] = ()
    milestone: str = ""
    days_before_go_live: int = 0
    share_percent: int = 0
    after_days: int = 0
    per_100_users: int = 0
    below: float = 0.0
    ratings: int = 0


class Weights(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every weight, and when an item opens and closes."""

    open_at: int
    close_below: int
    close_after_runs: int
    reopen_after_days: int
    gate_overdue: Weight
    stalled: Weight
    blocked: Weight
    trouble: Weight
    training_late: Weight
    core_users_silent: Weight
    ess_low: Weight
    tickets_old: Weight
    tickets_many: Weight
    silence: Weight
    dissatisfied: Weight
    data_silent: Weight
    data_owed: Weight
    data_refused: Weight
    calendar: Weight

    def of(self, code: str) -> Weight:
        """The weight of one reason."""
        found: Weight = getattr(self, code)
        return found


def read_weights(text: str) -> Weights:
    """The weights in a TOML document. Raises msgspec.ValidationError or tomllib.TOMLDecodeError."""
    document: dict[str, Any] = tomllib.loads(text)
    return msgspec.convert(document, Weights)
