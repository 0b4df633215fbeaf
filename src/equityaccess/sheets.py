"""Text for a spreadsheet, in which nothing is run: a cell that begins like a formula is shown as what it is. Pure."""

from typing import Final, TypeVar

T = TypeVar("T")
_RUN: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "\uff1d", "\uff0b", "\uff0d", "\uff20")  # and full-width


def inert(cell: T) -> T | str:
    """*cell*, with an apostrophe before a text that a spreadsheet would run; numbers and days stay as they are."""
    return f"'{cell}" if isinstance(cell, str) and (cell.startswith(_RUN) or cell.lstrip().startswith(_RUN)) else cell
