"""How far along we are, over HTTP: these are internal figures, for callers with a key."""

from datetime import date, datetime, timedelta
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from equityaccess import clock
from equityaccess.access.structs import Caller
from equityaccess.catalogue.routes import Cursor, Limit
from equityaccess.coverage import quality, rules, store
from equityaccess.coverage.outlook import outlook
from equityaccess.coverage.scopes import Scoped, demand_known, is_own, reading, scope_of
from equityaccess.coverage.store import FIRST_GAP, Found, GapKey, Pair, Weeks
from equityaccess.coverage.structs import (
    Completeness,
    CompletenessReport,
    Coverage,
    CoverageReport,
    CoverageSeries,
    GapPage,
    Goal,
)
from equityaccess.database import Database, Transaction
from equityaccess.problems import NotAllowed
from equityaccess.web import answer, decode_cursor, encode_cursor, instant_of_knowledge, refuses, wrong_parameter

Scope = Annotated[
    str,
    QueryParameter(
        name="scope",  # the framework keeps that name for itself in a handler
        max_length=64,
        description="`county`, an LEA's CDS code, or a kind of LEA such as `unified_district`. "
        "A district's key reads the county and its own LEA.",
    ),
]
Indicator = Annotated[str | None, QueryParameter(max_length=64, description="Only this indicator, by its code.")]
StudentGroup = Annotated[str | None, QueryParameter(max_length=64, description="Only this student group, by its code.")]
KnownAt = Annotated[
    datetime | None,
    QueryParameter(description="As the service knew it at this instant, with an offset: `2026-11-01T00:00:00Z`. Now."),
]


@get("/coverage", operation_id="read_coverage", tags=["coverage"], responses=refuses(NotAllowed))
async def read_coverage(
    request: Request[Any, Any, Any],
    caller: NamedDependency[Caller],
    db: NamedDependency[Database],
    of: Scope = "county",
    indicator: Indicator = None,
    student_group: StudentGroup = None,
    as_of: Annotated[date | None, QueryParameter(description="The day the figures are to hold for; today.")] = None,
    known_at: KnownAt = None,
) -> Response[CoverageReport]:
    """Read where a scope stands: confirmed, known and respondent rates, the gap in people, and the target.

    Unknown people are never left out: in `confirmed_percent` they count as not met. Who has not been heard from comes
    in through enrollment (`unheard`). The county's figures are `rounded`
    for an LEA's key, or `suppressed` where too few people stand behind them: other LEAs' counts are not its own.
    """
    now = clock.now()
    known_at = instant_of_knowledge(known_at, now)
    day = as_of or clock.today(known_at)
    _demand_kept("as_of", day, until=clock.today(now))
    pair = Pair(indicator=indicator, student_group=student_group)
    week = Weeks(first=rules.week_of(day), today=day, known_at=known_at)
    async with reading(db, caller, of) as tx:
        scoped = await scope_of(tx, of, caller)
        await demand_known(tx, pair)
        if scoped.lea_id is not None:
            found = await store.own(tx, scoped.lea_id, pair, week, now)
        elif known_at == now and as_of is None:
            found = await store.stored_now(tx, scoped.stored, pair)
        else:
            found = await store.as_known(tx, scoped.stored, pair, week, now)
        goals = await store.targets(tx, day)
        notes = await _notes(tx, scoped, day)
    items = [_coverage(one, goals, notes, is_own=is_own(scoped, caller)) for one in found]
    report = CoverageReport(scope=scoped.code, scope_name=scoped.name, known_at=known_at, items=items)
    return answer(request, report)


@get("/coverage/series", operation_id="read_coverage_series", tags=["coverage"], responses=refuses(NotAllowed))
async def read_coverage_series(
    request: Request[Any, Any, Any],
    caller: NamedDependency[Caller],
    db: NamedDependency[Database],
    indicator: Annotated[str, QueryParameter(max_length=64, description="The indicator, by its code.")],
    student_group: Annotated[str, QueryParameter(max_length=64, description="The student group, by its code.")] = "ALL",
    of: Scope = "county",
    from_on: Annotated[
        date | None, QueryParameter(name="from", description="The first day; a year before the last.")
    ] = None,
    to_on: Annotated[date | None, QueryParameter(name="to", description="The last day; today.")] = None,
    known_at: KnownAt = None,
) -> Response[CoverageSeries]:
    """Read a figure week by week, with the pace it has, the pace it needs, and when it would meet its target.

    A late observation restates the weeks it covers; with `known_at` the series is as it was before that.
    """
    now = clock.now()
    known_at = instant_of_knowledge(known_at, now)
    last = min(to_on or clock.today(known_at), clock.today(known_at))
    _demand_kept("to", last)
    first = max(from_on or last - timedelta(days=364), rules.WEEKS_START)
    _demand_order("from", first, last)
    pair = Pair(indicator=indicator, student_group=student_group)
    async with reading(db, caller, of) as tx:
        scoped = await scope_of(tx, of, caller)
        await demand_known(tx, pair)
        weeks = Weeks(first=rules.week_of(first), today=last, known_at=known_at)
        if scoped.lea_id is not None:
            found = await store.own(tx, scoped.lea_id, pair, weeks, now)
        elif known_at == now:
            found = await store.stored_series(tx, scoped.stored, pair, first, last)
        else:
            found = await store.as_known(tx, scoped.stored, pair, weeks, now)
        goal = (await store.targets(tx, last)).get((indicator, student_group))
    points = [one.point(is_own=is_own(scoped, caller)) for one in found]
    series = CoverageSeries(
        scope=scoped.code,
        scope_name=scoped.name,
        indicator=indicator,
        student_group=student_group,
        known_at=known_at,
        target=goal,
        outlook=outlook(points, goal, last),
        points=points,
    )
    return answer(request, series)


