"""Submissions and observations in the database: typed functions over queries.sql."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

import msgspec

from equityaccess.audit import store as audit
from equityaccess.audit.structs import Entry, Origin
from equityaccess.coverage.store import Cells
from equityaccess.database import Transaction, load_queries
from equityaccess.submissions.rules import JUMP_IN_POINTS, STAGED, Asked, Known, Lea, Record
from equityaccess.submissions.structs import Outcome, Owed, Said, SubmissionLine

sql = load_queries(__file__)


class Journaled(msgspec.Struct, frozen=True, kw_only=True):
    """A body as it stands in the journal, before anybody has judged it."""

    submission_id: UUID
    received_at: datetime
    content_type: str
    parameters: str
    byte_count: int
    sha256: bytes


class Claimed(msgspec.Struct, frozen=True, kw_only=True):
    """The submission that has an idempotency key, and what became of it so far."""

    fingerprint: bytes
    submission_id: UUID
    created_at: datetime
    outcome: Outcome | None
    status: int | None
    answer: bytes | None


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """A submission with its receipt, if it has been judged."""

    submission_id: UUID
    received_at: datetime
    content_type: str
    byte_count: int | None
    sha256: str | None
    outcome: Outcome | None
    status: int | None
    answer: bytes | None


class Reach(msgspec.Struct, frozen=True, kw_only=True):
    """Of what the staged rows speak, up to which day they do, and whether two of them speak of the same thing."""

    cells: Cells
    newest: list[date]  # of each cell
    first_on: date
    last_on: date
    has_repeated: bool

    @property
    def lea_ids(self) -> list[int]:
        """The LEAs, in their order."""
        return sorted(set(self.cells.lea_ids))

    @property
    def days(self) -> dict[str, date]:
        """Between which days all of them are."""
        return {"first_on": self.first_on, "last_on": self.last_on}


class Put(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the staged rows; those not counted here said what was known."""

    created: int
    updated: int


class Jump(msgspec.Struct, frozen=True, kw_only=True):
    """A staged row that is far from what the LEA said before."""

    row_number: int
    line: int
    met: int
    base: int
    met_before: int
    base_before: int
    as_of: date


async def receive(
    tx: Transaction,
    key_id: UUID,
    lea_ids: Sequence[int],
    journaled: Journaled,
    *,
    is_whole: bool,
) -> None:
    """Open a line in the journal; what is not known before the last part stays NULL until ``complete``."""
    await tx.execute(
        sql.receive,
        submission_id=journaled.submission_id,
        key_id=key_id,
        lea_ids=lea_ids,
        received_at=journaled.received_at,
        content_type=journaled.content_type,
        parameters=journaled.parameters,
        byte_count=journaled.byte_count if is_whole else None,
        sha256=journaled.sha256 if is_whole else None,
    )


async def keep_part(tx: Transaction, submission_id: UUID, part: int, deflated: bytes) -> None:
    """Keep one part of a body."""
    await tx.execute(sql.keep_part, submission_id=submission_id, part=part, deflated=deflated)


async def complete(tx: Transaction, submission_id: UUID, byte_count: int, sha256: bytes) -> None:
    """Say that the whole body is there."""
    await tx.execute(sql.complete, submission_id=submission_id, byte_count=byte_count, sha256=sha256)


async def part_of_body(tx: Transaction, submission_id: UUID, part: int) -> bytes | None:
    """A part as it was kept, None after the last."""
    found: bytes | None = await tx.value(sql.part_of_body, submission_id=submission_id, part=part)
    return found


async def decide(
    tx: Transaction,
    submission_id: UUID,
    outcome: Outcome,
    status: int,
    answer: bytes | None,
    now: datetime,
    origin: Origin | None,
) -> None:
    """Write down what became of a submission, and put it on record; without *origin* the request does that itself."""
    await tx.execute(
        sql.decide,
        submission_id=submission_id,
        outcome=outcome,
        status=status,
        answer=answer,
        decided_at=now,
        concerned=origin.lea_ids if origin else None,
    )
    if origin is not None:
        place = f"/v1/submissions/{submission_id}"
        after = {"outcome": outcome}
        await audit.write(tx, Entry(origin=origin, action="push", object=place, after=after, status=status))


