"""Reads the rows of a push from CSV: text in, checked as strictly as JSON is."""

import csv
import re
from collections.abc import Iterable, Iterator
from datetime import date

import msgspec
from msgspec import UNSET, UnsetType

from equityaccess.problems import Invalid, MalformedRequest, Problem, UnsupportedMediaType
from equityaccess.settings import Settings
from equityaccess.submissions.batches import (
    COUNTS,
    FIELDS,
    LINES_AT_A_TIME,
    Batch,
    ReaderOfLines,
    Wrong,
    half_of,
    line_too_long,
    row_of,
    wrong_count,
)
from equityaccess.submissions.rules import Place, Rows, problem
from equityaccess.submissions.structs import MOST, Defaults, Row
from equityaccess.submissions.suggesting import nearest

_NEEDED = [field.encode_name for field in msgspec.structs.fields(Row) if field.required]
_DATES = {"as_of", "valid_until"}
_INTEGER = re.compile(r"\A-?[0-9]+\Z")
_MOST_DIGITS = 18  # with more, a number is out of range whatever it is
# How other files begin that are taken for CSV because of their name.
_OTHERS = (
    (b"PK\x03\x04", "an Excel or OpenDocument workbook"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"%PDF", "a PDF document"),
    (b"{\\rtf", "an RTF document"),
    (b"<", "an HTML or XML document"),
)


class CsvReader(ReaderOfLines):
    """RFC 4180 with a header row; the order of the columns is free, their names are not."""

    def __init__(self, defaults: Defaults, source: str | None, settings: Settings) -> None:
        super().__init__(defaults, source, settings)
        self._header: list[str] | None = None
        self._open: list[str] = []  # the lines of a record whose quotation is not closed yet
        self._open_length = 0

    def _read(self, lines: list[bytes], *, last: bool = False) -> Iterator[Batch]:
        records: list[tuple[int, str]] = []
        for line in lines:
            self._line += 1
            opened = self._line - len(self._open)
            record = self._record(self._text(line))
            if record is not None:
                records.append((opened, record))
        if last and self._open:
            opened = self._line - len(self._open) + 1
            raise _bad_syntax(f"The quotation that opens in line {opened} is never closed.", opened)
        for start in range(0, len(records), LINES_AT_A_TIME):
            some = records[start : start + LINES_AT_A_TIME]
            yield self._count(self._batch((line, _cells(record, line)) for line, record in some))

    def _text(self, line: bytes) -> str:
        if self._line == 1:
            _demand_csv(line)
            line = line.removeprefix(b"\xef\xbb\xbf")  # what Excel puts in front
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError as error:
            raise _bad_encoding(f"is not UTF-8: byte {error.start + 1} cannot be read", self._line) from None
        if "\0" in text:
            raise _bad_encoding("holds NUL bytes, as UTF-16 does", self._line)
        return text

    def _record(self, line: str) -> str | None:
        """The record that *line* completes, if it does: an odd number of quotation marks opens or closes one."""
        is_open = bool(self._open) != bool(line.count('"') % 2)
        self._open.append(line)
        self._open_length += len(line) + 1
        if self._open_length > self._settings.max_line_bytes + 1:
            raise line_too_long(self._settings.max_line_bytes)
        if is_open:
            return None
        record, self._open, self._open_length = "\n".join(self._open), [], 0
        return record

    def _batch(self, records: Iterable[tuple[int, list[str]]]) -> Batch:
        """The rows of *records*, each the line in which it begins and its cells."""
        batch = Batch(Rows([], [], []), [], [], 0)
        received = 0
        for line, values in records:
            if not any(values):
                continue
            if self._header is None:
                self._header = _header(values, line)
                continue
            received += 1
            self._take(Place(self._received + received, line), self._header, values, batch)
        return batch._replace(received=received)

    def _take(self, place: Place, header: list[str], values: list[str], batch: Batch) -> None:
        if len(values) != len(header):
            detail = f"The row has {len(values)} cells, the header has {len(header)} columns."
            column = header[min(len(values), len(header) - 1)]
            batch.refusals.append(problem("csv", place, column, "csv-row-length", detail))
            return
        read: dict[str, object] = {}
        faults = []
        for name, text in zip(header, values, strict=True):
            value = _value(name, text)
            if isinstance(value, Wrong):
                faults.append(problem("csv", place, name, value.code, value.detail, suggestion=value.suggestion))
            elif value is not UNSET:
                read[name] = value
            elif name in _NEEDED:
                faults.append(problem("csv", place, name, "missing-field", f"{name} is empty."))
        row = row_of(read, Row)
        if isinstance(row, Row) and not faults:
            batch.rows.add(place, row)
            return
        told = {fault.column or "" for fault in faults}
        others = [_placed(place, fault) for fault in row] if isinstance(row, list) else []
        batch.refusals.extend([*faults, *(fault for fault in others if fault.column not in told)])
        batch.halves.extend(half_of(place, read, told))


