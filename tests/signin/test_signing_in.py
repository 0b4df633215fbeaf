"""A browser signs in by a link, once; its session ends by itself, and nobody else's page can use it."""

from datetime import timedelta

import httpx
import pytest

from equityaccess import clock
from equityaccess.database import Database
from equityaccess.problems import Invalid
from equityaccess.signin import rules
from equityaccess.signin.rules import COOKIE
from tests.browsers import ACCEPT, cookie_of, form_token, link, sign_in
from tests.conftest import connect, serving, settings_for

ABC = "19642120000000"


async def test_a_link_signs_in_once(client: httpx.AsyncClient, database: Database) -> None:
    secret = await link(database, "technology_office")
    first = await client.post("/sign-in", data={"link": secret}, headers=ACCEPT)
    assert (first.status_code, first.headers["Location"]) == (303, "/county")
    again = await client.post("/sign-in", data={"link": secret}, headers=ACCEPT)
    assert (again.status_code, "Set-Cookie" in again.headers) == (403, False)
    assert "no longer good" in again.text


async def test_who_only_follows_a_link_does_not_use_it_up(client: httpx.AsyncClient, database: Database) -> None:
    secret = await link(database, "technology_office")
    for _ in range(3):
        shown = await client.get("/sign-in", params={"link": secret}, headers=ACCEPT)
        assert (shown.status_code, secret in shown.text) == (200, True)
    assert (await client.post("/sign-in", data={"link": secret}, headers=ACCEPT)).status_code == 303


