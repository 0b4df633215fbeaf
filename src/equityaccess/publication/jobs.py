"""The job that publishes: once a month, and whenever it is run by hand."""

import asyncio
import hashlib
import zlib
from datetime import datetime

from equityaccess import clock
from equityaccess.coverage import store as coverage
from equityaccess.database import Transaction
from equityaccess.outcome import Done
from equityaccess.publication import rules, store
from equityaccess.publication.structs import CellRow, Manifest, Source
from equityaccess.publication.suppression import RULES


async def publish_open_data(tx: Transaction, now: datetime) -> Done | None:
    """Publish what may be published of the figures as they stand, as the next release; once a day at most the same."""
    today = clock.today(now)
    await coverage.drain(tx, now, today)
    goals = await coverage.targets(tx, today)
    hidden, shown = await store.hidden_before(tx), await store.shown_before(tx)
    by_indicator: dict[str, list[Source]] = {}
    for one in await store.sources(tx, today):
        by_indicator.setdefault(one.indicator, []).append(one)
    await store.let_us_think(tx)
    rows: list[CellRow] = []
    for indicator in sorted(by_indicator):
        rows += await asyncio.to_thread(rules.rows, by_indicator[indicator], goals, hidden, shown)
    body = rules.written(rows)
    suppressed = sum(row.state == "suppressed" for row in rows)
    last = await store.release(tx)
    manifest = Manifest(
        number=last.number + 1 if last else 1,
        as_of=today,
        published_at=now,
        rules=RULES,
        is_sample=await store.is_sample(tx),
        rows=len(rows),
        suppressed=suppressed,
        sha256=hashlib.sha256(body).hexdigest(),
    )
    if last and (last.as_of, last.sha256) == (manifest.as_of, manifest.sha256):
        return None
    await store.put(tx, manifest, rows, zlib.compress(body))
    said = f"published release {manifest.number}: {len(rows)} figures, of which {suppressed} are withheld"
    return Done(touched=len(rows), said=said)
