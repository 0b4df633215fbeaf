"""Puts the last mile together: figures and gaps of coverage, priced."""

from datetime import date
from typing import Final

from equityaccess.coverage import store as coverage
from equityaccess.coverage.store import FIRST_GAP, Pair
from equityaccess.coverage.structs import Barrier, Counted, Goal, counted
from equityaccess.database import Database, Transaction
from equityaccess.last_mile import rules, store
from equityaccess.last_mile.structs import LastMile, UnitCost

_EVERY_GAP: Final = 200_000  # far more than there are barriers times LEAs


async def last_mile(db: Database, indicator: str, group: str, today: date) -> tuple[LastMile, list[UnitCost]] | None:
    """What is left of *indicator* and *group* in the county, and the estimates that price it; None if unknown."""
    figures, goal = await _figures(db, indicator, group, today)
    behind = rules.furthest_behind(figures)
    async with db.transaction(every_lea=True) as tx:
        if group not in figures and not await _is_asked(tx, indicator, group):
            return None
        costs = await store.unit_costs(tx, indicator)
        groups = sorted({group, behind[0]} if behind else {group})
        every = await coverage.gaps(tx, None, indicator, groups, FIRST_GAP, today, _EVERY_GAP)
    cents: dict[Barrier, int] = {one.barrier: one.cents for one in costs}
    gaps = [one for one in every if one.student_group == group]
    widest = rules.widest(*behind, [one for one in every if one.student_group == behind[0]], cents) if behind else None
    own = figures.get(group)
    barriers = rules.by_barrier(gaps, cents)
    cost_cents, people_priced = rules.cost(barriers)
    leas = rules.by_lea(gaps, cents, own.base if own else 0)
    found = LastMile(
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
    return found, costs


async def _figures(db: Database, indicator: str, group: str, today: date) -> tuple[dict[str, Counted], Goal | None]:
    """The county's newest figures of *indicator* by group, and the target of *group*."""
    async with db.transaction(role="aggregator") as tx:
        found = await coverage.stored_now(tx, "county", Pair(indicator=indicator))
        goals = await coverage.targets(tx, today)
    return {one.student_group: counted(one) for one in found}, goals.get((indicator, group))


async def _is_asked(tx: Transaction, indicator: str, group: str) -> bool:
    return indicator in await coverage.indicators(tx) and group in await coverage.groups(tx)
