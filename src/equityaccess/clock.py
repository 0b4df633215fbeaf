"""The one place that asks the time."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

LOCAL = ZoneInfo("America/Los_Angeles")


def now() -> datetime:
    """This instant, in UTC."""
    return datetime.now(UTC)


def today(at: datetime | None = None) -> date:
    """The county's calendar day at *at*, by default now: school years and due dates are counted in local days."""
    return (at or now()).astimezone(LOCAL).date()
