"""The directory as callers read it."""

import httpx
import pytest

from equityaccess.leas.structs import GroupCount
from equityaccess.leas.withholding import withheld
from tests.conftest import MakeKey, bearer

Headers = dict[str, str]
ABC = "19642120000000"
LAUSD = "19647330000000"
OLD_LOWELL, NEW_LOWELL = "19647660000000", "30647660000000"


@pytest.fixture
def empty_url(database_url: str) -> str:
    """The database of ``client`` and ``make_key`` holds the reference data here."""
    return database_url


@pytest.fixture
async def reader(make_key: MakeKey) -> Headers:
    return bearer(await make_key(lea=ABC, scopes=["read"]))


async def names(client: httpx.AsyncClient, headers: Headers, **query: object) -> list[str]:
    """The names on every page."""
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        answer = await client.get("/v1/leas", headers=headers, params={**query, **cursor})
        assert answer.status_code == 200, answer.text
        found += [lea["name"] for lea in answer.json()["items"]]
        if answer.json()["next"] is None:
            return found
        cursor = {"cursor": answer.json()["next"]}


async def test_every_open_lea_stands_once_in_the_pages(client: httpx.AsyncClient, reader: Headers):
    assert len(await names(client, reader, limit=100)) == 474 - 7  # seven have closed
    assert await names(client, reader, limit=3, kind="county_office") == ["Los Angeles County Office of Education"]


async def test_pages_of_any_size_make_the_same_list(client: httpx.AsyncClient, reader: Headers):
    whole = await names(client, reader, limit=500, kind="elementary_district")
    assert await names(client, reader, limit=4, kind="elementary_district") == whole
    assert len(whole) == 27


async def test_the_list_shows_who_was_open_on_a_day_and_what_they_were_then(client: httpx.AsyncClient, reader: Headers):
    query = {"kind": "elementary_district", "county": "19"}
    assert "Lowell Joint" in await names(client, reader, on="2021-06-30", **query)
    assert "Lowell Joint" not in await names(client, reader, on="2021-07-01", **query)
    then = await client.get("/v1/leas", headers=reader, params={"q": "lowell", "on": "2021-06-30"})
    now = await client.get("/v1/leas", headers=reader, params={"q": "lowell"})
    assert then.json()["items"][0]["code"] == OLD_LOWELL
    assert now.json()["items"][0]["code"] == NEW_LOWELL


async def test_part_of_a_name_in_any_case_finds_it_and_a_sign_stands_for_itself(
    client: httpx.AsyncClient, reader: Headers
):
    assert await names(client, reader, q="ABC unif") == ["ABC Unified"]
    assert await names(client, reader, q="%") == []


async def test_the_charters_of_an_authorizer_are_those_it_authorizes(client: httpx.AsyncClient, reader: Headers):
    answer = await client.get("/v1/leas", headers=reader, params={"authorizer": "19756630000000"})
    [charter] = answer.json()["items"]
    assert (charter["name"], charter["authorizer"], charter["funding"]) == (
        "New West Charter",
        "19756630000000",
        "direct",
    )
    assert len(await names(client, reader, authorizer=LAUSD, limit=500)) == 275


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"kind": "school"}, "/query/kind"),
        ({"on": "soon"}, "/query/on"),
        ({"county": "LA"}, "/query/county"),
        ({"authorizer": "19642120000001"}, "/query/authorizer"),
        ({"q": ""}, "/query/q"),
        ({"limit": "0"}, "/query/limit"),
        ({"cursor": "WyIAIiwiYSJd"}, "/query/cursor"),
        ({"name": "ABC"}, "/query/name"),
    ],
)
async def test_a_filter_that_cannot_be_meant_is_refused(
    client: httpx.AsyncClient, reader: Headers, query: dict[str, str], pointer: str
):
    answer = await client.get("/v1/leas", headers=reader, params=query)
    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [pointer]


async def test_present_and_former_codes_lead_to_the_same_lea(client: httpx.AsyncClient, reader: Headers):
    former = await client.get(f"/v1/leas/{OLD_LOWELL}", headers=reader)
    present = await client.get(f"/v1/leas/{NEW_LOWELL}", headers=reader)
    assert former.json() == present.json()
    lea = present.json()
    assert (lea["code"], lea["is_open"]) == (NEW_LOWELL, True)
    assert [(one["county_code"], one["valid_from"], one["valid_to"]) for one in lea["periods"]] == [
        ("19", "2018-07-01", "2021-07-01"),
        ("30", "2021-07-01", None),
    ]
    assert [(one["scheme"], one["code"], one["valid_to"]) for one in lea["identifiers"]] == [
        ("cds", OLD_LOWELL, "2021-07-01"),
        ("nces", "0623010", None),
        ("cds", NEW_LOWELL, None),
    ]


