"""Reads a directory file of CDE: tab-separated or comma-separated text, or a workbook, in any vintage.

Only the columns named here are read. Those about people (administrators, telephones, streets, mail) are not, so they
are in no variable and in no table.
"""

import csv
import itertools
import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Final

import msgspec
import openpyxl
import pandas as pd

from equityaccess.leas.cds import OF_A_DISTRICT, SpoiledCode, cds_of
from equityaccess.leas.changes import DirectoryFile, Listed, RefusedRow, Status
from equityaccess.leas.structs import Funding, Kind

# What we read, by the names that CDE gave it over the years, in lower case and without anything but letters and digits.
_COLUMNS: Final = {
    "cds": ("cdscode", "cdcode"),
    "status": ("statustype", "status"),
    "district": ("district",),
    "school": ("school",),
    "city": ("city",),
    "zip": ("zip",),
    "opened": ("opendate",),
    "closed": ("closeddate",),
    "charter": ("charter", "charteryn"),
    "charter_number": ("charternum", "charternumber"),
    "funding": ("fundingtype",),
    "doc": ("doc",),
    "grades": ("gsoffered", "gradesoffered"),
    "nces": ("ncesdist", "ncesleaid"),
    "own_nces": ("federaldfcdistrictid",),  # of a directly funded charter; its NCESDist is the authorizer's
    "updated": ("lastupdate", "lastupdated"),
}
_NEEDED: Final = ("cds", "district", "doc")
_MISSING: Final = ["No Data", "Information Not Available", "NULL", ""]
_KINDS: Final[dict[str, Kind]] = {
    "00": "county_office",
    "02": "sbe_charter",
    "52": "elementary_district",
    "54": "unified_district",
    "56": "high_school_district",
    "98": "rocp",
}
_STATUS: Final[dict[str, Status]] = {"active": "active", "closed": "closed", "merged": "merged", "pending": "pending"}
_FUNDING: Final[dict[str, Funding]] = {"directly funded": "direct", "locally funded": "local"}
_DATES: Final = ("%Y-%m-%d", "%m/%d/%Y", "%Y-%m-%d %H:%M:%S", "%m/%d/%y", "%Y%m%d")
_HEADER_WITHIN: Final = 10  # a title may stand above the header


class UnreadableFile(ValueError):
    """A file that is not a directory of CDE, or not a whole one; the message says why."""


class _Layout(msgspec.Struct, frozen=True):
    header: int  # lines above it
    columns: dict[str, str]  # ours -> the file's


def read_directory(path: Path) -> DirectoryFile:
    """The LEAs and charters that *path* lists; its other schools are left out.

    Raises UnreadableFile.
    """
    frame = _workbook(path) if path.suffix.lower() in (".xlsx", ".xlsm") else _text(path)
    listed: list[Listed] = []
    refused: list[RefusedRow] = []
    updates: list[date] = []
    for row, record in enumerate(frame.to_dict("records"), start=1):
        cells = {str(column): _cleaned(cell) for column, cell in record.items()}
        try:
            updates += [day] if (day := _date(cells.get("updated"))) else []
            listed += [lea] if (lea := _listed(row, cells)) else []
        except ValueError as error:
            refused.append(RefusedRow(row=row, reason=str(error)))
    return DirectoryFile(listed=listed, refused=refused, updated_on=max(updates, default=None))


def _text(path: Path) -> pd.DataFrame:
    for encoding in ("utf-8-sig", "cp1252"):  # CDE's files are the latter; the former cannot read them by mistake
        try:
            return _decoded(path, encoding)
        except UnicodeDecodeError:
            continue
        except pd.errors.ParserError as error:
            raise UnreadableFile(f"{path.name} is not a table: {error}") from None
    raise UnreadableFile(f"{path.name} is neither UTF-8 nor Windows-1252 text")