async def quarantine(tx: Transaction, submission_id: UUID) -> None:
    """Keep the body of a submission from everybody whom the service answers."""
    await tx.execute(sql.quarantine, submission_id=submission_id)


async def claim(
    tx: Transaction, key_id: UUID, idempotency_key: str, fingerprint: bytes, submission_id: UUID, now: datetime
) -> Claimed | None:
    """Take *idempotency_key* for this submission; whoever has it already is the answer."""
    values = {"key_id": key_id, "idempotency_key": idempotency_key}
    if await tx.value(sql.claim, **values, fingerprint=fingerprint, submission_id=submission_id, now=now):
        return None
    return await claimed(tx, key_id, idempotency_key)


async def claimed(tx: Transaction, key_id: UUID, idempotency_key: str) -> Claimed | None:
    """Who has *idempotency_key*, and what became of that submission; nobody else takes it in this transaction."""
    return await tx.one(sql.claimed, Claimed, key_id=key_id, idempotency_key=idempotency_key)


async def take_over(
    tx: Transaction, key_id: UUID, idempotency_key: str, fingerprint: bytes, submission_id: UUID, now: datetime
) -> None:
    """Give *idempotency_key* to this submission: the one that had it will never be judged, or its time is over."""
    await tx.execute(
        sql.take_over,
        key_id=key_id,
        idempotency_key=idempotency_key,
        fingerprint=fingerprint,
        submission_id=submission_id,
        now=now,
    )


async def hold(tx: Transaction, submission_id: UUID) -> bool:
    """Try to be the one who judges *submission_id*, until the transaction ends."""
    got: bool = await tx.value(sql.hold, submission_id=submission_id)
    return got


async def has_key(tx: Transaction, key_id: UUID, idempotency_key: str, submission_id: UUID) -> bool:
    """Whether *idempotency_key* is still this submission's."""
    values = {"key_id": key_id, "idempotency_key": idempotency_key, "submission_id": submission_id}
    has: bool = await tx.value(sql.has_key, **values)
    return has


async def known(tx: Transaction, lea_ids: Sequence[int], today: date) -> Known:
    """What rows of a caller for *lea_ids* are checked against."""
    leas: dict[str, list[Lea]] = {}
    for lea in await tx.all(sql.leas_of_caller, Lea, lea_ids=lea_ids):
        leas.setdefault(lea.cds, []).append(lea)
    enrolled = await tx.rows(sql.enrolled, lea_ids=lea_ids)
    return Known(
        leas=leas,
        indicators={asked.code: asked for asked in await tx.all(sql.asked, Asked)},
        student_groups=dict(await tx.rows(sql.student_groups)),
        enrolled={(lea_id, group): students for lea_id, group, students in enrolled},
        today=today,
    )


async def directory(tx: Transaction) -> dict[str, str]:
    """The name behind every CDS code, former ones too."""
    return dict(await tx.rows(sql.directory))


async def stage(tx: Transaction, records: Sequence[Record]) -> None:
    """Put *records* aside, to be compared with what is known."""
    await tx.copy("staged", STAGED, records)


class Repeated(msgspec.Struct, frozen=True, kw_only=True):
    """A staged row that speaks of the same thing as another, the first that does, and how many such rows there are."""

    row_number: int
    line: int
    first_row: int
    rows: int


async def prepare_for_many(tx: Transaction) -> None:
    """Let the planner see that many rows are staged, and let it use the memory that they need."""
    await tx.execute(sql.prepare_for_many)
    await tx.execute(sql.count_staged)


async def reach(tx: Transaction, lea_ids: Sequence[int], today: date) -> Reach | None:
    """What the staged rows, which are of *lea_ids*, reach; None when there are none."""
    rows = await tx.rows(sql.reach, lea_ids=lea_ids, today=today)
    if not rows:
        return None
    leas, indicators, groups, newest, first_on, last_on, has_repeated = rows[0]
    cells = Cells(lea_ids=leas, indicator_ids=indicators, student_group_ids=groups)
    return Reach(cells=cells, newest=newest, first_on=first_on, last_on=last_on, has_repeated=has_repeated)


