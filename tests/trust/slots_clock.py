"""Promise 26: no clock change and no new school year skips, doubles or misplaces anything, from 2024 to 2034.

Method: every slot of the jobs that ship, and of schedules made at random, is compared with a slow model that walks
through the days and knows no library. The county's day is compared with the rule of the law (second Sunday of March to
first Sunday of November, 02:00), hour by hour, and minute by minute around each change; school years and Census Days
with a walk through the calendar; and the job that turns the day with the days there are: one slot in each, after its
midnight.
Figure: slots compared, doubled and omitted; changes of the clock; days, school years and instants that differ.
Mutant: the schedule is read in local time.
"""

import random
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from equityaccess import clock
from equityaccess.leas.school_year import census_day, first_day
from equityaccess.scheduler import schedule
from equityaccess.scheduler.schedule import current_slot, read_schedule, slots
from equityaccess.scheduler.structs import Job
from tests.trust.harness import Figure, Harness, Run

_FIRST, _LAST = 2024, 2034
_FROM, _UNTIL = datetime(_FIRST, 1, 1, tzinfo=UTC), datetime(_LAST + 1, 1, 1, tzinfo=UTC)
_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


# The slow model ---------------------------------------------------------------------------------------------------


def _sunday(year: int, month: int, which: int) -> date:
    found = [date(year, month, day) for day in range(1, 15) if date(year, month, day).weekday() == 6]
    return found[which - 1]


def edges(first: int, last: int) -> list[datetime]:
    """The clock changes in Los Angeles: at 02:00 standard time in March, at 02:00 daylight time in November."""
    found = []
    for year in range(first, last + 1):
        for day, offset in ((_sunday(year, 3, 2), 8), (_sunday(year, 11, 1), 7)):
            found.append(datetime(day.year, day.month, day.day, 2 + offset, tzinfo=UTC))
    return found


_EDGES = edges(_FIRST - 1, _LAST + 1)


def _local(at: datetime) -> datetime:
    """The wall clock in Los Angeles at *at*: it is summer after an odd number of changes."""
    passed = sum(edge <= at for edge in _EDGES)
    return at.astimezone(UTC) - timedelta(hours=7 if passed % 2 else 8)


def _field(text: str, first: int, last: int, names: tuple[str, ...] = ()) -> set[int]:
    """The numbers that a field of a cron line means."""
    found: set[int] = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        low, _, high = span.partition("-")
        begin = first if low == "*" else names.index(low) + first if low in names else int(low)
        end = last if low == "*" else (names.index(high) + first if high in names else int(high)) if high else begin
        found |= set(range(begin, end + 1, int(step or 1)))
    return found


def _model(cron: str) -> Iterator[datetime]:
    minutes, hours, days, months, weekdays = cron.split()
    wanted_days, wanted_months = _field(days, 1, 31), _field(months, 1, 12, _MONTHS)
    wanted_weekdays = _field(weekdays, 0, 6, _WEEKDAYS)
    times = [(h, m) for h in sorted(_field(hours, 0, 23)) for m in sorted(_field(minutes, 0, 59))]
    day = _FROM
    while day < _UNTIL:
        if day.day in wanted_days and day.month in wanted_months and day.weekday() in wanted_weekdays:
            for hour, minute in times:
                yield day.replace(hour=hour, minute=minute)
        day += _DAY


# What is compared -------------------------------------------------------------------------------------------------


def _random_cron(chance: random.Random) -> str:
    hour = chance.choice(["*/6", "1,2,9,10", "8-10", str(chance.randrange(24))])
    day, month, weekday = "*", "*", "*"
    match chance.randrange(4):
        case 0:
            day = str(chance.randrange(1, 32))
        case 1:
            month = chance.choice([*_MONTHS, "mar,nov", "6-8"])
        case 2:
            weekday = chance.choice([*_WEEKDAYS, "mon-fri", "sat,sun"])
    return f"{chance.randrange(60)} {hour} {day} {month} {weekday}"


