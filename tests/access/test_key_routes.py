"""Keys over the API: for administrators, and for nobody else."""

import uuid

import httpx
import pytest

from equityaccess.web import encode_cursor
from tests.access.conftest import ABC, ACTON, LONG_BEACH
from tests.conftest import MakeKey, bearer


class Administrator:
    """An administrator at the API."""

    def __init__(self, client: httpx.AsyncClient, secret: str) -> None:
        self._client, self._headers = client, bearer(secret)

    async def create(self, *leas: str, scopes=("push",), **more) -> httpx.Response:
        return await self.post({"leas": leas, "scopes": scopes, **more})

    async def post(self, wanted: object) -> httpx.Response:
        return await self._client.post("/v1/keys", json=wanted, headers=self._headers)

    async def list(self, etag: str = "", **query) -> httpx.Response:
        headers = self._headers | ({"If-None-Match": etag} if etag else {})
        return await self._client.get("/v1/keys", params=query, headers=headers)

    async def revoke(self, key_id: object) -> httpx.Response:
        return await self._client.delete(f"/v1/keys/{key_id}", headers=self._headers)


@pytest.fixture
async def admin(client: httpx.AsyncClient, make_key: MakeKey) -> Administrator:
    return Administrator(client, await make_key(scopes=["admin"]))


async def test_an_administrator_issues_a_key_that_works_and_is_shown_once(
    client: httpx.AsyncClient, admin: Administrator
) -> None:
    answer = await admin.create(scopes=["admin"], label="second administrator", expires_in_days=30)
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    issued = answer.json()
    assert answer.headers["location"] == f"/v1/keys/{issued['key']['key_id']}"
    listed = await Administrator(client, issued["secret"]).list()
    assert listed.status_code == 200
    assert issued["secret"] not in listed.text
    newest = listed.json()["items"][0]
    assert newest["last_used_at"] is not None
    assert newest | {"last_used_at": None} == issued["key"]


@pytest.mark.parametrize("scope", ["push", "read", "county"])
async def test_nobody_else_issues_lists_or_revokes(client: httpx.AsyncClient, make_key: MakeKey, scope: str) -> None:
    secret = await make_key(leas=[] if scope == "county" else [ABC], scopes=[scope])
    other = Administrator(client, secret)
    for answer in (await other.create(ABC), await other.list(), await other.revoke(uuid.uuid4())):
        assert answer.status_code == 403
        assert answer.json()["type"] == "/problems/not-allowed"
        assert "admin is needed" in answer.json()["detail"]


async def test_every_fault_of_a_wanted_key_is_listed(admin: Administrator) -> None:
    answer = await admin.create(ABC, "19642120000001", label="sis@example.org")
    assert answer.status_code == 422
    assert [(error["code"], error["pointer"]) for error in answer.json()["errors"]] == [
        ("unknown-lea", "/leas/1"),
        ("personal-data", "/label"),
    ]
    assert f"{ABC} (ABC Unified)" in answer.json()["errors"][0]["suggestion"]


@pytest.mark.parametrize(
    "wanted",
    [
        {"leas": [ABC], "scopes": ["push"], "created_by": "somebody"},
        {"leas": [ABC], "scopes": ["push"], "expires_in_days": 367},
        {"leas": [ABC], "scopes": ["push"], "expires_in_days": "30"},
        {"leas": [ABC], "scopes": ["owner"]},
        {"leas": [int(ABC)], "scopes": ["push"]},
        {"leas": [ABC], "scopes": []},
        {"leas": [ABC]},
        [],
    ],
)
async def test_what_the_contract_does_not_know_is_refused(admin: Administrator, wanted: object) -> None:
    assert (await admin.post(wanted)).status_code == 422


async def test_a_third_live_key_is_a_conflict(admin: Administrator) -> None:
    answers = [await admin.create(ABC) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201, 201, 409]
    assert answers[2].json()["errors"][0]["code"] == "two-live-keys"


async def test_a_revoked_key_stays_revoked_and_an_unknown_one_is_not_found(
    client: httpx.AsyncClient, admin: Administrator
) -> None:
    issued = (await admin.create(scopes=["admin"])).json()
    for _ in range(2):
        answer = await admin.revoke(issued["key"]["key_id"])
        assert (answer.status_code, answer.content) == (204, b"")
        assert (await Administrator(client, issued["secret"]).list()).status_code == 401
    assert (await admin.revoke(uuid.uuid4())).status_code == 404
    assert (await admin.revoke("last")).status_code == 404


async def test_pages_follow_each_other_without_gap_or_repetition(admin: Administrator) -> None:
    for lea in (ABC, ACTON, LONG_BEACH, ABC):
        await admin.create(lea)
    whole = (await admin.list()).json()
    assert (len(whole["items"]), whole["next"]) == (5, None)
    found, cursor = [], ""
    while cursor is not None:
        page = (await admin.list(limit=2, **({"cursor": cursor} if cursor else {}))).json()
        found += page["items"]
        cursor = page["next"]
    assert [key["key_id"] for key in found] == [key["key_id"] for key in whole["items"]]


async def test_the_keys_of_one_lea_can_be_listed(admin: Administrator) -> None:
    await admin.create(ABC, ACTON, label="both")
    await admin.create(LONG_BEACH, label="other")
    listed = (await admin.list(lea=ACTON)).json()["items"]
    assert [(key["label"], key["leas"]) for key in listed] == [("both", [ABC, ACTON])]
    unknown = await admin.list(lea="19753090000001")
    assert unknown.status_code == 422
    assert [(error["code"], error["pointer"]) for error in unknown.json()["errors"]] == [("unknown-lea", "/query/lea")]


@pytest.mark.parametrize(
    "query",
    [
        {"limit": 0},
        {"limit": 501},
        {"limit": 10**9},
        {"limit": "x"},
        {"cursor": "x"},
        {"cursor": "WyIyMDI2LTExLTIzIl0"},
        {"cursor": encode_cursor("0001-01-01T00:00:00", uuid.UUID(int=1))},
        {"cursor": encode_cursor(1)},
        {"state": "live"},
    ],
)
async def test_a_query_out_of_bounds_is_refused(admin: Administrator, query: dict) -> None:
    assert (await admin.list(**query)).status_code == 422


async def test_an_unchanged_list_is_not_sent_again(admin: Administrator) -> None:
    await admin.list()
    again = await admin.list(etag=(await admin.list()).headers["etag"])
    assert (again.status_code, again.content) == (304, b"")
