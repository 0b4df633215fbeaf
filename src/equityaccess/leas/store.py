"""The directory: LEAs by their codes, with periods, enrollment and what is expected of them."""

from collections.abc import Sequence
from datetime import date

from equityaccess.catalogue.reference import as_json
from equityaccess.database import Transaction, load_queries
from equityaccess.leas.structs import Enrollment, Identifier, KnownLea, Period, Scheme

sql = load_queries(__file__)


async def known_leas(tx: Transaction) -> list[KnownLea]:
    """Every CDS code that names or named an LEA, by code."""
    return await tx.all(sql.known_leas, KnownLea)


async def leas_by_code(tx: Transaction) -> dict[tuple[Scheme, str], int]:
    """The LEA of every code, present or former; of two that had the same code, the later."""
    return {(scheme, code): lea_id for scheme, code, lea_id in await tx.rows(sql.leas_by_code)}


async def add_leas(tx: Transaction, count: int) -> list[int]:
    """*count* new LEAs, without names or codes yet."""
    return await tx.values(sql.add_leas, count=count)


async def add_history(tx: Transaction, periods: Sequence[Period], identifiers: Sequence[Identifier]) -> None:
    """Write what is true of LEAs, and by which codes they go."""
    await tx.execute(sql.add_periods, rows=as_json(periods))
    await tx.execute(sql.add_identifiers, rows=as_json(identifiers))


async def merge_enrollment(tx: Transaction, counts: Sequence[Enrollment]) -> list[str]:
    """Write enrollment; what ``merge_action()`` said of each row that changed."""
    return await tx.values(sql.merge_enrollment, rows=as_json(counts))


async def plan_expectations(tx: Transaction, from_on: date, to_on: date) -> list[str]:
    """Bring what is expected in [from_on, to_on) up to the directory; both are the first day of a school year.

    What ``merge_action()`` said of each row that changed.
    """
    return await tx.values(sql.merge_expectations, from_on=from_on, to_on=to_on)
