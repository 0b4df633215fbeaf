"""``equityaccess serve``: the API. It never moves the schema and never runs a job."""

import argparse
import asyncio
import socket
import sys
from typing import Final

from equityaccess.commands.server import database_url
from equityaccess.settings import Settings

_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The command ``serve``."""
    parser = subparsers.add_parser(
        "serve",
        help="run the API",
        description="Answers HTTP until it is told to stop (^C or SIGTERM), and then finishes what it has begun. "
        "It needs a migrated database, and leaves the jobs to `equityaccess scheduler`.",
        epilog="example:  equityaccess serve --port 8000 --workers 4",
    )
    parser.add_argument(
        "--host", default="127.0.0.1", help="the address to listen on (default: 127.0.0.1, this machine)"
    )
    parser.add_argument(
        "--port", type=_port, default=8000, help="the port to listen on (default: 8000; 0: any free one)"
    )
    parser.add_argument(
        "--workers", type=_at_least_one, default=1, metavar="N", help="how many processes answer (default: 1)"
    )
    parser.add_argument(
        "--limit-concurrency",
        type=_at_least_one,
        default=512,
        metavar="N",
        help="connections that one worker holds before it answers 503 (default: 512)",
    )


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) < 2**16):
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: a number from 0 to 65535")
    return int(text)


def _at_least_one(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Serve until told to stop.

    Raises SchemaMismatch, UnsafeServer or NoPostgres before anything listens.
    """
    with database_url(settings) as ready:
        asyncio.run(_demand_usable(ready))
        try:
            listening = _listen(args.host, args.port)
        except OSError as error:
            print(f"equityaccess serve: {args.host}:{args.port} cannot be used: {error.strerror}.", file=sys.stderr)
            return 2
        with listening:
            _announce(listening, args.host)
            from equityaccess.commands import workers

            return workers.serve(ready, listening, count=args.workers, limit_concurrency=args.limit_concurrency)


async def _demand_usable(settings: Settings) -> None:
    from equityaccess import database, migrate

    await migrate.demand_revision(settings.database_url)
    pool = await database.connect(settings)
    await pool.close()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=2048)


def _announce(listening: socket.socket, host: str) -> None:
    shown = f"[{host}]" if ":" in host else host
    print(f"equityaccess answers on http://{shown}:{listening.getsockname()[1]} (documentation: /docs)", flush=True)
    if host not in _LOOPBACK:
        print("This is plain HTTP for other machines to reach: put a proxy that speaks TLS before it.", file=sys.stderr)
