"""The measures over HTTP: of an LEA, a wave, or the county."""

from datetime import timedelta
from typing import Annotated, Any

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from equityaccess import clock
from equityaccess.access import store as access
from equityaccess.access.structs import Caller
from equityaccess.database import Database, Transaction
from equityaccess.leas import store as leas
from equityaccess.onboarding import store as onboarding
from equityaccess.onboarding.playbook import Track
from equityaccess.onboarding.routes import OneTrack
from equityaccess.onboarding.structs import Participation
from equityaccess.problems import NotAllowed, NotFound
from equityaccess.support.measuring import Wanted, report
from equityaccess.support.routes import From, To, seen
from equityaccess.support.structs import SupportReport
from equityaccess.web import answer, refuses, wrong_parameter

_USUAL_DAYS = 90
_LONGEST_DAYS = 1_827  # five years
Scope = Annotated[
    str,
    QueryParameter(
        name="scope",
        pattern=r"^(county|wave:[A-Za-z0-9][A-Za-z0-9-]{0,39}|lea:[^\x00-\x1f]{1,64})$",
        description="The county, one wave as wave:CODE, or one LEA as lea:CODE.",
    ),
]


@get(
    "/support-measures", operation_id="read_support_measures", tags=["support"], responses=refuses(NotAllowed, NotFound)
)
async def read_support_measures(
    request: Request[Any, Any, Any],
    db: NamedDependency[Database],
    caller: NamedDependency[Caller],
    of: Scope = "county",
    track: OneTrack = None,
    from_on: From = None,
    to_on: To = None,
) -> Response[SupportReport]:
    """Read how often LEAs sign in and what support they were given, of those that take part: the plan's measures.

    The last 90 days, unless others are named. An LEA reads its own figures as `scope=lea:CODE`; those of a wave and of
    the county are for the county's keys.
    """
    if not caller.sees_every_lea and not of.startswith("lea:"):
        raise NotAllowed("The figures of all who take part are for the county's keys; read your own as lea:CODE.")
    now = clock.now()
    last = to_on or clock.today(now)
    first = from_on or last - timedelta(days=_USUAL_DAYS - 1)
    if last > clock.today(now):
        raise wrong_parameter("to", "future-date", f"{last} is to come.")
    if not timedelta(0) <= last - first <= timedelta(days=_LONGEST_DAYS):
        raise wrong_parameter("from", "invalid-period", f"from is before to, by at most {_LONGEST_DAYS} days.")
    async with db.transaction(leas=caller.lea_ids, every_lea=caller.sees_every_lea) as tx:
        rows, only = await _taking_part(tx, caller, of, track)
        tracks: dict[int, frozenset[Track]] = {}
        for row in rows:
            tracks[row.lea_id] = tracks.get(row.lea_id, frozenset()) | {row.track}
        wanted = Wanted(scope=of, taking_part=tracks, track=only, from_on=first, to_on=last)
        return answer(request, await report(tx, wanted, await leas.codes(tx, clock.today(now)), now))


async def _taking_part(
    tx: Transaction, caller: Caller, scope: str, track: Track | None
) -> tuple[list[Participation], Track | None]:
    """Who takes part in *scope*, and the track it is about: a wave is on one. Raises Invalid or NotFound."""
    kind, _, code = scope.partition(":")
    if kind == "lea":
        lea_id = seen((await access.lea_codes(tx)).get(code), caller)
        return await onboarding.participations(tx, [lea_id], track=track), track
    if kind == "wave":
        waves = {wave.code: wave for wave in await onboarding.waves(tx)}
        if code not in waves:
            detail = f"There is no wave {code!r}; known are {', '.join(waves) or 'none'}."
            raise wrong_parameter("scope", "unknown-wave", detail)
        if track not in (None, waves[code].track):
            raise wrong_parameter("track", "wrong-track", f"The wave {code} is on the track {waves[code].track}.")
        return await onboarding.participations(tx, wave=code), waves[code].track
    return await onboarding.participations(tx, track=track), track


ROUTES = [read_support_measures]
