"""Promise 7: an Idempotency-Key belongs to the LEA that chose it.

Method: eighty LEAs each use an Idempotency-Key of their own. Then each of them sends the keys of all the others, the
very same push under each: journaled and claimed by the code of the service, every pair. A neighbour's key is sent over
HTTP as well, with a push that is applied. At the end each sends its own again, which has to be answered as before.
Figure: pairs tried; pushes that were taken for another LEA's, by claim and over HTTP; own retries that were recognised.
Mutant: a key is claimed by its name alone, whoever sends it, and nothing in the database stands against it.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg
import httpx

from equityaccess import clock, database
from equityaccess.access.structs import Caller
from equityaccess.database import Database, Query, Transaction
from equityaccess.problems import Refusal
from equityaccess.submissions import journal, once, store
from tests.trust import world
from tests.trust.districts import District, settle
from tests.trust.harness import Figure, Harness, Run

_KEEP: Final = timedelta(hours=48)


async def claim(db: Database, caller: Caller, key: str) -> UUID | Refusal | None:
    """What a push with *key* is told: that it is the first, whose answer it gets, or why it is refused."""

    async def body() -> AsyncIterator[bytes]:
        yield b'{"observations": []}'

    now = clock.now()
    journaled = await journal.receive(
        db, caller, body(), content_type="application/json", parameters="", now=now, most_bytes=1_000
    )
    try:
        found = await once.replayed(db, caller, journaled, key, now, _KEEP)
    except Refusal as refusal:
        return refusal
    async with db.transaction(leas=caller.lea_ids) as tx:
        await store.decide(tx, journaled.submission_id, "refused", 422, b"{}", now, None)
    return found


def own_key(district: District) -> str:
    """The Idempotency-Key that *district* chose."""
    return f"nightly-{district.code}"


async def _pairs(db: Database, districts: list[District]) -> tuple[int, int, int]:
    """Pairs tried, pushes taken for another's, and own retries that were recognised."""
    callers = {district.lea_id: district.caller for district in districts}
    for district in districts:
        await claim(db, callers[district.lea_id], own_key(district))
    tried = taken = 0
    waiting = iter(list(itertools.permutations(districts, 2)))

    async def work() -> None:
        nonlocal tried, taken
        for mine, other in waiting:
            tried += 1
            taken += await claim(db, callers[mine.lea_id], own_key(other)) is not None

    await asyncio.gather(*(work() for _ in range(4)))
    again = [await claim(db, callers[district.lea_id], own_key(district)) for district in districts]
    return tried, taken, sum(isinstance(found, UUID) for found in again)


async def _over_http(client: httpx.AsyncClient, districts: list[District]) -> tuple[int, int]:
    """Pushes with a neighbour's key that were not applied as one's own, and own retries that were recognised."""

    async def push(district: District, key: str, met: int) -> httpx.Response:
        row = {
            "indicator": "device",
            "student_group": "ALL",
            "population": 100,
            "met": met,
            "not_met": 0,
            "evidence": "C",
        }
        body = {"lea": district.code, "as_of": str(clock.today()), "observations": [row]}
        headers = {"Authorization": f"Bearer {district.secret}", "Idempotency-Key": key}
        return await client.post("/v1/submissions", json=body, headers=headers)

    taken = again = 0
    for mine, other in zip(districts, [*districts[1:], districts[0]], strict=True):
        first = await push(other, f"http-{other.code}", 90)
        answer = await push(mine, f"http-{other.code}", 80)
        is_own = answer.status_code == 201 and "Idempotent-Replayed" not in answer.headers
        taken += not is_own or answer.json()["submission_id"] == first.json().get("submission_id")
        again += (await push(mine, f"http-{other.code}", 80)).headers.get("Idempotent-Replayed") == "true"
    return taken, again


def by_name_alone() -> None:
    """The seeded defect: whoever has used the name of a key has it."""
    claim_as_ever = store.claim

    async def claim_by_name(tx: Transaction, key_id: UUID, idempotency_key: str, *rest: Any) -> store.Claimed | None:
        known = await tx.one(_BY_NAME, store.Claimed, idempotency_key=idempotency_key)
        return known or await claim_as_ever(tx, key_id, idempotency_key, *rest)

    store.claim = claim_by_name


_BY_NAME: Final = Query(
    "by_name",
    "SELECT i.fingerprint, i.submission_id, i.created_at, s.outcome, s.status, s.answer"
    " FROM idempotency i JOIN submission s USING (submission_id) WHERE i.idempotency_key = $1",
    ("idempotency_key",),
)


async def _open(url: str) -> None:
    connection = await asyncpg.connect(url)
    for table in ("idempotency", "submission"):
        await connection.execute(f"CREATE POLICY forgotten ON {table} FOR SELECT TO equityaccess_app USING (true)")
    await connection.close()


async def run(run: Run) -> Figure:
    with world.folder() as at:
        async with world.seeded(at) as url:
            districts = await settle(url, run.size(80, 12))
            if run.mutant:
                by_name_alone()
                await _open(url)
            db = await database.connect(world.settings_for(url, pool_size=4))
            tried, taken, again = await _pairs(db, districts)
            await db.close()
            defect = "tests.trust.scoped_retry:by_name_alone" if run.mutant else ""
            async with (
                world.serving(at, url, defect=defect) as service,
                httpx.AsyncClient(base_url=service.url, timeout=60) as client,
            ):
                http_taken, http_again = await _over_http(client, districts)
    count = len(districts)
    return Figure(
        text=f"leas={count} pairs={tried} replayed_to_another={taken} http={count} taken_for_another={http_taken} "
        f"own_retries={again}/{count} own_http_retries={http_again}/{count}",
        holds=not (taken or http_taken) and again == http_again == count and tried == count * (count - 1),
    )


HARNESSES = [
    Harness(
        number=7,
        promise="An Idempotency-Key belongs to the LEA that chose it: another's of the same name is a push of its own",
        mutant="a key is claimed by its name alone, and a forgotten policy lets the app find it",
        run=run,
    )
]
