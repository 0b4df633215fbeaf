"""Promise 29: what is published cannot be undone.

Method: random tables shaped like a county (LEAs of a few kinds, groups within ALL, silent LEAs, rates near 0 and
100) are protected, and so are twelve monthly releases of counties that change a little each month. An attacker who
shares no code with what protects them gets what is published, every base, every earlier release, and even which counts
have not changed since; by linear programming it works out the least and the most that each withheld count can be.
Figure: tables; withheld cells; counts recovered to the person; counts bounded more tightly than ten people, or than
was heard of at all. Also how many cells were hidden for others' sake, and how many an earlier release had given away.
Mutant: only small cells are hidden, none for another's sake.
"""

import asyncio
import functools
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor

import highspy
import msgspec
import numpy as np

from equityaccess.publication import suppression
from equityaccess.publication.suppression import ALL, Cell, Count, Key, Protected, Published, Rate, protect
from tests.trust.harness import Figure, Harness, Run

_GROUPS = ("EL", "SED", "FOS")
_SHARES = {"EL": 0.18, "SED": 0.65, "FOS": 0.01}
_KINDS = 3
Table = dict[Key, Cell]
Release = Mapping[Key, Published | None]


def _county(chance: random.Random, leas: int) -> Table:
    """A county: LEAs of a few students to tens of thousands, some silent, some with nearly all or nearly none."""
    cells: Table = {}
    for number in range(leas):
        kind, lea = f"kind{number % _KINDS}", f"lea{number}"
        base = 1 + int(chance.lognormvariate(5.5, 1.6))
        if chance.random() < 0.1:
            cells[Key(lea, ALL)] = Cell(parent=kind, base=base, met=0, not_met=0, is_heard=False)
            continue
        met = round(base * chance.choice([chance.uniform(0.4, 0.99)] * 6 + [1.0, 0.02]))
        not_met = round((base - met) * chance.uniform(0, 1))
        cells[Key(lea, ALL)] = Cell(parent=kind, base=base, met=met, not_met=not_met)
        for group in _GROUPS:
            if chance.random() < 0.7:
                cells[Key(lea, group)] = _part(chance, cells[Key(lea, ALL)], _SHARES[group] * chance.uniform(0.5, 1.4))
    return _with_totals(cells)


def _part(chance: random.Random, whole: Cell, share: float) -> Cell:
    """A group within *whole*."""
    parts = [whole.met, whole.not_met, whole.base - whole.met - whole.not_met]
    met, not_met, rest = (min(part, round(part * share + chance.uniform(0, 1))) for part in parts)
    return Cell(parent=whole.parent, base=met + not_met + rest, met=met, not_met=not_met)


def _with_totals(leas: Table) -> Table:
    cells = dict(leas)
    for whole, parent in [(f"kind{number}", "county") for number in range(_KINDS)] + [("county", None)]:
        for group in (ALL, *_GROUPS):
            parts = [cell for key, cell in cells.items() if key.student_group == group and cell.parent == whole]
            if parts:
                base, met, not_met = (sum(getattr(one, name) for one in parts) for name in ("base", "met", "not_met"))
                cells[Key(whole, group)] = Cell(parent=parent, base=base, met=met, not_met=not_met)
    return cells


def _a_month_later(chance: random.Random, cells: Table) -> Table:
    """The same county: most report what they reported, some have found a few more students connected."""
    leas = {key: cell for key, cell in cells.items() if key.scope.startswith("lea")}
    for key, cell in leas.items():
        if key.student_group == ALL and cell.is_heard and chance.random() < 0.2:
            in_groups = [_unknown(leas[other]) for group in _GROUPS if (other := Key(key.scope, group)) in leas]
            more = chance.randint(0, max(0, min(_unknown(cell) - max(in_groups, default=0), 5)))
            leas[key] = msgspec.structs.replace(cell, met=cell.met + more)
    return _with_totals(leas)


def _unknown(cell: Cell) -> int:
    return cell.base - cell.met - cell.not_met


