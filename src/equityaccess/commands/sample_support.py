"""What the demo says of support and of signing in: a year of it, for the LEAs of the sample waves; all is invented.

Like the rest of the sample it is worked out from a hash of what it is about: some LEAs ask a lot, some never sign in.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, Final

import msgspec

from equityaccess.clock import LOCAL
from equityaccess.commands.sample import chance
from equityaccess.onboarding.roster import RosterRow
from equityaccess.support.structs import AccessCountIn, SupportEventIn

_WEEKS: Final = 52
_EVERY_DAYS: Final = 28  # an identity log that is pushed every four weeks is enough for a story
_TOPICS: Final = ("access_and_roles", "chart_of_accounts", "data_conversion", "reference_data")


def support_events(rows: Sequence[RosterRow], until: date) -> list[SupportEventIn]:
    """Sessions, contacts and tickets of the year up to *until*, as they happened."""
    found = [event for row in rows for event in _of(row, until)]
    return sorted(found, key=lambda event: event.started_at)


def _of(row: RosterRow, until: date) -> Iterator[SupportEventIn]:
    busy = (0, 1, 1, 2, 5)[int(chance(row.lea, "busy") * 5)]
    for week in range(_WEEKS):
        monday = until - timedelta(days=until.weekday(), weeks=_WEEKS - 1 - week)
        if monday + timedelta(days=4) >= until:
            return
        if chance(row.lea, row.track, str(monday), "session") < 0.06:
            fields = {"topic": _topic(row, monday), "minutes": 60, "people": 1 + int(6 * chance(row.lea, str(monday)))}
            yield _event(row, "technical_assistance", monday, 10, **fields)
        if chance(row.lea, row.track, str(monday), "call") < 0.1:
            yield _event(row, "contact", monday, 14, channel="phone")
        for number in range(busy):
            if chance(row.lea, row.track, str(monday), f"ticket {number}") < 0.2:
                yield from _ticket(row, monday, number)


def _ticket(row: RosterRow, monday: date, number: int) -> Iterator[SupportEventIn]:
    """A ticket: answered the next day, and most of them resolved."""
    ticket = f"SAMPLE-{row.lea[-8:]}-{row.track}-{monday}-{number}"
    yield _event(row, "ticket_opened", monday, 9, ticket=ticket, topic=_topic(row, monday))
    yield _event(row, "ticket_answered", monday + timedelta(days=1), 11, ticket=ticket)
    if chance(ticket, "resolved") < 0.93:
        yield _event(row, "ticket_resolved", monday + timedelta(days=3), 16, ticket=ticket)


def _topic(row: RosterRow, monday: date) -> str:
    return _TOPICS[int(chance(row.lea, str(monday), "topic") * len(_TOPICS))]


def _event(row: RosterRow, kind: str, day: date, hour: int, **more: Any) -> SupportEventIn:
    sent = {
        "external_id": f"sample-{row.lea}-{row.track}-{kind}-{more.get('ticket', day)}",
        "lea": row.lea,
        "track": row.track,
        "kind": kind,
        "started_at": datetime.combine(day, time(hour), LOCAL),
    }
    return msgspec.convert(sent | more, SupportEventIn)


def access_counts(rows: Sequence[RosterRow], until: date) -> list[AccessCountIn]:
    """Who signed in, every four weeks since the LEA went live on the track."""
    return [count for row in rows for count in _counts(row, until)]


def _counts(row: RosterRow, until: date) -> Iterator[AccessCountIn]:
    provisioned = 4 + int(40 * chance(row.lea, "users"))
    employees = 60 + int(4_000 * chance(row.lea, "employees") ** 2)
    used = 0.0 if chance(row.lea, "silent") < 0.08 else 0.3 + 0.7 * chance(row.lea, row.track, "use")
    for back in range(_WEEKS * 7 // _EVERY_DAYS):
        day = until - timedelta(days=1 + back * _EVERY_DAYS)
        if day < row.go_live_on:
            return
        months = (day - row.go_live_on).days / 30
        activated = int(employees * min(0.95, (0.15 + 0.1 * months) * (0.4 + chance(row.lea, "ess"))))
        thirty = int(provisioned * used)
        yield AccessCountIn(
            lea=row.lea,
            track=row.track,
            day=day,
            core_users=int(thirty * 0.6),
            core_users_30_days=thirty,
            core_provisioned=provisioned,
            ess_users=activated // 5,
            ess_activated=activated,
            employees=employees,
        )
