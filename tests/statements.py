"""Counts the statements that handlers send, by watching every way in which a transaction takes one."""

import contextlib
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from equityaccess.database import Query, Transaction

Way = Callable[..., Awaitable[Any]]
_WAYS = ("all", "one", "values", "value", "rows", "execute")
_OF_EVERY_REQUEST = frozenset({"authenticate_session", "lease_quota", "write_quickly"})


@contextlib.contextmanager
def counted() -> Iterator[list[str]]:
    """The names of the statements of the block, without what every request costs, whatever it asks."""
    sent: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        for way in _WAYS:
            patch.setattr(Transaction, way, _watched(getattr(Transaction, way), sent))
        yield sent


def _watched(original: Way, sent: list[str]) -> Way:
    async def watched(self: Transaction, query: Query, *args: Any, **values: Any) -> Any:
        if query.name not in _OF_EVERY_REQUEST:
            sent.append(query.name)
        return await original(self, query, *args, **values)

    return watched
