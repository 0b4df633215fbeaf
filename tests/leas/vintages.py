"""Directory files as CDE has laid them out over the years, with real agencies and schools, and nobody in them."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import openpyxl

_PLACE = "Street StreetAbr City Zip State MailStreet MailStrAbr MailCity MailZip MailState"
_SCHOOL = (
    "OpenDate ClosedDate Charter CharterNum FundingType DOC DOCType SOC SOCType EdOpsCode EdOpsName EILCode EILName "
    "GSoffered GSserved Virtual Magnet"
)
_HEADS = "AdmFName1 AdmLName1 AdmEmail1 AdmFName2 AdmLName2 AdmEmail2 AdmFName3 AdmLName3 AdmEmail3"
_DISTRICTS = (  # one name has a blank in it, another two behind it
    "CD Code,County,District,Street,City,Zip,State,MailStreet,MailCity,MailZip,MailState,Phone,Ext  ,FaxNumber,"
    "Email,AdmFName,AdmLName,AdmEmail,Latitude,Longitude,DOC,DOCType,StatusType,LastUpDate"
)
_FIRST = "CDSCode NCESDist NCESSchool StatusType County District School"
COLUMNS: Mapping[int, Sequence[str]] = {
    46: (
        f"{_FIRST} {_PLACE} Phone Ext FaxNumber WebSite {_SCHOOL} YearRoundYN FederalDFCDistrictID Latitude Longitude "
        "AdmFName AdmLName LastUpDate Multilingual"
    ).split(),
    49: f"{_FIRST} {_PLACE} Phone Ext WebSite {_SCHOOL} Latitude Longitude {_HEADS} LastUpDate".split(),
    51: (
        f"{_FIRST} {_PLACE} Phone Ext WebSite {_SCHOOL} YearRoundYN FederalDFCDistrictID Latitude Longitude {_HEADS} "
        "LastUpDate"
    ).split(),
    24: _DISTRICTS.split(","),
}
PERSONAL = "a person's"  # what stands in every column about people and their addresses

Row = dict[str, str]


def row(cds: str, name: str, doc: str, *, status: str = "Active", updated: str = "09/17/2018", **more: str) -> Row:
    """A district or agency."""
    return {"CDSCode": cds, "District": name, "DOC": doc, "StatusType": status, "LastUpDate": updated, **more}


def charter(cds: str, name: str, number: str, *, funding: str = "Directly funded", **more: str) -> Row:
    """A charter, listed among the schools of the district whose code it begins with."""
    about = {"School": name, "Charter": "Y", "CharterNum": number, "FundingType": funding}
    return row(cds, "its authorizer", "54", **{**about, **more})


def cells(columns: Sequence[str], one: Row) -> list[str]:
    """*one* in the order of *columns*."""
    return [_cell(column, one) for column in columns]


def _cell(column: str, one: Row) -> str:
    if column == "CD Code":
        return one["CDSCode"][:7]
    if column.startswith(("Adm", "Street", "Mail", "Phone", "Ext", "Fax", "Email")):
        return PERSONAL
    return one.get(column, "No Data")


def text(path: Path, columns: int, rows: Iterable[Row], *, encoding: str = "cp1252", title: str = "") -> Path:
    """A tab-separated file, as CDE publishes it."""
    header = COLUMNS[columns]
    lines = [title] if title else []
    lines += ["\t".join(header), *("\t".join(cells(header, one)) for one in rows)]
    path.write_bytes(("\r\n".join(lines) + "\r\n").encode(encoding))
    return path


def workbook(path: Path, columns: int, rows: Iterable[Row], *, title: str = "") -> Path:
    """A workbook, with a title above the header if there is one."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    if title:
        sheet.append([title])
    sheet.append(list(COLUMNS[columns]))
    for one in rows:
        sheet.append(cells(COLUMNS[columns], one))
    book.save(path)
    return path


def commas(path: Path, rows: Iterable[Row]) -> Path:
    """A comma-separated extract, with names of its own for the columns and ISO dates."""
    names = {
        "cds_code": "CDSCode",
        "nces_leaid": "NCESDist",
        "status": "StatusType",
        "district": "District",
        "school": "School",
        "city": "City",
        "zip": "Zip",
        "open_date": "OpenDate",
        "closed_date": "ClosedDate",
        "charter": "Charter",
        "charter_number": "CharterNum",
        "funding_type": "FundingType",
        "doc": "DOC",
        "grades_offered": "GSoffered",
        "last_updated": "LastUpDate",
    }
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        writer.writerows([one.get(theirs, "") for theirs in names.values()] for one in rows)
    return path
