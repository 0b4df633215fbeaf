"""A pytest plugin: runs the collected tests once as they are, then against each change until one of them fails.

Everything happens in one process, on one PostgreSQL: starting either for each change would take most of the time.
"""

import contextlib
import importlib
import signal
import time
import warnings
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import coverage
import msgspec
import pytest
from _pytest.runner import runtestprotocol

from tests.mutation.operators import Mutant, seeded

_SLACK_S: Final = 5.0


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one change: killed by this test, or by none."""

    number: int
    killed_by: str | None
    tests: int


def pytest_addoption(parser: pytest.Parser) -> None:
    """Where the changes are read from, and where what became of them goes."""
    parser.addoption("--mutants")
    parser.addoption("--seen")


class _TooSlow(BaseException):
    pass


@contextlib.contextmanager
def _within(seconds: float) -> Iterator[None]:
    def give_up(*_: object) -> None:
        raise _TooSlow

    signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _failure(item: Any) -> str | None:
    """What made *item* fail; the fixtures of the session stay."""
    item._initrequest()
    reports = runtestprotocol(item, log=False, nextitem=item.session)
    return next((report.longreprtext or report.outcome for report in reports if report.failed), None)


def _as_they_are(items: list[Any], files: dict[str, str]) -> tuple[dict[tuple[str, int], set[str]], dict[str, float]]:
    """Which tests reach which line, and how long each takes; all must pass."""
    measured = coverage.Coverage(data_file=None, include=list(files.values()), config_file=False)
    measured.start()
    took = {}
    for item in items:
        measured.switch_context(item.nodeid)
        began = time.monotonic()
        if failure := _failure(item):
            pytest.exit(f"{item.nodeid} fails without any change: {failure}", 3)
        took[item.nodeid] = time.monotonic() - began
    measured.stop()
    reached: dict[tuple[str, int], set[str]] = defaultdict(set)
    with warnings.catch_warnings(action="ignore"):  # that the tests reach nothing of the modules is for us to say
        found = measured.get_data()
    for module, file in files.items():
        for line, contexts in found.contexts_by_lineno(file).items():
            reached[module, line] |= set(contexts)
    return reached, took


def _killer(mutant: Mutant, tests: list[Any], took: dict[str, float]) -> str | None:
    with seeded(mutant):
        for item in tests:
            try:
                with _within(3 * took[item.nodeid] + _SLACK_S):
                    if _failure(item):
                        return str(item.nodeid)
            except _TooSlow:
                return f"{item.nodeid} (too slow)"
    return None


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """Instead of pytest's own loop."""
    if not session.config.getoption("--mutants"):
        return None
    mutants = msgspec.json.decode(
        Path(session.config.getoption("--mutants")).read_bytes(), type=list[tuple[int, Mutant]]
    )
    items: list[Any] = list(session.items)
    files = {one.module: str(importlib.import_module(one.module).__file__) for _, one in mutants}
    reached, took = _as_they_are(items, files)
    with Path(session.config.getoption("--seen")).open("ab", buffering=0) as seen:
        seen.write(b"ready\n")  # from here on, an end is the doing of a change
        for number, mutant in mutants:
            names = set().union(*(reached[mutant.module, n] for n in range(mutant.first_line, mutant.last_line + 1)))
            is_loaded = names <= {""}  # a constant at the top: every test may tell
            tests = [item for item in items if is_loaded or item.nodeid in names]
            tests.sort(key=lambda item: took[item.nodeid])
            by = _killer(mutant, tests, took)
            seen.write(msgspec.json.encode(Seen(number=number, killed_by=by, tests=len(tests))) + b"\n")
    return True
