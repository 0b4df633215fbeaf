"""The figures of coverage: rebuilding it all, and how soon a push shows."""

import asyncio
import time

import msgspec

from bench import client
from bench.client import Client, UnexpectedAnswer
from bench.figure import Figure, percentile_95, ratio
from bench.rows import Cell, observation
from bench.world import World, pool, scheduling, serving, sql
from equityaccess import clock
from equityaccess.coverage import proof, store
from equityaccess.coverage.jobs import rebuild_coverage
from equityaccess.coverage.structs import Counted, CoverageReport
from equityaccess.database import Transaction

_PUSHES = 40
_POLL_S = 0.02
_TIMEOUT_S = 60


async def rebuild(world: World, repeat: int) -> list[Figure]:
    """Seconds of the nightly rebuild over those of one GROUP BY of the same observations.

    `rebuild_over_group_by` is what the rebuild works out: every coverage cell and every weekly figure of the county
    and of each kind of LEA, into temporary tables. `rebuild_job_over_group_by` is the whole job, with the expiry and
    the drain before it and the comparison with what is stored after it. The GROUP BY sums the four counts by LEA,
    indicator, group and week into a temporary table, with the settings (work_mem among them) that the rebuild gives
    itself. All three run in the role of the jobs and take turns, after one round that does not count.
    """
    computing, working, grouping = [], [], []
    async with world.clone("rebuild") as url, pool(url) as db:
        for turn in range(repeat + 1):
            async with db.transaction(role="aggregator") as tx:
                computed = await _computed(tx, world)
            async with db.transaction(role="aggregator") as tx:
                worked = await _worked(tx)
            async with db.transaction(role="aggregator") as tx:
                grouped = await _grouped(tx)
            if turn:
                computing.append(computed)
                working.append(worked)
                grouping.append(grouped)
    return [
        ratio("rebuild_over_group_by", computing, grouping, ("rebuild_s", "group_by_s")),
        ratio("rebuild_job_over_group_by", working, grouping, ("job_s", "group_by_s")),
    ]


async def _computed(tx: Transaction, world: World) -> float:
    began = time.perf_counter()
    await proof.work_out_afresh(tx, clock.now(), world.today)
    return time.perf_counter() - began


async def _worked(tx: Transaction) -> float:
    began = time.perf_counter()
    done = await rebuild_coverage(tx, clock.now())
    seconds = time.perf_counter() - began
    if done.failed:
        raise RuntimeError(done.said)
    return seconds


async def _grouped(tx: Transaction) -> float:
    await tx.execute(store.sql.prefer_hashing)
    began = time.perf_counter()
    await tx.execute(sql.group_by)
    return time.perf_counter() - began


async def push_to_visible(world: World, _repeat: int) -> list[Figure]:
    """Seconds from sending one observation with another count until GET /v1/coverage shows it in the county's figure.

    The scheduler runs as a process of its own, the reader has a county key. 40 pushes, one after the other, after one
    that waits for the scheduler to start; the figure is their 95th percentile.
    """
    cell = next(cell for cell in world.cells if cell.cds in world.district_keys and cell.population > 2 * _PUSHES)
    async with world.clone("push_to_visible") as url, serving(world, url) as server:
        with scheduling(world, url):
            waits = [await _wait(world, server.port, cell, met) for met in range(_PUSHES + 1)]
    return [percentile_95("push_to_visible_p95_s", waits[1:])]


async def _wait(world: World, port: int, cell: Cell, met: int) -> float:
    pusher = await client.connect(port, world.district_keys[cell.cds])
    reader = await client.connect(port, world.county_key)
    fields = observation(cell, world.today, 0) | {"met": met, "not_met": 0}
    body = msgspec.json.encode({"lea": cell.cds, "as_of": world.today, "observations": [fields]})
    before = await _county_met(reader, cell)
    began = time.perf_counter()
    await pusher.ask("POST", "/v1/submissions", 201, body=body, media_type="application/json")
    while await _county_met(reader, cell) == before:
        if time.perf_counter() - began > _TIMEOUT_S:
            raise UnexpectedAnswer(f"After {_TIMEOUT_S} s the county's coverage does not show what was pushed")
        await asyncio.sleep(_POLL_S)
    seconds = time.perf_counter() - began
    await pusher.close()
    await reader.close()
    return seconds


async def _county_met(reader: Client, cell: Cell) -> int:
    path = f"/v1/coverage?indicator={cell.indicator}&student_group={cell.student_group}"
    report = msgspec.json.decode(await reader.ask("GET", path, 200), type=CoverageReport)
    (item,) = report.items
    if not isinstance(item.point.figures, Counted):
        raise UnexpectedAnswer(f"The county's figure is withheld: {item}")
    return item.point.figures.met
