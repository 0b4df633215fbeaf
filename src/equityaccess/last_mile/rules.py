"""What is left, added up: by barrier, by LEA, in people, money and points. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from itertools import groupby
from typing import Final, get_args

from equityaccess.coverage.structs import Barrier, Counted, Gap
from equityaccess.last_mile.structs import LeftBehind, LeftInLea, Widest

MOST_LEAS_THAT_MOVE: Final = 5
_BARRIERS: Final[Sequence[Barrier]] = get_args(Barrier)


def by_barrier(gaps: Iterable[Gap], cents: Mapping[Barrier, int]) -> list[LeftBehind]:
    """*gaps* by barrier, in the order of the barriers, with what reaching the people would cost."""
    people = dict.fromkeys(_BARRIERS, 0)
    for gap in gaps:
        people[gap.barrier] += gap.people
    return [
        LeftBehind(
            barrier=barrier,
            people=left,
            unit_cost_cents=cents.get(barrier),
            cost_cents=left * cents[barrier] if barrier in cents else None,
        )
        for barrier, left in people.items()
        if left
    ]


def cost(barriers: Iterable[LeftBehind]) -> tuple[int, int]:
    """What *barriers* cost together, in cents, and for how many people that is."""
    priced = [one for one in barriers if one.cost_cents is not None]
    return sum(one.cost_cents or 0 for one in priced), sum(one.people for one in priced)


def by_lea(gaps: Iterable[Gap], cents: Mapping[Barrier, int], base: int) -> list[LeftInLea]:
    """*gaps* by LEA, the most people first; *base* is the county's, of which the people are points."""
    ordered = sorted(gaps, key=lambda gap: gap.lea)
    leas = [_in_lea(list(some), cents, base) for _, some in groupby(ordered, key=lambda gap: gap.lea)]
    return sorted(leas, key=lambda lea: (-lea.people, lea.lea))


def _in_lea(gaps: Sequence[Gap], cents: Mapping[Barrier, int], base: int) -> LeftInLea:
    barriers = by_barrier(gaps, cents)
    people = sum(one.people for one in barriers)
    cost_cents, people_priced = cost(barriers)
    days: list[date] = [gap.as_of for gap in gaps if gap.as_of]
    return LeftInLea(
        lea=gaps[0].lea,
        lea_name=gaps[0].lea_name,
        people=people,
        points=people * 10_000 // base / 100 if base else None,
        cost_cents=cost_cents,
        people_priced=people_priced,
        barriers=barriers,
        as_of=min(days, default=None),
    )


def furthest_behind(groups: Mapping[str, Counted]) -> tuple[str, Counted] | None:
    """The student group with the lowest confirmed rate; of equals the one with more people left."""
    known = ((group, figures) for group, figures in groups.items() if group != "ALL" and figures.base)
    return min(known, key=lambda one: (one[1].confirmed_percent, -one[1].gap, one[0]), default=None)


def widest(group: str, figures: Counted, gaps: Iterable[Gap], cents: Mapping[Barrier, int]) -> Widest:
    """The LEAs in which reaching people narrows the gap of *group* most."""
    leas = by_lea(gaps, cents, figures.base)[:MOST_LEAS_THAT_MOVE]
    return Widest(student_group=group, figures=figures, leas=leas)
