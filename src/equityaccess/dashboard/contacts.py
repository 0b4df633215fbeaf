"""``/my/contacts``: whom the county writes to at a district, in each role; the district tells it and takes it back."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, get_args

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from litestar.response import Redirect

from equityaccess import clock
from equityaccess.access.structs import Caller
from equityaccess.audit.recording import on_record
from equityaccess.audit.structs import Origin
from equityaccess.dashboard import forms
from equityaccess.dashboard.doors import FOR_DISTRICT
from equityaccess.dashboard.rendering import page
from equityaccess.database import Database
from equityaccess.leas import store as leas
from equityaccess.leas.contact_points import Role, Told, contact_points, tell
from equityaccess.problems import NotFound

_PLACE: Final = "/my/contacts"
ROLES: Final[tuple[Role, ...]] = get_args(Role)


@get(_PLACE, operation_id="show_my_contacts", include_in_schema=False, opt=FOR_DISTRICT)
async def show_my_contacts(
    request: Request[Any, Any, Any],
    caller: NamedDependency[Caller],
    db: NamedDependency[Database],
    lea: Annotated[str | None, QueryParameter(max_length=64)] = None,
    done: Annotated[str | None, QueryParameter(max_length=3)] = None,
) -> Response[Any]:
    """The addresses of one LEA of the caller's: the one that is named, or the first."""
    async with db.transaction(leas=caller.lea_ids) as tx:
        named = await leas.named(tx, clock.today())
        own = {code: (lea_id, name) for lea_id, (code, name) in named.items() if lea_id in caller.lea_ids}
        code = lea or min(own, default="")
        if code not in own:
            raise NotFound("There is no LEA of yours under this code.")
        told = {one.role: one for one in await contact_points(tx, own[code][0])}
    name = own[code][1]
    return page(
        request, "contacts.html", leas=sorted(own), lea=code, name=name, roles=ROLES, told=told, done=done is not None
    )


@post(_PLACE, operation_id="tell_my_contacts", include_in_schema=False, opt=FOR_DISTRICT)
async def tell_my_contacts(
    request: Request[Any, Any, Any],
    caller: NamedDependency[Caller],
    origin: NamedDependency[Origin],
    db: NamedDependency[Database],
) -> Redirect:
    """Write down what changed, if it still is what the page showed."""
    sent = await forms.fields(request)
    lea = sent.get("lea", "")
    await tell(db, caller, origin, lea, {role: _told(role, sent) for role in ROLES}, clock.now())
    on_record(request)
    return Redirect(f"{_PLACE}?lea={lea}&done=yes", status_code=303)


def _told(role: Role, sent: Mapping[str, str]) -> Told:
    """What the form says of *role*. Raises Invalid."""
    try:
        return msgspec.convert({"was": sent.get(f"was.{role}", ""), "email": sent.get(f"email.{role}", "")}, Told)
    except msgspec.ValidationError:
        detail = f"What stands for the role {role} is no e-mail address."
        raise forms.wrong("invalid-value", detail, f"email.{role}") from None


ROUTES = [show_my_contacts, tell_my_contacts]