class Undone(msgspec.Struct):
    """What an attacker made of some tables."""

    tables: int = 0
    cells: int = 0
    withheld: int = 0
    complementary: int = 0
    recovered: int = 0
    too_tight: int = 0
    unprotected: int = 0
    given_away: int = 0

    def add(self, cells: Table, done: Protected, before: Sequence[Release] = ()) -> None:
        """Attack *done*, knowing the releases *before* it."""
        self.tables += 1
        self.cells += len(cells)
        self.complementary += done.complementary
        self.unprotected += len(done.unprotected)
        spared = set(done.unprotected) if before else set()  # nothing that was never published has been given away
        heard = _heard(cells)
        for key, part, low, high in _Attacker(cells, done.cells, before).bounds():
            truth = cells[key].not_met if part else cells[key].met
            self.withheld += part == 0
            if key in spared or not heard[key]:
                continue
            if any(
                _gives_away(release.get(key), part, truth, cells[key].base, _apart(heard[key])) for release in before
            ):
                self.given_away += 1
                continue
            self.recovered += high == low
            self.too_tight += high - low < _apart(heard[key])

    @property
    def holds(self) -> bool:
        """Whether nothing came out."""
        return self.withheld > 0 and not self.recovered and not self.too_tight


def _heard(cells: Table) -> dict[Key, int]:
    """The people of each cell in LEAs that were heard from; the others are in neither count, and everybody knows."""
    reach = dict.fromkeys(cells, 0)
    for key, cell in cells.items():
        if key.scope.startswith("lea") and cell.is_heard:
            for scope in (key.scope, cell.parent, "county"):
                reach[Key(str(scope), key.student_group)] += cell.base
    return reach


def _gives_away(look: Published | None, part: int, truth: int, base: int, apart: int) -> bool:
    """Whether an earlier release said already what is withheld now."""
    if look is None or look.base != base:
        return False
    rate = _parts(look)[part]
    return rate.least <= truth <= rate.most and rate.most - rate.least < apart


def _apart(people: int) -> int:
    """How far apart the least and the most of a withheld count of so many people have to be."""
    return min(10, people)


class _Attacker:
    """Somebody who reads everything that was ever published, knows every base, and which counts have not changed."""

    def __init__(self, cells: Table, published: Release, before: Sequence[Release]) -> None:
        self._cells, self._published = cells, published
        self._column = {key: 2 * number for number, key in enumerate(cells)}
        self._truth = np.array([count for cell in cells.values() for count in (cell.met, cell.not_met)])
        self._solver = highspy.Highs()
        self._solver.setOptionValue("output_flag", False)
        seen: dict[Key, Published] = {}
        for release in (*before, published):
            seen |= {key: look for key, look in release.items() if look is not None}
        for key, cell in cells.items():
            for part, truth in enumerate((cell.met, cell.not_met)):
                look = seen.get(key)
                rate = _parts(look)[part] if look is not None and look.base == cell.base else None
                is_so = rate is not None and rate.least <= truth <= rate.most
                self._solver.addVar(rate.least if rate and is_so else 0, rate.most if rate and is_so else cell.base)
        for key in cells:
            self._learn(key)
        self._least, self._most = (np.full(2 * len(cells), start) for start in (1e9, -1e9))

    def _learn(self, key: Key) -> None:
        """That met and not met are within the base, parts add up, and a group is within ALL."""
        cell, here = self._cells[key], self._column[key]
        self._row([(here, 1), (here + 1, 1)], 0, cell.base)
        parts = [
            self._column[other]
            for other, one in self._cells.items()
            if (one.parent, other.student_group) == (key.scope, key.student_group)
        ]
        whole = Key(key.scope, ALL)
        for part in (0, 1):
            if parts:
                self._row([(here + part, 1), *((one + part, -1) for one in parts)], 0, 0)
            if whole != key and whole in self._cells:
                rest = max(0, self._cells[whole].base - cell.base)
                self._row([(self._column[whole] + part, 1), (here + part, -1)], 0, rest)

    def _row(self, terms: Sequence[tuple[int, int]], low: float, high: float) -> None:
        where, weights = zip(*terms, strict=True)
        if not low <= self._truth[list(where)] @ weights <= high:
            raise AssertionError("the attacker believes what is not so")
        self._solver.addRow(low, high, len(terms), np.array(where, np.int32), np.array(weights, float))

    def bounds(self) -> Iterator[tuple[Key, int, float, float]]:
        """The least and the most of each withheld count (0 met, 1 not met), or two that are far enough apart.

        None where all contradicts itself.
        """
        for key, look in self._published.items():
            for part in (0, 1) if look is None else ():
                column = self._column[key] + part
                if self._is_wide(column, self._cells[key].base) or all([self._end(column, 1), self._end(column, -1)]):
                    yield key, part, *self._seen(column)

    def _is_wide(self, column: int, people: int) -> bool:
        low, high = self._seen(column)
        return high - low >= _apart(people)

    def _seen(self, column: int) -> tuple[float, float]:
        """The least and the most whole number between what solutions gave *column* so far."""
        return math.ceil(self._least[column] - 1e-6), math.floor(self._most[column] + 1e-6)

    def _end(self, column: int, sign: int) -> bool:
        """Push *column* down (1) or up (-1) as far as it goes; whether there is any solution."""
        self._solver.changeColCost(column, float(sign))
        self._solver.run()
        is_known = self._solver.getModelStatus() == highspy.HighsModelStatus.kOptimal
        solution = np.array(self._solver.getSolution().col_value)
        self._solver.changeColCost(column, 0.0)
        if not is_known:
            return False
        np.minimum(self._least, solution, out=self._least)
        np.maximum(self._most, solution, out=self._most)
        return True


