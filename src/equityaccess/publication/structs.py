"""The shapes of what is published."""

from datetime import date, datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Bound = Annotated[
    Literal["=", ">=", "<="], Meta(description="Near 0 and 100 a rate is given as a bound, by the size of the group.")
]
Level = Literal["county", "kind", "lea"]
State = Literal["shown", "suppressed", "not_heard_from"]


class PublicRate(msgspec.Struct, frozen=True, kw_only=True):
    """A rate in percent, cut to one decimal, or a bound of it."""

    percent: float
    bound: Bound


class Shown(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="shown"):
    """How far a group is: of `base` people `confirmed` are met, and `at_most` as many as may be, with the unknown."""

    base: int
    confirmed: PublicRate
    at_most: PublicRate


class Withheld(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="suppressed"):
    """Withheld, because the group is small, or because a small one could be worked out from it: no null, no zero."""

    reason: str = "withheld to protect small groups"


class NotHeardFrom(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="not_heard_from"):
    """Nobody has said anything that counts; `base` people are enrolled, as far as that is known."""

    base: int | None


PublicFigures = Shown | Withheld | NotHeardFrom


class PublicTarget(msgspec.Struct, frozen=True, kw_only=True):
    """The rate to reach, and by when."""

    percent: float
    target_on: date


class PublicCell(msgspec.Struct, frozen=True, kw_only=True):
    """One figure of a release. `scope` is `county`, a kind of LEA, or an LEA's CDS code."""

    scope: str
    scope_name: str
    level: Level
    indicator: str
    student_group: str
    figures: PublicFigures
    target: PublicTarget | None


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a release is: its day, its rows, the SHA-256 of its CSV, and the version of the rules that protect it."""

    number: int
    as_of: date
    published_at: datetime
    rules: str
    is_sample: bool
    rows: int
    suppressed: int
    sha256: str


class PublicCoverage(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of one release. Groups overlap; only ALL may be added up."""

    release: Manifest
    items: list[PublicCell]


class ReleaseList(msgspec.Struct, frozen=True, kw_only=True):
    """Every release, newest first."""

    items: list[Manifest]


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a cell before it is decided what may be published."""

    scope: str
    scope_name: str
    level: Level
    parent: str | None
    indicator: str
    student_group: str
    base: int
    met: int
    not_met: int
    is_heard: bool


class CellRow(msgspec.Struct, frozen=True, kw_only=True):
    """A cell as a release keeps it."""

    indicator: str
    student_group: str
    scope: str
    scope_name: str
    level: Level
    state: State
    base: int | None
    confirmed_percent: float | None = None
    confirmed_bound: Bound | None = None
    at_most_percent: float | None = None
    at_most_bound: Bound | None = None
    target_percent: float | None = None
    target_on: date | None = None

    def look(self, part: int) -> tuple[object, ...]:
        """What a reader sees of the met (0) or the not met (1)."""
        if part:
            return (self.base, self.at_most_percent, self.at_most_bound)
        return (self.base, self.confirmed_percent, self.confirmed_bound)

    def cell(self) -> PublicCell:
        """As it is answered."""
        target = (
            PublicTarget(percent=self.target_percent, target_on=self.target_on)
            if self.target_percent is not None and self.target_on
            else None
        )
        return PublicCell(
            scope=self.scope,
            scope_name=self.scope_name,
            level=self.level,
            indicator=self.indicator,
            student_group=self.student_group,
            figures=self._figures(),
            target=target,
        )

    def _figures(self) -> PublicFigures:
        if self.state == "not_heard_from":
            return NotHeardFrom(base=self.base)
        if self.base is None or self.confirmed_percent is None or self.at_most_percent is None:
            return Withheld()
        return Shown(
            base=self.base,
            confirmed=PublicRate(percent=self.confirmed_percent, bound=self.confirmed_bound or "="),
            at_most=PublicRate(percent=self.at_most_percent, bound=self.at_most_bound or "="),
        )


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """Which figures are asked for; None is any."""

    indicator: str | None = None
    student_group: str | None = None
