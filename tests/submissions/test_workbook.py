"""A workbook says what its sheet would say as CSV; an archive that is anything else is not unpacked."""

import io
import struct
import zipfile
from datetime import datetime, time, timedelta
from typing import Any

import pytest

from equityaccess import clock
from equityaccess.submissions import workbook
from tests.submissions.pushing import ABC, KINDS, Sender, a_workbook, by_row, codes, journal, row, written
from tests.submissions.test_personal import quarantined

XLSX = KINDS["xlsx"]
GOOD = written("xlsx", [row()])
COLUMNS = list(row())


def repacked(body: bytes, **members: bytes) -> bytes:
    """The archive *body* with *members* added to it; two underscores stand for a slash, one for a full stop."""
    out = io.BytesIO(body)
    with zipfile.ZipFile(out, "a") as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/").replace("_", "."), content)
    return out.getvalue()


def of_names(*names: str, count: int = 0) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in (*names, *map(str, range(count))):
            archive.writestr(name, "x")
    return out.getvalue()


def a_link() -> bytes:
    out = io.BytesIO(GOOD)
    with zipfile.ZipFile(out, "a") as archive:
        link = zipfile.ZipInfo("xl/link.xml")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    return out.getvalue()


def encrypted() -> bytes:
    """The flag alone, in the directory of the archive."""
    at = GOOD.index(b"PK\x01\x02")
    flags = struct.unpack_from("<H", GOOD, at + 8)[0] | 1
    return GOOD[: at + 8] + struct.pack("<H", flags) + GOOD[at + 10 :]


async def test_numbers_days_and_texts_are_read_as_they_are_meant(sender: Sender) -> None:
    assert (await sender.rows("csv", [row()])).status_code == 201
    day = clock.today() - timedelta(days=3)
    for what in (
        {"as_of": day},
        {"as_of": datetime.combine(day, time.min)},
        {"lea": int(ABC)},
        {"population": 18_000.0},
        {"met": " 17000 "},
    ):
        answer = await sender.body(a_workbook([COLUMNS, list({**row(), **what}.values())]), XLSX)
        assert (answer.status_code, answer.json()["counts"]["unchanged"]) == (200, 1), answer.text


async def test_what_a_sheet_spoils_is_refused_in_its_line(sender: Sender) -> None:
    spoilt: dict[str, Any] = {"lea": "1.96473E+13", "population": 18_000.5, "met": "#N/A", "evidence": True}
    rows: list[list[object]] = [[], ["", None], COLUMNS]
    rows += [list({**row(), field: value}.values()) for field, value in spoilt.items()]
    rows.append([*row().values(), "beyond the header"])
    rows.append(list({**row(), "as_of": datetime.combine(clock.today(), time(12, 30))}.values()))
    answer = await sender.body(a_workbook(rows), XLSX)
    assert answer.status_code == 422
    told = [(fault["row"], fault["line"], fault["column"], fault["code"]) for fault in answer.json()["errors"]]
    assert told == [
        (1, 4, "lea", "cds-unrecoverable"),
        (2, 5, "population", "wrong-type"),
        (3, 6, "met", "wrong-type"),
        (4, 7, "evidence", "invalid-value"),
        (5, 8, "evidence", "csv-row-length"),
        (6, 9, "as_of", "invalid-date"),
    ]


async def test_rows_that_nobody_filled_in_are_passed_over(sender: Sender) -> None:
    blank = row() | {"student_group": "EL", "met": None, "not_met": None}
    half = row() | {"student_group": "SED", "not_met": None}
    answer = await sender.body(written("xlsx", [blank, row(), half]), XLSX, mode="partial")
    assert answer.json()["counts"] == {"received": 2, "created": 1, "updated": 0, "unchanged": 0, "refused": 1}
    assert {n: [f["code"] for f in told] for n, told in by_row(answer).items()} == {2: ["missing-field"]}
    assert codes(await sender.body(written("xlsx", [blank]), XLSX)) == ["no-rows"]
    assert codes(await sender.body(a_workbook([]), XLSX)) == ["no-rows"]


