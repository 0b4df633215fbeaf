import asyncio
import itertools
import re
import signal
import sys
import textwrap
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import asyncpg
import msgspec
import pytest

from equityaccess import clock
from equityaccess.bundled import bundled
from equityaccess.clock import LOCAL
from equityaccess.database import Database, Query, Transaction
from equityaccess.outcome import Done
from equityaccess.scheduler import leader, store
from equityaccess.scheduler.jobs import purge_history
from equityaccess.scheduler.leader import Metrics, Runner
from equityaccess.scheduler.lease import LeaseLost, lease_session, wait_for_lease
from equityaccess.scheduler.runs import due_slots, run_job
from equityaccess.scheduler.schedule import (
    ScheduleError,
    current_slot,
    function_of,
    next_slot,
    read_schedule,
    slots,
)
from equityaccess.scheduler.structs import Job
from tests.conftest import settings_for

NOW = datetime(2026, 11, 23, 16, 0, tzinfo=UTC)
MARK = Query("mark", "INSERT INTO coverage_mark (indicator_id, student_group_id, from_on) VALUES (1, 1, $1)", ("day",))
MARKS = Query("marks", "SELECT count(*) FROM coverage_mark", ())
HISTORY = Query("history", "SELECT slot, state FROM job_run WHERE job = $1 ORDER BY slot", ("job",))


UNDER_WAY: list[datetime] = []
TRIED: list[datetime] = []
BEGAN = asyncio.Event()


async def leaves_a_mark(tx: Transaction, now: datetime) -> Done | None:
    await tx.execute(MARK, day=now.date())
    return Done(touched=1, said="one mark")


async def takes_a_while(tx: Transaction, now: datetime) -> Done | None:
    assert not UNDER_WAY, "another run of this job was under way"
    UNDER_WAY.append(now)
    BEGAN.set()
    await asyncio.sleep(0.1)
    UNDER_WAY.pop()
    return await leaves_a_mark(tx, now)


async def never_ends(tx: Transaction, now: datetime) -> Done | None:
    UNDER_WAY.append(now)
    BEGAN.set()
    await asyncio.Event().wait()
    return None


async def breaks(tx: Transaction, now: datetime) -> Done | None:
    await leaves_a_mark(tx, now)
    raise ValueError("the figures do not fit")


async def finds_a_difference(tx: Transaction, now: datetime) -> Done | None:
    await leaves_a_mark(tx, now)
    return Done(touched=1, said="2 cells differ", failed=True)


async def changes_its_mind(tx: Transaction, now: datetime) -> Done | None:
    await leaves_a_mark(tx, now)
    return None


async def opens_the_wall(tx: Transaction, now: datetime) -> Done | None:
    """The first run can write nothing down; the second sees to it that it can."""
    TRIED.append(now)
    if len(TRIED) > 1:
        await tx.become("owner")
        await tx.execute(Query("wall", "GRANT INSERT ON job_run TO equityaccess_aggregator", ()))
        await tx.become("aggregator")
    return await leaves_a_mark(tx, now)


def not_a_coroutine(tx: Transaction, now: datetime) -> None:
    return None


async def wants_more(tx: Transaction, now: datetime, more: int) -> Done | None:
    return None


def nightly(function: object, *, cron: str = "5 8 * * *", late: timedelta = timedelta(hours=12)) -> Job:
    run = f"{__name__}:{function.__name__}"  # type: ignore[attr-defined]
    return Job(name="a-job", run=run, why="test", cron=cron, late_by_at_most_s=int(late.total_seconds()))


async def marks(db: Database) -> int:
    async with db.transaction(role="aggregator") as tx:
        return int(await tx.value(MARKS))


async def history(db: Database, job: str = "a-job") -> list[tuple[datetime, str]]:
    async with db.transaction(role="aggregator") as tx:
        return [(slot, state) for slot, state in await tx.rows(HISTORY, job=job)]


# The schedule that ships ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("job", read_schedule(), ids=lambda job: job.name)
def test_every_job_can_be_loaded_and_has_a_heading_in_the_runbook(job: Job) -> None:
    function_of(job)
    runbook = (bundled("jobs") / "README.md").read_text()
    assert re.search(rf"^## {re.escape(job.name)}$", runbook, re.MULTILINE)


