"""Makes the answers out of rows. Pure."""

from collections.abc import Mapping, Sequence
from itertools import groupby

import msgspec

from equityaccess.onboarding.dates import Dates
from equityaccess.onboarding.playbook import Milestone, Playbook, PlaybookRow, Track
from equityaccess.onboarding.progress import Progress, together
from equityaccess.onboarding.rules import Waiver
from equityaccess.onboarding.structs import (
    LeaOnboarding,
    LeaProgress,
    MilestoneOut,
    OnboardingReport,
    OnboardingSeries,
    OnboardingWeek,
    Participation,
    PlaybookMilestone,
    PlaybookOut,
    ProgressRow,
    StatusRow,
    TrackOut,
)

TARGET_PERCENT = 100  # LACOE, Strategic Plan 2022-2025: 100 % of participating LEAs onboarded


def playbook_out(rows: Sequence[PlaybookRow]) -> PlaybookOut:
    """The rows of one version as callers see them."""
    milestones = [
        msgspec.convert(
            {
                **msgspec.structs.asdict(row),
                "milestone": row.key,
                "tracks": row.tracks.split(),
                "gate_on": row.gate_on.split(),
                "needs": row.needs.split(),
            },
            PlaybookMilestone,
        )
        for row in rows
    ]
    return PlaybookOut(version=rows[0].version, milestones=milestones)


def lea_onboarding(
    code: str,
    taking_part: Sequence[Participation],
    statuses: Sequence[StatusRow],
    progress: Sequence[ProgressRow],
    books: Mapping[tuple[int, Track], Playbook],
) -> LeaOnboarding:
    """An LEA's onboarding on every track, milestones in the order of the playbook."""
    tracks = []
    for who in taking_part:
        book = books[who.playbook_version, who.track]
        mine = {row.key: row for row in statuses if row.track == who.track}
        [newest] = [row for row in progress if row.track == who.track]
        ordered = sorted(book.values(), key=lambda milestone: milestone.place)
        milestones = [_milestone(code, mine[one.key], one) for one in ordered]
        tracks.append(
            TrackOut(
                track=who.track,
                wave=who.wave,
                playbook_version=who.playbook_version,
                progress=_progress(newest),
                milestones=milestones,
            )
        )
    return LeaOnboarding(lea=code, tracks=tracks)


def _milestone(code: str, row: StatusRow, milestone: Milestone) -> MilestoneOut:
    waiver = None
    if row.waiver_granted_by is not None and row.waiver_reason is not None:
        waiver = Waiver(granted_by=row.waiver_granted_by, reason=row.waiver_reason)
    return MilestoneOut(
        lea=code,
        track=row.track,
        milestone=row.key,
        phase=milestone.phase,
        is_gate=milestone.is_gate,
        version=row.version,
        state=row.state,
        since=row.since,
        waiting_on=row.waiting_on,
        reason=row.reason,
        evidence=row.evidence,
        evidence_asked=milestone.evidence,
        waiver=waiver,
        needs=list(milestone.needs),
        next_action=milestone.next_action,
        dates=msgspec.convert(row, Dates, from_attributes=True),
    )


def _progress(row: ProgressRow) -> Progress:
    return msgspec.convert(row, Progress, from_attributes=True)


def report(scope: str, rows: Sequence[ProgressRow], codes: Mapping[int, str]) -> OnboardingReport:
    """The newest figures of *rows*, and each of them; *codes* by LEA."""
    figures = together(rows)
    return OnboardingReport(
        scope=scope,
        target_percent=TARGET_PERCENT,
        onboarded_percent=figures.onboarded * 100 // figures.participating if figures.participating else None,
        figures=figures,
        computed_at=max((row.computed_at for row in rows), default=None),
        leas=[
            LeaProgress(
                lea=codes[row.lea_id],
                track=row.track,
                wave=row.wave,
                week_ending=row.week_ending,
                progress=_progress(row),
            )
            for row in sorted(rows, key=lambda row: (row.track, codes[row.lea_id]))
        ],
    )


def series(scope: str, rows: Sequence[ProgressRow]) -> OnboardingSeries:
    """The figures of each week of *rows*, which come by week."""
    weeks = groupby(rows, key=lambda row: row.week_ending)
    return OnboardingSeries(
        scope=scope, weeks=[OnboardingWeek(week_ending=week, figures=together(some)) for week, some in weeks]
    )
