"""Why an LEA needs a person: reasons, their sum, and an item that opens and closes without flapping."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import hypothesis.strategies as st
import msgspec
import pytest
from hypothesis import given

from equityaccess.catalogue.reference import reference_folder
from equityaccess.onboarding.playbook import Milestone
from equityaccess.onboarding.structs import ProgressRow, StatusRow
from equityaccess.support.measures import figures
from equityaccess.triage import rules
from equityaccess.triage.rules import Facts, OnTrack, Open, Resolved
from equityaccess.triage.structs import ReasonCode
from equityaccess.triage.weights import Weights, read_weights

TODAY = date(2026, 11, 2)
NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
WEIGHTS = read_weights((reference_folder() / "triage.toml").read_text())


def status(key: str, state: str = "in_progress", **more: Any) -> StatusRow:
    fields: dict[str, Any] = dict.fromkeys(StatusRow.__struct_fields__) | {
        "lea_id": 1, "track": "FIN", "key": key, "version": 1, "state": state, "since": NOW, "planned_on": TODAY,
        "forecast_on": TODAY, "earliest_on": TODAY, "latest_on": TODAY, "slip_days": 0, "blackouts": [],
        "blocked_times": 0, "reopened_times": 0,
    }  # fmt: skip
    return StatusRow(**(fields | more))


def milestone(key: str) -> Milestone:
    return Milestone(
        key=key, place=1, phase="construct", is_gate=False, offset_days=0, duration_days=10, weight=1,
        evidence="a list", next_action="ask", needs=(),
    )  # fmt: skip


def on(*statuses: StatusRow, days_to_go_live: int = 200, gate: str | None = "uat", **more: Any) -> OnTrack:
    fields: dict[str, Any] = {"is_live": days_to_go_live < 0, "is_onboarded": False} | more
    access = {name: fields.pop(name) for name in ("core_percent", "ess_percent") if name in fields}
    progress = ProgressRow(
        lea_id=1, track="FIN", wave="fin-1", week_ending=TODAY, computed_at=NOW, gates_passed=0, gates=5, waived=0,
        weight_done=0, weight=50, days_behind=0, next_gate=gate, next_gate_on=TODAY,
        go_live_on=TODAY + timedelta(days=days_to_go_live), **fields,
    )  # fmt: skip
    return OnTrack(
        progress=progress, statuses=statuses, book={one.key: milestone(one.key) for one in statuses}, **access
    )


def found(*tracks: OnTrack, **more: Any) -> dict[str, int]:
    reasons = rules.reasons(Facts(today=TODAY, tracks=tracks, **more), WEIGHTS)
    assert rules.score(reasons) == sum(one.points for one in reasons)
    assert [one.points for one in reasons] == sorted((one.points for one in reasons), reverse=True)
    assert all(one.said for one in reasons)
    return {one.code: one.points for one in reasons}


def test_nothing_known_is_no_reason() -> None:
    assert found() == {}
    assert found(on(status("uat"), status("training", "not_started"))) == {}


def test_a_gate_behind_its_plan_counts_double_close_to_go_live_and_never_without_end() -> None:
    late = status("uat", "not_started", slip_days=4)
    assert found(on(late)) == {"gate_overdue": 8}
    assert found(on(late, days_to_go_live=60)) == {"gate_overdue": 16}
    assert found(on(late, days_to_go_live=-10)) == {"gate_overdue": 8}
    assert found(on(status("uat", slip_days=400))) == {"gate_overdue": 40}
    assert found(on(status("other", slip_days=4))) == {}
    assert found(on(late, gate=None)) == {}


def test_what_stands_still_counts_from_twice_its_usual_time_on() -> None:
    assert found(on(status("uat", since=NOW - timedelta(days=28)))) == {}
    assert found(on(status("uat", since=NOW - timedelta(days=29)))) == {"stalled": 5}
    assert found(on(status("uat", since=NOW - timedelta(days=28 + 14)))) == {"stalled": 15}
    assert found(on(status("uat", since=NOW - timedelta(days=400)))) == {"stalled": 20}


@pytest.mark.parametrize("whom", ["lea", "vendor"])
def test_what_is_blocked_counts_by_weeks(whom: str) -> None:
    since = NOW - timedelta(days=15)
    assert found(on(status("uat", "blocked", waiting_on=whom, reason="x", since=since))) == {"blocked": 14}
    assert found(on(status("uat", "blocked", waiting_on=whom, since=NOW - timedelta(days=900)))) == {"blocked": 24}


STATES = st.sampled_from(["not_started", "in_progress", "blocked", "done", "not_applicable"])
KEYS = st.sampled_from(["uat", "training", "mock_conversion", "go_live"])
DAYS = st.integers(0, 300).map(lambda days: NOW - timedelta(days=days))
STATUSES = st.lists(
    st.builds(status, KEYS, STATES, since=DAYS, slip_days=st.integers(-20, 90), waiting_on=st.just("county")),
    unique_by=lambda one: one.key,
)


@given(STATUSES, st.integers(-100, 400))
def test_waiting_for_the_county_never_counts_against_the_lea(statuses: list[StatusRow], days: int) -> None:
    blocked = status("data_validation", "blocked", waiting_on="county", reason="no conversion run", since=NOW)
    codes = found(on(*statuses, blocked, days_to_go_live=days)).keys()
    assert codes.isdisjoint({"blocked", "gate_overdue", "stalled"})


def test_conversion_that_is_repeated_counts_each_time() -> None:
    assert found(on(status("mock_conversion", blocked_times=1, reopened_times=1))) == {"trouble": 16}
    assert found(on(status("mock_conversion", "done", blocked_times=3))) == {}
    assert found(on(status("fit_gap", blocked_times=3))) == {}


def test_training_that_is_not_complete_counts_shortly_before_go_live() -> None:
    late = status("training")
    assert found(on(late, days_to_go_live=21)) == {}
    assert found(on(late, days_to_go_live=20)) == {"training_late": 15}
    assert found(on(status("training", "done"), days_to_go_live=1)) == {}


def test_signing_in_counts_once_the_lea_is_live() -> None:
    assert found(on(core_percent=0.0)) == {}
    assert found(on(days_to_go_live=-5, core_percent=0.0)) == {"core_users_silent": 20}
    assert found(on(days_to_go_live=-5, core_percent=39.9)) == {"core_users_silent": 10}
    assert found(on(days_to_go_live=-5, core_percent=40.0)) == {}
    assert found(on(days_to_go_live=-61, ess_percent=59.0)) == {"ess_low": 6}
    assert found(on(days_to_go_live=-60, ess_percent=0.0)) == {}
    assert found(on(days_to_go_live=-99, core_percent=0.0, is_onboarded=True)) == {}


def test_a_day_that_the_calendar_forbids_counts_once() -> None:
    bad = status("go_live", "not_started", blackouts=["w2_1099"])
    assert found(on(bad, status("uat", blackouts=["w2_1099"]))) == {"calendar": 10}
    assert found(on(status("go_live", "done", blackouts=["w2_1099"]))) == {}


def test_support_counts_when_it_is_late_much_or_none() -> None:
    assert found(tickets_late=2) == {"tickets_old": 6}
    assert found(tickets_late=99) == {"tickets_old": 18}
    assert found(is_silent=True) == {"silence": 14}
    given_ = msgspec.structs.replace(figures([], None, None), tickets_per_100_users=61.0, satisfaction=2.9, ratings=3)
    assert found(support=given_) == {"tickets_many": 8, "dissatisfied": 8}
    calm = msgspec.structs.replace(given_, tickets_per_100_users=60.0, ratings=2)
    assert found(support=calm) == {}


def test_data_counts_when_it_is_silent_owed_or_refused() -> None:
    assert found(feed_is_silent=True, owed=3, last_was_refused=True) == {
        "data_silent": 10,
        "data_owed": 6,
        "data_refused": 6,
    }
    assert found(owed=99) == {"data_owed": 16}


def test_every_reason_has_a_weight_a_sentence_and_an_action() -> None:
    for code in msgspec.inspect.type_info(ReasonCode).values:  # type: ignore[union-attr]
        weight = WEIGHTS.of(str(code))
        assert weight.points > 0
        assert weight.why
        assert rules.top([rules.Reason(code=code, points=1, said="x")], WEIGHTS) == weight.action  # type: ignore[arg-type]
    assert rules.top([], WEIGHTS) is None


def test_a_weight_that_is_no_weight_of_ours_is_refused() -> None:
    text = (reference_folder() / "triage.toml").read_text()
    for wrong in (text.replace("[stalled]", "[stalle]"), text.replace("close_below", "close_beyond")):
        with pytest.raises(msgspec.ValidationError):
            read_weights(wrong)


@given(st.lists(st.integers(0, 60), min_size=1, max_size=80))
def test_an_item_opens_at_one_bound_closes_below_another_and_does_not_flap(scores: list[int]) -> None:
    before: Open | Resolved | None = None
    opened = closed = 0
    for run, points in enumerate(scores):
        step, quiet = rules.step(NOW, points, before, WEIGHTS)
        if step == "open":
            assert before is None
            assert points >= WEIGHTS.open_at
            opened += 1
            before = Open(quiet_runs=0)
        elif step == "close":
            assert all(one < WEIGHTS.close_below for one in scores[run - WEIGHTS.close_after_runs + 1 : run + 1])
            closed += 1
            before = None
        elif step == "keep":
            before = Open(quiet_runs=quiet)
    assert closed <= opened <= closed + 1
    assert closed <= len(scores) // WEIGHTS.close_after_runs


def test_what_was_resolved_rests_unless_it_gets_much_worse() -> None:
    done = Resolved(at=NOW - timedelta(days=6), score=40)
    assert rules.step(NOW, 59, done, WEIGHTS)[0] == "nothing"
    assert rules.step(NOW, 60, done, WEIGHTS)[0] == "open"
    rested = Resolved(at=NOW - timedelta(days=7), score=40)
    assert rules.step(NOW, 30, rested, WEIGHTS)[0] == "open"
    assert rules.step(NOW, 29, rested, WEIGHTS)[0] == "nothing"


def test_weights_are_read_as_they_are_written() -> None:
    assert isinstance(WEIGHTS, Weights)
    assert (WEIGHTS.open_at, WEIGHTS.close_below) == (30, 15)
