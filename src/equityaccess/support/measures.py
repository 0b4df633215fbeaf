"""What the plan measures: how often LEAs sign in, and the support and technical assistance they are given. Pure.

Every figure of many LEAs is worked out from sums over them, never from their averages. What is not known stays out of
both sides of a share, and is counted beside it.
"""

import statistics
from collections.abc import Iterable, Sequence

import msgspec

from equityaccess.coverage.rules import percent
from equityaccess.onboarding.playbook import Track
from equityaccess.support.tickets import Took

_HUNDRED_USERS = 100
_MINUTES_AN_HOUR = 60


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """Who signs in on one track, by the newest counts of the last 30 days. Core users and self-service are kept apart.

    `leas_unheard` take part and have no count of the last 30 days: nothing is known of their users.
    """

    track: Track
    leas_counted: int
    leas_unheard: int
    core_users_30_days: int
    core_provisioned: int
    core_percent: float | None
    ess_activated: int
    employees: int
    ess_percent: float | None


class Clock(msgspec.Struct, frozen=True, kw_only=True):
    """How long tickets took, in business minutes without the LEA's holidays and without waiting for the LEA.

    `due` are those that are over or past the target already; one that still runs within it counts in neither.
    """

    target_minutes: int | None
    due: int
    within_target: int
    within_percent: float | None
    median_minutes: int | None


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """The support that was given in a period.

    `users` are the provisioned core users that are known of. Of several LEAs, `days_since_contact` is the longest.
    """

    sessions: int
    session_minutes: int
    people_reached: int
    users: int
    sessions_per_100_users: float | None
    hours_per_100_users: float | None
    contacts: int
    days_since_contact: int | None
    leas_never_contacted: int
    tickets_opened: int
    tickets_unresolved: int
    tickets_per_100_users: float | None
    first_answer: Clock
    resolution: Clock
    ratable: int
    ratings: int
    response_percent: float | None
    satisfaction: float | None
    leas_silent: int


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """The newest word on who signs in at one LEA on one track."""

    track: Track
    core_users_30_days: int
    core_provisioned: int
    ess_activated: int | None
    employees: int | None


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """What one LEA was given, and how it signs in; *tracks* are those on which it takes part."""

    tracks: frozenset[Track]
    counts: tuple[Count, ...] = ()
    sessions: int = 0
    session_minutes: int = 0
    people: int = 0
    contacts: int = 0
    days_since_contact: int | None = None
    tickets_unresolved: int = 0
    recent_tickets: int = 0  # in the last 30 days, as the sign-ins
    first_answers: tuple[Took, ...] = ()
    resolutions: tuple[Took, ...] = ()
    ratable: int = 0
    ratings: int = 0
    satisfaction_sum: int = 0

    @property
    def is_silent(self) -> bool:
        """Nobody signs in and nobody asks: worse than many questions. Without a count it is not known."""
        return bool(self.counts) and not (sum(one.core_users_30_days for one in self.counts) or self.recent_tickets)


def access(every: Iterable[Given], track: Track) -> Access:
    """Who signs in on *track*, of those of *every* that take part there."""
    taking_part = [one for one in every if track in one.tracks]
    counts = [count for one in taking_part for count in one.counts if count.track == track]
    core, provisioned = sum(c.core_users_30_days for c in counts), sum(c.core_provisioned for c in counts)
    activated, employees = sum(c.ess_activated or 0 for c in counts), sum(c.employees or 0 for c in counts)
    return Access(
        track=track,
        leas_counted=len(counts),
        leas_unheard=len(taking_part) - len(counts),
        core_users_30_days=core,
        core_provisioned=provisioned,
        core_percent=percent(core, provisioned),
        ess_activated=activated,
        employees=employees,
        ess_percent=percent(activated, employees),
    )


def figures(every: Sequence[Given], answer_within: int | None, resolve_within: int | None) -> Figures:
    """The figures of all of *every* together, held against the targets in business minutes."""
    users = sum(count.core_provisioned for one in every for count in one.counts)
    sessions = sum(one.sessions for one in every)
    minutes = sum(one.session_minutes for one in every)
    tickets = sum(len(one.resolutions) for one in every)
    ratings, ratable = sum(one.ratings for one in every), sum(one.ratable for one in every)
    return Figures(
        sessions=sessions,
        session_minutes=minutes,
        people_reached=sum(one.people for one in every),
        users=users,
        sessions_per_100_users=_per(sessions * _HUNDRED_USERS, users),
        hours_per_100_users=_per(minutes * _HUNDRED_USERS, users * _MINUTES_AN_HOUR),
        contacts=sum(one.contacts for one in every),
        days_since_contact=max(
            (one.days_since_contact for one in every if one.days_since_contact is not None), default=None
        ),
        leas_never_contacted=sum(one.days_since_contact is None for one in every),
        tickets_opened=tickets,
        tickets_unresolved=sum(one.tickets_unresolved for one in every),
        tickets_per_100_users=_per(tickets * _HUNDRED_USERS, users),
        first_answer=clock([took for one in every for took in one.first_answers], answer_within),
        resolution=clock([took for one in every for took in one.resolutions], resolve_within),
        ratable=ratable,
        ratings=ratings,
        response_percent=percent(ratings, ratable),
        satisfaction=_per(sum(one.satisfaction_sum for one in every), ratings),
        leas_silent=sum(one.is_silent for one in every),
    )


def clock(times: Sequence[Took], target: int | None) -> Clock:
    """How long tickets took, and how many of those that are due were within *target*."""
    over = [took.minutes for took in times if took.is_over]
    late = sum(not took.is_over and target is not None and took.minutes > target for took in times)
    within = sum(target is not None and minutes <= target for minutes in over)
    due = len(over) + late
    return Clock(
        target_minutes=target,
        due=due,
        within_target=within,
        within_percent=percent(within, due) if target is not None else None,
        median_minutes=statistics.median_low(over) if over else None,
    )


def _per(part: int, base: int) -> float | None:
    return round(part / base, 2) if base else None
