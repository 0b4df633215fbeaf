"""Brings the catalogue up to the reference files: rows are added and corrected, never removed."""

from collections import Counter
from collections.abc import Sequence

from equityaccess.catalogue.reference import as_json, read_reference, reference_folder
from equityaccess.catalogue.store import sql
from equityaccess.catalogue.structs import IndicatorRow, StudentGroupRow, TargetRow
from equityaccess.database import Transaction


def told(table: str, actions: Sequence[str]) -> list[str]:
    """What ``merge_action()`` said about *table*, in a line; none when nothing changed."""
    times = Counter(actions)
    said = [
        f"{times[action]:,} {word}"
        for action, word in (("INSERT", "added"), ("UPDATE", "updated"), ("DELETE", "removed"))
        if times[action]
    ]
    return [f"{table}: {', '.join(said)}"] if said else []


async def seed_catalogue(tx: Transaction) -> list[str]:
    """Student groups, indicators and targets as the reference files have them; what changed, a line a table."""
    folder = reference_folder()
    groups = read_reference(folder / "student_groups.csv", StudentGroupRow)
    indicators = read_reference(folder / "indicators.csv", IndicatorRow)
    targets = read_reference(folder / "targets.csv", TargetRow)
    return [
        *told("student_group", await tx.values(sql.merge_student_groups, rows=as_json(groups))),
        *told("indicator", await tx.values(sql.merge_indicators, rows=as_json(indicators))),
        *told("target", await tx.values(sql.merge_targets, rows=as_json(targets))),
    ]
