"""The second door, for programs that know OAuth 2.0: a key is exchanged for a token that lives for half an hour."""

import secrets
from datetime import timedelta
from typing import Any, Final

from litestar import Request, Response, post
from litestar.di import NamedDependency

from equityaccess import clock, guards
from equityaccess.access import auth, grant, rules, store
from equityaccess.access.grant import Grant, GrantRefused
from equityaccess.access.structs import Caller, Token, TokenRefusal, TokenRequest
from equityaccess.audit import recording
from equityaccess.audit import store as audit
from equityaccess.audit.structs import Entry
from equityaccess.database import Database
from equityaccess.openapi import JSON, Formats
from equityaccess.problems import (
    Invalid,
    NotAcceptable,
    NotAuthenticated,
    RepeatedParameter,
    TooLarge,
    TooManyRequests,
    TooSlow,
    Unavailable,
    UnsupportedMediaType,
)
from equityaccess.web import demand_media_type, refuses

FORM: Final = "application/x-www-form-urlencoded"
LIVES: Final = timedelta(minutes=30)
_NOT_KEPT: Final = {"Cache-Control": "no-store", "Pragma": "no-cache"}


def _refuse(_: Request[Any, Any, Any], refused: GrantRefused) -> Response[TokenRefusal]:
    content = TokenRefusal(error=refused.error, error_description=refused.description)
    if refused.error != "invalid_client":
        return Response(content, status_code=400, headers=_NOT_KEPT)
    challenge = {"WWW-Authenticate": 'Basic realm="equityaccess", charset="UTF-8"'}
    return Response(content, status_code=401, headers=_NOT_KEPT | challenge)


@post(
    "/oauth/token",
    operation_id="exchange_key",
    tags=["keys"],
    status_code=200,
    guards=[guards.only_declared],
    exception_handlers={GrantRefused: _refuse},
    opt={"formats": Formats(reads={FORM: TokenRequest}, refusals={400: TokenRefusal, 401: TokenRefusal})},
    responses=refuses(
        RepeatedParameter,
        NotAcceptable,
        TooSlow,
        TooLarge,
        UnsupportedMediaType,
        Invalid,
        TooManyRequests,
        Unavailable,
    ),
)
async def exchange_key(request: Request[Any, Any, Any], db: NamedDependency[Database]) -> Response[Token]:
    """Exchange a key for a token: the client credentials of OAuth 2.0 (RFC 6749, section 4.4).

    `client_id` is the id of the key, `client_secret` the key; as a form, or as HTTP Basic. The token is used in the
    place of the key, for half an hour, and ends with it. With `scope` it may do less than the key. This is for programs
    that know OAuth 2.0; the key itself does as well. Refusals are worded as in RFC 6749, so that they understand them.
    """
    demand_media_type(request, (FORM,))
    sent = [value.decode("latin-1") for name, value in request.scope["headers"] if name == b"authorization"]
    asked = grant.read(await request.body(), sent)
    caller = await _holder(request, asked)
    scopes = asked.scopes or sorted(caller.scopes)
    if not set(scopes) <= set(caller.scopes):
        raise GrantRefused("invalid_scope", f"The key has the scope {' '.join(sorted(caller.scopes))}, and no other.")
    now = clock.now()
    until = min(now + LIVES, caller.expires_at)
    secret = rules.new_token(secrets.token_bytes(rules.SECRET_BYTES))
    async with db.transaction(leas=caller.lea_ids) as tx:
        fingerprint = rules.fingerprint(asked.secret)
        if not await store.exchange_key(tx, fingerprint, rules.fingerprint(secret), scopes, until):
            raise GrantRefused("invalid_client", "The key was revoked just now.")
        origin, after = await recording.provide_origin(request), {"scopes": scopes, "expires_at": until}
        await audit.write(
            tx, Entry(origin=origin, action="exchange_key", object="/oauth/token", after=after, status=200)
        )
    recording.on_record(request)
    token = Token(
        access_token=secret,
        token_type="Bearer",  # noqa: S106
        expires_in=int((until - now).total_seconds()),
        scope=" ".join(scopes),
    )
    return Response(token, media_type=JSON, headers=_NOT_KEPT)


async def _holder(request: Request[Any, Any, Any], asked: Grant) -> Caller:
    try:
        caller = await auth.let_in(request, asked.secret)
    except NotAuthenticated as refused:
        raise GrantRefused("invalid_client", refused.detail) from None
    if asked.client_id != str(caller.key_id):
        raise GrantRefused("invalid_client", "The client_id is not the id of this key.")
    return caller


ROUTES = [exchange_key]
