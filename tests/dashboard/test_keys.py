"""Keys on pages: a district looks after its own, an administrator after all; a secret is shown once."""

import asyncio
import re
from typing import Any

import httpx

from equityaccess.database import Database
from tests.browsers import form_token, sign_in
from tests.conftest import bearer
from tests.dashboard.test_county import words
from tests.submissions.pushing import ABC, LAUSD, row

SECRET = re.compile(r'<code id="secret">([^<]+)</code>')
KEY = re.compile(r"/keys/([-0-9a-f]{36})/replace")


def secret(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    (found,) = SECRET.findall(answer.text)
    return str(found)


async def push(client: httpx.AsyncClient, key: str) -> int:
    one: dict[str, Any] = row()
    sent = {"lea": ABC, "observations": [one]}
    return (await client.post("/v1/submissions", json=sent, headers=bearer(key))).status_code


async def made(client: httpx.AsyncClient, browser: dict[str, str], label: str = "the nightly export") -> httpx.Response:
    token = form_token(await client.get("/my/keys", headers=browser))
    return await client.post("/my/keys", data={"form_token": token, "label": label}, headers=browser)


async def test_a_district_makes_a_key_that_works_and_sees_its_secret_once(
    client: httpx.AsyncClient, database: Database
) -> None:
    browser = await sign_in(database, client, "district", [ABC])
    answer = await made(client, browser)
    key = secret(answer)
    assert answer.headers["Cache-Control"] == "no-store"
    assert await push(client, key) in (200, 201)
    again = await client.get("/my/keys", headers=browser)
    assert key not in again.text
    assert "the nightly export" in words(again)


async def test_a_key_without_a_purpose_is_refused(client: httpx.AsyncClient, database: Database) -> None:
    browser = await sign_in(database, client, "district", [ABC])
    assert (await made(client, browser, " ")).status_code == 422
    assert (await made(client, browser, "x" * 101)).status_code == 422


async def test_a_district_neither_sees_nor_ends_the_key_of_another(
    client: httpx.AsyncClient, database: Database
) -> None:
    ours = await sign_in(database, client, "district", [ABC])
    theirs = await sign_in(database, client, "district", [LAUSD])
    both = await sign_in(database, client, "district", [ABC, LAUSD])
    (mine,) = KEY.findall((await made(client, ours, "ours")).text)
    assert "ours" not in words(await client.get("/my/keys", headers=theirs))
    token = form_token(await client.get("/my/keys", headers=theirs))
    for change in ("replace", "revoke"):
        answer = await client.post(f"/my/keys/{mine}/{change}", data={"form_token": token}, headers=theirs)
        assert answer.status_code == 404
    shared = await made(client, both, "of both")
    assert "of both" in words(shared)
    assert "of both" not in words(await client.get("/my/keys", headers=ours))


async def test_a_key_is_replaced_under_load_and_no_push_fails(client: httpx.AsyncClient, database: Database) -> None:
    district = await sign_in(database, client, "district", [ABC])
    admin = await sign_in(database, client, "admin")
    answer = await made(client, district)
    old, (key_id,) = secret(answer), KEY.findall(answer.text)
    keys, seen = [old], []
    arrivals: asyncio.Queue[tuple[str, int]] = asyncio.Queue()

    async def sender() -> None:
        while True:
            key = keys[-1]
            await arrivals.put((key, await push(client, key)))

    senders = [asyncio.create_task(sender()) for _ in range(3)]
    token = form_token(await client.get("/admin/keys", headers=admin))
    place = f"/admin/keys/{key_id}"
    keys.append(secret(await client.post(f"{place}/replace", data={"form_token": token}, headers=admin)))
    while sum(key == keys[1] for key, _ in seen) < len(senders):  # every sender has taken the new key into use
        seen.append(await arrivals.get())
    assert (await client.post(f"{place}/revoke", data={"form_token": token}, headers=admin)).status_code == 303
    seen += [await arrivals.get() for _ in senders]
    for one in senders:
        one.cancel()
    await asyncio.gather(*senders, return_exceptions=True)
    assert {status for _, status in seen} <= {200, 201}
    assert {key for key, _ in seen} == set(keys)
    assert await push(client, old) == 401
    assert await push(client, keys[1]) == 200
    assert "revoked" in words(await client.get("/admin/keys", headers=admin))
