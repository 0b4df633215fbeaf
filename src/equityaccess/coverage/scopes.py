"""Whose figures a caller may read, for routes and pages alike: the first of the two walls."""

from contextlib import AbstractAsyncContextManager
from typing import get_args

import msgspec

from equityaccess.access.rules import lea_named
from equityaccess.access.store import lea_codes
from equityaccess.access.structs import Caller
from equityaccess.coverage import store
from equityaccess.coverage.store import Pair
from equityaccess.database import Database, Transaction
from equityaccess.leas.structs import Kind
from equityaccess.problems import NotAllowed
from equityaccess.web import wrong_parameter

KINDS = get_args(Kind)


class Scoped(msgspec.Struct, frozen=True, kw_only=True):
    """A scope that the caller may read."""

    code: str
    name: str
    lea_id: int | None = None
    kind: str | None = None

    @property
    def stored(self) -> str:
        """What the aggregated figures of the scope are filed under."""
        return self.kind or "county"


def reading(db: Database, caller: Caller, scope: str) -> AbstractAsyncContextManager[Transaction]:
    """A transaction for the figures of *scope*: the county's add up every LEA, all others stay behind the second wall.

    `scope_of` is the first: it refuses a scope that the caller may not read.
    """
    if scope == "county" or caller.sees_every_lea:
        return db.transaction(leas=caller.lea_ids, role="aggregator")
    return db.transaction(leas=caller.lea_ids)


async def scope_of(tx: Transaction, scope: str, caller: Caller) -> Scoped:
    """The scope, if the caller may read it. Raises Invalid for none, NotAllowed for another's."""
    if scope == "county":
        return Scoped(code=scope, name="Los Angeles County")
    if scope in KINDS:
        if not caller.sees_every_lea:
            raise NotAllowed("The figures of a kind of LEA are for the county: some kinds are one LEA alone.")
        return Scoped(code=scope, name=scope.replace("_", " "), kind=scope)
    lea = lea_named(scope, await lea_codes(tx), "/query/scope")
    if lea.lea_id not in caller.lea_ids and not caller.sees_every_lea:
        raise NotAllowed(f"This key does not speak for {lea.name}. It reads the county and its own LEA.")
    return Scoped(code=lea.code, name=lea.name, lea_id=lea.lea_id)


def is_own(scoped: Scoped, caller: Caller) -> bool:
    """Whether small groups are shown: what is not published is for those whose own it is, and for the county."""
    return scoped.lea_id is not None or caller.sees_every_lea


async def demand_known(tx: Transaction, pair: Pair) -> None:
    """Raise Invalid for an indicator or a group that does not exist: an empty answer would look like no coverage."""
    known = {"indicator": await store.indicators(tx), "student_group": await store.groups(tx)}
    for name, value in msgspec.structs.asdict(pair).items():
        if value is not None and value not in known[name]:
            raise wrong_parameter(
                name,
                f"unknown-{name.replace('_', '-')}",
                f"{value!r} is not known; known are {', '.join(known[name])}.",
            )
