"""Promise 28: "100 %" is never rounded.

Method: every pair n < d with d up to 2,000 goes through the function that makes the rates of every answer, as `met`,
as `met + not_met`, as what is at most met, and is encoded as the answer is. No rate below the whole may show as 100,
every whole one must, and no rate may lie above the exact share or more than a hundredth of a point below it.
Figure: pairs; shown as 100 though not all; not shown as 100 though all; above the exact share; too far below it.
Mutant: rates are rounded to the nearest hundredth.
"""

import msgspec

from equityaccess.coverage import structs
from equityaccess.coverage.structs import Sums, counted
from tests.trust.harness import Figure, Harness, Run

_encoder = msgspec.json.Encoder()


def _rounded(part: int, base: int) -> float | None:
    return round(100 * part / base, 2) if base else None


def _shown(part: int, base: int) -> list[float]:
    """The four rates of *part* of *base* as a reader of the answer gets them."""
    asked = counted(Sums(population=base, met=part, not_met=base - part, not_applicable=0, unknown=0, unheard=0))
    most = counted(Sums(population=base, met=0, not_met=part, not_applicable=0, unknown=base - part, unheard=0))
    least = counted(Sums(population=base, met=0, not_met=base - part, not_applicable=0, unknown=part, unheard=0))
    rates = (asked.confirmed_percent, asked.respondent_percent, most.known_percent, least.at_most_percent)
    return msgspec.json.decode(_encoder.encode(rates), type=list[float])


async def _run(run: Run) -> Figure:
    if run.mutant:
        structs.percent = _rounded
    largest = run.size(2_000, 200)
    bases = range(1, largest + 1) if not run.mutant else [20_001]
    pairs = early = late = above = below = 0
    for base in bases:
        for part in range(base + 1) if not run.mutant else range(base - 5, base + 1):
            pairs += 1
            for rate in _shown(part, base):
                hundredths = round(rate * 100)
                early += rate >= 100 and part < base
                late += rate != 100 and part == base
                above += hundredths * base > part * 10_000
                below += (hundredths + 1) * base <= part * 10_000
    text = f"pairs={pairs} largest={max(bases)} early_100={early} missed_100={late} above={above} too_low={below}"
    return Figure(text=text, holds=pairs > 0 and not (early or late or above or below))


HARNESSES = [
    Harness(
        number=28,
        promise="100 % is shown only when it is all: rates are cut, never rounded up",
        mutant="rates are rounded to the nearest hundredth",
        run=_run,
    )
]
