"""The table ``job_run``: which slots have run, and how they ended.

Whoever writes on behalf of a leader gives its *token*, and writes nothing once another has taken the lease.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from equityaccess.database import Transaction, load_queries
from equityaccess.scheduler.structs import JobOutcome

sql = load_queries(__file__)

PATIENCE = timedelta(hours=1)  # of one statement: with the work it does, or with whoever holds what it needs


async def take_turn(tx: Transaction, job: str) -> None:
    """Wait until no other run of *job* is under way, and keep it so until *tx* ends."""
    await tx.value(sql.be_patient, patience=f"{PATIENCE.total_seconds():.0f}s")
    await tx.value(sql.wait_for_turn, job=job)


async def has_run(tx: Transaction, job: str, slot: datetime) -> bool:
    """Whether the slot is taken: run, failed or skipped."""
    taken: bool = await tx.value(sql.has_run, job=job, slot=slot)
    return taken


async def leads(tx: Transaction, token: int | None) -> bool:
    """Whether *token* is still that of the leader; without one, a person runs the job and nobody need lead."""
    still: bool = await tx.value(sql.leads, token=token)
    return still


async def record(tx: Transaction, outcome: JobOutcome, token: int | None) -> bool:
    """Write *outcome* down; False when the slot has a row already, which then stays as it is, or the lease is lost."""
    values = {name: getattr(outcome, name) for name in outcome.__struct_fields__}
    return await tx.execute(sql.record, **values, token=token) == 1


async def skip(
    tx: Transaction, job: str, slots: Sequence[datetime], now: datetime, said: str, token: int | None = None
) -> int:
    """Write down that *slots* will not run, and why; how many had no row yet."""
    return await tx.execute(sql.skip, job=job, slots=list(slots), now=now, said=said, token=token)


async def first_slot(tx: Transaction, job: str) -> datetime | None:
    """The earliest slot of *job* that has a row."""
    slot: datetime | None = await tx.value(sql.first_slot, job=job)
    return slot


async def recorded_slots(tx: Transaction, job: str, after: datetime, until: datetime) -> set[datetime]:
    """The slots of *job* in (*after*, *until*] that have a row."""
    return set(await tx.values(sql.recorded_slots, job=job, after=after, until=until))


async def last_runs(tx: Transaction) -> dict[str, JobOutcome]:
    """The latest run of each job, by its name."""
    return {run.job: run for run in await tx.all(sql.last_runs, JobOutcome)}


async def run_at(tx: Transaction, job: str, at: datetime) -> JobOutcome | None:
    """The run of *job* that was under way at a moment, while it is on record."""
    return await tx.one(sql.run_at, JobOutcome, job=job, at=at)


async def forget(tx: Transaction, before: datetime) -> int:
    """Delete the runs of slots before *before*; how many."""
    return await tx.execute(sql.forget, before=before)
