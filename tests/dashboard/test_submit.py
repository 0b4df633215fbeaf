"""A district sends a file on the page: sees what is wrong, mends it, sees what it would do, and sends it."""

import re
from pathlib import Path

import httpx
import pytest

from equityaccess.dashboard.rendering import TEMPLATES
from equityaccess.database import Database
from equityaccess.submissions import store
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
    assert "What this would do" in said
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


async def test_a_fault_is_told_in_spanish_beside_the_words_for_programs(
    client: httpx.AsyncClient, browser: Browser
) -> None:
    spanish = browser | {"Accept-Language": "es"}
    faulty = await show(client, spanish, written("csv", [row(population="<11"), row(student_group="English")]))
    said = words(faulty)
    assert "aquí se protege a los grupos pequeños" in said
    assert "No existe ese grupo de estudiantes." in said
    refused = await show(client, spanish, b"", "counts.pdf")
    assert "No se pudo hacer" in words(refused)


def test_every_fault_of_a_push_has_words() -> None:
    template = (TEMPLATES / "fault_words.html").read_text()
    known = set(re.findall(r'^  "([-a-z0-9]+)": gettext', template, re.MULTILINE))
    source = Path(store.__file__).parent
    files = [*source.glob("*.py"), source.parent / "jsonbody.py", source.parent / "personal.py"]
    codes = {code for file in files for code in re.findall(r'"([a-z]+(?:-[a-z0-9]+)+)"', file.read_text())}
    assert codes - {"utf-8", "yyyy-mm-dd"} == known - {"jump", "secret"}


async def test_counts_are_typed_with_a_fault_beside_its_field_and_sent(
    client: httpx.AsyncClient, browser: Browser
) -> None:
    form = await client.get("/submit/typed", headers=browser)
    assert 'name="met.home_internet.ALL"' in form.text
    assert 'name="met.home_internet.EL"' not in form.text
    assert 'name="met.home_internet.EL"' in (await client.get("/submit/typed?groups=every", headers=browser)).text
    day = row()["as_of"]
    typed = {
        "form_token": form_token(form),
        "lea": ABC,
        "as_of": day,
        "population.home_internet.ALL": "18000",
        "met.home_internet.ALL": "18001",
        "not_met.home_internet.ALL": "",
        "not_applicable.home_internet.ALL": "0",
        "evidence.home_internet.ALL": "C",
        "population.device.ALL": "18000",
        "met.device.ALL": "",
    }
    faulty = await client.post("/submit/typed", data=typed, headers=browser)
    assert re.search(r'id="met.home_internet.ALL-fault">[^<]*met', faulty.text)
    assert 'value="18001"' in faulty.text
    mended = typed | {"met.home_internet.ALL": "17000", "not_met.home_internet.ALL": "600"}
    good = await client.post("/submit/typed", data=mended, headers=browser)
    assert "94.4%" in words(good)
    (place,) = re.findall(r'action="(/submit/[-0-9a-f]+)"', good.text)
    sent = await client.post(place, data={"form_token": form_token(good)}, headers=browser)
    assert sent.status_code == 303
    again = await client.get("/submit/typed", headers=browser)
    assert re.search(r'name="met.home_internet.ALL"[^>]* value="17000"', again.text)


async def test_nobody_types_for_another(client: httpx.AsyncClient, browser: Browser) -> None:
    assert (await client.get(f"/submit/typed?lea={LAUSD}", headers=browser)).status_code == 404
    form = await client.get("/submit/typed", headers=browser)
    typed = {
        "form_token": form_token(form), "lea": LAUSD, "as_of": row()["as_of"], "population.device.ALL": "10",
        "met.device.ALL": "5", "evidence.device.ALL": "C",
    }  # fmt: skip
    answer = await client.post("/submit/typed", data=typed, headers=browser)
    assert "Nothing can be applied yet" in words(answer)
    assert "Send it" not in words(answer)
