"""``/my/keys`` and ``/admin/keys``: keys are made, replaced and revoked; a secret is shown once, where it was made."""

from typing import Any, Final
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from equityaccess import clock
from equityaccess.access import store
from equityaccess.access.issue import issue_key, revoke_key
from equityaccess.access.structs import LONGEST_LABEL, Caller, IssuedKey, Key, KeyIn
from equityaccess.audit.recording import on_record
from equityaccess.audit.structs import Origin
from equityaccess.dashboard import forms
from equityaccess.dashboard.doors import FOR_ADMIN, FOR_DISTRICT
from equityaccess.dashboard.rendering import page
from equityaccess.database import Database, Transaction
from equityaccess.leas import store as leas
from equityaccess.problems import NotFound

_SHOWN: Final = 200
_MINE: Final = "/my/keys"
_EVERY: Final = "/admin/keys"


@get(_MINE, operation_id="show_my_keys", include_in_schema=False, opt=FOR_DISTRICT)
async def show_my_keys(
    request: Request[Any, Any, Any], caller: NamedDependency[Caller], db: NamedDependency[Database]
) -> Response[Any]:
    """The keys that speak for the district's own LEAs alone."""
    async with db.transaction(every_lea=True) as tx:
        keys = await _mine(tx, caller)
    return page(request, "keys.html", keys=keys, issued=None, place=_MINE)


@post(_MINE, operation_id="make_my_key", include_in_schema=False, opt=FOR_DISTRICT)
async def make_my_key(
    request: Request[Any, Any, Any],
    caller: NamedDependency[Caller],
    origin: NamedDependency[Origin],
    db: NamedDependency[Database],
) -> Response[Any]:
    """A new key that pushes for every LEA of the session."""
    now = clock.now()
    label = (await forms.fields(request)).get("label", "")
    if not label or len(label) > LONGEST_LABEL:
        raise forms.wrong(
            "invalid-value", f"Say in at most {LONGEST_LABEL} letters which system the key is for.", "label"
        )
    async with db.transaction(every_lea=True) as tx:
        codes = await leas.codes(tx, clock.today(now))
        wanted = KeyIn(scopes=["push"], leas=[codes[lea_id] for lea_id in caller.lea_ids], label=label)
        issued = await issue_key(tx, wanted, created_by=origin.actor, now=now, origin=origin)
        keys = await _mine(tx, caller)
    on_record(request)
    return page(request, "keys.html", keys=keys, issued=issued, place=_MINE)


@post(_MINE + "/{key_id:uuid}/replace", operation_id="replace_my_key", include_in_schema=False, opt=FOR_DISTRICT)
async def replace_my_key(
    request: Request[Any, Any, Any],
    caller: NamedDependency[Caller],
    origin: NamedDependency[Origin],
    db: NamedDependency[Database],
    key_id: FromPath[UUID],
) -> Response[Any]:
    """A key like this one; both work until this one is revoked."""
    async with db.transaction(every_lea=True) as tx:
        issued = await _replace(tx, await _own(tx, caller, key_id), origin)
        keys = await _mine(tx, caller)
    on_record(request)
    return page(request, "keys.html", keys=keys, issued=issued, place=_MINE)


@post(_MINE + "/{key_id:uuid}/revoke", operation_id="revoke_my_key", include_in_schema=False, opt=FOR_DISTRICT)
async def revoke_my_key(
    request: Request[Any, Any, Any],
    caller: NamedDependency[Caller],
    origin: NamedDependency[Origin],
    db: NamedDependency[Database],
    key_id: FromPath[UUID],
) -> Redirect:
    """The key stops working at once."""
    async with db.transaction(every_lea=True) as tx:
        await _own(tx, caller, key_id)
        await revoke_key(tx, key_id, origin=origin, now=clock.now())
    on_record(request)
    return Redirect(_MINE, status_code=303)


@get(_EVERY, operation_id="show_keys", include_in_schema=False, opt=FOR_ADMIN)
async def show_keys(request: Request[Any, Any, Any], db: NamedDependency[Database]) -> Response[Any]:
    """Every key, and when it was last used."""
    async with db.transaction(every_lea=True) as tx:
        keys = await store.list_keys(tx, clock.now(), limit=_SHOWN)
    return page(request, "keys.html", keys=keys, issued=None, place=_EVERY)


@post(_EVERY + "/{key_id:uuid}/replace", operation_id="replace_key", include_in_schema=False, opt=FOR_ADMIN)
async def replace_key(
    request: Request[Any, Any, Any],
    origin: NamedDependency[Origin],
    db: NamedDependency[Database],
    key_id: FromPath[UUID],
) -> Response[Any]:
    """A key like this one; both work until this one is revoked."""
    async with db.transaction(every_lea=True) as tx:
        issued = await _replace(tx, _known(await store.find_key(tx, key_id, clock.now())), origin)
        keys = await store.list_keys(tx, clock.now(), limit=_SHOWN)
    on_record(request)
    return page(request, "keys.html", keys=keys, issued=issued, place=_EVERY)


@post(_EVERY + "/{key_id:uuid}/revoke", operation_id="revoke_any_key", include_in_schema=False, opt=FOR_ADMIN)
async def revoke_any_key(
    request: Request[Any, Any, Any],
    origin: NamedDependency[Origin],
    db: NamedDependency[Database],
    key_id: FromPath[UUID],
) -> Redirect:
    """The key stops working at once."""
    async with db.transaction(every_lea=True) as tx:
        _known(await revoke_key(tx, key_id, origin=origin, now=clock.now()))
    on_record(request)
    return Redirect(_EVERY, status_code=303)


async def _mine(tx: Transaction, caller: Caller) -> list[Key]:
    return await store.keys_within(tx, clock.now(), caller.lea_ids, _SHOWN)


async def _own(tx: Transaction, caller: Caller, key_id: UUID) -> Key:
    """The key, if it speaks for no LEA but the caller's. Raises NotFound."""
    return _known(next((key for key in await _mine(tx, caller) if key.key_id == key_id), None))


def _known(key: Key | None) -> Key:
    if key is None:
        raise NotFound("There is no such key.")
    return key


async def _replace(tx: Transaction, key: Key, origin: Origin) -> IssuedKey:
    wanted = KeyIn(scopes=key.scopes, leas=key.leas, label=key.label)
    return await issue_key(tx, wanted, created_by=origin.actor, now=clock.now(), origin=origin)


ROUTES = [show_my_keys, make_my_key, replace_my_key, revoke_my_key, show_keys, replace_key, revoke_any_key]
