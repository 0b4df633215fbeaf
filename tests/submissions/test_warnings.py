"""Doubts are told and stored, never refused: most real districts' parts do not add up."""

from typing import Any

import pytest

from tests.submissions.pushing import FORMS, Sender, days_ago, row

QUIET = {"population": 18_000, "met": 17_000, "not_met": 600}
CASES: list[tuple[dict[str, Any], str, str]] = [
    ({"not_met": 1_001}, "parts-do-not-add-up", "population"),
    ({"not_met": 900, "not_applicable": 101}, "parts-do-not-add-up", "population"),
    ({"breakdown_met_by_lea": 1, "breakdown_met_by_family": 16_998}, "parts-do-not-add-up", "met"),
    ({"breakdown_barrier_other": 400, "breakdown_barrier_not_desired": 201}, "parts-do-not-add-up", "not_met"),
    ({"population": 10_000, "met": 1, "not_met": 1}, "far-from-enrollment", "population"),
    ({"population": 30_000}, "far-from-enrollment", "population"),
    ({"student_group": "EL", "population": 5_000, "met": 1, "not_met": 1}, "far-from-enrollment", "population"),
]


@pytest.mark.parametrize("form", FORMS)
async def test_a_doubt_is_a_warning_with_its_place(sender: Sender, form: str) -> None:
    rows = [row(**change, as_of=days_ago(200 * number)) for number, (change, _, _) in enumerate(CASES, 1)]
    answer = await sender.rows(form, rows)
    assert answer.status_code == 201, answer.text
    warnings = answer.json()["warnings"]
    place = {
        "json": lambda w: w["pointer"].rpartition("/")[2],
        "ndjson": lambda w: w["pointer"][1:],
        "csv": lambda w: w["column"],
        "xlsx": lambda w: w["column"],
    }
    found = [(w["row"], w["code"], place[form](w), w["owner"]) for w in warnings]
    assert found == [(n, code, field, "data_owner") for n, (_, code, field) in enumerate(CASES, 1)]
    assert answer.json()["warnings_total"] == len(CASES)
    assert (await sender.get(answer.headers["Location"])).json()["warnings"] == warnings


async def test_what_adds_up_is_not_doubted(sender: Sender) -> None:
    quiet = [
        row(),
        row(as_of=days_ago(9), not_applicable=400),
        row(as_of=days_ago(10), breakdown_met_by_family=9_000, breakdown_met_by_lea=8_000, breakdown_barrier_other=600),
        row(as_of=days_ago(11), indicator="employee_device", population=3, met=1, not_met=1),
        row(as_of=days_ago(12), student_group="JIY", population=3, met=1, not_met=1),
    ]  # fmt: skip
    answer = await sender.rows("json", quiet)
    assert answer.json()["warnings"] == []


async def test_a_jump_from_the_last_observation_is_a_warning(sender: Sender) -> None:
    await sender.rows("json", [row(as_of=days_ago(40))])
    near = await sender.rows("json", [row(as_of=days_ago(20), met=14_000, not_met=3_000)])
    assert near.json()["warnings"] == []
    far = await sender.rows("csv", [row(as_of=days_ago(10), met=9_000, not_met=8_000)])
    (warning,) = far.json()["warnings"]
    assert (far.status_code, warning["code"], warning["row"], warning["column"]) == (201, "jump", 1, "met")
    assert "50 % met, after 77 %" in warning["detail"]
    again = await sender.rows("csv", [row(as_of=days_ago(10), met=9_000, not_met=8_000)])
    assert again.json()["warnings"] == [], "what is known already is no jump"
