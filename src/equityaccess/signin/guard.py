"""Who is looking: a guard for every page. It knows the browser by its cookie, and other sites change nothing."""

import secrets
from datetime import datetime, timedelta
from typing import Any, Final, cast

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.types import Scope

from equityaccess.access import auth
from equityaccess.database import Transaction
from equityaccess.problems import NotAllowed, NotAuthenticated
from equityaccess.settings import Settings
from equityaccess.signin import rules, store
from equityaccess.signin.structs import NAMES, Role, Session

_SAFE: Final = frozenset({"GET", "HEAD"})
FORM_FIELD: Final = "form_token"
FORM_HEADER: Final = "X-Form-Token"
_NOT_SIGNED_IN: Final = "You are not signed in, or were signed out because nothing was done for a while."
_FROM_ELSEWHERE: Final = "This was not sent from a page of this service. Open the page again and send it from there."


async def entitled(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """A guard: ``opt={"roles": ...}`` names the roles that a page is for; None is everybody, signed in or not.

    Raises NotAuthenticated, NotAllowed or TooManyRequests.
    """
    if connection.scope.get("method") == "OPTIONS":  # which the framework answers, with what the contract says
        return
    roles: frozenset[Role] | None = handler.opt["roles"]
    is_change = connection.scope.get("method") not in _SAFE
    if is_change and rules.is_from_elsewhere(*_sender(connection)):
        raise NotAllowed(_FROM_ELSEWHERE)
    session = await _session(connection)
    if roles is not None and session is None:
        raise NotAuthenticated(_NOT_SIGNED_IN)
    if session is not None and is_change:
        await _demand_form_token(connection)
    if session is not None and roles is not None and session.role not in roles:
        raise NotAllowed(f"You are signed in for {NAMES[session.role]}; this is for others.")


def _sender(connection: ASGIConnection[Any, Any, Any, Any]) -> tuple[str | None, str | None, str]:
    headers = connection.headers
    return headers.get("Sec-Fetch-Site"), headers.get("Origin"), headers.get("Host", "")


async def _session(connection: ASGIConnection[Any, Any, Any, Any]) -> Session | None:
    """The session of the browser's cookie; one that is over is as none, and its cookie is taken back."""
    secret, state = connection.cookies.get(rules.COOKIE, ""), connection.scope["state"]
    if not rules.well_formed(secret):
        return None
    settings: Settings = connection.app.state.settings
    idle = timedelta(minutes=settings.session_idle_minutes)

    async def look_up(tx: Transaction, fingerprint: bytes, now: datetime) -> Session | None:
        return await store.authenticate(tx, fingerprint, now, idle)

    try:
        session = cast("Session", await auth.let_in(connection, secret, look_up))
    except NotAuthenticated:
        state["known"] = None
        state["session_over"] = True
        return None
    state |= {"caller": session.plain(), "session": session, "session_secret": secret}
    return session


async def _demand_form_token(connection: ASGIConnection[Any, Any, Any, Any]) -> None:
    """Raises NotAllowed unless what is sent shows the token that a form of this session carries."""
    token = connection.headers.get(FORM_HEADER)
    if token is None and isinstance(connection, Request):
        token = str((await connection.form()).get(FORM_FIELD, ""))
    if not rules.is_form_token(token or "", connection.scope["state"]["session_secret"]):
        raise NotAllowed(_FROM_ELSEWHERE)


def session_of(scope: Scope) -> Session | None:
    """Who is signed in, after the guard."""
    session: Session | None = scope["state"].get("session")
    return session


def form_token(scope: Scope) -> str:
    """A token for the forms of this answer; nothing where nobody is signed in."""
    secret = scope["state"].get("session_secret")
    return rules.form_token(secret, secrets.token_bytes(rules.SECRET_BYTES)) if secret else ""
