"""Releases in the database: typed functions over queries.sql."""

from collections.abc import Sequence
from datetime import date

from equityaccess.catalogue.reference import as_json
from equityaccess.coverage import store as coverage
from equityaccess.coverage.scopes import KINDS
from equityaccess.coverage.structs import counted
from equityaccess.database import Transaction, load_queries
from equityaccess.publication.structs import CellRow, Manifest, Pair, Source

sql = load_queries(__file__)
Place = tuple[str, str, str]  # indicator, student group, scope


class PastCell(CellRow, frozen=True, kw_only=True):
    """A cell of an earlier release, with its day."""

    as_of: date


async def sources(tx: Transaction, today: date) -> list[Source]:
    """Everything that could be published today, before anybody decided what may; needs the aggregator."""
    heard = await tx.all(sql.heard_leas, Source, today=today, county=coverage.COUNTY)
    there = {(one.scope, one.indicator) for one in heard if one.student_group == "ALL"}
    asked = await tx.all(sql.asked_leas, Source, today=today, county=coverage.COUNTY)
    silent = [one for one in asked if (one.scope, one.indicator) not in there]
    return [*await _totals(tx), *heard, *silent]


async def _totals(tx: Transaction) -> list[Source]:
    found = []
    for scope in ("county", *KINDS):
        for one in await coverage.stored_now(tx, scope, coverage.Pair()):
            figures = counted(one)
            found.append(
                Source(
                    scope=scope,
                    scope_name="Los Angeles County" if scope == "county" else scope.replace("_", " "),
                    level="county" if scope == "county" else "kind",
                    parent=None if scope == "county" else "county",
                    indicator=one.indicator,
                    student_group=one.student_group,
                    base=figures.base,
                    met=one.met,
                    not_met=one.not_met,
                    is_heard=one.leas_heard > 0,
                )
            )
    return found


async def let_us_think(tx: Transaction) -> None:
    """Keep *tx* open while figures are protected."""
    await tx.value(sql.let_us_think)


async def is_sample(tx: Transaction) -> bool:
    """Whether the figures are those of a demo."""
    found: bool = await tx.value(sql.is_sample)
    return found


async def hidden_before(tx: Transaction) -> set[Place]:
    """What any release withheld."""
    return {(indicator, group, scope) for indicator, group, scope in await tx.rows(sql.hidden_before)}


async def shown_before(tx: Transaction) -> dict[Place, CellRow]:
    """How each cell looked when it was shown last."""
    return {(one.indicator, one.student_group, one.scope): one for one in await tx.all(sql.shown_before, CellRow)}


async def put(tx: Transaction, manifest: Manifest, rows: Sequence[CellRow], deflated: bytes) -> None:
    """Publish a release."""
    await tx.execute(
        sql.put_release,
        number=manifest.number,
        as_of=manifest.as_of,
        published_at=manifest.published_at,
        rules=manifest.rules,
        is_sample=manifest.is_sample,
        rows=manifest.rows,
        suppressed=manifest.suppressed,
        sha256=manifest.sha256,
        csv=deflated,
    )
    await tx.execute(sql.put_cells, number=manifest.number, rows=as_json(rows))


async def releases(tx: Transaction) -> list[Manifest]:
    """Every release, newest first."""
    return await tx.all(sql.releases, Manifest)


async def release(tx: Transaction, number: int = 0) -> Manifest | None:
    """One release; without a number, the newest."""
    return await tx.one(sql.release_by_number, Manifest, number=number)


async def csv_of(tx: Transaction, number: int) -> bytes | None:
    """The file of a release, deflated."""
    deflated: bytes | None = await tx.value(sql.csv, number=number)
    return deflated


async def cells(tx: Transaction, number: int, scope: str, pair: Pair) -> list[CellRow]:
    """The figures of a release for the county, a kind, an LEA, or (`leas`) every LEA."""
    return await tx.all(
        sql.cells, CellRow, number=number, scope=scope, indicator=pair.indicator, student_group=pair.student_group
    )


async def overview(tx: Transaction, number: int, indicator: str, student_group: str) -> list[CellRow]:
    """Every figure of the county, and of each LEA that of *indicator* and *student_group*."""
    return await tx.all(sql.overview, CellRow, number=number, indicator=indicator, student_group=student_group)


async def peers(tx: Transaction, lea_id: int) -> list[CellRow]:
    """What is published of all LEAs of the kind that *lea_id* is of."""
    return await tx.all(sql.peers, CellRow, lea_id=lea_id)


async def history(tx: Transaction, scope: str, indicator: str, student_group: str) -> list[PastCell]:
    """One figure through all releases, oldest first."""
    return await tx.all(sql.history, PastCell, scope=scope, indicator=indicator, student_group=student_group)
