"""Directory files are read in every layout, and nothing about people is."""

from datetime import date
from pathlib import Path

import pytest

from equityaccess.leas.cde_file import UnreadableFile, read_directory
from tests.leas import vintages
from tests.leas.vintages import PERSONAL, charter, row

ABC = row("19642120000000", "ABC Unified", "54", NCESDist="0601620", City="Cerritos", Zip="90703-1838")
GRATTS = charter(
    "19647330122630",
    "Para Los Niños - Evelyn Thurman Gratts Primary",
    "1187",
    OpenDate="08/16/2010",
    GSoffered="K-2",
    NCESDist="0622710",
    FederalDFCDistrictID="0602062",
)
SCHOOL = row("19642126010607", "ABC Unified", "54", School="Aloha Elementary", Charter="N")
BOTH = [ABC, GRATTS, SCHOOL]


@pytest.mark.parametrize("columns", [46, 49, 51])
@pytest.mark.parametrize("encoding", ["cp1252", "utf-8", "utf-8-sig"])
def test_schools_files_are_read_in_every_vintage_and_encoding(tmp_path: Path, columns: int, encoding: str):
    file = read_directory(vintages.text(tmp_path / "pubschls.txt", columns, BOTH, encoding=encoding))
    assert file.refused == []
    assert file.updated_on == date(2018, 9, 17)
    [district, school] = file.listed  # the school that is no charter is left out
    assert (district.cds, district.name, district.kind, district.nces) == (
        "19642120000000",
        "ABC Unified",
        "unified_district",
        "0601620",
    )
    assert (district.city, district.zip, district.charter_number, district.closed_on) == (
        "Cerritos",
        "90703-1838",
        None,
        None,
    )
    assert school.name == "Para Los Niños - Evelyn Thurman Gratts Primary"
    assert (school.kind, school.funding, school.charter_number) == ("charter", "direct", "1187")
    assert (school.authorizer_cds, school.opened_on, school.grades) == ("19647330000000", date(2010, 8, 16), "K-2")


def test_a_charters_nces_id_is_its_own_and_never_its_authorizers(tmp_path: Path):
    with_its_own = read_directory(vintages.text(tmp_path / "new.txt", 46, [GRATTS]))
    without = read_directory(vintages.text(tmp_path / "old.txt", 49, [GRATTS]))
    assert with_its_own.listed[0].nces == "0602062"
    assert without.listed[0].nces is None


def test_a_districts_file_has_seven_digits_and_no_charters(tmp_path: Path):
    [district] = read_directory(vintages.text(tmp_path / "pubdistricts.txt", 24, [ABC])).listed
    assert (district.cds, district.kind, district.nces) == ("19642120000000", "unified_district", None)


@pytest.mark.parametrize("title", ["", "Public Schools and Districts Data Files"])
def test_a_workbook_is_read_with_or_without_a_title_above_it(tmp_path: Path, title: str):
    text = read_directory(vintages.text(tmp_path / "pubschls.txt", 49, BOTH, title=title))
    book = read_directory(vintages.workbook(tmp_path / "pubschls.xlsx", 49, BOTH, title=title))
    assert book == text


def test_an_extract_with_commas_and_iso_dates_is_read_too(tmp_path: Path):
    file = read_directory(
        vintages.commas(tmp_path / "extract.csv", [{**GRATTS, "OpenDate": "2010-08-16", "LastUpDate": "2018-06-26"}])
    )
    assert file.listed[0].opened_on == date(2010, 8, 16)
    assert file.updated_on == date(2018, 6, 26)


@pytest.mark.parametrize(
    ("spoiled", "reason"),
    [
        ("1.91E+13", "rounded"),
        ("1.96473E+13", "rounded"),
        ("19647330000000.0", "decimals"),
        ("1100170000000", "13 digits"),
        ("110017", "6 digits"),
        ("19-64733-0000000", "dashes"),
        ("\uff11\uff19" + "\uff10" * 12, "not a code"),
        ("No Data", "not a code"),
    ],
)
def test_a_code_that_lost_digits_is_refused_with_its_row_and_the_others_are_read(
    tmp_path: Path, spoiled: str, reason: str
):
    rows = [ABC, {**ABC, "CDSCode": spoiled}]
    file = read_directory(vintages.text(tmp_path / "pubschls.txt", 49, rows, encoding="utf-8"))
    [refused] = file.refused
    assert refused.row == 2
    assert reason in refused.reason
    assert [lea.cds for lea in file.listed] == ["19642120000000"]


def test_a_date_that_is_none_and_a_status_that_is_none_are_refused(tmp_path: Path):
    rows = [{**ABC, "OpenDate": "31/12/2018"}, {**ABC, "StatusType": "Asleep"}]
    file = read_directory(vintages.text(tmp_path / "pubschls.txt", 49, rows))
    assert ["is not a date" in one.reason or "Asleep" in one.reason for one in file.refused] == [True, True]


def test_a_file_that_is_no_directory_is_refused_as_a_whole(tmp_path: Path):
    other = tmp_path / "other.csv"
    other.write_text("name,students\nABC Unified,18354\n")
    with pytest.raises(UnreadableFile, match="header"):
        read_directory(other)
    (tmp_path / "empty.txt").write_bytes(b"")
    with pytest.raises(UnreadableFile):
        read_directory(tmp_path / "empty.txt")


def test_columns_about_people_are_in_nothing_that_is_read(tmp_path: Path):
    path = vintages.text(tmp_path / "pubschls.txt", 49, BOTH)
    assert PERSONAL in path.read_text(encoding="cp1252")
    assert PERSONAL not in repr(read_directory(path))
    assert PERSONAL not in repr(read_directory(vintages.workbook(tmp_path / "pubschls.xlsx", 49, BOTH)))
