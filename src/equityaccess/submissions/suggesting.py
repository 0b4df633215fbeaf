"""What a word that is not known was probably meant to be. Pure, as rules.py is."""

import difflib
import string
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from equityaccess.problems import Problem
from equityaccess.submissions.rules import Known


def is_foreign(refusal: Problem, directory: Mapping[str, str]) -> bool:
    """Whether a row was refused because it names another LEA. *directory*: code to name, of every LEA."""
    return refusal.code == "unknown-cds" and refusal.detail in directory


def explained(refusals: Iterable[Problem], known: Known, directory: Mapping[str, str]) -> Iterator[Problem]:
    """*refusals*, with words that are not known said to be so, and what they were probably meant to be.

    It takes longer than to find the fault, so it is for what is shown.
    """
    near: dict[str, str | None] = {}
    for refusal in refusals:
        if refusal.code == "unknown-cds":
            yield _explained_cds(refusal, directory)
        elif refusal.code in ("unknown-indicator", "unknown-group"):
            is_group = refusal.code == "unknown-group"
            words = sorted(known.student_groups if is_group else known.indicators)
            what = "a student group" if is_group else "an indicator"
            detail = f"{refusal.detail!r} is not {what}; known are {', '.join(words)}."
            if refusal.detail not in near:
                near[refusal.detail] = nearest(refusal.detail, words)
            yield msgspec.structs.replace(refusal, detail=detail, suggestion=near[refusal.detail])
        else:
            yield refusal


def _explained_cds(refusal: Problem, directory: Mapping[str, str]) -> Problem:
    cds = refusal.detail
    if cds in directory:
        detail = f"{cds} is {directory[cds]}: this key does not speak for it."
        return msgspec.structs.replace(refusal, code="lea-mismatch", detail=detail)
    near = {slip for slip in _slips(cds) if slip in directory}
    suggestion = f"{min(near)} ({directory[min(near)]})" if len(near) == 1 else None
    return msgspec.structs.replace(refusal, detail=f"No LEA has the code {cds}.", suggestion=suggestion)


def _slips(code: str) -> Iterator[str]:
    """Every code that one wrong digit, or two that changed places, could have made into *code*."""
    for place in range(len(code)):
        yield from (f"{code[:place]}{digit}{code[place + 1 :]}" for digit in string.digits)
        yield f"{code[:place]}{code[place : place + 2][::-1]}{code[place + 2 :]}"


def nearest(word: str, words: Iterable[str]) -> str | None:
    """The one of *words* that *word* was probably meant to be."""
    folded = {known.casefold(): known for known in words}
    near = difflib.get_close_matches(word.casefold(), folded, n=1, cutoff=0.5)
    return folded[near[0]] if near else None
