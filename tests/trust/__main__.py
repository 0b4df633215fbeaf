"""``python -m tests.trust``: runs the harnesses, prints one table, and in full mode writes it to docs/trust.md."""

import argparse
import contextlib
import importlib
import os
import platform
import signal
import subprocess
import sys
import time
import timeit
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import IO

import msgspec
import uvloop

from equityaccess import __version__, clock
from tests.memory import use_memory
from tests.trust import world
from tests.trust.harness import NOT_YET, Figure, Harness, Run, all_harnesses

_DOCUMENT = Path(__file__).parents[2] / "docs" / "trust.md"
_QUICK_IN_ALL_S = 300.0  # of a machine that counts to a million in _MILLION_S; more of a slower one
_QUICK_EACH_S = 60.0
_MILLION_S = 0.023
_MOST_REPEATED = 8_000  # characters
_AT_ONCE = 2  # most of the time one of them waits


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
    # In this process, the figure as JSON; only the module that has the harness is imported.
    parser.add_argument("--one", nargs=2, metavar=("MODULE", "N"), help=argparse.SUPPRESS)
    return parser


def _in_a_process(harness: Harness, run: Run, limit_s: float) -> Result:
    """Run *harness* in a process of its own; one that dies, hangs or says nothing does not hold."""
    command = [sys.executable, "-m", "tests.trust", "--one", harness.run.__module__, str(harness.number)]
    command += ["--quick"] * run.quick + ["--mutants"] * run.mutant
    began = time.monotonic()
    with world.folder() as at, (at / "said").open("w+b") as said, (at / "complained").open("w+b") as complained:
        try:
            _end_within(limit_s, command, os.environ | {"TMPDIR": str(at)}, said, complained)
            said.seek(0)
            figure = msgspec.json.decode(said.read().splitlines()[-1], type=Figure)
            if not (figure.holds or run.mutant):
                _repeat(complained)
        except (subprocess.SubprocessError, IndexError, msgspec.DecodeError) as error:
            _repeat(complained)
            is_late = isinstance(error, subprocess.TimeoutExpired)
            why = f"not done within its {limit_s:.0f} s" if is_late else f"failed itself: {type(error).__name__}"
            figure = Figure(text=f"the harness {why}", holds=False)
            if run.mutant:
                raise SystemExit(
                    f"{harness.number}: {figure.text}: that does not show that it catches the defect"
                ) from error
    return Result(harness=harness, figure=figure, seconds=time.monotonic() - began)


def _repeat(complained: IO[bytes]) -> None:
    """Show the end of what a harness said beside its figure: what it found, or why it failed itself."""
    complained.seek(0)
    sys.stderr.write(complained.read().decode(errors="replace")[-_MOST_REPEATED:])
    sys.stderr.flush()


def _end_within(
    limit_s: float, command: Sequence[str], environment: Mapping[str, str], said: IO[bytes], complained: IO[bytes]
) -> None:
    """Run *command*; whatever it has started and left behind is ended with it.

    Raises subprocess.TimeoutExpired when it takes longer, CalledProcessError when it fails.
    """
    process = subprocess.Popen(command, env=environment, stdout=said, stderr=complained, start_new_session=True)
    try:
        if code := process.wait(limit_s):
            raise subprocess.CalledProcessError(code, command)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


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


def _written(results: Sequence[Result], minutes: float) -> str:
    head = _DOCUMENT.read_text().partition("<!-- table -->")[0]
    measured = (
        f"Measured on {clock.today()} with version {__version__}, Python {platform.python_version()}, "
        f"{os.cpu_count()} processors ({platform.machine()}), in {minutes:.0f} minutes."
    )
    return "\n".join([head + "<!-- table -->", "", measured, "", *_table(results), *_not_yet(), ""])


def _results(
    harnesses: Sequence[Harness], result_of: Callable[[Harness], Result], *, is_busy_fine: bool
) -> Iterator[Result]:
    """Each result of *harnesses* as it comes: two at once, the longest first, then one by one those that run alone.

    Where it *is_busy_fine* to measure, none runs alone.
    """
    longest_first = sorted(harnesses, key=lambda harness: -harness.limit_s)
    for at_once in (_AT_ONCE, 1):
        part = [one for one in longest_first if (one.runs_alone and not is_busy_fine) == (at_once == 1)]
        with ThreadPoolExecutor(at_once) as pool:
            yield from (done.result() for done in as_completed([pool.submit(result_of, one) for one in part]))


def _mutants(harnesses: Sequence[Harness]) -> int:
    def result_of(harness: Harness) -> Result:
        return _in_a_process(harness, Run(quick=True, mutant=True), harness.limit_s)

    missed = 0
    for result in _results(harnesses, result_of, is_busy_fine=False):
        missed += result.figure.holds
        verdict = "NOT CAUGHT" if result.figure.holds else "caught"
        print(f"{result.harness.number:>2} {verdict}: {result.harness.mutant}: {result.figure.text}", flush=True)
    print(f"{len(harnesses) - missed} of {len(harnesses)} seeded defects caught")
    return 1 if missed else 0


def _slowness() -> float:
    """How many times as long as the machine of the quick run's limits this one takes; never less than once."""
    return max(1.0, min(timeit.repeat(lambda: sum(1 for _ in range(10**6)), number=1, repeat=5)) / _MILLION_S)


def _promises(harnesses: Sequence[Harness], run: Run, *, is_whole: bool) -> int:
    """Run *harnesses*, tell of each and of all in one table; a full run of *is_whole* is written down."""
    slowness, began = _slowness(), time.monotonic()
    over = began + _QUICK_IN_ALL_S * slowness
    if run.quick:
        print(f"{_QUICK_IN_ALL_S * slowness:.0f} s in all: this machine takes {slowness:.1f} times as long", flush=True)

    def result_of(harness: Harness) -> Result:
        left_s = max(0.0, over - time.monotonic())
        return _in_a_process(harness, run, min(_QUICK_EACH_S * slowness, left_s) if run.quick else harness.limit_s)

    results: list[Result] = []
    for result in _results(harnesses, result_of, is_busy_fine=run.quick):
        print(
            f"{result.harness.number:>2} {'holds' if result.figure.holds else 'DOES NOT HOLD'} "
            f"({result.seconds:.0f} s): {result.figure.text}",
            flush=True,
        )
        results.append(result)
    results.sort(key=lambda result: result.harness.number)
    print("", *_table(results), sep="\n")
    if is_whole:
        _DOCUMENT.write_text(_written(results, (time.monotonic() - began) / 60))
    return 0 if all(result.figure.holds for result in results) else 1


def main() -> int:
    """Run what was asked for; the exit code is 1 when a promise does not hold or a seeded defect is not caught."""
    args = _parser().parse_args()
    run = Run(quick=args.quick, mutant=args.mutants)
    if args.one is not None:
        module, number = args.one
        [harness] = [one for one in importlib.import_module(module).HARNESSES if one.number == int(number)]
        print(msgspec.json.encode(uvloop.run(harness.run(run))).decode())
        return 0
    harnesses = all_harnesses()
    chosen = [h for h in harnesses if (h.is_quick or not args.quick) and (not args.only or h.number in args.only)]
    if run.quick or run.mutant:
        use_memory()
    with world.folder() as prepared:
        uvloop.run(world.prepare(prepared))
        os.environ[world.PREPARED] = str(prepared)
        if args.mutants:
            return _mutants(chosen)
        return _promises(chosen, run, is_whole=not (args.only or args.quick))


if __name__ == "__main__":
    sys.exit(main())
