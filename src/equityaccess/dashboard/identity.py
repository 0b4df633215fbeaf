"""Signing in through an identity provider: there with an attempt of this browser, and back with what it stands for."""

import secrets
from datetime import timedelta
from typing import Annotated, Any, Final, cast

import structlog
from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from litestar.response import Redirect

from equityaccess import clock
from equityaccess.access import store as access
from equityaccess.access.rules import lea_named
from equityaccess.audit.recording import on_record, origin_of
from equityaccess.audit.structs import Origin
from equityaccess.dashboard.doors import FOR_EVERYBODY, front_door
from equityaccess.dashboard.rendering import with_session
from equityaccess.database import Database, Transaction
from equityaccess.problems import NotAllowed, NotFound
from equityaccess.settings import Settings
from equityaccess.signin import rules
from equityaccess.signin.asking import Asked
from equityaccess.signin.entering import enter, leave
from equityaccess.signin.id_token import Untrusted, derived, granted, subject
from equityaccess.signin.providers import Grant
from equityaccess.signin.structs import Entitled

_ATTEMPT: Final = "__Host-attempt"
_LIVES_S: Final = 600
_COOKIE: Final = f"Max-Age={_LIVES_S}; Path=/; Secure; HttpOnly; SameSite=Lax"
_NOT_TRUSTED: Final = "Signing in did not work. Begin again, in this browser."
_log = structlog.get_logger()


@get("/sign-in/with/{provider:str}", operation_id="ask_provider", include_in_schema=False, opt=FOR_EVERYBODY)
async def ask_provider(request: Request[Any, Any, Any], provider: FromPath[str]) -> Redirect:
    """Send the browser to its organization, with an attempt that only this browser can finish."""
    attempt = rules.new_secret(secrets.token_bytes(rules.SECRET_BYTES))
    address = await _asked(request, provider).address(attempt, clock.now())
    return Redirect(address, status_code=303, headers={"Set-Cookie": f"{_ATTEMPT}={attempt}; {_COOKIE}"})


@get("/sign-in/from/{provider:str}", operation_id="enter_by_provider", include_in_schema=False, opt=FOR_EVERYBODY)
async def enter_by_provider(
    request: Request[Any, Any, Any],
    provider: FromPath[str],
    db: NamedDependency[Database],
    settings: NamedDependency[Settings],
    code: Annotated[str, QueryParameter(max_length=4_000)] = "",
    returned: Annotated[str, QueryParameter(name="state", max_length=200)] = "",
) -> Response[Any]:
    """Sign in whom the provider vouches for, as what the operator's file says."""
    asked, attempt, now = _asked(request, provider), request.cookies.get(_ATTEMPT, ""), clock.now()
    if not rules.well_formed(attempt) or not secrets.compare_digest(
        returned.encode(), derived(attempt, "state").encode()
    ):
        raise NotAllowed(_NOT_TRUSTED)
    try:
        claims = await asked.claims(code, attempt, now)
    except Untrusted as reason:
        _log.warning("sign_in_refused", provider=provider, reason=str(reason))
        raise NotAllowed(_NOT_TRUSTED) from None
    grant = granted(claims, asked.provider.grants)
    if grant is None:
        raise NotAllowed("Your organization knows you, but nothing here is for you yet. Ask the county office.")
    async with db.transaction(every_lea=True) as tx:
        entitled = await _entitled(tx, grant, subject(claims))
        lives = timedelta(hours=settings.session_hours)
        secret = await enter(tx, entitled, origin=_origin(request, provider), lives=lives, now=now)
        if (before := origin_of(request.scope)) is not None:
            await leave(tx, origin=before, now=now)
    on_record(request)
    return Redirect(front_door(grant.role), status_code=303, headers={"Set-Cookie": with_session(secret)})


def _asked(request: Request[Any, Any, Any], name: str) -> Asked:
    providers = cast("dict[str, Asked]", request.app.state.providers)
    if name not in providers:
        raise NotFound("Nobody signs in that way here.")
    return providers[name]


def _origin(request: Request[Any, Any, Any], provider: str) -> Origin:
    client = request.client
    return Origin(
        actor=f"the provider {provider}",
        address=client.host if client else None,
        request_id=request.scope["state"].get("request_id"),
    )


async def _entitled(tx: Transaction, grant: Grant, who: str) -> Entitled:
    known = await access.lea_codes(tx) if grant.leas else {}
    lea_ids = sorted({lea_named(code, known, "/leas").lea_id for code in grant.leas})
    return Entitled(role=grant.role, lea_ids=lea_ids, subject=who)


ROUTES = [ask_provider, enter_by_provider]
