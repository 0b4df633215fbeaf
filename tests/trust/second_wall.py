"""Promise 11: the second wall holds where the code forgets the first.

Method: eighty districts, each with a key, a journaled push, an idempotency key, observations, cells and marks. For each
of them a transaction as a request of its own opens it, and in it the service's own statements, with what the code would
have filtered by turned against it: they are given each of the 79 other districts, or nothing to filter by at all. Then
the routes over HTTP with their own checks removed, and rows written for another. The catalog is asked whether every
table that names an LEA forces row-level security, and lets the app read without a condition only what the directory is.
Figure: reads and writes tried for others; rows of others seen and written; own rows seen, of those there are, so that a
wall that hides everything does not pass; tables with their walls.
Mutant: a policy that somebody forgot lets the app read every observation, and one table does not force its policies.
"""

import asyncio
import itertools
from collections.abc import Iterator
from datetime import date
from typing import Any, Final

import asyncpg
import httpx

from equityaccess import clock, database
from equityaccess.access import store as access
from equityaccess.access.rules import lea_named
from equityaccess.audit import store as audit
from equityaccess.audit.store import Asked
from equityaccess.coverage import routes as coverage_routes
from equityaccess.coverage import store as coverage
from equityaccess.coverage.rules import week_of
from equityaccess.coverage.store import FIRST_GAP, Pair, Weeks
from equityaccess.database import Database, Query, Transaction
from equityaccess.submissions import history, journal, observations
from equityaccess.submissions import store as submissions
from equityaccess.submissions.history import FIRST_OBSERVATION, Wanted
from tests.trust import world
from tests.trust.districts import District, settle
from tests.trust.harness import Figure, Harness, Run

# These name LEAs or keys too, and are meant for more than one: the directory and what the county estimates and decides
# for everybody with a key, releases for the public.
_DIRECTORY: Final = {"lea", "lea_period", "identifier", "enrollment", "expectation"}
_FOR_ALL: Final = _DIRECTORY | {"unit_cost", "target_decision", "release_cell"}
_PAIR: Final = Pair(indicator="home_internet", student_group="ALL")


async def seen(tx: Transaction, of: District | None) -> int:
    """How many rows of *of*, or of anybody, the statements of the service find in *tx*."""
    now = clock.now()
    today = clock.today(now)
    lea_ids = [of.lea_id] if of else None
    wanted = Wanted(
        lea_ids=lea_ids, indicator_id=None, student_group_id=None, from_on=date(2018, 7, 1), to_on=today,
        known_at=now, every_revision=True,
    )  # fmt: skip
    found = len([row async for row in history.observations(tx, wanted, FIRST_OBSERVATION, None)])
    asked = Asked(action=None, key_id=of.key_id if of else None, from_at=None, to_at=None)
    found += len(await audit.entries(tx, asked, [], sees_every_lea=True, before=None, limit=500))
    if of is None:
        return found + len(await submissions.submissions(tx, None, None, 500))
    weeks = Weeks(first=week_of(today), today=today, known_at=now)
    found += sum(one.leas_heard for one in await coverage.own(tx, of.lea_id, _PAIR, weeks, now))
    found += len(await access.live_keys(tx, [of.lea_id], now))
    found += await submissions.submission(tx, of.submission_id) is not None
    found += len([part async for part in journal.body(tx, of.submission_id)])
    claimed = await tx.one(submissions.sql.claimed, submissions.Claimed, key_id=of.key_id, idempotency_key=of.code)
    found += claimed is not None
    return found


async def gaps_seen(tx: Transaction, of: District | None) -> int:
    """How many gaps of *of*, or of anybody, come from cells; who was not heard from comes from the directory."""
    found = await coverage.gaps(
        tx, [of.lea_id] if of else None, _PAIR.indicator, ["ALL"], FIRST_GAP, clock.today(), 1_000
    )
    return sum(gap.barrier != "not_heard_from" for gap in found)


OWN: Final = 6  # rows that a district finds of its own: its keys are for administrators


# Statements that the app may run on its own rows, and what of a district they are given.
_FORGERIES: Final = (
    ("INSERT INTO coverage_mark (lea_id, indicator_id, student_group_id, from_on) VALUES ($1, 1, 1, now())", "lea_id"),
    ("UPDATE submission SET outcome = 'refused' WHERE submission_id = $1", "submission_id"),
    ("INSERT INTO submission_body (submission_id, part, deflated) VALUES ($1, 9, '')", "submission_id"),
    ("UPDATE idempotency SET fingerprint = '' WHERE key_id = $1", "key_id"),
    ("UPDATE api_key SET revoked_at = now() WHERE key_id = $1", "key_id"),
    ("INSERT INTO api_key_lea (key_id, lea_id) SELECT key_id, $1 FROM api_key_lea LIMIT 1", "lea_id"),
)


async def forged(tx: Transaction, of: District) -> int:
    """How many rows for *of* the app can write in *tx*."""
    written = 0
    for statement, value in _FORGERIES:
        try:
            async with tx.savepoint():
                written += await tx.execute(Query("forgery", statement, ("value",)), value=getattr(of, value))
        except asyncpg.InsufficientPrivilegeError:
            continue
    return written


