"""The figures of triage: scoring two thousand LEAs with five years behind them, and the query of the page."""

import time

import asyncpg

from bench.figure import Figure, median, ratio
from bench.world import World, administrator, pool, sql
from equityaccess import clock
from equityaccess.database import Query
from equityaccess.triage import reading, store
from equityaccess.triage.jobs import score_triage
from equityaccess.triage.store import FIRST, ItemsWanted

_LEAS = 2_000
_WEEKS = 260
_PAGE = 50
_PATIENCE_S = 300.0
_FILL = (
    *("best_leas", "best_periods", "best_codes", "best_waves", "best_participations", "best_statuses"),
    *("best_progress", "best_support", "best_access"),
)


async def score(world: World, repeat: int) -> list[Figure]:
    """Seconds of ``score-triage`` over those of one scan of the rows that it is about, and of the page's query.

    2,000 LEAs on two tracks: every milestone of the playbook, one of them blocked, the progress of 260 weeks, a support
    event a week and a count of sign-ins every four weeks for five years. The scan counts those rows in one statement.
    `triage_page_s` is what the page reads: the first fifty items with names, waves and reasons, and the clusters.
    """
    scoring, scanning, paging = [], [], []
    async with world.clone("triage") as url:
        async with administrator(url) as admin:
            await fill(admin)
        async with pool(url) as db:
            for turn in range(repeat + 1):
                async with db.transaction(role="aggregator", patience_s=_PATIENCE_S) as tx:
                    began = time.perf_counter()
                    done = await score_triage(tx, clock.now())
                    scored = time.perf_counter() - began
                async with db.transaction(role="aggregator", patience_s=_PATIENCE_S) as tx:
                    began = time.perf_counter()
                    await tx.value(sql.best_scan)
                    scanned = time.perf_counter() - began
                async with db.transaction(every_lea=True) as tx:
                    began = time.perf_counter()
                    wanted = ItemsWanted(state="open", assignee=None, reason=None, wave=None, track=None)
                    rows = await store.items(tx, wanted, FIRST, clock.today(), _PAGE)
                    items = await reading.items(tx, rows, clock.today())
                    await reading.clusters(tx, clock.today())
                    paged = time.perf_counter() - began
                if len(items) < _PAGE or done.touched < _LEAS:
                    raise RuntimeError(f"too little was scored: {done.said}")
                if turn:
                    scoring.append(scored)
                    scanning.append(scanned)
                    paging.append(paged)
    return [
        ratio("score_triage_over_scan", scoring, scanning, ("score_s", "scan_s")),
        median("score_triage_s", scoring),
        median("triage_page_s", paging),
    ]


async def fill(admin: "asyncpg.Connection[asyncpg.Record]") -> None:
    """2,000 LEAs on two tracks, with five years behind them."""
    for name in _FILL:
        query: Query = getattr(sql, name)
        values = {"leas": _LEAS, "weeks": _WEEKS, "today": clock.today()}
        await admin.execute(query.sql, *[values[one] for one in query.parameters])
    await admin.execute("VACUUM ANALYZE")
