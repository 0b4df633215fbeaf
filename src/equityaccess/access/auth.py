"""Who is calling: a guard for every route under /v1, and the dependency that hands the caller to its handler."""

from typing import Any, cast

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.types import Message, Scope

from equityaccess import clock
from equityaccess.access import rules, store
from equityaccess.access.quota import Quota, Share
from equityaccess.access.structs import Caller
from equityaccess.database import Database
from equityaccess.problems import NotAuthenticated, RepeatedParameter, TooManyRequests

_PATIENCE_S = 2.0  # one row by its key: a database that needs longer is not well, and others wait behind this
_HOW = "Send `Authorization: Bearer eqa_live_…` with the key that the county office gave you."


async def authenticated(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """A guard: exactly one valid key in ``Authorization``, within its quota. Needs ``app.state.db`` and ``.quota``.

    Raises RepeatedParameter, NotAuthenticated or TooManyRequests.
    """
    secret = _secret(connection)
    now = clock.now()
    db: Database = connection.app.state.db
    async with db.transaction(patience_s=_PATIENCE_S) as tx:
        caller = await store.authenticate(tx, rules.fingerprint(secret), now)
    if caller is None:
        raise NotAuthenticated("This key is not known here: it may be of another installation, or was deleted.")
    connection.scope["state"]["known"] = caller  # on record from here on, whether or not it may go on
    if reason := rules.reason_to_refuse(caller, now):
        raise NotAuthenticated(f"{reason.detail} {reason.suggestion}", errors=[reason])
    quota: Quota = connection.app.state.quota
    share = quota.take(caller.key_id, now)
    connection.scope["state"] |= {"caller": caller, "share": share}
    if not share.is_within:
        raise TooManyRequests(
            f"This key may send {share.limit} requests a minute. Come back in {share.grows_in_s} s.",
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
