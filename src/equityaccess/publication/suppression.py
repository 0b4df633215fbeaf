"""What of a table may be published, so that nobody can work out what is withheld. Pure.

The table of one indicator has a cell for each scope and student group. Of each cell are published its base, which is
the people to whom the indicator applies, and two rates: the met, and the not met. A reader is taken to know every base,
for enrollment is public; that scopes add up; that a group is part of ALL; and every earlier release.

1. Primary: a cell of ten people or fewer is hidden, and so is a group without which ten or fewer of ALL are left.
2. Rates are cut to a tenth of a percent; near 0 and 100 they are given as a bound, by the size of the cell: "all of
   them" tells of everybody in it.
3. Complementary: as long as linear programming bounds a hidden count more tightly than ten people, or than there are
   people in the cell of whom anything was heard, the smallest cell that pins it down is hidden too.
4. Sticky: what was hidden once stays hidden, or the difference of two releases would show it.
"""

import functools
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import highspy
import msgspec
import numpy as np

RULES: Final = "2026-11"  # the version of these rules; a release says by which it was made
SMALL: Final = 10  # people, of whom nothing is published; the tightest a hidden count may be bounded, too
ALL: Final = "ALL"
RACES: Final = frozenset({"AA", "AI", "AS", "FI", "HI", "PI", "WH", "MR", "RD"})  # each student is of one of these
_TENTHS: Final = 1_000
# From how many people on, and at which percentage, a rate is given as a bound: 99 % for 300 or more, and so on down.
_TOPS: Final = ((300, 99), (100, 98), (40, 95), (20, 90), (0, 80))
AMBIGUOUS: Final = 2  # a rate that is given as a bound stands for at least three counts, where it can
PARTS: Final = (0, 1)
_CLEARLY: Final = 1e-6


class Key(NamedTuple):
    """A cell: the county, a kind of LEA or an LEA, and a student group."""

    scope: str
    student_group: str


class Count(NamedTuple):
    """A count of a cell: the met (0) or the not met (1)."""

    key: Key
    part: int


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a cell; of one that was not heard from nothing is."""

    parent: str | None  # the scope that it is part of
    base: int
    met: int
    not_met: int
    is_heard: bool = True


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """A rate as it is published, in percent: cut to a tenth, or a bound; and the counts that it may stand for."""

    percent: float
    bound: str  # "=", ">=" or "<="
    least: int
    most: int


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """A cell as it is published."""

    base: int
    met: Rate
    not_met: Rate


class Protected(msgspec.Struct, frozen=True, kw_only=True):
    """What is published of a table (None: hidden), and how many cells that cost."""

    cells: dict[Key, Published | None]
    primary: int
    complementary: int
    unprotected: list[Key]  # an earlier release already gave away what would protect them


def rate(count: int, base: int) -> Rate:
    """*count* of *base*, of which there is somebody, as it is published."""
    top = next(percent for least, percent in _TOPS if base >= least)
    few, many = (100 - top) * base // 100, -(-top * base // 100)  # up to, and from how many on, a bound is given
    if count >= many:
        return Rate(percent=top, bound=">=", least=many, most=base)
    if count <= few:
        return Rate(percent=100 - top, bound="<=", least=0, most=few)
    tenths = count * _TENTHS // base
    least, most = -(-tenths * base // _TENTHS), ((tenths + 1) * base - 1) // _TENTHS
    return Rate(percent=tenths / 10, bound="=", least=max(least, few + 1), most=min(most, many - 1))


def shown(cell: Cell) -> Published:
    """*cell* as it is published when it is not hidden. One that was not heard from gives away nothing."""
    if not cell.is_heard or not cell.base:
        nothing = Rate(percent=0, bound="=", least=0, most=0)
        return Published(base=cell.base, met=nothing, not_met=nothing)
    return Published(base=cell.base, met=rate(cell.met, cell.base), not_met=rate(cell.not_met, cell.base))


def primary(cells: Mapping[Key, Cell]) -> set[Key]:
    """The cells that are hidden for themselves: too small, or all but too few of ALL."""
    hidden = set()
    for key, cell in cells.items():
        whole = cells.get(Key(key.scope, ALL))
        is_rest_small = key.student_group != ALL and whole is not None and 0 < whole.base - cell.base <= SMALL
        if cell.is_heard and (0 < cell.base <= SMALL or is_rest_small):
            hidden.add(key)
    return hidden


def protect(
    cells: Mapping[Key, Cell], *, hidden_before: Collection[Key] = (), known: Collection[Count] = ()
) -> Protected:
    """What may be published of *cells*, after earlier releases that hid *hidden_before*.

    *known* are the counts that an earlier release showed as they look now: a reader knows them, hidden or not, so that
    they protect nobody, and nobody protects them.
    """
    first = primary(cells)
    hidden = first | {key for key in hidden_before if key in cells and cells[key].is_heard}
    looks = {key: shown(cell) for key, cell in cells.items()}
    attack = _Attack(cells, looks, known)
    for key in hidden:
        attack.hide(key)
    unsafe = [Count(key, part) for key in sorted(_at_risk(cells, looks, hidden)) for part in PARTS]
    alone: set[Count] = set()  # nothing was left to hide for their sake; some are helped by what is hidden for others
    while unsafe:
        more: set[Key] = set()
        again = []
        for count in unsafe:
            pinning = attack.pinning(count, is_hidden=count.key in hidden)
            if pinning is None:
                continue
            useful = {key for key in pinning - hidden if Count(key, count.part) not in known}
            if not useful:
                alone.add(count)
                continue
            again.append(count)
            if not more & useful:
                more.add(_smallest(useful, cells))
        for key in more:
            attack.hide(key)
        hidden |= more
        unsafe = again + [Count(key, part) for key in sorted(more) for part in PARTS]
    return Protected(
        cells={key: None if key in hidden else looks[key] for key in cells},
        primary=len(first),
        complementary=len(hidden - first),
        unprotected=sorted({one.key for one in alone if attack.pinning(one, is_hidden=one.key in hidden) is not None}),
    )


def _at_risk(cells: Mapping[Key, Cell], looks: Mapping[Key, Published], hidden: set[Key]) -> set[Key]:
    """The hidden cells, and those of which a bound stands for a rate."""
    bounded = {key for key, look in looks.items() if look.met.bound != "=" or look.not_met.bound != "="}
    return {key for key in hidden | bounded if cells[key].is_heard}


def _smallest(keys: Collection[Key], cells: Mapping[Key, Cell]) -> Key:
    """The cell to hide for another's sake: the county last, a small one before a large one."""
    return min(keys, key=lambda key: (cells[key].parent is None, cells[key].base, key))


