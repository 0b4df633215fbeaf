"""How much a key may ask, and what the answer says about it."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from equityaccess.access.quota import Quota
from equityaccess.settings import SettingsError, from_environment

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ONE, OTHER = UUID(int=1), UUID(int=2)


def test_a_key_may_spend_its_minute_at_once_and_then_waits() -> None:
    quota = Quota(3)
    assert [quota.take(ONE, NOW).is_within for _ in range(5)] == [True, True, True, False, False]
    assert quota.take(ONE, NOW).grows_in_s == 20
    assert not quota.take(ONE, NOW + timedelta(seconds=19.9)).is_within
    assert quota.take(ONE, NOW + timedelta(seconds=40)).left == 1


def test_a_refused_request_costs_nothing() -> None:
    quota = Quota(1)
    quota.take(ONE, NOW)
    for second in range(60):
        assert not quota.take(ONE, NOW + timedelta(seconds=second)).is_within
    assert quota.take(ONE, NOW + timedelta(seconds=60.001)).is_within


def test_keys_do_not_share() -> None:
    quota = Quota(1)
    assert quota.take(ONE, NOW).is_within
    assert quota.take(OTHER, NOW).is_within
    assert not quota.take(ONE, NOW).is_within


def test_a_long_pause_does_not_save_up() -> None:
    quota = Quota(3)
    quota.take(ONE, NOW)
    assert quota.take(ONE, NOW + timedelta(days=1)).left == 2


def test_a_clock_set_back_neither_gives_nor_locks_out() -> None:
    quota = Quota(2)
    quota.take(ONE, NOW)
    quota.take(ONE, NOW)
    assert not quota.take(ONE, NOW - timedelta(hours=1)).is_within
    assert quota.take(ONE, NOW - timedelta(hours=1) + timedelta(seconds=31)).is_within


def test_memory_is_bounded_and_the_least_recently_used_goes_first() -> None:
    quota = Quota(1, most_buckets=2)
    for n in (1, 2):
        quota.take(UUID(int=n), NOW)
    assert not quota.take(ONE, NOW).is_within
    quota.take(UUID(int=3), NOW)
    assert len(quota) == 2
    assert not quota.take(ONE, NOW).is_within
    assert quota.take(OTHER, NOW).is_within


def test_the_share_is_told_in_the_draft_fields() -> None:
    share = Quota(600).take(ONE, NOW)
    assert share.headers() == {"RateLimit-Policy": '"default";q=600;w=60', "RateLimit": '"default";r=599;t=1'}


def test_a_quota_of_nothing_is_refused_when_the_service_starts() -> None:
    assert from_environment({"EQUITYACCESS_RATE_PER_MINUTE": "1"}).rate_per_minute == 1
    with pytest.raises(SettingsError, match="rate_per_minute"):
        from_environment({"EQUITYACCESS_RATE_PER_MINUTE": "0"})
