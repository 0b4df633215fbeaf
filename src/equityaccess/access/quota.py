"""How many requests a credential has left: one token bucket a key and process."""

import math
from collections import OrderedDict
from datetime import datetime
from uuid import UUID

import msgspec

WINDOW_S = 60
_MOST_BUCKETS = 10_000


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """What a key has left after a request, and whether that request was within it."""

    is_within: bool
    limit: int  # requests in WINDOW_S
    left: int
    grows_in_s: int  # until there is one more

    def headers(self) -> dict[str, str]:
        """The share as the draft fields ``RateLimit-Policy`` and ``RateLimit``."""
        return {
            "RateLimit-Policy": f'"default";q={self.limit};w={WINDOW_S}',
            "RateLimit": f'"default";r={self.left};t={self.grows_in_s}',
        }


class Quota:
    """The buckets of this process; the least recently used go first, so memory stays bounded."""

    def __init__(self, per_minute: int, *, most_buckets: int = _MOST_BUCKETS) -> None:
        self._limit = per_minute
        self._most_buckets = most_buckets
        self._buckets: OrderedDict[UUID, tuple[float, datetime]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, key_id: UUID, now: datetime) -> Share:
        """One request of *key_id* at *now*."""
        tokens, at = self._buckets.pop(key_id, (float(self._limit), now))
        # A clock that was set back gives nothing, and takes nothing either.
        elapsed = max(0.0, (now - at).total_seconds())
        tokens = min(float(self._limit), tokens + elapsed * self._limit / WINDOW_S)
        is_within = tokens >= 1
        tokens -= is_within
        self._buckets[key_id] = (tokens, now)
        if len(self._buckets) > self._most_buckets:
            self._buckets.popitem(last=False)
        missing = math.floor(tokens) + 1 - tokens
        return Share(
            is_within=is_within,
            limit=self._limit,
            left=math.floor(tokens),
            grows_in_s=max(1, math.ceil(missing * WINDOW_S / self._limit)),
        )
