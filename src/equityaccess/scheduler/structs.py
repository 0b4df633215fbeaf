"""A line of the schedule, and how a run of it ended."""

from datetime import datetime
from typing import Literal

import msgspec

State = Literal["done", "failed", "skipped", "nothing", "not_ours", "lost"]
Missed = Literal["latest", "each"]


class Job(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One ``[[job]]`` of ``jobs/schedule.toml``: what runs, when (one of ``every_s`` and ``cron``, in UTC), and why."""

    name: str
    run: str  # module:function
    why: str
    every_s: int | None = None
    cron: str | None = None
    late_by_at_most_s: int = 0  # a slot missed by more is skipped; 0: the job has no missed slots
    missed: Missed = "latest"  # which of several missed slots run: the latest for all, or each


class JobOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """How a run ended.

    Three leave no row: ``nothing``, ``not_ours`` (another run had the slot, or another leads by now) and ``lost`` (the
    database did not even take the failure: the slot is due as before).
    """

    job: str
    slot: datetime
    state: State
    started_at: datetime
    finished_at: datetime
    touched: int | None = None
    said: str | None = None

    @property
    def seconds(self) -> float:
        """How long it took."""
        return (self.finished_at - self.started_at).total_seconds()
