"""``equityaccess audit verify``: finds whatever was changed in the log of what was done."""

import argparse
import asyncio
import re
import sys
from typing import TYPE_CHECKING

from equityaccess.commands.server import database_url
from equityaccess.settings import Settings

if TYPE_CHECKING:
    from equityaccess.audit.structs import Report

_PATIENCE_S = 3_600.0  # with one statement over a log of years
_HEAD = re.compile(r"\A[0-9]{1,18}:[0-9a-f]{64}\Z")
_DESCRIPTION = """\
Works out the digest of every entry and the hash of every seal again, and names each entry or seal that was edited,
removed, inserted or moved; the exit code is then 1. Changes nothing.

It prints the head of the chain. Note it where nobody who administers the database may write: with --head the chain has
to run through it, so that not even a log that was rewritten from some point on passes. The job seal-audit says every
head in its log line."""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The command ``audit`` with its one part, ``verify``."""
    audit = subparsers.add_parser("audit", help="verify the log of who did what")
    parts = audit.add_subparsers(dest="part", metavar="verify", required=True)
    parser = parts.add_parser(
        "verify",
        help="find every entry that was edited, removed, inserted or moved",
        description=_DESCRIPTION,
        epilog="example:\n  equityaccess audit verify --head 4711:9f86d0…",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--head", type=_head, metavar="SEAL:HASH", help="a head that was noted earlier")


def _head(text: str) -> str:
    if not _HEAD.match(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a head as `audit verify` prints it: SEAL:HASH")
    return text


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Verify, and say what was found; 1 when anything was."""
    with database_url(settings) as ready:
        report = asyncio.run(_verify(ready, args.head))
    for one in report.findings:
        print(f"{one.what} {one.id} {one.fault}", file=sys.stderr)
    pending = f"; {report.pending} more are not sealed yet" if report.pending else ""
    state = f"{len(report.findings)} FAULTS in" if report.findings else "Nothing was changed in"
    print(f"{state} {report.entries} entries under {report.seals} seals{pending}.")
    print(f"Head: {report.head}")
    return 1 if report.findings else 0


async def _verify(settings: Settings, head: str | None) -> "Report":
    from equityaccess.audit import chain
    from equityaccess.database import connect
    from equityaccess.migrate import demand_revision

    await demand_revision(settings.database_url)
    db = await connect(settings)
    try:
        async with db.transaction(role="aggregator", isolation="repeatable_read", patience_s=_PATIENCE_S) as tx:
            return await chain.verify(tx, head)
    finally:
        await db.close()
