"""What pushes left in doubt, for those who mend data, and what they do about it."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from equityaccess.access.structs import Caller, Desk
from equityaccess.audit import store as audit
from equityaccess.audit.structs import Entry, Origin
from equityaccess.database import Database, Transaction
from equityaccess.personal import looks_personal_or_named
from equityaccess.problems import Invalid, NotFound, PreconditionFailed, Problem
from equityaccess.submissions.store import sql

_NO_CONTROL = r"\A[^\x00-\x1f]*\Z"  # PostgreSQL's text holds no NUL, and a remark has one line


class Doubt(msgspec.Struct, frozen=True, kw_only=True):
    """What a push that was taken left in doubt: warnings of one kind, and who can say whether they matter.

    `doubted_since` is when the first came of the pushes, one after the other until the newest, that all left it.
    `desk` works on it; `said` is what was found out when it was settled, which holds until more rows are in doubt.
    """

    submission_id: UUID
    lea_ids: list[int]
    received_at: datetime
    code: str
    owner: str
    times: int
    example: str
    revision: int
    desk: str | None
    said: str | None
    told_at: datetime | None
    is_settled: bool
    doubted_since: datetime


class DoubtWork(msgspec.Struct, frozen=True, kw_only=True):
    """What is done about a doubt that a push left: it is given to a desk, or back (null), or settled."""

    submission_id: UUID
    code: Annotated[str, Meta(max_length=64, pattern=_NO_CONTROL)]
    revision: int  # of what was read; 0 when nothing had been done
    desk: Desk | UnsetType | None = UNSET
    said: Annotated[str, Meta(min_length=3, max_length=500, pattern=_NO_CONTROL)] | UnsetType = UNSET


class _Stands(msgspec.Struct, frozen=True, kw_only=True):
    """How a doubt stands before it is worked on."""

    lea_ids: list[int]
    rows: int
    revision: int
    desk: str | None
    settled_rows: int | None
    said: str | None


async def doubts(tx: Transaction, since: datetime, limit: int) -> list[Doubt]:
    """What the newest pushes since an instant left in doubt: what is open first, of that the oldest."""
    return await tx.all(sql.doubts, Doubt, since=since, limit=limit)


async def work_on(db: Database, caller: Caller, origin: Origin, work: DoubtWork, now: datetime) -> None:
    """Write down what is done about a doubt, if it still stands as it was read.

    Raises NotFound, Invalid for what looks personal, or PreconditionFailed when a colleague was first.
    """
    if isinstance(work.said, str) and (what := looks_personal_or_named(work.said)):
        detail = f"What was found out holds what looks like {what}; say what, not who."
        raise Invalid(detail, errors=[Problem(code="personal-data", detail=detail, owner="sender")])
    place = {"submission_id": work.submission_id, "code": work.code}
    async with db.transaction(every_lea=True) as tx:
        stands = await tx.one(sql.doubt_of, _Stands, **place)
        if stands is None:
            raise NotFound("No push that was taken left this in doubt.")
        desk = stands.desk if work.desk is UNSET else work.desk
        settled_rows, said = (stands.settled_rows, stands.said) if work.said is UNSET else (stands.rows, work.said)
        after = {"desk": desk, "settled_rows": settled_rows, "said": said}
        if work.revision != stands.revision or not await tx.execute(
            sql.put_doubt_work, **place, **after, after=stands.revision, now=now, key_id=caller.key_id
        ):
            raise PreconditionFailed("A colleague worked on this doubt since you read it; nothing was changed.")
        entry = Entry(
            origin=msgspec.structs.replace(origin, lea_ids=stands.lea_ids),
            action="work_on_doubt",
            object=f"{work.code} of {work.submission_id}",
            before={"desk": stands.desk, "settled_rows": stands.settled_rows, "said": stands.said},
            after=after,
        )
        await audit.write(tx, entry)
