"""What is made for everybody: once, for a few seconds, and nobody gets another's failure."""

import asyncio

import httpx
import pytest

from equityaccess.dashboard import kept
from equityaccess.dashboard.kept import Kept
from equityaccess.database import Database
from tests.browsers import ACCEPT, sign_in
from tests.dashboard.test_county import words
from tests.publication.test_routes import publish, pushed
from tests.statements import counted

__all__ = ["pushed"]


class Maker:
    """Makes a page slowly, and counts how often."""

    def __init__(self, *outcomes: bytes | Exception) -> None:
        self._outcomes = iter(outcomes)
        self.made = 0

    async def __call__(self) -> bytes:
        self.made += 1
        await asyncio.sleep(0.01)
        outcome = next(self._outcomes)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


async def test_however_many_ask_at_once_it_is_made_once() -> None:
    pages, make = Kept(), Maker(b"one")
    assert await asyncio.gather(*(pages.get("/", make) for _ in range(9))) == [b"one"] * 9
    assert await pages.get("/", make) == b"one"
    assert make.made == 1


async def test_what_is_old_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "KEPT_S", 0.0)
    pages, make = Kept(), Maker(b"one", b"two")
    assert [await pages.get("/", make), await pages.get("/", make)] == [b"one", b"two"]


async def test_a_failure_is_told_to_who_waited_for_it_and_not_kept() -> None:
    pages, make = Kept(), Maker(ValueError("no"), b"one")
    told = await asyncio.gather(*(pages.get("/", make) for _ in range(2)), return_exceptions=True)
    assert [type(one) for one in told] == [ValueError, ValueError]
    assert await pages.get("/", make) == b"one"


async def test_who_asked_first_may_hang_up() -> None:
    pages, make = Kept(), Maker(b"one")
    first = asyncio.create_task(pages.get("/", make))
    await asyncio.sleep(0)
    second = asyncio.create_task(pages.get("/", make))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == b"one"
    assert make.made == 1


async def test_pages_that_differ_without_end_do_not_fill_the_memory() -> None:
    pages = Kept()
    for number in range(200):
        await pages.get(number, Maker(b"one"))
    last = Maker(b"two")
    assert await pages.get(199, last) == b"one"
    assert await pages.get(0, last) == b"two"


@pytest.mark.usefixtures("pushed")
async def test_the_public_page_is_read_once_for_all_who_are_not_signed_in(
    client: httpx.AsyncClient, database: Database
) -> None:
    await publish(database)
    first = await client.get("/", headers=ACCEPT)
    again = await client.get("/", headers=ACCEPT)
    spanish = await client.get("/", headers=ACCEPT | {"Accept-Language": "es"})
    assert again.content == first.content
    assert again.headers["ETag"] == first.headers["ETag"]
    assert "Hacia la conexión de todos" in words(spanish), "another language is another page"
    with counted() as sent:
        assert (await client.get("/", headers=ACCEPT)).status_code == 200
    assert not sent
    await publish(database, days=31)
    assert "Release 1" in words(await client.get("/", headers=ACCEPT)), "for its five seconds"
    signed_in = await sign_in(database, client, "admin")
    assert "Release 2" in words(await client.get("/?q=", headers=signed_in)), "what is somebody's own is never kept"
