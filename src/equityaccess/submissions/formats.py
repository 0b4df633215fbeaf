"""Reads the rows of a push from JSON or NDJSON, and names the reader of each format."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator, Sequence

import msgspec
from msgspec import UNSET

from equityaccess import jsonbody
from equityaccess.problems import Invalid, MalformedRequest, Problem
from equityaccess.settings import Settings
from equityaccess.submissions import workbook
from equityaccess.submissions.batches import (
    LINES_AT_A_TIME,
    Batch,
    Reader,
    ReaderOfLines,
    half_of,
    row_of,
    too_many_rows,
)
from equityaccess.submissions.csv_format import CsvReader
from equityaccess.submissions.rules import Format, Place, Rows, locate
from equityaccess.submissions.structs import Breakdown, Defaults, ObservationIn, Row, SubmissionIn

MEDIA: dict[str, Format] = {
    "application/json": "json",
    "application/x-ndjson": "ndjson",
    "text/csv": "csv",
    workbook.MEDIA_TYPE: "xlsx",
}
WHOLE: frozenset[Format] = frozenset({"json", "xlsx"})  # read whole, so they are kept small
_SMALL = 65_536  # bytes of JSON that are read before anybody could notice
_decoder = msgspec.json.Decoder(list[Row])
_encoder = msgspec.json.Encoder()


def reader(form: Format, defaults: Defaults, source: str | None, settings: Settings) -> Reader:
    """The reader of *form*."""
    made: dict[Format, type[JsonReader | NdjsonReader | CsvReader]] = {
        "json": JsonReader,
        "ndjson": NdjsonReader,
        "csv": CsvReader,
        "xlsx": workbook.WorkbookReader,
    }
    return made[form](defaults, source, settings)


class NdjsonReader(ReaderOfLines):
    """One JSON object a line; empty lines are passed over."""

    def _read(self, lines: list[bytes], *, last: bool = False) -> Iterator[Batch]:  # noqa: ARG002, a line needs no other
        for start in range(0, len(lines), LINES_AT_A_TIME):
            yield self._count(self._batch(lines[start : start + LINES_AT_A_TIME]))

    def _batch(self, lines: list[bytes]) -> Batch:
        numbers = list(range(self._line + 1, self._line + len(lines) + 1))
        self._line += len(lines)
        if any(not line or line.isspace() for line in lines):
            numbers = [number for number, line in zip(numbers, lines, strict=True) if line and not line.isspace()]
            lines = [line for line in lines if line and not line.isspace()]
        first = self._received + 1
        rows = decode_at_once(lines)
        if rows is not None:
            return Batch(Rows(list(range(first, first + len(rows))), numbers, rows), [], [], len(rows))
        batch = Batch(Rows([], [], []), [], [], len(lines))
        for place, line in zip(map(Place, itertools.count(first), numbers), lines, strict=False):
            document, row = decode_one(line, self._settings.max_depth)
            if isinstance(row, Row):
                batch.rows.add(place, row)
            else:
                batch.refusals.extend(_placed(place, fault) for fault in row)
                batch.halves.extend(half_of(place, document))
        return batch


def decode_one(line: bytes, max_depth: int) -> tuple[object, Row | list[Problem]]:
    """One line as a document, and as a row or every fault of it."""
    try:
        document = jsonbody.decode(line.strip(), max_depth=max_depth)
    except (MalformedRequest, Invalid) as refusal:
        return None, refusal.errors
    return document, row_of(document, Row)


def decode_at_once(lines: Sequence[bytes]) -> list[Row] | None:
    """All *lines* in one go, or None when one of them may need a closer look: each as ``decode_one`` would read it.

    Two things could go wrong. Lines that are no document each could make some together, as `{"a":1` and `"b":2}` do;
    so every line must start with the only brace that opens in it. And msgspec lets the last of two fields of the same
    name win, which would lose a count without a word. Here the names are counted instead of compared: if no backslash
    hides one and every colon follows a quotation mark, the colons are as many as the fields that were sent, and
    encoding what was read gives as many again unless a field stood twice.
    """
    joined = b",\n".join(lines)
    colons = joined.count(b":")
    if b"\\" in joined or colons != joined.count(b'":') or not joined.isascii():
        return None
    if not len(lines) == joined.count(b"{") == (b"\n" + joined).count(b"\n{"):
        return None
    try:
        rows = _decoder.decode(b"[" + joined + b"]")
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
    if len(rows) != len(lines) or colons != _encoder.encode(rows).count(b'":'):
        return None
    return rows


def _placed(place: Place, fault: Problem) -> Problem:
    """A fault of the document in one line, as the fault of a row."""
    return msgspec.structs.replace(fault, **(locate("ndjson", place, "") | {"pointer": fault.pointer}))


class JsonReader:
    """One document with all observations; read whole, so it is kept small."""

    unpacked: str = ""

    def __init__(self, defaults: Defaults, source: str | None, settings: Settings) -> None:
        self.defaults = defaults
        self.source = source
        self._settings = settings

    async def batches(self, parts: AsyncIterator[bytes]) -> AsyncIterator[Batch]:
        """One batch. Raises MalformedRequest, Invalid or TooLarge for what is wrong around the rows."""
        body = b"".join([part async for part in parts])
        document = await self._decoded(body)
        items = document.get("observations") if isinstance(document, dict) else None
        around = (
            {**document, "observations": []} if isinstance(document, dict) and isinstance(items, list) else document
        )
        if found := list(jsonbody.faults(around, SubmissionIn, "")):
            raise Invalid("; ".join(fault.detail for fault in found[:3]), errors=found)
        self._take(msgspec.convert(around, SubmissionIn))
        if not isinstance(items, list) or not items:
            detail = "There is no observation in the document."
            problem = Problem(code="no-rows", detail=detail, owner="sender", pointer="/observations")
            raise Invalid(detail, errors=[problem])
        if len(items) > self._settings.max_json_rows:
            most = self._settings.max_json_rows
            raise too_many_rows(f"There are {len(items)} observations; JSON takes {most}. Send NDJSON or CSV.")
        yield _batch(items)

    async def _decoded(self, body: bytes) -> object:
        if len(body) < _SMALL:
            return jsonbody.decode(body, max_depth=self._settings.max_depth)
        return await asyncio.to_thread(jsonbody.decode, body, max_depth=self._settings.max_depth)

    def _take(self, document: SubmissionIn) -> None:
        lea = self.defaults.lea if document.lea is UNSET else document.lea
        as_of = self.defaults.as_of if document.as_of is UNSET else document.as_of
        self.defaults = Defaults(lea=lea, as_of=as_of)
        self.source = self.source if document.source is UNSET else document.source


def _batch(items: list[object]) -> Batch:
    batch = Batch(Rows([], [], []), [], [], len(items))
    for number, item in enumerate(items, 1):
        read = row_of(item, ObservationIn, f"/observations/{number - 1}")
        if isinstance(read, ObservationIn):
            batch.rows.add(Place(number, number), _flat(read))
        else:
            batch.refusals.extend(msgspec.structs.replace(fault, row=number) for fault in read)
            batch.halves.extend(half_of(Place(number, number), item))
    return batch


def _flat(o: ObservationIn) -> Row:
    parts = msgspec.structs.asdict(o.breakdown) if isinstance(o.breakdown, Breakdown) else {}
    plain = msgspec.structs.asdict(o)
    del plain["breakdown"]
    return Row(**plain, **parts)
