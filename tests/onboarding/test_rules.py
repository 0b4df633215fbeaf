"""Playbooks, events, dates and progress, without a database."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from equityaccess.business_time import BusinessTime
from equityaccess.catalogue.reference import read_reference, reference_folder
from equityaccess.onboarding.dates import Blackout, Course, Dates, Took, dates, usual
from equityaccess.onboarding.playbook import PlaybookRow, Track, UnsoundPlaybook, playbook
from equityaccess.onboarding.progress import progress, together
from equityaccess.onboarding.rules import Event, Kind, NotPossible, Status, Waiver, replay
from equityaccess.onboarding.structs import Holiday

ROWS = read_reference(reference_folder() / "playbook.csv", PlaybookRow)
BOOKS = {track: playbook(ROWS, track) for track in ("FIN", "HCM")}
CALENDAR = BusinessTime(row.day for row in read_reference(reference_folder() / "holidays.csv", Holiday))
BLACKOUTS = read_reference(reference_folder() / "blackouts.csv", Blackout)
GO_LIVE_ON = date(2026, 12, 1)
TODAY = date(2026, 6, 1)


def event(number: int, key: str, kind: Kind, on: date | datetime, **more: object) -> Event:
    at = on if isinstance(on, datetime) else datetime(on.year, on.month, on.day, 18, tzinfo=UTC)
    usual_fields: dict[Kind, dict[str, object]] = {
        "completed": {"evidence": "minutes of 3 June"},
        "blocked": {"waiting_on": "vendor", "reason": "the interface fails"},
        "reopened": {"reason": "totals differ"},
        "not_applicable": {"reason": "no such system"},
        "replanned": {"planned_on": date(2026, 8, 3), "reason": "moved by the board"},
    }
    return Event(
        event_id=UUID(int=number), key=key, kind=kind, happened_at=at, **{**usual_fields.get(kind, {}), **more}
    )  # type: ignore[arg-type]


def course(statuses: dict[str, Status], track: Track = "HCM", go_live: date = GO_LIVE_ON, **took: Took) -> Course:
    return Course(track=track, go_live_on=go_live, playbook=BOOKS[track], statuses=statuses, took=took)


def seen(statuses: dict[str, Status], today: date = TODAY, **more: object) -> dict[str, Dates]:
    return dates(course(statuses, **more), today, CALENDAR, BLACKOUTS)  # type: ignore[arg-type]


# The playbook -----------------------------------------------------------------------------------------------------


def test_the_playbook_has_28_milestones_in_6_phases_and_5_gates_a_track() -> None:
    assert len(ROWS) == 28
    assert len({row.phase for row in ROWS}) == 6
    for track, book in BOOKS.items():
        assert sum(one.is_gate for one in book.values()) == 5, track
        assert next(iter(book)) == "participation_agreement"
    assert "parallel_payroll" not in BOOKS["FIN"]
    assert "parallel_payroll" not in BOOKS["FIN"]["go_no_go"].needs


def test_nothing_is_planned_before_what_it_needs() -> None:
    for book in BOOKS.values():
        for one in book.values():
            assert all(book[need].offset_days <= one.offset_days for need in one.needs), one.key


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"project_team": "security_roles"}, "each other in a circle"),
        ({"go_live": "go_live"}, "each other in a circle"),
        ({"uat": "user_tests"}, "uat needs user_tests, which the playbook does not have"),
    ],
)
def test_no_circle_and_no_stranger_can_be_loaded(changed: dict[str, str], said: str) -> None:
    rows = [msgspec.structs.replace(row, needs=changed.get(row.key, row.needs)) for row in ROWS]
    with pytest.raises(UnsoundPlaybook, match=said):
        playbook(rows, "HCM")


def test_a_track_without_a_go_live_is_refused() -> None:
    with pytest.raises(UnsoundPlaybook, match="no go_live"):
        playbook([msgspec.structs.replace(row, needs="") for row in ROWS if row.key == "uat"], "FIN")


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from([row.key for row in ROWS]), st.sampled_from([row.key for row in ROWS])), max_size=6
    )
)
def test_whatever_needs_are_added_a_loaded_playbook_has_an_order(pairs: list[tuple[str, str]]) -> None:
    added = {key: " ".join(need for k, need in pairs if k == key) for key, _ in pairs}
    rows = [msgspec.structs.replace(row, needs=f"{row.needs} {added.get(row.key, '')}".strip()) for row in ROWS]
    try:
        book = playbook(rows, "HCM")
    except UnsoundPlaybook:
        return
    places = {key: place for place, key in enumerate(book)}
    assert all(places[need] < places[key] for key, one in book.items() for need in one.needs)


# Events -----------------------------------------------------------------------------------------------------------

KINDS: Sequence[Kind] = ("started", "completed", "blocked", "unblocked", "reopened", "not_applicable", "replanned")
STEPS = st.lists(
    st.tuples(st.sampled_from(["uat", "training", "data_validation", "go_no_go"]), st.sampled_from(KINDS)),
    min_size=1,
    max_size=14,
)


@settings(max_examples=200, deadline=None)
@given(STEPS, st.randoms(use_true_random=False))
def test_whatever_order_events_are_told_in_the_state_is_the_same(steps: list[tuple[str, Kind]], random: object) -> None:
    happened: list[Event] = []
    for number, (key, kind) in enumerate(steps):
        candidate = event(number, key, kind, TODAY + timedelta(days=number // 2))
        try:
            replay([*happened, candidate], BOOKS["HCM"])
        except NotPossible:
            continue
        happened.append(candidate)
    told = list(happened)
    random.shuffle(told)  # type: ignore[attr-defined]
    assert replay(told, BOOKS["HCM"]) == replay(happened, BOOKS["HCM"])


@pytest.mark.parametrize(
    ("before", "kind", "code"),
    [
        ([], "unblocked", "wrong-state"),
        ([], "reopened", "wrong-state"),
        (["completed"], "completed", "wrong-state"),
        (["completed"], "replanned", "wrong-state"),
        (["completed"], "started", "wrong-state"),
        (["blocked"], "completed", "wrong-state"),
        (["not_applicable"], "completed", "wrong-state"),
    ],
)
def test_what_does_not_fit_is_refused(before: list[Kind], kind: Kind, code: str) -> None:
    told = [event(n, "training", one, TODAY) for n, one in enumerate([*before, kind])]
    with pytest.raises(NotPossible) as refused:
        replay(told, BOOKS["HCM"])
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        ("completed", "evidence"), ("blocked", "waiting_on"), ("blocked", "reason"), ("reopened", "reason"),
        ("not_applicable", "reason"), ("replanned", "planned_on"), ("replanned", "reason"),
    ],
)  # fmt: skip
def test_an_event_says_what_makes_it_checkable(kind: Kind, field: str) -> None:
    before = [event(0, "training", "completed", TODAY)] if kind == "reopened" else []
    with pytest.raises(NotPossible, match=f"needs {field}"):
        replay([*before, event(1, "training", kind, TODAY, **{field: None})], BOOKS["HCM"])


def test_a_gate_waits_for_what_it_needs_unless_somebody_waives_it() -> None:
    with pytest.raises(NotPossible, match="training") as refused:
        replay([event(1, "go_no_go", "completed", TODAY)], BOOKS["HCM"])
    assert refused.value.code == "gate-not-ready"
    waiver = Waiver(granted_by="steering committee", reason="decided on 1 June")
    status = replay([event(1, "go_no_go", "completed", TODAY, waiver=waiver)], BOOKS["HCM"])["go_no_go"]
    assert (status.state, status.waiver) == ("done", waiver)
    with pytest.raises(NotPossible) as never:
        replay([event(1, "go_no_go", "not_applicable", TODAY)], BOOKS["HCM"])
    assert never.value.code == "gate-applies"


def test_a_need_told_late_lets_the_gate_pass_only_if_it_happened_before() -> None:
    gate = BOOKS["FIN"]["go_no_go"]
    told = [event(9, "go_no_go", "completed", TODAY)]
    needs = [
        event(
            n,
            need,
            "not_applicable" if not BOOKS["FIN"][need].is_gate else "completed",
            TODAY - timedelta(days=1),
            waiver=Waiver(granted_by="x", reason="y") if BOOKS["FIN"][need].is_gate else None,
        )
        for n, need in enumerate(gate.needs)
    ]
    assert replay([*told, *needs], BOOKS["FIN"])["go_no_go"].state == "done"
    late = [msgspec.structs.replace(one, happened_at=one.happened_at + timedelta(days=2)) for one in needs]
    with pytest.raises(NotPossible):
        replay([*told, *late], BOOKS["FIN"])


# Dates ------------------------------------------------------------------------------------------------------------


def test_a_slip_in_data_validation_moves_what_needs_it_and_lands_in_the_w2_blackout() -> None:
    """HCM, go-live planned on Friday 18 December 2026; data validation is done ten business days late."""
    go_live = date(2026, 12, 18)
    plan = seen({}, today=date(2025, 11, 3), go_live=go_live)
    planned = plan["data_validation"].planned_on
    late = CALENDAR.shifted(planned, 10)
    assert (planned, late) == (date(2026, 7, 7), date(2026, 7, 21))
    earlier = [key for key, one in plan.items() if one.planned_on < planned]
    told = [event(n, key, "completed", plan[key].planned_on) for n, key in enumerate(earlier)]
    before = seen(replay(told, BOOKS["HCM"]), today=date(2026, 7, 1), go_live=go_live)
    told.append(event(99, "data_validation", "completed", late))
    after = seen(replay(told, BOOKS["HCM"]), today=date(2026, 7, 22), go_live=go_live)
    for key in ("interfaces_tested", "uat", "parallel_payroll", "cutover_plan", "training", "go_no_go", "go_live"):
        assert CALENDAR.between(before[key].forecast_on, after[key].forecast_on) == 10, key
    assert before["mock_conversion"] == after["mock_conversion"]
    assert before["go_live"].blackouts == ()
    assert after["go_live"].forecast_on == date(2027, 1, 5)  # over Christmas Day and New Year's Day
    assert after["go_live"].blackouts == ("w2_1099",)
    assert after["go_live"].planned_on == go_live


def test_time_that_passes_moves_what_is_not_done() -> None:
    days = seen({}, today=date(2026, 11, 2))
    assert days["participation_agreement"].forecast_on == date(2026, 11, 2)
    assert days["go_live"].forecast_on > GO_LIVE_ON
    assert days["go_live"].slip_days == days["participation_agreement"].slip_days


@settings(max_examples=150, deadline=None)
@given(
    st.dates(date(2026, 6, 1), date(2027, 12, 31)), st.sampled_from(["go_live", "uat", "training"]), st.integers(0, 200)
)
def test_replanning_never_moves_what_has_happened(to: date, key: str, today: int) -> None:
    first = [
        event(1, "participation_agreement", "completed", date(2026, 1, 5)),
        event(2, "project_team", "completed", date(2026, 1, 20)),
    ]
    day = TODAY + timedelta(days=today)
    before = seen(replay(first, BOOKS["HCM"]), today=day)
    after = seen(replay([*first, event(3, key, "replanned", TODAY, planned_on=to)], BOOKS["HCM"]), today=day)
    for happened in ("participation_agreement", "project_team"):
        assert after[happened] == before[happened]
    assert after[key].planned_on == to
    if key == "go_live":
        assert after["uat"].planned_on == CALENDAR.shifted(to, BOOKS["HCM"]["uat"].offset_days)


def test_what_does_not_apply_holds_nobody_up() -> None:
    none = replay([event(1, "third_party_inventory", "not_applicable", date(2026, 1, 5))], BOOKS["FIN"])
    late = replay([event(1, "third_party_inventory", "completed", date(2026, 5, 29))], BOOKS["FIN"])
    key, day = "process_map_and_resource_plan", date(2025, 11, 3)
    assert seen(none, today=day, track="FIN")[key].slip_days == 0
    assert seen(late, today=day, track="FIN")[key].slip_days > 0


def test_how_long_others_took_moves_the_forecast_and_gives_a_range() -> None:
    milestone = BOOKS["HCM"]["uat"]
    assert usual([30] * 4, milestone) == Took(days=20, least=20, most=20, leas=0)
    took = usual([20, 25, 30, 35, 40, 45, 50, 55, 60, 65, 70], milestone)
    assert took == Took(days=45, least=25, most=65, leas=11)
    days = seen({}, today=date(2025, 11, 3), uat=took)["uat"]
    assert days.slip_days == 25
    assert CALENDAR.between(days.earliest_on, days.latest_on) == 40


# Progress ---------------------------------------------------------------------------------------------------------

STATES = st.dictionaries(
    st.sampled_from([key for key, one in BOOKS["FIN"].items() if not one.is_gate]),
    st.sampled_from(["not_applicable", "completed", "started"]),
    max_size=12,
)


def status_of(states: dict[str, str]) -> dict[str, Status]:
    return replay([event(n, key, kind, date(2026, 1, 5)) for n, (key, kind) in enumerate(states.items())], BOOKS["FIN"])  # type: ignore[arg-type]


@settings(max_examples=150, deadline=None)
@given(STATES, st.sampled_from([key for key, one in BOOKS["FIN"].items() if not one.is_gate]))
def test_not_applicable_is_never_counted_as_done(states: dict[str, str], key: str) -> None:
    assume(key not in states)
    before, after = status_of(states), status_of(states | {key: "not_applicable"})
    one, other = (progress(BOOKS["FIN"], found, seen(found, track="FIN")) for found in (before, after))
    assert other.weight_done == one.weight_done
    assert other.weight == one.weight - BOOKS["FIN"][key].weight
    assert (other.gates_passed, other.gates) == (one.gates_passed, one.gates)


def test_a_waived_gate_is_passed_and_said_to_be_waived() -> None:
    waived = replay(
        [event(1, "security_roles", "completed", TODAY, waiver=Waiver(granted_by="x", reason="y"))], BOOKS["FIN"]
    )
    found = progress(BOOKS["FIN"], waived, seen(waived, track="FIN"))
    assert (found.gates_passed, found.waived, found.is_onboarded) == (1, 1, False)
    assert found.weight_done == BOOKS["FIN"]["security_roles"].weight
    assert found.next_gate == "process_map_and_resource_plan"


def test_onboarded_is_live_and_past_the_last_gate() -> None:
    waiver = Waiver(granted_by="x", reason="y")
    live = [event(1, "go_live", "completed", GO_LIVE_ON)]
    past = [*live, event(2, "hypercare_exit", "completed", date(2027, 1, 20), waiver=waiver)]
    found = [
        progress(BOOKS["HCM"], status, seen(status))
        for status in ({}, replay(live, BOOKS["HCM"]), replay(past, BOOKS["HCM"]))
    ]
    county = together(found)
    assert (county.participating, county.live, county.onboarded) == (3, 2, 1)
    assert together([]).participating == 0
