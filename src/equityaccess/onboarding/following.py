"""Works out what follows from the events: states, days and progress, for one LEA after a push or for all by a job."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

import msgspec

from equityaccess import clock
from equityaccess.business_time import BusinessTime
from equityaccess.database import Transaction
from equityaccess.onboarding import store
from equityaccess.onboarding.dates import FEW, Blackout, Course, Dates, Took, dates, usual
from equityaccess.onboarding.playbook import Playbook, Track
from equityaccess.onboarding.progress import progress
from equityaccess.onboarding.rules import Status, replay
from equityaccess.onboarding.structs import Duration, EventRow, Participation, ProgressRow, StatusRow, TookRow

_SUNDAY = 6
_NOTHING = Status()
_Books = Mapping[tuple[int, Track], Playbook]


class Ground(msgspec.Struct, frozen=True, kw_only=True):
    """What every LEA's days are worked out with."""

    books: _Books
    calendar: BusinessTime
    blackouts: list[Blackout]
    took: Mapping[tuple[int, Track, str], Mapping[str, Took]]  # by version, track and kind of LEA
    today: date

    def course(self, who: Participation, statuses: Mapping[str, Status]) -> Course:
        """What the days of *who* are worked out from."""
        of_any = self.took.get((who.playbook_version, who.track, "any"), {})
        of_kind = self.took.get((who.playbook_version, who.track, who.kind), {})
        return Course(
            track=who.track,
            go_live_on=who.go_live_on,
            playbook=self.books[who.playbook_version, who.track],
            statuses=statuses,
            took={**of_any, **of_kind},
        )


async def ground(tx: Transaction, today: date) -> Ground:
    """Read what every LEA's days are worked out with."""
    took: dict[tuple[int, Track, str], dict[str, Took]] = {}
    for row in await store.took(tx):
        found = Took(days=row.days, least=row.least, most=row.most, leas=row.leas)
        took.setdefault((row.playbook_version, row.track, row.kind), {})[row.key] = found
    return Ground(
        books=await store.playbooks(tx),
        calendar=await store.calendar(tx),
        blackouts=await store.blackouts(tx),
        took=took,
        today=today,
    )


async def follow(tx: Transaction, lea_ids: Sequence[int] | None, now: datetime) -> int:
    """Work out and keep the states, days and progress of *lea_ids*, or of every LEA that takes part; of how many."""
    on = await ground(tx, clock.today(now))
    events: dict[tuple[int, Track], list[EventRow]] = {}
    for row in await store.events(tx, lea_ids):
        events.setdefault((row.lea_id, row.track), []).append(row)
    taking_part = await store.participations(tx, lea_ids)
    statuses: list[StatusRow] = []
    progressed: list[ProgressRow] = []
    for who in taking_part:
        told = events.get((who.lea_id, who.track), [])
        some, one = followed(on, who, told, now)
        statuses += some
        progressed.append(one)
    await store.keep(tx, statuses, progressed, week_ending(on.today), now)
    await tx.announce("onboarding")
    return len(taking_part)


def followed(
    on: Ground, who: Participation, told: Sequence[EventRow], now: datetime
) -> tuple[list[StatusRow], ProgressRow]:
    """The rows that follow from what was *told* of one LEA on one track."""
    book = on.books[who.playbook_version, who.track]
    states = replay((row.event() for row in told), book)
    days = dates(on.course(who, states), on.today, on.calendar, on.blackouts)
    versions = {key: sum(row.key == key for row in told) for key in states}
    rows = [_row(who, key, states.get(key, _NOTHING), days[key], versions.get(key, 0)) for key in book]
    found = ProgressRow(
        lea_id=who.lea_id,
        track=who.track,
        wave=who.wave,
        week_ending=week_ending(on.today),
        computed_at=now,
        **msgspec.structs.asdict(progress(book, states, days)),
    )
    return rows, found


def _row(who: Participation, key: str, status: Status, days: Dates, version: int) -> StatusRow:
    return StatusRow(
        lea_id=who.lea_id,
        track=who.track,
        key=key,
        version=version,
        state=status.state,
        since=status.since,
        started_at=status.started_at,
        done_at=status.done_at,
        waiting_on=status.waiting_on,
        reason=status.reason,
        evidence=status.evidence,
        waiver_granted_by=status.waiver.granted_by if status.waiver else None,
        waiver_reason=status.waiver.reason if status.waiver else None,
        planned_on=days.planned_on,
        forecast_on=days.forecast_on,
        earliest_on=days.earliest_on,
        latest_on=days.latest_on,
        actual_on=days.actual_on,
        slip_days=days.slip_days,
        blackouts=list(days.blackouts),
        blocked_times=status.blocked_times,
        reopened_times=status.reopened_times,
    )


def week_ending(day: date) -> date:
    """The Sunday with which the week of *day* ends, as coverage counts its weeks."""
    return day + timedelta(days=(_SUNDAY - day.weekday()) % 7)


def taken(durations: Sequence[Duration], books: _Books, calendar: BusinessTime) -> list[TookRow]:
    """How long LEAs took for each milestone, by kind and over all, where at least FEW have finished it."""
    days: dict[tuple[int, Track, str, str], list[int]] = {}
    for one in durations:
        passed = calendar.between(clock.today(one.started_at), clock.today(one.done_at))
        for kind in (one.kind, "any"):
            days.setdefault((one.playbook_version, one.track, one.key, kind), []).append(max(1, passed))
    rows = []
    for (version, track, key, kind), some in sorted(days.items()):
        milestone = books[version, track].get(key)
        if milestone is not None and len(some) >= FEW:
            fields = msgspec.structs.asdict(usual(some, milestone))
            rows.append(
                msgspec.convert(
                    {"playbook_version": version, "track": track, "key": key, "kind": kind, **fields}, TookRow
                )
            )
    return rows
