"""`make mutation`: changes the four modules that must not be wrong, and counts the changes that some test notices.

Sentences for people, types and decorators are not changed; what a class body says neither.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import msgspec

from tests import measured
from tests.mutation.loop import Seen
from tests.mutation.operators import Mutant, mutants_of

_CHECKOUT: Final = Path(__file__).parents[2]
_STALLED_S: Final = 90.0  # a change may make a test hang where no signal reaches
_BEFORE_THE_FIRST_S: Final = 600.0
_AT_ONCE: Final = 2
AT_LEAST: Final = 0.85


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """Modules that belong together, and the tests that hold them."""

    name: str
    modules: Sequence[str]
    tests: Sequence[str]

    @property
    def kept_as(self) -> str:
        """The name under which its score is kept."""
        return f"mutation of {self.name}"

    @property
    def files(self) -> Sequence[str]:
        """What its score depends on: the score is of another state when one of them is changed."""
        return (*map(file_of, self.modules), *self.tests, "tests/mutation")


GROUPS: Final = (
    Group(
        name="keys",
        modules=(
            "access.issue",
            "access.limits",
            "access.quota",
            "access.rules",
            "access.store",
            "access.grant",
            "access.tokens",
        ),
        tests=("tests/access",),
    ),
    Group(
        name="scope checks",
        modules=("access.auth", "access.structs", "guards"),
        tests=("tests/access", "tests/test_app.py", "tests/submissions/test_limits.py"),
    ),
    Group(
        name="idempotency",
        modules=("submissions.once",),
        tests=("tests/submissions/test_once.py", "tests/submissions/test_bad_bodies.py"),
    ),
    Group(
        name="suppression",
        modules=("publication.suppression",),
        tests=("tests/publication/test_suppression.py",),
    ),
)


def is_there(group: Group) -> bool:
    """Whether the modules of *group* have been written."""
    return all((_CHECKOUT / file_of(module)).exists() for module in group.modules)


def file_of(module: str) -> str:
    """Where *module* stands in the checkout."""
    return f"src/equityaccess/{module.replace('.', '/')}.py"


def changes(group: Group) -> list[Mutant]:
    """Every change of the modules of *group*."""
    return [mutant for module in group.modules for mutant in mutants_of(f"equityaccess.{module}")]


def seen_of(group: Group, mutants: Sequence[Mutant]) -> list[Seen]:
    """What became of each of *mutants*, tried by two processes at once."""
    numbered = list(enumerate(mutants))
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        seen = pool.map(lambda part: _tried(group, numbered[part::_AT_ONCE]), range(_AT_ONCE))
    return [one for _, one in sorted((one.number, one) for part in seen for one in part)]


def _tried(group: Group, mutants: Sequence[tuple[int, Mutant]]) -> list[Seen]:
    """What became of *mutants*, in a process of its own; one that hangs there is ended and counts as killed."""
    seen: list[Seen] = []
    left = list(mutants)
    with tempfile.TemporaryDirectory() as folder:
        while left:
            new = _run(group, left, Path(folder))
            if len(new) < len(left):
                new.append(Seen(number=left[len(new)][0], killed_by="(hung or died)", tests=0))
            seen += new
            left = left[len(new) :]
    return seen


def _run(group: Group, left: Sequence[tuple[int, Mutant]], folder: Path) -> list[Seen]:
    """What became of those of *left*, in order, until the process ended or was ended.

    Raises RuntimeError when the tests do not pass without any change.
    """
    file = folder / "seen"
    file.write_bytes(b"")
    (folder / "mutants").write_bytes(msgspec.json.encode(left))
    command = [sys.executable, "-m", "pytest", "-p", "tests.mutation.loop", "-q", "--mutants", folder / "mutants"]
    with (folder / "log").open("wb") as log:
        running = subprocess.Popen(
            [*command, "--seen", file, *group.tests], cwd=_CHECKOUT, stdout=log, stderr=log, start_new_session=True
        )
        size, since, limit = 0, time.monotonic(), _BEFORE_THE_FIRST_S
        while running.poll() is None:
            time.sleep(0.2)
            if file.stat().st_size != size:
                size, since, limit = file.stat().st_size, time.monotonic(), _STALLED_S
            if time.monotonic() - since > limit:
                os.killpg(running.pid, signal.SIGKILL)
    ready, *lines = file.read_bytes().splitlines() or [b""]
    if not ready:
        raise RuntimeError((folder / "log").read_text(errors="replace")[-3000:])
    return [msgspec.json.decode(line, type=Seen) for line in lines]


def main() -> int:
    """Print the score of each group, and the changes that nobody noticed; 1 when a score is too low."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation")
    parser.add_argument("--only", action="append", choices=[group.name for group in GROUPS])
    parser.add_argument("--every", type=int, default=1, metavar="N", help="take each Nth change only")
    args = parser.parse_args()
    is_enough = True
    for group in GROUPS:
        if (args.only and group.name not in args.only) or not is_there(group):
            continue
        mutants = changes(group)[:: args.every]
        survived = [mutant for mutant, seen in zip(mutants, seen_of(group, mutants), strict=True) if not seen.killed_by]
        killed = len(mutants) - len(survived)
        is_enough &= killed >= AT_LEAST * len(mutants)
        print(f"{group.name}: {killed} of {len(mutants)} killed, {killed / len(mutants):.0%}", flush=True)
        print(*(f"  survived {mutant}" for mutant in survived), sep="\n", flush=True)
        if args.every == 1:
            measured.keep(group.kept_as, (killed, len(mutants)), group.files)
    return 0 if is_enough else 1


if __name__ == "__main__":
    sys.exit(main())
