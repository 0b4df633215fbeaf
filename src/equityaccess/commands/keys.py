"""``equityaccess keys``: issues, lists and revokes the keys that districts push with."""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, get_args
from uuid import UUID

from equityaccess.access.structs import EXPIRES_IN_DAYS, LONGEST_EXPIRES_IN_DAYS, Key, Scope
from equityaccess.commands.operator import operator
from equityaccess.commands.server import database_url
from equityaccess.settings import Settings

if TYPE_CHECKING:
    from equityaccess.database import Transaction

_PAGE = 500
_HEADINGS = ("KEY ID", "ENDS IN", "STATE", "SCOPES", "EXPIRES", "LAST USED", "LEAS", "LABEL")
_DESCRIPTION = """\
The keys that districts push with. What a key may do, and for which LEAs, comes from the key, never from what is sent
with it. An LEA has at most two live keys: the one in use, and the one that is to replace it."""
_EXAMPLES = """\
  equityaccess keys create --lea 19642120000000 --scope push --label "SIS nightly export"
  equityaccess keys create --scope county --expires-in 30
  equityaccess keys list --lea 19642120000000
  equityaccess keys revoke 9fQx"""
_SCOPES = """\
push: send and read the LEA's own figures; read: read them; county: read every LEA; admin: administer keys; may be
repeated"""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The commands ``keys create``, ``keys list`` and ``keys revoke``."""
    keys = subparsers.add_parser(
        "keys",
        help="issue, list and revoke API keys",
        description=_DESCRIPTION,
        epilog=f"examples:\n{_EXAMPLES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = keys.add_subparsers(dest="action", required=True, metavar="ACTION", title="actions")
    create = actions.add_parser("create", help="issue a key and print its secret, this once")
    create.add_argument("--lea", action="append", default=[], metavar="CODE", help="an LEA's CDS code; may be repeated")
    create.add_argument("--scope", action="append", required=True, choices=get_args(Scope), help=_SCOPES)
    days = f"1 to {LONGEST_EXPIRES_IN_DAYS}, by default {EXPIRES_IN_DAYS}"
    create.add_argument("--expires-in", type=int, default=EXPIRES_IN_DAYS, metavar="DAYS", help=days)
    create.add_argument("--label", default="", metavar="TEXT", help="the system that sends, for instance; no person")
    listing = actions.add_parser("list", help="show the keys, newest first, without their secrets")
    listing.add_argument("--lea", metavar="CODE", help="only the keys of this LEA")
    revoke = actions.add_parser("revoke", help="make a key useless from its next request on")
    revoke.add_argument("key", metavar="KEY_ID", help="the key's id, or the last four characters of its secret")


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Issue, list or revoke, as *args* say. Raises Refusal."""
    with database_url(settings) as ready:
        return asyncio.run(_run(args, ready))


async def _run(args: argparse.Namespace, settings: Settings) -> int:
    from equityaccess.database import connect
    from equityaccess.migrate import demand_revision

    await demand_revision(settings.database_url)
    db = await connect(settings)
    try:
        async with db.transaction(every_lea=True) as tx:
            remarks, lines = await {"create": _create, "list": _list, "revoke": _revoke}[args.action](tx, args)
    finally:
        await db.close()
    # Told only now that it is committed. The secret goes to stdout alone, so that a script can catch it.
    print("".join(f"{remark}\n" for remark in remarks), end="", file=sys.stderr)
    print("".join(f"{line}\n" for line in lines), end="")
    return 0


async def _create(tx: "Transaction", args: argparse.Namespace) -> tuple[list[str], list[str]]:
    from equityaccess import clock
    from equityaccess.access import store
    from equityaccess.access.issue import issue_key
    from equityaccess.access.structs import KeyIn

    wanted = KeyIn(scopes=args.scope, leas=args.lea, expires_in_days=args.expires_in, label=args.label)
    issued = await issue_key(tx, wanted, created_by="the command line", now=clock.now(), origin=operator())
    names = await store.lea_codes(tx)
    holders = ", ".join(f"{names[code].name} ({code})" for code in issued.key.leas) or "every LEA"
    what = f"{', '.join(issued.key.scopes)}, until {issued.key.expires_at:%Y-%m-%d}"
    return [
        f"Key {issued.key.key_id} for {holders}: {what}.",
        "Its secret is shown this once and kept nowhere. Store it now:",
    ], [issued.secret]


async def _list(tx: "Transaction", args: argparse.Namespace) -> tuple[list[str], list[str]]:
    from equityaccess import clock
    from equityaccess.access import rules, store

    now = clock.now()
    lea_id = rules.lea_named(args.lea, await store.lea_codes(tx), "/lea").lea_id if args.lea else None
    keys: list[Key] = []
    page: Sequence[Key] = await store.list_keys(tx, now, lea_id=lea_id, limit=_PAGE)
    while page:
        keys += page
        page = await store.list_keys(tx, now, lea_id=lea_id, limit=_PAGE, after=page[-1].key_id)
    if not keys:
        return ["There are no keys yet." if lea_id is None else "This LEA has no keys."], []
    return [], _aligned([_HEADINGS, *map(_row, keys)])


def _row(key: Key) -> tuple[str, ...]:
    first, *others = key.leas or ["every LEA"]
    return (
        str(key.key_id),
        key.last_four,
        key.state,
        ",".join(key.scopes),
        f"{key.expires_at:%Y-%m-%d}",
        f"{key.last_used_at:%Y-%m-%d %H:%M}" if key.last_used_at else "never",
        f"{first} and {len(others)} more" if others else first,
        key.label,
    )


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


async def _revoke(tx: "Transaction", args: argparse.Namespace) -> tuple[list[str], list[str]]:
    from equityaccess import clock
    from equityaccess.access.issue import revoke_key
    from equityaccess.problems import NotFound

    now = clock.now()
    named = await _named(tx, args.key)
    key = await revoke_key(tx, named, origin=operator(), now=now) if named else None
    if key is None or key.revoked_at is None:
        raise NotFound(f"There is no key {args.key!r}. `equityaccess keys list` shows all.")
    when = (
        "is revoked: its next request is refused"
        if key.revoked_at == now
        else f"was revoked at {key.revoked_at:%F %R} UTC"
    )
    return [], [f"Key {key.key_id} …{key.last_four} {when}."]


async def _named(tx: "Transaction", text: str) -> UUID | None:
    """The key of an id, or of the last four characters of its secret when only one key has them."""
    from equityaccess import clock
    from equityaccess.access import store
    from equityaccess.problems import Conflict

    try:
        return UUID(text)
    except ValueError:
        keys = await store.keys_ending_in(tx, text, clock.now())
    if len(keys) > 1:
        raise Conflict(
            f"{len(keys)} keys end in {text!r}; say which by its id: {', '.join(str(k.key_id) for k in keys)}."
        )
    return keys[0].key_id if keys else None
