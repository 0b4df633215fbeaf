"""The job that publishes: it thinks longer than a transaction may otherwise be idle."""

import time

import pytest

from equityaccess import clock
from equityaccess.database import Database, Query
from equityaccess.publication import rules
from equityaccess.publication.jobs import publish_open_data

SHORT = Query("short", "SELECT set_config('idle_in_transaction_session_timeout', '2s', true)", ())


async def test_a_publication_outlasts_the_bound_on_idle_transactions(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = rules.written

    def slowly(*rows: object) -> bytes:
        time.sleep(3)
        return written(*rows)  # type: ignore[arg-type]

    monkeypatch.setattr(rules, "written", slowly)
    async with database.transaction(role="aggregator") as tx:
        await tx.value(SHORT)
        done = await publish_open_data(tx, clock.now())
    assert done is not None
    async with database.transaction(role="public") as tx:
        assert await tx.value(Query("releases", "SELECT count(*) FROM release", ())) == 1
