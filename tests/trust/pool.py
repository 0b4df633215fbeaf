"""Promise 12: nothing of one request reaches the next through the pool.

Method: two connections for everybody. First straight through ``Database.transaction``, forty at a time, each for random
districts, for nobody, or as the role that reads every LEA; after what it reads, one in twenty fails, one is cancelled
in the middle of a statement, and one runs into its statement timeout. Then over HTTP, twenty clients at a time with the
keys of random districts: JSON, streams, pushes that are refused, and clients who hang up at a random moment.
Figure: requests, of them those that failed, were cancelled, timed out or hung up on; answers with another's rows, in
another's role or not what was asked for; connections that are not given back.
Mutant: the role that reads every LEA is taken for the session, not for the transaction.
"""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, Final

import asyncpg
import httpx

from equityaccess import database
from equityaccess.database import Database, Query, Role, Transaction
from tests.trust import world
from tests.trust.districts import District, settle
from tests.trust.harness import Figure, Harness, Run

_AT_ONCE: Final = 40
_CLIENTS: Final = 20
# Who this transaction is, and whose rows it sees.
_LOOK: Final = Query(
    "look",
    "SELECT current_user::text, current_setting('app.leas'), array(SELECT lea_id FROM coverage_cell ORDER BY 1)",
    (),
)
_FAIL: Final = Query("fail", "SELECT 1 / (count(*) - count(*)) FROM coverage_cell", ())
_SLEEP: Final = Query("sleep", "SELECT pg_sleep(0.01)", ())
_HURRY: Final = Query("hurry", "SELECT set_config('statement_timeout', '1', true)", ())


class _Tried(Exception):
    """The end of a transaction that is not to be committed."""


async def _fail(tx: Transaction) -> None:
    with contextlib.suppress(asyncpg.DivisionByZeroError):
        await tx.execute(_FAIL)
    raise _Tried


async def _time_out(tx: Transaction) -> None:
    await tx.execute(_HURRY)
    with contextlib.suppress(asyncpg.QueryCanceledError):
        await tx.execute(_SLEEP)
    raise _Tried


async def _hang(tx: Transaction) -> None:
    await tx.execute(_SLEEP)


async def _nothing(_: Transaction) -> None:
    return


_ENDS: Final[dict[str, tuple[float, Callable[[Transaction], Awaitable[None]]]]] = {
    "committed": (0.85, _nothing),
    "failed": (0.05, _fail),
    "timed_out": (0.05, _time_out),
    "cancelled": (0.05, _hang),
}


class _Requests:
    """Transactions for random callers, and what was wrong with what they saw."""

    def __init__(self, db: Database, districts: list[District], chance: random.Random) -> None:
        self.wrong = 0
        self.ends: Counter[str] = Counter()
        self._db = db
        self._districts = [district.lea_id for district in districts]
        self._chance = chance

    async def make(self, count: int) -> None:
        """*count* of them, many at a time."""
        left = iter(range(count))

        async def work() -> None:
            for _ in left:
                await self._one()

        await asyncio.gather(*(work() for _ in range(_AT_ONCE)))

    async def _one(self) -> None:
        role: Role = self._chance.choices(["app", "aggregator"], [0.8, 0.2])[0]  # type: ignore[assignment]
        leas = sorted(self._chance.sample(self._districts, self._chance.randint(0, 3)))
        [end] = self._chance.choices(list(_ENDS), [share for share, _ in _ENDS.values()])
        task = asyncio.create_task(self._in_transaction(role, leas, _ENDS[end][1]))
        if end == "cancelled":
            await asyncio.sleep(self._chance.random() * 0.01)
            task.cancel()
        with contextlib.suppress(_Tried, asyncio.CancelledError):
            await task
        self.ends[end] += 1

    async def _in_transaction(self, role: Role, leas: list[int], end: Callable[[Transaction], Awaitable[None]]) -> None:
        async with self._db.transaction(leas=leas, role=role) as tx:
            [(user, setting, seen)] = await tx.rows(_LOOK)
            expected = sorted(self._districts) if role == "aggregator" else leas
            mine = "{" + ",".join(map(str, leas)) + "}"
            self.wrong += (user, setting, seen) != (f"equityaccess_{role}", mine, expected)
            await end(tx)


