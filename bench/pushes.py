"""The figures of a push: in bulk against COPY, alone against a request without a database, and its memory."""

import asyncio
import re
import time
from collections.abc import Coroutine, Sequence
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec

from bench import client
from bench.client import Client, UnexpectedAnswer
from bench.figure import Figure, median, ratio
from bench.rows import COPY_COLUMNS, Cell, Told, ndjson, observation, records, told
from bench.world import LONG_S, Administrator, World, administrator, noon, pool, serving, sql
from equityaccess import clock
from equityaccess.coverage.jobs import aggregate_coverage
from equityaccess.database import Transaction
from equityaccess.submissions.structs import Receipt

_BULK_ROWS = 200_000
_LARGE_ROWS = 1_000_000
_CONNECTIONS = 16
_SINGLE_S = 3.0
_COPY_TABLE = "observation_copy"


async def bulk_push(world: World, repeat: int) -> list[Figure]:
    """Rows a second of one NDJSON push of new rows, from its first byte to its receipt, over those of COPY.

    COPY puts as many rows into a table made LIKE observation INCLUDING ALL with the same partitions, and commits; it
    writes on a connection to which no policy applies. Both tables hold the same stored rows before, both sides are
    prepared in memory, take turns, have days of their own on which nothing is stored, and start after a CHECKPOINT.
    What the push before marked is aggregated by then, as the scheduler does within seconds.
    """
    days_each = -(-_BULK_ROWS // len(world.cells))
    fresh = world.fresh_days()
    pushes = [told(world.cells, list(islice(fresh, days_each)), _BULK_ROWS) for _ in range(repeat)]
    copies = [told(world.cells, list(islice(fresh, days_each)), _BULK_ROWS) for _ in range(repeat)]
    return await _over_copy("bulk_push_over_copy", world, pushes, copies, revision=0)


async def bulk_update(world: World, repeat: int) -> list[Figure]:
    """The same for a push that tells stored rows anew, with other counts, against COPY of the next revision of them."""
    rows = told(world.cells, world.stored_days, min(_BULK_ROWS, world.stored))
    return await _over_copy("bulk_update_over_copy", world, [rows] * repeat, [rows] * repeat, revision=1)


async def _over_copy(
    name: str, world: World, pushes: Sequence[list[Told]], copies: Sequence[list[Told]], *, revision: int
) -> list[Figure]:
    pushing, copying = [], []
    async with world.clone(name) as url, administrator(url) as admin, pool(url) as db, serving(world, url) as server:
        await _make_copy_table(admin)
        for turn, (to_push, to_copy) in enumerate(zip(pushes, copies, strict=True), 1):
            shift = turn if revision else 0
            body = ndjson(to_push, shift)
            async with db.transaction(role="aggregator") as tx:
                await aggregate_coverage(tx, clock.now())
            await admin.execute("CHECKPOINT")
            pushing.append(await _push(world, server.port, body, len(to_push)))
            prepared = records(to_copy, shift, revision * turn + 1, uuid4(), noon(world.today))
            await admin.execute("CHECKPOINT")
            copying.append(await _copy(admin, prepared))
    # Both sides move the same number of rows, so the ratio of their rates is that of the times, turned round.
    return [ratio(name, copying, pushing, ("copy_s", "push_s"))]


async def _make_copy_table(admin: Administrator) -> None:
    """A twin of ``observation``: constraints, index, storage, partitions and rows."""
    await admin.execute(f"CREATE TABLE {_COPY_TABLE} (LIKE observation INCLUDING ALL) PARTITION BY RANGE (as_of)")
    for partition, bounds in await Transaction(admin, patience_s=LONG_S).rows(sql.partitions):
        twin = f"{_COPY_TABLE}{partition.removeprefix('observation')}"
        await admin.execute(f"CREATE TABLE {twin} PARTITION OF {_COPY_TABLE} {bounds}")
    await admin.execute(f"INSERT INTO {_COPY_TABLE} SELECT * FROM observation")
    await admin.execute(f"VACUUM ANALYZE {_COPY_TABLE}")


async def _push(world: World, port: int, body: bytes, rows: int) -> float:
    """Seconds from the first byte of *body* to its receipt, which must say that every row was stored."""
    pusher = await client.connect(port, world.push_key)
    began = time.perf_counter()
    answer = await pusher.ask("POST", "/v1/submissions", 201, body=body, media_type="application/x-ndjson")
    seconds = time.perf_counter() - began
    await pusher.close()
    counts = msgspec.json.decode(answer, type=Receipt).counts
    if counts.created + counts.updated != rows:
        raise UnexpectedAnswer(f"{rows} rows were pushed; of them: {counts}")
    return seconds


async def _copy(admin: Administrator, prepared: list[tuple[object, ...]]) -> float:
    began = time.perf_counter()
    await admin.copy_records_to_table(_COPY_TABLE, columns=list(COPY_COLUMNS), records=prepared)
    return time.perf_counter() - began


async def single_push(world: World, repeat: int) -> list[Figure]:
    """Pushes of one observation a second over requests of /health/live a second, which need no database.

    The same server, the same client and as many connections for both, each connection a district with a key of its
    own; both sides take turns.
    """
    pushing, living = [], []
    async with world.clone("single_push") as url, serving(world, url) as server:
        fresh = world.fresh_days()
        for _ in range(repeat):
            day = next(fresh)
            pushing.append(await _rate([_district(world, server.port, cds, day) for cds in world.district_keys]))
            living.append(await _rate([_living(server.port) for _ in range(_CONNECTIONS)]))
    return [ratio("single_push_over_nodb", pushing, living, ("pushes_a_second", "nodb_requests_a_second"))]


async def _rate(askers: list[Coroutine[Any, Any, int]]) -> float:
    """How many answers a second *askers* had together."""
    began = time.perf_counter()
    answers = await asyncio.gather(*askers)
    return sum(answers) / (time.perf_counter() - began)


async def _district(world: World, port: int, cds: str, day: date) -> int:
    """Push one observation after the other, none of them known before, for a while; how many."""
    mine = [cell for cell in world.cells if cell.cds == cds]
    pusher = await client.connect(port, world.district_keys[cds])
    until, count = time.perf_counter() + _SINGLE_S, 0
    while time.perf_counter() < until:
        told_before, nth = divmod(count, len(mine))
        await _push_one(pusher, mine[nth], day, told_before)
        count += 1
    await pusher.close()
    return count


async def _push_one(pusher: Client, cell: Cell, as_of: date, shift: int) -> None:
    document = {"lea": cell.cds, "as_of": as_of, "observations": [observation(cell, as_of, shift)]}
    body = msgspec.json.encode(document)
    await pusher.ask("POST", "/v1/submissions", 201, body=body, media_type="application/json")


async def _living(port: int) -> int:
    connection = await client.connect(port)
    until, count = time.perf_counter() + _SINGLE_S, 0
    while time.perf_counter() < until:
        await connection.ask("GET", "/health/live", 200)
        count += 1
    await connection.close()
    return count


async def push_memory(world: World, repeat: int) -> list[Figure]:
    """Megabytes by which the server's memory rises while it takes one NDJSON push of a million new rows.

    From what it held before, a small push having been made, to the highest it reached. Needs Linux's /proc.
    """
    grown = []
    fresh = world.fresh_days()
    for _ in range(repeat):
        days = list(islice(fresh, 1 + -(-_LARGE_ROWS // len(world.cells))))
        async with world.clone("push_memory") as url, serving(world, url) as server:
            await _push(world, server.port, ndjson([(world.cells[0], days[0])], 0), 1)
            body = ndjson(told(world.cells, days[1:], _LARGE_ROWS), 0)
            _forget_highest(server.pid)
            before = _memory_mb(server.pid, "VmRSS")
            await _push(world, server.port, body, _LARGE_ROWS)
            grown.append(_memory_mb(server.pid, "VmHWM") - before)
    return [median("push_rss_growth_mb", grown)]


def _forget_highest(pid: int) -> None:
    Path(f"/proc/{pid}/clear_refs").write_text("5")  # VmHWM begins again at VmRSS; see proc(5)


def _memory_mb(pid: int, which: str) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(rf"^{which}:\s+(\d+) kB", status, re.MULTILINE)
    if found is None:
        raise RuntimeError(f"/proc/{pid}/status does not tell {which}")
    return int(found[1]) / 1024