class _Row(NamedTuple):
    """Something that a reader knows: the weighted sum of some counts lies between two bounds."""

    terms: dict[Count, int]  # each with its weight
    least: float
    most: float


class _Attack:
    """What a reader can work out: a linear program of every count, bounded by what is published of it."""

    def __init__(self, cells: Mapping[Key, Cell], looks: Mapping[Key, Published], known: Collection[Count]) -> None:
        self._cells, self._looks, self._known = cells, looks, known
        self._column = {Count(key, part): 2 * number + part for number, key in enumerate(cells) for part in PARTS}
        self._rows = list(knowledge(cells))
        self._heard = _heard(cells)
        self._solver = highspy.Highs()  # type: ignore[no-untyped-call]
        self._solver.setOptionValue("output_flag", False)  # noqa: FBT003
        for count in self._column:
            seen = self._look(count)
            self._solver.addVar(seen.least, seen.most)
        for row in self._rows:
            where = np.fromiter((self._column[one] for one in row.terms), np.int32)
            weights = np.fromiter(row.terms.values(), np.float64)
            self._solver.addRow(row.least, row.most, len(where), where, weights)
        # Between what solutions each count was seen: hiding more takes no solution away, so what was wide stays wide.
        self._least, self._most = (np.full(len(self._column), start) for start in (np.inf, -np.inf))

    def _look(self, count: Count) -> Rate:
        look = self._looks[count.key]
        return look.not_met if count.part else look.met

    def hide(self, key: Key) -> None:
        """Publish nothing of *key*; its base is known all the same."""
        for count in (Count(key, part) for part in PARTS):
            if count not in self._known:
                self._solver.changeColBounds(self._column[count], 0, self._cells[key].base)

    def pinning(self, count: Count, *, is_hidden: bool) -> set[Key] | None:
        """The cells that bound *count* more tightly than it may be; None when it is safe, or was given away before."""
        look = self._look(count)
        apart = SMALL if is_hidden else min(AMBIGUOUS, look.most - look.least) if look.bound != "=" else 0
        wanted = min(apart, self._heard[count.key])
        if not wanted or (count in self._known and look.most - look.least < wanted):
            return None
        if self._is_seen_apart(count, wanted):
            return None
        held = self._end(count, highspy.ObjSense.kMinimize) | self._end(count, highspy.ObjSense.kMaximize)
        if self._is_seen_apart(count, wanted):
            return None
        return {key for key in held if key != count.key and self._cells[key].base and self._cells[key].is_heard}

    def _is_seen_apart(self, count: Count, wanted: int) -> bool:
        """Whether two solutions have whole numbers for *count* that are *wanted* apart."""
        low, high = self._least[self._column[count]], self._most[self._column[count]]
        return bool(np.floor(high + _CLEARLY) - np.ceil(low - _CLEARLY) >= wanted)

    def _end(self, count: Count, sense: highspy.ObjSense) -> set[Key]:
        """See the least or the most that *count* can be; returns the cells of what makes it so."""
        column = self._column[count]
        self._solver.changeObjectiveSense(sense)
        self._solver.changeColCost(column, 1.0)
        self._solver.run()
        status = self._solver.getModelStatus()
        if status != highspy.HighsModelStatus.kOptimal:
            raise DoesNotAddUp(f"{' '.join(count.key)}: {self._solver.modelStatusToString(status)}")
        solution = self._solver.getSolution()
        counts, duals = np.asarray(solution.col_value), np.abs(np.asarray(solution.row_dual))
        self._solver.changeColCost(column, 0.0)
        np.minimum(self._least, counts, out=self._least)
        np.maximum(self._most, counts, out=self._most)
        return {one.key for row in np.nonzero(duals > _CLEARLY)[0] for one in self._rows[row].terms}


