"""From what is known to the rows of a release, indicator by indicator. Pure."""

import csv
import io
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from equityaccess.coverage.structs import Goal
from equityaccess.publication.structs import Bound, CellRow, Source
from equityaccess.publication.suppression import PARTS, Cell, Count, Key, Published, Rate, protect, shown
from equityaccess.sheets import inert

COLUMNS: Final = CellRow.__struct_fields__
_WITHHELD: Final = "suppressed"
_OTHER_WAY: Final[Mapping[str, Bound]] = {"=": "=", ">=": "<=", "<=": ">="}


def rows(
    sources: Sequence[Source],
    goals: Mapping[tuple[str, str], Goal],
    hidden_before: Collection[tuple[str, str, str]],
    shown_before: Mapping[tuple[str, str, str], CellRow],
) -> list[CellRow]:
    """The rows of one indicator, after earlier releases that hid and showed cells by indicator, group and scope."""
    by_key = {Key(one.scope, one.student_group): one for one in sources}
    cells = {
        key: Cell(parent=one.parent, base=one.base, met=one.met, not_met=one.not_met, is_heard=one.is_heard)
        for key, one in by_key.items()
    }
    plain = {key: _row(one, shown(cells[key]), None) for key, one in by_key.items()}
    place = {key: (one.indicator, one.student_group, one.scope) for key, one in by_key.items()}
    known = [
        Count(key, part)
        for key, row in plain.items()
        if (was := shown_before.get(place[key])) is not None
        for part in PARTS
        if was.look(part) == row.look(part)
    ]
    done = protect(
        cells, hidden_before={key for key, it in place.items() if it in hidden_before}, known=frozenset(known)
    )
    return [
        _row(by_key[key], published, goals.get((by_key[key].indicator, key.student_group)))
        for key, published in sorted(done.cells.items(), key=lambda one: _order(by_key[one[0]]))
    ]


def _order(one: Source) -> tuple[str, bool, str, int, str]:
    level = ("county", "kind", "lea").index(one.level)
    return (one.indicator, one.student_group != "ALL", one.student_group, level, one.scope)


def _row(one: Source, published: Published | None, goal: Goal | None) -> CellRow:
    is_shown = published is not None and one.is_heard and one.base > 0
    state = "shown" if is_shown else "not_heard_from" if not one.is_heard or not one.base else "suppressed"
    met, most = _rates(published) if published is not None and is_shown else (None, None)
    return CellRow(
        indicator=one.indicator,
        student_group=one.student_group,
        scope=one.scope,
        scope_name=one.scope_name,
        level=one.level,
        state=state,  # type: ignore[arg-type]
        base=None if state == "suppressed" else one.base,
        confirmed_percent=met.percent if met else None,
        confirmed_bound=met.bound if met else None,  # type: ignore[arg-type]
        at_most_percent=most.percent if most else None,
        at_most_bound=most.bound if most else None,  # type: ignore[arg-type]
        target_percent=goal.percent if goal else None,
        target_on=goal.target_on if goal else None,
    )


def _rates(published: Published) -> tuple[Rate, Rate]:
    """The rate that is confirmed, and the most that it may be: what is left when the not met are taken away."""
    without = published.not_met
    most = Rate(
        percent=round(100 - without.percent, 1), bound=_OTHER_WAY[without.bound], least=without.least, most=without.most
    )
    return published.met, most


def written(rows: Iterable[CellRow]) -> bytes:
    """The file of a release: a withheld cell says so where its figures would be."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\r\n")
    table.writerow(COLUMNS)
    for row in rows:
        cells = [getattr(row, name) for name in COLUMNS]
        table.writerow(inert(_text(name, cell, row)) for name, cell in zip(COLUMNS, cells, strict=True))
    return out.getvalue().encode()


def _text(name: str, cell: object, row: CellRow) -> object:
    is_figure = name in ("base", "confirmed_percent", "at_most_percent")
    if cell is None:
        return _WITHHELD if is_figure and row.state == "suppressed" else ""
    return cell
