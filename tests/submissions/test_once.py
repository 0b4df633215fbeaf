"""An Idempotency-Key makes a retry safe, whenever it comes; without one, the same cells may be pushed at once."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest

from equityaccess import clock
from equityaccess.access.rules import fingerprint
from equityaccess.access.store import authenticate
from equityaccess.audit.structs import Origin
from equityaccess.database import Database
from equityaccess.problems import Conflict, Invalid, MalformedRequest
from equityaccess.settings import Settings
from equityaccess.submissions import journal as keeping
from equityaccess.submissions import once
from equityaccess.submissions.judge import Judge, Push
from equityaccess.submissions.structs import Defaults
from tests.conftest import MakeKey
from tests.submissions.conftest import Sending
from tests.submissions.pushing import (
    ABC,
    FORMS,
    Sender,
    chunks,
    codes,
    days_ago,
    journal,
    observed,
    row,
    until_it_waits,
    written,
)

KEEP = timedelta(hours=48)


@pytest.mark.parametrize("sent", [None, "a", "~" * 255, "0b3e1f6a-7f3c-4d0a-9d55-6a0f5b0c1d2e"])
def test_a_word_of_visible_characters_is_an_idempotency_key(sent: str | None) -> None:
    assert once.checked_key(sent) == sent


@pytest.mark.parametrize("sent", ["", " ", "a b", "a\n", "\x7f", "é", "a" * 256])
def test_what_is_no_idempotency_key_is_refused_with_its_code(sent: str) -> None:
    with pytest.raises(MalformedRequest) as refused:
        once.checked_key(sent)
    assert [(one.code, one.owner) for one in refused.value.errors] == [("idempotency-key-format", "sender")]


def test_an_idempotency_key_that_looks_personal_is_refused_with_its_code() -> None:
    with pytest.raises(Invalid) as refused:
        once.checked_key("123-45-6789")
    assert [(one.code, one.owner) for one in refused.value.errors] == [("personal-data", "sender")]


async def execute(url: str, sql: str, *values: object) -> str:
    """Run *sql* past every wall."""
    admin = await asyncpg.connect(url)
    try:
        return await admin.execute(sql, *values)
    finally:
        await admin.close()


@pytest.mark.parametrize("query", [{}, {"dry_run": True}, {"mode": "partial"}])
async def test_the_same_request_is_answered_with_the_same_bytes(
    sender: Sender, database_url: str, query: dict[str, object]
) -> None:
    rows = [row(), row(as_of=days_ago(9), student_group="el")] if query.get("mode") else [row()]
    first = await sender.rows("json", rows, key="night", **query)
    again = await sender.rows("json", rows, key="night", **query)
    assert first.is_success
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert (first.headers.get("Idempotent-Replayed"), again.headers["Idempotent-Replayed"]) == (None, "true")
    assert again.headers["Location"] == first.headers["Location"]
    assert [kept.outcome for kept in await journal(database_url)][1] == "replayed"


async def test_a_refusal_is_replayed_too(sender: Sender) -> None:
    first = await sender.rows("json", [row(met=18_001)], key="night")
    again = await sender.rows("json", [row(met=18_001)], key="night")
    said = [{**answer.json(), "request_id": ""} for answer in (first, again)]
    assert first.status_code == again.status_code == 422
    assert said[0] == said[1]
    assert again.headers["Idempotent-Replayed"] == "true"


async def test_another_request_with_the_same_key_is_refused_and_kept(sender: Sender, database_url: str) -> None:
    await sender.rows("json", [row()], key="night")
    body = written("json", [row()])
    others = [
        await sender.rows("json", [row(met=1)], key="night"),
        await sender.rows("ndjson", [row()], key="night"),
        await sender.body(body, "application/json", key="night", dry_run=True),
        await sender.body(body + b" ", "application/json", key="night"),
    ]
    for other in others:
        assert (other.status_code, codes(other)) == (422, ["idempotency-key-reused"])
        assert "instance" in other.json()
    assert [kept.outcome for kept in await journal(database_url)] == ["applied"] + ["refused"] * 4
    assert len(await observed(database_url)) == 1


async def test_a_key_is_scoped_to_its_credential(sending: Sending) -> None:
    one, two = await sending(ABC), await sending(ABC)
    first = await one.rows("json", [row()], key="night")
    second = await two.rows("json", [row(met=1)], key="night")
    assert (first.status_code, second.status_code) == (201, 201)
    assert second.json()["counts"]["updated"] == 1


async def test_a_request_that_is_still_judged_is_not_judged_again(sender: Sender, database_url: str) -> None:
    holder = await asyncpg.connect(database_url)
    lea = await holder.fetchval("SELECT lea_id FROM identifier WHERE code = $1", ABC)
    async with holder.transaction():
        await holder.execute("SELECT pg_advisory_xact_lock(1162039121, $1)", lea)
        first = asyncio.create_task(sender.rows("json", [row()], key="night"))
        await until_it_waits(holder)
        second = await sender.rows("json", [row()], key="night")
        assert (second.status_code, codes(second)) == (409, ["request-in-progress"])
        assert second.headers["Retry-After"] == "1"
        reused = await sender.rows("json", [row(met=1)], key="night")
        assert (reused.status_code, codes(reused)) == (422, ["idempotency-key-reused"])
    assert (await first).status_code == 201
    await holder.close()
    third = await sender.rows("json", [row()], key="night")
    assert third.content == first.result().content
    assert [kept.outcome for kept in await journal(database_url)] == ["applied", "refused", "refused", "replayed"]


async def test_many_retries_at_once_are_one_push(sender: Sender, database_url: str) -> None:
    answers = await asyncio.gather(*(sender.rows("json", [row()], key="night") for _ in range(6)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({answer.content for answer in answers if answer.status_code == 201}) <= 1
    settled = await sender.rows("json", [row()], key="night")
    assert settled.status_code == 201
    assert {answer.content for answer in answers if answer.status_code == 201} <= {settled.content}
    assert [kept.outcome for kept in await journal(database_url)].count("applied") == 1


async def test_a_push_that_was_lost_in_the_middle_is_taken_over(sender: Sender, database_url: str) -> None:
    first = await sender.rows("json", [row()], key="night")
    # As if the service had stopped between journal and verdict.
    await execute(database_url, "UPDATE submission SET outcome = NULL, status = NULL, answer = NULL")
    await execute(database_url, "DELETE FROM observation")
    second = await sender.rows("json", [row()], key="night")
    assert second.status_code == 201
    assert "Idempotent-Replayed" not in second.headers
    assert second.headers["Location"] != first.headers["Location"]
    third = await sender.rows("json", [row()], key="night")
    assert third.content == second.content


async def test_a_retry_that_looks_while_the_first_is_being_decided_is_not_judged_again(
    sender: Sender, database_url: str
) -> None:
    """What the retry has read is old by the time nobody judges the first any more: it has to look again."""
    first = await sender.rows("json", [row()], key="night")
    decided = "UPDATE submission SET outcome = o, status = t, answer = a FROM before b WHERE b.id = submission_id"
    await execute(
        database_url, "CREATE TABLE before AS SELECT submission_id id, outcome o, status t, answer a FROM submission"
    )
    await execute(database_url, "UPDATE submission SET outcome = NULL, status = NULL, answer = NULL")
    admin = await asyncpg.connect(database_url)
    async with admin.transaction():
        await admin.execute("SELECT FROM idempotency FOR UPDATE")  # holds the retry up where it has read the outcome
        retry = asyncio.create_task(sender.rows("json", [row()], key="night"))
        while not await admin.fetchval("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await execute(database_url, decided)
    await admin.close()
    answer = await retry
    assert (answer.status_code, answer.content) == (first.status_code, first.content)
    assert answer.headers["Idempotent-Replayed"] == "true"


async def test_a_retry_that_comes_between_claim_and_judgement_is_judged_alone(
    database: Database, make_key: MakeKey
) -> None:
    """The first has taken the key and is not judging yet, so the retry takes it for lost; only one may be judged."""
    async with database.transaction() as tx:
        caller = await authenticate(tx, fingerprint(await make_key(lea=ABC)), clock.now())
    assert caller is not None
    settings = Settings()
    judges = []
    for _ in range(2):
        kept = await keeping.receive(
            database, caller, _pieces(written("json", [row()])), content_type="application/json", parameters="",
            now=clock.now(), most_bytes=10_000,
        )  # fmt: skip
        assert await once.replayed(database, caller, kept, "night", clock.now(), KEEP) is None
        push = Push(
            journaled=kept, form="json", mode="atomic", dry_run=False, defaults=Defaults(), source=None,
            idempotency_key="night", origin=Origin(actor="a test", lea_ids=caller.lea_ids),
        )  # fmt: skip
        judges.append(Judge(caller, push, settings, clock.today()))
    first, retry = judges
    with pytest.raises(Conflict, match="same moment"):
        await first.judge(database)
    assert (await retry.judge(database)).receipt.counts.created == 1


async def _pieces(body: bytes) -> AsyncIterator[bytes]:
    for piece in chunks(body, 100):
        yield piece


async def test_a_key_is_free_again_when_its_time_is_over(sender: Sender, database_url: str) -> None:
    await sender.rows("json", [row()], key="night")
    await execute(database_url, "UPDATE idempotency SET created_at = created_at - interval '49 hours'")
    later = await sender.rows("json", [row(met=1)], key="night")
    assert (later.status_code, later.json()["counts"]["updated"]) == (201, 1)


@pytest.mark.parametrize("form", FORMS)
async def test_the_same_body_under_a_new_key_changes_nothing(sender: Sender, database_url: str, form: str) -> None:
    first = await sender.rows(form, [row()], key="one")
    second = await sender.rows(form, [row()], key="two")
    assert (first.status_code, second.status_code, second.json()["outcome"]) == (201, 200, "unchanged")
    assert len(await observed(database_url)) == 1
    assert UUID(second.json()["submission_id"]) != UUID(first.json()["submission_id"])


async def test_pushes_of_the_same_cells_at_once_follow_each_other(sender: Sender, database_url: str) -> None:
    answers = await asyncio.gather(*(sender.rows("ndjson", [row(met=met)]) for met in range(1, 5)))
    assert [answer.status_code for answer in answers] == [201] * 4
    revisions = await observed(database_url)
    assert [one["revision"] for one in revisions] == [1, 2, 3, 4]
    assert sorted(one["met"] for one in revisions) == [1, 2, 3, 4]
    recorded = [one["recorded_at"] for one in revisions]
    assert recorded == sorted(recorded)
