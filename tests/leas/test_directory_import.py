"""The real life cycle of LEAs, from directory files into the directory."""

import argparse
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path

import pytest

from equityaccess.cli import parser
from equityaccess.commands import directory
from equityaccess.database import Database, Query, connect
from equityaccess.leas import store
from equityaccess.leas.cde_file import read_directory
from equityaccess.leas.directory import NotApplied, apply_directory, compare_directory, day_of
from tests.conftest import settings_for
from tests.leas import vintages
from tests.leas.vintages import PERSONAL, charter, row

TODAY = date(2026, 11, 20)
LACOE = row("19101990000000", "Los Angeles County Office of Education", "00", NCESDist="0691078")
ABC = row("19642120000000", "ABC Unified", "54", NCESDist="0601620")
EAST_WHITTIER = row("19643390000000", "East Whittier City Elementary", "52")
LAUSD = row("19647330000000", "Los Angeles Unified", "54", NCESDist="0622710")
LOWELL = row("19647660000000", "Lowell Joint", "52", NCESDist="0623010")
MOVED_LOWELL = {**LOWELL, "CDSCode": "30647660000000"}
LA_PUENTE = row("19740880000000", "La Puente Valley ROP", "98", NCESDist="0600103")
SAN_GABRIEL = row("19741950000000", "East San Gabriel Valley ROP", "98", NCESDist="0600105")
HIMALIA_SBE = row("19770810000000", "SBE - Celerity Himalia", "02", NCESDist="0601446")
HIMALIA = charter("19770810135954", "Celerity Himalia Charter", "1858", OpenDate="08/17/2017")
LASHON = charter("19647330128025", "Lashon Academy", "1560", OpenDate="08/13/2013")

IN_2018 = [LACOE, ABC, EAST_WHITTIER, LAUSD, LOWELL, LA_PUENTE, SAN_GABRIEL, HIMALIA_SBE, HIMALIA, LASHON]
DISTRICTS_IN_2022 = [
    LACOE,
    ABC,
    EAST_WHITTIER,
    LAUSD,
    MOVED_LOWELL,
    {**SAN_GABRIEL, "District": "San Gabriel Valley Regional Occupational Program"},
    row("19772890000000", "SBE - Los Angeles College Prep Academy", "02"),
]
SCHOOLS_IN_2022 = [
    *DISTRICTS_IN_2022,
    {**HIMALIA, "StatusType": "Closed", "ClosedDate": "06/30/2021"},
    charter("19647330135954", "ISANA Himalia Academy", "1858", OpenDate="08/17/2017"),
    {**LASHON, "CDSCode": "19101990128025"},
]


@pytest.fixture
async def owner(empty_url: str) -> AsyncIterator[Database]:
    """A database without any LEA, in the role that keeps the directory."""
    db = await connect(settings_for(empty_url), role="owner")
    yield db
    await db.close()


async def imported(db: Database, path: Path, as_of: date) -> list[tuple[str, str]]:
    """Apply the file; what happened to whom."""
    done = await apply_directory(db, read_directory(path), as_of, TODAY)
    return [(change.what, change.cds) for change in done.changes]


async def history(db: Database, cds: str) -> list[tuple[str, str, str]]:
    """The periods of the LEA that has or had this code: name, from, to."""
    asked = Query(
        "history",
        """
        SELECT p.name, p.valid_from::text, p.valid_to::text
          FROM lea_period p JOIN identifier i USING (lea_id)
         WHERE i.scheme = 'cds' AND i.code = $1
         ORDER BY p.valid_from
        """,
        ("cds",),
    )
    async with db.transaction(role="owner") as tx:
        return await tx.rows(asked, cds=cds)  # type: ignore[return-value]


async def known(db: Database) -> dict[str, store.KnownLea]:
    """Every code and its LEA."""
    async with db.transaction(role="owner") as tx:
        return {lea.cds: lea for lea in await store.known_leas(tx)}


async def test_the_life_cycle_from_2018_to_2022_by_the_file_of_districts(owner: Database, tmp_path: Path):
    schools = vintages.text(tmp_path / "pubschls.txt", 49, IN_2018)
    districts = vintages.text(tmp_path / "pubdistricts.txt", 24, DISTRICTS_IN_2022)
    first = await imported(owner, schools, date(2018, 6, 26))
    assert first == [("added", one["CDSCode"]) for one in sorted(IN_2018, key=lambda one: one["CDSCode"])]
    assert await imported(owner, districts, date(2022, 1, 2)) == [
        ("added", "19772890000000"),
        ("closed", "19740880000000"),
        ("closed", "19770810000000"),
        ("moved", "30647660000000"),
        ("renamed", "19741950000000"),
    ]
    leas = await known(owner)
    assert leas["19647660000000"].lea_id == leas["30647660000000"].lea_id
    assert leas["19647660000000"].valid_to == leas["30647660000000"].valid_from == date(2022, 1, 2)
    assert await history(owner, "19741950000000") == [
        ("East San Gabriel Valley ROP", "2018-06-26", "2022-01-02"),
        ("San Gabriel Valley Regional Occupational Program", "2022-01-02", "infinity"),
    ]
    assert await history(owner, "19740880000000") == [("La Puente Valley ROP", "2018-06-26", "2022-01-02")]
    assert leas["19740880000000"].valid_to == date(2022, 1, 2)
    assert leas["19647330128025"].open_to == date.max  # a charter, of which a file of districts knows nothing


