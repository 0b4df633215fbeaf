"""The workbook to fill in asks for what is asked of the LEA, and is read as it is when it comes back."""

import io
from typing import Any

import openpyxl

from equityaccess import clock
from equityaccess.submissions.batches import FIELDS
from equityaccess.submissions.template import COLUMNS
from tests.submissions.conftest import Sending
from tests.submissions.pushing import ABC, KINDS, LAUSD, Sender, codes, days_ago, row

XLSX = KINDS["xlsx"]


async def filled_in(sender: Sender, **query: Any) -> openpyxl.Workbook:
    answer = await sender.client.get("/v1/template", headers=sender.headers, params=query)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == XLSX
    return openpyxl.load_workbook(io.BytesIO(answer.content))


def packed(book: openpyxl.Workbook) -> bytes:
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_it_has_every_column_that_a_push_may_have() -> None:
    assert set(COLUMNS) == set(FIELDS)


async def test_it_asks_for_what_is_asked_with_the_enrollment_filled_in(sender: Sender) -> None:
    book = await filled_in(sender)
    assert book.sheetnames == ["counts", "said last", "how to", "codes"]
    head, *rows = book["counts"].iter_rows(values_only=True)
    assert list(head) == list(COLUMNS)
    asked = {(indicator, group): population for _, _, indicator, group, population, *_ in rows}
    assert {lea for lea, *_ in rows} == {ABC}
    assert book["counts"]["A2"].number_format == "@"
    assert {day.date() for _, day, *_ in rows} == {clock.today()}
    assert asked["home_internet", "ALL"] > 10_000
    assert 0 < asked["home_internet", "EL"] < asked["home_internet", "ALL"]
    assert asked["employee_device", "ALL"] is None
    assert ("employee_device", "EL") not in asked


async def test_filled_in_it_can_be_pushed_as_it_is(sender: Sender) -> None:
    book = await filled_in(sender)
    for number, (_, _, indicator, group, *_) in enumerate(book["counts"].iter_rows(values_only=True), 1):
        if (indicator, group) == ("home_internet", "EL"):
            for column, value in {"met": 800, "not_met": 20, "evidence": "C"}.items():
                book["counts"].cell(number, COLUMNS.index(column) + 1).value = value
    answer = await sender.body(packed(book), XLSX)
    assert answer.status_code == 201, answer.text
    assert answer.json()["counts"]["created"] == answer.json()["counts"]["received"] == 1
    assert codes(await sender.body(packed(await filled_in(sender)), XLSX)) == ["no-rows"]


async def test_it_shows_what_was_said_last_and_takes_the_population_from_it(sender: Sender) -> None:
    await sender.rows("csv", [row(as_of=days_ago(9), population=17_999, met=16_000), row(population=18_001)])
    await sender.rows("csv", [row(indicator="employee_device", population=900, met=800, not_met=20)])
    book = await filled_in(sender, as_of=days_ago(1))
    said = [[str(cell) for cell in one] for one in book["said last"].iter_rows(min_row=2, values_only=True)]
    assert [one[:2] + one[4:] for one in said] == [
        [ABC, "employee_device", "900", "800", "20", "0", "C"],
        [ABC, "home_internet", "18001", "17000", "600", "0", "C"],
    ]
    asked = {(one[2], one[3]): one[4] for one in book["counts"].iter_rows(min_row=2, values_only=True)}
    assert asked["home_internet", "ALL"] == 18_001
    assert asked["employee_device", "ALL"] == 900


async def test_it_is_for_the_leas_of_the_key_alone(sending: Sending) -> None:
    two = await sending(ABC, LAUSD)
    assert {one[0] for one in (await filled_in(two))["counts"].iter_rows(min_row=2, values_only=True)} == {ABC, LAUSD}
    one = {one[0] for one in (await filled_in(two, lea=LAUSD))["counts"].iter_rows(min_row=2, values_only=True)}
    assert one == {LAUSD}
    foreign = await (await sending(ABC)).get(f"/v1/template?lea={LAUSD}")
    assert (foreign.status_code, "Los Angeles Unified" in foreign.text) == (403, True)
    assert (await (await sending(LAUSD, scopes=["read"])).get("/v1/template")).status_code == 403


async def test_a_day_that_cannot_be_counted_on_is_refused(sender: Sender) -> None:
    for day, code in ((days_ago(-1), "future-date"), ("2018-06-30", "invalid-period")):
        assert codes(await sender.get(f"/v1/template?as_of={day}")) == [code]
