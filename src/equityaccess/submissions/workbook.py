"""Reads the rows of a push from a workbook (.xlsx) as if its sheet had been saved as CSV.

An archive is judged by its table of contents before anything in it is unpacked.
"""

import asyncio
import io
import stat
import zipfile
import zlib
from collections.abc import AsyncIterator, Iterator
from datetime import date, datetime, time
from typing import Final
from xml.etree.ElementTree import ParseError

import openpyxl
from openpyxl.worksheet._read_only import ReadOnlyWorksheet

from equityaccess.problems import Invalid, Problem, UnsupportedMediaType
from equityaccess.submissions.batches import FIELDS, Batch, too_many_rows
from equityaccess.submissions.csv_format import CsvReader

MEDIA_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
SHEET: Final = "counts"  # which of several sheets is read
# A row of which none of these is filled in says nothing: it is one of a template that nobody had figures for.
SAYING: Final = frozenset(FIELDS) - {"lea", "as_of", "indicator", "student_group", "population", "evidence"}
_MOST_UNPACKED: Final = 64_000_000  # bytes
_MOST_MEMBERS: Final = 500
_MOST_ROWS: Final = 50_000  # of the sheet, empty ones too
_MOST_COLUMNS: Final = 100

# What openpyxl runs into where a file is not what it says.
_DAMAGED: Final = (
    *(LookupError, ValueError, TypeError, AttributeError, NotImplementedError, OSError, EOFError),
    *(ParseError, zipfile.BadZipFile, zlib.error),
)

_Rows = list[tuple[int, list[str]]]


class WorkbookReader(CsvReader):
    """One sheet with a header row; what is wrong in it is told by row, line of the sheet and column, as for CSV."""

    async def batches(self, parts: AsyncIterator[bytes]) -> AsyncIterator[Batch]:
        """One batch. Raises UnsupportedMediaType, Invalid or TooLarge for what is wrong around the rows."""
        body = b"".join([part async for part in parts])
        sheet = await asyncio.to_thread(rows, body)
        self.unpacked = "\n".join(",".join(cells) for _, cells in sheet)
        batch = self._batch(_saying(sheet))
        if not batch.received:
            raise _refused("no-rows", "No row of the sheet has figures.")
        yield batch


def rows(body: bytes) -> _Rows:
    """The rows of the sheet as text, with their numbers. Raises UnsupportedMediaType, Invalid or TooLarge."""
    _demand_harmless(body)
    try:
        book = openpyxl.load_workbook(io.BytesIO(body), read_only=True, data_only=True, keep_links=False)
        return list(_texts(_sheet(book)))
    except _DAMAGED as error:
        raise _refused(
            "workbook-damaged", "The workbook cannot be read: it is damaged, or not one of Excel's."
        ) from error


def _saying(rows: _Rows) -> _Rows:
    """The header and the rows that say something."""
    where = [place for place, name in enumerate(rows[0][1]) if name in SAYING] if rows else []
    return rows[:1] + [row for row in rows[1:] if not where or any(row[1][place] for place in where)]


def _demand_harmless(body: bytes) -> None:
    """Raise UnsupportedMediaType for what is no workbook, Invalid for an archive that is not to be unpacked."""
    try:
        members = zipfile.ZipFile(io.BytesIO(body)).infolist()
    except _DAMAGED as error:
        raise _no_workbook("This is not a workbook (.xlsx), whatever its name says.") from error
    names = {member.filename for member in members}
    if len(members) > _MOST_MEMBERS or sum(member.file_size for member in members) > _MOST_UNPACKED:
        raise _refused("archive-refused", f"Unpacked, the workbook is larger than {_MOST_UNPACKED} bytes; it was not.")
    if not all(map(_is_plain, members)) or len(names) < len(members):
        raise _refused("archive-refused", "The archive holds what no workbook holds; it was not unpacked.")
    if any(name.lower().endswith("vbaproject.bin") for name in names):
        raise _refused("archive-refused", "The workbook holds macros; it was not opened. Save it as .xlsx.")
    if not {"[Content_Types].xml", "xl/workbook.xml"} <= names:
        raise _no_workbook("This is an archive of something else, not a workbook (.xlsx).")


def _is_plain(member: zipfile.ZipInfo) -> bool:
    """Whether *member* is a file of its own, unencrypted and within the archive."""
    steps = member.filename.replace("\\", "/").split("/")
    is_link = stat.S_ISLNK(member.external_attr >> 16)
    return ".." not in steps and bool(steps[0]) and not is_link and not member.flag_bits & 1


def _sheet(book: openpyxl.Workbook) -> ReadOnlyWorksheet:
    """The sheet with the counts. Raises Invalid when it is not clear which that is."""
    sheets = {sheet.title: sheet for sheet in book.worksheets}
    if SHEET in sheets:
        return sheets[SHEET]
    if not sheets:
        raise ValueError("no sheet")
    if len(sheets) > 1:
        named = ", ".join(map(repr, list(sheets)[:10]))
        raise _refused("workbook-sheets", f"Which sheet is meant is not certain: {named}. Name it {SHEET!r}.")
    return next(iter(sheets.values()))


def _texts(sheet: ReadOnlyWorksheet) -> Iterator[tuple[int, list[str]]]:
    """Its rows that are not empty, cut to the width of the first of them where nothing is beyond it."""
    sheet.reset_dimensions()  # what the file says of its own size need not be true
    width = 0
    for number, cells in enumerate(sheet.iter_rows(max_col=_MOST_COLUMNS, values_only=True), 1):
        if number > _MOST_ROWS:
            raise too_many_rows(f"The sheet has more than {_MOST_ROWS} rows. Send NDJSON or CSV.")
        texts = [_text(cell) for cell in cells]
        while len(texts) > width and not texts[-1]:
            texts.pop()
        if any(texts):
            width = width or len(texts)
            yield number, texts + [""] * (width - len(texts))


def _text(cell: object) -> str:
    """What CSV would have in the place of *cell*."""
    if cell is None:
        return ""
    if isinstance(cell, datetime) and cell.time() == time.min:
        return cell.date().isoformat()
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, float) and cell.is_integer():  # a spreadsheet knows no other numbers
        return str(int(cell))
    return str(cell).strip()


def _refused(code: str, detail: str) -> Invalid:
    return Invalid(detail, errors=[Problem(code=code, detail=detail, owner="sender")])


def _no_workbook(detail: str) -> UnsupportedMediaType:
    hint = "Save the sheet as .xlsx, or as CSV UTF-8."
    fault = Problem(code="not-xlsx", detail=detail, owner="sender", suggestion=hint)
    return UnsupportedMediaType(detail, errors=[fault])
