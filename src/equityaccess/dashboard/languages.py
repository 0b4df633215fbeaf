"""Which language a page is in, and how that language writes numbers and days.

English is what the templates say; Spanish stands in ``locale/es.po``, which is read at the start and never compiled.
"""

import functools
import io
from datetime import date, datetime
from decimal import ROUND_DOWN, Decimal
from pathlib import Path
from typing import Final, Literal, get_args

from babel import Locale, dates, numbers
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations

from equityaccess.clock import LOCAL

Language = Literal["en", "es"]
LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)
NAMES: Final[dict[Language, str]] = {"en": "English", "es": "Español"}
LOCALE: Final = Path(__file__).parent / "locale"
_LOCALES: Final[dict[Language, Locale]] = {"en": Locale("en", "US"), "es": Locale("es", "US")}


@functools.cache
def translations(language: Language) -> NullTranslations:
    """What the texts of the pages are in *language*."""
    if language == "en":
        return NullTranslations()
    compiled = io.BytesIO()
    with (LOCALE / f"{language}.po").open("rb") as file:
        write_mo(compiled, read_po(file, locale=language))
    compiled.seek(0)
    return Translations(compiled)


def chosen(asked: str | None, kept: str | None, accepted: str) -> Language:
    """The language *asked* for in the address, else the one *kept* in a cookie, else what Accept-Language says."""
    for language in LANGUAGES:
        if asked == language or (asked not in LANGUAGES and kept == language):
            return language
    wanted = [part.strip() for part in accepted.split(",") if part.strip()]
    ranked = sorted(wanted, key=lambda part: -_quality(part))
    for part in ranked:
        for language in LANGUAGES:
            if part.partition(";")[0].partition("-")[0].strip().lower() == language and _quality(part) > 0:
                return language
    return "en"


def _quality(part: str) -> float:
    try:
        return float(part.partition(";q=")[2] or 1)
    except ValueError:
        return 0.0


class Writing:
    """How a language writes what is no text; each is a filter of the templates."""

    def __init__(self, language: Language) -> None:
        self._locale = _LOCALES[language]

    def number(self, value: float) -> str:
        """A number of people or things."""
        return numbers.format_decimal(value, locale=self._locale)

    def percent(self, value: float | None, *, digits: int = 1) -> str:
        """A rate in percent, cut and never rounded up: 100 % is shown only where it is reached."""
        if value is None:
            return "\N{EN DASH}"
        cut = Decimal(str(value)).quantize(Decimal(1).scaleb(-digits), rounding=ROUND_DOWN)
        return numbers.format_percent(cut / 100, format=None, locale=self._locale, decimal_quantization=False)

    def points(self, value: float) -> str:
        """A difference of two rates in percentage points, with its sign."""
        return numbers.format_decimal(value, format="+#,##0.0;-#,##0.0", locale=self._locale)

    def day(self, value: date) -> str:
        """A day, written out."""
        return dates.format_date(value, format="long", locale=self._locale)

    def instant(self, value: datetime) -> str:
        """A moment in the county's time."""
        return dates.format_datetime(value, format="d MMM y, H:mm z", tzinfo=LOCAL, locale=self._locale)

    def filters(self) -> dict[str, object]:
        """All of them by name."""
        return {name: getattr(self, name) for name in ("number", "percent", "points", "day", "instant")}