def test_the_runbook_has_no_heading_for_a_job_that_is_gone() -> None:
    headings = re.findall(r"^## ([a-z-]+)$", (bundled("jobs") / "README.md").read_text(), re.MULTILINE)
    assert sorted(headings) == sorted(job.name for job in read_schedule())


def test_what_ended_yesterday_expires_just_after_midnight_in_winter_and_in_summer() -> None:
    job = next(job for job in read_schedule() if job.name == "expire-coverage")
    for day in (date(2026, 1, 15), date(2026, 7, 15)):
        start = datetime(day.year, day.month, day.day, tzinfo=LOCAL)
        assert timedelta(0) < next_slot(job, start) - start < timedelta(hours=1, minutes=30)


# Reading a schedule -----------------------------------------------------------------------------------------------


def schedule(tmp_path: Path, text: str) -> list[Job]:
    file = tmp_path / "schedule.toml"
    file.write_text(textwrap.dedent(text))
    return read_schedule(file)


@pytest.mark.parametrize("weekday", ["1", "0-4", "mon-5", "*/2", "fri,6"])
def test_a_weekday_by_number_is_refused(tmp_path: Path, weekday: str) -> None:
    with pytest.raises(ScheduleError, match="name the weekday"):
        schedule(
            tmp_path,
            f"""
            [[job]]
            name = "weekly"
            run = "a:b"
            why = "test"
            cron = "0 9 * * {weekday}"
            late_by_at_most_s = 60
            """,
        )


def test_a_named_weekday_is_that_day() -> None:
    job = nightly(leaves_a_mark, cron="0 9 * * mon")
    assert [slot.strftime("%a") for slot in slots(job, NOW, NOW + timedelta(days=21))] == ["Mon"] * 3


def test_every_fault_of_a_schedule_is_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(ScheduleError) as refused:
        schedule(
            tmp_path,
            """
            [[job]]
            name = "Twice Daily"
            run = "a:b"
            why = "test"
            [[job]]
            name = "twice"
            run = "a:b"
            why = "test"
            cron = "61 8 * * *"
            every_s = 0
            [[job]]
            name = "twice"
            run = "a:b"
            why = "test"
            cron = "1 8 * *"
            """,
        )
    said = str(refused.value)
    for fault in (
        "twice stands there 2 times",
        "lower-case words",
        "either every_s or cron",
        "every_s is at least 1",
        "61",
        "late_by_at_most_s",
        "not minute, hour, day, month, weekday",
    ):
        assert fault in said


def test_an_unknown_key_of_a_schedule_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ScheduleError, match="evry_s"):
        schedule(tmp_path, '[[job]]\nname = "a"\nrun = "a:b"\nwhy = "test"\nevry_s = 1\n')


@pytest.mark.parametrize("function", [not_a_coroutine, wants_more])
def test_a_job_of_another_signature_is_refused(function: object) -> None:
    with pytest.raises(ScheduleError, match=r"\(tx, now\)"):
        function_of(nightly(function))


@pytest.mark.parametrize("run", ["no.such.module:job", f"{__name__}:no_such_function", "nonsense"])
def test_a_job_that_cannot_be_loaded_is_refused(run: str) -> None:
    with pytest.raises(ScheduleError, match="cannot be loaded"):
        function_of(Job(name="a", run=run, why="test", every_s=1))


# Slots ------------------------------------------------------------------------------------------------------------


def test_slots_follow_one_another_over_both_clock_changes() -> None:
    job = nightly(leaves_a_mark, cron="30 9 * * *")  # 01:30 and 02:30 local: one is doubled, the other does not exist
    for change in (datetime(2026, 3, 8, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)):
        found = list(slots(job, change - timedelta(days=1), change + timedelta(days=2)))
        assert [b - a for a, b in itertools.pairwise(found)] == [timedelta(days=1)] * 2


def test_the_current_slot_is_the_latest_that_is_not_in_the_future() -> None:
    often = Job(name="often", run="a:b", why="test", every_s=20)
    assert current_slot(often, NOW + timedelta(seconds=39, microseconds=5)) == NOW + timedelta(seconds=20)
    daily = nightly(leaves_a_mark)
    assert current_slot(daily, NOW) == NOW.replace(hour=8, minute=5)
    assert current_slot(daily, NOW.replace(hour=8, minute=5)) == NOW.replace(hour=8, minute=5)
    assert current_slot(daily, NOW.replace(hour=8, minute=4)) == NOW.replace(day=22, hour=8, minute=5)
    yearly = nightly(leaves_a_mark, cron="0 0 1 jul *")
    assert current_slot(yearly, NOW) == datetime(2026, 7, 1, tzinfo=UTC)


