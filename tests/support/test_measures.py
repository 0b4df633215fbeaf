"""The plan's measures, from what LEAs were given: sums before shares, the unknown beside them."""

from hypothesis import given, settings
from hypothesis import strategies as st

from equityaccess.support.measures import Count, Given, access, clock, figures
from equityaccess.support.tickets import Took

FIN, BOTH = frozenset({"FIN"}), frozenset({"FIN", "HCM"})


def count(
    track: str, active: int, provisioned: int, activated: int | None = None, employees: int | None = None
) -> Count:
    return Count(
        track=track,  # type: ignore[arg-type]
        core_users_30_days=active,
        core_provisioned=provisioned,
        ess_activated=activated,
        employees=employees,
    )


def test_core_users_and_self_service_are_kept_apart() -> None:
    every = [
        Given(tracks=BOTH, counts=(count("HCM", 5, 10, 900, 1_000), count("FIN", 1, 4))),
        Given(tracks=BOTH, counts=(count("HCM", 1, 30, 50, 2_000),)),
    ]
    hcm = access(every, "HCM")
    assert (hcm.core_percent, hcm.ess_percent) == (15.0, 31.66)  # 6 of 40, and not the mean of two shares; cut
    assert (hcm.leas_counted, hcm.leas_unheard) == (2, 0)
    fin = access(every, "FIN")
    assert (fin.leas_counted, fin.leas_unheard, fin.core_percent, fin.ess_percent) == (1, 1, 25.0, None)


def test_help_is_measured_by_those_who_may_need_it() -> None:
    one = Given(tracks=FIN, counts=(count("FIN", 20, 40),), sessions=3, session_minutes=240, people=25)
    found = figures([one], None, None)
    assert (found.users, found.sessions_per_100_users, found.hours_per_100_users) == (40, 7.5, 10.0)
    unknown = figures([Given(tracks=FIN, sessions=3)], None, None)
    assert (unknown.sessions, unknown.users, unknown.sessions_per_100_users) == (3, 0, None)


def test_a_ticket_that_nobody_answers_is_late_as_soon_as_its_time_is_over() -> None:
    times = [Took(100, is_over=True), Took(300, is_over=True), Took(241, is_over=False), Took(10, is_over=False)]
    found = clock(times, 240)
    assert (found.due, found.within_target, found.within_percent, found.median_minutes) == (3, 1, 33.33, 100)
    assert clock(times, None).within_percent is None
    assert clock([], 240).median_minutes is None


def test_silence_is_nobody_signing_in_and_nobody_asking() -> None:
    counts = (count("FIN", 0, 12),)
    cases = [
        (Given(tracks=FIN, counts=counts), True),
        (Given(tracks=FIN, counts=counts, recent_tickets=1), False),
        (Given(tracks=FIN, counts=(count("FIN", 1, 12),)), False),
        (Given(tracks=FIN), False),  # nothing is known of it, and that is counted elsewhere
    ]
    assert [one.is_silent for one, _ in cases] == [silent for _, silent in cases]
    assert figures([one for one, _ in cases], None, None).leas_silent == 1
    assert access([one for one, _ in cases], "FIN").leas_unheard == 1


def test_days_since_contact_are_the_longest_and_never_is_counted_apart() -> None:
    every = [Given(tracks=FIN, days_since_contact=days) for days in (3, 41, None)]
    found = figures(every, None, None)
    assert (found.days_since_contact, found.leas_never_contacted) == (41, 1)


def test_satisfaction_comes_with_its_response_rate() -> None:
    every = [
        Given(tracks=FIN, ratable=8, ratings=1, satisfaction_sum=5),
        Given(tracks=FIN, ratable=2, ratings=2, satisfaction_sum=4),
    ]
    found = figures(every, None, None)
    assert (found.satisfaction, found.response_percent) == (3.0, 30.0)
    assert figures([Given(tracks=FIN)], None, None).satisfaction is None


GIVEN = st.builds(
    Given,
    tracks=st.just(FIN),
    counts=st.integers(0, 50).flatmap(
        lambda provisioned: st.integers(0, provisioned).map(lambda active: (count("FIN", active, provisioned),))
    )
    | st.just(()),
    sessions=st.integers(0, 9),
    resolutions=st.lists(st.builds(Took, st.integers(0, 999), is_over=st.booleans()), max_size=4).map(tuple),
    ratable=st.integers(3, 9),
    ratings=st.integers(0, 3),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(GIVEN, max_size=6))
def test_no_share_passes_a_hundred_and_the_whole_is_the_sum_of_its_parts(every: list[Given]) -> None:
    whole = figures(every, 100, 500)
    parts = [figures([one], 100, 500) for one in every]
    for name in ("sessions", "users", "tickets_opened", "ratings", "leas_silent"):
        assert getattr(whole, name) == sum(getattr(part, name) for part in parts)
    assert whole.resolution.due == sum(part.resolution.due for part in parts)
    found = access(every, "FIN")
    assert found.leas_counted + found.leas_unheard == len(every)
    for share in (whole.response_percent, whole.resolution.within_percent, found.core_percent):
        assert share is None or 0 <= share <= 100
    if found.core_percent == 100:
        assert found.core_users_30_days == found.core_provisioned