class DoesNotAddUp(ValueError):
    """The figures contradict each other: scopes that do not add up, or a group larger than ALL."""


def knowledge(cells: Mapping[Key, Cell]) -> Iterable[_Row]:
    """All that a reader knows beside what is published; what is not true of *cells* nobody can know."""
    yield from (row for row in _knowledge(cells) if _is_true(row, cells))


def _is_true(row: _Row, cells: Mapping[Key, Cell]) -> bool:
    total = sum(weight * (cells[key].not_met if part else cells[key].met) for (key, part), weight in row.terms.items())
    return row.least <= total <= row.most


def _knowledge(cells: Mapping[Key, Cell]) -> Iterable[_Row]:
    for key, cell in cells.items():
        yield _Row({Count(key, part): 1 for part in PARTS}, 0, cell.base)
    yield from _sums(cells)
    scopes: dict[str, list[Key]] = {}
    for key in cells:
        scopes.setdefault(key.scope, []).append(key)
    for scope, keys in scopes.items():
        if (whole := Key(scope, ALL)) in cells:
            for key in keys:
                yield from _within(whole, [key] if key != whole else [], cells)
            yield from _within(whole, [key for key in keys if key.student_group in RACES], cells)


def _parts(cells: Mapping[Key, Cell]) -> dict[Key, list[Key]]:
    """The cells that each whole is put together from."""
    parts: dict[Key, list[Key]] = {}
    for key, cell in cells.items():
        if cell.parent is not None and (whole := Key(cell.parent, key.student_group)) in cells:
            parts.setdefault(whole, []).append(key)
    return parts


def _heard(cells: Mapping[Key, Cell]) -> dict[Key, int]:
    """The people of each cell of whom anything was heard: everybody knows who was not, so none of those is hidden."""
    parts = _parts(cells)

    @functools.cache
    def heard(key: Key) -> int:
        if not cells[key].is_heard:
            return 0
        return max(0, cells[key].base - sum(cells[part].base - heard(part) for part in parts.get(key, [])))

    return {key: heard(key) for key in cells}


def _sums(cells: Mapping[Key, Cell]) -> Iterable[_Row]:
    """The parts of a scope add up to it."""
    for whole, keys in _parts(cells).items():
        for part in PARTS:
            yield _Row({Count(whole, part): 1} | {Count(key, part): -1 for key in keys}, 0, 0)


def _within(whole: Key, parts: Sequence[Key], cells: Mapping[Key, Cell]) -> Iterable[_Row]:
    """Groups that do not overlap are within ALL, and what is left of ALL is a group too."""
    if not parts:
        return
    rest = cells[whole].base - sum(cells[key].base for key in parts)
    both: dict[Count, int] = {}
    for part in PARTS:
        left = {Count(whole, part): 1} | {Count(key, part): -1 for key in parts}
        yield _Row(left, 0, rest)
        both |= left
    yield _Row(both, 0, rest)
