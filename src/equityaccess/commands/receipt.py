"""Shows a receipt to a person, and writes the refused rows where they can be mended."""

import csv
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from equityaccess.coverage.structs import Figures, Rounded, Suppressed
from equityaccess.problems import Problem
from equityaccess.sheets import inert
from equityaccess.submissions.structs import Effect, Owed, Receipt

_SHOWN: Final = 20
_HEADER: Final = ("row", "line", "column", "code", "detail", "suggestion", "owner", "sent")
_OUTCOMES: Final = {
    "applied": "Applied",
    "partly_applied": "Applied in part",
    "unchanged": "Nothing changed: the service knew all of it",
    "refused": "Refused: nothing was applied",
    "dry_run": "Dry run: nothing was applied. It would have been",
    "replayed": "Replayed",
    "incomplete": "Broken off: nothing was applied",
}


def console() -> Console:
    """Where receipts are shown; wide enough for the tables also when it is not a terminal."""
    plain = Console(highlight=False)
    return plain if plain.is_terminal else Console(highlight=False, width=max(plain.width, 120))


def show(receipt: Receipt, out: Console, today: date) -> None:
    """Print *receipt*: what became of the rows, what it did to coverage, what is still owed."""
    counts = receipt.counts
    _say(out, f"{_OUTCOMES[receipt.outcome]}: {counts.received:,} rows received.")
    _say(
        out,
        f"  created {counts.created:,}   updated {counts.updated:,}   "
        f"unchanged {counts.unchanged:,}   refused {counts.refused:,}",
    )
    _say(out, f"  receipt {receipt.submission_id}, sha256 {receipt.sha256}")
    show_problems("Refused", receipt.refusals, receipt.refusals_total, out)
    show_problems("Warnings (stored, but worth a look)", receipt.warnings, receipt.warnings_total, out)
    _show_effect(receipt.effect, receipt.effect_total, out)
    _show_owed(receipt.owed, out, today)


def show_problems(title: str, problems: Sequence[Problem], total: int, out: Console) -> None:
    """Print the first *problems*, each with its place and what to do."""
    if not problems:
        return
    _say(out, f"\n{title}: {total:,}" + (f", of which the first {_SHOWN}" if total > _SHOWN else ""))
    for problem in problems[:_SHOWN]:
        said = f"{problem.detail}{_suggested(problem.suggestion)}"
        _say(out, f"  {_place(problem)}: {said} [{problem.code}, for the {_owner(problem)}]")


def _suggested(suggestion: str | None) -> str:
    """What to do, which is a sentence or a value to put instead."""
    if not suggestion:
        return ""
    return f" {suggestion}" if suggestion.endswith(".") else f" Did you mean {suggestion}?"


def write_refused(problems: Iterable[Problem], sent: Path) -> Path:
    """Write *problems* beside the file that was *sent*, each with the refused row's own text; the new file."""
    beside = sent.with_name(sent.name + ".refused.csv")
    problems = list(problems)
    texts = _lines(sent, {problem.line for problem in problems if problem.line})
    with beside.open("w", encoding="utf-8", newline="") as out:
        rows = csv.writer(out)  # its lines end as RFC 4180 says, so that a CR in a text is quoted too
        rows.writerow(_HEADER)
        for one in problems:
            text = texts.get(one.line or 0, "")
            place = one.column or one.pointer
            cells = (one.row, one.line, place, one.code, one.detail, one.suggestion, one.owner, text)
            rows.writerow([inert(cell) for cell in cells])
    return beside


def _lines(file: Path, wanted: set[int]) -> dict[int, str]:
    if not wanted:
        return {}
    last = max(wanted)
    found: dict[int, str] = {}
    with file.open(encoding="utf-8-sig", errors="replace") as content:
        for number, line in enumerate(content, 1):
            if number in wanted:
                found[number] = line.rstrip("\n")
            if number == last:
                break
    return found


def _place(problem: Problem) -> str:
    parts = [
        f"row {problem.row}" if problem.row else "",
        f"line {problem.line}" if problem.line else "",
        problem.column or problem.pointer,
    ]
    return ", ".join(part for part in parts if part) or "the push"


def _owner(problem: Problem) -> str:
    return problem.owner.replace("_", " ")


def _show_effect(effect: Sequence[Effect], total: int, out: Console) -> None:
    if not effect:
        return
    table = Table("LEA", "Indicator", "Group", "LEA before", "after", "County before", "after", box=None)
    table.title, table.title_justify = "\nConfirmed coverage, in percent of those to whom it applies", "left"
    for one in effect[:_SHOWN]:
        figures = (one.lea_before, one.lea_after, one.county_before, one.county_after)
        table.add_row(one.lea, one.indicator, one.student_group, *(_rate(figure) for figure in figures))
    out.print(table)
    if total > _SHOWN:
        _say(out, f"  and {total - _SHOWN:,} more")


def _rate(figures: Figures | None) -> str:
    if figures is None:
        return "not heard"
    if isinstance(figures, Suppressed):
        return "withheld"
    if isinstance(figures, Rounded):
        return f"{figures.confirmed_percent:.1f}"
    return "no people" if figures.confirmed_percent is None else f"{figures.confirmed_percent:.2f}"


def _show_owed(owed: Sequence[Owed], out: Console, today: date) -> None:
    if not owed:
        return
    _say(out, f"\nStill owed: {len(owed):,}")
    for one in owed[:_SHOWN]:
        late = " (overdue)" if one.due_on < today else ""
        _say(out, f"  {one.lea} {one.indicator}: {one.period_from} to {one.period_to}, due {one.due_on}{late}")
    if len(owed) > _SHOWN:
        _say(out, f"  and {len(owed) - _SHOWN:,} more")


def _say(out: Console, text: str) -> None:
    out.print(text, markup=False, soft_wrap=True)
