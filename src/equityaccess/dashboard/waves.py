"""``/waves``: who is how far on the way to BEST; of one wave, every LEA beside every milestone."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from equityaccess import clock
from equityaccess.dashboard.doors import FOR_COUNTY
from equityaccess.dashboard.rendering import page
from equityaccess.database import Database
from equityaccess.leas import store as leas
from equityaccess.onboarding import store
from equityaccess.onboarding.playbook import PHASES
from equityaccess.onboarding.progress import together
from equityaccess.onboarding.structs import ProgressRow, StatusRow
from equityaccess.problems import NotFound


class Lane(msgspec.Struct, frozen=True, kw_only=True):
    """One LEA of a wave: how far it is, and the state of each milestone."""

    code: str
    name: str
    progress: ProgressRow
    statuses: dict[str, StatusRow]


@get("/waves", operation_id="show_waves", include_in_schema=False, opt=FOR_COUNTY)
async def show_waves(request: Request[Any, Any, Any], db: NamedDependency[Database]) -> Response[Any]:
    """Toward 100 % of those that take part, by track; and the waves."""
    async with db.transaction(every_lea=True) as tx:
        waves = await store.waves(tx)
        rows = await store.progress(tx)
    tracks = {track: together(row for row in rows if row.track == track) for track in sorted({r.track for r in rows})}
    by_wave = {one.code: [row for row in rows if row.wave == one.code] for one in waves}
    return page(
        request,
        "english/waves.html",
        tracks=tracks,
        waves=[(one, together(by_wave[one.code]), _latest(by_wave[one.code])) for one in waves],
    )


@get("/waves/{code:str}", operation_id="show_wave", include_in_schema=False, opt=FOR_COUNTY)
async def show_wave(
    request: Request[Any, Any, Any], db: NamedDependency[Database], code: FromPath[str]
) -> Response[Any]:
    """Every LEA of a wave beside every milestone, who is furthest behind first."""
    async with db.transaction(every_lea=True) as tx:
        wave = next((one for one in await store.waves(tx) if one.code == code), None)
        if wave is None:
            raise NotFound("There is no such wave.")
        rows = await store.progress(tx, wave=code)
        statuses = await store.wave_statuses(tx, code)
        books = await store.playbooks(tx)
        of_leas = await leas.named(tx, clock.today())
    newest = max((version for version, track in books if track == wave.track), default=0)
    book = books.get((newest, wave.track), {})
    milestones = sorted(book.values(), key=lambda one: one.place)
    return page(
        request,
        "english/wave.html",
        wave=wave,
        figures=together(rows),
        lanes=_lanes(rows, statuses, of_leas),
        phases=[(phase, [one for one in milestones if one.phase == phase]) for phase in PHASES],
        computed_at=min((row.computed_at for row in rows), default=None),
    )


def _latest(rows: Sequence[ProgressRow]) -> tuple[int, int]:
    """How many are behind their plan, and the most business days that one of them is."""
    behind = [row.days_behind for row in rows if row.days_behind > 0 and not row.is_live]
    return len(behind), max(behind, default=0)


def _lanes(
    rows: Sequence[ProgressRow], statuses: Sequence[StatusRow], of_leas: Mapping[int, tuple[str, str]]
) -> list[Lane]:
    of: dict[int, dict[str, StatusRow]] = {}
    for status in statuses:
        of.setdefault(status.lea_id, {})[status.key] = status
    lanes = [
        Lane(code=of_leas[row.lea_id][0], name=of_leas[row.lea_id][1], progress=row, statuses=of.get(row.lea_id, {}))
        for row in rows
    ]
    return sorted(lanes, key=lambda lane: (-lane.progress.days_behind, lane.name))


ROUTES = [show_waves, show_wave]
