"""``equityaccess staff``: invites people to the pages, also when no other way to sign in works."""

import argparse
import asyncio
import sys
from typing import get_args

from equityaccess.commands.operator import operator
from equityaccess.commands.server import database_url
from equityaccess.settings import Settings
from equityaccess.signin.structs import Role

_DESCRIPTION = """\
Invites somebody to the pages with a link. It works once, for 15 minutes: send it by a way that you trust, and only to
whom it is for. Who made it and who used it is on record."""
_EXAMPLES = """\
  equityaccess staff invite --role technology_office
  equityaccess staff invite --role district --lea 19642120000000 --url https://equityaccess.example"""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The command ``staff invite``."""
    staff = subparsers.add_parser(
        "staff",
        help="invite people to the pages",
        description=_DESCRIPTION,
        epilog=f"examples:\n{_EXAMPLES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = staff.add_subparsers(dest="action", required=True, metavar="ACTION", title="actions")
    invite = actions.add_parser("invite", help="make a link that signs in once, within 15 minutes")
    invite.add_argument("--role", required=True, choices=get_args(Role), help="what the person may see and do")
    lea = "an LEA's CDS code, for the role district; may be repeated"
    invite.add_argument("--lea", action="append", default=[], metavar="CODE", help=lea)
    url = "where the service answers people (default: http://127.0.0.1:8000)"
    invite.add_argument("--url", default="http://127.0.0.1:8000", help=url)


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Make the link that *args* ask for. Raises Invalid."""
    with database_url(settings) as ready:
        return asyncio.run(_run(args, ready))


async def _run(args: argparse.Namespace, settings: Settings) -> int:
    from equityaccess import clock
    from equityaccess.database import connect
    from equityaccess.migrate import demand_revision
    from equityaccess.signin.entering import invite

    await demand_revision(settings.database_url)
    db = await connect(settings)
    try:
        async with db.transaction(every_lea=True) as tx:
            link = await invite(tx, args.role, args.lea, origin=operator(), now=clock.now())
    finally:
        await db.close()
    # Told only now that it is committed. The link goes to stdout alone, so that a script can catch it.
    print(f"This link signs in once, until {link.expires_at:%H:%M} UTC:", file=sys.stderr)
    print(link.address(args.url))
    return 0
