"""The shapes of a push: the document in, the receipt out."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from equityaccess.coverage.structs import Counted, Figures
from equityaccess.problems import Problem

MOST = 5_000_000  # more people than any LEA has; beyond it a count is a mistake
Count = Annotated[int, Meta(ge=0, le=MOST, description="A number of people")]
Code = Annotated[str, Meta(min_length=1, max_length=64)]
Cds = Annotated[
    str, Meta(pattern=r"^[0-9]{14}$", description="CDS code, 14 digits as text", examples=["19642120000000"])
]
Grade = Annotated[
    Literal["A", "B", "C", "D"],
    Meta(description="A measured or system log, B provisioning record, C survey, D modelled"),
]
Mode = Literal["atomic", "partial"]
Outcome = Literal["applied", "partly_applied", "unchanged", "refused", "dry_run", "replayed", "incomplete"]


class Breakdown(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where `met` comes from, and why `not_met` is not met; each part is optional."""

    met_by_family: Count | UnsetType = UNSET
    met_by_lea: Count | UnsetType = UNSET
    barrier_not_available: Count | UnsetType = UNSET
    barrier_not_affordable: Count | UnsetType = UNSET
    barrier_not_desired: Count | UnsetType = UNSET
    barrier_other: Count | UnsetType = UNSET


class ObservationIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What an LEA knows about one indicator and one student group on one day. People not counted here are unknown."""

    indicator: Code
    student_group: Code
    population: Count
    met: Count
    not_met: Count
    evidence: Grade
    lea: Annotated[str, Meta(max_length=64)] | UnsetType = UNSET
    as_of: date | UnsetType = UNSET
    not_applicable: Count | UnsetType = UNSET
    valid_until: date | UnsetType | None = UNSET
    breakdown: Breakdown | UnsetType = UNSET


class SubmissionIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A push in JSON. `lea` and `as_of` hold for every observation that does not name its own."""

    observations: list[ObservationIn]
    lea: Annotated[str, Meta(max_length=64)] | UnsetType = UNSET
    as_of: date | UnsetType = UNSET
    source: Annotated[str, Meta(max_length=200)] | UnsetType = UNSET


_FLAT = {name: f"breakdown.{name}" for name in Breakdown.__struct_fields__}


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, gc=False, rename=_FLAT):
    """An observation as one NDJSON line or one CSV row: the same fields, the breakdown's flat with a dot."""

    indicator: Code
    student_group: Code
    population: Count
    met: Count
    not_met: Count
    evidence: Grade
    lea: Annotated[str, Meta(max_length=64)] | UnsetType = UNSET
    as_of: date | UnsetType = UNSET
    not_applicable: Count | UnsetType = UNSET
    valid_until: date | UnsetType | None = UNSET
    met_by_family: Count | UnsetType | None = UNSET
    met_by_lea: Count | UnsetType | None = UNSET
    barrier_not_available: Count | UnsetType | None = UNSET
    barrier_not_affordable: Count | UnsetType | None = UNSET
    barrier_not_desired: Count | UnsetType | None = UNSET
    barrier_other: Count | UnsetType | None = UNSET


class Defaults(msgspec.Struct, frozen=True, kw_only=True):
    """What holds for the rows of a push that do not say it themselves."""

    lea: str | None = None
    as_of: date | None = None


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """How many rows came and what became of each; the last four sum to `received`."""

    received: int
    created: int
    updated: int
    unchanged: int
    refused: int


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """What the push did to the coverage of one indicator and group, today; null is "not heard from"."""

    lea: str
    indicator: str
    student_group: str
    lea_before: Counted | None
    lea_after: Counted | None
    county_before: Figures | None
    county_after: Figures | None


class Owed(msgspec.Struct, frozen=True, kw_only=True):
    """An observation for the group ALL that is expected of the caller's LEA and has not come."""

    lea: str
    indicator: str
    period_from: date
    period_to: date
    due_on: date


class ToFillIn(msgspec.Struct, frozen=True, kw_only=True):
    """A row that an LEA is asked for, and how many people it is about as far as is known."""

    lea: str
    indicator: str
    student_group: str
    population: int | None


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What an LEA said last of one indicator and group."""

    lea_id: int
    indicator: str
    student_group: str
    as_of: date
    population: int
    met: int
    not_met: int
    not_applicable: int
    evidence: Literal["A", "B", "C", "D"]


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a push: every row accounted for, every fault and doubt listed, and what it did to coverage."""

    submission_id: UUID
    outcome: Outcome
    mode: Mode
    dry_run: bool
    source: str | None
    received_at: datetime
    sha256: str
    bytes: int
    counts: Counts
    refused_as: str | None
    detail: str
    refusals: list[Problem]
    refusals_total: int
    warnings: list[Problem]
    warnings_total: int
    effect: list[Effect]
    effect_total: int
    owed: list[Owed]


class SubmissionLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the list of submissions. A quarantined one was refused and looks personal: its body is kept apart."""

    submission_id: UUID
    received_at: datetime
    content_type: str
    bytes: int | None
    sha256: str | None
    outcome: Outcome | None
    status: int | None
    is_quarantined: bool


class SubmissionPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of submissions, newest first; `next` is the cursor of the page after it, null at the end."""

    items: list[SubmissionLine]
    next: str | None


class Observation(msgspec.Struct, frozen=True, kw_only=True):
    """One revision of an observation, and from when until when it was the service's knowledge."""

    lea: str
    indicator: str
    student_group: str
    as_of: date
    revision: int
    population: int
    met: int
    not_met: int
    not_applicable: int
    unknown: int
    evidence: Literal["A", "B", "C", "D"]
    valid_until: date | None
    met_by_family: int | None
    met_by_lea: int | None
    barrier_not_available: int | None
    barrier_not_affordable: int | None
    barrier_not_desired: int | None
    barrier_other: int | None
    recorded_at: datetime
    superseded_at: datetime | None
    submission_id: UUID


class ObservationPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of observations in the order of LEA, indicator, group and day; `next` is the cursor of the page after."""

    items: list[Observation]
    next: str | None
