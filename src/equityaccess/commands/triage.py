"""``equityaccess triage backtest``: how well the score would have told who misses the next gate."""

import argparse
import asyncio
from typing import TYPE_CHECKING

from equityaccess.commands.server import database_url
from equityaccess.settings import Settings

if TYPE_CHECKING:
    from equityaccess.triage.backtest import BackTest

_PATIENCE_S = 600.0
_WEEKS = 26
_DESCRIPTION = """\
Replays the history of onboarding week by week, as it had happened by then, and ranks the LEAs whose next gate lay
within 90 days: by the score of triage, and by days behind alone. Says how many of each ranking's first ten then missed
that gate by more than five business days. Hold a change of the weights against this before you make it. Changes
nothing."""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The command ``triage`` with its one part, ``backtest``."""
    triage = subparsers.add_parser("triage", help="hold the triage score against what happened")
    parts = triage.add_subparsers(dest="part", metavar="backtest", required=True)
    parser = parts.add_parser(
        "backtest",
        help="how many of each week's first ten missed their next gate",
        description=_DESCRIPTION,
        epilog="example:\n  equityaccess triage backtest --weeks 52",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--weeks", type=int, default=_WEEKS, help=f"how many weeks back (default: {_WEEKS})")


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Replay, and print what it would have been worth."""
    with database_url(settings) as ready:
        found = asyncio.run(_backtest(ready, max(1, args.weeks)))
    for line in lines(found):
        print(line)
    return 0


async def _backtest(settings: Settings, weeks: int) -> "BackTest":
    from equityaccess import clock
    from equityaccess.database import connect
    from equityaccess.migrate import demand_revision
    from equityaccess.triage.backtest import backtest

    await demand_revision(settings.database_url)
    db = await connect(settings, role="aggregator")
    try:
        async with db.transaction(role="aggregator", patience_s=_PATIENCE_S) as tx:
            return await backtest(tx, weeks, clock.now())
    finally:
        await db.close()


def lines(found: "BackTest") -> list[str]:
    """What is printed."""
    said = ["SAMPLE DATA: this history was made up by a demo; it says nothing of real LEAs."] if found.is_sample else []
    if not found.weeks:
        return [*said, "There is no week with a gate before an LEA whose outcome is known."]
    said += [f"{'week':10}  {'LEAs':>5}  {'missed':>6}  {'of ten by score':>15}  {'of ten by days behind':>21}"]
    said += [
        f"{week.on!s:10}  {week.leas:5}  {week.missed:6}  {week.by_score:15}  {week.by_days:21}" for week in found.weeks
    ]
    by_score, by_days = found.precision(lambda week: week.by_score), found.precision(lambda week: week.by_days)
    base = 100 * sum(week.missed for week in found.weeks) / sum(week.leas for week in found.weeks)
    return [
        *said,
        f"precision at ten: score {by_score:.0f} %, days behind alone {by_days:.0f} %; of all LEAs {base:.0f} % missed",
    ]