# One run ----------------------------------------------------------------------------------------------------------


async def test_a_run_and_its_row_are_kept_together(empty: Database) -> None:
    outcome = await run_job(empty, nightly(leaves_a_mark), NOW, NOW)
    assert (outcome.state, outcome.touched, outcome.said) == ("done", 1, "one mark")
    assert await marks(empty) == 1
    async with empty.transaction(role="aggregator") as tx:
        assert (await store.last_runs(tx))["a-job"] == outcome


async def test_a_slot_runs_once_however_many_ask_for_it_at_once(empty: Database) -> None:
    job = nightly(takes_a_while)
    outcomes = await asyncio.gather(*(run_job(empty, job, NOW, NOW) for _ in range(4)))
    assert sorted(outcome.state for outcome in outcomes) == ["done", "not_ours", "not_ours", "not_ours"]
    assert await marks(empty) == 1


async def test_two_slots_of_one_job_run_one_after_the_other(empty: Database) -> None:
    job = nightly(takes_a_while)
    outcomes = await asyncio.gather(*(run_job(empty, job, NOW + timedelta(seconds=n), NOW) for n in range(3)))
    assert [outcome.state for outcome in outcomes] == ["done"] * 3
    assert await marks(empty) == 3


async def test_a_job_that_fails_leaves_a_row_and_no_effect(empty: Database) -> None:
    outcome = await run_job(empty, nightly(breaks), NOW, NOW)
    assert (outcome.state, outcome.said) == ("failed", "ValueError: the figures do not fit")
    assert await marks(empty) == 0
    assert await history(empty) == [(NOW, "failed")]


async def test_a_job_that_cannot_be_loaded_leaves_a_row(empty: Database) -> None:
    outcome = await run_job(empty, Job(name="a-job", run="no.such:job", why="test", every_s=1), NOW, NOW)
    assert outcome.state == "failed"
    assert await history(empty) == [(NOW, "failed")]


async def test_a_failed_slot_is_not_run_again(empty: Database) -> None:
    await run_job(empty, nightly(breaks), NOW, NOW)
    again = await run_job(empty, nightly(leaves_a_mark), NOW, NOW)
    assert again.state == "not_ours"
    assert await marks(empty) == 0


async def test_a_job_that_found_something_wrong_counts_as_failed_and_keeps_its_effect(empty: Database) -> None:
    outcome = await run_job(empty, nightly(finds_a_difference), NOW, NOW)
    assert (outcome.state, outcome.said) == ("failed", "2 cells differ")
    assert await marks(empty) == 1


async def test_a_run_with_nothing_to_do_leaves_a_row_only_if_its_slots_can_be_missed(empty: Database) -> None:
    frequent = Job(name="a-job", run=f"{__name__}:changes_its_mind", why="test", every_s=1)
    assert (await run_job(empty, frequent, NOW, NOW)).state == "nothing"
    assert await history(empty) == []
    assert (await run_job(empty, nightly(changes_its_mind), NOW, NOW)).touched == 0
    assert await history(empty) == [(NOW, "done")]
    assert await marks(empty) == 0


async def test_a_run_survives_a_database_that_is_gone(empty: Database, empty_url: str) -> None:
    await empty.close()
    outcome = await run_job(empty, nightly(leaves_a_mark), NOW, NOW)
    assert outcome.state == "lost"


# What was missed --------------------------------------------------------------------------------------------------


async def test_after_days_without_a_scheduler_the_latest_slot_runs_and_the_others_are_skipped(empty: Database) -> None:
    job = nightly(leaves_a_mark)
    four_days_ago = NOW.replace(day=19, hour=8, minute=5)
    await run_job(empty, job, four_days_ago, four_days_ago)
    due = await due_slots(empty, job, NOW)
    assert due == [NOW.replace(hour=8, minute=5)]
    await run_job(empty, job, due[0], NOW)
    expected = ["done", "skipped", "skipped", "skipped", "done"]
    assert await history(empty) == [(four_days_ago + timedelta(days=n), state) for n, state in enumerate(expected)]
    assert await due_slots(empty, job, NOW) == []


