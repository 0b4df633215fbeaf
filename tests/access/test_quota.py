"""How much a key may ask of all processes together, and what the answer says about it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import NAMESPACE_OID, uuid5

import asyncpg
import pytest

from equityaccess.access.limits import Limits
from equityaccess.access.quota import Quota, Share
from equityaccess.access.structs import Caller
from equityaccess.database import Database
from equityaccess.settings import SettingsError, from_environment

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ONE, OTHER = "key one", "key other"


class Unreachable:
    """A transaction that must not be used."""

    def __getattr__(self, name: str) -> None:
        raise AssertionError("the database was asked")


class Worker:
    """A process that answers: its own leases, on the database of all."""

    def __init__(self, db: Database, per_minute: int, **more: int) -> None:
        self.db, self.quota = db, Quota("default", per_minute, **more)

    async def take(self, bucket: str = ONE, now: datetime = NOW) -> Share:
        async with self.db.transaction() as tx:
            return await self.quota.take(tx, bucket, now)

    async def admitted(self, times: int, bucket: str = ONE, now: datetime = NOW) -> int:
        return sum([(await self.take(bucket, now)).is_within for _ in range(times)])


@pytest.fixture
async def buckets(empty_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection that may see and change what is in every bucket."""
    connection = await asyncpg.connect(empty_url)
    yield connection
    await connection.close()


async def stands_still(buckets: asyncpg.Connection, *workers: Worker) -> None:
    """Let one request of each of *workers* be counted, and then no time pass for the bucket while a test runs."""
    for worker in workers:
        assert (await worker.take()).is_within
    await buckets.execute("UPDATE quota SET at = now() + interval '9 seconds', tokens = floor(tokens)")


async def passes(buckets: asyncpg.Connection, seconds: float) -> None:
    """Let time pass for every bucket."""
    await buckets.execute("UPDATE quota SET at = at - $1 * interval '1 second'", seconds)


async def test_a_key_may_spend_its_minute_at_once_and_then_waits(empty: Database, buckets: asyncpg.Connection) -> None:
    worker = Worker(empty, 3)
    assert [(await worker.take()).is_within for _ in range(5)] == [True, True, True, False, False]
    assert (await worker.take()).grows_in_s == 20
    await passes(buckets, 19)
    assert not (await worker.take()).is_within
    await passes(buckets, 41)
    assert (await worker.take()).left == 2


async def test_workers_share_one_quota(empty: Database, buckets: asyncpg.Connection) -> None:
    workers = [Worker(empty, 100), Worker(empty, 100), Worker(empty, 100)]
    await stands_still(buckets, *workers)
    admitted = len(workers)
    for _ in range(60):
        admitted += sum([await worker.admitted(1) for worker in workers])
    assert admitted == 100


async def test_requests_at_the_same_moment_are_counted_too(empty: Database, buckets: asyncpg.Connection) -> None:
    one, other = Worker(empty, 42), Worker(empty, 42)
    await stands_still(buckets, one, other)
    shares = await asyncio.gather(*(worker.take() for _ in range(40) for worker in (one, other)))
    assert sum(share.is_within for share in shares) == 40


async def test_most_requests_of_a_busy_key_ask_nobody(empty: Database, buckets: asyncpg.Connection) -> None:
    worker = Worker(empty, 601)
    await stands_still(buckets, worker)
    asked = 0
    for _ in range(600):
        try:
            share = await worker.quota.take(Unreachable(), ONE, NOW)  # type: ignore[arg-type]
        except AssertionError:
            asked += 1
            share = await worker.take()
        assert share.is_within
    assert asked <= 30
    assert not (await worker.take()).is_within
    assert await buckets.fetchval("SELECT tokens FROM quota") < 1


async def test_what_is_not_spent_soon_is_given_back(empty: Database, buckets: asyncpg.Connection) -> None:
    one, other = Worker(empty, 100), Worker(empty, 100)
    await stands_still(buckets, one)
    await one.admitted(4)
    later = NOW + timedelta(seconds=6)
    assert (await one.take(now=later)).is_within
    assert await other.admitted(100) == 94


