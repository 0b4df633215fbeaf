"""Observations read back: typed functions over queries.sql, in the order of the primary key."""

from collections.abc import AsyncIterator
from datetime import date, datetime
from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta

from equityaccess.database import Transaction
from equityaccess.submissions.rules import Asked
from equityaccess.submissions.store import sql
from equityaccess.submissions.structs import Observation

Id = Annotated[int, Meta(ge=-32_768, le=32_767)]  # what smallint holds: a cursor may come from anywhere
LargeId = Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)]


class ObservationKey(NamedTuple):
    """Where a revision of an observation stands in the order of the primary key."""

    lea_id: LargeId
    indicator_id: Id
    student_group_id: Id
    as_of: date
    revision: LargeId


FIRST_OBSERVATION = ObservationKey(0, 0, 0, date.min, 0)


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which observations are asked for; None is any that the transaction sees."""

    lea_ids: list[int] | None
    indicator_id: int | None
    student_group_id: int | None
    from_on: date
    to_on: date
    known_at: datetime
    every_revision: bool


class FoundObservation(Observation, frozen=True, kw_only=True):
    """An observation with the ids that order it, which callers do not see."""

    lea_id: int
    indicator_id: int
    student_group_id: int

    @property
    def key(self) -> ObservationKey:
        """Where it stands in the order."""
        return ObservationKey(self.lea_id, self.indicator_id, self.student_group_id, self.as_of, self.revision)

    def shown(self) -> Observation:
        """As callers see it."""
        return msgspec.convert(self, Observation, from_attributes=True)


def observations(
    tx: Transaction, wanted: Wanted, after: ObservationKey, limit: int | None
) -> AsyncIterator[FoundObservation]:
    """The observations that are wanted, in order, after a key."""
    return tx.stream(
        sql.observations,
        FoundObservation,
        after_lea=after.lea_id,
        after_indicator=after.indicator_id,
        after_group=after.student_group_id,
        after_day=after.as_of,
        after_revision=after.revision,
        limit=limit,
        **msgspec.structs.asdict(wanted),
    )


async def indicator_ids(tx: Transaction) -> dict[str, int]:
    """Every indicator's id, by its code."""
    return {asked.code: asked.indicator_id for asked in await tx.all(sql.asked, Asked)}


async def group_ids(tx: Transaction) -> dict[str, int]:
    """Every student group's id, by its code."""
    return dict(await tx.rows(sql.student_groups))
