"""``equityaccess onboarding import``: who takes part in BEST, in which wave, going live when."""

import argparse
import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from equityaccess.commands.operator import operator
from equityaccess.commands.server import database_url
from equityaccess.settings import Settings

if TYPE_CHECKING:
    from equityaccess.onboarding.roster import RosterRow

_DESCRIPTION = """\
Reads a CSV file with the columns lea, track (FIN or HCM), wave, go_live_on and, if you like, wave_name and name. `lea`
is a CDS code, or best:CODE for an agency without one, which is added with its name. A wave that moves takes its LEAs
along; what has happened stays. Nobody is taken out."""
_EXAMPLES = "  equityaccess onboarding import roster.csv"


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The command ``onboarding`` with its one part, ``import``."""
    onboarding = subparsers.add_parser("onboarding", help="bring in who takes part in BEST, and when")
    parts = onboarding.add_subparsers(dest="part", metavar="import", required=True)
    parser = parts.add_parser(
        "import",
        help="read waves and who is in them from a CSV file",
        description=_DESCRIPTION,
        epilog=f"example:\n{_EXAMPLES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", metavar="FILE", type=Path, help="the roster, as CSV in UTF-8")
    parser.add_argument("--sample", action="store_true", help="label the waves as sample data wherever they show")


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Bring the roster in, and say what changed; 1 when it has faults, and then nothing was written."""
    from equityaccess.onboarding.roster import UnsoundRoster, read_roster

    try:
        rows = read_roster(args.file)
        with database_url(settings) as ready:
            for line in asyncio.run(_bring_in(ready, rows, is_sample=args.sample)):
                print(line)
    except FileNotFoundError:
        print(f"equityaccess onboarding: there is no file {args.file}.", file=sys.stderr)
        return 2
    except UnsoundRoster as fault:
        print(f"Nothing was written.\n{fault}", file=sys.stderr)
        return 1
    return 0


async def _bring_in(settings: Settings, rows: "list[RosterRow]", *, is_sample: bool) -> list[str]:
    from equityaccess import clock
    from equityaccess.database import connect
    from equityaccess.migrate import demand_revision
    from equityaccess.onboarding.roster import bring_in

    await demand_revision(settings.database_url)
    db = await connect(settings, role="owner")
    try:
        async with db.transaction(role="owner") as tx:
            return await bring_in(tx, rows, operator(), clock.now(), is_sample=is_sample)
    finally:
        await db.close()
