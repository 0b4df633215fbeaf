"""``equityaccess scheduler``, ``run-job`` and ``schedule``: what runs by itself, by hand, and when."""

import argparse
import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from equityaccess.commands.server import database_url
from equityaccess.settings import Settings

if TYPE_CHECKING:
    from equityaccess.scheduler.structs import JobOutcome


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The commands ``scheduler``, ``run-job`` and ``schedule``."""
    follow = subparsers.add_parser(
        "scheduler",
        help="run the jobs when they are due",
        description="Follows jobs/schedule.toml until it is told to stop (^C or SIGTERM), and then lets a running job "
        "finish. Of several schedulers on one database one works, the others stand by.",
    )
    follow.add_argument("--metrics-port", metavar="PORT", type=int, help="serve Prometheus metrics on 127.0.0.1:PORT")
    once = subparsers.add_parser(
        "run-job",
        help="run one job now",
        description="Runs one job now and prints what it did. Exits with 1 when the job failed.",
        epilog="example:  equityaccess run-job rebuild-coverage",
    )
    once.add_argument("name", metavar="NAME", help="as `equityaccess schedule` shows it")
    once.add_argument(
        "--slot", metavar="TIME", type=_instant, help="count as the run of this slot, such as 2026-11-23T08:05Z"
    )
    subparsers.add_parser(
        "schedule", help="show the jobs, when they run next and how they last went", description="Shows every job."
    )


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not an instant with its zone, such as 2026-11-23T08:05Z")
    return instant.astimezone(UTC)


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Run whichever of the three was asked for."""
    work = {"scheduler": _follow, "run-job": _run_once, "schedule": _show}[args.command]
    with database_url(settings) as ready:
        return asyncio.run(work(args, ready))


async def _follow(args: argparse.Namespace, settings: Settings) -> int:
    import logging
    import signal

    import prometheus_client

    from equityaccess import logs
    from equityaccess.migrate import demand_revision
    from equityaccess.scheduler.leader import Metrics, follow_schedule
    from equityaccess.scheduler.schedule import function_of, read_schedule

    logs.configure(settings.log_format)
    jobs = read_schedule()
    for job in jobs:
        function_of(job)  # refuses to start with a job that cannot run
    await demand_revision(settings.database_url)
    logging.getLogger("apscheduler").setLevel(logging.ERROR)  # our own log has a line for each run that did something
    metrics = Metrics()
    if args.metrics_port is not None:
        prometheus_client.start_http_server(args.metrics_port, "127.0.0.1", registry=metrics.registry)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await follow_schedule(settings, jobs, stop, metrics)
    return 0


async def _run_once(args: argparse.Namespace, settings: Settings) -> int:
    import sys

    from equityaccess import clock, logs
    from equityaccess.database import connect
    from equityaccess.migrate import demand_revision
    from equityaccess.scheduler.runs import run_job
    from equityaccess.scheduler.schedule import read_schedule

    logs.configure(settings.log_format)
    jobs = {job.name: job for job in read_schedule()}
    if args.name not in jobs:
        print(f"equityaccess run-job: there is no job {args.name!r}; there are {', '.join(jobs)}", file=sys.stderr)
        return 2
    await demand_revision(settings.database_url)
    db = await connect(settings)
    now = clock.now()
    outcome = await run_job(db, jobs[args.name], args.slot or now, now)
    await db.close()
    print(_sentence(outcome))
    return 1 if outcome.state == "failed" else 0


def _sentence(outcome: "JobOutcome") -> str:
    if outcome.state == "nothing":
        return f"{outcome.job}: there was nothing to do."
    if outcome.state == "not_ours":
        return f"{outcome.job}: the slot {_utc(outcome.slot)} has had its run."
    return f"{outcome.job}: {outcome.state} in {outcome.seconds:.2f} s. {outcome.said or ''}".rstrip()


async def _show(_args: argparse.Namespace, settings: Settings) -> int:
    from rich.table import Table

    from equityaccess import clock
    from equityaccess.commands.receipt import console
    from equityaccess.database import connect
    from equityaccess.migrate import demand_revision
    from equityaccess.scheduler import store
    from equityaccess.scheduler.schedule import next_slot, read_schedule

    await demand_revision(settings.database_url)
    db = await connect(settings)
    async with db.transaction(role="aggregator") as tx:
        last = await store.last_runs(tx)
    await db.close()
    table = Table("Job", "When (UTC)", "Next run", "Last run", "How it went", "Why", title="Jobs", show_lines=True)
    for job in read_schedule():
        table.add_row(
            job.name,
            job.cron or f"every {job.every_s} s",
            _utc(next_slot(job, clock.now())),
            *_history(last.get(job.name)),
            job.why,
        )
    console().print(table)
    return 0


def _history(run: "JobOutcome | None") -> tuple[str, str]:
    if run is None:
        return "never", ""
    return _utc(run.slot), f"{run.state} in {run.seconds:.2f} s\n{run.said or ''}".rstrip()


def _utc(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M:%S}Z"
