"""``python -m tests.trust``: runs the harnesses, prints one table, and in full mode writes it to docs/trust.md."""

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
import uvloop

from equityaccess import __version__, clock
from tests.trust.harness import NOT_YET, Figure, Harness, Run, all_harnesses

_DOCUMENT = Path(__file__).parents[2] / "docs" / "trust.md"


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """A harness and what its run saw."""

    harness: Harness
    figure: Figure
    seconds: float


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.trust", description="Promises, each with its figure.")
    parser.add_argument("--quick", action="store_true", help="fewer repetitions: five minutes in all")
    parser.add_argument("--mutants", action="store_true", help="run every harness against its seeded defect")
    parser.add_argument("--only", type=int, action="append", metavar="N", help="this promise; may be given again")
    parser.add_argument("--one", type=int, metavar="N", help=argparse.SUPPRESS)  # in this process, the figure as JSON
    return parser


def _in_a_process(harness: Harness, run: Run) -> Result:
    """Run *harness* in a process of its own; one that dies, hangs or says nothing does not hold."""
    command = [sys.executable, "-m", "tests.trust", "--one", str(harness.number)]
    command += ["--quick"] * run.quick + ["--mutants"] * run.mutant
    began = time.monotonic()
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as complained:
        try:
            subprocess.run(command, stdout=said, stderr=complained, timeout=harness.limit_s, check=True)
            said.seek(0)
            figure = msgspec.json.decode(said.read().splitlines()[-1], type=Figure)
        except (subprocess.SubprocessError, IndexError, msgspec.DecodeError) as error:
            complained.seek(0)
            sys.stderr.write(complained.read().decode(errors="replace")[-4000:])
            figure = Figure(text=f"the harness itself failed: {type(error).__name__}", holds=False)
            if run.mutant:
                raise SystemExit(
                    f"{harness.number}: {figure.text}: that does not show that it catches the defect"
                ) from error
    return Result(harness=harness, figure=figure, seconds=time.monotonic() - began)


def _table(results: Sequence[Result]) -> list[str]:
    lines = ["| # | promise | figure | holds |", "|---|---|---|---|"]
    for result in results:
        holds = "yes" if result.figure.holds else "**no**"
        lines.append(f"| {result.harness.number} | {result.harness.promise} | {result.figure.text} | {holds} |")
    return lines


def _not_yet() -> list[str]:
    """The rows of the promises that no harness looks at."""
    there = {harness.number for harness in all_harnesses()}
    return [
        f"| {number} | {promise} | not looked at: {why} | **no** |"
        for number, (promise, why) in NOT_YET.items()
        if number not in there
    ]


def _written(results: Sequence[Result]) -> str:
    head = _DOCUMENT.read_text().partition("<!-- table -->")[0]
    measured = (
        f"Measured on {clock.today()} with version {__version__}, Python {platform.python_version()}, "
        f"{os.cpu_count()} processors ({platform.machine()}), in {sum(r.seconds for r in results) / 60:.0f} minutes."
    )
    return "\n".join([head + "<!-- table -->", "", measured, "", *_table(results), *_not_yet(), ""])


def _mutants(harnesses: Sequence[Harness]) -> int:
    missed = 0
    for harness in harnesses:
        result = _in_a_process(harness, Run(quick=True, mutant=True))
        missed += result.figure.holds
        verdict = "NOT CAUGHT" if result.figure.holds else "caught"
        print(f"{harness.number:>2} {verdict}: {harness.mutant}: {result.figure.text}", flush=True)
    return 1 if missed else 0


def _promises(harnesses: Sequence[Harness], run: Run, *, is_whole: bool) -> int:
    results: list[Result] = []
    for harness in harnesses:
        result = _in_a_process(harness, run)
        print(
            f"{harness.number:>2} {'holds' if result.figure.holds else 'DOES NOT HOLD'} "
            f"({result.seconds:.0f} s): {result.figure.text}",
            flush=True,
        )
        results.append(result)
    print("", *_table(results), sep="\n")
    if is_whole:
        _DOCUMENT.write_text(_written(results))
    return 0 if all(result.figure.holds for result in results) else 1


def main() -> int:
    """Run what was asked for; the exit code is 1 when a promise does not hold or a seeded defect is not caught."""
    args = _parser().parse_args()
    harnesses = all_harnesses()
    run = Run(quick=args.quick, mutant=args.mutants)
    if args.one is not None:
        [harness] = [harness for harness in harnesses if harness.number == args.one]
        print(msgspec.json.encode(uvloop.run(harness.run(run))).decode())
        return 0
    chosen = [h for h in harnesses if (h.is_quick or not args.quick) and (not args.only or h.number in args.only)]
    if args.mutants:
        return _mutants(chosen)
    return _promises(chosen, run, is_whole=not (args.only or args.quick))


if __name__ == "__main__":
    sys.exit(main())
