"""A cell that a spreadsheet would run is shown as what it is."""

from datetime import date

import pytest

from equityaccess.sheets import inert


@pytest.mark.parametrize(
    "text", ["=1", "+1", "-1", "@SUM", "\t=1", "\r=1", "\n1", "  =1", "\0=1", "\uff1d1", "\uff20x"]
)
def test_a_text_that_would_be_run_gets_an_apostrophe(text: str) -> None:
    assert inert(text) == f"'{text}"


@pytest.mark.parametrize(
    "cell", ["", "19647330000000", "a=1", "home_internet", -5, 0, 1.5, None, date(2026, 1, 1), True]
)
def test_everything_else_stays_as_it_is(cell: object) -> None:
    assert inert(cell) is cell