async def catalog(url: str) -> tuple[int, list[str]]:
    """How many tables name an LEA, and which of them have a hole in their wall."""
    connection = await asyncpg.connect(url)
    try:
        tables = await connection.fetch(_TABLES)
        open_to_all = await connection.fetch(_UNCONDITIONAL)
    finally:
        await connection.close()
    holes = [row["relname"] for row in tables if not row["walled"]]
    holes += [row["tablename"] for row in open_to_all if row["tablename"] not in _FOR_ALL]
    return len(tables), holes


_TABLES: Final = """
SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity AS walled
  FROM pg_class c
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
   AND EXISTS (SELECT FROM pg_attribute a
                WHERE a.attrelid = c.oid AND a.attname IN ('lea_id', 'lea_ids', 'submission_id', 'key_id'))"""
_UNCONDITIONAL: Final = """
SELECT DISTINCT p.tablename FROM pg_policies p JOIN pg_attribute a ON a.attrelid = p.tablename::regclass
 WHERE a.attname IN ('lea_id', 'lea_ids', 'submission_id', 'key_id') AND p.qual = 'true'
   AND p.roles && ARRAY['public', 'equityaccess_app', 'equityaccess_public']::name[]"""


class _Tally:
    def __init__(self) -> None:
        self.reads = self.foreign = self.writes = self.forged = self.own = 0


async def _as_each(db: Database, districts: list[District], pairs: list[tuple[District, District]]) -> _Tally:
    tally = _Tally()
    waiting = iter(pairs)

    async def read() -> None:
        for mine, other in waiting:
            async with db.transaction(leas=[mine.lea_id]) as tx:
                tally.foreign += await seen(tx, other)
            tally.reads += 1

    await asyncio.gather(*(read() for _ in range(4)))
    for mine, other in zip(districts, [*districts[1:], districts[0]], strict=True):
        async with db.transaction(leas=[mine.lea_id]) as tx:
            tally.own += (await seen(tx, mine), await gaps_seen(tx, mine)) == (OWN, 1)
            tally.foreign += await seen(tx, None) - 3  # an observation, an audit entry and a submission of its own
            tally.foreign += await gaps_seen(tx, other) + await gaps_seen(tx, None) - 1
            tally.forged += await forged(tx, other)
        tally.reads += 1
        tally.writes += len(_FORGERIES)
    return tally


def forget() -> None:
    """The first wall, gone: the routes read whatever LEA they are asked for."""

    async def any_lea(tx: Transaction, code: str, *_: Any) -> list[int]:
        return [lea_named(code, await access.lea_codes(tx), "").lea_id]

    async def any_scope(tx: Transaction, scope: str, *_: Any) -> coverage_routes.Scoped:
        lea = lea_named(scope, await access.lea_codes(tx), "")
        return coverage_routes.Scoped(code=scope, name=lea.name, lea_id=lea.lea_id)

    observations._leas = any_lea  # type: ignore[assignment]
    coverage_routes.scope_of = any_scope  # type: ignore[assignment]


async def _over_http(url: str, pairs: Iterator[tuple[District, District]]) -> tuple[int, int]:
    """Answers to requests for another's figures, and how many of them held one."""
    answers = foreign = 0
    with world.folder() as at:
        async with (
            world.serving(at, url, defect="tests.trust.second_wall:forget") as service,
            httpx.AsyncClient(base_url=service.url, timeout=30) as client,
        ):
            for mine, other in pairs:
                headers = {"Authorization": f"Bearer {mine.secret}"}
                for path in ("observations?lea=", "coverage?scope=", "coverage/gaps?scope=", "completeness?scope="):
                    answer = await client.get(f"/v1/{path}{other.code}", headers=headers)
                    answers += answer.status_code == 200
                    heard = any(item.get("leas_heard") for item in answer.json()["items"])
                    foreign += str(other.population) in answer.text or heard
    return answers, foreign


async def run(run: Run) -> Figure:
    with world.folder() as at:
        async with world.seeded(at) as url:
            districts = await settle(url, run.size(80, 16))
            if run.mutant:
                await _leave_a_hole(url)
            db = await database.connect(world.settings_for(url, pool_size=4))
            pairs = list(itertools.permutations(districts, 2))
            tally = await _as_each(db, districts, pairs)
            await db.close()
            tables, holes = await catalog(url)
            ring = pairs[:: len(pairs) // run.size(80, 8)]
            answers, shown = await _over_http(url, iter(ring))
    return Figure(
        text=f"districts={len(districts)} reads={tally.reads} foreign_rows={tally.foreign} http={answers} "
        f"foreign_answers={shown} writes={tally.writes} forged={tally.forged} "
        f"own={tally.own}/{len(districts)} walled={tables - len(set(holes))}/{tables}"
        + "".join(f" open: {name}" for name in sorted(set(holes))),
        holds=not (tally.foreign or shown or tally.forged or holes)
        and tally.own == len(districts)
        and answers == 4 * len(ring),
    )


async def _leave_a_hole(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE POLICY forgotten ON observation FOR SELECT TO equityaccess_app USING (true)")
    await connection.execute("ALTER TABLE coverage_cell NO FORCE ROW LEVEL SECURITY")
    await connection.close()


HARNESSES = [
    Harness(
        number=11,
        promise="Row-level security shows and changes nothing of another LEA where the code forgets its own check",
        mutant="a forgotten policy lets the app read every observation, and one table does not force its policies",
        run=run,
    )
]
