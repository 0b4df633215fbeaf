"""``equityaccess demo``: the whole product on one machine, with real LEAs and sample figures."""

import argparse
import sys
from pathlib import Path

from equityaccess.settings import Settings

_DESCRIPTION = """\
Shows the whole product on this machine: PostgreSQL, the API and the scheduler, the real directory, enrollment and ACS
2014-2018 baseline, a year of SAMPLE pushes and SAMPLE waves of BEST. It prints the address, two keys and what to try
next.

It keeps to a folder of its own and never touches EQUITYACCESS_DATABASE_URL. Started again, it keeps what is there,
adds the sample of the days since, and makes new keys. ^C stops everything."""
_EXAMPLES = """\
examples:
  equityaccess demo
  equityaccess demo --port 8741 --data-dir ./try-it
  equityaccess demo --reset"""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The command ``demo``."""
    parser = subparsers.add_parser(
        "demo",
        help="try it: everything on this machine, with sample figures",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--port", type=int, default=8000, help="where the API answers, on 127.0.0.1 (default: 8000)")
    parser.add_argument("--reset", action="store_true", help="start from nothing: delete what an earlier demo kept")


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Set it up, tell what to try, and keep it running until it is told to stop."""
    from equityaccess.commands.children import ChildEndedError
    from equityaccess.commands.folder import NotOursError
    from equityaccess.commands.stage import PushRefusedError, play

    try:
        play(_folder(settings), settings, port=_free(args.port), reset=args.reset)
    except (_PortTakenError, NotOursError, ChildEndedError, PushRefusedError) as error:
        print(f"equityaccess demo: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nStopped. `equityaccess demo` goes on from here; --reset starts from nothing.")
    return 0


class _PortTakenError(RuntimeError):
    """The API cannot listen there."""


def _free(port: int) -> int:
    """*port*, which nobody uses. Raises _PortTakenError."""
    import os
    import socket

    if not 1 <= port <= 65_535:
        raise _PortTakenError(f"{port} is not a port that the printed commands could name: choose one from 1 to 65535.")
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError as error:
        why = os.strerror(error.errno or 0)
        raise _PortTakenError(f"Port {port} cannot be used ({why}): choose another with --port.") from None
    return port


def _folder(settings: Settings) -> Path:
    """The folder that was named, else one beside the program's ordinary data."""
    import platformdirs

    return Path(settings.data_dir or platformdirs.user_data_path("equityaccess-demo"))
