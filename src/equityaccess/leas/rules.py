"""Holds a directory file against the directory: what happened to whom, and what cannot be known from the file.

An LEA is recognised by its CDS code; when that is new, by a transfer that is known, by its NCES id (a district) or by
its charter number (a charter), which both outlive the CDS code. Whatever could be read in two ways is not decided.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Final

from equityaccess.leas.changes import Change, Comparison, Difference, Held, Listed, Undecided, What

HOME_COUNTY: Final = "19"
COMPARED: Final = ("name", "kind", "authorizer_cds", "funding", "nces", "charter_number", "city", "zip", "grades")
FEWEST_OF_A_WHOLE_FILE: Final = (
    10  # a kind of which more than half would close, and so many, is only partly in the file
)


def compare(
    listed: Sequence[Listed], held: Sequence[Held], former: Mapping[str, int], transfers: Mapping[str, str], as_of: date
) -> Comparison:
    """How the directory differs from what the file lists on *as_of*.

    *former* has the LEA of every code it ever had; *transfers* the new code of those that are known to have moved.
    """
    return _Compared(listed, held, former, transfers, as_of).result()


class _Compared:
    def __init__(
        self,
        listed: Sequence[Listed],
        held: Sequence[Held],
        former: Mapping[str, int],
        transfers: Mapping[str, str],
        as_of: date,
    ) -> None:
        self._as_of = as_of
        self._former = former
        self._held = {lea.cds: lea for lea in held}
        times = Counter(row.cds for row in listed)
        self._twice = {cds for cds, count in times.items() if count > 1}
        self._rows = {row.cds: row for row in listed if row.cds not in self._twice}
        self._active = {cds: row for cds, row in self._rows.items() if row.status == "active"}
        self._predecessors = _predecessors(held, transfers)
        self._seen: set[int] = set()
        self._moves: list[tuple[Listed, list[Held]]] = []
        self._changes: list[Change] = []
        self._undecided: list[Undecided] = []
        self._unchanged_count = 0

    def result(self) -> Comparison:
        """The comparison."""
        for cds in sorted(self._twice):
            self._leave(cds, "", "the file lists this code more than once")
        for row in self._active.values():
            self._judge(row)
        self._judge_moves()
        self._judge_missing()
        return Comparison(
            changes=sorted(self._changes, key=lambda change: (change.what, change.cds)),
            undecided=self._undecided,
            unchanged_count=self._unchanged_count,
            pending_count=sum(
                row.status == "pending" and _at_home(row) and row.cds not in self._former for row in self._rows.values()
            ),
        )

    def _leave(self, cds: str, name: str, reason: str) -> None:
        self._undecided.append(Undecided(cds=cds, name=name, reason=reason))
        if cds in self._held:
            self._seen.add(self._held[cds].lea_id)

    def _judge(self, row: Listed) -> None:
        lea = self._held.get(row.cds)
        if row.authorizer_cds is not None and (lea or _at_home(row)) and not self._is_lea(row.authorizer_cds):
            self._leave(row.cds, row.name, f"its authorizer {row.authorizer_cds} is in neither file nor directory")
        elif lea is not None:
            self._judge_known(row, lea)
        elif row.cds in self._former:
            self._leave(row.cds, row.name, "a former code of an LEA that goes by another one now")
        elif predecessors := self._candidates(row):
            self._moves.append((row, predecessors))
        elif _at_home(row):
            self._judge_new(row)

    def _judge_known(self, row: Listed, lea: Held) -> None:
        self._seen.add(lea.lea_id)
        differences = list(_differences(lea, row))
        if not lea.is_open and lea.valid_from <= self._as_of:
            self._change("reopened", row, lea, differences)
        elif differences:
            renamed = any(difference.field == "name" for difference in differences)
            self._change("renamed" if renamed else "changed", row, lea, differences)
        else:
            self._unchanged_count += 1

    def _candidates(self, row: Listed) -> list[Held]:
        marks = [
            ("transfer", row.cds),
            ("charter", row.charter_number) if row.kind == "charter" else ("nces", row.nces),
        ]
        found = {lea.lea_id: lea for mark in marks for lea in self._predecessors.get(mark, ())}
        return list(found.values())

    def _judge_moves(self) -> None:
        claims = Counter(lea.lea_id for _, candidates in self._moves for lea in candidates)
        for row, candidates in self._moves:
            self._seen.update(lea.lea_id for lea in candidates)
            named = " and ".join(f"{lea.cds} {lea.name}" for lea in candidates)
            [lea, *others] = candidates
            if others:
                self._leave(row.cds, row.name, f"it could be any of {named}")
            elif claims[lea.lea_id] > 1:
                self._leave(row.cds, row.name, f"it has the identity of {named}, and so has another row")
            elif lea.cds in self._active:
                self._leave(row.cds, row.name, f"it has the identity of {named}, which the file lists as well")
            elif not lea.is_open:
                self._leave(row.cds, row.name, f"it has the identity of {named}, which is not open on that day")
            else:
                cds = Difference(field="cds", before=lea.cds, after=row.cds)
                self._change("moved", row, lea, [cds, *_differences(lea, row)])

    def _judge_new(self, row: Listed) -> None:
        if row.kind is None:
            self._leave(row.cds, row.name, f"DOC {row.doc or 'is missing and'} is no kind of LEA known here")
        elif row.kind == "charter" and row.funding is None:
            self._leave(row.cds, row.name, "a charter whose funding is neither direct nor local")
        else:
            self._changes.append(
                Change(what="added", on=_within(row.opened_on, date.min, self._as_of), before=None, after=row)
            )

    def _is_lea(self, cds: str) -> bool:
        return cds in self._former or (cds in self._active and self._active[cds].kind is not None)

    def _change(self, what: What, row: Listed, lea: Held, differences: list[Difference]) -> None:
        self._changes.append(Change(what=what, on=self._as_of, before=lea, after=row, differences=differences))

    def _judge_missing(self) -> None:
        kinds = {row.kind for row in self._active.values() if _at_home(row)}
        counties = {row.cds[:2] for row in self._active.values()}
        holds_agencies = any(kind != "charter" for kind in kinds)
        absent: list[Held] = []
        for lea in [lea for lea in self._held.values() if lea.is_open and lea.lea_id not in self._seen]:
            row = self._rows.get(lea.cds)
            if row is not None and row.status == "pending":
                self._leave(lea.cds, lea.name, "open in the directory, not open yet in the file")
            elif row is not None:
                self._close(lea, _within(row.closed_on, lea.valid_from, self._as_of))
            elif lea.county_code not in counties:
                continue
            elif lea.kind in kinds:
                absent.append(lea)
            elif holds_agencies and lea.kind != "charter":  # a file of districts says nothing of charters
                self._leave(lea.cds, lea.name, "not in the file, but neither is any other of its kind")
        self._judge_absent(absent)

    def _close(self, lea: Held, on: date) -> None:
        if on <= lea.valid_from:
            self._leave(lea.cds, lea.name, f"closed by the file, but what the directory has began on {lea.valid_from}")
        else:
            self._changes.append(Change(what="closed", on=on, before=lea, after=None))

    def _judge_absent(self, absent: Sequence[Held]) -> None:
        open_by_kind = Counter(lea.kind for lea in self._held.values() if lea.is_open)
        absent_by_kind = Counter(lea.kind for lea in absent)
        for lea in absent:
            missing, there = absent_by_kind[lea.kind], open_by_kind[lea.kind]
            if missing >= FEWEST_OF_A_WHOLE_FILE and missing * 2 > there:
                self._leave(lea.cds, lea.name, f"not in the file, but neither are {missing} of {there} of its kind")
            else:
                self._close(lea, self._as_of)


def _at_home(row: Listed) -> bool:
    return row.cds.startswith(HOME_COUNTY)


def _predecessors(held: Iterable[Held], transfers: Mapping[str, str]) -> dict[tuple[str, str | None], list[Held]]:
    """The LEAs that could stand behind a new code, by what would give them away."""
    found: dict[tuple[str, str | None], list[Held]] = {}
    for lea in held:
        if lea.cds in transfers:
            found.setdefault(("transfer", transfers[lea.cds]), []).append(lea)
        if lea.kind == "charter" and lea.charter_number:
            found.setdefault(("charter", lea.charter_number), []).append(lea)
        elif lea.kind != "charter" and lea.nces:
            found.setdefault(("nces", lea.nces), []).append(lea)
    return found


def _differences(lea: Held, row: Listed) -> Iterable[Difference]:
    for field in COMPARED:
        before, after = getattr(lea, field), getattr(row, field)
        if after is not None and after != before:
            yield Difference(field=field, before=before, after=after)


def _within(day: date | None, after: date, as_of: date) -> date:
    """*day* where the file gives one that can be: later than *after* and not later than the file; else the file's."""
    return day if day is not None and after < day <= as_of else as_of
