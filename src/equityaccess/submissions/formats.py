"""Reads the rows of a push from JSON, NDJSON or CSV, piece by piece; what is wrong with a row is told, not raised."""

import csv
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import date
from typing import Any, NamedTuple, Protocol

import msgspec
from msgspec import UNSET

from equityaccess import jsonbody
from equityaccess.problems import Invalid, MalformedRequest, Problem, TooLarge
from equityaccess.settings import Settings
from equityaccess.submissions.rules import Format, Place, Placed, locate, problem
from equityaccess.submissions.structs import Breakdown, Defaults, ObservationIn, Row, SubmissionIn

MEDIA: dict[str, Format] = {"application/json": "json", "application/x-ndjson": "ndjson", "text/csv": "csv"}
_FIELDS = {field.encode_name: field.name for field in msgspec.structs.fields(Row)}
_NEEDED = [field.encode_name for field in msgspec.structs.fields(Row) if field.required]
_COUNTS = {
    "population",
    "met",
    "not_met",
    "not_applicable",
    *(name for name in _FIELDS if name.startswith("breakdown.")),
}
_DATES = {"as_of", "valid_until"}
_WITHHELD = re.compile(r"\A(\*+|<\s?\d+|n/?a|no data|-+|suppressed)\Z", re.IGNORECASE)
_LINES_AT_A_TIME = 2_000
_decoder = msgspec.json.Decoder(list[Row])
_encoder = msgspec.json.Encoder()


class Batch(NamedTuple):
    """Some rows of a push: those that could be read, the faults of those that could not, and how many came."""

    rows: list[Placed]
    refusals: list[Problem]
    received: int


class Reader(Protocol):
    """Turns the parts of a body into batches. What only the whole document can say is in ``defaults`` and ``source``."""

    defaults: Defaults
    source: str | None

    def batches(self, parts: AsyncIterator[bytes]) -> AsyncIterator[Batch]:
        """The rows of the body whose bytes are *parts*."""


def reader(form: Format, defaults: Defaults, source: str | None, settings: Settings) -> Reader:
    """The reader of *form*."""
    made: dict[Format, type[JsonReader | NdjsonReader | CsvReader]] = {
        "json": JsonReader,
        "ndjson": NdjsonReader,
        "csv": CsvReader,
    }
    return made[form](defaults, source, settings)


class _Lines:
    """Cuts parts of a body into lines, however the parts fall."""

    def __init__(self, longest: int) -> None:
        self._rest = b""
        self._longest = longest

    def feed(self, part: bytes) -> list[bytes]:
        """The lines that *part* completes, without their ends, be these LF, CRLF or CR."""
        data = self._rest + part
        held = data[-1:] == b"\r"  # its LF may be the first byte of the next part
        if b"\r" in data:
            data = data.removesuffix(b"\r").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        lines = data.split(b"\n")
        self._rest = lines.pop() + (b"\r" if held else b"")
        if len(self._rest) > self._longest:
            raise TooLarge(f"A line is longer than {self._longest} bytes.")
        return lines

    def end(self) -> list[bytes]:
        """The last line, when nothing ends it."""
        rest = self._rest.removesuffix(b"\r")
        return [rest] if rest else []


class _ReaderOfLines:
    def __init__(self, defaults: Defaults, source: str | None, settings: Settings) -> None:
        self.defaults = defaults
        self.source = source
        self._settings = settings
        self._received = 0
        self._line = 0

    async def batches(self, parts: AsyncIterator[bytes]) -> AsyncIterator[Batch]:
        """The rows of the body whose bytes are *parts*, some thousand at a time."""
        cut = _Lines(self._settings.max_line_bytes)
        async for part in parts:
            for batch in self._read(cut.feed(part)):
                yield batch
        for batch in self._read(cut.end(), last=True):
            yield batch
        if not self._received:
            detail = "There is no row in the body."
            raise Invalid(detail, errors=[Problem(code="no-rows", detail=detail, owner="sender")])

    def _read(self, lines: list[bytes], *, last: bool = False) -> Iterator[Batch]:
        raise NotImplementedError  # pragma: no cover

    def _count(self, batch: Batch) -> Batch:
        self._received += batch.received
        if self._received > self._settings.max_stream_rows:
            raise TooLarge(f"More than {self._settings.max_stream_rows} rows; send them in several pushes.")
        return batch


