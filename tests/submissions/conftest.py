"""A sender for ABC Unified on a database of its own, with a quota that no test uses up."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest

from tests.conftest import MakeKey, serving, settings_for
from tests.submissions.pushing import ABC, Sender

Sending = Callable[..., Awaitable[Sender]]


@pytest.fixture
async def client(database_url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(settings_for(database_url, rate_per_minute=1_000_000)) as client:
        yield client


@pytest.fixture
def sending(client: httpx.AsyncClient, make_key: MakeKey) -> Sending:
    """``await sending("19642120000000")`` is a sender for these LEAs."""

    async def made(*leas: str, **more: Any) -> Sender:
        return Sender(client, await make_key(leas=leas or (ABC,), **more))

    return made


@pytest.fixture
async def sender(sending: Sending) -> Sender:
    return await sending(ABC)
