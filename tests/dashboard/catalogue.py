"""What the templates say, for the translators: `make translations` brings the new texts into the catalogues."""

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po

from equityaccess.bundled import bundled
from equityaccess.dashboard import doors
from equityaccess.dashboard.languages import LANGUAGES, LOCALE
from equityaccess.dashboard.rendering import TEMPLATES
from equityaccess.signin.structs import NAMES

_KEYWORDS: Final = {"_": None, "gettext": None, "ngettext": (1, 2)}
_OPTIONS: Final = {"trimmed": "true", "newstyle_gettext": "true", "silent": "false"}


def spoken() -> Iterator[Path]:
    """The templates that speak every language."""
    for template in sorted(TEMPLATES.rglob("*.html")):
        if template.relative_to(TEMPLATES).parts[0] != "english":
            yield template


def texts() -> dict[str | tuple[str, ...], set[str]]:
    """Every text with the places it stands in, plural forms as a tuple."""
    found: dict[str | tuple[str, ...], set[str]] = {}
    for template in spoken():
        body = io.BytesIO(template.read_bytes())
        for _, text, *_ in extract("jinja2.ext:babel_extract", body, _KEYWORDS, options=_OPTIONS):
            found.setdefault(text, set()).add(template.relative_to(TEMPLATES).as_posix())
    for place in doors.navigation(None) + [place for role in NAMES for place in doors.navigation(role)]:
        found.setdefault(place.name, set()).add("doors.py")
    for name in NAMES.values():
        found.setdefault(name, set()).add("roles")
    for file in ("indicators.csv", "student_groups.csv"):
        with (bundled("db") / "reference" / file).open(newline="", encoding="utf-8") as rows:
            for row in csv.DictReader(rows):
                found.setdefault(row["name"], set()).add(file)
    return found


def known(language: str) -> Catalog:
    """The catalogue of *language*."""
    with (LOCALE / f"{language}.po").open("rb") as file:
        return read_po(file, locale=language)


def main() -> None:
    """Bring every catalogue up to the templates; what is new is empty, what is gone goes."""
    for language in LANGUAGES:
        if language == "en":
            continue
        old, new = known(language), Catalog(locale=language, fuzzy=False)
        for text, places in sorted(texts().items(), key=str):
            kept = old.get(text if isinstance(text, str) else text[0])
            new.add(text, kept.string if kept else None, auto_comments=sorted(places))
        out = io.BytesIO()
        write_po(out, new, omit_header=True, width=120)
        header = (
            f'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n"Language: {language}\\n"\n'
            f'"Plural-Forms: {old.plural_forms}\\n"\n\n'
        )
        text = re.sub(r"\n{3,}", "\n\n", header + out.getvalue().decode())
        (LOCALE / f"{language}.po").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