class _Visits:
    """Requests over HTTP with the keys of random districts."""

    def __init__(self, client: httpx.AsyncClient, districts: list[District], chance: random.Random) -> None:
        self.wrong = 0
        self.ends: Counter[str] = Counter()
        self._client = client
        self._districts = districts
        self._populations = {str(district.population): district for district in districts}
        self._chance = chance

    async def make(self, count: int) -> None:
        """*count* of them, from some clients at a time."""
        left = iter(range(count))

        async def work() -> None:
            for _ in left:
                await self._one(self._chance.choice(self._districts))

        await asyncio.gather(*(work() for _ in range(_CLIENTS)))

    async def _one(self, its: District) -> None:
        [name] = self._chance.choices(["json", "csv", "own", "county", "push"], [4, 3, 2, 1, 2])
        request = self._request(name, its)
        patience = self._chance.random() * 0.05 if self._chance.random() < 0.2 else 30.0
        try:
            async with asyncio.timeout(patience):
                answer = await self._client.send(request)
        except TimeoutError:
            self.ends["hung_up"] += 1
            return
        if answer.status_code == 503:  # too many at once: nothing was read, so nothing can be another's
            self.ends["busy"] += 1
            return
        self.ends[name] += 1
        self.wrong += not self._is_right(name, its, answer)

    def _request(self, name: str, its: District) -> httpx.Request:
        headers = {"Authorization": f"Bearer {its.secret}"}
        if name == "push":
            body = {"lea": its.code, "as_of": "2026-01-01", "observations": [{"indicator": "none"}]}
            return self._client.build_request("POST", "/v1/submissions", headers=headers, json=body)
        if name == "csv":
            headers["Accept"] = "text/csv"
        path = {"own": f"coverage?scope={its.code}", "county": "coverage"}.get(name, "observations")
        return self._client.build_request("GET", f"/v1/{path}", headers=headers)

    def _is_right(self, name: str, its: District, answer: httpx.Response) -> bool:
        if name == "push":
            return answer.status_code == 422
        if answer.status_code != 200:
            return False
        named = {population for population in self._populations if population in answer.text}
        return named == (set() if name == "county" else {str(its.population)})


def for_the_session() -> None:
    """The seeded defect: who becomes another stays it when the transaction is over."""

    async def become(self: Any, role: Role) -> None:
        await self._connection.execute(f"SET ROLE equityaccess_{role}")

    Transaction.become = become  # type: ignore[method-assign]


async def _in_use(url: str) -> int:
    """The service's connections on which something is still open."""
    connection = await asyncpg.connect(url)
    try:
        return int(await connection.fetchval(_OPEN))
    finally:
        await connection.close()


_OPEN: Final = """SELECT count(*) FROM pg_stat_activity
                   WHERE application_name = 'equityaccess' AND state <> 'idle' AND pid <> pg_backend_pid()"""


async def run(run: Run) -> Figure:
    chance = random.Random(20261124)
    settings = {"POOL_SIZE": "2", "POOL_WAIT_S": "60"}
    if run.mutant:
        for_the_session()
    with world.folder() as at:
        async with world.seeded(at) as url:
            districts = await settle(url)
            db = await database.connect(world.settings_for(url, pool_size=2, pool_wait_s=600.0))
            requests = _Requests(db, districts, chance)
            await requests.make(run.size(95_000, 2_000))
            await db.close()
            defect = "tests.trust.pool:for_the_session" if run.mutant else ""
            async with (
                world.serving(at, url, defect=defect, settings=settings) as service,
                httpx.AsyncClient(base_url=service.url, timeout=60) as client,
            ):
                visits = _Visits(client, districts, chance)
                await visits.make(run.size(5_000, 200))
                await asyncio.sleep(1)
                stuck = await _in_use(url)
    ends = requests.ends + visits.ends
    odd = " ".join(f"{end}={ends[end]}" for end in ("failed", "cancelled", "timed_out", "hung_up"))
    wrong = requests.wrong + visits.wrong
    return Figure(
        text=f"pool_size=2 requests={ends.total()} (http={visits.ends.total()}, busy={ends['busy']}) {odd} "
        f"wrong={wrong} not_given_back={stuck}",
        holds=not (wrong or stuck) and all(ends[end] for end in ("failed", "cancelled", "timed_out", "hung_up")),
    )


HARNESSES = [
    Harness(
        number=12,
        promise="Nothing of one caller's request reaches another's through the pool, whatever way the first one ended",
        mutant="the role that reads every LEA is taken for the session, not for the transaction",
        run=run,
    )
]
