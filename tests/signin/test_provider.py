"""Signing in with a real OpenID provider: a process of its own, over HTTP."""

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from equityaccess.database import Database
from equityaccess.signin.rules import COOKIE
from tests.browsers import ACCEPT, cookie_of
from tests.conftest import serving, settings_for
from tests.trust.world import free_port

ABC = "19642120000000"
PEOPLE = [
    {"sub": "olga", "groups": ["staff", "office"]},
    {"sub": "dan", "hd": "abc.example"},
    {"sub": "nobody", "groups": []},
]
FILE = """
[[provider]]
name = "lacoe"
title = "the county's accounts"
issuer = "{issuer}"
client_id = "equityaccess"
client_secret_file = "{secret}"
public_url = "http://localhost:8000"

[[provider.grants]]
claim = "groups"
value = "office"
role = "technology_office"

[[provider.grants]]
claim = "hd"
value = "abc.example"
role = "district"
leas = ["19642120000000"]
"""


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    """The address of a provider that knows PEOPLE."""
    port = free_port()
    known = [argument for one in PEOPLE for argument in ("--user-claims", json.dumps(one))]
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--port", str(port), *known],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://localhost:{port}"
    for _ in range(200):
        with contextlib.suppress(httpx.TransportError):
            httpx.get(f"{url}/.well-known/openid-configuration")
            break
        time.sleep(0.05)
    yield url
    process.terminate()
    process.wait()


@pytest.fixture
async def client(database_url: str, issuer: str, tmp_path: Path):
    (tmp_path / "secret").write_text("a secret of the client\n")
    file = tmp_path / "providers.toml"
    file.write_text(FILE.format(issuer=issuer, secret=tmp_path / "secret"))
    async with serving(settings_for(database_url, identity_providers=str(file))) as client:
        yield client


def attempt_of(answer: httpx.Response) -> dict[str, str]:
    return ACCEPT | {"Cookie": answer.headers["Set-Cookie"].partition(";")[0]}


def vouched(address: str, who: str) -> dict[str, str]:
    """What the browser brings back once *who* has signed in at the provider."""
    sent = httpx.post(address, data={"sub": who})
    assert sent.status_code == 302, sent.text
    back = httpx.URL(sent.headers["Location"])
    assert str(back).startswith("http://localhost:8000/sign-in/from/lacoe?")
    return dict(back.params)


async def test_the_page_offers_the_provider(client: httpx.AsyncClient) -> None:
    page = await client.get("/sign-in", headers=ACCEPT)
    assert 'href="/sign-in/with/lacoe"' in page.text


@pytest.mark.parametrize(("who", "door"), [("olga", "/county"), ("dan", "/my")])
async def test_whom_the_provider_vouches_for_is_signed_in_as_the_file_says(
    client: httpx.AsyncClient, database: Database, who: str, door: str
) -> None:
    begun = await client.get("/sign-in/with/lacoe", headers=ACCEPT)
    assert "code_challenge_method=S256" in begun.headers["Location"]
    entered = await client.get(
        "/sign-in/from/lacoe", params=vouched(begun.headers["Location"], who), headers=attempt_of(begun)
    )
    assert (entered.status_code, entered.headers["Location"]) == (303, door), entered.text
    browser = ACCEPT | {"Cookie": f"{COOKIE}={cookie_of(entered)}"}
    assert (await client.get("/county", headers=browser)).status_code == (200 if who == "olga" else 403)


async def test_who_is_known_but_entitled_to_nothing_is_not_signed_in(client: httpx.AsyncClient) -> None:
    begun = await client.get("/sign-in/with/lacoe", headers=ACCEPT)
    answer = await client.get(
        "/sign-in/from/lacoe", params=vouched(begun.headers["Location"], "nobody"), headers=attempt_of(begun)
    )
    assert (answer.status_code, "Set-Cookie" in answer.headers) == (403, False)
    assert "nothing here is for you" in answer.text


async def test_what_another_browser_began_cannot_be_finished_here(client: httpx.AsyncClient) -> None:
    mine, theirs = [await client.get("/sign-in/with/lacoe", headers=ACCEPT) for _ in range(2)]
    brought = vouched(theirs.headers["Location"], "olga")
    own_state = {"state": str(httpx.URL(mine.headers["Location"]).params["state"])}
    for params, headers in (
        (brought, attempt_of(mine)),
        (brought | own_state, attempt_of(mine)),  # its token has the nonce of the other
        (brought, ACCEPT),
        ({}, attempt_of(mine)),
        (own_state | {"code": "made up"}, attempt_of(mine)),
        ({"error": "access_denied", **own_state}, attempt_of(mine)),
    ):
        answer = await client.get("/sign-in/from/lacoe", params=params, headers=headers)
        assert (answer.status_code, "Set-Cookie" in answer.headers) == (403, False), answer.text


async def test_a_code_is_good_once(client: httpx.AsyncClient) -> None:
    begun = await client.get("/sign-in/with/lacoe", headers=ACCEPT)
    brought = vouched(begun.headers["Location"], "olga")
    answers = [await client.get("/sign-in/from/lacoe", params=brought, headers=attempt_of(begun)) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 403]


async def test_a_provider_that_does_not_answer_is_said_so(database_url: str, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    file = tmp_path / "providers.toml"
    file.write_text(FILE.format(issuer=f"http://localhost:{free_port()}", secret=tmp_path / "secret"))
    async with serving(settings_for(database_url, identity_providers=str(file))) as client:
        answer = await client.get("/sign-in/with/lacoe", headers=ACCEPT)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")
        assert (await client.get("/sign-in/with/another", headers=ACCEPT)).status_code == 404