async def test_what_was_leased_long_ago_is_not_spent_any_more(empty: Database, buckets: asyncpg.Connection) -> None:
    worker = Worker(empty, 100)
    await worker.admitted(4)  # leased 1, 2 and 4: three are left
    await buckets.execute("UPDATE quota SET tokens = 0, at = now()")
    assert await worker.admitted(10, now=NOW + timedelta(days=1)) <= 4


async def test_an_empty_bucket_is_not_asked_again_before_it_can_have_grown(empty: Database) -> None:
    worker = Worker(empty, 2)

    def spent(bucket: str, after_s: float) -> Share | None:
        with worker.quota.asking(bucket, NOW + timedelta(seconds=after_s)) as share:
            return share

    assert spent(ONE, 0) is None
    assert await worker.admitted(3) == 2
    share = spent(ONE, 20)
    assert share is not None
    assert (share.is_within, share.left, share.grows_in_s) == (False, 0, 10)
    assert spent(ONE, 31) is None
    assert spent(ONE, 31) is None, "whoever asked is done"
    assert spent(OTHER, 0) is None
    assert spent(ONE, -1) is None


async def test_of_an_empty_bucket_what_has_grown_is_known_to_the_second(
    empty: Database, buckets: asyncpg.Connection
) -> None:
    worker = Worker(empty, 2)
    await worker.admitted(2)
    await buckets.execute("UPDATE quota SET tokens = 0.5, at = now() + interval '9 seconds'")
    assert not (await worker.take()).is_within

    def told(after_s: float) -> tuple[int, int] | None:
        with worker.quota.asking(ONE, NOW + timedelta(seconds=after_s)) as share:
            return share and (share.left, share.grows_in_s)

    assert [told(after_s) for after_s in (0, 14, 15)] == [(0, 15), (0, 1), None]


async def test_a_lease_is_spent_for_five_seconds_and_no_longer(empty: Database, buckets: asyncpg.Connection) -> None:
    worker = Worker(empty, 100)
    await stands_still(buckets, worker)
    await worker.admitted(3)  # leased 2, and then 4
    assert (await worker.quota.take(Unreachable(), ONE, NOW + timedelta(seconds=4.999))).left == 95  # type: ignore[arg-type]
    with pytest.raises(AssertionError, match="was asked"):
        await worker.quota.take(Unreachable(), ONE, NOW + timedelta(seconds=5))  # type: ignore[arg-type]


async def test_no_more_ask_at_once_for_an_empty_bucket_than_can_get_something(
    empty: Database, buckets: asyncpg.Connection
) -> None:
    worker, later = Worker(empty, 2), NOW + timedelta(seconds=61)  # two have grown by then
    await worker.admitted(3)
    await passes(buckets, 61)
    with worker.quota.asking(ONE, later) as first, worker.quota.asking(ONE, later) as second:
        assert (first, second) == (None, None)
        with worker.quota.asking(ONE, later) as third:
            assert third is not None
            assert (third.is_within, third.left, third.grows_in_s) == (False, 0, 29)
    with worker.quota.asking(ONE, later) as first, worker.quota.asking(ONE, later) as second:
        with worker.quota.asking(ONE, later) as third:
            assert (first, second, third and third.left) == (None, None, 0), "who has asked asks no more"
        assert [(await worker.take(now=later)).is_within for _ in range(3)] == [True, True, False]


async def test_a_refused_request_costs_nothing(empty: Database, buckets: asyncpg.Connection) -> None:
    worker = Worker(empty, 1)
    assert await worker.admitted(60) == 1
    await passes(buckets, 60)
    assert await worker.admitted(60) == 1


async def test_keys_do_not_share(empty: Database) -> None:
    worker = Worker(empty, 1)
    assert await worker.admitted(2) == 1
    assert await worker.admitted(2, OTHER) == 1


async def test_a_long_pause_does_not_save_up(empty: Database, buckets: asyncpg.Connection) -> None:
    worker = Worker(empty, 3)
    await worker.admitted(1)
    await passes(buckets, 86_400)
    assert await worker.admitted(10, now=NOW + timedelta(days=1)) == 3