async def test_of_two_who_press_the_button_at_once_one_is_in(client: httpx.AsyncClient, database: Database) -> None:
    import asyncio

    secret = await link(database, "admin")
    answers = await asyncio.gather(*(client.post("/sign-in", data={"link": secret}, headers=ACCEPT) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [303, 403, 403, 403]


async def test_the_cookie_is_for_this_host_and_not_for_scripts(client: httpx.AsyncClient, database: Database) -> None:
    answer = await client.post("/sign-in", data={"link": await link(database, "admin")}, headers=ACCEPT)
    fields = {field.strip() for field in answer.headers["Set-Cookie"].split(";")[1:]}
    assert fields == {"Path=/", "Secure", "HttpOnly", "SameSite=Lax"}
    assert COOKIE.startswith("__Host-")
    assert answer.headers["Cache-Control"] == "no-store"


async def test_a_session_is_no_key(client: httpx.AsyncClient, database: Database) -> None:
    browser = await sign_in(database, client, "district", [ABC])
    secret = browser["Cookie"].partition("=")[2]
    for sent in ({"Authorization": f"Bearer {secret}"}, {"Cookie": browser["Cookie"]}):
        assert (await client.get("/v1/coverage", headers=sent)).status_code == 401
    admin = await sign_in(database, client, "admin")
    assert admin  # and no key that an administrator lists:
    async with database.transaction(every_lea=True) as tx:
        from equityaccess.access import store

        assert await store.list_keys(tx, clock.now(), limit=100) == []


async def test_signing_out_ends_the_session_on_the_server(client: httpx.AsyncClient, database: Database) -> None:
    browser = await sign_in(database, client, "technology_office")
    board = await client.get("/county", headers=browser)
    assert board.status_code == 200
    left = await client.post("/sign-out", data={"form_token": form_token(board)}, headers=browser)
    assert (left.status_code, cookie_of(left)) == (303, "")
    assert (await client.get("/county", headers=browser)).status_code == 401


async def test_signing_in_again_makes_a_new_session_and_ends_the_old(
    client: httpx.AsyncClient, database: Database
) -> None:
    first = await sign_in(database, client, "technology_office")
    token = form_token(await client.get("/county", headers=first))
    answer = await client.post(
        "/sign-in", data={"link": await link(database, "best_support"), "form_token": token}, headers=first
    )
    second = ACCEPT | {"Cookie": f"{COOKIE}={cookie_of(answer)}"}
    assert first["Cookie"] != second["Cookie"]
    assert (await client.get("/county", headers=second)).status_code == 200
    assert (await client.get("/county", headers=first)).status_code == 401


@pytest.mark.parametrize(("later", "status"), [(timedelta(minutes=29), 200), (timedelta(minutes=31), 401)])
async def test_a_session_that_is_not_used_ends(
    database_url: str, database: Database, monkeypatch: pytest.MonkeyPatch, later: timedelta, status: int
) -> None:
    async with serving(settings_for(database_url)) as client:
        browser = await sign_in(database, client, "technology_office")
        now = clock.now()
        monkeypatch.setattr(clock, "now", lambda: now + later)
        answer = await client.get("/county", headers=browser)
        assert answer.status_code == status
        if status == 401:
            assert cookie_of(answer) == ""


async def test_a_session_ends_after_twelve_hours_however_busy_it_is(
    client: httpx.AsyncClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = await sign_in(database, client, "technology_office")
    now, answered = clock.now(), []
    for minutes in range(0, 13 * 60, 20):
        monkeypatch.setattr(clock, "now", lambda at=now + timedelta(minutes=minutes): at)
        answered.append((minutes, (await client.get("/county", headers=browser)).status_code))
    assert {minutes for minutes, status in answered if status == 401} == {m for m, _ in answered if m >= 12 * 60}


ELSEWHERE = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": "https://elsewhere.example"},
    {"Origin": "null"},
]


@pytest.mark.parametrize("sent", ELSEWHERE, ids=str)
async def test_a_page_of_another_site_can_neither_sign_in_nor_out(
    client: httpx.AsyncClient, database: Database, sent: dict[str, str]
) -> None:
    secret = await link(database, "technology_office")
    assert (await client.post("/sign-in", data={"link": secret}, headers=ACCEPT | sent)).status_code == 403
    browser = await sign_in(database, client, "technology_office")
    token = form_token(await client.get("/county", headers=browser))
    for headers in (browser | sent, browser | sent | {"X-Form-Token": token}):
        assert (await client.post("/sign-out", headers=headers)).status_code == 403
    assert (await client.get("/county", headers=browser)).status_code == 200


async def test_a_form_needs_the_token_of_its_own_session(client: httpx.AsyncClient, database: Database) -> None:
    mine = await sign_in(database, client, "technology_office")
    other = await sign_in(database, client, "technology_office")
    theirs = form_token(await client.get("/county", headers=other))
    for form in ({}, {"form_token": theirs}, {"form_token": "x"}, {"form_token": "é"}):
        assert (await client.post("/sign-out", data=form, headers=mine)).status_code == 403
    token = form_token(await client.get("/county", headers=mine))
    assert (await client.post("/sign-out", headers=mine | {"X-Form-Token": token})).status_code == 303


async def test_signing_in_and_out_is_on_record(client: httpx.AsyncClient, database: Database) -> None:
    browser = await sign_in(database, client, "district", [ABC])
    page = await client.get("/sign-in", headers=browser)
    await client.post("/sign-out", data={"form_token": form_token(page)}, headers=browser)
    async with database.transaction(every_lea=True) as tx:
        from equityaccess.audit import store

        asked = store.Asked(action=None, key_id=None, from_at=None, to_at=None)
        entries = await store.entries(tx, asked, [], sees_every_lea=True, before=None, limit=4)
    assert [(entry.action, entry.leas) for entry in entries] == [
        ("sign_out", [ABC]),
        ("show_sign_in", [ABC]),
        ("sign_in", [ABC]),
        ("invite", [ABC]),
    ]
    assert entries[2].after is not None
    assert entries[2].after["role"] == "district"


async def test_a_link_is_for_what_there_is(database_url: str) -> None:
    db = await connect(settings_for(database_url))
    for role, leas in (("district", []), ("admin", [ABC]), ("district", ["19000000000000"])):
        with pytest.raises(Invalid):
            await link(db, role, leas)  # type: ignore[arg-type]
    await db.close()


def test_a_form_token_is_never_the_same_twice() -> None:
    session = rules.new_secret(bytes(32))
    first, second = (rules.form_token(session, bytes([n]) * 32) for n in (1, 2))
    assert first != second
    assert rules.is_form_token(first, session)
    assert rules.is_form_token(second, session)
    assert not rules.is_form_token(first, rules.new_secret(b"x" * 32))


@pytest.mark.parametrize(
    ("site", "origin", "is_from_elsewhere"),
    [
        (None, None, False),
        ("same-origin", "http://here:8000", False),
        ("none", None, False),
        ("same-origin", "http://there:8000", True),
        ("cross-site", None, True),
    ],
)
def test_where_a_request_comes_from_is_told_by_the_browser(
    site: str | None, origin: str | None, is_from_elsewhere: bool
) -> None:
    assert rules.is_from_elsewhere(site, origin, "here:8000") == is_from_elsewhere
