"""A district pushes: what comes back, what is stored, what the county sees."""

import json
from datetime import timedelta

import httpx
import pytest

from equityaccess import clock
from equityaccess.coverage import jobs
from equityaccess.database import Database
from tests.conftest import MakeKey, bearer

ABC = "19642120000000"
LAUSD = "19647330000000"


def a_push(**changes: object) -> dict[str, object]:
    """The push of the README."""
    observation: dict[str, object] = {
        "indicator": "home_internet", "student_group": "ALL", "population": 18354, "met": 17102, "not_met": 611,
        "not_applicable": 0, "evidence": "C",
        "breakdown": {"met_by_family": 15200, "met_by_lea": 1902,
                      "barrier_not_affordable": 380, "barrier_not_available": 231},
    }  # fmt: skip
    document = {"lea": ABC, "as_of": str(clock.today() - timedelta(days=3)), "source": "SIS nightly export"}
    return document | {"observations": [observation | changes]}


@pytest.mark.parametrize("is_aggregated", [True, False])
async def test_what_a_push_changes_is_told_from_what_was_known_aggregated_or_not(
    client: httpx.AsyncClient, make_key: MakeKey, database: Database, is_aggregated: bool
) -> None:
    key = bearer(await make_key(lea=ABC))
    (first,) = (await client.post("/v1/submissions", json=a_push(), headers=key)).json()["effect"]
    if is_aggregated:
        async with database.transaction(role="aggregator") as tx:
            assert await jobs.aggregate_coverage(tx, clock.now())
    for met in (17_000, 16_000):
        (then,) = (await client.post("/v1/submissions", json=a_push(met=met), headers=key)).json()["effect"]
        assert then["lea_before"] == first["lea_after"]
        assert then["county_before"] == first["county_after"]
        assert then["lea_after"]["met"] == met
        first = then
    async with database.transaction(role="aggregator") as tx:
        assert await jobs.aggregate_coverage(tx, clock.now())
    (again,) = (await client.post("/v1/submissions", json=a_push(met=16_000), headers=key)).json()["effect"]
    assert (again["lea_before"], again["county_before"]) == (first["lea_after"], first["county_after"])


async def test_a_push_is_stored_and_its_receipt_accounts_for_every_row(
    client: httpx.AsyncClient, make_key: MakeKey
) -> None:
    key = bearer(await make_key(lea=ABC))
    answer = await client.post("/v1/submissions", json=a_push(), headers=key)
    assert answer.status_code == 201, answer.text
    receipt = answer.json()
    assert receipt["counts"] == {"received": 1, "created": 1, "updated": 0, "unchanged": 0, "refused": 0}
    assert receipt["outcome"] == "applied"
    (effect,) = receipt["effect"]
    assert effect["lea_before"] is None
    assert effect["lea_after"]["confirmed_percent"] == 93.17
    assert effect["county_before"] == {
        "kind": "rounded",
        "base": 1_314_000,
        "gap": 1_314_000,
        "confirmed_percent": 0.0,
        "at_most_percent": 100.0,
    }
    assert effect["county_after"]["confirmed_percent"] == 1.3
    again = await client.get(answer.headers["Location"], headers=key)
    assert again.json() == receipt


async def test_the_same_content_again_writes_nothing(client: httpx.AsyncClient, make_key: MakeKey) -> None:
    key = bearer(await make_key(lea=ABC))
    await client.post("/v1/submissions", json=a_push(), headers=key)
    answer = await client.post("/v1/submissions", json=a_push(), headers=key)
    assert answer.status_code == 200
    assert answer.json()["outcome"] == "unchanged"
    assert answer.json()["counts"]["unchanged"] == 1
    corrected = await client.post("/v1/submissions", json=a_push(met=17000), headers=key)
    assert corrected.status_code == 201
    assert corrected.json()["counts"]["updated"] == 1


async def test_a_dry_run_shows_the_effect_and_stores_nothing(client: httpx.AsyncClient, make_key: MakeKey) -> None:
    key = bearer(await make_key(lea=ABC))
    dry = await client.post("/v1/submissions?dry_run=true", json=a_push(), headers=key)
    assert dry.status_code == 200
    assert dry.json()["outcome"] == "dry_run"
    assert dry.json()["counts"]["created"] == 1
    assert dry.json()["effect"][0]["lea_after"]["met"] == 17102
    real = await client.post("/v1/submissions", json=a_push(), headers=key)
    assert real.json()["counts"]["created"] == 1