async def test_a_job_whose_every_slot_counts_runs_for_each_that_is_not_too_late(empty: Database) -> None:
    job = msgspec.structs.replace(nightly(leaves_a_mark, late=timedelta(hours=32)), missed="each")
    four_days_ago = NOW.replace(day=19, hour=8, minute=5)
    await run_job(empty, job, four_days_ago, four_days_ago)
    due = await due_slots(empty, job, NOW)
    assert due == [NOW.replace(day=day, hour=8, minute=5) for day in (22, 23)]
    assert [state for _, state in await history(empty)] == ["done", "skipped", "skipped"]


async def test_a_slot_missed_by_too_much_is_skipped(empty: Database) -> None:
    job = nightly(leaves_a_mark, late=timedelta(hours=7))
    yesterday = NOW.replace(day=22, hour=8, minute=5)
    await run_job(empty, job, yesterday, yesterday)
    assert await due_slots(empty, job, NOW) == []
    assert await history(empty) == [(yesterday, "done"), (NOW.replace(hour=8, minute=5), "skipped")]


@pytest.mark.parametrize("missed", ["latest", "each"])
async def test_a_job_that_never_ran_is_caught_up_but_has_no_skipped_past(empty: Database, missed: str) -> None:
    job = msgspec.structs.replace(nightly(leaves_a_mark, late=timedelta(days=3)), missed=missed)
    assert await due_slots(empty, job, NOW) == [NOW.replace(hour=8, minute=5)]
    assert await history(empty) == []


async def test_a_frequent_job_is_never_caught_up(empty: Database) -> None:
    job = Job(name="often", run="a:b", why="test", every_s=1)
    assert await due_slots(empty, job, NOW) == [NOW]


async def test_a_run_by_hand_hides_no_slot_that_was_missed(empty: Database) -> None:
    job = nightly(leaves_a_mark)
    yesterday = NOW.replace(day=22, hour=8, minute=5)
    await run_job(empty, job, yesterday, yesterday)
    for by_hand in (NOW - timedelta(hours=1), NOW + timedelta(days=400)):
        await run_job(empty, job, by_hand, NOW)
    assert await due_slots(empty, job, NOW) == [NOW.replace(hour=8, minute=5)]


async def test_a_slot_with_nothing_to_do_is_not_missed(empty: Database) -> None:
    job = nightly(changes_its_mind)
    await run_job(empty, job, NOW.replace(hour=8, minute=5), NOW)
    assert await due_slots(empty, job, NOW) == []


# The lease --------------------------------------------------------------------------------------------------------


LEASE = Query("lease", "UPDATE job_lease SET token = $1", ("token",))


async def lease(db: Database, token: int) -> None:
    async with db.transaction(role="aggregator") as tx:
        await tx.execute(LEASE, token=token)


async def test_who_no_longer_leads_runs_nothing_and_writes_nothing_down(empty: Database) -> None:
    await lease(empty, 8)
    for job in (nightly(never_ends), nightly(leaves_a_mark), nightly(breaks), nightly(changes_its_mind)):
        assert (await run_job(empty, job, NOW, NOW, token=7)).state == "not_ours"
    yesterday = NOW.replace(day=22, hour=8, minute=5)
    await run_job(empty, nightly(leaves_a_mark), yesterday, yesterday, token=8)
    await due_slots(empty, nightly(leaves_a_mark, late=timedelta(hours=7)), NOW, token=7)
    assert await history(empty) == [(yesterday, "done")]
    assert await marks(empty) == 1


async def test_a_run_during_which_another_takes_the_lease_is_undone(empty: Database) -> None:
    await lease(empty, 7)
    BEGAN.clear()
    under_way = asyncio.create_task(run_job(empty, nightly(takes_a_while), NOW, NOW, token=7))
    await BEGAN.wait()
    await lease(empty, 8)
    assert (await under_way).state == "not_ours"
    assert await marks(empty) == 0
    assert await history(empty) == []


async def test_a_later_leader_begins_only_when_nothing_of_an_earlier_one_can_still_be_committed(
    empty: Database,
) -> None:
    await lease(empty, 7)
    outcome = await run_job(empty, nightly(leaves_a_mark), NOW, NOW)
    async with empty.transaction(role="aggregator") as tx:
        assert await store.record(tx, msgspec.structs.replace(outcome, slot=NOW + timedelta(days=1)), 7)
        taking = asyncio.create_task(lease(empty, 8))
        await asyncio.wait([taking], timeout=0.2)
        assert not taking.done()
    await taking