def _compare(job: Job, seen: Counter[str]) -> None:
    assert job.cron
    model = set(_model(job.cron))
    found = Counter(slots(job, _FROM - timedelta(microseconds=1), _UNTIL - timedelta(microseconds=1)))
    seen["slots"] += len(model)
    seen["doubled"] += sum(times - 1 for times in found.values())
    seen["omitted"] += len(model - found.keys())
    seen["invented"] += len(found.keys() - model)


def _frequent(seen: Counter[str]) -> None:
    """A job of every second and one of every five minutes, second by second over each change."""
    for edge in edges(_FIRST, _LAST):
        for every_s in (1, 300):
            job = Job(name="often", run="a:b", why="a harness", every_s=every_s)
            instants = [edge + timedelta(seconds=n) for n in range(-1800, 1800)]
            found = {current_slot(job, instant) for instant in instants}
            wanted = {instant for instant in instants if int(instant.timestamp()) % every_s == 0}
            seen["slots"] += len(wanted)
            seen["omitted"] += len(wanted - found)
            seen["invented"] += len(found - wanted)


def _turn_of_the_day(seen: Counter[str]) -> None:
    """Each day of the county has one slot of the job that turns it, within two hours of its midnight."""
    [job] = [job for job in read_schedule() if job.name == "expire-coverage"]
    turned = Counter(
        _local(slot).date() for slot in slots(job, _FROM, _UNTIL) if _local(slot).hour < 2 and _local(slot).minute > 0
    )
    day = date(_FIRST, 1, 1)
    while day <= date(_LAST, 12, 31):
        seen["days"] += 1
        seen["differ"] += turned[day] != 1
        day += _DAY


def _instants(seen: Counter[str]) -> None:
    """The county's day and its school year, hour by hour, and minute by minute around each change and each 1 July."""
    near = [edge + n * _MINUTE for edge in edges(_FIRST, _LAST) for n in range(-180, 180)]
    near += [
        datetime(year, 7, 1, 7, tzinfo=UTC) + n * _MINUTE for year in range(_FIRST, _LAST + 1) for n in range(-90, 90)
    ]
    hours = int((_UNTIL - _FROM) / _HOUR)
    for instant in [_FROM + n * _HOUR for n in range(hours)] + near:
        day = _local(instant).date()
        begins = date(day.year, 7, 1) if (day.month, day.day) >= (7, 1) else date(day.year - 1, 7, 1)
        seen["instants"] += 1
        seen["differ"] += clock.today(instant) != day or first_day(clock.today(instant)) != begins


def _census_days(seen: Counter[str]) -> None:
    for year in range(_FIRST, _LAST + 1):
        day = date(year, 10, 1)
        while day.strftime("%a") != "Wed":
            day += _DAY
        seen["school years"] += 1
        seen["differ"] += census_day(f"{year}-{(year + 1) % 100:02}") != day


def _local_trigger(job: Job) -> CronTrigger | IntervalTrigger:
    """The seeded defect."""
    return CronTrigger.from_crontab(job.cron, timezone=clock.LOCAL)


async def _run(run: Run) -> Figure:
    if run.mutant:
        schedule.trigger = _local_trigger
    chance, seen = random.Random(26), Counter[str]()
    shipped = [job for job in read_schedule() if job.cron]
    made = [
        Job(name="made", run="a:b", why="a harness", cron=_random_cron(chance), late_by_at_most_s=1)
        for _ in range(run.size(40, 6))
    ]
    for job in [*shipped, *made]:
        _compare(job, seen)
    _frequent(seen)
    _turn_of_the_day(seen)
    _instants(seen)
    _census_days(seen)
    wrong = {name: seen[name] for name in ("doubled", "omitted", "invented", "differ")}
    told = " ".join(f"{name}={count}" for name, count in wrong.items())
    return Figure(
        text=f"years={_FIRST}-{_LAST} schedules={len(shipped) + len(made)} slots={seen['slots']} "
        f"changes={len(edges(_FIRST, _LAST))} days={seen['days']} school_years={seen['school years']} "
        f"instants={seen['instants']} {told}",
        holds=not any(wrong.values()) and seen["slots"] > 0,
    )


HARNESSES = [
    Harness(
        number=26,
        promise="No clock change and no 1 July skips, doubles or misplaces a slot, a day or a school year",
        mutant="the schedule is read in local time",
        run=_run,
    )
]
