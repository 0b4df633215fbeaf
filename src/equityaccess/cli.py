"""The ``equityaccess`` command: finds the command, reads the settings, turns known errors into one clear line."""

import argparse
import os
import sys
from collections.abc import Sequence

import msgspec

from equityaccess import __version__
from equityaccess.commands import (
    audit,
    backup,
    demo,
    directory,
    keys,
    migrate,
    onboarding,
    openapi,
    push,
    restore,
    scheduler,
    seed,
    serve,
    staff,
    triage,
)
from equityaccess.settings import SettingsError, from_environment

# Each has add_parser(subparsers) and run(args, settings).
_COMMANDS = (
    demo,
    serve,
    scheduler,
    migrate,
    seed,
    directory,
    onboarding,
    keys,
    staff,
    triage,
    audit,
    backup,
    restore,
    push,
    openapi,
)
_WITHOUT_DATABASE = frozenset({"push", "openapi"})
_DESCRIPTION = """\
Tracks how far a county's districts are from connecting everyone, and their onboarding to BEST.

A district pushes counts to a running service; the county runs the service."""
_EXAMPLES = """\
to try it:       equityaccess demo
a district:      EQUITYACCESS_KEY=eqa_live_... equityaccess push counts.csv --url https://... --dry-run
the county:      equityaccess migrate && equityaccess seed
                 equityaccess keys create --lea 19642120000000 --scope push
                 equityaccess staff invite --role technology_office
                 equityaccess serve --port 8000     and, beside it:     equityaccess scheduler

Settings are EQUITYACCESS_* variables. Without EQUITYACCESS_DATABASE_URL a PostgreSQL of its own is started."""


def parser() -> argparse.ArgumentParser:
    """The whole command line, with help for people who run a district's computers."""
    top = argparse.ArgumentParser(
        prog="equityaccess",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"equityaccess {__version__}")
    where = "where the program's own PostgreSQL keeps its files (EQUITYACCESS_DATA_DIR)"
    top.add_argument("--data-dir", metavar="DIR", default=None, help=where)
    commands = top.add_subparsers(dest="command", metavar="COMMAND", title="commands", required=True)
    for module in _COMMANDS:
        known = set(commands.choices)
        module.add_parser(commands)
        for name in commands.choices.keys() - known:
            commands.choices[name].set_defaults(run=module.run)
            if name not in _WITHOUT_DATABASE:
                _accept_data_dir(commands.choices[name], where)
    return top


def _accept_data_dir(parser: argparse.ArgumentParser, where: str) -> None:
    """Accept it on either side of the command, and of its part where it has some."""
    parser.add_argument("--data-dir", metavar="DIR", default=argparse.SUPPRESS, help=where)
    for action in parser._actions:  # noqa: SLF001, argparse tells of its parts in no other way
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            for part in action.choices.values():
                _accept_data_dir(part, where)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code is 2 for what the caller has to mend first."""
    args = parser().parse_args(arguments)
    try:
        settings = from_environment(os.environ)
        if args.data_dir:
            settings = msgspec.structs.replace(settings, data_dir=args.data_dir)
        return int(args.run(args, settings))
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        sentence = explained(error)
        if sentence is None:
            raise
        print(f"equityaccess {args.command}: {sentence}", file=sys.stderr)
        return 2


def explained(error: Exception) -> str | None:
    """What to tell a person about *error*, None if it is a defect of ours that deserves its traceback."""
    if isinstance(error, SettingsError):
        return str(error)
    # Imported only now: the help and a push need none of it.
    import asyncpg

    from equityaccess.commands.manifest import BackupError
    from equityaccess.database import UnsafeServer
    from equityaccess.embedded import NoPostgres
    from equityaccess.migrate import SchemaMismatch
    from equityaccess.problems import Refusal
    from equityaccess.scheduler.schedule import ScheduleError

    if isinstance(error, Refusal):
        faults = (f"{problem.detail} {problem.suggestion or ''}".rstrip() for problem in error.errors)
        return "\n  ".join([error.detail, *faults])
    if isinstance(error, NoPostgres | UnsafeServer | SchemaMismatch | ScheduleError | BackupError):
        return str(error)
    refused = (
        asyncpg.PostgresConnectionError,
        asyncpg.CannotConnectNowError,
        asyncpg.TooManyConnectionsError,
        asyncpg.InvalidAuthorizationSpecificationError,
        asyncpg.InvalidCatalogNameError,
        asyncpg.InsufficientPrivilegeError,
        asyncpg.ClientConfigurationError,
    )
    if isinstance(error, refused):
        return f"the database refused: {error}"
    if isinstance(error, ConnectionError | TimeoutError):
        return f"the database does not answer: {error}"
    if isinstance(error, OSError):
        return f"{error.strerror}: {error.filename}" if error.filename else str(error)
    return None
