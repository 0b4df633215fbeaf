"""From facts about an LEA to its reasons, from its score to an item that opens and closes. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Final, Literal

import msgspec

from equityaccess.onboarding.playbook import Milestone, Track
from equityaccess.onboarding.structs import ProgressRow, StatusRow
from equityaccess.support.measures import Figures
from equityaccess.triage.structs import Reason
from equityaccess.triage.weights import Weight, Weights

_WEEK: Final = 7
_OVER: Final = frozenset({"done", "not_applicable"})


class OnTrack(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one LEA on one track."""

    progress: ProgressRow
    statuses: Sequence[StatusRow]
    book: Mapping[str, Milestone]
    core_percent: float | None = None  # of the core users, those who signed in within 30 days
    ess_percent: float | None = None


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one LEA."""

    today: date
    tracks: Sequence[OnTrack] = ()
    support: Figures | None = None
    tickets_late: int = 0
    is_silent: bool = False
    feed_is_silent: bool = False
    owed: int = 0
    last_was_refused: bool = False


def reasons(facts: Facts, weights: Weights) -> list[Reason]:
    """Every reason that *facts* give, the heaviest first. What waits for the county is never one."""
    found = [reason for on in facts.tracks for reason in _of_track(on, facts.today, weights)]
    found += _of_support(facts, weights)
    found += _of_data(facts, weights)
    return sorted((one for one in found if one.points > 0), key=lambda one: (-one.points, one.code, one.track or ""))


def score(found: Iterable[Reason]) -> int:
    """The sum of the points."""
    return sum(one.points for one in found)


def _of_track(on: OnTrack, today: date, weights: Weights) -> Iterator[Reason]:
    if on.progress.is_onboarded:
        return
    track = on.progress.track
    waits_for_county = any(one.waiting_on == "county" and one.state == "blocked" for one in on.statuses)
    if not waits_for_county:
        yield from _overdue(on, track, today, weights.gate_overdue)
        yield from _stalled(on, track, today, weights.stalled)
    yield from _blocked(on, track, today, weights.blocked)
    yield from _trouble(on, track, weights.trouble)
    yield from _training(on, track, today, weights.training_late)
    yield from _calendar(on, track, weights.calendar)
    yield from _signing_in(on, track, today, weights)


def _overdue(on: OnTrack, track: Track, today: date, weight: Weight) -> Iterator[Reason]:
    gate = next((one for one in on.statuses if one.key == on.progress.next_gate), None)
    behind = gate.slip_days if gate else 0
    if gate is None or behind <= 0:
        return
    days_left = (on.progress.go_live_on - today).days
    is_near = not on.progress.is_live and days_left <= weight.near_days
    points = min(weight.most, behind * weight.points * (2 if is_near else 1))
    when = f", {max(0, days_left)} days before go-live" if is_near else ""
    said = f"{_counted(behind, 'business day')} behind at {gate.key}{when}"
    yield Reason(code="gate_overdue", points=points, said=said, track=track, milestone=gate.key)


def _stalled(on: OnTrack, track: Track, today: date, weight: Weight) -> Iterator[Reason]:
    worst = max((one for one in _idle(on, today, weight.times_usual)), default=None)
    if worst is not None:
        days, key = worst
        points = min(weight.most, weight.points * (1 + days // _WEEK))
        said = f"{key} has not moved for {days} days more than is usual"
        yield Reason(code="stalled", points=points, said=said, track=track, milestone=key)


def _idle(on: OnTrack, today: date, times: int) -> Iterator[tuple[int, str]]:
    for one in on.statuses:
        if one.state == "in_progress" and one.since is not None and one.key in on.book:
            usual = on.book[one.key].duration_days * times * _WEEK // 5  # business days as days
            days = (today - one.since.date()).days - usual
            if days > 0:
                yield days, one.key


def _blocked(on: OnTrack, track: Track, today: date, weight: Weight) -> Iterator[Reason]:
    for one in on.statuses:
        if one.state == "blocked" and one.since is not None and one.waiting_on in ("lea", "vendor"):
            weeks = max(0, (today - one.since.date()).days // _WEEK)
            whom = "the LEA" if one.waiting_on == "lea" else "a vendor"
            yield Reason(
                code="blocked",
                points=min(weight.most, weight.points + weeks),
                said=f"{one.key} waits for {whom}: {one.reason or 'no reason was given'}",
                track=track,
                milestone=one.key,
            )


def _trouble(on: OnTrack, track: Track, weight: Weight) -> Iterator[Reason]:
    for one in on.statuses:
        again = one.blocked_times + one.reopened_times
        if one.key in weight.milestones and again and one.state not in _OVER:
            said = f"{one.key} was blocked or opened again {_counted(again, 'time')}"
            points = min(weight.most, weight.points * again)
            yield Reason(code="trouble", points=points, said=said, track=track, milestone=one.key)


def _training(on: OnTrack, track: Track, today: date, weight: Weight) -> Iterator[Reason]:
    left = (on.progress.go_live_on - today).days
    for one in on.statuses:
        is_open = one.key == weight.milestone and one.state not in _OVER
        if is_open and not on.progress.is_live and left <= weight.days_before_go_live:
            said = f"training is not complete {max(0, left)} days before go-live"
            yield Reason(code="training_late", points=weight.points, said=said, track=track, milestone=one.key)


def _calendar(on: OnTrack, track: Track, weight: Weight) -> Iterator[Reason]:
    for one in on.statuses:
        if one.blackouts and one.state not in _OVER:
            said = f"{one.key} is forecast for {one.forecast_on}, within {', '.join(one.blackouts)}"
            yield Reason(code="calendar", points=weight.points, said=said, track=track, milestone=one.key)
            return


def _signing_in(on: OnTrack, track: Track, today: date, weights: Weights) -> Iterator[Reason]:
    if not on.progress.is_live:
        return
    core, weight = on.core_percent, weights.core_users_silent
    if core is not None and core < weight.share_percent:
        points = weight.points if core == 0 else weight.points // 2
        said = f"{core:g} % of the core users signed in within 30 days"
        yield Reason(code="core_users_silent", points=points, said=said, track=track)
    ess, weight = on.ess_percent, weights.ess_low
    live_days = (today - on.progress.go_live_on).days
    if ess is not None and ess < weight.share_percent and live_days > weight.after_days:
        said = f"{ess:g} % of the employees have activated self-service, {live_days} days after go-live"
        yield Reason(code="ess_low", points=weight.points, said=said, track=track)


def _of_support(facts: Facts, weights: Weights) -> Iterator[Reason]:
    if facts.tickets_late:
        weight = weights.tickets_old
        said = f"open past the target: {_counted(facts.tickets_late, 'ticket')}"
        yield Reason(code="tickets_old", points=min(weight.most, weight.points * facts.tickets_late), said=said)
    if facts.is_silent:
        yield Reason(code="silence", points=weights.silence.points, said="nobody signs in, and nobody asks")
    given = facts.support
    if given is None:
        return
    rate, many = given.tickets_per_100_users, weights.tickets_many
    if rate is not None and rate > many.per_100_users:
        yield Reason(code="tickets_many", points=many.points, said=f"{rate:g} tickets for 100 users in 90 days")
    mood, weight = given.satisfaction, weights.dissatisfied
    if mood is not None and mood < weight.below and given.ratings >= weight.ratings:
        said = f"satisfaction {mood:g} of 5, from {given.ratings} ratings"
        yield Reason(code="dissatisfied", points=weight.points, said=said)


def _of_data(facts: Facts, weights: Weights) -> Iterator[Reason]:
    if facts.feed_is_silent:
        yield Reason(code="data_silent", points=weights.data_silent.points, said="the usual push did not come")
    if facts.owed:
        weight = weights.data_owed
        points = min(weight.most, weight.points * facts.owed)
        yield Reason(code="data_owed", points=points, said=f"overdue: {_counted(facts.owed, 'observation')}")
    if facts.last_was_refused:
        yield Reason(
            code="data_refused", points=weights.data_refused.points, said="the last push was refused as a whole"
        )


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


# Items


class Open(msgspec.Struct, frozen=True, kw_only=True):
    """An open item, as far as its opening and closing go."""

    quiet_runs: int


class Resolved(msgspec.Struct, frozen=True, kw_only=True):
    """An item that somebody resolved: when, and with which score."""

    at: datetime
    score: int


Step = Literal["nothing", "open", "keep", "close"]


def step(now: datetime, points: int, before: Open | Resolved | None, weights: Weights) -> tuple[Step, int]:
    """What becomes of an LEA's item with *points*, and how many runs in a row it has been quiet.

    It opens at one bound and closes below another, lower one, and only after some runs there.
    """
    if isinstance(before, Open):
        quiet = before.quiet_runs + 1 if points < weights.close_below else 0
        return ("close", quiet) if quiet >= weights.close_after_runs else ("keep", quiet)
    if points < weights.open_at:
        return "nothing", 0
    if before is not None:
        is_rested = now - before.at >= timedelta(days=weights.reopen_after_days)
        if not is_rested and 2 * points < 3 * before.score:
            return "nothing", 0
    return "open", 0


def top(found: Sequence[Reason], weights: Weights) -> str | None:
    """The next action: that of the heaviest reason."""
    return weights.of(found[0].code).action if found else None
