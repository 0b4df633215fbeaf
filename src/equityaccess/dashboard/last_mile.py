"""``/county/last-mile``: who is left to reach, behind what and where; what it costs to reach one is estimated here."""

from typing import Annotated, Any, Final
from urllib.parse import urlencode

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from litestar.response import Redirect

from equityaccess import clock
from equityaccess.access.structs import Caller
from equityaccess.audit.recording import on_record
from equityaccess.audit.structs import Origin
from equityaccess.catalogue import store as catalogue
from equityaccess.dashboard import forms
from equityaccess.dashboard.doors import FOR_COUNTY, FOR_TECHNOLOGY_OFFICE
from equityaccess.dashboard.rendering import page
from equityaccess.database import Database
from equityaccess.last_mile import reading
from equityaccess.last_mile.routes import PRICED, change
from equityaccess.last_mile.structs import UnitCostIn
from equityaccess.problems import NotFound

_FIRST: Final = "home_internet"
_SHOWN: Final = 25  # LEAs in the table; the API lists all
_PLACE: Final = "/county/last-mile"


@get(_PLACE, operation_id="show_last_mile", include_in_schema=False, opt=FOR_COUNTY)
async def show_last_mile(
    request: Request[Any, Any, Any],
    db: NamedDependency[Database],
    indicator: Annotated[str, QueryParameter(max_length=64)] = _FIRST,
    student_group: Annotated[str, QueryParameter(max_length=64)] = "ALL",
) -> Response[Any]:
    """What is left of one measure and group, and what is estimated to cost what."""
    found = await reading.last_mile(db, indicator, student_group, clock.today())
    if found is None:
        raise NotFound("There is no such measure or group.")
    left, costs = found
    async with db.transaction() as tx:
        names = await catalogue.names(tx)
    return page(
        request,
        "english/last_mile.html",
        left=left,
        leas=left.leas[:_SHOWN],
        indicators=names.indicators,
        groups=names.student_groups,
        costs={one.barrier: one for one in costs},
        priced=PRICED,
    )


@post(_PLACE, operation_id="estimate_unit_cost", include_in_schema=False, opt=FOR_TECHNOLOGY_OFFICE)
async def estimate_unit_cost(
    request: Request[Any, Any, Any],
    caller: NamedDependency[Caller],
    origin: NamedDependency[Origin],
    db: NamedDependency[Database],
) -> Redirect:
    """Set a unit cost, if it still is the one that the page showed."""
    form = await forms.fields(request)
    sent = {name: form.get(name, "") for name in ("indicator", "barrier", "revision", "dollars", "source")}
    new = UnitCostIn(cents=_cents(sent["dollars"]), source=_source(sent["source"]))
    await change(db, caller, origin, (sent["indicator"], sent["barrier"]), f'"{sent["revision"]}"', new)
    on_record(request)
    return Redirect(f"{_PLACE}?{urlencode({'indicator': sent['indicator']})}#unit-costs", status_code=303)


def _cents(text: str) -> int:
    try:
        cents = round(float(text.replace(",", "")) * 100)
        return msgspec.convert({"cents": cents, "source": "a form"}, UnitCostIn).cents
    except (ValueError, OverflowError, msgspec.ValidationError):
        raise forms.wrong("out-of-range", "Dollars for one person are a number such as 214.00.") from None


def _source(text: str) -> str:
    try:
        return msgspec.convert({"cents": 0, "source": text}, UnitCostIn).source
    except msgspec.ValidationError:
        raise forms.wrong("missing-field", "Say where the amount comes from: a contract, a quote.") from None


ROUTES = [show_last_mile, estimate_unit_cost]
