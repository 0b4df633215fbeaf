"""Who is let in, who is not, and what either is told."""

from datetime import timedelta

import asyncpg
import pytest

from equityaccess import clock
from equityaccess.access import rules, store
from equityaccess.access.limits import Limits
from equityaccess.database import Database
from tests.access.conftest import ABC, ACTON, Door

UNKNOWN = rules.new_secret(bytes(range(32)))


class Unreachable:
    """A database that must not be asked."""

    def transaction(self, **_: object) -> None:
        raise AssertionError("the database was asked")


def code_of(answer) -> str:
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.json()["type"].removeprefix("/problems/")


async def test_a_key_says_who_is_calling_and_for_which_leas(door: Door, leas: dict[str, int]) -> None:
    answer = await door.get("/v1/who", await door.key(ABC, ACTON, scopes=["push", "read"], label="nightly"))
    assert answer.status_code == 200
    said = answer.json()
    assert (said["label"], said["scopes"], said["lea_ids"]) == (
        "nightly",
        ["push", "read"],
        sorted([leas[ABC], leas[ACTON]]),
    )


async def test_the_scheme_may_be_written_in_any_case(door: Door) -> None:
    secret = await door.key(ABC)
    assert (await door.client.get("/v1/who", headers={"Authorization": f"bEARER  {secret}"})).status_code == 200


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        f"Basic {UNKNOWN}",
        UNKNOWN,
        f"Bearer {UNKNOWN[:-1]}x",
        f"Bearer {UNKNOWN.replace('live', 'test')}",
        f"Bearer {UNKNOWN} {UNKNOWN}",
        f"Bearer {UNKNOWN},{UNKNOWN}",
        "Bearer " + "x" * 10_000,
        "Bearer eqa_live_\u00e9",
    ],
)
async def test_what_is_not_a_key_is_refused_without_asking_the_database(door: Door, authorization: str | None) -> None:
    door.app.state.db = Unreachable()
    headers = {} if authorization is None else {"Authorization": authorization.encode("latin-1")}
    answer = await door.client.get("/v1/who", headers=headers)
    assert answer.status_code == 401
    assert code_of(answer) == "not-authenticated"
    assert answer.headers["www-authenticate"] == 'Bearer realm="equityaccess"'
    assert UNKNOWN not in answer.text


async def test_a_key_in_the_address_is_not_read_and_the_sender_is_warned(door: Door) -> None:
    secret = await door.key(ABC)
    answer = await door.get(f"/v1/who?access_token={secret}")
    assert answer.status_code == 401
    assert "have it revoked" in answer.json()["detail"]
    assert secret not in answer.text


async def test_two_authorization_headers_are_refused_even_when_both_are_the_same(door: Door) -> None:
    header = ("Authorization", f"Bearer {await door.key(ABC)}")
    answer = await door.client.get("/v1/who", headers=[header, header])
    assert answer.status_code == 400
    assert code_of(answer) == "repeated-parameter"


async def test_an_unknown_key_learns_nothing_but_that(door: Door) -> None:
    answer = await door.get("/v1/who", UNKNOWN)
    assert answer.status_code == 401
    assert "not known here" in answer.json()["detail"]
    assert "errors" not in answer.json()


async def test_an_expired_key_is_refused_and_told_so(door: Door) -> None:
    secret = await door.key(ABC, days=1, ago=timedelta(days=1, seconds=1))
    answer = await door.get("/v1/who", secret)
    assert answer.status_code == 401
    assert [error["code"] for error in answer.json()["errors"]] == ["key-expired"]


async def test_revoking_takes_effect_on_the_next_request(door: Door) -> None:
    secret = await door.key(ABC)
    caller = (await door.get("/v1/who", secret)).json()
    async with door.db.transaction(every_lea=True) as tx:
        await store.revoke_key(tx, caller["key_id"], clock.now())
    answer = await door.get("/v1/who", secret)
    assert answer.status_code == 401
    assert [error["code"] for error in answer.json()["errors"]] == ["key-revoked"]


async def test_every_answer_tells_what_is_left(door: Door) -> None:
    secret = await door.key(ABC)
    assert (await door.get("/v1/who", secret)).headers["ratelimit"] == '"default";r=599;t=1'
    refused = await door.get("/v1/county", secret)
    assert refused.status_code == 403
    assert refused.headers["ratelimit"] == '"default";r=598;t=1'
    assert refused.headers["ratelimit-policy"] == '"default";q=600;w=60'
    assert (await door.get("/v1/who", UNKNOWN)).headers["ratelimit"] == '"unknown-keys";r=59;t=1'
    assert "ratelimit" not in (await door.get("/v1/who")).headers


async def test_a_key_that_asks_too_much_is_told_when_to_come_back_and_others_are_not_held_up(door: Door) -> None:
    door.app.state.limits = Limits(2, 2)
    busy, other = await door.key(ABC), await door.key(ACTON)
    assert [(await door.get("/v1/who", busy)).status_code for _ in range(3)] == [200, 200, 429]
    answer = await door.get("/v1/who", busy)
    assert code_of(answer) == "quota-exceeded"
    assert answer.headers["retry-after"] == "30"
    assert answer.headers.get_list("ratelimit") == ['"default";r=0;t=30']
    assert (await door.get("/v1/who", other)).status_code == 200


