"""The shell around every route: request ids, headers, refusals, strict requests, health, metrics, pages."""

import httpx

from tests.conftest import MakeKey, bearer


async def test_it_is_alive_and_ready(client: httpx.AsyncClient) -> None:
    assert (await client.get("/health/live")).json() == {"status": "ok"}
    assert (await client.get("/health/ready")).json() == {"status": "ok"}


async def test_an_unknown_path_is_a_problem_document_with_the_request_id(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/nothing-here", headers={"X-Request-Id": "sent-by-caller-1"})
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["type"] == "/problems/not-found"
    assert answer.json()["request_id"] == answer.headers["X-Request-Id"] == "sent-by-caller-1"


async def test_a_key_opens_v1(client: httpx.AsyncClient, make_key: MakeKey) -> None:
    assert (await client.get("/v1/keys")).status_code == 401
    answer = await client.get("/v1/keys", headers=bearer(await make_key(scopes=["admin"])))
    assert answer.status_code == 200
    assert len(answer.json()["items"]) == 1
