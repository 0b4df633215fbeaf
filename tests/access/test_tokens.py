"""The second door: a key is exchanged for a token, as RFC 6749 has it, and the token is never more than the key."""

import base64
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from urllib.parse import quote

import asyncpg
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from equityaccess import clock
from equityaccess.access import grant, rules, store
from equityaccess.access.grant import GrantRefused
from equityaccess.access.issue import issue_key
from equityaccess.access.structs import IssuedKey, KeyIn, Scope
from equityaccess.database import Database
from equityaccess.submissions.jobs import purge_expired
from tests.access.conftest import ABC, ACTON
from tests.conftest import bearer, serving, settings_for

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Vendor:
    """A program that knows OAuth 2.0, and a district that gave it a key."""

    def __init__(self, client: httpx.AsyncClient, db: Database) -> None:
        self.client, self.db = client, db

    async def key(self, *leas: str, scopes: tuple[Scope, ...] = ("push", "read"), days: int = 180) -> IssuedKey:
        wanted = KeyIn(
            leas=list(leas or (() if "admin" in scopes else (ABC,))), scopes=list(scopes), expires_in_days=days
        )
        async with self.db.transaction(every_lea=True) as tx:
            return await issue_key(tx, wanted, created_by="a test", now=clock.now())

    async def ask(self, key: IssuedKey | None = None, **form: str) -> httpx.Response:
        credentials = {"client_id": str(key.key.key_id), "client_secret": key.secret} if key else {}
        return await self.client.post("/oauth/token", data={"grant_type": "client_credentials", **credentials, **form})

    async def token(self, key: IssuedKey, **form: str) -> str:
        answer = await self.ask(key, **form)
        assert answer.status_code == 200, answer.text
        return answer.json()["access_token"]

    async def uses(self, secret: str, path: str = "/v1/student-groups") -> httpx.Response:
        return await self.client.get(path, headers=bearer(secret))


@pytest.fixture
async def vendor(client: httpx.AsyncClient, database: Database) -> Vendor:
    return Vendor(client, database)


