"""What is asked and about whom, as callers read it."""

import httpx
import pytest

from tests.conftest import MakeKey, bearer

Headers = dict[str, str]


@pytest.fixture
async def reader(make_key: MakeKey) -> Headers:
    return bearer(await make_key(lea="19642120000000", scopes=["read"]))


async def test_an_indicator_says_what_counts_and_what_it_is_to_reach(client: httpx.AsyncClient, reader: Headers):
    listed = (await client.get("/v1/indicators", headers=reader)).json()
    assert listed["next"] is None
    [internet] = [one for one in listed["items"] if one["code"] == "home_internet"]
    [target] = internet["targets"]
    assert (target["student_group"], target["target_on"], target["percent"]) == ("ALL", "2025-06-30", 100)
    assert (internet["unit"], internet["cadence"], internet["counts_for_days"]) == ("students", "quarterly", 184)
    assert internet["is_in_plan"]
    assert internet["definition"]
    assert internet["source"]
    assert "indicator_id" not in internet


async def test_only_the_measures_of_the_plan_have_a_target(client: httpx.AsyncClient, reader: Headers):
    listed = (await client.get("/v1/indicators", headers=reader)).json()["items"]
    assert {one["code"] for one in listed if one["targets"]} == {one["code"] for one in listed if one["is_in_plan"]}


async def test_an_observation_counts_longer_than_its_cadence_is(client: httpx.AsyncClient, reader: Headers):
    listed = (await client.get("/v1/indicators", headers=reader)).json()["items"]
    longest = {"monthly": 31, "quarterly": 92, "yearly": 366, "once": 0}
    assert [one["code"] for one in listed if one["counts_for_days"] <= longest[one["cadence"]]] == []


async def test_the_pages_of_a_list_make_the_whole_list(client: httpx.AsyncClient, reader: Headers):
    for path in ("/v1/indicators", "/v1/student-groups"):
        whole = (await client.get(path, headers=reader)).json()["items"]
        pages, cursor = [], None
        while True:
            page = (
                await client.get(path, headers=reader, params={"limit": 5} | ({"cursor": cursor} if cursor else {}))
            ).json()
            pages += page["items"]
            cursor = page["next"]
            if cursor is None:
                break
            assert len(page["items"]) == 5
        assert pages == whole


async def test_a_cursor_of_another_list_is_refused(client: httpx.AsyncClient, reader: Headers):
    cursor = (await client.get("/v1/indicators", headers=reader, params={"limit": 1})).json()["next"]
    answer = await client.get("/v1/student-groups", headers=reader, params={"cursor": cursor})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["code"] == "invalid-cursor"


async def test_all_students_come_first_and_groups_carry_both_code_sets(client: httpx.AsyncClient, reader: Headers):
    groups = (await client.get("/v1/student-groups", headers=reader)).json()["items"]
    assert groups[0]["code"] == "ALL"
    codes = {one["code"]: (one["dashboard_code"], one["dataquest_code"]) for one in groups}
    assert codes["FOS"] == ("FOS", "SF")
    assert codes["LTEL"] == ("LTEL", None)
    assert codes["RD"] == (None, "RD")
    assert codes["JIY"] == (None, None)
    assert len(codes) == 18


async def test_what_the_caller_has_already_is_not_sent_again(client: httpx.AsyncClient, reader: Headers):
    for path in ("/v1/indicators", "/v1/student-groups"):
        first = await client.get(path, headers=reader)
        again = await client.get(path, headers=reader | {"If-None-Match": first.headers["ETag"]})
        assert (again.status_code, again.content) == (304, b"")


async def test_without_a_key_nothing_is_shown(client: httpx.AsyncClient):
    assert (await client.get("/v1/indicators")).status_code == 401
