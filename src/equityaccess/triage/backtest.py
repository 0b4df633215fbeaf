"""Holds the score against what happened: of each past week's first ten, how many then missed their next gate.

The events are replayed as they had happened by the end of that week. Signals about data are not: when a push was silent
or owed at the time is not kept.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Final

import msgspec

from equityaccess import clock
from equityaccess.business_time import BusinessTime
from equityaccess.database import Transaction
from equityaccess.onboarding import following
from equityaccess.onboarding import store as onboarding
from equityaccess.onboarding.playbook import Track
from equityaccess.onboarding.structs import EventRow, Participation, ProgressRow, StatusRow
from equityaccess.support import store as support
from equityaccess.triage import rules, scoring, store
from equityaccess.triage.rules import OnTrack
from equityaccess.triage.weights import Weights

FIRST: Final = 10
_GRACE: Final = 5  # business days after its plan, from which on a gate counts as missed
_AHEAD: Final = 90  # days within which a gate is next
_OVER: Final = frozenset({"done", "not_applicable"})


class Week(msgspec.Struct, frozen=True, kw_only=True):
    """One week: how many LEAs had a gate before them, how many missed it, and how many of each ranking's first ten."""

    on: date
    leas: int
    missed: int
    by_score: int
    by_days: int
    shown: int


class BackTest(msgspec.Struct, frozen=True, kw_only=True):
    """Every week that could be judged, and whether the history is that of a demo."""

    weeks: list[Week]
    is_sample: bool

    def precision(self, of: Callable[[Week], int]) -> float | None:
        """The share of *of* in all that was shown, in percent; None when nothing was."""
        shown = sum(week.shown for week in self.weeks)
        return 100 * sum(map(of, self.weeks)) / shown if shown else None


class Past(msgspec.Struct, frozen=True, kw_only=True):
    """All that was told, and how the days are worked out."""

    ground: following.Ground
    who: Sequence[Participation]
    events: Mapping[tuple[int, Track], Sequence[EventRow]]

    def at(self, who: Participation, at: datetime) -> tuple[list[StatusRow], ProgressRow]:
        """What followed, at an instant, from what had happened by then."""
        told = [row for row in self.events.get((who.lea_id, who.track), ()) if row.happened_at <= at]
        return following.followed(msgspec.structs.replace(self.ground, today=clock.today(at)), who, told, at)


async def backtest(tx: Transaction, weeks: int, now: datetime) -> BackTest:
    """Replay the last *weeks*; needs a reader of every LEA. Raises NoWeights."""
    kept = await store.weights(tx)
    if kept is None:
        raise scoring.NoWeights
    past = await _past(tx, clock.today(now))
    finally_ = {(one.lea_id, one.track): {row.key: row for row in past.at(one, now)[0]} for one in past.who}
    found = []
    for back in range(weeks, 0, -1):
        at = now - timedelta(weeks=back)
        tracks = _tracks(past, at)
        scores = await _scores(tx, tracks, kept.weights, at)
        found.append(_judged((clock.today(at), clock.today(now)), tracks, scores, finally_, past.ground.calendar))
    waves = await onboarding.waves(tx)
    return BackTest(weeks=[week for week in found if week.leas], is_sample=any(wave.is_sample for wave in waves))


async def _past(tx: Transaction, today: date) -> Past:
    events: dict[tuple[int, Track], list[EventRow]] = {}
    for row in await onboarding.events(tx, None):
        events.setdefault((row.lea_id, row.track), []).append(row)
    ground, who = await following.ground(tx, today), await onboarding.participations(tx)
    return Past(ground=ground, who=who, events=events)


async def _scores(
    tx: Transaction, tracks: Mapping[int, Sequence[OnTrack]], weights: Weights, at: datetime
) -> dict[int, int]:
    """The score of every LEA at an instant, without what is not kept of its data."""
    today = clock.today(at)
    supported = await scoring.supported(tx, tracks, today, at)
    targets = await support.targets(tx)
    return {
        lea_id: rules.score(rules.reasons(scoring.of_lea(today, some, supported.get(lea_id), targets), weights))
        for lea_id, some in tracks.items()
    }


def _tracks(past: Past, at: datetime) -> dict[int, list[OnTrack]]:
    """Where every LEA stood at an instant."""
    found: dict[int, list[OnTrack]] = {}
    for one in past.who:
        rows, progress = past.at(one, at)
        ahead = [row for row in rows if row.state not in _OVER]
        book = past.ground.books[one.playbook_version, one.track]
        found.setdefault(one.lea_id, []).append(OnTrack(progress=progress, statuses=ahead, book=book))
    return found


def _judged(
    days: tuple[date, date],
    tracks: Mapping[int, Sequence[OnTrack]],
    scores: Mapping[int, int],
    finally_: Mapping[tuple[int, Track], Mapping[str, StatusRow]],
    calendar: BusinessTime,
) -> Week:
    """Of the LEAs with a gate before them whose outcome is known by now, who missed it, and who stood first."""
    then, now = days
    missed: dict[int, bool] = {}
    behind: dict[int, int] = {}
    for lea_id, gate, track in _next_gates(tracks):
        due = calendar.shifted(gate.planned_on, _GRACE)
        if then < gate.planned_on <= then + timedelta(days=_AHEAD) and due <= now:
            actual = finally_[lea_id, track][gate.key].actual_on
            missed[lea_id] = missed.get(lea_id, False) or actual is None or actual > due
            behind[lea_id] = max(behind.get(lea_id, 0), gate.slip_days)
    by_score = sorted(missed, key=lambda lea_id: (-scores[lea_id], lea_id))[:FIRST]
    by_days = sorted(missed, key=lambda lea_id: (-behind[lea_id], lea_id))[:FIRST]
    return Week(
        on=then,
        leas=len(missed),
        missed=sum(missed.values()),
        by_score=sum(missed[lea_id] for lea_id in by_score),
        by_days=sum(missed[lea_id] for lea_id in by_days),
        shown=len(by_score),
    )


def _next_gates(tracks: Mapping[int, Sequence[OnTrack]]) -> Iterator[tuple[int, StatusRow, Track]]:
    for lea_id, some in tracks.items():
        for on in some:
            for row in on.statuses:
                if row.key == on.progress.next_gate:
                    yield lea_id, row, on.progress.track