@pytest.fixture
async def admin(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


def basic(name: str, secret: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()}


async def test_a_key_is_exchanged_for_a_token_that_does_what_the_key_does(vendor: Vendor) -> None:
    key = await vendor.key()
    answer = await vendor.ask(key)
    assert answer.status_code == 200
    assert (answer.headers["cache-control"], answer.headers["pragma"]) == ("no-store", "no-cache")
    said = answer.json()
    assert (said["token_type"], said["expires_in"], said["scope"]) == ("Bearer", 1800, "push read")
    assert rules.well_formed(said["access_token"])
    assert (await vendor.uses(said["access_token"])).status_code == 200
    row = {
        "indicator": "home_internet",
        "student_group": "ALL",
        "population": 500,
        "met": 400,
        "not_met": 1,
        "evidence": "C",
    }
    push = {"lea": ABC, "as_of": "2026-10-30", "observations": [row]}
    headers = bearer(said["access_token"])
    assert (await vendor.client.post("/v1/submissions", json=push, headers=headers)).status_code == 201
    assert (await vendor.client.post("/v1/submissions", json=push | {"lea": ACTON}, headers=headers)).status_code == 403


async def test_the_credentials_may_stand_in_basic(vendor: Vendor) -> None:
    key = await vendor.key()
    name = str(key.key.key_id)
    for headers in (basic(name, key.secret), basic(name, quote(key.secret, safe="").replace("_", "%5F"))):
        answer = await vendor.client.post(
            "/oauth/token", content=b"grant_type=client_credentials", headers=FORM | headers
        )
        assert answer.status_code == 200
    both = {"grant_type": "client_credentials", "client_id": name}
    assert (await vendor.client.post("/oauth/token", data=both, headers=basic(name, key.secret))).status_code == 200


async def test_a_token_may_do_less_than_its_key_and_never_more(vendor: Vendor) -> None:
    key = await vendor.key()
    answer = await vendor.ask(key, scope="read")
    assert answer.json()["scope"] == "read"
    refused = await vendor.client.post(
        "/v1/submissions",
        content=b"{}",
        headers=bearer(answer.json()["access_token"]) | {"Content-Type": "application/json"},
    )
    assert refused.status_code == 403
    for scope in ("county", "push admin", "everything", "READ"):
        answer = await vendor.ask(key, scope=scope)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")


async def test_an_administrator_may_exchange_its_key_too(vendor: Vendor) -> None:
    token = await vendor.token(await vendor.key(scopes=("admin",)))
    assert (await vendor.uses(token, "/v1/keys")).status_code == 200


async def test_a_token_ends_with_its_key(vendor: Vendor) -> None:
    key = await vendor.key()
    token = await vendor.token(key)
    async with vendor.db.transaction(every_lea=True) as tx:
        await store.revoke_key(tx, key.key.key_id, clock.now())
    answer = await vendor.uses(token)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (401, "key-revoked")
    refused = await vendor.ask(key)
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
    assert "revoked" in refused.json()["error_description"]


async def test_a_token_ends_after_half_an_hour_and_says_so(vendor: Vendor, admin: asyncpg.Connection) -> None:
    token = await vendor.token(await vendor.key())
    until = await admin.fetchval("SELECT expires_at FROM access_token")
    assert timedelta(minutes=29) < until - clock.now() <= timedelta(minutes=30)
    await admin.execute("UPDATE access_token SET expires_at = now()")
    answer = await vendor.uses(token)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (401, "token-expired")


async def test_a_token_does_not_outlive_its_key(vendor: Vendor, admin: asyncpg.Connection) -> None:
    key = await vendor.key()
    await admin.execute("UPDATE api_key SET expires_at = now() + interval '5 minutes'")
    answer = await vendor.ask(key)
    assert 290 < answer.json()["expires_in"] <= 300
    await admin.execute("UPDATE api_key SET created_at = now() - interval '1 day', expires_at = now()")
    assert (await vendor.uses(answer.json()["access_token"])).json()["errors"][0]["code"] == "key-expired"


async def test_a_token_is_no_key(vendor: Vendor) -> None:
    key = await vendor.key()
    token = await vendor.token(key)
    refused = await vendor.ask(key, client_secret=token)
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize(
    ("headers", "body", "status", "error"),
    [
        ({}, "", 400, "invalid_request"),
        ({}, "grant_type=", 400, "invalid_request"),
        ({}, "grant_type=password&username=u&password=p", 400, "unsupported_grant_type"),
        ({}, "grant_type=client_credentials&grant_type=client_credentials", 400, "invalid_request"),
        ({}, "grant_type=client_credentials&" + "&".join(f"x{n}=1" for n in range(30)), 400, "invalid_request"),
        ({}, "grant_type=client_credentials&scope=%ff", 400, "invalid_request"),
        ({}, "grant_type=client_credentials&scope=\u00e9", 400, "invalid_request"),
        ({}, "grant_type=client_credentials", 401, "invalid_client"),
        ({}, "grant_type=client_credentials&client_id=ID&client_secret=", 401, "invalid_client"),
        ({}, "grant_type=client_credentials&client_id=ID&client_secret=guess", 401, "invalid_client"),
        ({}, "grant_type=client_credentials&client_id=other&client_secret=SECRET", 401, "invalid_client"),
        ({"Authorization": "Bearer SECRET"}, "grant_type=client_credentials", 401, "invalid_client"),
        ({"Authorization": "Basic ?"}, "grant_type=client_credentials", 401, "invalid_client"),
        ({"Authorization": "Basic /w=="}, "grant_type=client_credentials", 401, "invalid_client"),
        ({"Authorization": "Basic eA=="}, "grant_type=client_credentials&client_secret=y", 400, "invalid_request"),
        ({"Authorization": "Basic eDp5"}, "grant_type=client_credentials&client_id=y", 400, "invalid_request"),
    ],
)
async def test_what_is_wrong_is_said_in_the_words_of_the_standard(
    vendor: Vendor, headers: dict[str, str], body: str, status: int, error: str
) -> None:
    key = await vendor.key()

    def filled(text: str) -> str:
        return text.replace("SECRET", key.secret).replace("ID", str(key.key.key_id))

    sent = FORM | {name: filled(value) for name, value in headers.items()}
    answer = await vendor.client.post("/oauth/token", content=filled(body).encode(), headers=sent)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert ("www-authenticate" in answer.headers) == (status == 401)
    assert key.secret not in answer.text


async def test_two_authorization_headers_are_refused(vendor: Vendor) -> None:
    key = await vendor.key()
    header = ("Authorization", basic(str(key.key.key_id), key.secret)["Authorization"])
    answer = await vendor.client.post(
        "/oauth/token", content=b"grant_type=client_credentials", headers=[*FORM.items(), header, header]
    )
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


async def test_only_a_form_is_read_and_nothing_from_the_address(vendor: Vendor) -> None:
    key = await vendor.key()
    form = {"grant_type": "client_credentials", "client_id": str(key.key.key_id), "client_secret": key.secret}
    assert (await vendor.client.post("/oauth/token", json=form)).status_code == 415
    in_address = await vendor.client.post("/oauth/token", params=form, data=form)
    assert in_address.status_code == 422
    assert key.secret not in in_address.text
    assert (await vendor.client.get("/oauth/token", params=form)).status_code == 405


async def test_an_unknown_field_is_ignored_as_the_standard_demands(vendor: Vendor) -> None:
    assert (await vendor.ask(await vendor.key(), audience="somebody")).status_code == 200


async def test_an_unknown_key_is_counted_against_the_address(database_url: str, database: Database) -> None:
    async with serving(settings_for(database_url, failures_per_minute=2)) as client:
        vendor = Vendor(client, database)
        guesses = [rules.new_secret(bytes([n]) * 32) for n in range(3)]
        answers = [await vendor.ask(client_id="a", client_secret=guess) for guess in guesses]
    assert [answer.status_code for answer in answers] == [401, 401, 429]
    assert answers[2].headers["retry-after"]


async def test_a_key_and_its_tokens_have_one_quota(database_url: str, database: Database) -> None:
    async with serving(settings_for(database_url, rate_per_minute=3)) as client:
        vendor = Vendor(client, database)
        key = await vendor.key()
        token = await vendor.token(key)
        statuses = [(await vendor.uses(secret)).status_code for secret in (key.secret, token, key.secret, token)]
        assert statuses == [200, 200, 429, 429]
        assert (await vendor.ask(key)).status_code == 429


async def test_the_exchange_is_on_record_without_the_token(vendor: Vendor, admin: asyncpg.Connection) -> None:
    key = await vendor.key()
    answer = await vendor.ask(key, scope="read")
    [entry] = await admin.fetch("SELECT * FROM audit_entry WHERE request_id = $1", answer.headers["x-request-id"])
    assert (entry["action"], entry["key_id"], entry["status"]) == ("exchange_key", key.key.key_id, 200)
    assert json.loads(entry["after"])["scopes"] == ["read"]
    assert len(entry["lea_ids"]) == 1
    assert answer.json()["access_token"] not in str(entry)


async def test_what_is_kept_of_a_token_is_a_hash_that_the_service_cannot_read(
    vendor: Vendor, admin: asyncpg.Connection, database_url: str
) -> None:
    token = await vendor.token(await vendor.key())
    kept = str(await admin.fetch("SELECT * FROM access_token"))
    assert token[10:53] not in kept
    assert token.encode().hex() not in kept
    app = await asyncpg.connect(database_url, server_settings={"role": "equityaccess_app"})
    for statement in (
        "SELECT 1 FROM access_token",
        "INSERT INTO access_token DEFAULT VALUES",
        "DELETE FROM access_token",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await app.execute(statement)
    await app.close()


async def test_the_database_itself_gives_no_token_for_more_than_the_key_has(vendor: Vendor) -> None:
    key = rules.fingerprint((await vendor.key(scopes=("read",))).secret)
    until = clock.now() + timedelta(minutes=30)
    async with vendor.db.transaction() as tx:
        assert not await store.exchange_key(tx, key, bytes(32), ["read", "push"], until)
        assert not await store.exchange_key(tx, bytes(32), bytes(32), ["read"], until)
        assert await store.exchange_key(tx, key, bytes(32), ["read"], until)


async def test_a_key_that_is_revoked_in_the_same_moment_gets_no_token(
    vendor: Vendor, admin: asyncpg.Connection
) -> None:
    key = await vendor.key()
    await admin.execute("""
        CREATE FUNCTION revoke() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
          UPDATE api_key SET revoked_at = now() WHERE key_id = new.key_id AND revoked_at IS NULL; RETURN NULL;
        END $$;
        CREATE CONSTRAINT TRIGGER once_looked_up AFTER UPDATE ON api_key
          DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION revoke()""")
    answer = await vendor.ask(key)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert "just now" in answer.json()["error_description"]
    assert await admin.fetchval("SELECT count(*) FROM access_token") == 0


async def test_expired_tokens_are_forgotten_after_three_days(vendor: Vendor, admin: asyncpg.Connection) -> None:
    token = await vendor.token(await vendor.key())
    await vendor.token(await vendor.key(ACTON))
    mark = rules.fingerprint(token)
    await admin.execute(
        "UPDATE access_token SET expires_at = now() - interval '73 hours' WHERE token_sha256 = $1", mark
    )
    async with vendor.db.transaction(role="aggregator") as tx:
        assert "1 tokens" in (await purge_expired(tx, clock.now())).said
    assert await admin.fetchval("SELECT count(*) FROM access_token") == 1
    assert (await vendor.uses(token)).status_code == 401


@given(st.binary(max_size=200), st.lists(st.text(max_size=60), max_size=2))
def test_whatever_is_sent_is_read_or_refused(body: bytes, authorization: list[str]) -> None:
    for sent in (body, b"grant_type=client_credentials&" + body):
        with pytest.raises(GrantRefused):
            grant.read(sent, authorization)
