"""Onboarding over HTTP: the playbook, the waves, an LEA's milestones, events, and how far all have come."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from uuid import uuid4

import msgspec
from litestar import Request, Response, get, patch, post, put
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, HeaderParameter, JSONBody, QueryParameter

from equityaccess import clock
from equityaccess.access import store as access
from equityaccess.access.rules import lea_named
from equityaccess.access.structs import Caller, LeaCode
from equityaccess.audit import store as audit
from equityaccess.audit.recording import on_record
from equityaccess.audit.structs import Entry, Origin
from equityaccess.database import Database, Transaction
from equityaccess.leas import store as leas
from equityaccess.onboarding import answers, following, store, telling
from equityaccess.onboarding.playbook import Track
from equityaccess.onboarding.structs import (
    EventsReceipt,
    LeaOnboarding,
    MilestoneChange,
    MilestoneEventIn,
    MilestoneEventsIn,
    MilestoneOut,
    OnboardingReport,
    OnboardingSeries,
    PlaybookOut,
    WaveCode,
    WaveIn,
    WaveList,
)
from equityaccess.problems import Invalid, NotAllowed, NotFound, PreconditionFailed, PreconditionRequired, Problem
from equityaccess.web import answer, refuses, wrong_parameter

_EVENTS_BODY = 2_000_000  # bytes: 1,000 events with their reasons
Scope = Annotated[
    str,
    QueryParameter(
        name="scope",
        pattern=r"^(county|wave:[A-Za-z0-9][A-Za-z0-9-]{0,39})$",
        description="The county, or one wave, as wave:CODE.",
    ),
]
OneTrack = Annotated[Track | None, QueryParameter(description="Only this track: FIN or HCM.")]


@get("/playbook", operation_id="read_playbook", tags=["onboarding"], responses=refuses(NotFound))
async def read_playbook(
    request: Request[Any, Any, Any],
    db: NamedDependency[Database],
    caller: NamedDependency[Caller],  # noqa: ARG001, names the route as one that needs a key
    version: Annotated[int | None, QueryParameter(ge=1, le=32_767, description="The newest, unless named.")] = None,
) -> Response[PlaybookOut]:
    """Read the playbook: the milestones of onboarding to BEST, what each needs, and when it usually is."""
    async with db.transaction() as tx:
        wanted = version or await store.newest_playbook(tx)
        rows = await store.playbook_rows(tx, wanted)
    if not rows:
        raise NotFound("There is no such version of the playbook.")
    return answer(request, answers.playbook_out(rows))


@get("/waves", operation_id="list_waves", tags=["onboarding"], responses=refuses())
async def list_waves(
    request: Request[Any, Any, Any], db: NamedDependency[Database], caller: NamedDependency[Caller]
) -> Response[WaveList]:
    """List the waves: the LEAs that go live together on a track, and when. `leas` counts those that you may see."""
    async with db.transaction(leas=caller.lea_ids, every_lea=caller.sees_every_lea) as tx:
        return answer(request, WaveList(items=await store.waves(tx)))


@put("/waves/{code:str}", operation_id="put_wave", tags=["onboarding"], responses=refuses(NotAllowed))
async def put_wave(
    request: Request[Any, Any, Any],
    code: FromPath[WaveCode],
    data: JSONBody[WaveIn],
    db: NamedDependency[Database],
    caller: NamedDependency[Caller],
    origin: NamedDependency[Origin],
) -> Response[WaveList]:
    """Plan a wave, or plan it anew, and let LEAs join it. Their days follow the new go-live at once.

    LEAs that are in it and not named stay in it. The answer is every wave.
    """
    caller.demand("county")
    async with db.transaction(every_lea=True) as tx:
        known = await access.lea_codes(tx)
    joining = [lea_named(lea, known, f"/leas/{n}").lea_id for n, lea in enumerate(data.leas)]
    async with db.transaction(every_lea=True) as tx:
        present = [who.lea_id for who in await store.participations(tx, wave=code)]
    everybody = sorted({*joining, *present})
    async with db.transaction(leas=everybody, every_lea=True) as tx:
        before = {wave.code: wave for wave in await store.waves(tx)}.get(code)
        if before and before.track != data.track:
            detail = f"The wave {code} is on the track {before.track}, and keeps it."
            raise Invalid(detail, errors=[Problem(code="track-kept", detail=detail, owner="sender", pointer="/track")])
        now = clock.now()
        await store.merge_waves(tx, _json([{"code": code, **_planned(data)}]))
        joined = [{"lea_id": lea, "track": data.track, "wave": code, "joined_on": clock.today(now)} for lea in joining]
        await store.merge_participations(tx, _json(joined))
        await store.lock_leas(tx, everybody)
        await following.follow(tx, everybody, now)
        after = {"go_live_on": str(data.go_live_on), "leas": data.leas}
        entry = Entry(origin=origin, action="put-wave", object=f"wave {code}", codes=data.leas, after=after)
        await audit.write(tx, entry)
        found = WaveList(items=await store.waves(tx))
    on_record(request)
    return Response(found)


def _planned(data: WaveIn) -> dict[str, object]:
    return {name: value for name, value in msgspec.structs.asdict(data).items() if name != "leas"}


def _json(rows: Sequence[Mapping[str, object]]) -> str:
    return msgspec.json.encode(rows).decode()


@get("/leas/{code:str}/milestones", operation_id="list_milestones", tags=["onboarding"], responses=refuses(NotFound))
async def list_milestones(
    request: Request[Any, Any, Any],
    code: FromPath[str],
    db: NamedDependency[Database],
    caller: NamedDependency[Caller],
) -> Response[LeaOnboarding]:
    """Read an LEA's onboarding: every milestone of each track with its state and days, and how far it has come."""
    async with db.transaction(leas=caller.lea_ids, every_lea=caller.sees_every_lea) as tx:
        return answer(request, await _onboarding(tx, caller, code))


