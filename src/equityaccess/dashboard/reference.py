"""``/admin/reference``: what everything is measured against; targets are decided here, and nothing decided is lost."""

from typing import Any, Final

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.response import Redirect

from equityaccess import clock
from equityaccess.access.structs import Caller
from equityaccess.audit.recording import on_record
from equityaccess.audit.structs import Origin
from equityaccess.catalogue import store as catalogue
from equityaccess.catalogue.targets import TargetDecision, decide_target, target_decisions, targets_in_force
from equityaccess.dashboard import forms
from equityaccess.dashboard.doors import FOR_ADMIN
from equityaccess.dashboard.rendering import page
from equityaccess.database import Database
from equityaccess.last_mile import store as last_mile

_PLACE: Final = "/admin/reference"
_SHOWN: Final = 100


@get(_PLACE, operation_id="show_reference", include_in_schema=False, opt=FOR_ADMIN)
async def show_reference(request: Request[Any, Any, Any], db: NamedDependency[Database]) -> Response[Any]:
    """Targets with every decision on them, unit costs with every estimate, and the measures."""
    async with db.transaction(every_lea=True) as tx:
        targets = await targets_in_force(tx)
        decisions = await target_decisions(tx, _SHOWN)
        costs = await last_mile.unit_costs(tx, every_revision=True)
        lines = await catalogue.indicator_lines(tx)
        names = await catalogue.names(tx)
    return page(
        request,
        "english/reference.html",
        targets=targets,
        decisions=decisions,
        costs=costs,
        lines=lines,
        measures=names.indicators,
        groups=names.student_groups,
        names=names.every,
    )


@post(_PLACE, operation_id="decide_target", include_in_schema=False, opt=FOR_ADMIN)
async def decide(
    request: Request[Any, Any, Any],
    caller: NamedDependency[Caller],
    origin: NamedDependency[Origin],
    db: NamedDependency[Database],
) -> Redirect:
    """Decide on a target, if what holds is still what the page showed."""
    await decide_target(db, caller, origin, _decision(await forms.fields(request)), clock.now())
    on_record(request)
    return Redirect(f"{_PLACE}#targets", status_code=303)


def _decision(form: dict[str, str]) -> TargetDecision:
    """What a form asks for: its second button withdraws the target."""
    sent: dict[str, str | None] = {name: form.get(name) for name in TargetDecision.__struct_fields__}
    if "withdraw" in form:
        sent["percent"] = None
    elif sent["percent"] is None:
        raise forms.wrong("missing-field", "A target has a rate: a number from 0 to 100.")
    return forms.read_as(TargetDecision, sent)


ROUTES = [show_reference, decide]
