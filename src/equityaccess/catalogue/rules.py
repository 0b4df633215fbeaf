"""How a short list is handed out in pages."""

from collections.abc import Sequence
from typing import Protocol, TypeVar

from equityaccess.problems import Invalid, Problem


class _Coded(Protocol):
    """Anything that its code names."""

    @property
    def code(self) -> str:
        """What names it."""


C = TypeVar("C", bound=_Coded)


def page_after(rows: Sequence[C], after: str | None, limit: int) -> tuple[Sequence[C], str | None]:
    """The *limit* rows that follow the one with the code *after*, and the last code of the page if more follow.

    Raises Invalid when there is no such row.
    """
    places = {row.code: place for place, row in enumerate(rows)}
    if after is not None and after not in places:
        raise Invalid(
            "The cursor names a row that is not in this list.",
            errors=[
                Problem(code="invalid-cursor", detail="Begin again.", pointer="/query/cursor", owner="sender"),
            ],
        )
    begin = 0 if after is None else places[after] + 1
    page = rows[begin : begin + limit]
    return page, page[-1].code if begin + limit < len(rows) else None
