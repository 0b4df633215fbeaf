"""What is wrong with a row, in words, before it is placed. Pure."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from equityaccess.submissions.structs import Row

_SEPARATORS = re.compile(r"[\s-]")


class Fault(NamedTuple):
    """A fault before it is placed in a row."""

    field: str
    code: str
    detail: str
    more: Mapping[str, object] = {}


def cds_fault(cds: str) -> Fault | None:
    """What is wrong with the form of a CDS code; None when it is 14 ASCII digits."""
    if len(cds) == 14 and cds.isascii() and cds.isdigit():
        return None
    plain = _SEPARATORS.sub("", cds)
    if len(plain) == 14 and plain.isascii() and plain.isdigit():
        return Fault("lea", "cds-format", f"{cds!r} is not 14 digits.", {"suggestion": plain})
    if "e+" in cds.lower() and cds[:1].isdigit():
        hint = "A spreadsheet cut the code; several LEAs would fit, so it is not guessed. Format the column as text."
        return Fault("lea", "cds-unrecoverable", f"{cds!r} has lost digits. {hint}")
    hint = "A CDS code is 14 digits, kept as text so that no zero is lost and no decimal point is added."
    return Fault("lea", "cds-format", f"{cds!r} is not a CDS code. {hint}")


def too_many(row: Row, not_applicable: int) -> Fault:
    """What is wrong with the counts of *row*, of which more are met than there are."""
    if row.met > row.population:
        detail = f"met is {row.met}, more than the population of {row.population}."
        return Fault("met", "met-exceeds-population", detail)
    if not_applicable > row.population:
        detail = f"not_applicable is {not_applicable}, more than the population of {row.population}."
        return Fault("not_applicable", "not-applicable-exceeds-population", detail)
    detail = f"met is {row.met}, more than the {row.population - not_applicable} to whom it applies."
    return Fault("met", "met-exceeds-population", detail)