def _cells(record: str, line: int) -> list[str]:
    """The cells of one record, without the spaces around them. Each is read by itself, so none can swallow the next."""
    try:
        return [cell.strip() for cell in next(csv.reader([record], strict=True), [])]
    except csv.Error as error:
        raise _bad_syntax(f"Line {line} is not CSV: {error}.", line) from None


def _placed(place: Place, fault: Problem) -> Problem:
    name = fault.pointer.removeprefix("/")
    detail = fault.detail.replace(fault.pointer, name, 1)
    return problem("csv", place, name, fault.code, detail, suggestion=fault.suggestion)


def _demand_csv(start: bytes) -> None:
    for magic, what in _OTHERS:
        if start.lstrip().startswith(magic):
            detail = f"This is {what}, not CSV, whatever its name says."
            problems = [
                Problem(
                    code="not-csv", detail=detail, owner="sender", line=1, suggestion="Save the sheet as CSV UTF-8."
                )
            ]
            raise UnsupportedMediaType(detail, errors=problems)


def _bad_encoding(detail: str, line: int) -> MalformedRequest:
    said = f"Line {line} {detail}."
    fault = Problem(
        code="invalid-encoding", detail=said, owner="sender", line=line, suggestion="Save the file as CSV UTF-8."
    )
    return MalformedRequest(said, errors=[fault])


def _bad_syntax(detail: str, line: int) -> Invalid:
    return Invalid(detail, errors=[Problem(code="csv-syntax", detail=detail, owner="sender", line=line)])


def _header(names: list[str], line: int) -> list[str]:
    """The columns, if they are ours. Raises Invalid with every fault."""
    if len(names) == 1 and any(mark in names[0] for mark in ";\t|"):
        detail = "The columns are not separated by commas. Save the file as comma-separated CSV."
        raise Invalid(detail, errors=[Problem(code="csv-dialect", detail=detail, owner="sender", line=line)])
    faults = [*_strange(names), *_doubled(names), *_missing(names)]
    if faults:
        errors = [
            Problem(code="csv-header", detail=detail, owner="sender", line=line, column=name, suggestion=near)
            for name, detail, near in faults
        ]
        raise Invalid("; ".join(detail for _, detail, _ in faults[:3]), errors=errors)
    return names


_HeaderFault = tuple[str, str, str | None]  # the column, what is wrong, what was probably meant


def _strange(names: list[str]) -> Iterator[_HeaderFault]:
    known = ", ".join(FIELDS)
    for name in names:
        if name not in FIELDS:
            yield name, f"{name!r} is not a column here; known are {known}.", nearest(name, FIELDS)


def _doubled(names: list[str]) -> Iterator[_HeaderFault]:
    for name in dict.fromkeys(names):
        if names.count(name) > 1:
            yield name, f"{name!r} stands in the header more than once.", None


def _missing(names: list[str]) -> Iterator[_HeaderFault]:
    for name in _NEEDED:
        if name not in names:
            yield name, f"The column {name!r} is needed.", None


def _value(name: str, text: str) -> int | date | str | UnsetType | Wrong:
    """The value of a cell; UNSET when it is empty."""
    if not text:
        return UNSET
    if name in COUNTS:
        if _INTEGER.match(text):
            return int(text) if len(text) <= _MOST_DIGITS else MOST + 1
        return wrong_count(text) or Wrong("wrong-type", f"{text!r} is not a whole number of people.")
    if name in _DATES:
        try:
            return msgspec.convert(text, date)
        except msgspec.ValidationError:
            return Wrong("invalid-date", f"{text!r} is not a date such as 2026-11-20.")
    return text
