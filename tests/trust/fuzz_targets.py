"""What the fuzzers feed: the parsers that read what a caller sends, each with what must hold whatever comes.

Only a ``Refusal`` may leave a parser; anything else that is raised, an AssertionError too, ends the run.
"""

import contextlib
import functools
import io
import json
import re
import string
import zipfile
import zlib
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import date
from typing import Any
from xml.etree.ElementTree import ParseError

import msgspec

from equityaccess import jsonbody, personal
from equityaccess.access import rules as access_rules
from equityaccess.problems import Refusal
from equityaccess.settings import Settings
from equityaccess.submissions import csv_format, formats, workbook
from equityaccess.submissions.batches import Batch
from equityaccess.submissions.rules import Asked, Check, Format, Known, Lea
from equityaccess.submissions.source import source_fault
from equityaccess.submissions.structs import Defaults
from tests.submissions.pushing import ABC, row, written
from tests.submissions.test_bad_bodies import BAD_JSON
from tests.submissions.test_bad_rows import bad_rows
from tests.submissions.test_csv import FILES

Target = Callable[[bytes], None]
_SETTINGS = Settings(database_url="postgresql:///nowhere", max_line_bytes=4_096)
_TODAY = date(2030, 1, 1)
_KNOWN = Known(
    leas={ABC: [Lea(lea_id=1, cds=ABC, kind="unified_district", funding=None, valid_from=date.min, valid_to=date.max)]},
    indicators={
        "home_internet": Asked(indicator_id=1, code="home_internet", unit="students", asked_of=["unified_district"])
    },
    student_groups={"ALL": 1, "EL": 2},
    enrolled={(1, 1): 18_000},
    today=_TODAY,
)
# What chance alone would seldom write.
WORDS = [
    *(f'"{name}"'.encode() for name in row()), b'"observations"', b'"source"', b'"breakdown"', b"breakdown.met_by_lea",
    b"\\u0000", b"\\ud800", b"\xef\xbb\xbf", b"\xc3\xa9", b"\xed\xa0\x80", b"\r\n", b'""', b"NaN", b"-1", b"1e400",
    b"99999999999999999999", b"2026-02-30", b"1.96473E+13", b"<11", b"*", b"PK\x03\x04", b"%PDF", b"[" * 17, b"Bearer ",
    b"eqa_live_", b"not_applicable", b"valid_until",
]  # fmt: skip


async def _batches(form: Format, parts: Sequence[bytes]) -> list[Batch]:
    async def coming() -> AsyncIterator[bytes]:
        for part in parts:
            yield part

    reader = formats.reader(form, Defaults(lea=ABC, as_of=None), None, _SETTINGS)
    return [batch async for batch in reader.batches(coming())]


def _read(form: Format, parts: Sequence[bytes]) -> tuple[list[Any], list[Any]] | None:
    """The records and the refusals of a push of *parts*; None when it is refused as a whole.

    Of several reasons for that, the one is told that is met first, which may depend on the parts.
    """
    read = _batches(form, parts)
    try:
        read.send(None)
    except StopIteration as done:
        batches: list[Batch] = done.value
    except Refusal as refused_whole:
        msgspec.json.encode(refused_whole.details())
        return None
    else:
        raise AssertionError("the reader waits for something")
    check = Check(form, _KNOWN, Defaults(lea=ABC, as_of=None))
    records: list[Any] = []
    refused: list[Any] = []
    for batch in batches:
        checked = check.rows(batch.rows, 100)
        records += checked.records
        refused += [*batch.refusals, *checked.refusals, *check.halves(batch.halves)]
    msgspec.json.encode(refused)
    for record in records:
        _, _, lea, indicator, group, as_of, population, met, not_met, not_applicable, *_ = record
        assert (lea, indicator) == (1, 1)
        assert group in (1, 2)
        assert date(2018, 7, 1) <= as_of <= _TODAY
        assert 0 <= met <= population - not_applicable <= 10_000_000
        assert not_met >= 0
    told = [(fault.row or 0, fault.code, fault.pointer, fault.column or "") for fault in refused]
    return sorted(records, key=lambda record: record[0]), sorted(told)


def _in_two(data: bytes) -> Sequence[bytes]:
    cut = data[0] * len(data) // 256 if data else 0
    return [data[:cut], data[cut:]]


