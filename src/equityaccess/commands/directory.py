"""``equityaccess directory import``: brings the directory of LEAs up to a file of the state's."""

import argparse
import asyncio
import sys
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from equityaccess.commands.operator import operator
from equityaccess.commands.server import database_url
from equityaccess.settings import Settings

if TYPE_CHECKING:
    from equityaccess.leas.changes import Change, Comparison, DirectoryFile

_DESCRIPTION = """\
Compares a school directory of the California Department of Education with the directory of this service, and prints
what would be added, renamed, closed, moved or changed. Nothing is written without --apply.

Reads pubschls and pubdistricts as tab-separated text, comma-separated text or xlsx, of any year. A file of districts
closes no charters. Names, telephones and addresses of people are not read. What the file leaves open is listed for a
person to decide, and stays as it is."""
_EXAMPLES = """\
  equityaccess directory import pubschls.txt
  equityaccess directory import pubdistricts.txt --as-of 2026-11-01 --apply"""
_HEADINGS = {
    "added": "Added",
    "moved": "Moved, with a new code",
    "renamed": "Renamed",
    "changed": "Changed",
    "reopened": "Open again",
    "closed": "Closed",
}
_LISTED_REFUSALS = 20


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The command ``directory`` with its one part, ``import``."""
    directory = subparsers.add_parser("directory", help="bring the directory of LEAs up to a file of the state's")
    parts = directory.add_subparsers(dest="part", metavar="import", required=True)
    parser = parts.add_parser(
        "import",
        help="compare a file with the directory; write it with --apply",
        description=_DESCRIPTION,
        epilog=f"example:\n{_EXAMPLES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", metavar="FILE", type=Path, help="pubschls or pubdistricts, .txt, .csv or .xlsx")
    parser.add_argument(
        "--as-of",
        metavar="DATE",
        type=date.fromisoformat,
        help="the day the file is of, as 2026-11-01; by default that of its newest row",
    )
    parser.add_argument("--apply", action="store_true", help="write the changes; without it they are only shown")


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Show the changes, and write them if asked to; 1 when rows were refused or nothing could be written."""
    from equityaccess import clock
    from equityaccess.leas.cde_file import UnreadableFile, read_directory
    from equityaccess.leas.directory import NotApplied, day_of

    try:
        file = read_directory(args.file)
        as_of = day_of(file, args.as_of, clock.today())
        for line in _refusals(file):
            print(line, file=sys.stderr)
        with database_url(settings) as ready:
            compared = asyncio.run(_compare(ready, file, as_of))
            for line in told(compared):
                print(line)
            if args.apply:
                asyncio.run(_apply(ready, file, as_of))
    except (UnreadableFile, NotApplied) as error:
        print(f"equityaccess directory import: {error}.", file=sys.stderr)
        return 1
    would = (
        f"--apply would be refused: {compared.obstacle}"
        if compared.obstacle
        else f"--apply would write it as of {as_of}"
    )
    print(f"Written as of {as_of}." if args.apply else f"Nothing was written. {would}.")
    return 1 if file.refused else 0


async def _compare(settings: Settings, file: "DirectoryFile", as_of: date) -> "Comparison":
    from equityaccess.database import connect
    from equityaccess.leas.directory import compare_directory
    from equityaccess.migrate import demand_revision

    await demand_revision(settings.database_url)
    db = await connect(settings, role="owner")
    try:
        return await compare_directory(db, file, as_of)
    finally:
        await db.close()


async def _apply(settings: Settings, file: "DirectoryFile", as_of: date) -> None:
    from equityaccess import clock
    from equityaccess.coverage import store as coverage
    from equityaccess.database import connect
    from equityaccess.leas.directory import apply_directory

    db = await connect(settings, role="owner")
    try:
        await apply_directory(db, file, as_of, clock.today(), operator())
        async with db.transaction() as tx:
            await coverage.mark_all(tx, clock.today())
    finally:
        await db.close()


def _refusals(file: "DirectoryFile") -> Iterable[str]:
    for refused in file.refused[:_LISTED_REFUSALS]:
        yield f"row {refused.row} refused: {refused.reason}"
    if (more := len(file.refused) - _LISTED_REFUSALS) > 0:
        yield f"and {more} more rows refused"


def told(comparison: "Comparison") -> Iterable[str]:
    """The changes for a person to read: what happened, to whom, and what is left to decide."""
    for what, heading in _HEADINGS.items():
        changes = [change for change in comparison.changes if change.what == what]
        if changes:
            yield f"{heading}: {len(changes)}"
            yield from (f"  {change.cds}  {change.name}{_details(change)}" for change in changes)
    if comparison.undecided:
        yield f"For a person to decide: {len(comparison.undecided)}"
        yield from (f"  {one.cds}  {one.name}: {one.reason}" for one in comparison.undecided)
    yield f"Unchanged: {comparison.unchanged_count}. Not open yet: {comparison.pending_count}."


def _details(change: "Change") -> str:
    if change.what == "closed":
        return f" (as of {change.on})"
    if change.what == "added" and change.after is not None:
        kind = str(change.after.kind).replace("_", " ")
        return f" ({kind}{f' of {change.after.authorizer_cds}' if change.after.authorizer_cds else ''}, {change.on})"
    said = [f"{one.field} {one.before or 'unknown'} -> {one.after}" for one in change.differences]
    return f" ({'; '.join(said)})" if said else ""
