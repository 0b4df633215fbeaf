"""Feeds in the database: typed functions over queries.sql."""

from collections.abc import Sequence
from datetime import datetime

from equityaccess.catalogue.reference import as_json
from equityaccess.database import Transaction, load_queries
from equityaccess.feeds.structs import ArrivalRow, FeedRow

sql = load_queries(__file__)


async def arrivals(tx: Transaction, since: datetime) -> list[ArrivalRow]:
    """When pushes about each LEA came, day by day, by LEA."""
    return await tx.all(sql.arrivals, ArrivalRow, since=since)


async def keep(tx: Transaction, rows: Sequence[FeedRow]) -> None:
    """Put *rows* in the place of all feeds."""
    await tx.execute(sql.forget_feeds)
    await tx.execute(sql.put_feeds, rows=as_json(rows))


async def feeds(tx: Transaction) -> list[FeedRow]:
    """Every feed that the transaction sees."""
    return await tx.all(sql.feeds, FeedRow)
