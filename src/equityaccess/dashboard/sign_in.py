"""Signing in and out. A link is opened in two steps, so that a mail scanner that follows it does not use it up."""

from datetime import timedelta
from typing import Annotated, Any, Final

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from litestar.response import Redirect

from equityaccess import clock
from equityaccess.audit.recording import on_record, origin_of
from equityaccess.audit.structs import Origin
from equityaccess.dashboard.doors import FOR_EVERYBODY, front_door
from equityaccess.dashboard.rendering import page, with_session, without_session
from equityaccess.database import Database
from equityaccess.settings import Settings
from equityaccess.signin.entering import enter_by_link, leave

_LINK_FIELD: Final = "link"


@get("/sign-in", operation_id="show_sign_in", include_in_schema=False, opt=FOR_EVERYBODY, sync_to_thread=False)
def show_sign_in(
    request: Request[Any, Any, Any], link: Annotated[str | None, QueryParameter(max_length=100)] = None
) -> Response[Any]:
    """Where to sign in; with a link, a button that uses it."""
    providers = [asked.provider for asked in request.app.state.providers.values()]
    return page(request, "sign_in.html", link=link, link_field=_LINK_FIELD, providers=providers)


@post("/sign-in", operation_id="sign_in", include_in_schema=False, opt=FOR_EVERYBODY)
async def sign_in(
    request: Request[Any, Any, Any], db: NamedDependency[Database], settings: NamedDependency[Settings]
) -> Response[Any]:
    """Use a link, once: whoever was signed in before is not any more."""
    link = str((await request.form()).get(_LINK_FIELD, ""))
    client = request.client
    origin = Origin(
        actor="a sign-in link",
        address=client.host if client else None,
        request_id=request.scope["state"].get("request_id"),
    )
    now, before = clock.now(), origin_of(request.scope)
    async with db.transaction(every_lea=True) as tx:
        lives = timedelta(hours=settings.session_hours)
        secret, role = await enter_by_link(tx, link, origin=origin, lives=lives, now=now)
        if before is not None:
            await leave(tx, origin=before, now=now)
    on_record(request)
    return Redirect(front_door(role), status_code=303, headers={"Set-Cookie": with_session(secret)})


@post("/sign-out", operation_id="sign_out", include_in_schema=False, opt=FOR_EVERYBODY)
async def sign_out(request: Request[Any, Any, Any], db: NamedDependency[Database]) -> Response[Any]:
    """End the session, here and now."""
    if (origin := origin_of(request.scope)) is not None:
        async with db.transaction(every_lea=True) as tx:
            await leave(tx, origin=origin, now=clock.now())
        on_record(request)
    return Redirect("/sign-in", status_code=303, headers={"Set-Cookie": without_session()})


ROUTES = [show_sign_in, sign_in, sign_out]