def _decoded(path: Path, encoding: str) -> pd.DataFrame:
    with path.open(encoding=encoding, newline="") as lines:
        top = [line.rstrip("\r\n") for line in itertools.islice(lines, _HEADER_WITHIN)]
    tabs = any("\t" in line for line in top)
    layout = _layout(path, (line.split("\t") if tabs else next(csv.reader([line]), []) for line in top))
    frame = pd.read_csv(
        path,
        sep="\t" if tabs else ",",
        quoting=csv.QUOTE_NONE if tabs else csv.QUOTE_MINIMAL,
        encoding=encoding,
        skiprows=layout.header,
        usecols=list(layout.columns.values()),
        dtype=str,
        keep_default_na=False,
    )
    return _ours(frame, layout)


def _workbook(path: Path) -> pd.DataFrame:
    book = openpyxl.load_workbook(path, read_only=True)
    try:
        rows = book.worksheets[0].iter_rows(max_row=_HEADER_WITHIN, values_only=True)
        layout = _layout(path, ([str(cell or "") for cell in row] for row in rows))
    finally:
        book.close()
    frame = pd.read_excel(
        path, header=layout.header, usecols=list(layout.columns.values()), dtype=str, keep_default_na=False
    )
    return _ours(frame, layout)


def _layout(path: Path, top: Iterable[Sequence[str]]) -> _Layout:
    """Where the header is and what our columns are called in it; no row below it is looked at."""
    for header, cells in enumerate(top):
        names = {re.sub(r"[^a-z0-9]", "", cell.lower()): cell for cell in cells}
        columns = {ours: names[one] for ours, known in _COLUMNS.items() for one in known if one in names}
        if all(ours in columns for ours in _NEEDED):
            return _Layout(header, columns)
    raise UnreadableFile(
        f"{path.name} is not a directory of CDE: none of its first {_HEADER_WITHIN} lines is a header with "
        "CDSCode (or CDCode), District and DOC"
    )


def _ours(frame: pd.DataFrame, layout: _Layout) -> pd.DataFrame:
    return frame.rename(columns={theirs: ours for ours, theirs in layout.columns.items()})


def _cleaned(cell: object) -> str | None:
    text = " ".join(cell.split()) if isinstance(cell, str) else ""  # pandas has NaN where a row is short
    return None if text in _MISSING else text


def _listed(row: int, cells: dict[str, str | None]) -> Listed | None:
    cds = cds_of(cells["cds"] or "")
    is_charter = (cells.get("charter") or "").upper() in ("Y", "1", "TRUE")
    if not cds.endswith(OF_A_DISTRICT) and not is_charter:
        return None  # a school of its district
    doc = cells["doc"].zfill(2) if cells["doc"] else None  # a workbook may hold it as a number
    name = cells.get("school") if is_charter else cells["district"]
    if name is None:
        raise SpoiledCode(f"{cds} has no name")
    return Listed(
        row=row,
        cds=cds,
        status=_status(cells.get("status")),
        name=name,
        kind="charter" if is_charter else _KINDS.get(doc or ""),
        doc=doc,
        authorizer_cds=cds[:7] + OF_A_DISTRICT if is_charter else None,
        funding=_FUNDING.get((cells.get("funding") or "").lower()) if is_charter else None,
        nces=cells.get("own_nces") if is_charter else cells.get("nces"),
        charter_number=cells.get("charter_number") if is_charter else None,
        city=cells.get("city"),
        zip=cells.get("zip"),
        grades=cells.get("grades"),
        opened_on=_date(cells.get("opened")),
        closed_on=_date(cells.get("closed")),
    )


def _status(cell: str | None) -> Status:
    if cell is None:
        return "active"  # files without the column list active LEAs only
    if cell.lower() not in _STATUS:
        raise ValueError(f"the status {cell!r} is none of {', '.join(_STATUS)}")
    return _STATUS[cell.lower()]


def _date(cell: str | None) -> date | None:
    if cell is None:
        return None
    for written in _DATES:
        try:
            return datetime.strptime(cell, written).date()  # noqa: DTZ007, a calendar day has no zone
        except ValueError:
            continue
    raise ValueError(f"{cell!r} is not a date")
