"""Promise 17: the parsers of what callers send survive anything: nothing uncaught, in little memory.

Method: atheris, guided by which code each input reaches, changes a corpus of bad bodies and feeds the readers of JSON,
NDJSON, CSV and workbooks and the parser of keys, for `python -m tests.trust.fuzz --minutes 10 json|csv|xlsx|key`, or
shorter as part of `make trust`. What must hold of every input stands in `fuzz_targets.py`.
Figure: inputs fed to each, for how long; uncaught errors; the most memory, of at most 300 MB.
Mutant: each parser with one guard taken out.
"""

import argparse
import asyncio
import os
import platform
import re
import sys
import tempfile
from pathlib import Path

import msgspec

from tests.trust.harness import Figure, Harness, Run

_MOST_MB = 300
_NAMES = ("json", "csv", "xlsx", "key")
_GUIDED = [
    "equityaccess.jsonbody",
    "equityaccess.personal",
    "equityaccess.access.rules",
    "equityaccess.submissions",
]
_DONE = re.compile(r"number_of_executed_units: (\d+)")
_PEAK = re.compile(r"peak_rss_mb: +(\d+)")
_START = "INFO: seed corpus"  # what libFuzzer says when it begins
_START_S = 120.0  # to import, to instrument and to feed the corpus once


class _Fuzzed(msgspec.Struct, frozen=True, kw_only=True):
    """What one fuzzer did."""

    inputs: int
    peak_mb: int
    is_sound: bool
    said: str


def _fuzz(name: str, seconds: int, *, mutant: bool) -> None:
    """Feed *name* for *seconds*; ends the process, with another code than 0 when something was uncaught."""
    import atheris

    guided = [*_GUIDED, "openpyxl"] if name == "xlsx" else _GUIDED  # to prepare it takes as long as a short run
    with atheris.instrument_imports(include=guided):
        from tests.trust import fuzz_targets
    if mutant:
        fuzz_targets.remove_guard(name)
    seeds = Path(tempfile.mkdtemp(prefix="ea-fuzz-"))
    for number, body in enumerate(fuzz_targets.corpus(name)):
        (seeds / f"seed-{number}").write_bytes(body)

    words = seeds.with_name(f"{seeds.name}.dict")
    escaped = ("".join(map("\\x{:02x}".format, word)) for word in fuzz_targets.WORDS)
    words.write_text("".join(f'"{word}"\n' for word in escaped))
    options = [
        *(f"-max_total_time={seconds}", f"-rss_limit_mb={_MOST_MB}", "-max_len=4096", "-timeout=10"),
        *(f"-artifact_prefix={seeds}-found-", f"-dict={words}", "-print_final_stats=1", "-verbosity=0"),
    ]
    atheris.Setup([sys.argv[0], *options, str(seeds)], fuzz_targets.TARGETS[name])
    atheris.Fuzz()


async def _in_a_process(name: str, seconds: int, *, mutant: bool) -> _Fuzzed:
    command = [sys.executable, "-m", "tests.trust.fuzz", name, "--seconds", str(seconds), *["--mutant"] * mutant]
    with tempfile.TemporaryDirectory(prefix="ea-trust-") as folder:
        environment = os.environ | {"TMPDIR": folder, "PYTHONHASHSEED": "0"}
        process = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE, env=environment
        )
        try:
            _, heard = await asyncio.wait_for(process.communicate(), seconds + _START_S)
        except TimeoutError:
            process.kill()
            _, heard = await process.communicate()
    said = heard.decode(errors="replace")
    if _START not in said:
        raise RuntimeError(f"the fuzzer of {name} did not start:\n{said[-2_000:]}")
    inputs, peak = (sum(int(found) for found in pattern.findall(said)[-1:]) for pattern in (_DONE, _PEAK))
    is_sound = process.returncode == 0 and inputs > 0 and 0 < peak < _MOST_MB
    return _Fuzzed(inputs=inputs, peak_mb=peak, is_sound=is_sound, said=said[-3_000:])


async def _run(run: Run) -> Figure:
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return Figure(text="atheris is not built for this machine: nothing was fuzzed", holds=False)
    seconds = run.size(20, 3)
    fed = await asyncio.gather(*(_in_a_process(name, seconds, mutant=run.mutant) for name in _NAMES))
    sys.stderr.write("".join(fuzzed.said for fuzzed in fed if not fuzzed.is_sound))
    told = [f"{name}={fuzzed.inputs}" for name, fuzzed in zip(_NAMES, fed, strict=True)]
    uncaught = sum(not fuzzed.is_sound for fuzzed in fed)
    peak = max(fuzzed.peak_mb for fuzzed in fed)
    return Figure(
        text=f"each={seconds}s inputs: {' '.join(told)} uncaught={uncaught} peak={peak}MB",
        holds=uncaught < len(_NAMES) if run.mutant else uncaught == 0,
    )


HARNESSES = [
    Harness(
        number=17,
        promise="The parsers of JSON, CSV, workbooks and keys survive fuzzing in less than 300 MB",
        mutant="each of the parsers without one of its guards",
        run=_run,
        runs_alone=True,
    )
]


def main() -> None:
    """Fuzz one parser."""
    parser = argparse.ArgumentParser(prog="python -m tests.trust.fuzz", description="Fuzz a parser until it breaks.")
    parser.add_argument("name", choices=_NAMES)
    parser.add_argument("--minutes", type=int, default=10)
    parser.add_argument("--seconds", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--mutant", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    _fuzz(args.name, args.seconds or args.minutes * 60, mutant=args.mutant)


if __name__ == "__main__":
    main()
