"""The clocks of tickets, held against a model that looks at the clock every minute."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equityaccess.business_time import BusinessTime
from equityaccess.catalogue.reference import read_reference, reference_folder
from equityaccess.clock import LOCAL
from equityaccess.onboarding.structs import Holiday
from equityaccess.support.tickets import (
    TicketEvent,
    TicketKind,
    Took,
    days_off,
    first_answer,
    replay,
    resolution,
)

HOLIDAYS = {row.day for row in read_reference(reference_folder() / "holidays.csv", Holiday)}
CALENDAR = BusinessTime(HOLIDAYS)
MINUTE = timedelta(minutes=1)
LATER: Sequence[TicketKind] = (
    "ticket_answered", "ticket_waiting", "ticket_resumed", "ticket_resolved", "ticket_reopened",
)  # fmt: skip
NEXT = {
    ("ticket_waiting", "open"): "waiting",
    ("ticket_resumed", "waiting"): "open",
    ("ticket_resolved", "open"): "resolved",
    ("ticket_resolved", "waiting"): "resolved",
    ("ticket_reopened", "resolved"): "open",
}
# In the week of Thanksgiving and in those in which the clocks change, most of all.
STARTS = st.one_of(
    st.integers(0, 10 * 365 * 24 * 60).map(lambda n: datetime(2024, 1, 1, tzinfo=UTC) + n * MINUTE),
    st.sampled_from([date(2026, 3, 6), date(2026, 10, 30), date(2026, 11, 24), date(2030, 12, 23)]).flatmap(
        lambda day: st.integers(0, 2 * 24 * 60).map(lambda n: datetime.combine(day, time(), UTC) + n * MINUTE)
    ),
)


def at(*local: int) -> datetime:
    return datetime(*local, tzinfo=LOCAL)  # type: ignore[arg-type,misc]


def model(told: Sequence[TicketEvent], off: set[date], now: datetime) -> tuple[Took, Took]:
    """Walks from the opening minute by minute, in the state that the events so far have left."""
    by_minute = {event.at: event.kind for event in told}
    state = "open"
    counted = 0
    answered: int | None = None  # the minutes that had been counted then
    resolved: int | None = None
    instant = told[0].at
    while instant <= now:
        kind = by_minute.get(instant, "")
        if kind == "ticket_answered" and answered is None:
            answered = counted
        elif (kind, state) in NEXT:
            state = NEXT[kind, state]
            resolved = counted if state == "resolved" else None
        counted += instant < now and state == "open" and is_open(instant.astimezone(LOCAL), off)
        instant += MINUTE
    whole = Took(counted if resolved is None else resolved, is_over=resolved is not None)
    return (whole if answered is None else Took(answered, is_over=True)), whole


def is_open(local: datetime, off: set[date]) -> bool:
    day = local.date()
    return day.weekday() < 5 and day not in HOLIDAYS | off and time(8) <= local.time() < time(17)


@settings(max_examples=150, deadline=None)
@given(
    STARTS,
    st.lists(st.tuples(st.integers(1, 2_500), st.sampled_from(LATER)), max_size=7),
    st.sets(st.integers(0, 8), max_size=2),
    st.integers(0, 1_500),
    st.randoms(use_true_random=False),
)
def test_the_clocks_are_those_of_a_desk_that_looks_every_minute(
    start: datetime, steps: list[tuple[int, TicketKind]], off: set[int], rest: int, random: object
) -> None:
    told = [TicketEvent("ticket_opened", start)]
    for minutes, kind in steps:
        told.append(TicketEvent(kind, told[-1].at + minutes * MINUTE))
    now = told[-1].at + rest * MINUTE
    days = {start.astimezone(LOCAL).date() + timedelta(days=n) for n in off}
    shuffled = list(told)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    ticket = replay(shuffled)
    assert ticket is not None
    spans = days_off(days)
    found = first_answer(ticket, CALENDAR, spans, now), resolution(ticket, CALENDAR, spans, now)
    assert found == model(told, days, now)


def test_waiting_for_the_lea_its_holiday_and_the_night_count_for_nobody() -> None:
    """Opened on Monday 23 November 2026 at 16:00; Tuesday is the LEA's own day off, Thursday is Thanksgiving."""
    ticket = replay(
        [
            TicketEvent("ticket_opened", at(2026, 11, 23, 16)),
            TicketEvent("ticket_answered", at(2026, 11, 25, 9)),
            TicketEvent("ticket_waiting", at(2026, 11, 25, 9, 30)),
            TicketEvent("ticket_resumed", at(2026, 11, 25, 15)),
            TicketEvent("ticket_resolved", at(2026, 11, 27, 10)),
        ]
    )
    assert ticket is not None
    off, now = days_off([date(2026, 11, 24)]), at(2026, 12, 1, 12)
    assert first_answer(ticket, CALENDAR, off, now) == Took(120, is_over=True)
    # 60 on Monday, 90 and 120 on Wednesday, 120 on Friday, when schools are open by law
    assert resolution(ticket, CALENDAR, off, now) == Took(390, is_over=True)
    assert resolution(ticket, CALENDAR, [], now) == Took(390 + 9 * 60, is_over=True)


@pytest.mark.parametrize(
    "told", [[], ["ticket_answered"], ["ticket_resolved", "ticket_reopened"]], ids=["nothing", "answer", "more"]
)
def test_a_ticket_whose_opening_nobody_told_is_none(told: list[TicketKind]) -> None:
    assert replay(TicketEvent(kind, at(2026, 11, 23, n)) for n, kind in enumerate(told)) is None


def test_what_a_desk_says_out_of_turn_changes_nothing() -> None:
    opened = TicketEvent("ticket_opened", at(2026, 11, 23, 9))
    odd = [TicketEvent(kind, at(2026, 11, 23, 10)) for kind in ("ticket_resumed", "ticket_reopened")]
    assert replay([opened, *odd]) == replay([opened])
