"""Promise 41: tests have teeth.

Method: two long runs, `make coverage` (every test, every branch watched, in the processes that the tests start, too)
and `make mutation` (each change of the modules that must not be wrong, against their tests until one fails), keep
their figures with a digest: coverage of all code and tests, mutation of the changed modules and their tests. This
harness reads them; figures of another state do not count.
Figure: branches reached overall, and the least in a module of keys, suppression, idempotency and scope checks; the
share of changes killed in each of these.
Mutant: the tests of idempotency are taken away and others are run against every fifth change: it has to survive.
"""

from typing import Final

import msgspec

from tests import measured
from tests.mutation.__main__ import AT_LEAST, GROUPS, changes, file_of, seen_of
from tests.trust.harness import Figure, Harness, Run

_BRANCHES: Final = 95.0


def _coverage() -> tuple[str, bool]:
    found = measured.kept("coverage")
    if found is None:
        return "branches not measured in this state (`make coverage`)", False
    overall = found[""][0]
    files = [file_of(module) for group in GROUPS for module in group.modules]
    least = min(found.get(file, (0.0, 0.0))[1] for file in files)
    text = f"branches={overall:.1f} % in-the-four={least:.1f} %"
    return text, overall >= _BRANCHES and least == 100


def _mutation() -> tuple[str, bool]:
    scores = [(group.name, measured.kept(group.kept_as, group.files)) for group in GROUPS]
    text = " ".join(
        f"{name}={score[0]}/{score[1]} killed" if score else f"{name}: not measured in this state (`make mutation`)"
        for name, score in scores
    )
    return text, all(score and score[0] >= AT_LEAST * score[1] for _, score in scores)


async def teeth(run: Run) -> Figure:
    """The figures that were kept; with the mutant, a run of its own."""
    if run.mutant:
        [idempotency] = [group for group in GROUPS if group.name == "idempotency"]
        blunt = msgspec.structs.replace(idempotency, tests=("tests/access/test_key_rules.py",))
        seen = seen_of(blunt, changes(idempotency)[::5])
        killed = sum(one.killed_by is not None for one in seen)
        return Figure(text=f"killed={killed}/{len(seen)}", holds=killed >= AT_LEAST * len(seen))
    (branches, are_reached), (killed, is_enough) = _coverage(), _mutation()
    return Figure(text=f"{branches} {killed}", holds=are_reached and is_enough)


HARNESSES = [
    Harness(
        number=41,
        promise="Tests have teeth: >= 95 % of branches, 100 % in keys, suppression, idempotency and scope checks, "
        "where >= 85 % of changes are killed",
        mutant="the tests of idempotency are taken away",
        run=teeth,
        is_quick=False,
    )
]