@get(
    "/leas/{code:str}/milestones/{track:str}/{key:str}",
    operation_id="read_milestone",
    tags=["onboarding"],
    responses=refuses(NotFound),
)
async def read_milestone(
    code: FromPath[str],
    track: FromPath[str],
    key: FromPath[str],
    db: NamedDependency[Database],
    caller: NamedDependency[Caller],
) -> Response[MilestoneOut]:
    """Read one milestone of an LEA. Its ETag is what a change has to name in If-Match."""
    async with db.transaction(leas=caller.lea_ids, every_lea=caller.sees_every_lea) as tx:
        found = await _milestone(tx, caller, code, track, key)
    return Response(found, headers=_etag(found))


@patch(
    "/leas/{code:str}/milestones/{track:str}/{key:str}",
    operation_id="change_milestone",
    tags=["onboarding"],
    responses=refuses(NotAllowed, NotFound, PreconditionFailed, PreconditionRequired),
)
async def change_milestone(
    request: Request[Any, Any, Any],
    code: FromPath[str],
    track: FromPath[str],
    key: FromPath[str],
    data: JSONBody[MilestoneChange],
    db: NamedDependency[Database],
    caller: NamedDependency[Caller],
    origin: NamedDependency[Origin],
    if_match: Annotated[
        str | None, HeaderParameter(name="If-Match", description="The ETag of the milestone as you read it.")
    ] = None,
) -> Response[MilestoneOut]:
    """Say what happened to one milestone. The dates of all that needs it move at once.

    A district tells of its own milestones; the county confirms gates, waives, and moves a go-live.
    """
    _demand_teller(caller)
    if if_match is None:
        raise PreconditionRequired("Read the milestone, and send its ETag as If-Match.")
    async with db.transaction(leas=caller.lea_ids, every_lea=caller.sees_every_lea) as tx:
        before = await _milestone(tx, caller, code, track, key)
        known = await access.lea_codes(tx)
    lea_id = known[code].lea_id
    now = clock.now()
    async with db.transaction(leas=[lea_id], every_lea=caller.sees_every_lea) as tx:
        await store.lock_leas(tx, [lea_id])
        current = await _milestone(tx, caller, code, track, key)
        if if_match.removeprefix("W/") not in (f'"{current.version}"', "*"):
            raise PreconditionFailed(f"{key} is at version {current.version} now; you changed version {if_match}.")
        event = MilestoneEventIn(
            external_id=str(uuid4()),
            lea=code,
            track=before.track,
            milestone=key,
            **{**msgspec.structs.asdict(data), "happened_at": data.happened_at or now},
        )
        await telling.tell(tx, caller, origin, [event], known, now)
        found = await _milestone(tx, caller, code, track, key)
    on_record(request)
    return Response(found, headers=_etag(found))


def _etag(found: MilestoneOut) -> dict[str, str]:
    return {"ETag": f'"{found.version}"', "Cache-Control": "private, no-cache", "Vary": "Authorization, Accept"}


def _demand_teller(caller: Caller) -> None:
    if not caller.is_county:
        caller.demand("push")