async def test_a_lease_is_taken_once_kept_and_given_back(empty_url: str) -> None:
    settings, stop = settings_for(empty_url), asyncio.Event()
    async with lease_session(settings) as one, lease_session(settings) as other:
        first = await wait_for_lease(settings, one, stop)
        assert first
        second = asyncio.create_task(wait_for_lease(settings, other, stop))
        await first.keep(asyncio.sleep(0.7))
        assert not second.done()
        await first.give_back()
        taken = await second
        assert taken
        assert taken.token == first.token + 1
        with pytest.raises(LeaseLost):
            await first.keep(asyncio.sleep(60))
        await first.give_back()  # it is not the first's any more
        await taken.keep(asyncio.sleep(0))
        stop.set()
        assert await wait_for_lease(settings, one, stop) is None


async def test_taking_the_lease_ends_what_an_earlier_leader_left_open_and_nothing_else(empty_url: str) -> None:
    settings = settings_for(empty_url)
    names = {"equityaccess scheduler 0": False, "equityaccess scheduler 5": True, "equityaccess": True}
    sessions = {
        name: await asyncpg.connect(empty_url, server_settings={"application_name": name, "role": "equityaccess_app"})
        for name in names
    }
    for session in sessions.values():
        await session.execute("BEGIN")  # and then it is frozen
    async with lease_session(settings) as session:
        assert await wait_for_lease(settings, session, asyncio.Event())
    await asyncio.sleep(0.1)
    assert {name: not session.is_closed() for name, session in sessions.items()} == names
    for session in sessions.values():
        session.terminate()


# The leader -------------------------------------------------------------------------------------------------------


def sample(metrics: Metrics, state: str) -> float | None:
    return metrics.registry.get_sample_value("equityaccess_job_runs_total", {"job": "a-job", "state": state})


async def test_a_frequent_job_that_fails_is_given_a_rest(empty: Database) -> None:
    metrics = Metrics()
    runner = Runner(empty, metrics)
    job = Job(name="a-job", run=f"{__name__}:breaks", why="test", every_s=1)
    for _ in range(5):
        await runner.run(job)
    assert sample(metrics, "failed") == 1
    assert len(await history(empty)) == 1