class NdjsonReader(_ReaderOfLines):
    """One JSON object a line; empty lines are passed over."""

    def _read(self, lines: list[bytes], *, last: bool = False) -> Iterator[Batch]:  # noqa: ARG002, a line needs no other
        for start in range(0, len(lines), _LINES_AT_A_TIME):
            yield self._count(self._batch(lines[start : start + _LINES_AT_A_TIME]))

    def _batch(self, lines: list[bytes]) -> Batch:
        first, self._line = self._line + 1, self._line + len(lines)
        placed = [(number, line) for number, line in enumerate(lines, first) if line and not line.isspace()]
        try:
            rows = _decode_at_once([line for _, line in placed])
        except (msgspec.DecodeError, ValueError, RecursionError):
            rows = None
        if rows is not None:
            return Batch([(Place(n, n), row) for (n, _), row in zip(placed, rows, strict=True)], [], len(placed))
        batch = Batch([], [], len(placed))
        for number, line in placed:
            place = Place(number, number)
            try:
                document = jsonbody.decode(line.strip(), max_depth=self._settings.max_depth)
            except (MalformedRequest, Invalid) as refusal:
                batch.refusals.extend(_placed("ndjson", place, p) for p in refusal.errors)
                continue
            found = [_placed("ndjson", place, p) for p in jsonbody.faults(document, Row, "")]
            if found:
                batch.refusals.extend(found)
            else:
                batch.rows.append((place, msgspec.convert(document, Row)))
        return batch


def _decode_at_once(lines: Sequence[bytes]) -> list[Row] | None:
    """All *lines* in one go, or None when one of them may need a closer look.

    msgspec lets the last of two fields of the same name win, which would lose a count without a word. Here the names
    are counted instead of compared: if no backslash hides one and every colon follows a quotation mark, the colons are
    as many as the fields that were sent, and encoding what was read gives as many again unless a field stood twice.
    """
    joined = b",".join(lines)
    colons = joined.count(b":")
    if b"\\" in joined or colons != joined.count(b'":') or not joined.isascii():
        return None
    rows = _decoder.decode(b"[" + joined + b"]")
    if len(rows) != len(lines) or colons != _encoder.encode(rows).count(b'":'):
        return None
    return rows


class JsonReader:
    """One document with all observations; read whole, so it is kept small."""

    def __init__(self, defaults: Defaults, source: str | None, settings: Settings) -> None:
        self.defaults = defaults
        self.source = source
        self._settings = settings

    async def batches(self, parts: AsyncIterator[bytes]) -> AsyncIterator[Batch]:
        """One batch. Raises MalformedRequest, Invalid or TooLarge for what is wrong with the document around the rows."""
        body = b"".join([part async for part in parts])
        document = jsonbody.decode(body, max_depth=self._settings.max_depth)
        items = document.get("observations") if isinstance(document, dict) else None
        around = (
            {**document, "observations": []} if isinstance(document, dict) and isinstance(items, list) else document
        )
        if found := list(jsonbody.faults(around, SubmissionIn, "")):
            raise Invalid("; ".join(fault.detail for fault in found[:3]), errors=found)
        self._take(msgspec.convert(around, SubmissionIn))
        if not items:
            detail = "There is no observation in the document."
            raise Invalid(
                detail, errors=[Problem(code="no-rows", detail=detail, owner="sender", pointer="/observations")]
            )
        if len(items) > self._settings.max_json_rows:
            raise TooLarge(f"{len(items)} observations; JSON takes {self._settings.max_json_rows}. Send NDJSON or CSV.")
        batch = Batch([], [], len(items))
        for number, item in enumerate(items, 1):
            place = Place(number, number)
            found = list(jsonbody.faults(item, ObservationIn, f"/observations/{number - 1}"))
            if found:
                batch.refusals.extend(msgspec.structs.replace(fault, row=number) for fault in found)
            else:
                batch.rows.append((place, _flat(msgspec.convert(item, ObservationIn))))
        yield batch

    def _take(self, document: SubmissionIn) -> None:
        lea = self.defaults.lea if document.lea is UNSET else document.lea
        as_of = self.defaults.as_of if document.as_of is UNSET else document.as_of
        self.defaults = Defaults(lea=lea, as_of=as_of)
        self.source = self.source if document.source is UNSET else document.source