@get("/coverage/gaps", operation_id="list_gaps", tags=["coverage"], responses=refuses(NotAllowed))
async def list_gaps(
    request: Request[Any, Any, Any],
    caller: NamedDependency[Caller],
    db: NamedDependency[Database],
    of: Annotated[
        str | None,
        QueryParameter(
            name="scope", max_length=64, description="An LEA's CDS code; for a county key also `county`, every LEA."
        ),
    ] = None,
    indicator: Indicator = None,
    student_group: StudentGroup = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response[GapPage]:
    """List the people left to reach, the most first: by LEA, indicator, group and what stands in the way.

    `unknown` are people of whom the LEA said nothing, `not_heard_from` those of an LEA that has not reported at all.
    """
    after = decode_cursor(cursor, GapKey) if cursor else FIRST_GAP
    pair = Pair(indicator=indicator, student_group=student_group)
    today = clock.today()
    async with db.transaction(leas=caller.lea_ids, every_lea=caller.sees_every_lea) as tx:
        lea_ids = await _whose_gaps(tx, of, caller)
        await demand_known(tx, pair)
        gaps = await store.gaps(
            tx, lea_ids, indicator, [student_group] if student_group else None, after, today, limit + 1
        )
    page, more = gaps[:limit], gaps[limit:]
    last = page[-1] if more else None
    key = GapKey(-last.people, last.lea, last.indicator, last.student_group, last.barrier) if last else None
    return answer(request, GapPage(items=page, next=encode_cursor(*key) if key else None))


@get("/completeness", operation_id="read_completeness", tags=["coverage"], responses=refuses(NotAllowed))
async def read_completeness(
    request: Request[Any, Any, Any],
    caller: NamedDependency[Caller],
    db: NamedDependency[Database],
    of: Scope = "county",
    indicator: Indicator = None,
    due_from: Annotated[
        date | None, QueryParameter(description="The first due date; the first of July of this school year.")
    ] = None,
    due_to: Annotated[date | None, QueryParameter(description="The last due date; today.")] = None,
) -> Response[CompletenessReport]:
    """Read how much of what was due has come, and came in time. Both are shares of what is expected: at most 100."""
    today = clock.today()
    last = due_to or today
    _demand_kept("due_to", last)
    first = due_from or date(last.year - (last.month < 7), 7, 1)
    _demand_order("due_from", first, last)
    async with reading(db, caller, of) as tx:
        scoped = await scope_of(tx, of, caller)
        await demand_known(tx, Pair(indicator=indicator))
        expected = await quality.completeness(tx, scoped.lea_id, scoped.kind, indicator, (first, last))
    items = [
        Completeness(
            **msgspec.structs.asdict(one),
            completeness_percent=rules.percent(one.received, one.expected),
            timeliness_percent=rules.percent(one.on_time, one.expected),
        )
        for one in expected
    ]
    report = CompletenessReport(scope=scoped.code, scope_name=scoped.name, due_from=first, due_to=last, items=items)
    return answer(request, report)


async def _whose_gaps(tx: Transaction, scope: str | None, caller: Caller) -> list[int] | None:
    """The LEAs whose gaps are asked for; None is every LEA."""
    if scope is None or scope == "county":
        if scope and not caller.sees_every_lea:
            raise NotAllowed("The gaps of every LEA are for the county. Leave `scope` out to read your own.")
        return None if caller.sees_every_lea else caller.lea_ids
    scoped = await scope_of(tx, scope, caller)
    if scoped.lea_id is None:
        raise wrong_parameter("scope", "invalid-scope", "Gaps are those of an LEA, by its CDS code, or of the county.")
    return [scoped.lea_id]


def _coverage(found: Found, goals: dict[tuple[str, str], Goal], notes: dict[str, str], *, is_own: bool) -> Coverage:
    return Coverage(
        indicator=found.indicator,
        student_group=found.student_group,
        point=found.point(is_own=is_own),
        target=goals.get((found.indicator, found.student_group)),
        note=notes.get(found.student_group) if found.unheard else None,
    )


async def _notes(tx: Transaction, scoped: Scoped, day: date) -> dict[str, str]:
    """What must be said beside a figure with unheard people, by group."""
    groups = await store.groups(tx)
    if scoped.lea_id is None:
        note = (
            "Enrollment by group is known for districts only, with the charters they authorize; other LEAs' is missing."
        )
        return {group: note for group in groups if group != "ALL"}
    asked = await store.own_asked(tx, scoped.lea_id, day)
    note = "The enrollment of this group includes the charters that the district authorizes."
    return {one.student_group: note for one in asked if one.includes_charters}


def _demand_kept(name: str, day: date, *, until: date = date.max) -> None:
    if not rules.WEEKS_START <= day <= until:
        detail = f"{day} is not between {rules.WEEKS_START}, the first day that is kept, and {until}."
        raise wrong_parameter(name, "invalid-period", detail)


def _demand_order(name: str, first: date, last: date) -> None:
    if first > last:
        raise wrong_parameter(name, "invalid-period", f"The first day, {first}, is after the last, {last}.")


ROUTES = (read_coverage, read_coverage_series, list_gaps, read_completeness)
