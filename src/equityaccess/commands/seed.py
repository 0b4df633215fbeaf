"""``equityaccess seed``: fills the directory and the catalogue from the files that ship with the program."""

import argparse
import asyncio

from equityaccess.commands.operator import operator
from equityaccess.commands.server import database_url
from equityaccess.settings import Settings

_DESCRIPTION = """\
Adds or corrects the reference data: student groups, indicators, targets, LEAs, enrollment, and what every LEA is
expected to report this school year. Prints what changed. Safe to run again; run it after every upgrade."""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The command ``seed``."""
    subparsers.add_parser(
        "seed",
        help="fill the directory and the catalogue",
        description=_DESCRIPTION,
        epilog="example:\n  equityaccess seed",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def run(args: argparse.Namespace, settings: Settings) -> int:  # noqa: ARG001, every command has the same signature
    """Seed, and say what changed."""
    with database_url(settings) as ready:
        for line in asyncio.run(_seed(ready)):
            print(line)
    return 0


async def _seed(settings: Settings) -> list[str]:
    from equityaccess import clock
    from equityaccess.commands.reference import seed_all
    from equityaccess.coverage import store as coverage
    from equityaccess.database import connect
    from equityaccess.migrate import demand_revision

    await demand_revision(settings.database_url)
    db = await connect(settings, role="owner")
    try:
        lines = await seed_all(db, clock.now(), operator())
        async with db.transaction() as tx:  # whatever changed, the figures are worked out anew from it
            await coverage.mark_all(tx, clock.today())
        return lines
    finally:
        await db.close()
