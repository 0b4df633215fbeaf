"""Observations in an array, taken up as they come out of the database. Pure."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

# What an observation is here, in the order of the query `observed_ever`.
_OBSERVED: Final = np.dtype(
    [
        ("lea", "i4"),
        ("indicator", "i2"),
        ("group", "i2"),
        ("as_of", "i4"),
        ("revision", "i4"),
        ("population", "i4"),
        ("met", "i4"),
        ("not_met", "i4"),
        ("not_applicable", "i4"),
        ("evidence", "S1"),
        ("valid_until", "i4"),
    ]
)
# The same as PostgreSQL's binary COPY has it: before each row the number of its fields, before each field its length.
_FIELDS: Final = _OBSERVED.names or ()
_COPIED: Final = np.dtype(
    [
        ("fields", ">i2"),
        *(one for name in _FIELDS for one in ((f"{name}_bytes", ">i4"), (name, _OBSERVED[name].newbyteorder(">").str))),
    ]
)
_COPY_HEAD: Final = 19  # bytes
_AT_A_TIME: Final = 1 << 22  # bytes that are made compact at once


class Observed:
    """All observations, taken up piece by piece as PostgreSQL's binary COPY gives them, 37 bytes each."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._skip = _COPY_HEAD
        self._parts: list[NDArray[Any]] = []

    async def take(self, piece: bytes) -> None:
        """Take up *piece*, which may end anywhere."""
        self._rest += piece
        if len(self._rest) >= _AT_A_TIME:
            self._make_compact()

    def table(self) -> NDArray[Any]:
        """All that was taken up."""
        self._make_compact()
        return np.concatenate(self._parts)

    def _make_compact(self) -> None:
        rows = (len(self._rest) - self._skip) // _COPIED.itemsize
        copied = np.frombuffer(bytes(self._rest), _COPIED, count=max(rows, 0), offset=self._skip)
        compact = np.empty(len(copied), _OBSERVED)
        for name in _FIELDS:
            compact[name] = copied[name]
        self._parts.append(compact)
        del self._rest[: self._skip + copied.nbytes]
        self._skip = 0