async def test_of_several_sheets_that_with_the_counts_has_to_be_named(sender: Sender) -> None:
    rows = [COLUMNS, list(row().values())]
    assert (await sender.body(a_workbook(rows, sheet="counts", others=["notes"]), XLSX)).status_code == 201
    answer = await sender.body(a_workbook(rows, sheet="October", others=["notes"]), XLSX)
    assert codes(answer) == ["workbook-sheets"]
    assert "'notes', 'October'" in answer.text


async def test_a_header_that_is_not_ours_is_refused_as_in_csv(sender: Sender) -> None:
    answer = await sender.body(a_workbook([["lea_id", *COLUMNS[1:]], list(row().values())]), XLSX)
    assert [(fault["code"], fault["column"]) for fault in answer.json()["errors"]] == [("csv-header", "lea_id")]


WRONG = [
    ("text", b"lea,as_of\n", 415, "not-xlsx"),
    ("nothing", b"", 415, "not-xlsx"),
    ("an old workbook", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512), 415, "not-xlsx"),
    ("another archive", of_names("counts.csv"), 415, "not-xlsx"),
    ("an OpenDocument sheet", of_names("mimetype", "content.xml"), 415, "not-xlsx"),
    ("cut short", GOOD[:-100], 415, "not-xlsx"),
    ("macros", repacked(GOOD, xl__vbaProject_bin=b"x"), 422, "archive-refused"),
    ("a way out", of_names("[Content_Types].xml", "xl/workbook.xml", "../../etc/cron.d/x"), 422, "archive-refused"),
    ("a way out, backwards", of_names("[Content_Types].xml", "xl/workbook.xml", "..\\x"), 422, "archive-refused"),
    ("an absolute name", of_names("[Content_Types].xml", "xl/workbook.xml", "/etc/x"), 422, "archive-refused"),
    ("a link", a_link(), 422, "archive-refused"),
    ("too many members", of_names("[Content_Types].xml", "xl/workbook.xml", count=501), 422, "archive-refused"),
    ("encrypted", encrypted(), 422, "archive-refused"),
    ("no workbook inside", of_names("[Content_Types].xml", "xl/workbook.xml"), 422, "workbook-damaged"),
    (
        "a damaged sheet",
        GOOD.replace(b"xl/worksheets/sheet1.xml", b"xl/worksheets/sheet9.xml"),
        422,
        "workbook-damaged",
    ),
]


@pytest.mark.parametrize(("body", "status", "code"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG])
async def test_what_is_no_workbook_is_refused_and_kept(
    sender: Sender, database_url: str, body: bytes, status: int, code: str
) -> None:
    answer = await sender.body(body, XLSX, mode="partial")
    assert (answer.status_code, codes(answer)) == (status, [code])
    (kept,) = await journal(database_url)
    assert kept.body == body


async def test_what_says_that_it_is_large_is_not_unpacked(sender: Sender) -> None:
    out = io.BytesIO(GOOD)
    with zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/media/image1.png", bytes(65_000_000))
    assert codes(await sender.body(out.getvalue(), XLSX)) == ["archive-refused"]


async def test_what_refers_to_itself_without_end_is_refused(sender: Sender) -> None:
    levels = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
    text = f'<!DOCTYPE x [<!ENTITY e0 "0123456789">{levels}]><workbook>&e9;</workbook>'
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive, zipfile.ZipFile(io.BytesIO(GOOD)) as good:
        for name in good.namelist():
            archive.writestr(name, text if name == "xl/workbook.xml" else good.read(name))
    assert codes(await sender.body(out.getvalue(), XLSX)) == ["workbook-damaged"]


async def test_a_sheet_of_more_rows_than_a_sheet_should_have_is_refused(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbook, "_MOST_ROWS", 50)  # instead of 50,000, which take long to read where all is watched
    body = a_workbook([COLUMNS, *([None] for _ in range(50)), list(row().values())])
    assert codes(await sender.body(body, XLSX)) == ["too-many-rows"]
    body = a_workbook([COLUMNS, *([None] for _ in range(48)), list(row().values())])
    assert (await sender.body(body, XLSX)).status_code == 201


async def test_what_looks_personal_inside_is_found_though_it_is_packed(sender: Sender) -> None:
    answer = await sender.rows("xlsx", [row(), row(student_group="maria@example.org")])
    assert "personal-data" in {fault["code"] for fault in answer.json()["errors"]}
    assert "maria" not in answer.text
    assert await quarantined(sender) == [True]
