"""What looks personal is refused wherever it stands, is repeated nowhere, and is kept apart."""

import json
import logging

import asyncpg
import pytest

from equityaccess.database import Database, Query
from tests.submissions.pushing import FORMS, KINDS, Sender, codes, journal, row, written

SSN = "078-05-1120"
MAIL = "jo@example.org"


async def quarantined(sender: Sender) -> list[bool]:
    return [line["is_quarantined"] for line in (await sender.get("/v1/submissions")).json()["items"]]


@pytest.mark.parametrize("value", [SSN, MAIL, "1234567890", "(562) 555-0134"])
@pytest.mark.parametrize("field", ["lea", "indicator", "student_group", "population", "as_of", "evidence"])
@pytest.mark.parametrize("form", FORMS)
async def test_a_value_is_refused_and_not_repeated(
    sender: Sender, database_url: str, form: str, field: str, value: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    body = written(form, [row(**{field: value})])
    answer = await sender.body(body, KINDS[form])
    assert answer.status_code == 422
    assert "personal-data" in codes(answer)
    receipt = await sender.get(answer.json()["instance"])
    assert value not in answer.text + receipt.text + caplog.text
    assert await quarantined(sender) == [True]
    assert [kept.body for kept in await journal(database_url)] == [body]


@pytest.mark.parametrize("form", FORMS)
async def test_a_field_that_is_not_ours_is_refused_with_what_it_holds(sender: Sender, form: str) -> None:
    for extra in ({"guardian": MAIL}, {MAIL: "1"}, {"ssn": SSN}):
        answer = await sender.rows(form, [row() | extra])
        assert answer.status_code == 422
        assert "personal-data" in codes(answer)
        (name, value) = next(iter(extra.items()))
        assert value == "1" or value not in answer.text
        assert name != MAIL or name not in answer.text
    assert await quarantined(sender) == [True] * 3


async def test_a_body_that_cannot_be_read_is_looked_at_all_the_same(sender: Sender) -> None:
    answer = await sender.body(b'{"observations": [{"note": "' + SSN.encode(), KINDS["json"])
    assert answer.status_code == 400
    assert codes(answer) == ["malformed-json", "personal-data"]
    assert await quarantined(sender) == [True]


async def test_good_rows_beside_a_personal_one_are_applied_and_the_body_is_kept_apart(sender: Sender) -> None:
    answer = await sender.rows("csv", [row(), row(student_group=MAIL)], mode="partial")
    assert answer.status_code == 201
    assert answer.json()["counts"]["created"] == 1
    assert MAIL not in answer.text
    assert await quarantined(sender) == [True]


async def test_what_is_kept_apart_is_read_by_nobody_whom_the_service_answers(
    sender: Sender, database: Database, database_url: str
) -> None:
    await sender.rows("csv", [row(student_group="nobody")])
    await sender.rows("csv", [row(student_group=MAIL)])
    bodies = Query("bodies", "SELECT count(*) FROM submission_body", ())
    async with database.transaction(every_lea=True) as tx:
        assert await tx.value(bodies) == 1
    admin = await asyncpg.connect(database_url)
    assert await admin.fetchval(bodies.sql) == 2
    await admin.close()


@pytest.mark.parametrize("key", [SSN, MAIL, "1234567890", "for-562-555-0134"])
async def test_an_idempotency_key_is_no_place_for_a_person(sender: Sender, database_url: str, key: str) -> None:
    answer = await sender.rows("json", [row()], key=key)
    assert (answer.status_code, codes(answer)) == (422, ["personal-data"])
    assert key not in answer.text
    assert await journal(database_url) == []


@pytest.mark.parametrize("sent", [SSN, "562-555-0134", "1234567890"])
async def test_a_request_id_that_looks_personal_is_not_taken_over(sender: Sender, sent: str) -> None:
    answer = await sender.client.get("/health/live", headers={"X-Request-Id": sent})
    assert answer.headers["X-Request-Id"] != sent


@pytest.mark.parametrize("source", ["from Maria Garcia", "Garcia, Maria", "student Wei"])
async def test_a_source_shaped_like_a_name_is_refused_and_not_repeated(sender: Sender, source: str) -> None:
    for answer in (
        await sender.rows("ndjson", [row()], source=source),
        await sender.body(json.dumps({"source": source, "observations": [row()]}).encode(), KINDS["json"]),
    ):
        assert codes(answer) == ["personal-data"]
        assert source not in answer.text


async def test_counts_that_are_only_wrong_are_not_kept_apart(sender: Sender) -> None:
    for form in FORMS:
        await sender.rows(form, [row(met=18_001), row(student_group="African American", as_of="11/23/2025")])
    assert await quarantined(sender) == [False] * len(FORMS)


@pytest.mark.parametrize("source", [MAIL, "Maria Garcia", "eqa_live_0a1B2c"])
async def test_a_source_that_may_not_stand_there_is_not_repeated_beside_another_fault(
    sender: Sender, source: str
) -> None:
    answer = await sender.body(b'{"observations": []}', KINDS["json"], source=source)
    assert answer.status_code == 422
    receipt = await sender.get(answer.json()["instance"])
    assert source not in answer.text + receipt.text
    assert receipt.json()["source"] is None


async def test_a_key_in_the_address_of_a_push_is_not_in_the_journal(sender: Sender, database_url: str) -> None:
    answer = await sender.body(b'{"observations": []}', KINDS["json"], source="eqa_live_0a1B2c")
    admin = await asyncpg.connect(database_url)
    kept = await admin.fetchval("SELECT parameters FROM submission")
    await admin.close()
    assert (answer.status_code, kept) == (422, "source=eqa_live_[removed]")


async def test_a_key_is_no_idempotency_key(sender: Sender) -> None:
    answer = await sender.rows("json", [row()], key="eqa_token_0a1B2c")
    assert (answer.status_code, codes(answer)) == (422, ["personal-data"])
