"""Who is calling: a guard for every route under /v1, and the dependency that hands the caller to its handler."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, cast

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.types import Message, Scope

from equityaccess import clock
from equityaccess.access import rules, store
from equityaccess.access.limits import Limits
from equityaccess.access.quota import Share
from equityaccess.access.structs import Caller
from equityaccess.database import Database, Transaction
from equityaccess.problems import NotAuthenticated, RepeatedParameter, TooManyRequests

_PATIENCE_S = 2.0  # one row by its key: a database that needs longer is not well, and others wait behind this
_HOW = "Send `Authorization: Bearer eqa_live_…` with the key that the county office gave you."


async def authenticated(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """A guard: exactly one valid key in ``Authorization``, within its quota. Needs ``app.state.db`` and ``.limits``.

    Raises RepeatedParameter, NotAuthenticated or TooManyRequests.
    """
    await let_in(connection, _secret(connection))


LookUp = Callable[[Transaction, bytes, datetime], Awaitable[Caller | None]]


async def let_in(connection: ASGIConnection[Any, Any, Any, Any], secret: str, look_up: LookUp | None = None) -> Caller:
    """The holder of *secret*, which is well formed: valid now, and within every limit. *look_up* knows other secrets.

    Raises NotAuthenticated or TooManyRequests.
    """
    state, now = connection.scope["state"], clock.now()
    limits: Limits = connection.app.state.limits
    fingerprint = rules.fingerprint(secret)
    address = rules.address(connection.client.host if connection.client else "")
    db: Database = connection.app.state.db
    with limits.asking(fingerprint, address, now) as share:
        if share is not None:
            state |= {"known": limits.known(fingerprint), "share": share}
            raise _turned_away(share)
        async with db.transaction(patience_s=_PATIENCE_S) as tx:
            look_up = look_up or (store.authenticate if rules.is_key(secret) else store.authenticate_token)
            caller = await look_up(tx, fingerprint, now)
            share = await limits.count(tx, fingerprint, caller, address, now)
    state |= {"known": caller, "share": share}  # on record from here on, whether or not it may go on
    if not share.is_within:
        raise _turned_away(share)
    if caller is None:
        raise NotAuthenticated("This key is not known here: it may be of another installation, or was deleted.")
    if reason := rules.reason_to_refuse(caller, now):
        raise NotAuthenticated(f"{reason.detail} {reason.suggestion}", errors=[reason])
    state["caller"] = caller
    return caller


def _turned_away(share: Share) -> TooManyRequests:
    whose = "This key may send" if share.policy == "default" else "With unknown keys, this address may send"
    return TooManyRequests(
        f"{whose} {share.limit} requests a minute. Come back in {share.grows_in_s} s.",
        headers={"Retry-After": str(share.grows_in_s)},
    )


def _secret(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    sent = [value for name, value in connection.scope["headers"] if name == b"authorization"]
    if len(sent) > 1:
        raise RepeatedParameter("The header Authorization was sent twice; which key is meant is not certain.")
    if not sent:
        leaked = any(value.startswith("eqa_live_") for _, value in connection.query_params.multi_items())
        warning = (
            " A key in the address is never read, and is now in logs along the way: have it revoked." if leaked else ""
        )
        raise NotAuthenticated(f"There is no key in this request. {_HOW}{warning}")
    scheme, _, secret = sent[0].decode("latin-1").partition(" ")
    if scheme.lower() != "bearer":
        raise NotAuthenticated(f"The header Authorization must be of the scheme Bearer. {_HOW}")
    if not rules.well_formed(secret.strip()):
        raise NotAuthenticated("This is not a key of ours: it is cut short or mistyped, for its checksum does not fit.")
    return secret.strip()


async def provide_caller(request: Request[Any, Any, Any]) -> Caller:
    """The caller that the guard let in; none where no guard stood."""
    caller = request.scope["state"].get("caller")
    if caller is None:
        raise NotAuthenticated(_HOW)
    return cast("Caller", caller)


async def show_share(message: Message, scope: Scope) -> None:
    """A ``before_send`` hook: every answer to a key says how much that key may still ask."""
    share: Share | None = scope.get("state", {}).get("share")
    if share is not None and message["type"] == "http.response.start":
        fields = [(name.lower().encode(), value.encode()) for name, value in share.headers().items()]
        message["headers"] = [*message["headers"], *fields]