async def repeated(tx: Transaction, most: int) -> list[Repeated]:
    """The first *most* staged rows that speak of the same thing as another."""
    return await tx.all(sql.repeated, Repeated, most=most)


class BeyondTotal(msgspec.Struct, frozen=True, kw_only=True):
    """A staged row whose group has more people than the group ALL of this push, and how many such rows there are."""

    row_number: int
    line: int
    population: int
    total: int
    rows: int


async def beyond_total(tx: Transaction, all_id: int, most: int) -> list[BeyondTotal]:
    """The first *most* staged rows whose group has more people than the group ALL of the same push."""
    return await tx.all(sql.beyond_total, BeyondTotal, all_id=all_id, most=most)


async def drop_contradicting(tx: Transaction, all_id: int) -> int:
    """Take every row that is ``repeated`` or ``beyond_total`` out of what is staged; how many there were."""
    return await tx.execute(sql.drop_contradicting, all_id=all_id)


async def lock_leas(tx: Transaction, lea_ids: Sequence[int]) -> None:
    """Be the only writer of *lea_ids*, which are in their order, until the transaction ends."""
    await tx.value(sql.lock_leas, lea_ids=lea_ids)


async def jumps(tx: Transaction, reach: Reach) -> list[Jump]:
    """The newest staged row of each cell, where it is far from what the LEA said before."""
    columns = {**msgspec.structs.asdict(reach.cells), "newest": reach.newest}
    return await tx.all(sql.jumps, Jump, **columns, **reach.days, points=JUMP_IN_POINTS)


async def put_observations(tx: Transaction, reach: Reach, submission_id: UUID, recorded_at: datetime) -> Put:
    """Make the staged rows observations, and mark what they touch."""
    put = await tx.one(sql.put_observations, Put, **reach.days, submission_id=submission_id, recorded_at=recorded_at)
    return put or Put(created=0, updated=0)


class Names(msgspec.Struct, frozen=True, kw_only=True):
    """The codes behind the ids of LEAs, indicators and groups."""

    leas: dict[int, str]
    indicators: dict[int, str]
    student_groups: dict[int, str]


async def names(tx: Transaction, lea_ids: Sequence[int], today: date) -> Names:
    """The codes of *lea_ids* that are valid today, or were last, and those of every indicator and group."""
    return Names(
        leas=dict(await tx.rows(sql.codes_of_leas, lea_ids=lea_ids, today=today)),
        indicators={asked.indicator_id: asked.code for asked in await tx.all(sql.asked, Asked)},
        student_groups={group: code for code, group in await tx.rows(sql.student_groups)},
    )


async def owed(tx: Transaction, lea_ids: Sequence[int], today: date, most: int) -> list[Owed]:
    """What *lea_ids* still owe, the longest overdue first."""
    return await tx.all(sql.owed, Owed, lea_ids=lea_ids, today=today, most=most)


async def last_said(tx: Transaction, lea_ids: Sequence[int]) -> list[Said]:
    """What *lea_ids* said last of each indicator and group."""
    return await tx.all(sql.last_said, Said, lea_ids=lea_ids)


async def submission(tx: Transaction, submission_id: UUID) -> Stored | None:
    """One submission of the caller's."""
    return await tx.one(sql.submission_by_id, Stored, submission_id=submission_id)


async def submissions(
    tx: Transaction, before: UUID | None, outcome: Outcome | None, limit: int
) -> list[SubmissionLine]:
    """The caller's submissions older than *before*, newest first."""
    return await tx.all(sql.submissions, SubmissionLine, before=before, outcome=outcome, limit=limit)


async def forget_idempotency(tx: Transaction, before: datetime) -> int:
    """Forget idempotency keys first sent before *before*; how many."""
    return await tx.execute(sql.forget_idempotency, before=before)