async def test_a_caller_who_is_out_of_quota_is_turned_away_without_asking_the_database(door: Door) -> None:
    door.app.state.limits = Limits(1, 1)
    secret = await door.key(ABC)
    assert [(await door.get("/v1/who", secret)).status_code for _ in range(2)] == [200, 429]
    door.app.state.db = Unreachable()
    assert code_of(await door.get("/v1/who", secret)) == "quota-exceeded"


async def test_a_key_that_asked_too_much_of_another_process_is_turned_away_here(door: Door) -> None:
    secret = await door.key(ABC)
    for expected in (200, 429):
        door.app.state.limits = Limits(1, 1)  # a process that has not heard of it
        assert (await door.get("/v1/who", secret)).status_code == expected


async def test_a_revoked_key_that_is_tried_on_and_on_is_turned_away(door: Door) -> None:
    door.app.state.limits = Limits(2, 2)
    secret = await door.key(ABC)
    async with door.db.transaction(every_lea=True) as tx:
        [key] = await store.list_keys(tx, clock.now(), limit=1)
        await store.revoke_key(tx, key.key_id, clock.now())
    assert [(await door.get("/v1/who", secret)).status_code for _ in range(3)] == [401, 401, 429]


async def test_an_address_that_tries_many_keys_is_turned_away_and_harms_nobody_who_is_known(door: Door) -> None:
    door.app.state.limits = Limits(600, 3)
    known = await door.key(ABC)
    assert (await door.get("/v1/who", known)).status_code == 200
    guesses = [rules.new_secret(bytes([n]) * 32) for n in range(5)]
    answers = [await door.get("/v1/who", guess) for guess in guesses]
    assert [answer.status_code for answer in answers] == [401, 401, 401, 429, 429]
    assert "this address may send 3" in answers[3].json()["detail"]
    assert answers[3].headers["retry-after"] == "20"
    assert (await door.get("/v1/who", known)).status_code == 200
    door.app.state.db = Unreachable()
    assert (await door.get("/v1/who", guesses[0])).status_code == 429


async def test_a_route_without_the_guard_has_no_caller(door: Door) -> None:
    assert (await door.get("/unguarded", await door.key(ABC))).status_code == 401


async def test_the_last_use_is_noted_at_most_once_a_minute(door: Door) -> None:
    mark = rules.fingerprint(await door.key(ABC))
    start = clock.now()
    seen = []
    for later in (0, 59, 61):
        async with door.db.transaction() as tx:
            caller = await store.authenticate(tx, mark, start + timedelta(seconds=later))
        async with door.db.transaction(every_lea=True) as tx:
            key = await store.find_key(tx, caller.key_id, start)
        seen.append(key.last_used_at - start)
    assert seen == [timedelta(0), timedelta(0), timedelta(seconds=61)]


async def test_a_busy_key_does_not_wait_for_its_own_row(door: Door) -> None:
    mark = rules.fingerprint(await door.key(ABC))
    async with door.db.transaction() as one, door.db.transaction() as other:
        await store.authenticate(one, mark, clock.now())
        assert await store.authenticate(other, mark, clock.now()) is not None


async def test_the_secret_stands_in_no_column_of_the_database(door: Door, empty_url: str) -> None:
    secret = await door.key(ABC, label="nightly")
    await door.get("/v1/who", secret)
    admin = await asyncpg.connect(empty_url)
    tables = await admin.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    everything = ""
    for (table,) in tables:
        everything += "".join(str(row[0]) for row in await admin.fetch(f'SELECT t::text FROM "{table}" t'))
    await admin.close()
    assert "nightly" in everything
    assert secret[-4:] in everything
    assert secret not in everything
    assert secret.encode().hex() not in everything
    assert secret[9:52] not in everything


async def test_the_app_sees_no_keys_unless_it_administers(door: Door, empty: Database) -> None:
    await door.key(ABC)
    async with empty.transaction() as tx:
        assert await store.list_keys(tx, clock.now(), limit=10) == []
    async with empty.transaction(every_lea=True) as tx:
        assert len(await store.list_keys(tx, clock.now(), limit=10)) == 1


@pytest.mark.parametrize(
    "statement", ["SELECT secret_sha256 FROM api_key", "UPDATE api_key SET expires_at = 'infinity'"]
)
async def test_the_app_can_neither_read_hashes_nor_prolong_a_key(door: Door, empty_url: str, statement: str) -> None:
    await door.key(ABC)
    app = await asyncpg.connect(empty_url, server_settings={"role": "equityaccess_app"})
    async with app.transaction():
        await app.execute("SELECT set_config('app.every_lea', 'on', true)")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await app.execute(statement)
    await app.close()
