"""Puts the last mile together: figures and gaps of coverage, priced."""

from collections.abc import Mapping
from datetime import date
from typing import Final

from equityaccess.coverage import store as coverage
from equityaccess.coverage.store import FIRST_GAP, Pair
from equityaccess.coverage.structs import Barrier, Counted, Gap, Goal, counted
from equityaccess.database import Database, Transaction
from equityaccess.last_mile import rules, store
from equityaccess.last_mile.structs import LastMile, Widest

_EVERY_GAP: Final = 200_000  # far more than there are barriers times LEAs


async def last_mile(db: Database, indicator: str, group: str, today: date) -> LastMile | None:
    """What is left of *indicator* and *group* in the county; None when there is no such."""
    figures, goal = await _figures(db, indicator, group, today)
    behind = rules.furthest_behind(figures)
    async with db.transaction(every_lea=True) as tx:
        if group not in figures and not await _is_asked(tx, indicator, group):
            return None
        cents: dict[Barrier, int] = {one.barrier: one.cents for one in await store.unit_costs(tx, indicator)}
        gaps = await _gaps(tx, indicator, group, today)
        widest = await _widest(tx, indicator, behind, cents, today) if behind else None
    own = figures.get(group)
    barriers = rules.by_barrier(gaps, cents)
    cost_cents, people_priced = rules.cost(barriers)
    leas = rules.by_lea(gaps, cents, own.base if own else 0)
    return LastMile(
        indicator=indicator,
        student_group=group,
        as_of=today,
        figures=own,
        target=goal,
        difference=own.gap - sum(one.people for one in barriers) if own else None,
        barriers=barriers,
        cost_cents=cost_cents,
        people_priced=people_priced,
        leas=leas,
        moves_county_most=[lea.lea for lea in leas[: rules.MOST_LEAS_THAT_MOVE]],
        widest=widest,
    )


async def _figures(db: Database, indicator: str, group: str, today: date) -> tuple[dict[str, Counted], Goal | None]:
    """The county's newest figures of *indicator* by group, and the target of *group*."""
    async with db.transaction(role="aggregator") as tx:
        found = await coverage.stored_now(tx, "county", Pair(indicator=indicator))
        goals = await coverage.targets(tx, today)
    return {one.student_group: counted(one) for one in found}, goals.get((indicator, group))


async def _is_asked(tx: Transaction, indicator: str, group: str) -> bool:
    return indicator in await coverage.indicators(tx) and group in await coverage.groups(tx)


async def _gaps(tx: Transaction, indicator: str, group: str, today: date) -> list[Gap]:
    pair = Pair(indicator=indicator, student_group=group)
    return await coverage.gaps(tx, None, pair, FIRST_GAP, today, _EVERY_GAP)


async def _widest(
    tx: Transaction, indicator: str, behind: tuple[str, Counted], cents: Mapping[Barrier, int], today: date
) -> Widest:
    group, figures = behind
    return rules.widest(group, figures, await _gaps(tx, indicator, group, today), cents)
