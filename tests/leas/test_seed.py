"""The reference data: what the county adds up to, and that seeding twice changes nothing."""

from collections.abc import AsyncIterator
from datetime import date

import pytest

from equityaccess.catalogue.reference import read_reference, reference_folder
from equityaccess.database import Database, Query, connect
from equityaccess.leas import store
from equityaccess.leas.school_year import census_day, first_day, planned_years
from equityaccess.leas.seed import seed
from equityaccess.leas.structs import ChangeRow
from tests.conftest import settings_for

TODAY = date(2026, 11, 20)

# A family is an authorizer with its charters; its head's enrollment holds them all.
HEADS = Query(
    "heads",
    """
    SELECT sum(e.students)
      FROM enrollment e
      JOIN student_group g USING (student_group_id)
      JOIN lea_period p ON p.lea_id = e.lea_id AND e.census_on >= p.valid_from AND e.census_on < p.valid_to
     WHERE g.code = 'ALL' AND e.school_year = $1 AND e.includes_charters AND p.county_code = '19'
    """,
    ("year",),
)


async def test_the_families_of_2022_23_add_up_to_the_county(database: Database):
    async with database.transaction() as tx:
        assert await tx.value(HEADS, year="2022-23") == 1_313_935


async def test_the_districts_of_2018_19_add_up_to_the_county(database: Database):
    async with database.transaction() as tx:
        assert await tx.value(HEADS, year="2018-19") == 1_451_558


async def test_no_charter_of_a_family_enrolls_more_than_its_head(database: Database):
    too_many = Query(
        "too_many",
        """
        SELECT h.lea_id
          FROM enrollment h
          JOIN lea_period p ON p.authorizer_id = h.lea_id
          JOIN enrollment e ON (e.lea_id, e.school_year, e.student_group_id)
                             = (p.lea_id, h.school_year, h.student_group_id)
         GROUP BY h.lea_id, h.school_year, h.student_group_id, h.students
        HAVING sum(e.students) > h.students
        """,
        (),
    )
    async with database.transaction() as tx:
        assert await tx.values(too_many) == []


async def test_seeding_again_changes_nothing_and_says_so(empty_url: str):
    owner = await connect(settings_for(empty_url), role="owner")
    first = await seed(owner, TODAY)
    second = await seed(owner, TODAY)
    await owner.close()
    assert "student_group: 18 added" in first
    assert "lea: 474 added" in first  # 103 agencies and 371 charters
    assert second == ["nothing changed"]


async def test_seeding_mends_a_row_that_differs(empty_url: str):
    owner = await connect(settings_for(empty_url), role="owner")
    await seed(owner, TODAY)
    async with owner.transaction(role="owner") as tx:
        await tx.execute(Query("spoil", "UPDATE indicator SET name = 'Internet' WHERE code = 'home_internet'", ()))
    assert await seed(owner, TODAY) == ["indicator: 1 updated"]
    await owner.close()


async def test_a_new_school_year_adds_what_is_expected(empty_url: str):
    owner = await connect(settings_for(empty_url), role="owner")
    await seed(owner, date(2026, 6, 30))
    said = await seed(owner, date(2026, 7, 1))
    await owner.close()
    assert [line.partition(":")[0] for line in said] == ["expectation"]


async def test_lowell_joint_is_one_lea_with_two_codes(database: Database):
    async with database.transaction() as tx:
        known = {lea.cds: lea for lea in await store.known_leas(tx)}
    before, after = known["19647660000000"], known["30647660000000"]
    assert before.lea_id == after.lea_id
    assert before.valid_to == after.valid_from == date(2021, 7, 1)
    assert (after.open_from, after.open_to) == (date(2018, 7, 1), date.max)


async def test_a_closed_lea_is_known_with_the_day_it_closed(database: Database):
    async with database.transaction() as tx:
        [lea] = [lea for lea in await store.known_leas(tx) if lea.cds == "19740880000000"]
    assert (lea.name, lea.open_to, lea.valid_to) == ("La Puente Valley ROP", date(2022, 1, 2), date(2022, 1, 2))


async def test_a_charter_has_its_authorizer_and_a_district_none(database: Database):
    async with database.transaction() as tx:
        known = {lea.cds: lea for lea in await store.known_leas(tx)}
    charters = [lea for lea in known.values() if lea.kind == "charter"]
    assert len(charters) == 371
    named = {lea.name: lea for lea in charters}
    assert named["New West Charter"].authorizer_id == known["19756630000000"].lea_id
    assert all(lea.authorizer_id is not None and lea.funding is not None for lea in charters)
    assert all(lea.authorizer_id is None for lea in known.values() if lea.kind != "charter")


