"""What a harness is: one promise, the program that tests it, and a seeded defect in which it must fail.

A module of this package that has a ``HARNESSES`` list is found by itself. A harness runs in a process of its own, so
one that hangs or dies says nothing of the others.

A quick run is part of CI: it looks for the same faults in less work, and a time that the promise bounds may be longer
there, since a machine that others use too is no fault. The promise's own figure is that of a full run.
"""

import importlib
import pkgutil
from collections.abc import Awaitable, Callable

import msgspec

import tests.trust

# What the service is to promise by number, and what nothing looks at yet: the table says so rather than leave it out.
PROMISED = frozenset({*range(1, 34), 35, 38, 39, 41, 42})
NOT_YET: dict[int, tuple[str, str]] = {}


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """What one run saw: the figure as it is shown, and whether the promise holds."""

    text: str
    holds: bool


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """How a harness is to run: in full or within its share of five minutes, and with its seeded defect or without."""

    quick: bool = False
    mutant: bool = False

    def size(self, full: int, quick: int) -> int:
        """How many of something: as many as the promise says, or fewer in a quick run or against the defect."""
        return quick if self.quick or self.mutant else full

    def bound(self, full: float, quick: float) -> float:
        """How much of a time or a share is allowed: what the promise says, or what even a busy machine keeps."""
        return quick if self.quick else full


class Harness(msgspec.Struct, frozen=True, kw_only=True):
    """One promise and its proof."""

    number: int
    promise: str  # one sentence, as the table shows it
    mutant: str  # the seeded defect, in words; the run with it must not hold
    run: Callable[[Run], Awaitable[Figure]]
    is_quick: bool = True  # whether a quick run includes it
    runs_alone: bool = False  # it bounds a time, or takes all processors itself: a full run has nothing beside it
    limit_s: float = 600.0  # a run that takes longer does not hold


def all_harnesses() -> list[Harness]:
    """Every harness of this package, by number."""
    found: list[Harness] = []
    for module in pkgutil.iter_modules(tests.trust.__path__, "tests.trust."):
        if not module.name.rpartition(".")[2].startswith(("test_", "__")):
            found += getattr(importlib.import_module(module.name), "HARNESSES", [])
    return sorted(found, key=lambda harness: harness.number)