def _flat(o: ObservationIn) -> Row:
    parts = msgspec.structs.asdict(o.breakdown) if isinstance(o.breakdown, Breakdown) else {}
    return Row(
        indicator=o.indicator, student_group=o.student_group, population=o.population, met=o.met, not_met=o.not_met,
        evidence=o.evidence, lea=o.lea, as_of=o.as_of, not_applicable=o.not_applicable, valid_until=o.valid_until, **parts,
    )  # fmt: skip


def _placed(form: Format, place: Place, fault: Problem) -> Problem:
    """A fault of one document, as the fault of a row."""
    return msgspec.structs.replace(
        fault, **(locate(form, place, fault.pointer.removeprefix("/")) | {"pointer": fault.pointer})
    )


class CsvReader(_ReaderOfLines):
    """RFC 4180 with a header row; the order of the columns is free, their names are not."""

    def __init__(self, defaults: Defaults, source: str | None, settings: Settings) -> None:
        super().__init__(defaults, source, settings)
        self._header: list[str] | None = None
        self._open: list[str] = []  # the lines of a record whose quotation is not closed yet
        self._row = 0

    def _read(self, lines: list[bytes], *, last: bool = False) -> Iterator[Batch]:
        records: list[tuple[int, str]] = []
        for line in lines:
            self._line += 1
            record = self._record(self._text(line))
            if record is not None:
                records.append((self._line - record.count("\n"), record))
        if last and self._open:
            raise _csv(
                f"The quotation that opens in line {self._line - len(self._open) + 1} is never closed.", self._line
            )
        for start in range(0, len(records), _LINES_AT_A_TIME):
            yield self._count(self._batch(records[start : start + _LINES_AT_A_TIME]))

    def _text(self, line: bytes) -> str:
        if self._line == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")  # what Excel puts in front
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError as error:
            detail = (
                f"Line {self._line} is not UTF-8: byte {error.start + 1} cannot be read. Save the file as CSV UTF-8."
            )
            raise MalformedRequest(
                detail, errors=[Problem(code="invalid-encoding", detail=detail, owner="sender", line=self._line)]
            ) from None
        if "\0" in text:
            detail = f"Line {self._line} holds NUL bytes: the file may be UTF-16 or a workbook. Save it as CSV UTF-8."
            raise MalformedRequest(
                detail, errors=[Problem(code="invalid-encoding", detail=detail, owner="sender", line=self._line)]
            )
        return text

    def _record(self, line: str) -> str | None:
        """The record that *line* completes, if it does: an odd number of quotation marks leaves it open."""
        self._open.append(line)
        if sum(len(part) for part in self._open) > self._settings.max_line_bytes:
            raise TooLarge(
                f"The row that ends in line {self._line} is longer than {self._settings.max_line_bytes} bytes."
            )
        if sum(part.count('"') for part in self._open) % 2:
            return None
        record, self._open = "\n".join(self._open), []
        return record

    def _batch(self, records: list[tuple[int, str]]) -> Batch:
        batch = Batch([], [], 0)
        received = 0
        cells = csv.reader((record for _, record in records), strict=True)
        for (line, record), values in zip(records, _each(cells, records), strict=True):
            if isinstance(values, Problem):
                raise Invalid(values.detail, errors=[values])
            if not any(cell.strip() for cell in values):
                continue
            if self._header is None:
                self._header = _header([cell.strip() for cell in values], record)
                continue
            self._row += 1
            received += 1
            self._take(Place(self._row, line), values, batch)
        return Batch(batch.rows, batch.refusals, received)

    def _take(self, place: Place, values: list[str], batch: Batch) -> None:
        header = self._header or []
        if len(values) != len(header):
            detail = f"The row has {len(values)} cells, the header has {len(header)} columns."
            batch.refusals.append(
                problem("csv", place, header[min(len(values), len(header) - 1)], "csv-row-length", detail)
            )
            return
        read: dict[str, Any] = {}
        faults = []
        for name, cell in zip(header, values, strict=True):
            value = _cell(name, cell.strip())
            if isinstance(value, tuple):
                faults.append(problem("csv", place, name, *value))
            elif value is not UNSET:
                read[name] = value
        faults += [
            problem("csv", place, n, "missing-field", f"{n} is empty.")
            for n in _NEEDED
            if n not in read and not _at(faults, n)
        ]
        faults = faults or [_placed_csv(place, fault) for fault in jsonbody.faults(read, Row, "")]
        if faults:
            batch.refusals.extend(faults)
        else:
            batch.rows.append((place, Row(**{_FIELDS[name]: value for name, value in read.items()})))


