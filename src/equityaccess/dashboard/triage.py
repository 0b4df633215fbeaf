"""``/triage``: who needs a person next, and what is done about it; the front door of the support team."""

from typing import Annotated, Any, Final
from urllib.parse import urlencode
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from litestar.response import Redirect

from equityaccess import clock
from equityaccess.access.structs import Caller
from equityaccess.audit.recording import on_record
from equityaccess.audit.structs import Origin
from equityaccess.dashboard import forms
from equityaccess.dashboard.doors import FOR_BEST_SUPPORT, FOR_COUNTY
from equityaccess.dashboard.rendering import page
from equityaccess.database import Database
from equityaccess.leas.contact_points import contact_points
from equityaccess.onboarding import store as onboarding
from equityaccess.onboarding.playbook import Track
from equityaccess.problems import NotFound
from equityaccess.triage import changing, reading, store
from equityaccess.triage.store import FIRST, ItemsWanted
from equityaccess.triage.structs import Change, ReasonCode, State

_SHOWN: Final = 50
_PLACE: Final = "/triage"


@get(_PLACE, operation_id="show_triage", include_in_schema=False, opt=FOR_COUNTY)
async def show_triage(
    request: Request[Any, Any, Any],
    db: NamedDependency[Database],
    only: Annotated[State, QueryParameter(name="state")] = "open",
    reason: Annotated[ReasonCode | None, QueryParameter()] = None,
    wave: Annotated[str | None, QueryParameter(max_length=64)] = None,
    track: Annotated[Track | None, QueryParameter()] = None,
    assignee: Annotated[str | None, QueryParameter(max_length=40)] = None,
) -> Response[Any]:
    """The ranked list with its reasons, and what blocks several LEAs at once."""
    wanted = ItemsWanted(state=only, assignee=assignee or None, reason=reason, wave=wave or None, track=track)
    today = clock.today()
    async with db.transaction(every_lea=True) as tx:
        rows = await store.items(tx, wanted, FIRST, today, _SHOWN)
        items = await reading.items(tx, rows, today)
        clusters = await store.clusters(tx)
        waves = await onboarding.waves(tx)
    return page(
        request,
        "english/triage.html",
        items=items,
        clusters=clusters,
        waves=waves,
        wanted=wanted,
        reasons=ReasonCode.__args__,  # type: ignore[attr-defined]
        shown=_SHOWN,
    )


@get(f"{_PLACE}/{{item_id:uuid}}", operation_id="show_triage_item", include_in_schema=False, opt=FOR_COUNTY)
async def show_triage_item(
    request: Request[Any, Any, Any], db: NamedDependency[Database], item_id: FromPath[UUID]
) -> Response[Any]:
    """One item: the brief, its history, and what can be done."""
    now = clock.now()
    async with db.transaction(every_lea=True) as tx:
        row = await store.item(tx, item_id)
        if row is None:
            raise NotFound("There is no such item.")
        brief = await reading.brief(tx, row, now)
        points = await contact_points(tx, row.lea_id)
        events = await store.events(tx, item_id)
    return page(request, "english/triage_item.html", brief=brief, item=brief.item, points=points, events=events)


@post(f"{_PLACE}/{{item_id:uuid}}", operation_id="work_on_item", include_in_schema=False, opt=FOR_BEST_SUPPORT)
async def work_on_item(
    request: Request[Any, Any, Any],
    caller: NamedDependency[Caller],
    origin: NamedDependency[Origin],
    db: NamedDependency[Database],
    item_id: FromPath[UUID],
) -> Redirect:
    """Do what one form asks, if the item still is the one that the page showed."""
    form = await forms.fields(request)
    await changing.change(db, caller, origin, item_id, f'"{form.get("version", "")}"', _change(form), clock.now())
    on_record(request)
    return Redirect(f"{_PLACE}/{item_id}?{urlencode({'done': 'yes'})}", status_code=303)


def _change(form: dict[str, str]) -> Change:
    """What a form asks for: each has one field of the change, and a contact has three."""
    sent: dict[str, Any] = {name: form[name] for name in ("note", "resolved_with") if form.get(name)}
    for name in ("assignee", "snoozed_until"):
        if name in form:
            sent[name] = form[name] or None
    if form.get("said"):
        sent["contact"] = {name: form.get(name) for name in ("track", "channel", "said")}
    return forms.read_as(Change, sent)


ROUTES = [show_triage, show_triage_item, work_on_item]