async def test_a_clock_of_the_database_that_was_set_back_neither_gives_nor_locks_out(
    empty: Database, buckets: asyncpg.Connection
) -> None:
    worker = Worker(empty, 2)
    await worker.admitted(2)
    await buckets.execute("UPDATE quota SET at = now() + interval '1 hour'")
    assert await worker.admitted(1) == 0
    await passes(buckets, 31)
    assert await worker.admitted(2) == 1


async def test_who_waited_for_the_row_does_not_set_it_back(empty: Database, buckets: asyncpg.Connection) -> None:
    worker = Worker(empty, 2)
    await worker.admitted(2)
    ahead = await buckets.fetchval("UPDATE quota SET at = now() + interval '2 seconds' RETURNING at")
    await worker.take()
    assert await buckets.fetchval("SELECT at FROM quota") == ahead


async def test_a_clock_of_a_process_that_was_set_back_locks_nobody_out(
    empty: Database, buckets: asyncpg.Connection
) -> None:
    worker = Worker(empty, 40)
    await stands_still(buckets, worker)
    assert await worker.admitted(2) == 2
    assert await worker.admitted(3, now=NOW - timedelta(hours=1)) == 3
    assert await worker.admitted(40, now=NOW - timedelta(hours=1)) == 34


async def test_memory_is_bounded_and_what_is_forgotten_is_no_gift(empty: Database) -> None:
    worker = Worker(empty, 1, most_buckets=2)
    for bucket in (ONE, OTHER, "key third"):
        assert await worker.admitted(1, bucket) == 1
    assert len(worker.quota) == 2
    for bucket in (ONE, OTHER, "key third"):
        assert await worker.admitted(1, bucket) == 0


async def test_what_was_used_least_recently_is_forgotten_first(empty: Database) -> None:
    worker, limits = Worker(empty, 1, most_buckets=2), Limits(10, 10, most_known=2)
    for bucket in (ONE, OTHER, ONE, "key third"):
        await worker.take(bucket)
        async with empty.transaction() as tx:
            await limits.count(tx, bucket.encode(), caller_of(bucket.encode()), "address 192.0.2.1", NOW)
    with worker.quota.asking(ONE, NOW) as one, worker.quota.asking(OTHER, NOW) as other:
        assert one is not None, "it is known to be empty"
        assert other is None
    assert [limits.known(bucket.encode()) is not None for bucket in (ONE, OTHER, "key third")] == [True, False, True]


async def test_a_transaction_that_fails_loses_what_it_leased_and_nothing_else(empty: Database) -> None:
    worker = Worker(empty, 3)

    async def failing() -> None:
        async with empty.transaction() as tx:
            await worker.quota.take(tx, ONE, NOW)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await failing()
    assert await worker.admitted(10) == 3


async def test_the_share_is_told_in_the_draft_fields(empty: Database) -> None:
    share = await Worker(empty, 600).take()
    assert share.headers() == {"RateLimit-Policy": '"default";q=600;w=60', "RateLimit": '"default";r=599;t=1'}


@pytest.mark.parametrize("name", ["RATE_PER_MINUTE", "FAILURES_PER_MINUTE"])
def test_a_quota_of_nothing_is_refused_when_the_service_starts(name: str) -> None:
    variable = f"EQUITYACCESS_{name}"
    assert getattr(from_environment({variable: "1"}), name.lower()) == 1
    with pytest.raises(SettingsError, match=name.lower()):
        from_environment({variable: "0"})


async def test_the_credentials_that_are_remembered_are_bounded(empty: Database) -> None:
    limits = Limits(10, 10, most_known=1)
    async with empty.transaction() as tx:
        for fingerprint in (b"one", b"other"):
            await limits.count(tx, fingerprint, caller_of(fingerprint), "address 192.0.2.1", NOW)
    assert limits.known(b"one") is None
    assert limits.known(b"other") is not None


def caller_of(fingerprint: bytes) -> Caller:
    key_id = uuid5(NAMESPACE_OID, fingerprint.decode())
    return Caller(key_id=key_id, label="", scopes=["push"], expires_at=NOW, revoked_at=None, lea_ids=[])
