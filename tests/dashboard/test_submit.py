"""A district sends a file on the page: sees what is wrong, mends it, sees what it would do, and sends it."""

import re

import httpx
import pytest

from equityaccess.database import Database
from tests.browsers import form_token, sign_in
from tests.dashboard.test_county import words
from tests.submissions.pushing import ABC, LAUSD, row, written

Browser = dict[str, str]


@pytest.fixture
async def browser(client: httpx.AsyncClient, database: Database) -> Browser:
    return await sign_in(database, client, "district", [ABC])


async def show(client: httpx.AsyncClient, browser: Browser, body: bytes, name: str = "counts.csv") -> httpx.Response:
    token = form_token(await client.get("/submit", headers=browser))
    files = {"file": (name, body)}
    return await client.post("/submit", data={"form_token": token}, files=files, headers=browser)


async def test_a_faulty_file_is_explained_mended_and_sent(client: httpx.AsyncClient, browser: Browser) -> None:
    faulty = await show(client, browser, written("csv", [row(population="<11"), row(student_group="English")]))
    said = words(faulty)
    assert "Nothing can be applied yet" in said
    assert "2 population" in said
    assert "suppressed-input" in said
    assert "Send it" not in said
    good = await show(client, browser, written("csv", [row()]))
    said = words(good)
    assert "What this file would do" in said
    assert "94.4%" in said
    (place,) = re.findall(r'action="(/submit/[-0-9a-f]+)"', good.text)
    sent = await client.post(place, data={"form_token": form_token(good)}, headers=browser)
    assert sent.status_code == 303
    assert "applied" in words(await client.get(sent.headers["Location"], headers=browser))
    again = await client.post(place, data={"form_token": form_token(good)}, headers=browser)
    assert "nothing new" in words(await client.get(again.headers["Location"], headers=browser))
    mine = words(await client.get("/my", headers=browser))
    assert "applied" in mine
    assert "only looked at" in mine
    assert f"lea={ABC}" in (await client.get("/my", headers=browser)).text


async def test_the_workbook_of_the_page_can_be_filled_in(client: httpx.AsyncClient, browser: Browser) -> None:
    book = await client.get("/submit/template.xlsx", headers=browser)
    assert book.content.startswith(b"PK")
    empty = await show(client, browser, book.content, "counts.xlsx")
    assert "no-rows" in words(empty)


async def test_a_file_of_another_kind_or_none_is_refused(client: httpx.AsyncClient, browser: Browser) -> None:
    assert (await show(client, browser, b"%PDF", "counts.pdf")).status_code == 415
    token = form_token(await client.get("/submit", headers=browser))
    assert (await client.post("/submit", data={"form_token": token}, headers=browser)).status_code == 422


async def test_another_districts_preview_and_receipt_are_not_there(
    client: httpx.AsyncClient, database: Database, browser: Browser
) -> None:
    shown = await show(client, browser, written("csv", [row()]))
    (place,) = re.findall(r'action="(/submit/[-0-9a-f]+)"', shown.text)
    other = await sign_in(database, client, "district", [LAUSD])
    token = form_token(await client.get("/submit", headers=other))
    assert (await client.post(place, data={"form_token": token}, headers=other)).status_code == 404
    assert (await client.get(place.replace("/submit", "/my/receipts"), headers=other)).status_code == 404
    foreign = await show(client, other, written("csv", [row()]))
    assert "Nothing can be applied yet" in words(foreign)


async def test_the_pages_of_a_district_speak_spanish(client: httpx.AsyncClient, browser: Browser) -> None:
    assert "Enviar cantidades" in words(await client.get("/submit?lang=es", headers=browser))
    assert "Aún se espera" in words(await client.get("/my?lang=es", headers=browser))