def _demand_county_reader(caller: Caller) -> None:
    if not caller.sees_every_lea:
        raise NotAllowed("The figures of all who take part are for the county's keys.")


async def _onboarding(tx: Transaction, caller: Caller, code: str) -> LeaOnboarding:
    """What the caller may see of *code*. Raises NotFound: one that is another's looks like one that is not."""
    known = await access.lea_codes(tx)
    lea = known.get(code)
    if lea is None or not (caller.sees_every_lea or lea.lea_id in caller.lea_ids):
        raise NotFound("No LEA of yours has this code.")
    taking_part = await store.participations(tx, [lea.lea_id])
    return answers.lea_onboarding(
        code,
        taking_part,
        await store.statuses(tx, lea.lea_id),
        await store.progress(tx, [lea.lea_id]),
        await store.playbooks(tx),
    )


async def _milestone(tx: Transaction, caller: Caller, code: str, track: str, key: str) -> MilestoneOut:
    onboarding = await _onboarding(tx, caller, code)
    for one in onboarding.tracks:
        for milestone in one.milestones:
            if (one.track, milestone.milestone) == (track, key):
                return milestone
    raise NotFound("This LEA has no such milestone on that track.")


@post(
    "/milestone-events",
    operation_id="push_milestone_events",
    tags=["onboarding"],
    request_max_body_size=_EVENTS_BODY,
    responses=refuses(NotAllowed)
    | {200: ResponseSpec(EventsReceipt, description="Every event was known already.", generate_examples=False)},
)
async def push_milestone_events(
    request: Request[Any, Any, Any],
    data: JSONBody[MilestoneEventsIn],
    db: NamedDependency[Database],
    caller: NamedDependency[Caller],
    origin: NamedDependency[Origin],
) -> Response[EventsReceipt]:
    """Push what happened to milestones, as a project tool would: all of it is stored, or nothing.

    An event keeps the name that its sender gave it: sent again it changes nothing, so that a retry is safe.
    """
    _demand_teller(caller)
    async with db.transaction() as tx:
        known: dict[str, LeaCode] = await access.lea_codes(tx)
    lea_ids = telling.lea_ids_of(data.events, known, caller)
    async with db.transaction(leas=lea_ids, every_lea=caller.sees_every_lea) as tx:
        receipt = await telling.tell(tx, caller, origin, data.events, known, clock.now())
    on_record(request)
    return Response(receipt, status_code=201 if receipt.created else 200)


@get("/onboarding", operation_id="read_onboarding", tags=["onboarding"], responses=refuses(NotAllowed, NotFound))
async def read_onboarding(
    request: Request[Any, Any, Any],
    db: NamedDependency[Database],
    caller: NamedDependency[Caller],
    of: Scope = "county",
    track: OneTrack = None,
) -> Response[OnboardingReport]:
    """Read how many of the LEAs that take part are onboarded, and how far each has come. For the county's keys."""
    _demand_county_reader(caller)
    wave = await _wave(db, of)
    async with db.transaction(every_lea=True) as tx:
        rows = await store.progress(tx, wave=wave, track=track)
        codes = await leas.codes(tx, clock.today())
    return answer(request, answers.report(of, rows, codes))


@get("/onboarding/series", operation_id="read_onboarding_series", tags=["onboarding"], responses=refuses(NotAllowed))
async def read_onboarding_series(
    request: Request[Any, Any, Any],
    db: NamedDependency[Database],
    caller: NamedDependency[Caller],
    of: Scope = "county",
    track: OneTrack = None,
) -> Response[OnboardingSeries]:
    """Read the same figures week by week. For the county's keys."""
    _demand_county_reader(caller)
    wave = await _wave(db, of)
    async with db.transaction(every_lea=True) as tx:
        rows = await store.progress(tx, wave=wave, track=track, every_week=True)
    return answer(request, answers.series(of, rows))


async def _wave(db: Database, scope: str) -> str | None:
    """The code of the wave that *scope* names, None for the county. Raises Invalid for an unknown one."""
    if scope == "county":
        return None
    code = scope.removeprefix("wave:")
    async with db.transaction() as tx:
        known = [wave.code for wave in await store.waves(tx)]
    if code not in known:
        raise wrong_parameter(
            "scope", "unknown-wave", f"There is no wave {code!r}; known are {', '.join(known) or 'none'}."
        )
    return code


ROUTES = [
    read_playbook,
    list_waves,
    put_wave,
    list_milestones,
    read_milestone,
    change_milestone,
    push_milestone_events,
    read_onboarding,
    read_onboarding_series,
]
