"""How many requests a credential has left: a token bucket in the database, of which each process leases some.

Most requests spend what their process holds already and cost no statement. The first of a quiet credential leases one,
and each lease that is used up at once is followed by one twice as large; what is not spent soon is given back.
"""

import contextlib
import math
from collections import OrderedDict
from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec

from equityaccess.access import store
from equityaccess.database import Transaction

WINDOW_S = 60
_LEASE = timedelta(seconds=5)  # in which what was leased may be spent
_LEAST_LEASES = 20  # that a whole quota is handed out in, so that no process holds much of it idle
_MOST_BUCKETS = 10_000


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """What is left in a bucket after a request, as far as this process knows, and whether the request was within it."""

    policy: str
    is_within: bool
    limit: int  # requests in WINDOW_S
    left: int
    grows_in_s: int  # until there is one more

    def headers(self) -> dict[str, str]:
        """The share as the draft fields ``RateLimit-Policy`` and ``RateLimit``."""
        return {
            "RateLimit-Policy": f'"{self.policy}";q={self.limit};w={WINDOW_S}',
            "RateLimit": f'"{self.policy}";r={self.left};t={self.grows_in_s}',
        }


class _Lease(msgspec.Struct, kw_only=True):
    """What this process holds of a bucket, what the bucket held besides when it was leased, and who asks for that."""

    size: int
    held: int
    beside: float
    at: datetime
    asking: int = 0


class Quota:
    """The leases of this process; the least recently used go first, so memory stays bounded."""

    def __init__(self, policy: str, per_minute: int, *, most_buckets: int = _MOST_BUCKETS) -> None:
        self._policy = policy
        self._limit = per_minute
        self._largest = max(1, per_minute // _LEAST_LEASES)
        self._most_buckets = most_buckets
        self._leases: OrderedDict[str, _Lease] = OrderedDict()

    def __len__(self) -> int:
        return len(self._leases)

    @contextlib.contextmanager
    def asking(self, bucket: str, now: datetime) -> Iterator[Share | None]:
        """For the time that a request needs to ask for a share of *bucket*; yields one if nobody need be asked.

        That is so while the bucket is known to be empty still, or to hold no more than others of this process ask for
        already: a flood must not wait for the database in crowds.
        """
        lease = self._leases.get(bucket)
        if lease is None or lease.held:
            yield None
            return
        grown = (now - lease.at).total_seconds() * self._limit / WINDOW_S
        if 0 <= grown < 1 + lease.asking - lease.beside:
            yield self._share(lease, grown=grown - lease.asking, is_within=False)
            return
        lease.asking += 1
        try:
            yield None
        finally:
            lease.asking -= 1

    async def take(self, tx: Transaction, bucket: str, now: datetime) -> Share:
        """One request of *bucket* at *now*; leases more, in *tx*, where this process holds none."""
        lease = self._leases.get(bucket)
        if lease is None or not lease.held or not timedelta(0) <= now - lease.at < _LEASE:
            lease = await self._lease(tx, bucket, now, lease)
        is_within = lease.held > 0
        lease.held -= is_within
        return self._share(lease, is_within=is_within)

    async def _lease(self, tx: Transaction, bucket: str, now: datetime, last: _Lease | None) -> _Lease:
        returned, wanted = 0, 1
        if last is not None:
            # Taken out before anything is awaited: another request must not give the same back again.
            returned, last.held = last.held, 0
            if not returned and timedelta(0) <= now - last.at < _LEASE:
                wanted = min(2 * last.size, self._largest)
        leased = await store.lease_quota(tx, bucket, most=self._limit, wanted=wanted, returned=returned)
        # Requests that leased at the same time: what they were granted and have not spent is theirs together.
        meanwhile = self._leases.pop(bucket, None)
        held = leased.granted + (meanwhile.held if meanwhile else 0)
        lease = _Lease(size=max(leased.granted, 1), held=held, beside=leased.tokens, at=now)
        self._leases[bucket] = lease
        if len(self._leases) > self._most_buckets:
            self._leases.popitem(last=False)
        return lease

    def _share(self, lease: _Lease, *, is_within: bool, grown: float = 0) -> Share:
        beside = lease.beside + grown
        missing = math.floor(beside) + 1 - beside
        return Share(
            policy=self._policy,
            is_within=is_within,
            limit=self._limit,
            left=math.floor(beside) + lease.held,
            grows_in_s=max(1, math.ceil(missing * WINDOW_S / self._limit)),
        )