def json_bodies(data: bytes) -> None:
    """A document as a push, as a body of another route, and as lines."""
    with contextlib.suppress(Refusal):
        document = jsonbody.decode(data)
        assert document == json.loads(data), "another document was read than is written"
        source = document.get("source") if isinstance(document, dict) else None
        if isinstance(source, str):
            source_fault(source, 200)
            personal.without_quoted(source)
    _read("json", [data])
    whole = _read("ndjson", [data])
    assert whole == _read("ndjson", _in_two(data)), "it matters where the parts of a body end"
    lines = [line for line in re.split(rb"\r\n|\n|\r", data) if line and not line.isspace()]
    fast = formats.decode_at_once(lines)
    if fast is not None:
        strict = [formats.decode_one(line, 16)[1] for line in lines]
        assert fast == strict, "the fast way reads what the strict one does not"


def csv_bodies(data: bytes) -> None:
    """A table as a push, in one part and in two."""
    assert _read("csv", [data]) == _read("csv", _in_two(data)), "it matters where the parts of a body end"


@functools.cache
def _members() -> dict[str, bytes]:
    """What a good workbook is made of."""
    with zipfile.ZipFile(io.BytesIO(written("xlsx", [row()]))) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _with(name: str, content: bytes) -> bytes:
    """A good workbook, but for one member."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for member, good in _members().items():
            archive.writestr(member, content if member == name else good)
    return out.getvalue()


def workbooks(data: bytes) -> None:
    """A workbook as it comes, and a good one of which one member is what comes."""
    changed = [_with(_CHANGED[data[0] % len(_CHANGED)], data[1:])] if data else []
    for body in (data, *changed):
        with contextlib.suppress(Refusal):
            for number, cells in workbook.rows(body):
                assert number > 0
                assert any(cells)
                assert all(isinstance(cell, str) for cell in cells)


_CHANGED = ("xl/worksheets/sheet1.xml", "xl/workbook.xml", "xl/styles.xml", "[Content_Types].xml")


def _is_key(text: str) -> bool:
    """A key by the letter of what is published of it."""
    body, _, checksum = text.rpartition("_")
    digits = string.digits + string.ascii_uppercase + string.ascii_lowercase
    if not re.fullmatch(r"eqa_live_[0-9A-Za-z]{43}", body, re.ASCII) or set(checksum) - set(digits):
        return False
    number = 0
    for digit in checksum:
        number = number * 62 + digits.index(digit)
    return len(checksum) == 6 and number == zlib.crc32(body.encode())


def keys(data: bytes) -> None:
    """The value of Authorization, and text that is to become a key."""
    text = data.decode("latin-1")
    for candidate in (text, text.partition(" ")[2].strip(), data.decode("utf-8", "replace")):
        said = access_rules.well_formed(candidate)
        assert said == _is_key(candidate), f"{candidate!r} is a key: {said}"
        if said:
            access_rules.fingerprint(candidate)
    if len(data) == access_rules.SECRET_BYTES:
        assert access_rules.well_formed(access_rules.new_secret(data))


TARGETS: dict[str, Target] = {"json": json_bodies, "csv": csv_bodies, "xlsx": workbooks, "key": keys}


def _lenient(_raw: bytes) -> str:
    return _raw.decode("utf-8")


def _unchecked(text: str) -> bool:
    return text.startswith("eqa_live_") and len(text) == 59


def remove_guard(name: str) -> None:
    """The seeded defects: text is not looked at before it is read, a checksum is not compared."""
    if name == "json":
        jsonbody._text = _lenient
    elif name == "csv":
        csv_format.CsvReader._text = lambda _self, line: line.decode("utf-8")  # type: ignore[method-assign]
    elif name == "xlsx":
        workbook._DAMAGED = tuple(kind for kind in workbook._DAMAGED if kind is not ParseError)  # type: ignore[misc]
    else:
        access_rules.well_formed = _unchecked


def corpus(name: str) -> list[bytes]:
    """What to begin with: the bad bodies of the tests, and rows with each of their faults."""
    if name == "key":
        secrets = [access_rules.new_secret(bytes([n]) * 32) for n in range(8)]
        return (
            [secret.encode() for secret in secrets] + [b"Bearer " + secret.encode() for secret in secrets] + [bytes(32)]
        )
    if name == "xlsx":
        members = [bytes([number]) + _members()[member] for number, member in enumerate(_CHANGED)]
        return [*members, written("xlsx", [row()])]
    if name == "csv":
        rows = [{k: v for k, v in bad.fields().items() if v is not ...} for bad in bad_rows() if bad.code_in("csv")]
        return [body for _, body, *_ in FILES if len(body) < 4_096] + [written("csv", [one]) for one in rows]
    rows = [{k: v for k, v in bad.fields().items() if v is not ...} for bad in bad_rows()]
    small = [body for _, body, _, _ in BAD_JSON if len(body) < 4_096]
    lines = [written("ndjson", [row(), one]) for one in rows]
    return small + [written("json", [one]) for one in rows] + lines
