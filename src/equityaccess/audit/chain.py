"""Sealing the log and verifying it: the same digests, worked out twice."""

from datetime import datetime

from equityaccess.audit import rules, store
from equityaccess.audit.structs import Finding, Report, Seal
from equityaccess.database import Transaction

AT_A_TIME = 10_000
MOST_FINDINGS = 1_000


async def seal(tx: Transaction, now: datetime) -> Seal | None:
    """Seal what is on record and not sealed yet, up to ``AT_A_TIME`` entries; None when there is nothing.

    What commits late, with a number below others that are sealed, is sealed when it comes. What turns up with a
    number below which nothing could come any more is not: ``verify`` names it.
    """
    last = await store.last_seal(tx)
    floor_id = last.floor_id if last else 0
    settled = await store.settled(tx, floor_id)  # asked first, so that the entries up to there are seen
    found = await store.unsealed(tx, floor_id, AT_A_TIME)
    if not found:
        return None
    newest = found[-1].entry_id
    made = Seal(
        seal_id=last.seal_id + 1 if last else 1,
        sealed_at=now,
        entry_ids=[entry.entry_id for entry in found],
        digests=b"".join(map(rules.digest, found)),
        high_id=max(newest, last.high_id if last else 0),
        floor_id=min(settled, newest) if len(found) == AT_A_TIME else settled,
        settled_by=await store.now_running(tx),
        hash=b"",
    )
    made = rules.with_hash(made, last)
    await store.put_seal(tx, made)
    return made


async def verify(tx: Transaction, noted: str | None = None) -> Report:
    """Hold every entry against its seal, and every seal against the one before it. Needs one snapshot.

    *noted* is a head that was written down earlier: the chain has to run through it.
    """
    findings: list[Finding] = []
    entries = seals = 0
    last: Seal | None = None
    async for one, kept in store.chain(tx):
        found = [*rules.faults_of_seal(one, last), *rules.faults_of_entries(one, kept)]
        findings.extend(found[: MOST_FINDINGS - len(findings)])
        entries, seals, last = entries + len(one.entry_ids), seals + 1, one
    loose = await store.in_no_seal(tx)
    floor_id = last.floor_id if last else 0
    findings.extend(
        Finding(what="entry", id=entry_id, fault="is in no seal: it was put there afterwards, or its seal is gone")
        for entry_id in loose
        if entry_id <= floor_id
    )
    if noted is not None:
        fault = rules.fault_of_head(noted, await store.seal_by_id(tx, int(noted.partition(":")[0])))
        findings.extend([fault] if fault else [])
    return Report(
        entries=entries,
        seals=seals,
        pending=sum(entry_id > floor_id for entry_id in loose),
        head=rules.head(last),
        findings=findings,
    )
