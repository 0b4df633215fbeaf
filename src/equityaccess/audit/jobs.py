"""The jobs that make the log tell of its own changes: one seals it, one verifies it."""

from datetime import datetime

from equityaccess.audit import chain, rules
from equityaccess.database import Transaction
from equityaccess.outcome import Done


async def seal_audit(tx: Transaction, now: datetime) -> Done | None:
    """Seal what came on record since the last time; the head that it says leaves this machine with the log lines."""
    made = await chain.seal(tx, now)
    if made is None:
        return None
    return Done(touched=len(made.entry_ids), said=f"{len(made.entry_ids)} entries sealed; head {rules.head(made)}")


async def verify_audit(tx: Transaction, now: datetime) -> Done:  # noqa: ARG001, every job has the same signature
    """Verify the whole log; a single finding is a failure that a person must see."""
    report = await chain.verify(tx)
    if not report.findings:
        return Done(touched=0, said=f"{report.entries} entries are as they were sealed; head {report.head}")
    told = "; ".join(f"{one.what} {one.id} {one.fault}" for one in report.findings[:20])
    return Done(touched=0, said=f"THE LOG WAS CHANGED: {told}", failed=True)
