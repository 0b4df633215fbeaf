"""What may be neither sent nor repeated: addresses, numbers and names of persons, and keys to this service. Pure.

Only the shape is looked at. A name in small letters, or a number with words between its digits, is not recognised;
that there is no field for either is the first wall.
"""

import itertools
import re
import unicodedata
from typing import Final

_KEY: Final = re.compile(r"eqa_(live|token)_\w+")
_ANY_DASH: Final = re.compile("[\u2010-\u2015\u2212\ufe58\ufe63\uff0d]")
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_ADDRESS: Final = re.compile(r"[\w.%+-](?:@|%40|\s?[\[(]at[\])]\s?)\w", re.IGNORECASE)
_SOCIAL_SECURITY: Final = r"\d{3}[- ./]?\d{2}[- ./]?\d{4}"
_STUDENT: Final = r"\d{10}"
_TELEPHONE: Final = r"(?:\+?1[- .]?)?\(?\d{3}\)?[- ./]{0,2}\d{3}[- .]?\d{4}"
# In a text, digits end where other digits begin; in a token, where letters do too: hexadecimal is full of digits.
_IN_TEXT: Final = (r"(?<!\d)(?:", r")(?!\d)")
_IN_TOKEN: Final = (r"(?<![0-9A-Za-z])(?:", r")(?![0-9A-Za-z])")
_NUMBERS: Final = {
    "a social security number": _SOCIAL_SECURITY,
    "a student identifier": _STUDENT,
    "a telephone number": _TELEPHONE,
}
_OF_TEXT: Final = {what: re.compile(pattern.join(_IN_TEXT)) for what, pattern in _NUMBERS.items()}
_OF_TOKEN: Final = {what: re.compile(pattern.join(_IN_TOKEN)) for what, pattern in _NUMBERS.items()}
_BETWEEN_WORDS: Final = re.compile(r"[\s,;:/()_\"]+")
_MARKS: Final = ".'-\u2019"
_MARK: Final = re.compile("['\u2019-]")
_TITLES: Final = frozenset({"mr", "mrs", "ms", "miss", "dr", "prof", "sr", "sra", "student", "pupil", "child"})
# What no second mark closes goes on to the end: to look for it again from every mark would take quadratic time.
# Beside one of these, a word with a capital is the name of a thing: a survey, a system, an office.
_THINGS: Final = {
    "admin", "american", "api", "bureau", "campus", "census", "center", "city", "college", "community",
    "county", "dashboard", "data", "database", "department", "district", "education", "enrollment", "export",
    "extract", "feed", "file", "household", "import", "information", "institute", "internet", "learning",
    "management", "network", "nightly", "office", "portal", "program", "report", "roster", "school", "service",
    "staff", "state", "student", "survey", "system", "systems", "technology", "unified", "university", "upload",
    "usage",
}  # fmt: skip
_QUOTED: Final = re.compile(r"'((?:[^'\\]|\\[\s\S]?)*)(?:'|\Z)|\"((?:[^\"\\]|\\[\s\S]?)*)(?:\"|\Z)")


def looks_personal(text: str) -> str | None:
    """What *text* holds that looks like an address or a number of a person, or like a key, if anything does."""
    return _found(_UUID.sub(" ", text), _OF_TEXT)


def token_looks_personal(token: str) -> str | None:
    """The same of a word that machines make up: what stands inside a hexadecimal number is none."""
    return _found(token, _OF_TOKEN)


def _found(text: str, numbers: dict[str, "re.Pattern[str]"]) -> str | None:
    plain = text if text.isascii() else _ANY_DASH.sub("-", unicodedata.normalize("NFKC", text))
    if _KEY.search(plain):
        return "a key"
    if _ADDRESS.search(plain):
        return "an e-mail address"
    return next((what for what, pattern in numbers.items() if pattern.search(plain)), None)


def looks_named(text: str) -> bool:
    """Whether *text* holds what looks like a person's name: two words with capitals in a row, or a title and one.

    Words for things are no names.
    """
    words = [word.strip(_MARKS) for word in _BETWEEN_WORDS.split(unicodedata.normalize("NFC", text))]
    words = [word for word in words if len(word) > 1]  # an initial stands between two names
    return any(
        _is_capitalised(second) and (_is_capitalised(first) or first.casefold() in _TITLES)
        for first, second in itertools.pairwise(words)
    )


def looks_personal_or_named(text: str) -> str | None:
    """What a text that somebody typed for others to read seems to hold of a person, be it only a name, if anything."""
    return looks_personal(text) or ("a person's name" if looks_named(text) else None)


def _is_capitalised(word: str) -> bool:
    parts = _MARK.split(word)
    if word.casefold() in _THINGS:
        return False
    return all(part.isalpha() for part in parts if part) and word[0].isupper() and any(map(str.islower, word))


def quoted(text: str) -> str | None:
    """What looks personal in the parts of *text* that stand in quotation marks: what a message repeats."""
    found = (looks_personal(single or double) for single, double in _QUOTED.findall(text))
    return next((what for what in found if what), None)


def without_quoted(text: str) -> str:
    """*text*, with what looks personal in quotation marks removed."""
    return _QUOTED.sub(lambda match: "'[removed]'" if looks_personal(match[1] or match[2] or "") else match[0], text)


def without_keys(text: str) -> str:
    """*text*, with keys and tokens removed, whole or in part: whoever reads it must not be let in."""
    return _KEY.sub(r"eqa_\1_[removed]", text)
