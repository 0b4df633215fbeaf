"""Targets as they are decided: by the reference files first, then by administrators, each decision with its source."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from equityaccess.access.structs import Caller
from equityaccess.audit import store as audit
from equityaccess.audit.structs import Entry, Origin
from equityaccess.catalogue.store import sql
from equityaccess.database import Database, Transaction
from equityaccess.personal import looks_personal_or_named
from equityaccess.problems import Invalid, NotFound, PreconditionFailed, Problem

_YEARS: Final = range(2000, 2101)


class TargetDecision(msgspec.Struct, frozen=True, kw_only=True):
    """What is decided on the target of a measure and group for a day: a new rate, or none any more (null).

    ``revision`` is that of the decision that was read, 0 where the reference files decided; null for a new target.
    """

    indicator: str
    student_group: str
    target_on: date
    percent: Annotated[str, Meta(pattern=r"\A(100(\.0{1,2})?|[0-9]{1,2}(\.[0-9]{1,2})?)\Z")] | None
    source: Annotated[str, Meta(min_length=3, max_length=500, pattern=r"\A[^\x00-\x1f]*\Z")]
    revision: int | None


class TargetInForce(msgspec.Struct, frozen=True, kw_only=True):
    """A target as it holds now, with the revision of the decision behind it: 0 is the reference files'."""

    indicator: str
    student_group: str
    target_on: date
    percent: Decimal
    source: str
    revision: int


class TargetDecided(msgspec.Struct, frozen=True, kw_only=True):
    """A decision as it stands in the history; without a percent it withdrew the target."""

    indicator: str
    student_group: str
    target_on: date
    percent: Decimal | None
    source: str
    revision: int
    told_at: datetime


class _Stands(msgspec.Struct, frozen=True, kw_only=True):
    percent: Decimal | None
    source: str | None
    revision: int


async def targets_in_force(tx: Transaction) -> list[TargetInForce]:
    """Every target that holds now, by measure, group and date."""
    return await tx.all(sql.targets_in_force, TargetInForce)


async def target_decisions(tx: Transaction, limit: int) -> list[TargetDecided]:
    """What was decided about targets here, the newest first."""
    return await tx.all(sql.target_decisions, TargetDecided, limit=limit)


async def decide_target(db: Database, caller: Caller, origin: Origin, new: TargetDecision, now: datetime) -> None:
    """Write down what is decided on a target, if what holds is still what was read.

    Raises NotFound, Invalid, or PreconditionFailed when somebody decided on it meanwhile.
    """
    if new.target_on.year not in _YEARS:
        raise _wrong("out-of-range", f"The day of a target lies in the years {_YEARS[0]} to {_YEARS[-1]}.")
    if what := looks_personal_or_named(new.source):
        raise _wrong("personal-data", f"The source holds what looks like {what}; name the plan or the decision.")
    place = {"indicator": new.indicator, "student_group": new.student_group, "target_on": new.target_on}
    percent = None if new.percent is None else Decimal(new.percent)
    async with db.transaction(every_lea=True) as tx:
        stands = await tx.one(sql.target_at, _Stands, **place)
        if stands is None:
            raise NotFound("There is no such measure or group.")
        is_as_read = new.revision == (None if stands.percent is None else stands.revision)
        if not is_as_read or not await tx.execute(
            sql.put_target_decision,
            **place,
            after=stands.revision,
            percent=percent,
            source=new.source,
            now=now,
            key_id=caller.key_id,
        ):
            raise PreconditionFailed(
                "What holds is not what you read: somebody decided meanwhile, or it is there already."
            )
        entry = Entry(
            origin=origin,
            action="decide_target",
            object=f"{new.indicator} {new.student_group} {new.target_on}",
            before=None if stands.percent is None else {"percent": float(stands.percent), "source": stands.source},
            after={"percent": None if percent is None else float(percent), "source": new.source},
        )
        await audit.write(tx, entry)


def _wrong(code: str, detail: str) -> Invalid:
    return Invalid(detail, errors=[Problem(code=code, detail=detail, owner="sender")])
