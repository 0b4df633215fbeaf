"""Promise 32: every access is on record, and no change to the record stays unseen.

Method: requests of several keys go to a running service: pushes that are applied and refused, reads that are allowed
and not, keys that are issued, a revoked key. Each request id must be in the audit log exactly once, with the status
that was answered; what was answered 503 had no turn, and is asked again under another id. The log is sealed between
them. Then a superuser, who is above every wall, changes it at random, one change at a time: columns, whole entries,
their order, seals, the end of the chain, the chain worked out anew from some point on. After each change the log is
verified against the head that was noted before, and the entry or seal that was touched must be among the findings.
Figure: requests, entries that belong to one; changes, changes found and named; findings in the untouched log.
Mutant: the verification takes the digests of entries as they stand instead of working them out.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from uuid import uuid4

import asyncpg
import httpx

from equityaccess import clock, database
from equityaccess.audit import chain, rules
from equityaccess.audit.structs import Finding, Kept, Report, Seal
from equityaccess.database import Database, Transaction
from tests.audit.tampering import TAMPERS
from tests.submissions.pushing import row, written
from tests.trust import world
from tests.trust.harness import Figure, Harness, Run

_AT_ONCE = 20
Request = Callable[[random.Random], tuple[str, str, bytes | None]]  # method, address, body


def _push(dice: random.Random) -> tuple[str, str, bytes | None]:
    lea, met = dice.choice([world.LAUSD, world.LONG_BEACH]), dice.choice([10, 20, "*", 10**9])
    return "POST", "/v1/submissions", written("json", [row(lea=lea, met=met)])


def _read(dice: random.Random) -> tuple[str, str, bytes | None]:
    scope = dice.choice(["county", world.LAUSD, world.LONG_BEACH, "nowhere"])
    address = dice.choice(
        [f"/v1/coverage?scope={scope}", f"/v1/observations?lea={scope}", "/v1/submissions", "/v1/audit?limit=3",
         f"/v1/leas/{scope}", "/v1/indicators?limit=0", f"/v1/submissions/{uuid4()}"]
    )  # fmt: skip
    return "GET", address, None


def _key(dice: random.Random) -> tuple[str, str, bytes | None]:
    if dice.random() < 0.5:
        return "DELETE", f"/v1/keys/{uuid4()}", None
    return "POST", "/v1/keys", b'{"scopes": ["county"], "label": "a harness"}'


async def _ask(client: httpx.AsyncClient, secret: str, dice: random.Random) -> tuple[str, int]:
    method, address, body = dice.choice([_push, _push, _read, _read, _read, _key])(dice)
    while True:
        request_id = uuid4().hex
        headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json", "X-Request-Id": request_id}
        answer = await client.request(method, address, content=body, headers=headers)
        if answer.status_code != 503:
            return request_id, answer.status_code
        await asyncio.sleep(0.1)


async def _seal(db: Database) -> None:
    async with db.transaction(role="aggregator") as tx:
        while await chain.seal(tx, clock.now()):
            pass


async def _requests(at: str, db: Database, secrets: Sequence[str], count: int) -> list[tuple[str, int]]:
    dice, asked = random.Random(32), []
    async with httpx.AsyncClient(base_url=at, timeout=60) as client:
        while len(asked) < count:
            asked += await asyncio.gather(*(_ask(client, dice.choice(secrets), dice) for _ in range(_AT_ONCE)))
            await _seal(db)
    return asked


async def _secrets(db: Database, admin: asyncpg.Connection) -> list[str]:
    revoked = await world.key(db, world.LAUSD)
    await admin.execute("UPDATE api_key SET revoked_at = now()")
    return [
        await world.key(db, world.LAUSD),
        await world.key(db, world.LONG_BEACH, scopes=["read"]),
        await world.key(db, world.LAUSD, world.LONG_BEACH),
        await world.key(db, scopes=["county"]),
        await world.key(db, scopes=["admin"]),
        revoked,
    ]


async def _verified(admin: asyncpg.Connection, noted: str | None = None) -> Report:
    return await chain.verify(Transaction(admin, 600), noted)


async def _found(admin: asyncpg.Connection, count: int, noted: str | None) -> int:
    """How many of *count* changes are found and named; each is undone before the next."""
    dice, found = random.Random(33), 0
    for number in range(count):
        change = admin.transaction()
        await change.start()
        touched = await TAMPERS[number % len(TAMPERS)](admin, dice)
        findings = (await _verified(admin, noted)).findings
        found += touched in {(one.what, one.id) for one in findings}
        await change.rollback()
    return found


def _only_what_is_gone(seal: Seal, kept: Mapping[int, Kept]) -> Iterator[Finding]:
    return (Finding(what="entry", id=one, fault="was removed") for one in seal.entry_ids if one not in kept)


async def _run(run: Run) -> Figure:
    with world.folder() as at:
        async with world.seeded(at) as url:
            db = await database.connect(world.settings_for(url))
            admin = await asyncpg.connect(url)
            secrets = await _secrets(db, admin)
            async with world.serving(at, url) as service:
                asked = await _requests(service.url, db, secrets, run.size(1_000, 100))
            ids = [request_id for request_id, _ in asked]
            entries = await admin.fetch("SELECT request_id, status FROM audit_entry WHERE request_id = ANY ($1)", ids)
            matched = Counter(asked) & Counter((one["request_id"], one["status"]) for one in entries)
            if run.mutant:
                rules.faults_of_entries = _only_what_is_gone
            untouched = await _verified(admin)
            changes = run.size(1_000, 65)
            found = await _found(admin, changes, untouched.head)
            alarms = len(untouched.findings) + len((await _verified(admin, untouched.head)).findings)
            await admin.close()
            await db.close()
    text = (
        f"requests={len(asked)} entries={len(entries)} matched={matched.total()}; changes={changes} found={found} "
        f"in {untouched.entries} entries under {untouched.seals} seals; false_alarms={alarms}"
    )
    return Figure(text=text, holds=len(asked) == len(entries) == matched.total() and found == changes and alarms == 0)


HARNESSES = [
    Harness(
        number=32,
        promise="Every access is on record, and no change to the record stays unseen",
        mutant="a verification that does not work out the digests of entries",
        run=_run,
    )
]
