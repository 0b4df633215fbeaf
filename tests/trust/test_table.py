"""Every promise has one harness; a harness says what it promises, how it looks, what it counts, and what breaks it."""

import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.trust.__main__ import _end_within
from tests.trust.harness import NOT_YET, PROMISED, Harness, all_harnesses

HARNESSES = all_harnesses()
NUMBERS = [harness.number for harness in HARNESSES]


def test_no_promise_has_two_harnesses() -> None:
    assert sorted(set(NUMBERS)) == NUMBERS


def test_every_promise_has_a_harness_or_a_reason() -> None:
    assert PROMISED - set(NUMBERS) - NOT_YET.keys() == set()


@pytest.mark.parametrize("harness", HARNESSES, ids=lambda harness: str(harness.number))
def test_a_harness_says_promise_method_figure_and_mutant(harness: Harness) -> None:
    text = sys.modules[harness.run.__module__].__doc__ or ""
    assert re.match(rf"Promises? [0-9, and]*\b{harness.number}\b", text)
    for part in ("Method", "Figure", "Mutant"):
        assert re.search(rf"\b{part}s?\b", text), part
    assert harness.promise
    assert harness.mutant


def test_a_harness_that_hangs_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    started = "import subprocess, sys, time; print(subprocess.Popen(['sleep', '600']).pid, flush=True); time.sleep(600)"
    with (tmp_path / "said").open("w+b") as said, pytest.raises(subprocess.TimeoutExpired):
        _end_within(2.0, [sys.executable, "-c", started], {}, said, said)
    state = Path(f"/proc/{int((tmp_path / 'said').read_text())}/stat")
    until = time.monotonic() + 10
    while _is_running(state) and time.monotonic() < until:
        time.sleep(0.01)
    assert not _is_running(state)


def _is_running(state: Path) -> bool:
    """A zombie that nobody has asked for yet is none."""
    try:
        return state.read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
