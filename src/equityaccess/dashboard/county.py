"""``/county``: where the county stands, measure by measure and group by group; the front door of its people."""

from datetime import timedelta
from typing import Annotated, Any, Final

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from equityaccess import clock
from equityaccess.access.structs import Caller
from equityaccess.catalogue import store as catalogue
from equityaccess.coverage import store as coverage
from equityaccess.coverage.scopes import reading
from equityaccess.coverage.store import Pair
from equityaccess.dashboard.board import SHOWN_WEEKS, Board, Row, board, chart, widest_first
from equityaccess.dashboard.doors import FOR_COUNTY
from equityaccess.dashboard.rendering import page
from equityaccess.database import Database
from equityaccess.onboarding.store import together
from equityaccess.web import wrong_parameter

_FIRST: Final = "home_internet"  # the measure that is broken down unless another is asked for
_WORDS: Final = {
    "description": "Of each student group, the share that is confirmed and the share of which nothing is known.",
    "confirmed": "Confirmed",
    "unknown": "Not known",
    "target": "Target",
}


@get("/county", operation_id="show_county", include_in_schema=False, opt=FOR_COUNTY)
async def show_county(
    request: Request[Any, Any, Any],
    caller: NamedDependency[Caller],
    db: NamedDependency[Database],
    indicator: Annotated[str, QueryParameter(max_length=64)] = _FIRST,
) -> Response[Any]:
    """The board, one measure of it by student group, the pace of each, and how far BEST has come."""
    today = clock.today()
    async with reading(db, caller, "county") as tx:
        found = await coverage.stored_series(tx, "county", Pair(), today - timedelta(weeks=SHOWN_WEEKS), today)
        goals = await coverage.targets(tx, today)
        indicators = await catalogue.indicators(tx)
        groups = await catalogue.student_groups(tx)
        onboarding = await together(tx)
    whole = board(found, indicators, groups, goals, today)
    names = {group.code: group.name for group in groups}
    row = _broken_down(whole, indicator)
    figures = widest_first(row) if row else []
    drawn = chart(figures, names, _WORDS)
    return page(
        request,
        "english/county.html",
        board=whole,
        row=row,
        figures=figures,
        names=names,
        chart=drawn,
        onboarding=onboarding,
    )


def _broken_down(whole: Board, indicator: str) -> Row | None:
    """The row of *indicator*. Raises Invalid when there is none, unless nobody asked for it."""
    for row in whole.rows:
        if row.indicator.code == indicator:
            return row
    if indicator != _FIRST:
        raise wrong_parameter("indicator", "unknown-indicator", "Of this measure there is no figure.")
    return None


ROUTES = [show_county]
