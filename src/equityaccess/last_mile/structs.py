"""The shapes of the last mile: unit costs, and what is left by barrier and LEA."""

from datetime import date, datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from equityaccess.coverage.structs import Barrier, Counted, Goal

# Who declined need not be reached, and nobody knows what stands in the way of those of whom nothing is known.
Priced = Literal["not_available", "not_affordable", "other"]
MOST_CENTS = 10_000_000  # a person; beyond it an amount is a mistake


class UnitCost(msgspec.Struct, frozen=True, kw_only=True):
    """What it costs to reach one person behind a barrier, as the county office estimates it, with its source.

    A change is a new revision; `told_by` says whether the reference files or the county office set it.
    """

    indicator: str
    barrier: Priced
    revision: int
    cents: int
    source: str
    told_at: datetime
    told_by: Literal["reference", "county"]


class UnitCostIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new estimate."""

    cents: Annotated[int, Meta(ge=0, le=MOST_CENTS, description="US cents for one person.")]
    source: Annotated[
        str,
        Meta(min_length=3, max_length=200, description="Where the amount comes from: a contract, a quote. No person."),
    ]


class UnitCostList(msgspec.Struct, frozen=True, kw_only=True):
    """Unit costs: those that hold, or every revision, the newest first."""

    items: list[UnitCost]


class UnitCostRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the reference file."""

    indicator: str
    barrier: Priced
    cents: int
    source: str


class LeftBehind(msgspec.Struct, frozen=True, kw_only=True):
    """People left behind one barrier; `cost_cents` is null where no unit cost is known."""

    barrier: Barrier
    people: int
    unit_cost_cents: int | None
    cost_cents: int | None


class LeftInLea(msgspec.Struct, frozen=True, kw_only=True):
    """People left in one LEA, and by how many points the county would rise if all of them were reached."""

    lea: str
    lea_name: str
    people: int
    points: float | None
    cost_cents: int
    people_priced: int
    barriers: list[LeftBehind]
    as_of: date | None


class Widest(msgspec.Struct, frozen=True, kw_only=True):
    """The student group that is furthest behind, and the LEAs in which most of its people are left."""

    student_group: str
    figures: Counted
    leas: list[LeftInLea]


class LastMile(msgspec.Struct, frozen=True, kw_only=True):
    """What is left of one indicator and group in the county.

    `cost_cents` is for `people_priced` alone: those behind a barrier that has a unit cost. `moves_county_most` are the
    LEAs with the most people left; `widest` is null when ALL alone has been reported. Where LEAs counted other people
    than are enrolled, what is left in them is not what is left in the county: `difference` is the county's less theirs.
    """

    indicator: str
    student_group: str
    as_of: date
    figures: Counted | None
    target: Goal | None
    difference: int | None
    barriers: list[LeftBehind]
    cost_cents: int
    people_priced: int
    leas: list[LeftInLea]
    moves_county_most: list[str]
    widest: Widest | None
