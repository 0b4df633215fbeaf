"""CSV as it leaves spreadsheets and exports: what means the same is read the same, what is uncertain is refused."""

import csv
import hashlib
import io
import zipfile

import pytest

from tests.submissions.pushing import KINDS, Sender, by_row, codes, days, days_ago, journal, row, written

CSV = KINDS["csv"]
HEADER = "lea,as_of,indicator,student_group,population,met,not_met,evidence"
LINE = written("csv", [row()]).decode().splitlines()[1]
PLAIN = f"{HEADER}\n{LINE}\n".encode()


def a_workbook() -> bytes:
    """The first bytes of an .xlsx are those of any zip."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
    return out.getvalue()


async def test_what_means_the_same_is_read_the_same(sender: Sender) -> None:
    assert (await sender.body(PLAIN, CSV)).status_code == 201
    quoted = io.StringIO()
    csv.writer(quoted, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(csv.reader(PLAIN.decode().splitlines()))
    columns, values = HEADER.split(","), LINE.split(",")
    same = {
        "CRLF": PLAIN.replace(b"\n", b"\r\n"),
        "CR only": PLAIN.replace(b"\n", b"\r"),
        "CR CR LF": PLAIN.replace(b"\n", b"\r\r\n"),
        "no newline at the end": PLAIN.rstrip(b"\n"),
        "a byte order mark": b"\xef\xbb\xbf" + PLAIN,
        "everything quoted": quoted.getvalue().encode(),
        "spaces around cells": PLAIN.replace(b",", b" , "),
        "empty lines": PLAIN.replace(b"\n", b"\n\n") + b"\n,,,,,,,\n",
        "columns in another order": f"{','.join(columns[::-1])}\n{','.join(values[::-1])}\n".encode(),
        "an empty optional column": f"{HEADER},valid_until\n{LINE},\n".encode(),
        "a newline in a quoted cell": PLAIN.replace(b",ALL,", b',"\nALL",'),
        "leading zeros of a count": PLAIN.replace(b",600,", b",0600,"),
    }
    for what, body in same.items():
        answer = await sender.body(body, CSV)
        assert (answer.status_code, answer.json().get("counts")) == (
            200,
            {"received": 1, "created": 0, "updated": 0, "unchanged": 1, "refused": 0},
        ), (what, answer.text)


FILES = [
    ("a semicolon", PLAIN.replace(b",", b";"), 422, "csv-dialect", 1, None),
    ("a tab", PLAIN.replace(b",", b"\t"), 422, "csv-dialect", 1, None),
    ("a bar", b"\n" + PLAIN.replace(b",", b"|"), 422, "csv-dialect", 2, None),
    ("a missing column", PLAIN.replace(b",evidence", b"").replace(b",C", b""), 422, "csv-header", 1, "evidence"),
    ("a column of no name", PLAIN.replace(b"\n", b",\n"), 422, "csv-header", 1, ""),
    ("a column that is not ours", PLAIN.replace(b"lea,", b"lea_id,"), 422, "csv-header", 1, "lea_id"),
    ("a column twice", PLAIN.replace(b"as_of,", b"lea,"), 422, "csv-header", 1, "lea"),
    ("another case", PLAIN.replace(b"population", b"Population"), 422, "csv-header", 1, "Population"),
    ("data first", LINE.encode() + b"\n", 422, "csv-header", 1, LINE.split(",")[0]),
    ("the header alone", HEADER.encode(), 422, "no-rows", None, None),
    ("a quotation that never closes", PLAIN + LINE.replace("ALL", '"ALL').encode(), 422, "csv-syntax", 3, None),
    ("a quotation mark inside", PLAIN + LINE.replace("ALL", '"A"LL').encode(), 422, "csv-syntax", 3, None),
    ("a stray mark", PLAIN + LINE.replace("ALL", 'A"LL').encode() + b"\n" + LINE.encode(), 422, "csv-syntax", 3, None),
    ("a mark that would swallow a row", PLAIN + b'x"y,"z\n' + LINE.encode(), 422, "csv-syntax", 3, None),
    ("Latin-1", PLAIN + b"\xe9", 400, "invalid-encoding", 3, None),
    ("UTF-16", PLAIN.decode().encode("utf-16"), 400, "invalid-encoding", 1, None),
    ("UTF-16 without a mark", PLAIN.decode().encode("utf-16-be"), 400, "invalid-encoding", 1, None),
    ("NUL", PLAIN.replace(b"ALL", b"A\0L"), 400, "invalid-encoding", 2, None),
    ("a workbook", a_workbook(), 415, "not-csv", 1, None),
    ("an old workbook", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512), 415, "not-csv", 1, None),
    ("a PDF", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", 415, "not-csv", 1, None),
    ("a page", b"<!DOCTYPE html><html><table></table></html>", 415, "not-csv", 1, None),
    ("JSON", written("json", [row()]), 422, "csv-header", 1, None),
    ("a line that is too long", PLAIN + b"x" * 65_537 + b"\n" + LINE.encode(), 413, "line-too-long", None, None),
    ("a row that is too long", PLAIN + b'"' + b"\n" * 70_000 + b'"\n', 413, "line-too-long", None, None),
]  # fmt: skip


async def test_a_file_that_is_not_our_csv_is_refused_as_a_whole(sender: Sender) -> None:
    wrong = []
    for what, body, status, code, line, column in FILES:
        answer = await sender.body(body, CSV, mode="partial")
        fault = answer.json()["errors"][0]
        if (answer.status_code, fault["code"], fault.get("line")) != (status, code, line):
            wrong.append((what, answer.text))
        if column is not None and fault.get("column") != column:
            wrong.append((what, answer.text))
    assert not wrong, "\n".join(map(repr, wrong))
    answer = await sender.body(PLAIN, CSV)
    assert answer.json()["counts"]["created"] == 1, "none of them stored a row"


async def test_a_column_that_is_nearly_ours_is_suggested(sender: Sender) -> None:
    header = PLAIN.replace(b"population", b"Population").replace(b"student_group", b"student group")
    faults = (await sender.body(header, CSV)).json()["errors"]
    assert {fault["column"]: fault.get("suggestion") for fault in faults} == {
        "Population": "population",
        "student group": "student_group",
        "population": None,
        "student_group": None,
    }


async def test_rows_of_another_length_are_refused_with_their_lines(sender: Sender) -> None:
    body = PLAIN + b'"\n"\n' + LINE.rpartition(",")[0].encode() + b"\n" + LINE.encode() + b",extra\n"
    answer = await sender.body(body, CSV, mode="partial")
    assert answer.json()["counts"] == {"received": 3, "created": 1, "updated": 0, "unchanged": 0, "refused": 2}
    assert [(f["code"], f["row"], f["line"]) for f in answer.json()["refusals"]] == [
        ("csv-row-length", 2, 5),
        ("csv-row-length", 3, 6),
    ]


@pytest.mark.parametrize("text", ["=cmd|'/c calc'!A1", "@SUM(1)", "+1", "-1+1", "\uff1d1", "=1\t"])
async def test_a_formula_is_text_and_no_code_of_ours(sender: Sender, text: str) -> None:
    answer = await sender.rows("csv", [row(student_group=text)])
    (fault,) = by_row(answer)[1]
    assert (fault["code"], fault["column"], fault["line"]) == ("unknown-group", "student_group", 2)


async def test_five_thousand_rows_with_seven_faults(sender: Sender, database_url: str) -> None:
    """Each fault is of another kind; the county's promise is that all are told, and that the rest can be applied."""
    rows = days(1_500) + days(1_500, student_group="EL", population=900, met=100, not_met=5)
    rows += days(1_500, student_group="SED", population=900, met=100, not_met=5)
    rows += days(500, student_group="SWD", population=900, met=100, not_met=5)
    faulty: dict[int, tuple[str, object, str]] = {
        17: ("lea", "19-64212-0000000", "cds-format"),
        400: ("indicator", "home-internet", "unknown-indicator"),
        999: ("student_group", "English", "unknown-group"),
        2_048: ("population", "<11", "suppressed-input"),
        3_333: ("met", 901, "met-exceeds-population"),
        4_096: ("as_of", "11/20/2026", "invalid-date"),
        5_000: ("as_of", days_ago(-1), "future-date"),
    }
    for number, (field, value, _) in faulty.items():
        rows[number - 1] = rows[number - 1] | {field: value}
    body = written("csv", rows)
    assert len(rows) == 5_000
    atomic = await sender.body(body, CSV)
    assert (atomic.status_code, atomic.json()["detail"]) == (422, "7 of 5000 rows have faults; nothing was applied.")
    partial = await sender.body(body, CSV, mode="partial")
    assert partial.status_code == 201
    assert partial.json()["counts"] == {
        "received": 5_000, "created": 4_993, "updated": 0, "unchanged": 0, "refused": 7,
    }  # fmt: skip
    for answer in (atomic, partial):
        found = {number: [(f["column"], f["code"], f["line"]) for f in fs] for number, fs in by_row(answer).items()}
        assert found == {number: [(field, code, number + 1)] for number, (field, _, code) in faulty.items()}
    assert codes(atomic) == [fault["code"] for fault in partial.json()["refusals"]]
    kept = await journal(database_url)
    assert [(one.outcome, one.status) for one in kept] == [("refused", 422), ("partly_applied", 201)]
    assert all(one.body == body and one.sha256 == hashlib.sha256(body).digest() for one in kept)
