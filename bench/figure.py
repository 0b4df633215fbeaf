"""A figure: what was measured in one run, how it is printed and kept."""

import statistics
from collections.abc import Mapping, Sequence

import msgspec


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One figure with all its repetitions, and what they were worked out from."""

    name: str
    value: float  # the median of the values, unless the name says otherwise
    values: list[float]
    sides: dict[str, list[float]] = {}

    def line(self) -> str:
        """``name value (min-max) n=repetitions``."""
        digits = _digits(self.value)
        least, most = min(self.values), max(self.values)
        return f"{self.name} {self.value:.{digits}f} ({least:.{digits}f}-{most:.{digits}f}) n={len(self.values)}"


def _digits(value: float) -> int:
    """Decimals for about two significant digits: more than that no few repetitions can say."""
    return 1 if abs(value) >= 10 else 2 if abs(value) >= 0.1 else 3


def median(name: str, values: list[float]) -> Figure:
    """A figure that is the median of its values."""
    return Figure(name=name, value=statistics.median(values), values=values)


def ratio(name: str, over: Sequence[float], under: Sequence[float], sides: tuple[str, str]) -> Figure:
    """Each repetition of *over* divided by the one of *under* beside it; *sides* name the two."""
    values = [upper / lower for upper, lower in zip(over, under, strict=True)]
    kept = {sides[0]: list(over), sides[1]: list(under)}
    return Figure(name=name, value=statistics.median(values), values=values, sides=kept)


def percentile_95(name: str, values: list[float]) -> Figure:
    """A figure that 95 % of its values do not exceed."""
    rank = -(-95 * len(values) // 100)
    return Figure(name=name, value=sorted(values)[rank - 1], values=values)


def growth(by_size: Mapping[int, Sequence[Figure]]) -> list[str]:
    """A line a figure: its value at each number of stored rows, and the last as a multiple of the first."""
    lines = []
    for name in dict.fromkeys(figure.name for figures in by_size.values() for figure in figures):
        values = {size: figure.value for size, figures in by_size.items() for figure in figures if figure.name == name}
        told = " ".join(f"{size}:{value:.{_digits(value)}f}" for size, value in values.items())
        smallest, largest = values[min(values)], values[max(values)]
        lines.append(f"growth {name} {told} x{largest / smallest:.2f}")
    return lines