async def test_a_nightly_job_that_failed_can_run_at_its_next_slot(
    empty: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    metrics = Metrics()
    runner = Runner(empty, metrics)
    for now, function in ((NOW, breaks), (NOW + timedelta(days=1), leaves_a_mark)):
        monkeypatch.setattr(clock, "now", lambda now=now: now)
        await runner.run(nightly(function))
    assert (sample(metrics, "failed"), sample(metrics, "done")) == (1, 1)


async def test_slots_that_a_busy_leader_slept_through_run_or_are_skipped(
    empty: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = Runner(empty, Metrics())
    for now in (NOW, NOW + timedelta(days=3)):
        monkeypatch.setattr(clock, "now", lambda now=now: now)
        await runner.run(nightly(leaves_a_mark))
    assert [state for _, state in await history(empty)] == ["done", "skipped", "skipped", "done"]


async def test_a_slot_whose_end_the_database_did_not_take_is_run_again(
    empty: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leader, "_AGAIN_S", 0.01)
    async with empty.transaction(role="owner") as tx:
        await tx.execute(Query("wall", "REVOKE INSERT ON job_run FROM equityaccess_aggregator", ()))
    TRIED.clear()
    await asyncio.wait_for(Runner(empty, Metrics()).run(nightly(opens_the_wall, late=timedelta(days=2))), 30)
    assert [state for _, state in await history(empty)] == ["done"]
    assert len(TRIED) == 2
    assert await marks(empty) == 1


async def test_a_run_under_way_is_waited_for_and_no_further_one_begins(empty: Database) -> None:
    runner = Runner(empty, Metrics())
    BEGAN.clear()
    under_way = asyncio.create_task(runner.run(nightly(takes_a_while, late=timedelta(days=2))))
    await BEGAN.wait()
    await runner.finish()
    assert under_way.done()
    await runner.run(msgspec.structs.replace(nightly(leaves_a_mark, late=timedelta(days=2)), name="other"))
    assert [state for _, state in await history(empty)] == ["done"]
    assert await history(empty, "other") == []


async def test_a_run_of_a_leader_that_has_lost_is_undone(empty: Database) -> None:
    runner = Runner(empty, Metrics())
    BEGAN.clear()
    under_way = asyncio.create_task(runner.run(nightly(never_ends, late=timedelta(days=2))))
    await BEGAN.wait()
    await runner.end()
    assert under_way.cancelled()
    UNDER_WAY.clear()
    assert await history(empty) == []


# The process ------------------------------------------------------------------------------------------------------

_PROCESS = '''
import asyncio, os, signal, sys
from equityaccess.database import Query
from equityaccess.outcome import Done
from equityaccess.scheduler.jobs import purge_history
from equityaccess.scheduler.leader import Metrics, follow_schedule
from equityaccess.scheduler.structs import Job
from tests.conftest import settings_for
from equityaccess.settings import Settings

async def tick(tx, now):
    """Each effect is two rows with a pause between: a run cut in half would show."""
    sql = "INSERT INTO coverage_mark (indicator_id, student_group_id, from_on) VALUES (1, $1, '2026-01-01')"
    await tx.execute(Query("half", sql, ("half",)), half=1)
    await asyncio.sleep(0.3)
    await tx.execute(Query("half", sql, ("half",)), half=2)
    return Done(touched=2, said=str(os.getpid()))

async def main():
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    job = Job(name="tick", run="__main__:tick", why="test", every_s=1)
    settings = Settings(database_url=sys.argv[1], demand_durability=False, pool_size=2)
    await follow_schedule(settings, [job], stop, Metrics())

asyncio.run(main())
'''


async def process(url: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", _PROCESS, url, stderr=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL
    )


async def wait_for_runs(connection: asyncpg.Connection, at_least: int, *, without: int | None = None) -> list[int]:
    """The process of each run, once there are enough of them."""
    async with asyncio.timeout(30):
        while True:
            rows = await connection.fetch(
                "SELECT said FROM job_run WHERE job = 'tick' AND state = 'done' ORDER BY slot"
            )
            found = [int(row["said"]) for row in rows if int(row["said"]) != without]
            if len(found) >= at_least:
                return found
            await asyncio.sleep(0.1)


async def test_when_the_leader_is_killed_another_takes_over_and_no_slot_runs_twice_or_by_half(empty_url: str) -> None:
    connection = await asyncpg.connect(empty_url)
    processes = [await process(empty_url) for _ in range(2)]
    try:
        first = await wait_for_runs(connection, 2)
        assert len(set(first)) == 1, "two processes led at once"
        leader = next(one for one in processes if one.pid == first[0])
        leader.kill()
        await leader.wait()
        after = await wait_for_runs(connection, 2, without=first[0])
        follower = next(one for one in processes if one is not leader)
        assert set(after) == {follower.pid}
        follower.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(follower.wait(), 15) == 0
        runs = await connection.fetchval("SELECT count(*) FROM job_run WHERE job = 'tick'")
        halves = await connection.fetch("SELECT count(*) FROM coverage_mark GROUP BY student_group_id")
        assert [half["count"] for half in halves] == [runs, runs]
    finally:
        for one in processes:
            if one.returncode is None:
                one.kill()
                await one.wait()
        await connection.close()


async def test_a_scheduler_survives_losing_its_session_and_leads_again(empty_url: str) -> None:
    connection = await asyncpg.connect(empty_url)
    one = await process(empty_url)
    try:
        await wait_for_runs(connection, 1)
        ended = await connection.fetchval(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        assert ended >= 1
        before = await connection.fetchval("SELECT count(*) FROM job_run WHERE state = 'done'")
        await wait_for_runs(connection, before + 2)
        assert one.returncode is None
    finally:
        one.kill()
        await one.wait()
        await connection.close()


async def test_old_runs_are_forgotten_and_recent_ones_kept(empty: Database) -> None:
    now = datetime(2026, 11, 20, 10, tzinfo=UTC)
    async with empty.transaction(role="aggregator") as tx:
        old, recent = now - timedelta(days=91), now - timedelta(days=89)
        assert await store.skip(tx, "aggregate-coverage", [old, recent], now, "a test") == 2
        done = await purge_history(tx, now)
        assert done.touched == 1
        assert await store.first_slot(tx, "aggregate-coverage") == recent
        assert not await store.has_run(tx, "aggregate-coverage", old)
