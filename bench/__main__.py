"""``python -m bench``: prints one line a figure, and keeps them in bench/results.json."""

import argparse
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from pathlib import Path

import msgspec
import uvloop

from bench import coverage, pages, pushes, triage
from bench.figure import Figure, growth
from bench.world import World, world
from equityaccess import __version__, clock

Measure = Callable[[World, int], Awaitable[list[Figure]]]
_MEASURES: dict[str, Measure] = {
    "bulk_push_over_copy": pushes.bulk_push,
    "bulk_update_over_copy": pushes.bulk_update,
    "single_push_over_nodb": pushes.single_push,
    "rebuild_over_group_by": coverage.rebuild,
    "score_triage_over_scan": triage.score,
    "page_over_nodb": pages.pages,
    "push_to_visible_p95_s": coverage.push_to_visible,
    "push_rss_growth_mb": pushes.push_memory,
}
_SIZES = (100_000, 1_000_000, 10_000_000)
_BYTES_A_STORED_ROW = 1_500  # with its index entry: in the template, in a copy of it, in the twin for COPY, and logged
_BYTES_BESIDE = 8 << 30  # what the figures themselves push and copy
_RESULTS = Path(__file__).with_name("results.json")


class Results(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was measured, and on what: figures of two machines or two loads do not compare."""

    version: str
    measured_at: datetime
    python: str
    machine: str
    processors: int | None
    load_before: float  # processes that wanted a processor in the minute before; above 0 others were measured too
    figures: dict[str, list[Figure]]  # by the number of stored rows


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Ratios, measured side by side in one run.")
    parser.add_argument("--stored", type=int, default=1_000_000, metavar="ROWS", help="stored before (default: 10^6)")
    parser.add_argument("--growth", action="store_true", help="repeat at 10^5, 10^6 and 10^7 stored rows")
    parser.add_argument("--only", choices=_MEASURES, action="append", help="measure this; may be given again")
    parser.add_argument("--repeat", type=int, default=5, metavar="N", help="repetitions of each figure (default: 5)")
    return parser


async def _measure(stored: int, names: Sequence[str], repeat: int) -> list[Figure]:
    figures = []
    with tempfile.TemporaryDirectory(prefix="ea-bench-") as folder:
        async with world(Path(folder), stored) as made:
            for name in names:
                for figure in await _MEASURES[name](made, repeat):
                    print(figure.line(), flush=True)
                    figures.append(figure)
    return figures


def _with_room(sizes: Sequence[int]) -> list[int]:
    """Those of *sizes* for which the disk has room; the others are named on standard error."""
    free = shutil.disk_usage(tempfile.gettempdir()).free
    fitting = [size for size in sizes if size * _BYTES_A_STORED_ROW + _BYTES_BESIDE < free]
    for size in sizes:
        if size not in fitting:
            print(f"{size} stored rows are left out: {free >> 30} GB are free.", file=sys.stderr)
    return fitting


def main() -> int:
    """Measure what was asked for; the exit code is 2 when there is no room for it."""
    args = _parser().parse_args()
    sizes = _with_room(_SIZES if args.growth else [args.stored])
    if not sizes:
        return 2
    load_before = os.getloadavg()[0]
    by_size: dict[int, list[Figure]] = {}
    for size in sizes:
        if args.growth:
            print(f"stored {size}", flush=True)
        by_size[size] = uvloop.run(_measure(size, args.only or list(_MEASURES), args.repeat))
    for line in growth(by_size) if args.growth else ():
        print(line)
    results = Results(
        version=__version__,
        measured_at=clock.now(),
        python=platform.python_version(),
        machine=platform.machine(),
        processors=os.cpu_count(),
        load_before=load_before,
        figures={str(size): figures for size, figures in by_size.items()},
    )
    _RESULTS.write_bytes(msgspec.json.format(msgspec.json.encode(results), indent=2) + b"\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
