"""Regular expressions against the strings that hurt them: made from the expression, 10,000 characters long."""

import itertools
import re
import signal
import time
from collections.abc import Callable, Iterator
from re import _constants as op  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any, Final

import msgspec

LONG: Final = 10_000
_SHORT: Final = 2_500  # a quarter: a linear expression then takes a quarter of the time, a quadratic one a sixteenth
_MOST_GROWTH: Final = 8.0  # between the two
_NOISE_S: Final = 0.000_5  # below this a growth is the clock's
_LIMIT_S: Final = 2.0
_PUMPED: Final = 8  # characters of the expression that are repeated, alone and in pairs
_ENDS: Final = ("", "\0", "!")
_OF_A_CATEGORY: Final = {
    op.CATEGORY_DIGIT: "7", op.CATEGORY_NOT_DIGIT: "x", op.CATEGORY_SPACE: " ", op.CATEGORY_NOT_SPACE: "x",
    op.CATEGORY_WORD: "w", op.CATEGORY_NOT_WORD: "-",
}  # fmt: skip


class Worst(msgspec.Struct, frozen=True, kw_only=True):
    """The string that an expression took longest for, and how the time grew from a quarter of it."""

    seconds: float
    growth: float

    @property
    def is_linear(self) -> bool:
        """Whether four times the string took about four times as long."""
        return self.seconds < _LIMIT_S and (self.seconds < _NOISE_S or self.growth < _MOST_GROWTH)


def worst_of(pattern: str, flags: int) -> Worst:
    """How long the worst string found takes to search, cut off at two seconds."""
    searched = re.compile(pattern, flags)
    strings = list(_hurting(pattern, flags))
    try:
        slowest = max(strings, key=lambda make: _best(searched, make(LONG), 1))
        long, short = (_best(searched, slowest(n), 5) for n in (LONG, _SHORT))
    except TimeoutError:
        return Worst(seconds=_LIMIT_S, growth=float("inf"))
    return Worst(seconds=long, growth=long / short)


def _best(searched: re.Pattern[str], text: str, times: int) -> float:
    return min(_timed(searched, text) for _ in range(times))


def _timed(searched: re.Pattern[str], text: str) -> float:
    """The processor's seconds, so that a busy machine does not count. Raises TimeoutError: the engine minds signals."""

    def give_up(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGPROF, give_up)
    signal.setitimer(signal.ITIMER_PROF, _LIMIT_S)
    began = time.thread_time()
    try:
        searched.search(text)
        return time.thread_time() - began
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _hurting(pattern: str, flags: int) -> Iterator[Callable[[int], str]]:
    """Makers of strings: the beginning of a match, then a piece of it again and again, then what does not fit."""
    parsed = _parser.parse(pattern, flags)
    match = _match(parsed)
    characters = list(dict.fromkeys(_characters(parsed)))[:_PUMPED]
    pieces = [*characters, *map("".join, itertools.permutations(characters, 2)), match]
    for begin, piece, end in itertools.product({match[:n] for n in range(min(len(match), 12))} | {""}, pieces, _ENDS):
        if piece:
            yield lambda n, b=begin, p=piece, e=end: (b + p * (n // len(p) + 1))[: n - len(e)] + e


def _match(parsed: Any) -> str:
    """A string that the expression matches, as far as lookarounds let it: everything repeated at least once."""
    return "".join(_one(code, argument) for code, argument in parsed)


def _one(code: Any, argument: Any) -> str:
    if code in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
        least, most, inner = argument
        return _match(inner) * min(max(least, 1), most)
    if code is op.SUBPATTERN:
        return _match(argument[-1])
    if code is op.ATOMIC_GROUP:
        return _match(argument)
    if code is op.BRANCH:
        return _match(argument[1][0])
    return next(_of_a_leaf(code, argument), "")


def _characters(parsed: Any) -> Iterator[str]:
    """Characters that some part of the expression takes."""
    for code, argument in parsed:
        yield from _of_a_leaf(code, argument)
        for part in argument if isinstance(argument, (tuple, list)) else [argument]:
            for inner in part if isinstance(part, list) else [part]:
                if isinstance(inner, _parser.SubPattern):
                    yield from _characters(inner)


def _of_a_leaf(code: Any, argument: Any) -> Iterator[str]:
    if code is op.LITERAL:
        yield chr(argument)
    elif code is op.NOT_LITERAL:
        yield "x" if argument != ord("x") else "y"
    elif code is op.ANY:
        yield "x"
    elif code is op.CATEGORY:
        yield _OF_A_CATEGORY[argument]
    elif code is op.RANGE:
        yield chr(argument[0])
    elif code is op.IN:
        yield from _of_a_set(argument)


def _of_a_set(items: Any) -> Iterator[str]:
    if items[0][0] is not op.NEGATE:
        for code, argument in items:
            yield from _of_a_leaf(code, argument)
        return
    refused = {character for code, argument in items[1:] for character in _of_a_leaf(code, argument)}
    yield next(character for character in "x7w- a9" if character not in refused)
