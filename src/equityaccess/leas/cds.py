"""What a CDS code looks like, and how spreadsheets spoil it."""

import re
from typing import Final

OF_A_DISTRICT: Final = "0000000"  # where a school would have its number
_CODE = re.compile(r"\A[0-9]{14}\Z")
_DISTRICT = re.compile(r"\A[0-9]{7}\Z")
_ROUNDED = re.compile(r"\A[0-9](\.[0-9]+)?[Ee]\+?[0-9]+\Z")


class SpoiledCode(ValueError):
    """A CDS code that lost digits; which ones cannot be known."""


def cds_of(cell: str) -> str:
    """The code of 14 digits in *cell*; a district's 7 digits stand for the whole district. Nothing is ever guessed.

    Raises SpoiledCode, with the reason.
    """
    if _CODE.match(cell):
        return cell
    if _DISTRICT.match(cell):
        return cell + OF_A_DISTRICT
    if _ROUNDED.match(cell):
        raise SpoiledCode(f"{cell} is a number that a spreadsheet rounded: whole counties share it. Keep codes as text")
    if cell.endswith(".0"):
        raise SpoiledCode(f"{cell} is a number with decimals, not a code: keep codes as text")
    if cell.isascii() and cell.isdigit():
        raise SpoiledCode(f"{cell} has {len(cell)} digits, not 14 or 7: leading zeros may be lost")
    if "-" in cell:
        raise SpoiledCode(f"{cell} has dashes: write the 14 digits alone")
    raise SpoiledCode(f"{cell!r} is not a code of 14 digits")
