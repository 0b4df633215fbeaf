"""``equityaccess migrate``: brings the database to the schema that this code needs."""

import argparse
import asyncio
import sys
from pathlib import Path

from equityaccess.commands.server import database_url
from equityaccess.settings import Settings

_DESCRIPTION = """\
Creates the roles and tables, or moves them to the version that this code needs. Safe to run again.

EQUITYACCESS_DATABASE_URL has to log in as an administrator for this one command. The service itself should use a
login that can do less; --login makes one, or gives it a new password."""
_EXAMPLES = """\
  equityaccess migrate
  equityaccess migrate --login equityaccess_api --password-file /run/secrets/api_password"""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The command ``migrate``."""
    parser = subparsers.add_parser(
        "migrate",
        help="create or update the tables",
        description=_DESCRIPTION,
        epilog=f"example:\n{_EXAMPLES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--login", metavar="NAME", help="also create this login for serve and scheduler")
    parser.add_argument("--password-file", metavar="FILE", type=Path, help="the file with the password of --login")


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Migrate, and say from where to where."""
    from equityaccess.migrate import allow_login, migrate_now

    if bool(args.login) != bool(args.password_file):
        print("equityaccess migrate: --login and --password-file go together", file=sys.stderr)
        return 2
    with database_url(settings) as ready:
        before, after = migrate_now(ready.database_url)
        print(
            f"The schema is at revision {after}"
            + (", as before." if before == after else f" (was {before or 'empty'}).")
        )
        if args.login:
            try:
                asyncio.run(allow_login(ready.database_url, args.login, args.password_file.read_text().strip()))
            except ValueError as error:
                print(f"equityaccess migrate: {error}", file=sys.stderr)
                return 2
            print(f"{args.login} may log in for serve and scheduler.")
    return 0
