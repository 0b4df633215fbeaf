"""Whether a target will be met, as far as the weeks so far tell. Pure."""

from collections.abc import Sequence
from datetime import date

from equityaccess.coverage import rules
from equityaccess.coverage.structs import Goal, Outlook, Point, met_of_base


def outlook(points: Sequence[Point], goal: Goal | None, today: date) -> Outlook:
    """Pace and projection from the last weeks that were counted."""
    counted = [point for point in points[-rules.OUTLOOK_WEEKS :] if point.leas_heard]
    recent = [(point.as_of, *known) for point in counted if (known := met_of_base(point.figures))]
    pace = rules.weekly_pace(recent)
    current = 100 * recent[-1][1] / recent[-1][2] if recent and recent[-1][2] else None
    weeks_left = (goal.target_on - today).days / 7 if goal else None
    note = rules.outlook_note(pace, weeks_left, current, goal.percent if goal else None)
    needed = projected = None
    if goal is not None and current is not None and weeks_left is not None:
        needed = rules.needed_pace(current, goal.percent, weeks_left)
        projected = rules.projected_on(current, goal.percent, pace, today)
    return Outlook(
        weeks_considered=len(recent),
        points_a_week=None if pace is None else round(pace, 3),
        needed_points_a_week=needed,
        projected_on=projected,
        note=note,
    )
