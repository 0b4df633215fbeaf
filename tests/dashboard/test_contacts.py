"""Contact points: a district tells whom the county writes to, sees nobody else's, and leaves no trace of an old one."""

from collections.abc import Awaitable, Callable

import httpx
import pytest

from equityaccess.database import Database, Query
from equityaccess.leas.contact_points import contact_points
from tests.browsers import form_token, sign_in
from tests.dashboard.test_county import words
from tests.submissions.pushing import ABC, LAUSD

PLACE = "/my/contacts"
DESK = "technology@abcusd.example"
EVERY_ENTRY = Query("entries", "SELECT row_to_json(e)::text FROM audit_entry e", ())
OTHER = "it-office@abcusd.example"

Tell = Callable[..., Awaitable[httpx.Response]]


@pytest.fixture
async def browser(client: httpx.AsyncClient, database: Database) -> dict[str, str]:
    return await sign_in(database, client, "district", [ABC])


@pytest.fixture
async def tell(client: httpx.AsyncClient, browser: dict[str, str]) -> Tell:
    token = form_token(await client.get(PLACE, headers=browser))

    async def telling(was: str, email: str, lea: str = ABC) -> httpx.Response:
        sent = {"form_token": token, "lea": lea, "was.technology": was, "email.technology": email}
        return await client.post(PLACE, data=sent, headers=browser)

    return telling


async def shown(client: httpx.AsyncClient, browser: dict[str, str]) -> str:
    return words(await client.get(f"/leas/{ABC}/contacts", headers=browser))


async def test_what_is_told_is_shown_to_the_lea_and_the_county_until_it_is_taken_back(
    client: httpx.AsyncClient, database: Database, browser: dict[str, str], tell: Tell
) -> None:
    office = await sign_in(database, client, "best_support")
    assert "It has told no address yet." in await shown(client, office)
    answer = await tell("", f" {DESK} ")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{PLACE}?lea={ABC}&done=yes")
    assert "Saved." in words(await client.get(answer.headers["Location"], headers=browser))
    for reader in (browser, office):
        assert f"Technology: {DESK}" in await shown(client, reader)
    assert (await tell(DESK, OTHER)).status_code == 303
    assert f"Technology: {OTHER}" in await shown(client, office)
    assert (await tell(OTHER, "")).status_code == 303
    assert "It has told no address yet." in await shown(client, office)


@pytest.mark.parametrize(
    ("was", "email"),
    [("", OTHER), (OTHER, "third@abcusd.example"), (OTHER, "")],
    ids=["told as the first", "changed", "taken back"],
)
async def test_what_somebody_else_told_meanwhile_is_not_overwritten(
    client: httpx.AsyncClient, browser: dict[str, str], tell: Tell, was: str, email: str
) -> None:
    await tell("", DESK)
    assert (await tell(was, email)).status_code == 412
    assert f"Technology: {DESK}" in await shown(client, browser)


@pytest.mark.parametrize(
    "email", ["technology", "two@at@abcusd.example", "a b@abcusd.example", "a@abcusd", "x" * 250 + "@abcusd.example"]
)
async def test_what_is_no_address_is_refused(
    client: httpx.AsyncClient, browser: dict[str, str], tell: Tell, email: str
) -> None:
    answer = await tell("", email)
    assert answer.status_code == 422
    assert "What stands for the role technology is no e-mail address." in words(answer)
    assert "It has told no address yet." in await shown(client, browser)


async def test_another_lea_is_neither_told_for_nor_seen(
    client: httpx.AsyncClient, database: Database, browser: dict[str, str], tell: Tell
) -> None:
    assert (await tell("", DESK, lea=LAUSD)).status_code == 404
    assert (await client.get(f"{PLACE}?lea={LAUSD}", headers=browser)).status_code == 404
    assert (await client.get(f"/leas/{LAUSD}/contacts", headers=browser)).status_code == 404
    assert (await tell("", DESK)).status_code == 303
    async with database.transaction(every_lea=True) as tx:
        [told] = await contact_points(tx)
    async with database.transaction(leas=[told.lea_id]) as tx:
        assert await contact_points(tx) == [told]
    async with database.transaction(leas=[told.lea_id + 1]) as tx:
        assert await contact_points(tx) == []


async def test_who_changed_it_is_on_record_without_the_address(tell: Tell, database: Database) -> None:
    await tell("", DESK)
    await tell(DESK, OTHER)
    async with database.transaction(every_lea=True) as tx:
        entries = await tx.values(EVERY_ENTRY)
    told = [one for one in entries if '"action":"tell_contact_point"' in one]
    assert len(told) == 2
    assert all(f'"object":"{ABC} technology"' in one for one in told)
    assert not [one for one in entries if "abcusd.example" in one]


async def test_a_district_of_two_chooses_which(client: httpx.AsyncClient, database: Database) -> None:
    both = await sign_in(database, client, "district", [ABC, LAUSD])
    said = await client.get(f"{PLACE}?lea={LAUSD}", headers=both)
    assert f'<option value="{LAUSD}" selected>' in said.text
    assert f'<input type="hidden" name="lea" value="{LAUSD}">' in said.text