def _at(faults: list[Problem], name: str) -> bool:
    return any(fault.column == name for fault in faults)


def _placed_csv(place: Place, fault: Problem) -> Problem:
    name = fault.pointer.removeprefix("/")
    return problem("csv", place, name, fault.code, fault.detail.replace(fault.pointer, name, 1))


def _each(cells: Iterator[list[str]], records: list[tuple[int, str]]) -> Iterator[list[str] | Problem]:
    for line, _ in records:
        try:
            yield next(cells, [])
        except csv.Error as error:
            yield Problem(code="csv-syntax", detail=f"Line {line}: {error}.", owner="sender", line=line)


def _csv(detail: str, line: int) -> Invalid:
    return Invalid(detail, errors=[Problem(code="csv-syntax", detail=detail, owner="sender", line=line)])


def _header(names: list[str], record: str) -> list[str]:
    """The columns, if they are ours. Raises Invalid with every fault."""
    if len(names) == 1 and any(mark in record for mark in ";\t|"):
        detail = "The columns are not separated by commas. Save the file as comma-separated CSV."
        raise Invalid(detail, errors=[Problem(code="csv-dialect", detail=detail, owner="sender", line=1)])
    known = ", ".join(_FIELDS)
    faults = [(n, f"{n!r} is not a column here; known are {known}.") for n in names if n not in _FIELDS]
    faults += [(n, f"{n!r} stands in the header more than once.") for n in dict.fromkeys(names) if names.count(n) > 1]
    faults += [(n, f"The column {n!r} is needed.") for n in _NEEDED if n not in names]
    if faults:
        errors = [Problem(code="csv-header", detail=d, owner="sender", line=1, column=n) for n, d in faults]
        raise Invalid("; ".join(d for _, d in faults[:3]), errors=errors)
    return names


def _cell(name: str, text: str) -> Any:
    """The value of a cell; UNSET when it is empty; (code, detail) when it is wrong."""
    if not text:
        return UNSET
    if name in _COUNTS:
        if text.isascii() and text.isdigit() and len(text) < 10:
            return int(text)
        if _WITHHELD.match(text):
            return "suppressed-input", f"{text!r} stands where a count is needed. Send the count, or leave the row out."
        return "wrong-type", f"{text!r} is not a whole number of people."
    if name in _DATES:
        try:
            if len(text) != 10:
                raise ValueError
            return date.fromisoformat(text)
        except ValueError:
            return "invalid-date", f"{text!r} is not a date such as 2026-11-20."
    return text
