"""The outlook says what can be said, and no more."""

from datetime import date, timedelta

import pytest

from equityaccess.coverage import rules

TODAY = date(2026, 11, 24)


def points(*percents: int, every: int = 7) -> list[tuple[date, int, int]]:
    return [(TODAY + timedelta(days=every * n), percent, 100) for n, percent in enumerate(percents)]


@pytest.mark.parametrize(
    ("pace", "weeks_left", "current", "goal", "note"),
    [
        (1.0, 10.0, 50.0, None, "There is no target."),
        (None, 10.0, 95.0, 95.0, "The target is met."),
        (None, 10.0, 50.0, 95.0, "There is not enough history to say."),
        (None, 10.0, None, 95.0, "There is not enough history to say."),
        (1.0, 0.0, 50.0, 95.0, "The target date has passed, and the target was not met by now."),
        (1.0, -3.0, 50.0, 95.0, "The target date has passed, and the target was not met by now."),
        (0.0, 10.0, 50.0, 95.0, "At the pace of the last weeks the target is never met."),
        (-1.0, None, 50.0, 95.0, "At the pace of the last weeks the target is never met."),
        (1.0, 10.0, 50.0, 95.0, "If the pace of the last weeks holds."),
        (1.0, None, None, 95.0, "If the pace of the last weeks holds."),
    ],
)
def test_the_note_says_what_is_known(
    pace: float | None, weeks_left: float | None, current: float | None, goal: float | None, note: str
) -> None:
    assert rules.outlook_note(pace, weeks_left, current, goal) == note


def test_the_pace_is_the_slope_of_at_least_four_points_with_a_base() -> None:
    assert rules.weekly_pace(points(10, 12, 14, 16)) == pytest.approx(2.0)
    assert rules.weekly_pace(points(16, 14, 12, 10)) == pytest.approx(-2.0)
    assert rules.weekly_pace(points(10, 12, 14)) is None
    assert rules.weekly_pace([*points(10, 12, 14), (TODAY, 0, 0)]) is None
    assert rules.weekly_pace(points(10, 12, 14, 16, every=0)) is None  # all on one day


def test_the_pace_that_is_needed_ends_with_the_date() -> None:
    assert rules.needed_pace(50.0, 95.0, 9.0) == pytest.approx(5.0)
    assert rules.needed_pace(96.0, 95.0, 9.0) == 0
    assert rules.needed_pace(50.0, 95.0, 0.0) is None


@pytest.mark.parametrize("pace", [None, 0.0, -1.0, 0.001])
def test_a_goal_that_no_living_person_would_see_has_no_day(pace: float | None) -> None:
    assert rules.projected_on(50.0, 95.0, pace, TODAY) is None


def test_a_goal_is_met_on_the_day_that_the_pace_leads_to() -> None:
    assert rules.projected_on(50.0, 60.0, 5.0, TODAY) == TODAY + timedelta(weeks=2)
    assert rules.projected_on(60.0, 60.0, None, TODAY) == TODAY


def test_the_slowest_pace_that_counts_takes_fifty_years() -> None:
    assert rules.projected_on(0.0, 50.0, 50 / (50 * 52), TODAY) == TODAY + timedelta(weeks=50 * 52)
