"""Every promise has one harness; a harness says what it promises, how it looks, what it counts, and what breaks it."""

import re
import sys

import pytest

from tests.trust.harness import NOT_YET, PROMISED, Harness, all_harnesses

pytestmark = pytest.mark.checkout
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
