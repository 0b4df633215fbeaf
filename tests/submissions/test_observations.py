"""Reading observations back: filters, pages, formats, and what was known when."""

import csv
import io
import json
from datetime import timedelta

import httpx

from equityaccess import clock
from tests.conftest import MakeKey, bearer

ABC = "19642120000000"
LAUSD = "19647330000000"


async def push(client: httpx.AsyncClient, key: dict[str, str], lea: str, *, days: int = 20, met: int = 5) -> None:
    rows = [
        {"indicator": indicator, "student_group": "ALL", "population": 18354, "met": met, "not_met": 1, "evidence": "B",
         "as_of": str(clock.today() - timedelta(days=day))}
        for day in range(days) for indicator in ("device", "home_internet")
    ]  # fmt: skip
    answer = await client.post("/v1/submissions", headers=key, json={"lea": lea, "observations": rows})
    assert answer.status_code == 201, answer.text


async def every_page(client: httpx.AsyncClient, key: dict[str, str], **parameters: object) -> list[dict[str, object]]:
    items: list[dict[str, object]] = []
    cursor: dict[str, object] = {}
    while True:
        page = (await client.get("/v1/observations", params={**parameters, **cursor}, headers=key)).json()
        items += page["items"]
        if page["next"] is None:
            return items
        cursor = {"cursor": page["next"]}


async def test_pages_give_every_observation_once_and_only_the_callers(
    client: httpx.AsyncClient, make_key: MakeKey
) -> None:
    mine, theirs = bearer(await make_key(lea=ABC)), bearer(await make_key(lea=LAUSD))
    await push(client, mine, ABC)
    await push(client, theirs, LAUSD, days=3)
    items = await every_page(client, mine, limit=7)
    assert len(items) == 40
    assert len({(item["indicator"], item["as_of"]) for item in items}) == 40
    assert {item["lea"] for item in items} == {ABC}
    assert (await client.get("/v1/observations", params={"lea": LAUSD}, headers=mine)).status_code == 403
    county = bearer(await make_key(scopes=["county"]))
    assert len(await every_page(client, county, limit=50)) == 46
    first = str(clock.today() - timedelta(days=4))
    assert len(await every_page(client, mine, indicator="device", **{"from": first})) == 5


async def test_a_correction_is_a_new_revision_and_what_was_known_before_stays(
    client: httpx.AsyncClient, make_key: MakeKey
) -> None:
    key = bearer(await make_key(lea=ABC))
    await push(client, key, ABC, days=1, met=5)
    then = clock.now()
    await push(client, key, ABC, days=1, met=6)
    now = await every_page(client, key, indicator="device")
    assert [(item["revision"], item["met"], item["superseded_at"]) for item in now] == [(2, 6, None)]
    before = await every_page(client, key, indicator="device", known_at=then.isoformat())
    assert [(item["revision"], item["met"], item["superseded_at"]) for item in before] == [(1, 5, None)]
    both = await every_page(client, key, indicator="device", every_revision="true")
    assert [item["revision"] for item in both] == [1, 2]
    assert both[0]["superseded_at"] == both[1]["recorded_at"]


async def test_csv_and_ndjson_hold_the_same_as_json(client: httpx.AsyncClient, make_key: MakeKey) -> None:
    key = bearer(await make_key(lea=ABC))
    await push(client, key, ABC)
    items = await every_page(client, key)
    ndjson = await client.get("/v1/observations", headers=key | {"Accept": "application/x-ndjson"})
    assert [json.loads(line) for line in ndjson.text.splitlines()] == items
    sheet = await client.get("/v1/observations", headers=key | {"Accept": "text/csv"})
    rows = list(csv.DictReader(io.StringIO(sheet.text)))
    assert [(row["lea"], row["as_of"], row["met"]) for row in rows] == [
        (i["lea"], i["as_of"], str(i["met"])) for i in items
    ]
    picture = await client.get("/v1/observations", headers=key | {"Accept": "image/png"})
    assert picture.status_code == 406
