from collections import Counter
from datetime import date, timedelta
from uuid import UUID

import pytest

from equityaccess.bundled import bundled
from equityaccess.business_time import BusinessTime
from equityaccess.catalogue.reference import read_reference, reference_folder
from equityaccess.commands import sample, sample_best
from equityaccess.onboarding.playbook import PlaybookRow, Track, playbook
from equityaccess.onboarding.roster import RosterRow
from equityaccess.onboarding.rules import Event, Waiver, replay
from equityaccess.onboarding.structs import Holiday, MilestoneEventIn

TODAY = date(2026, 11, 23)
REPORTERS = sample.reporters(bundled("db") / "reference", TODAY)
TRACKS: tuple[Track, ...] = ("FIN", "HCM")
BOOKS = {track: playbook(read_reference(reference_folder() / "playbook.csv", PlaybookRow), track) for track in TRACKS}
CALENDAR = BusinessTime(row.day for row in read_reference(reference_folder() / "holidays.csv", Holiday))


def told(row: RosterRow, until: date) -> list[MilestoneEventIn]:
    return sample_best.events(row, BOOKS[row.track], CALENDAR, until)


def as_rules_know_it(number: int, one: MilestoneEventIn) -> Event:
    waiver = Waiver(granted_by=one.waiver.granted_by, reason=one.waiver.reason) if one.waiver else None
    return Event(
        event_id=UUID(int=number),
        key=one.milestone,
        kind=one.kind,
        happened_at=one.happened_at,
        evidence=one.evidence,
        waiting_on=one.waiting_on,
        reason=one.reason,
        planned_on=one.planned_on,
        waiver=waiver,
    )


def test_every_district_takes_part_on_both_tracks_and_so_do_agencies_without_students() -> None:
    rows = sample_best.roster(REPORTERS)
    assert len(rows) == len({(row.lea, row.track) for row in rows}) == 2 * (80 + 2)
    assert {row.lea for row in rows if row.name} == {"best:SAMPLE-COLLEGE", "best:SAMPLE-JPA"}
    assert all("SAMPLE" in row.wave and "SAMPLE DATA" in (row.name or "SAMPLE DATA") for row in rows)


@pytest.mark.parametrize("today", [TODAY, date(2025, 9, 1), date(2028, 12, 31)], ids=str)
def test_what_happened_could_have_happened_so(today: date) -> None:
    for row in sample_best.roster(REPORTERS):
        events = told(row, today)
        replay((as_rules_know_it(number, one) for number, one in enumerate(events)), BOOKS[row.track])
        assert len({one.external_id for one in events}) == len(events)
        assert all("SAMPLE DATA" in text for one in events for text in (one.evidence, one.reason) if text)


def test_a_later_day_only_adds_to_the_story() -> None:
    for row in sample_best.roster(REPORTERS):
        earlier, later = told(row, TODAY), told(row, TODAY + timedelta(days=90))
        assert later[: len(earlier)] == earlier
        assert all(one.happened_at.date() > TODAY for one in later[len(earlier) :])


def test_leas_lag_for_different_reasons() -> None:
    stuck: Counter[str | None] = Counter()
    for row in sample_best.roster(REPORTERS):
        status = replay((as_rules_know_it(n, one) for n, one in enumerate(told(row, TODAY))), BOOKS[row.track])
        stuck.update(one.waiting_on for one in status.values() if one.state == "blocked")
    assert set(stuck) == {"lea", "county", "vendor"}
