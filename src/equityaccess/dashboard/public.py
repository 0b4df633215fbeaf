"""``/``: what anybody may know of how far the county is; published figures and nothing else."""

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

import msgspec
from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from litestar.response import Redirect

from equityaccess.catalogue import store as catalogue
from equityaccess.dashboard.doors import FOR_EVERYBODY, front_door
from equityaccess.dashboard.rendering import page_for_everybody
from equityaccess.database import Database
from equityaccess.problems import NotFound
from equityaccess.publication import store
from equityaccess.publication.structs import PublicCell, Shown
from equityaccess.signin.guard import session_of

_FIRST: Final = "home_internet"
Order = Literal["name", "confirmed", "base"]
Layer = Literal["unified", "elementary", "high"]  # districts of one kind cover each place once; kinds overlap
_MAP_HEIGHT: Final = 520


@get("/", operation_id="start", include_in_schema=False, opt=FOR_EVERYBODY)
async def start(
    request: Request[Any, Any, Any],
    db: NamedDependency[Database],
    indicator: Annotated[str, QueryParameter(max_length=64)] = _FIRST,
    q: Annotated[str, QueryParameter(max_length=100)] = "",
    order: Annotated[Order, QueryParameter()] = "name",
    direction: Annotated[Literal["up", "down"], QueryParameter()] = "up",
    layer: Annotated[Layer, QueryParameter()] = "unified",
) -> Response[Any] | Redirect:
    """The published figures; whoever is signed in and asks for nothing in particular is led to their own front door."""
    session = session_of(request.scope)
    if session is not None and not request.url.query:
        return Redirect(front_door(session.role))
    asked = Chosen(indicator=indicator, q=q, order=order, direction=direction, layer=layer)
    return await page_for_everybody(request, "public.html", lambda: _published(db, asked))


class Chosen(msgspec.Struct, frozen=True, kw_only=True):
    """What the page was asked for."""

    indicator: str
    q: str
    order: Order
    direction: str
    layer: Layer


async def _published(db: Database, asked: Chosen) -> dict[str, Any]:
    """What the page shows of the newest release. Raises NotFound for an unknown measure."""
    async with db.transaction(role="public") as tx:
        release = await store.release(tx)
        rows = await store.overview(tx, release.number, asked.indicator, "ALL") if release else []
        past = await store.history(tx, "county", asked.indicator, "ALL") if release else []
    async with db.transaction() as tx:
        measures = {one.code: one for one in await catalogue.indicators(tx)}
        groups = {one.code: one for one in await catalogue.student_groups(tx)}
    if asked.indicator not in measures:
        raise NotFound("There is no such measure.")
    county = [row.cell() for row in rows if row.level == "county"]
    every_lea = [row.cell() for row in rows if row.level == "lea"]
    leas = [one for one in every_lea if asked.q.casefold() in one.scope_name.casefold()]
    return {
        "release": release,
        "overall": [one for one in county if one.student_group == "ALL"],
        "by_group": _furthest_first([one for one in county if one.indicator == asked.indicator]),
        "leas": _in_order(leas, asked.order, asked.direction),
        "leas_in_all": len(every_lea),
        "past": [(row.as_of, row.cell()) for row in past],
        "measures": measures,
        "groups": groups,
        "chosen": asked,
        "areas": [(one.scope, one.scope_name, _confirmed(one)) for one in every_lea if isinstance(one.figures, Shown)],
        "map_height": _MAP_HEIGHT,
    }


def _confirmed(cell: PublicCell) -> float:
    return cell.figures.confirmed.percent if isinstance(cell.figures, Shown) else -1.0


def _furthest_first(cells: Sequence[PublicCell]) -> list[PublicCell]:
    """The group that is furthest from all first; what is withheld comes last."""
    return sorted(cells, key=lambda one: (not isinstance(one.figures, Shown), _confirmed(one), one.student_group))


def _in_order(cells: Sequence[PublicCell], order: Order, direction: str) -> list[PublicCell]:
    """By name, rate or size; what is not shown comes last, whichever the direction."""

    def key(cell: PublicCell) -> Any:  # noqa: ANN401, what they are compared by
        if order == "name":
            return cell.scope_name.casefold()
        return _confirmed(cell) if order == "confirmed" else getattr(cell.figures, "base", None) or 0

    def is_there(cell: PublicCell) -> bool:
        return order == "name" or isinstance(cell.figures, Shown)

    ordered = sorted(filter(is_there, cells), key=key, reverse=direction == "down")
    return ordered + [one for one in cells if not is_there(one)]


ROUTES = [start]
