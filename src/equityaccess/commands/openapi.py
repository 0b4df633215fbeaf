"""``equityaccess openapi``: the contract on paper, and whether it is still what the service serves."""

import argparse
import difflib
import sys
from typing import Final

from equityaccess.settings import Settings

_DIFFERENCE_LINES: Final = 60


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The command ``openapi``."""
    parser = subparsers.add_parser(
        "openapi",
        help="print the API's contract, compare it, or write it",
        description="Prints the OpenAPI document that this version serves.",
        epilog="openapi/README.md says what is a breaking change.",
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--check", action="store_true", help="compare it with openapi/openapi.json; exit with 1 if it differs"
    )
    what.add_argument("--write", action="store_true", help="write it to openapi/openapi.json")


def run(args: argparse.Namespace, _settings: Settings) -> int:
    """Print, compare or write the contract; it needs no database."""
    from equityaccess import openapi
    from equityaccess.app import contract
    from equityaccess.bundled import bundled

    body = contract().body
    if args.check:
        return _compare(openapi.committed(), body)
    if args.write:
        (bundled("openapi") / "openapi.json").write_bytes(body)
        return 0
    sys.stdout.buffer.write(body)
    return 0


def _compare(committed: bytes, served: bytes) -> int:
    if committed == served:
        print("openapi/openapi.json is what the service serves.")
        return 0
    lines = difflib.unified_diff(
        committed.decode().splitlines(),
        served.decode().splitlines(),
        "openapi/openapi.json",
        "served",
        lineterm="",
        n=2,
    )
    shown = list(lines)
    print("\n".join(shown[:_DIFFERENCE_LINES]), file=sys.stderr)
    if len(shown) > _DIFFERENCE_LINES:
        print(f"... and {len(shown) - _DIFFERENCE_LINES} more lines", file=sys.stderr)
    print(
        "openapi/openapi.json is not what the service serves. If the change is meant, read openapi/README.md, "
        "add it to the log there, and run `equityaccess openapi --write`.",
        file=sys.stderr,
    )
    return 1
