"""Every text of the pages that speak Spanish is translated; languages are chosen, numbers and days are written."""

import re
from datetime import UTC, date, datetime

import pytest

from equityaccess.dashboard.languages import Writing, chosen, translations
from tests.dashboard import catalogue

SPANISH = catalogue.known("es")
_PLACE = re.compile(r"%\((\w+)\)s")


@pytest.mark.parametrize("text", sorted(catalogue.texts(), key=str), ids=lambda text: str(text)[:50])
def test_a_text_has_its_translation(text: str | tuple[str, ...]) -> None:
    message = SPANISH.get(text if isinstance(text, str) else text[0])
    assert message is not None, "run `make translations`, then translate what is empty"
    said = message.string if isinstance(message.string, tuple) else (message.string,)
    assert all(said)
    assert not message.fuzzy
    places = set(_PLACE.findall(str(text)))
    assert all(set(_PLACE.findall(one)) == places for one in said)


def test_no_translation_is_of_a_text_that_is_gone() -> None:
    assert {message.id for message in SPANISH if message.id} == set(catalogue.texts())


def test_what_is_translated_is_read_at_the_start() -> None:
    assert translations("es").gettext("Sign in") == "Iniciar sesión"
    assert translations("en").gettext("Sign in") == "Sign in"


@pytest.mark.parametrize(
    ("asked", "kept", "accepted", "language"),
    [
        (None, None, "", "en"),
        (None, None, "es-MX,es;q=0.9,en;q=0.8", "es"),
        (None, None, "fr, es;q=0.2, en;q=0.1", "es"),
        (None, None, "es;q=0, en", "en"),
        (None, None, "de;q=x", "en"),
        (None, "es", "en", "es"),
        ("en", "es", "es", "en"),
        ("xx", "es", "en", "es"),
    ],
)
def test_a_language_is_asked_for_kept_or_accepted(
    asked: str | None, kept: str | None, accepted: str, language: str
) -> None:
    assert chosen(asked, kept, accepted) == language


def test_each_language_writes_in_its_own_way() -> None:
    english, spanish = Writing("en"), Writing("es")
    assert (english.number(1234567), spanish.number(1234567)) == ("1,234,567", "1,234,567")  # as the US writes Spanish
    assert (english.day(date(2026, 7, 4)), spanish.day(date(2026, 7, 4))) == ("July 4, 2026", "4 de julio de 2026")
    assert english.instant(datetime(2026, 1, 2, 20, 5, tzinfo=UTC)) == "2 Jan 2026, 12:05 PST"


@pytest.mark.parametrize(("rate", "shown"), [(99.99, "99.9%"), (100.0, "100%"), (0.04, "0%"), (57.25, "57.2%")])
def test_a_rate_is_cut_and_never_rounded_up(rate: float, shown: str) -> None:
    assert Writing("en").percent(rate) == shown
