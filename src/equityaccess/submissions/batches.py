"""What the readers of the three formats share: batches of rows, lines cut from parts, a row made of a document."""

import re
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from typing import NamedTuple, Protocol, TypeVar

import msgspec

from equityaccess import jsonbody
from equityaccess.problems import Invalid, Problem, TooLarge
from equityaccess.settings import Settings
from equityaccess.submissions.rules import Half, Place, Rows
from equityaccess.submissions.structs import Breakdown, Defaults, Row

T = TypeVar("T")
LINES_AT_A_TIME = 10_000
FIELDS: Mapping[str, str] = {field.encode_name: field.name for field in msgspec.structs.fields(Row)}
COUNTS = frozenset(
    {"population", "met", "not_met", "not_applicable", *Breakdown.__struct_fields__}
    | {name for name in FIELDS if name.startswith("breakdown.")}
)
_CHECKED = {  # what is held against the directory, the catalogue and the calendar
    field.name: field.type
    for field in msgspec.structs.fields(Row)
    if field.name not in ("not_met", "evidence", *Breakdown.__struct_fields__)
}
_OPTIONAL = {field.name for field in msgspec.structs.fields(Row) if not field.required}
_HARMLESS: dict[str, object] = {
    "indicator": "?", "student_group": "?", "population": 0, "met": 0, "not_met": 0, "evidence": "D",
}  # fmt: skip
_WITHHELD = re.compile(r"\A(\*+|[<≤]=?\s?\d+|n/?a|no data|-+|suppressed)\Z", re.IGNORECASE)
_THOUSANDS = re.compile(r"\A[0-9]{1,3}(,[0-9]{3})+\Z")


class Batch(NamedTuple):
    """Some rows of a push: those that could be read, the faults of those that could not, and how many came.

    What could be read of the latter is in `halves`: its other faults are to be told in the same answer.
    """

    rows: Rows
    refusals: list[Problem]
    halves: list[Half]
    received: int


class Reader(Protocol):
    """Turns the parts of a body into batches. What the whole document says is in ``defaults`` and ``source``."""

    defaults: Defaults
    source: str | None
    unpacked: str  # of a body that is not text itself: what could be read in it

    def batches(self, parts: AsyncIterator[bytes]) -> AsyncIterator[Batch]:
        """The rows of the body whose bytes are *parts*."""


class Lines:
    """Cuts parts of a body into lines, however the parts fall."""

    def __init__(self, longest: int) -> None:
        self._rest = b""
        self._longest = longest

    def feed(self, part: bytes) -> list[bytes]:
        """The lines that *part* completes, without their ends, be these LF, CRLF or CR. Raises TooLarge."""
        data = self._rest + part
        held = data[-1:] == b"\r"  # its LF may be the first byte of the next part
        if b"\r" in data:
            data = data.removesuffix(b"\r").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        lines = data.split(b"\n")
        if max(map(len, lines)) > self._longest:
            raise line_too_long(self._longest)
        self._rest = lines.pop() + (b"\r" if held else b"")
        return lines

    def end(self) -> list[bytes]:
        """The last line, when nothing ends it."""
        return [self._rest.removesuffix(b"\r")] if self._rest else []


class ReaderOfLines(ABC):
    """A reader that never holds more than some thousand lines."""

    unpacked: str = ""

    def __init__(self, defaults: Defaults, source: str | None, settings: Settings) -> None:
        self.defaults = defaults
        self.source = source
        self._settings = settings
        self._received = 0
        self._line = 0

    async def batches(self, parts: AsyncIterator[bytes]) -> AsyncIterator[Batch]:
        """The rows of the body whose bytes are *parts*, some thousand at a time."""
        cut = Lines(self._settings.max_line_bytes)
        async for part in parts:
            for batch in self._read(cut.feed(part)):
                yield batch
        for batch in self._read(cut.end(), last=True):
            yield batch
        if not self._received:
            detail = "There is no row in the body."
            raise Invalid(detail, errors=[Problem(code="no-rows", detail=detail, owner="sender")])

    @abstractmethod
    def _read(self, lines: list[bytes], *, last: bool = False) -> Iterator[Batch]:
        """The rows of *lines*; *last* says that no more will come."""

    def _count(self, batch: Batch) -> Batch:
        self._received += batch.received
        if self._received > self._settings.max_stream_rows:
            raise too_many_rows(
                f"There are more than {self._settings.max_stream_rows} rows; send them in several pushes."
            )
        return batch


def line_too_long(longest: int) -> TooLarge:
    """The refusal of a line, or of a row over several lines, that is longer than *longest* bytes."""
    detail = f"A line is longer than {longest} bytes; a row is far shorter."
    return TooLarge(detail, errors=[Problem(code="line-too-long", detail=detail, owner="sender")])


def too_many_rows(detail: str) -> TooLarge:
    """The refusal of a push of more rows than its format takes."""
    return TooLarge(detail, errors=[Problem(code="too-many-rows", detail=detail, owner="sender")])


def row_of(document: object, into: type[T], at: str = "") -> T | list[Problem]:
    """*document*, which stands at the pointer *at*, as *into*; every fault of it when it is not."""
    try:
        return msgspec.convert(document, into)
    except msgspec.ValidationError:
        return [_about_count(fault, document, at) for fault in jsonbody.faults(document, into, at)]


def half_of(place: Place, document: object, told: Iterable[str] = ()) -> list[Half]:
    """What can be read of a faulty *document*, harmless values standing for what cannot, or is *told* faulty."""
    if not isinstance(document, dict):
        return []
    read = {name: document[name] for name, kind in _CHECKED.items() if name in document and _is(document[name], kind)}
    wrong = {*told, *(_CHECKED.keys() - read.keys() - (_OPTIONAL - document.keys()))}
    if wrong & {"population", "met", "not_applicable"}:  # nothing can be said of how they fit together
        read |= {"population": 0, "met": 0, "not_applicable": 0}
    row = msgspec.convert(_HARMLESS | read, Row)
    return [Half(place, row, frozenset(wrong))]


def _is(value: object, kind: object) -> bool:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return False
    return True


def _about_count(fault: Problem, document: object, at: str) -> Problem:
    """*fault* in the words of ``wrong_count``, when a count was sent as a text that they fit."""
    node = document
    steps = fault.pointer.removeprefix(at).split("/")[1:]
    for step in steps:
        node = node.get(step) if isinstance(node, dict) else None
    wrong = wrong_count(node) if steps and steps[-1] in COUNTS and isinstance(node, str) else None
    return msgspec.structs.replace(fault, **wrong._asdict()) if wrong else fault


class Wrong(NamedTuple):
    """What is wrong with a value."""

    code: str
    detail: str
    suggestion: str | None = None


def wrong_count(text: str) -> Wrong | None:
    """What is meant by a text where a count should be; None when it is anything."""
    if _WITHHELD.match(text):
        detail = f"{text!r} stands where a count is needed. Send the count, or leave the row out."
        return Wrong("suppressed-input", detail)
    if _THOUSANDS.match(text):
        return Wrong("wrong-type", f"{text!r} has separators; a count is digits only.", text.replace(",", ""))
    return None