def _primary_only(cells: Table, **_: object) -> Protected:
    hidden = suppression.primary(cells)
    looks = {key: None if key in hidden else suppression.shown(cell) for key, cell in cells.items()}
    return Protected(cells=looks, primary=len(hidden), complementary=0, unprotected=[])


def _parts(look: Published) -> tuple[Rate, Rate]:
    return look.met, look.not_met


def _months(chance: random.Random, cells: Table, months: int, undone: Undone, protect_: object) -> None:
    """Releases of a county month by month, each attacked with all before it."""
    before: list[dict[Key, Published | None]] = []
    for _ in range(months):
        hidden = {key for release in before for key, look in release.items() if look is None}
        last: dict[Key, Published] = {}
        for release in before:
            last |= {key: look for key, look in release.items() if look is not None}
        known = {
            Count(key, part)
            for key, look in last.items()
            for part, (now, then) in enumerate(zip(_parts(suppression.shown(cells[key])), _parts(look), strict=True))
            if (now, cells[key].base) == (then, look.base)
        }
        done = protect_(cells, hidden_before=hidden, known=known)  # type: ignore[operator]
        undone.add(cells, done, before)
        before.append(done.cells)
        cells = _a_month_later(chance, cells)


def _part_of_all(seed: int, tables: int, counties: int, *, mutant: bool) -> Undone:
    """What comes out of some random tables, and of some counties through a year."""
    chance, undone = random.Random(seed), Undone()
    protect_ = _primary_only if mutant else protect
    for _ in range(tables):
        cells = _county(chance, chance.randint(6, 10))
        undone.add(cells, protect_(cells))
    for _ in range(counties):
        _months(chance, _county(chance, 24), 12, undone, protect_)
    return undone


async def _run(run: Run) -> Figure:
    parts = run.size(40, 2)
    loop = asyncio.get_running_loop()
    with ProcessPoolExecutor(2) as pool:
        tasks = [
            loop.run_in_executor(pool, functools.partial(_part_of_all, seed, run.size(250, 40), 1, mutant=run.mutant))
            for seed in range(parts)
        ]
        found = [msgspec.structs.astuple(one) for one in await asyncio.gather(*tasks)]
    undone = Undone(*map(sum, zip(*found, strict=True)))
    text = (
        f"tables={undone.tables} cells={undone.cells} withheld={undone.withheld} (others' sake: {undone.complementary})"
        f" recovered={undone.recovered} too tight={undone.too_tight} given away before={undone.given_away}"
        f" unprotected={undone.unprotected}"
    )
    return Figure(text=text, holds=undone.holds)


HARNESSES = [
    Harness(
        number=29,
        promise="Published tables cannot be undone, not with every total and every earlier release",
        mutant="only small cells are hidden, none for another's sake",
        run=_run,
        runs_alone=True,
        limit_s=1_500,
    ),
]
