"""Whom the county writes to at an LEA: a work address for each role, told by the LEA itself, with no history."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from equityaccess.access import store as access
from equityaccess.access.structs import Caller
from equityaccess.audit import store as audit
from equityaccess.audit.structs import Entry, Origin
from equityaccess.database import Database, Transaction
from equityaccess.leas.store import sql
from equityaccess.problems import NotFound, PreconditionFailed

Role = Literal["sponsor", "project_lead", "finance", "hr_payroll", "technology", "data"]
Address = Annotated[
    str, Meta(max_length=254, pattern=r"\A([A-Za-z0-9._%+'-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63}){1,8})?\Z")
]


class ContactPoint(msgspec.Struct, frozen=True, kw_only=True):
    """The address of a role at an LEA."""

    lea_id: int
    role: Role
    email: str
    told_at: datetime


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What an LEA tells of a role: the address that was shown to it, and the one that holds now. Empty is none."""

    was: Address = ""
    email: Address = ""


async def contact_points(tx: Transaction, lea_id: int | None = None) -> list[ContactPoint]:
    """The contact points of an LEA, or of all that *tx* sees."""
    return await tx.all(sql.contact_points, ContactPoint, lea_id=lea_id)


async def tell(
    db: Database, caller: Caller, origin: Origin, lea: str, told: Mapping[Role, Told], now: datetime
) -> None:
    """Write down what changed for one of the caller's LEAs, all of it or nothing.

    Raises NotFound where the LEA is not the caller's, and PreconditionFailed when an address is not the one shown.
    """
    async with db.transaction(leas=caller.lea_ids) as tx:
        of = await access.lea_of_code(tx, lea)
        if of is None or of.lea_id not in caller.lea_ids:
            raise NotFound("There is no LEA of yours under this code.")
        for role, one in told.items():
            if one.was != one.email:
                await _write(tx, of.lea_id, role, one, now)
                await audit.write(tx, _entry(origin, of.code, role, one))


async def _write(tx: Transaction, lea_id: int, role: Role, one: Told, now: datetime) -> None:
    place: dict[str, Any] = {"lea_id": lea_id, "role": role}
    if not one.was:
        done = await tx.execute(sql.add_contact_point, **place, email=one.email, now=now)
    elif one.email:
        done = await tx.execute(sql.change_contact_point, **place, was=one.was, email=one.email, now=now)
    else:
        done = await tx.execute(sql.remove_contact_point, **place, was=one.was)
    if not done:
        raise PreconditionFailed("Somebody of yours changed an address meanwhile. Look at the page again.")


def _entry(origin: Origin, lea: str, role: Role, one: Told) -> Entry:
    """That it changed, and never the address: the log is for ever, and the address may be a person's."""
    return Entry(
        origin=origin,
        action="tell_contact_point",
        object=f"{lea} {role}",
        codes=[lea],
        before={"is_told": bool(one.was)},
        after={"is_told": bool(one.email)},
    )