async def test_the_life_cycle_by_the_file_of_schools_moves_charters_by_their_number(owner: Database, tmp_path: Path):
    await imported(owner, vintages.text(tmp_path / "old.txt", 49, IN_2018), date(2018, 6, 26))
    before = await known(owner)
    done = await imported(owner, vintages.text(tmp_path / "new.txt", 46, SCHOOLS_IN_2022), date(2022, 1, 2))
    moved = {cds for what, cds in done if what == "moved"}
    assert moved == {"30647660000000", "19647330135954", "19101990128025"}
    after = await known(owner)
    assert after["19647330135954"].lea_id == before["19770810135954"].lea_id
    assert after["19647330135954"].authorizer_id == after["19647330000000"].lea_id
    assert after["19101990128025"].authorizer_id == after["19101990000000"].lea_id
    assert [name for name, *_ in await history(owner, "19647330135954")] == [
        "Celerity Himalia Charter",
        "ISANA Himalia Academy",
    ]


@pytest.mark.parametrize("write", [vintages.text, vintages.workbook])
async def test_applying_a_file_twice_changes_nothing(owner: Database, tmp_path: Path, write):
    suffix = "xlsx" if write is vintages.workbook else "txt"
    await imported(owner, vintages.text(tmp_path / "old.txt", 49, IN_2018), date(2018, 6, 26))
    path = write(tmp_path / f"new.{suffix}", 51, SCHOOLS_IN_2022)
    await imported(owner, path, date(2022, 1, 2))
    again = await compare_directory(owner, read_directory(path), date(2022, 1, 2))
    assert again.changes == []
    assert await imported(owner, path, date(2022, 1, 2)) == []


async def test_two_files_of_one_day_make_one_period(owner: Database, tmp_path: Path):
    await imported(owner, vintages.text(tmp_path / "one.txt", 49, [ABC]), date(2022, 1, 2))
    other = {**ABC, "District": "ABC Unified School District"}
    assert await imported(owner, vintages.text(tmp_path / "two.txt", 49, [other]), date(2022, 1, 2)) == [
        ("renamed", "19642120000000")
    ]
    assert await history(owner, "19642120000000") == [("ABC Unified School District", "2022-01-02", "infinity")]


async def test_an_lea_that_opens_again_has_a_gap(owner: Database, tmp_path: Path):
    for year, rows in ((2018, IN_2018), (2020, [one for one in IN_2018 if one is not ABC]), (2022, IN_2018)):
        await imported(owner, vintages.text(tmp_path / f"{year}.txt", 49, rows), date(year, 7, 1))
    assert await history(owner, "19642120000000") == 2 * [("ABC Unified", "2018-07-01", "2020-07-01")] + 2 * [
        ("ABC Unified", "2022-07-01", "infinity")
    ]  # twice, because it has its code twice


async def test_the_seeded_directory_knows_the_districts_of_2022(database_url: str, tmp_path: Path):
    owner = await connect(settings_for(database_url), role="owner")
    async with owner.transaction(role="owner") as tx:
        leas = [lea for lea in await store.held_on(tx, date(2022, 1, 2)) if lea.is_open and lea.kind != "charter"]
    docs = {
        "county_office": "00",
        "sbe_charter": "02",
        "elementary_district": "52",
        "unified_district": "54",
        "high_school_district": "56",
        "rocp": "98",
    }
    rows = [row(lea.cds, lea.name, docs[lea.kind]) for lea in leas]
    comparison = await compare_directory(
        owner, read_directory(vintages.text(tmp_path / "pubdistricts.txt", 24, rows)), date(2022, 1, 2)
    )
    await owner.close()
    assert len(rows) == 96  # 95 of county 19, and Lowell Joint
    assert (comparison.changes, comparison.undecided, comparison.unchanged_count) == ([], [], 96)


async def test_a_file_older_than_what_is_known_is_compared_and_not_applied(owner: Database, tmp_path: Path):
    await imported(owner, vintages.text(tmp_path / "new.txt", 49, SCHOOLS_IN_2022), date(2022, 1, 2))
    old = vintages.text(tmp_path / "old.txt", 49, IN_2018)
    assert (await compare_directory(owner, read_directory(old), date(2018, 6, 26))).changes
    with pytest.raises(NotApplied, match="2022-01-02"):
        await imported(owner, old, date(2018, 6, 26))