async def test_another_leas_code_is_refused_and_its_submissions_do_not_exist(
    client: httpx.AsyncClient, make_key: MakeKey
) -> None:
    key, other = bearer(await make_key(lea=ABC)), bearer(await make_key(lea=LAUSD))
    refused = await client.post("/v1/submissions", json=a_push() | {"lea": LAUSD}, headers=key)
    assert refused.status_code == 403, refused.text
    assert refused.json()["errors"][0]["code"] == "lea-mismatch"
    mine = await client.get(refused.json()["instance"], headers=key)
    assert mine.json()["outcome"] == "refused"
    theirs = await client.get(refused.json()["instance"], headers=other)
    assert theirs.status_code == 404


async def test_an_idempotency_key_makes_a_retry_safe(client: httpx.AsyncClient, make_key: MakeKey) -> None:
    key = bearer(await make_key(lea=ABC)) | {"Idempotency-Key": "night-1"}
    first = await client.post("/v1/submissions", json=a_push(), headers=key)
    second = await client.post("/v1/submissions", json=a_push(), headers=key)
    assert (second.status_code, second.content) == (first.status_code, first.content)
    assert second.headers["Idempotent-Replayed"] == "true"
    other = await client.post("/v1/submissions", json=a_push(met=1), headers=key)
    assert other.status_code == 422
    assert other.json()["errors"][0]["code"] == "idempotency-key-reused"


@pytest.mark.parametrize("form", ["ndjson", "csv"])
async def test_ndjson_and_csv_say_the_same_as_json(client: httpx.AsyncClient, make_key: MakeKey, form: str) -> None:
    key = bearer(await make_key(lea=ABC))
    assert (await client.post("/v1/submissions", json=a_push(), headers=key)).status_code == 201
    document = a_push()
    row = dict(document["observations"][0])
    row |= {f"breakdown.{name}": value for name, value in row.pop("breakdown").items()}
    if form == "ndjson":
        body, kind = json.dumps(row), "application/x-ndjson"
    else:
        body, kind = ",".join(row) + "\r\n" + ",".join(map(str, row.values())), "text/csv"
    same = await client.post(
        "/v1/submissions",
        params={"lea": ABC, "as_of": document["as_of"], "source": "another way"},
        content=body,
        headers=key | {"Content-Type": kind},
    )
    assert same.status_code == 200, same.text
    assert same.json()["counts"]["unchanged"] == 1


@pytest.mark.parametrize("form", ["json", "ndjson", "csv"])
async def test_every_fault_of_a_row_is_told_at_once_even_beside_one_that_keeps_it_from_being_read(
    client: httpx.AsyncClient, make_key: MakeKey, form: str
) -> None:
    key = bearer(await make_key(lea=ABC))
    row = {"lea": "1.96421E+13", "as_of": "2999-01-01", "indicator": "home_intrnet", "student_group": "ALL",
           "population": "18,354", "met": 5, "not_met": 0, "evidence": "E"}  # fmt: skip
    if form == "json":
        body, kind = json.dumps({"observations": [row]}), "application/json"
    elif form == "ndjson":
        body, kind = json.dumps(row), "application/x-ndjson"
    else:
        cells = ",".join(f'"{cell}"' for cell in row.values())
        body, kind = ",".join(row) + "\n" + cells, "text/csv"
    answer = await client.post("/v1/submissions", content=body, headers=key | {"Content-Type": kind})
    assert answer.status_code == 422
    faults = answer.json()["errors"]
    found = {(fault.get("column") or fault["pointer"].rpartition("/")[2]): fault["code"] for fault in faults}
    assert len(faults) == len(found) == 5, faults
    assert found.keys() == {"lea", "as_of", "indicator", "population", "evidence"}
    assert (found["lea"], found["as_of"], found["indicator"]) == (
        "cds-unrecoverable",
        "future-date",
        "unknown-indicator",
    )
