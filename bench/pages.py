"""The figures of the pages: how many a second beside an endpoint that does nothing, with 2,000 LEAs in BEST."""

import asyncio
import time
from datetime import timedelta
from typing import Final

from bench import client, triage
from bench.figure import Figure, ratio
from bench.world import World, administrator, pool, serving, sql
from equityaccess import clock
from equityaccess.audit.structs import Origin
from equityaccess.coverage.jobs import aggregate_coverage
from equityaccess.publication.jobs import publish_open_data
from equityaccess.signin.entering import enter
from equityaccess.signin.rules import COOKIE
from equityaccess.signin.structs import Entitled, Role
from equityaccess.triage.jobs import score_triage

_LOOK_S: Final = 3.0
_PATIENCE_S: Final = 300.0
_ROLES: Final[tuple[Role, ...]] = ("technology_office", "best_support", "admin")
_PAGES: Final[dict[str, tuple[str, Role | None]]] = {
    "public": ("/?indicator=home_internet", None),
    "county": ("/county", "technology_office"),
    "last_mile": ("/county/last-mile", "technology_office"),
    "county_data": ("/county/data", "technology_office"),
    "triage": ("/triage", "best_support"),
    "waves": ("/waves", "best_support"),
    "wave": ("/waves/bench-FIN-5", "best_support"),
    "admin": ("/admin", "admin"),
}


async def pages(world: World, repeat: int) -> list[Figure]:
    """Each main page's answers a second over those of /health/live, by one reader, turn by turn.

    2,000 LEAs are on the way to BEST beside the county's own that push, and 2,000 are in the one release; everything is
    scored.
    """
    async with world.clone("pages") as url:
        async with administrator(url) as admin:
            await triage.fill(admin)
        secrets: dict[Role, str] = {}
        async with pool(url) as db:
            async with db.transaction(role="aggregator", patience_s=_PATIENCE_S) as tx:
                await aggregate_coverage(tx, clock.now())
                await publish_open_data(tx, clock.now())
                await score_triage(tx, clock.now())
            async with administrator(url) as admin:
                await admin.execute(sql.more_leas_in_releases.sql)
                await admin.execute("ANALYZE release_cell")
            for who in _ROLES:
                entitled = Entitled(role=who, lea_ids=[], subject="the benchmark")
                async with db.transaction(every_lea=True) as tx:
                    secrets[who] = await enter(
                        tx, entitled, origin=Origin(actor="bench"), lives=timedelta(hours=8), now=clock.now()
                    )
        seen: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in _PAGES}
        async with serving(world, url) as server:
            for turn in range(repeat + 1):
                for name, (path, role) in _PAGES.items():
                    looked = await _rate(server.port, path, secrets[role] if role else None)
                    lived = await _rate(server.port, "/health/live", None)
                    if turn:  # the first is for caches
                        seen[name][0].append(looked)
                        seen[name][1].append(lived)
    sides = ("pages_a_second", "nodb_requests_a_second")
    return [ratio(f"page_{name}_over_nodb", *both, sides) for name, both in seen.items()]


async def _rate(port: int, path: str, secret: str | None) -> float:
    """How many answers a second one reader gets who asks again and again."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
    headers = {"Accept": "text/html", "Accept-Encoding": "gzip"} | ({"Cookie": f"{COOKIE}={secret}"} if secret else {})
    looking = client.Client(reader, writer, headers)
    began, count = time.perf_counter(), 0
    while time.perf_counter() < began + _LOOK_S:
        await looking.ask("GET", path, 200)
        count += 1
    taken = time.perf_counter() - began
    await looking.close()
    return count / taken
