"""Reads what LEAs were given in a period, and works out the measures of each and of all."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta

import msgspec

from equityaccess import clock
from equityaccess.business_time import BusinessTime
from equityaccess.database import Transaction
from equityaccess.onboarding import store as onboarding
from equityaccess.onboarding.playbook import Track
from equityaccess.support import store
from equityaccess.support.measures import Count, Given, access, figures
from equityaccess.support.store import PeriodWanted
from equityaccess.support.structs import (
    CountRow,
    GivenRow,
    LeaMeasures,
    Measure,
    SupportReport,
    SupportTarget,
    TicketRow,
)
from equityaccess.support.tickets import Took, days_off, first_answer, replay, resolution

RECENT_DAYS = 30  # a count of sign-ins speaks of so many days, and an older one of nothing
_NOTHING: tuple[()] = ()


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Whose figures of which days, both included."""

    scope: str
    taking_part: Mapping[int, frozenset[Track]]
    track: Track | None
    from_on: date
    to_on: date


async def report(tx: Transaction, wanted: Wanted, codes: Mapping[int, str], now: datetime) -> SupportReport:
    """The measures of the LEAs that are wanted: all together, and each by its code."""
    every = await given(tx, wanted, now)
    targets = await store.targets(tx)
    answer, resolve = (within(targets, measure, wanted.to_on) for measure in _MEASURES)
    return SupportReport(
        scope=wanted.scope,
        track=wanted.track,
        from_on=wanted.from_on,
        to_on=wanted.to_on,
        computed_at=now,
        participating=len(every),
        access=[access(every.values(), track) for track in _tracks(wanted.track)],
        figures=figures(list(every.values()), answer, resolve),
        leas=[
            LeaMeasures(
                lea=codes[lea_id],
                access=[access([one], track) for track in sorted(one.tracks)],
                figures=figures([one], answer, resolve),
            )
            for lea_id, one in sorted(every.items(), key=lambda pair: codes[pair[0]])
        ],
    )


_MEASURES: tuple[Measure, Measure] = ("first_answer", "resolution")


def _tracks(track: Track | None) -> Sequence[Track]:
    return (track,) if track else onboarding.TRACKS


def within(targets: Sequence[SupportTarget], measure: Measure, on: date) -> int | None:
    """The minutes that *measure* may take on a day: the newest target that is valid then."""
    valid = [target for target in targets if target.measure == measure and target.valid_from <= on]
    return max(valid, key=lambda target: target.valid_from).minutes if valid else None


async def given(tx: Transaction, wanted: Wanted, now: datetime) -> dict[int, Given]:
    """What each LEA was given, and who signs in there."""
    ids = sorted(wanted.taking_part)
    until_at = min(midnight(wanted.to_on, days_later=1), now)
    recent_on = wanted.to_on - timedelta(days=RECENT_DAYS - 1)
    period = PeriodWanted(lea_ids=ids, track=wanted.track, from_at=midnight(wanted.from_on), until_at=until_at)
    rows = {row.lea_id: row for row in await store.given(tx, period, midnight(recent_on))}
    counts: dict[int, list[CountRow]] = {}
    for count in await store.newest_counts(tx, ids, wanted.track, recent_on, wanted.to_on):
        counts.setdefault(count.lea_id, []).append(count)
    tickets: dict[int, list[list[TicketRow]]] = {}
    for (lea_id, _), events in (await store.tickets_opened(tx, period)).items():
        tickets.setdefault(lea_id, []).append(events)
    calendar = await onboarding.calendar(tx)
    closed = {lea_id: [row.day for row in days] for lea_id, days in (await store.holidays(tx, ids)).items()}
    return {
        lea_id: _given(
            tracks,
            rows.get(lea_id),
            [one for one in counts.get(lea_id, _NOTHING) if one.track in tracks],
            _clocks(tickets.get(lea_id, _NOTHING), calendar, closed.get(lea_id, _NOTHING), until_at),
            until_at,
        )
        for lea_id, tracks in wanted.taking_part.items()
    }


_Clocks = tuple[tuple[Took, ...], tuple[Took, ...]]


def _clocks(
    tickets: Sequence[Sequence[TicketRow]], calendar: BusinessTime, closed: Sequence[date], now: datetime
) -> _Clocks:
    off = days_off(closed)
    found = [ticket for ticket in (replay(row.event() for row in rows) for rows in tickets) if ticket]
    return (
        tuple(first_answer(ticket, calendar, off, now) for ticket in found),
        tuple(resolution(ticket, calendar, off, now) for ticket in found),
    )


def _given(
    tracks: frozenset[Track], row: GivenRow | None, counts: Sequence[CountRow], clocks: _Clocks, now: datetime
) -> Given:
    answers, resolutions = clocks
    quiet = Given(
        tracks=tracks,
        counts=tuple(msgspec.convert(count, Count, from_attributes=True) for count in counts),
        first_answers=answers,
        resolutions=resolutions,
        tickets_unresolved=sum(not took.is_over for took in resolutions),
    )
    if row is None:
        return quiet
    last = row.last_contact_at
    return msgspec.structs.replace(
        quiet,
        sessions=row.sessions,
        session_minutes=row.session_minutes,
        people=row.people,
        contacts=row.contacts,
        days_since_contact=(clock.today(now) - clock.today(last)).days if last else None,
        recent_tickets=row.recent_tickets,
        ratable=row.ratable,
        ratings=row.ratings,
        satisfaction_sum=row.satisfaction_sum,
    )


def midnight(day: date, *, days_later: int = 0) -> datetime:
    """The instant at which *day*, or one some days later, begins by the county's clock."""
    return datetime.combine(day + timedelta(days=days_later), time(), clock.LOCAL)
