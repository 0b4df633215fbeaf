"""Append-only and bitemporal: what was known stays known, and what is the same writes nothing."""

from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from equityaccess.database import Database
from tests.submissions.pushing import FORMS, Sender, days_ago, observed, row, sums_up


async def test_a_correction_is_a_new_revision_and_the_old_one_stays(sender: Sender, database_url: str) -> None:
    for met in (17_000, 16_000, 16_000, 17_000):
        await sender.rows("json", [row(met=met)])
    history = await observed(database_url)
    assert [(one["revision"], one["met"]) for one in history] == [(1, 17_000), (2, 16_000), (3, 17_000)]
    assert history[0]["recorded_at"] < history[1]["recorded_at"] < history[2]["recorded_at"]
    assert len({one["submission_id"] for one in history}) == 3


@pytest.mark.parametrize(
    "change",
    [
        {"population": 18_001}, {"not_met": 601}, {"not_applicable": 1}, {"evidence": "B"},
        {"valid_until": days_ago(1)}, {"breakdown_met_by_lea": 0}, {"breakdown_barrier_other": 7},
    ],
    ids=str,
)  # fmt: skip
async def test_every_field_counts_as_a_change(sender: Sender, change: dict[str, object]) -> None:
    await sender.rows("json", [row()])
    changed = await sender.rows("json", [row(**change)])
    assert changed.json()["counts"]["updated"] == 1
    back = await sender.rows("json", [row()])
    assert back.json()["counts"]["updated"] == 1, "to take a field back is a change too"


async def test_an_older_day_that_arrives_later_is_kept_and_leaves_today_as_it_is(sender: Sender) -> None:
    newer = await sender.rows("json", [row(as_of=days_ago(2))])
    older = await sender.rows("json", [row(as_of=days_ago(30), met=9_000)])
    assert older.status_code == 201
    assert older.json()["effect"][0]["lea_after"] == newer.json()["effect"][0]["lea_after"]
    assert older.json()["counts"]["created"] == 1


async def test_recorded_at_never_goes_back_even_if_the_clock_does(sender: Sender, database_url: str) -> None:
    await sender.rows("json", [row()])
    ahead = datetime.now(UTC) + timedelta(hours=1)
    admin = await asyncpg.connect(database_url)
    await admin.execute("UPDATE observation SET recorded_at = $1", ahead)
    await admin.close()
    await sender.rows("json", [row(met=1)])
    first, second = await observed(database_url)
    assert first["recorded_at"] == ahead <= second["recorded_at"]


@pytest.mark.parametrize("sql", ["UPDATE observation SET met = 0", "DELETE FROM observation", "TRUNCATE observation"])
async def test_the_app_cannot_rewrite_what_was_observed(sender: Sender, database: Database, sql: str) -> None:
    await sender.rows("json", [row()])
    async with database.transaction(every_lea=True) as tx:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await tx._connection.execute(sql)


@pytest.mark.parametrize(
    "sql", ["UPDATE submission SET lea_ids = '{}'", "DELETE FROM submission_body", "DELETE FROM submission"]
)
async def test_the_app_cannot_rewrite_the_journal(sender: Sender, database: Database, sql: str) -> None:
    await sender.rows("json", [row()])
    async with database.transaction(every_lea=True) as tx:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await tx._connection.execute(sql)


# What the model knows: for each day the value that counts, and how many revisions led there.
ROWS = st.lists(
    st.tuples(st.integers(1, 6), st.sampled_from([10, 20, 30, "*", 18_001])), min_size=1, max_size=8
)  # a day of the past, and what is met: a number, something withheld, or too many


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@given(
    pushes=st.lists(
        st.tuples(st.sampled_from(FORMS), st.sampled_from(["atomic", "partial"]), ROWS), min_size=1, max_size=3
    )
)
async def test_counts_and_history_are_those_of_a_plain_model(
    sender: Sender, database_url: str, pushes: list[tuple[str, str, list[tuple[int, object]]]]
) -> None:
    admin = await asyncpg.connect(database_url)
    await admin.execute("DELETE FROM observation")
    await admin.close()
    model: dict[str, list[object]] = {}
    for form, mode, rows in pushes:
        sent = [row(as_of=days_ago(day), met=met) for day, met in rows]
        answer = await sender.rows(form, sent, mode=mode)
        place = answer.headers.get("Location") or answer.json()["instance"]
        receipt = (await sender.get(place)).json()
        days = [fields["as_of"] for fields in sent]
        # Two readable rows for one day are both refused; one that cannot be read is not held against the others.
        readable = [fields["as_of"] for fields in sent if isinstance(fields["met"], int) and fields["met"] <= 18_000]
        good = [fields for fields in sent if fields["met"] in (10, 20, 30) and readable.count(fields["as_of"]) == 1]
        refused = len(days) - len(good)
        expected = {"received": len(sent), "created": 0, "updated": 0, "unchanged": 0, "refused": refused}
        if refused and (mode == "atomic" or not good):
            expected["refused"] = len(sent)
            assert answer.status_code == 422
        else:
            for fields in good:
                known = model.setdefault(fields["as_of"], [])
                what = "created" if not known else "unchanged" if known[-1] == fields["met"] else "updated"
                expected[what] += 1
                if what != "unchanged":
                    known.append(fields["met"])
        assert receipt["counts"] == expected
        assert sums_up(receipt["counts"])
        assert len({fault["row"] for fault in receipt["refusals"]}) == refused
    stored: dict[str, list[object]] = {}
    for one in await observed(database_url):
        stored.setdefault(str(one["as_of"]), []).append(one["met"])
    assert stored == {day: known for day, known in model.items() if known}