async def test_a_closed_lea_is_shown_as_it_last_was(client: httpx.AsyncClient, reader: Headers):
    lea = (await client.get("/v1/leas/19740880000000", headers=reader)).json()
    assert (lea["name"], lea["code"], lea["is_open"]) == ("La Puente Valley ROP", "19740880000000", False)
    assert lea["periods"][-1]["valid_to"] == "2022-01-02"


async def test_an_lea_shows_its_authorizer_its_charters_and_its_enrollment(client: httpx.AsyncClient, reader: Headers):
    district = (await client.get(f"/v1/leas/{LAUSD}", headers=reader)).json()
    assert district["charters_count"] == 275
    assert [(year["school_year"], year["census_on"]) for year in district["enrollment"]] == [
        ("2018-19", "2018-10-03"),
        ("2022-23", "2022-10-05"),
    ]
    [charter] = (
        await client.get("/v1/leas", headers=reader, params={"q": "new west charter", "kind": "charter"})
    ).json()["items"]
    charter = (await client.get(f"/v1/leas/{charter['code']}", headers=reader)).json()
    assert charter["periods"][0]["authorizer"] == "19756630000000"
    assert charter["enrollment"][0]["groups"] == [{"student_group": "ALL", "students": 997, "is_withheld": False}]
    assert charter["enrollment"][0]["includes_charters"] is False


async def test_small_groups_are_shown_to_the_lea_and_the_county_only(client: httpx.AsyncClient, make_key: MakeKey):
    arcadia = "19642610000000"  # ten foster youth in October 2018
    own = bearer(await make_key(lea=arcadia, scopes=["read"]))
    county = bearer(await make_key(scopes=["county"]))
    other = bearer(await make_key(lea=ABC, scopes=["read"]))

    async def foster(headers: Headers) -> object:
        lea = (await client.get(f"/v1/leas/{arcadia}", headers=headers)).json()
        [group] = [one for one in lea["enrollment"][0]["groups"] if one["student_group"] == "FOS"]
        return group["students"], group["is_withheld"]

    assert await foster(own) == await foster(county) == (10, False)
    assert await foster(other) == (None, True)


async def test_an_unknown_code_is_not_found_and_the_nearest_are_named(client: httpx.AsyncClient, reader: Headers):
    for code in ("19642120000001", "19-64212-0000000", "nobody"):
        answer = await client.get(f"/v1/leas/{code}", headers=reader)
        assert answer.status_code == 404
    assert "ABC Unified" in (await client.get("/v1/leas/19642120000001", headers=reader)).json()["detail"]


async def test_what_the_caller_has_already_is_not_sent_again(client: httpx.AsyncClient, reader: Headers):
    for path in ("/v1/leas", f"/v1/leas/{ABC}"):
        first = await client.get(path, headers=reader)
        again = await client.get(path, headers=reader | {"If-None-Match": first.headers["ETag"]})
        assert (again.status_code, again.content) == (304, b"")


def groups(**students: int) -> list[GroupCount]:
    """Counts of one LEA and year."""
    kinds = {"ALL": "all", "EL": "program", "FOS": "program"}
    return [
        GroupCount(
            school_year="2022-23",
            census_on="2022-10-05",  # type: ignore[arg-type]
            includes_charters=True,
            source="a test",
            student_group=group,
            kind=kinds.get(group, "race_ethnicity"),  # type: ignore[arg-type]
            students=count,
        )
        for group, count in students.items()
    ]


def test_ten_students_are_withheld_and_eleven_or_none_are_shown():
    assert withheld(groups(ALL=500, EL=11, FOS=10)) == {"FOS"}
    assert withheld(groups(ALL=500, EL=0, FOS=1)) == {"FOS"}


def test_one_small_race_takes_the_next_smallest_along_so_that_the_total_gives_nothing_away():
    assert withheld(groups(ALL=300, AA=3, AI=0, AS=97, WH=200)) == {"AA", "AS"}


def test_small_races_that_are_few_even_together_take_another_along():
    assert withheld(groups(ALL=300, AA=3, AI=4, AS=93, WH=200)) == {"AA", "AI", "AS"}
    assert withheld(groups(ALL=300, AA=6, AI=7, AS=87, WH=200)) == {"AA", "AI"}