async def test_every_change_that_is_recorded_is_in_the_directory(database: Database):
    changes = read_reference(reference_folder() / "lea_changes.csv", ChangeRow)
    async with database.transaction() as tx:
        known = {lea.cds: lea for lea in await store.known_leas(tx)}
        for change in changes:
            before, after = known.get(change.cds or ""), known.get(change.new_cds or "")
            match change.change:
                case "opened":
                    assert after
                    assert (after.open_from, after.name) == (change.changed_on, change.new_name)
                case "closed":
                    assert before
                    assert (before.open_to, before.name) == (change.changed_on, change.name)
                case "moved":
                    assert before
                    assert after
                    assert before.lea_id == after.lea_id
                    assert before.valid_to == after.valid_from == change.changed_on
                case "renamed":
                    assert before
                    names = [(one.name, one.valid_from) for one in await store.periods(tx, before.lea_id, TODAY)]
                    assert names[1:] == [(change.new_name, change.changed_on)]
                    assert names[0][0] == change.name
    assert {change.change for change in changes} == {"opened", "closed", "moved", "renamed"}


EXPECTED = Query(
    "expected",
    """
    SELECT p.kind, i.code, e.period_from, e.period_to, e.due_on
      FROM expectation e
      JOIN indicator i USING (indicator_id)
      JOIN identifier c ON c.lea_id = e.lea_id AND c.scheme = 'cds'
      JOIN lea_period p ON p.lea_id = e.lea_id AND p.valid_to = 'infinity'
     WHERE c.code = $1
     ORDER BY e.period_from, i.code
    """,
    ("cds",),
)


@pytest.fixture
async def in_november(empty_url: str) -> AsyncIterator[Database]:
    """The reference data as seeded on 20 November 2026."""
    owner = await connect(settings_for(empty_url), role="owner")
    await seed(owner, TODAY)
    yield owner
    await owner.close()


async def test_a_district_is_asked_in_school_years_by_cadence(in_november: Database):
    async with in_november.transaction() as tx:
        rows = await tx.rows(EXPECTED, cds="19642120000000")
    months = [row for row in rows if row[1] == "parent_portal"]
    quarters = [row for row in rows if row[1] == "home_internet"]
    years = [row for row in rows if row[1] == "digital_literacy"]
    assert (len(months), len(quarters), len(years)) == (24, 8, 2)
    assert months[0][2:] == (date(2025, 7, 1), date(2025, 8, 1), date(2025, 8, 15))
    assert quarters[1][2:] == (date(2025, 10, 1), date(2026, 1, 1), date(2026, 1, 30))
    assert years[-1][2:] == (date(2026, 7, 1), date(2027, 7, 1), date(2027, 7, 31))
    assert not {row[1] for row in rows} & {"court_school_access", "acs_children_connected"}


async def test_court_schools_are_asked_of_the_county_office_only(in_november: Database):
    async with in_november.transaction() as tx:
        asked = Query(
            "asked",
            """
            SELECT DISTINCT e.lea_id FROM expectation e JOIN indicator i USING (indicator_id)
             WHERE i.code = 'court_school_access'
            """,
            (),
        )
        lacoe = {lea.cds: lea.lea_id for lea in await store.known_leas(tx)}["19101990000000"]
        assert await tx.values(asked) == [lacoe]


@pytest.mark.parametrize(
    ("cds", "who"),
    [
        ("30647660000000", "left the county"),
        ("19756630000000", "stands for a charter"),
        ("19744430000000", "has no students"),
    ],
)
async def test_who_does_not_report_for_itself_is_asked_for_nothing(in_november: Database, cds: str, who: str):
    async with in_november.transaction() as tx:
        assert await tx.rows(EXPECTED, cds=cds) == [], who


async def test_a_locally_funded_charter_reports_with_its_district(in_november: Database):
    async with in_november.transaction() as tx:
        charters = [lea for lea in await store.known_leas(tx) if lea.kind == "charter"]
        local = next(lea for lea in charters if lea.funding == "local")
        direct = next(lea for lea in charters if lea.funding == "direct")
        assert await tx.rows(EXPECTED, cds=local.cds) == []
        assert await tx.rows(EXPECTED, cds=direct.cds) != []


async def test_an_lea_that_closes_is_no_longer_expected_to_report(in_november: Database):
    close = Query(
        "close",
        """
        UPDATE lea_period SET valid_to = DATE '2026-12-15'
         WHERE lea_id = (SELECT lea_id FROM identifier WHERE scheme = 'cds' AND code = '19642120000000')
        """,
        (),
    )
    async with in_november.transaction(role="owner") as tx:
        await tx.execute(close)
        actions = await store.plan_expectations(tx, *planned_years(TODAY))
        last = Query(
            "last",
            """
            SELECT max(e.period_to) FROM expectation e JOIN identifier i USING (lea_id)
             WHERE i.code = '19642120000000'
            """,
            (),
        )
        assert set(actions) == {"DELETE"}
        assert await tx.value(last) == date(2026, 12, 1)


def test_census_day_is_the_first_wednesday_of_october():
    assert census_day("2022-23") == date(2022, 10, 5)
    assert census_day("2018-19") == date(2018, 10, 3)
    assert census_day("2025-26") == date(2025, 10, 1)


@pytest.mark.parametrize("written", ["2022", "2022-24", "2022/23", "22-23"])
def test_a_school_year_is_written_one_way_only(written: str):
    with pytest.raises(ValueError, match="school year"):
        census_day(written)


def test_the_school_year_begins_in_july():
    assert first_day(date(2026, 6, 30)) == date(2025, 7, 1)
    assert first_day(date(2026, 7, 1)) == date(2026, 7, 1)
