"""``equityaccess push``: sends a file of counts to a service and shows the receipt."""

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from equityaccess.settings import Settings

if TYPE_CHECKING:
    import httpx

    from equityaccess.commands.sending import Parcel, Told

_KEY = "EQUITYACCESS_KEY"
_URL = "EQUITYACCESS_URL"
_PROGRESS_FROM = 1_000_000  # bytes; a shorter file is gone before a bar could move
_DESCRIPTION = f"""\
Sends a file of counts to a service, as one push, and shows the receipt: what was created, updated, unchanged or
refused and why, what it did to coverage, and what is still owed.

The key is read from {_KEY}, never from the command line, where other users of the machine could see it.
Sending the same file again is safe: what is known already is written once."""
_EXAMPLES = f"""\
examples:
  export {_KEY}=eqa_live_...
  equityaccess push counts.csv --url https://equity.example.org --dry-run
  equityaccess push counts.csv --url https://equity.example.org --as-of 2026-11-20 --source "SIS nightly export"

exit codes:
  0  every row was applied, or was known before
  1  something was refused; FILE.refused.csv beside the file lists it
  2  it could not be sent, and nothing was applied"""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The command ``push``."""
    parser = subparsers.add_parser(
        "push",
        help="send a file of counts to a service",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", metavar="FILE", type=Path, help=".csv, .xlsx, .ndjson or .json")
    parser.add_argument("--url", help=f"the service, such as https://equity.example.org ({_URL})")
    parser.add_argument("--dry-run", action="store_true", help="judge it and show the effect, but apply nothing")
    parser.add_argument(
        "--mode", choices=("atomic", "partial"), help="partial applies the good rows; atomic (default) all or none"
    )
    parser.add_argument("--lea", metavar="CODE", help="the CDS code, 14 digits, of rows that name no LEA")
    parser.add_argument("--as-of", metavar="DATE", help="the day, such as 2026-11-20, of rows that name none")
    parser.add_argument("--source", metavar="TEXT", help="where the counts come from, such as 'SIS nightly export'")
    parser.add_argument("--allow-http", action="store_true", help="send the key unencrypted to another machine")


def run(args: argparse.Namespace, _settings: Settings) -> int:
    """Send, and tell what became of it; the exit code is in the help."""
    from equityaccess.commands.sending import NotSentError, check_address, pack, send

    try:
        url, key = _address_and_key(args)
        check_address(url, allow_http=args.allow_http)
        parcel = pack(args.file, _parameters(args))
        with _progress(parcel) as told:
            response = send(url, parcel, key, told)
        return _tell(response, args.file)
    except NotSentError as error:
        print(f"equityaccess push: {error}", file=sys.stderr)
        return 2


def _address_and_key(args: argparse.Namespace) -> tuple[str, str]:
    from equityaccess.commands.sending import NotSentError

    url = args.url or os.environ.get(_URL)
    key = os.environ.get(_KEY, "").strip()
    if not url:
        raise NotSentError(f"Where to? Give --url, or set {_URL}.")
    if not key:
        raise NotSentError(f"Set {_KEY} to your key; the county office gives you one.")
    if not key.isascii() or not key.isprintable():
        raise NotSentError(f"{_KEY} holds characters that no key has.")
    return url, key


def _parameters(args: argparse.Namespace) -> dict[str, str]:
    asked = {"mode": args.mode, "lea": args.lea, "as_of": args.as_of, "source": args.source}
    if args.dry_run:
        asked["dry_run"] = "true"
    return {name: value for name, value in asked.items() if value is not None}


@contextmanager
def _progress(parcel: "Parcel") -> "Iterator[Told]":
    if parcel.size < _PROGRESS_FROM or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(parcel.file.name, total=parcel.size)

        def told(sent: int) -> None:
            done = sent == parcel.size
            bar.update(task, completed=sent, description="waiting for the receipt" if done else parcel.file.name)

        yield told


def _tell(response: "httpx.Response", file: Path) -> int:
    import msgspec

    from equityaccess import clock
    from equityaccess.commands import receipt as shown
    from equityaccess.commands.sending import NotSentError
    from equityaccess.problems import ProblemDetails
    from equityaccess.submissions.structs import Receipt

    out = shown.console()
    try:
        if response.is_success:
            receipt = msgspec.json.decode(response.content, type=Receipt)
            shown.show(receipt, out, clock.today())
            refused, total = receipt.refusals, receipt.refusals_total
        else:
            details = msgspec.json.decode(response.content, type=ProblemDetails)
            refused, total = details.errors, details.errors_total or len(details.errors)
            if not refused and not details.instance:  # not even in the journal
                raise NotSentError(f"{response.status_code} {details.title}. {details.detail}")
            out.print(f"Refused: nothing was applied. {details.detail}", markup=False, soft_wrap=True)
            shown.show_problems("Faults", refused, total, out)
    except msgspec.DecodeError:
        raise NotSentError(
            f"{response.url.host} answered {response.status_code}, but not as this service does: is the URL right?"
        ) from None
    if refused:
        part = f", the first {len(refused):,} of {total:,}" if total > len(refused) else ""
        print(f"\nWhat was refused is in {shown.write_refused(refused, file)}{part}.")
    return 1 if refused or not response.is_success else 0