async def test_a_file_with_a_spoiled_code_is_not_applied_at_all(owner: Database, tmp_path: Path):
    path = vintages.text(tmp_path / "pubschls.txt", 49, [ABC, {**LAUSD, "CDSCode": "1.96473E+13"}])
    with pytest.raises(NotApplied, match="refused"):
        await imported(owner, path, date(2022, 1, 2))
    assert await known(owner) == {}


async def test_nothing_about_people_is_stored(owner: Database, tmp_path: Path):
    await imported(owner, vintages.text(tmp_path / "pubschls.txt", 49, IN_2018), date(2018, 6, 26))
    stored = Query(
        "stored",
        "SELECT count(*) FROM lea_period p WHERE CAST(p AS text) LIKE '%' || $1 || '%'",
        ("text",),
    )
    async with owner.transaction(role="owner") as tx:
        assert await tx.value(stored, text="Lowell Joint") == 1
        assert await tx.value(stored, text=PERSONAL) == 0


def test_the_day_of_a_file_is_that_of_its_newest_row_unless_it_is_given(tmp_path: Path):
    file = read_directory(vintages.text(tmp_path / "f.txt", 49, [ABC, {**LAUSD, "LastUpDate": "12/22/2021"}]))
    assert day_of(file, None, TODAY) == date(2021, 12, 22)
    assert day_of(file, date(2022, 1, 2), TODAY) == date(2022, 1, 2)
    with pytest.raises(NotApplied, match="still to come"):
        day_of(file, date(2026, 11, 21), TODAY)
    undated = read_directory(vintages.text(tmp_path / "g.txt", 49, [{**ABC, "LastUpDate": "No Data"}]))
    with pytest.raises(NotApplied, match="--as-of"):
        day_of(undated, None, TODAY)


def arguments(*given: str) -> argparse.Namespace:
    """The command line ``equityaccess directory import …``."""
    return parser().parse_args(["directory", "import", *given])


def run(url: str, *given: str) -> int:
    """Run the command on a database."""
    return directory.run(arguments(*given), settings_for(url))


def test_the_command_shows_what_would_change_and_writes_nothing(empty_url: str, tmp_path: Path, capsys):
    path = vintages.text(tmp_path / "pubschls.txt", 49, IN_2018)
    for _ in range(2):
        assert run(empty_url, str(path), "--as-of", "2018-06-26") == 0
        shown = capsys.readouterr().out
        assert "Added: 10" in shown
        assert "19647660000000  Lowell Joint (elementary district, 2018-06-26)" in shown
        assert "Nothing was written" in shown


def test_the_command_applies_a_file_and_shows_a_move(empty_url: str, tmp_path: Path, capsys):
    run(empty_url, str(vintages.text(tmp_path / "old.txt", 49, IN_2018)), "--as-of", "2018-06-26", "--apply")
    new = str(vintages.text(tmp_path / "new.txt", 24, DISTRICTS_IN_2022))
    capsys.readouterr()
    assert run(empty_url, new, "--as-of", "2022-01-02", "--apply") == 0
    shown = capsys.readouterr().out
    assert "30647660000000  Lowell Joint (cds 19647660000000 -> 30647660000000)" in shown
    assert "Written as of 2022-01-02." in shown
    assert run(empty_url, new, "--as-of", "2022-01-02", "--apply") == 0
    assert "Unchanged: 7." in capsys.readouterr().out


def test_the_command_does_not_promise_to_write_what_it_would_refuse(empty_url: str, tmp_path: Path, capsys):
    old = str(vintages.text(tmp_path / "old.txt", 49, IN_2018))
    new = str(vintages.text(tmp_path / "new.txt", 24, DISTRICTS_IN_2022))
    run(empty_url, old, "--as-of", "2018-06-26", "--apply")
    run(empty_url, new, "--as-of", "2022-01-02", "--apply")
    capsys.readouterr()
    between = str(vintages.text(tmp_path / "between.txt", 49, [{**ABC, "District": "ABC"}]))
    assert run(empty_url, between, "--as-of", "2019-01-01") == 0
    shown = capsys.readouterr().out
    assert "Nothing was written. --apply would be refused: the directory already knows of changes up to" in shown
    assert "would write" not in shown


def test_the_command_names_refused_rows_and_fails(empty_url: str, tmp_path: Path, capsys):
    path = vintages.text(tmp_path / "pubschls.txt", 49, [ABC, {**LAUSD, "CDSCode": "1.96473E+13"}])
    assert run(empty_url, str(path), "--as-of", "2022-01-02", "--apply") == 1
    said = capsys.readouterr()
    assert "row 2 refused: 1.96473E+13" in said.err
    assert "Written" not in said.out


def test_the_command_refuses_what_is_no_directory(empty_url: str, tmp_path: Path, capsys):
    other = tmp_path / "other.csv"
    other.write_text("name,students\nABC Unified,18354\n")
    assert run(empty_url, str(other)) == 1
    assert "not a directory of CDE" in capsys.readouterr().err
