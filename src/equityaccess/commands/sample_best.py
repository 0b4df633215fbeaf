"""What the demo says of BEST: sample waves, and what happened to the milestones of the real LEAs in them.

Everything is invented, is worked out from a hash of what it is about, and says so where it shows. The days are of the
calendar, not of the demo, so that a demo that is started again goes on with the same story.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import Final

import msgspec

from equityaccess.business_time import BusinessTime
from equityaccess.clock import LOCAL
from equityaccess.commands.sample import Reporter, chance
from equityaccess.onboarding.playbook import Milestone, Playbook, Track
from equityaccess.onboarding.roster import RosterRow
from equityaccess.onboarding.structs import MilestoneEventIn

_GO_LIVES: Final[dict[Track, tuple[date, ...]]] = {
    "FIN": (date(2025, 10, 6), date(2026, 4, 6), date(2026, 10, 5), date(2027, 4, 5), date(2027, 10, 4)),
    "HCM": (date(2026, 4, 6), date(2026, 10, 5), date(2027, 4, 5), date(2027, 10, 4), date(2028, 4, 3)),
}
_WITHOUT_STUDENTS: Final = {
    "best:SAMPLE-COLLEGE": "A community college district (SAMPLE DATA)",
    "best:SAMPLE-JPA": "A joint powers authority (SAMPLE DATA)",
}
_SAY: Final = "SAMPLE DATA: "
# Where LEAs get stuck in the sample: on whom they wait, what for, and how many of a hundred do.
_STUCK: Final = (
    ("coa_crosswalk", "lea", "account strings are not mapped yet", 8),
    ("security_roles", "lea", "the approver has not signed the list of roles", 12),
    ("mock_conversion", "county", "the next conversion run is not scheduled", 10),
    ("data_validation", "lea", "totals of the trial balance do not tie", 15),
    ("interfaces_tested", "vendor", "the vendor has not delivered the new interface", 15),
    ("parallel_payroll", "county", "differences of retirement contributions are being looked into", 12),
    ("training", "lea", "fewer than 80 % of the users are trained", 10),
)


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """The days of a milestone in the story of one LEA; *stuck_on* is when it stood still, until it began again."""

    milestone: Milestone
    start_on: date
    done_on: date
    stuck_on: date | None = None
    again_on: date | None = None
    waiting_on: str = ""
    reason: str = ""


def roster(reporters: Sequence[Reporter]) -> list[RosterRow]:
    """Every district, the county office and two agencies without students, on both tracks, in waves of their own."""
    codes = [one.cds for one in reporters if one.kind != "charter"] + list(_WITHOUT_STUDENTS)
    rows = []
    for lea in codes:
        turn = int(chance(lea, "wave") * len(_GO_LIVES["FIN"]))
        for track, go_lives in _GO_LIVES.items():
            go_live = go_lives[turn]
            wave = f"SAMPLE-{track}-{turn + 1}"
            name = f"Sample wave {turn + 1} ({track}, {go_live:%B %Y})"
            row = RosterRow(lea=lea, track=track, wave=wave, go_live_on=go_live, wave_name=name)
            rows.append(msgspec.structs.replace(row, name=_WITHOUT_STUDENTS.get(lea, "")))
    return rows


def events(row: RosterRow, playbook: Playbook, calendar: BusinessTime, until: date) -> list[MilestoneEventIn]:
    """What has happened to one LEA's milestones on one track, *until* included, as it happened."""
    told = (event for step in _story(row, playbook, calendar) for event in _told(row, step))
    return sorted((e for e in told if e.happened_at.date() <= until), key=lambda event: event.happened_at)


def _story(row: RosterRow, playbook: Playbook, calendar: BusinessTime) -> Iterator[Step]:
    """A day to begin and a day to end for every milestone: none before what it needs, some later than planned."""
    slowness = (0, 0, 0, 3, 8)[int(chance(row.lea, row.track, "pace") * 5)]
    done: dict[str, date] = {}
    for key, milestone in playbook.items():
        planned = calendar.shifted(row.go_live_on, milestone.offset_days)
        ready = max((done[need] for need in milestone.needs), default=date.min)
        start = calendar.shifted(planned, -milestone.duration_days)
        start = calendar.shifted(ready, 1) if ready >= start else start
        late = int(slowness * chance(row.lea, row.track, key))
        end = max(calendar.shifted(planned, late), calendar.shifted(start, max(1, milestone.duration_days // 2)))
        step = _stuck(row, Step(milestone=milestone, start_on=start, done_on=end), calendar)
        done[key] = step.done_on
        yield step


def _stuck(row: RosterRow, step: Step, calendar: BusinessTime) -> Step:
    for key, waiting_on, reason, of_100 in _STUCK:
        if step.milestone.key == key and chance(row.lea, row.track, key, "stuck") * 100 < of_100:
            stuck_on = calendar.shifted(step.start_on, 2)
            again_on = calendar.shifted(stuck_on, 20 + int(60 * chance(row.lea, row.track, key, "how long")))
            done_on = max(step.done_on, calendar.shifted(again_on, 5))
            return msgspec.structs.replace(
                step, stuck_on=stuck_on, again_on=again_on, done_on=done_on, waiting_on=waiting_on, reason=reason
            )
    return step


def _told(row: RosterRow, step: Step) -> Iterator[MilestoneEventIn]:
    yield _event(row, step, "started", step.start_on, 9)
    if step.stuck_on and step.again_on:
        more = {"waiting_on": step.waiting_on, "reason": _SAY + step.reason}
        yield _event(row, step, "blocked", step.stuck_on, 11, **more)
        yield _event(row, step, "unblocked", step.again_on, 11)
    yield _event(row, step, "completed", step.done_on, 15, evidence=_SAY + step.milestone.evidence[:200])


def _event(row: RosterRow, step: Step, kind: str, day: date, hour: int, **more: str) -> MilestoneEventIn:
    minutes = timedelta(minutes=int(60 * chance(row.lea, row.track, step.milestone.key, kind)))
    sent = {
        "external_id": f"sample-{row.lea}-{row.track}-{step.milestone.key}-{kind}",
        "lea": row.lea,
        "track": row.track,
        "milestone": step.milestone.key,
        "kind": kind,
        "happened_at": datetime.combine(day, time(hour), LOCAL) + minutes,
    }
    return msgspec.convert(sent | more, MilestoneEventIn)
