"""Promise 8: history is never rewritten.

Method: UPDATE, DELETE and TRUNCATE are tried in the role that serves requests, on every table that keeps history and
on each partition, and on the columns of the journal that are not for its outcome. Then 10,000 rows are pushed, a
hundred at a time: new ones, corrections, words taken back, the same again, late ones. After every push the instant is
noted. A plain model knows what stood there at each instant; at random, earlier instants are asked for with
`known_at`, and at the end all of them and the whole history.
Figure: refusals with 42501 of statements tried; rows pushed; questions asked and answered unlike the model;
revisions.
Mutant: a correction overwrites the count of the revision before it.
"""

import random
from datetime import date, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import msgspec

from equityaccess import clock, database
from equityaccess.database import Database, Query
from tests.conftest import bearer, serving
from tests.trust import world
from tests.trust.harness import Figure, Harness, Run

_KEPT = ("submission_body", "submission", "observation", "audit_entry", "audit_seal")
_COLUMNS = {"submission": "received_at", "submission_body": "part", "observation": "met", "audit_entry": "status"}
_ROWS = 100
_DAYS = [date(2025, 7, 1) + timedelta(days=number) for number in range(60)]
_GROUPS = ("ALL", "EL", "SED", "SWD", "FOS", "HOM")
_OVERWRITES = """
CREATE FUNCTION overwrite() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  UPDATE observation o SET met = NEW.met
   WHERE (o.lea_id, o.indicator_id, o.student_group_id, o.as_of)
       = (NEW.lea_id, NEW.indicator_id, NEW.student_group_id, NEW.as_of);
  RETURN NULL;
END $$;
CREATE TRIGGER overwriting AFTER INSERT ON observation
  FOR EACH ROW WHEN (NEW.revision > 1) EXECUTE FUNCTION overwrite()"""
Key = tuple[str, str]  # group, day
State = dict[Key, tuple[int, int]]  # met, revision


async def _refused(db: Database, admin: asyncpg.Connection) -> tuple[int, int]:
    """How many statements were refused with 42501, of how many."""
    partitions = await admin.fetch(
        "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'observation'::regclass"
    )
    tables = [*_KEPT, *(one["name"] for one in partitions)]
    statements = [f"{what} {table}" for what in ("DELETE FROM", "TRUNCATE") for table in tables]
    for table in tables:
        column = _COLUMNS.get(table.partition("_2")[0], "floor_id")
        statements.append(f"UPDATE {table} SET {column} = {column}")
    refused = 0
    for statement in statements:
        try:
            async with db.transaction(leas=[1], every_lea=True) as tx:
                await tx.execute(Query("forbidden", statement, ()))
        except asyncpg.InsufficientPrivilegeError:
            refused += 1
    return refused, len(statements)


class _Model:
    """What has been said: each word with its revision, and the state after every push."""

    def __init__(self) -> None:
        self.dice = random.Random(8)
        self.state: State = {}
        self.moments: list[tuple[datetime, State]] = []
        self.words: list[tuple[Key, int, int]] = []

    def push(self) -> bytes:
        """Rows to send, whose effect is in the state by then."""
        places = self.dice.sample([(group, str(day)) for group in _GROUPS for day in _DAYS], _ROWS)
        lines = []
        for place in places:
            met = self.dice.choice([0, 1, 2, 3])  # few, so that much is said again and much is taken back
            lines.append(self._line(place, met))
            before = self.state.get(place)
            if before is None or before[0] != met:
                self.state[place] = (met, before[1] + 1 if before else 1)
                self.words.append((place, *self.state[place]))
        return b"\n".join(lines)

    def _line(self, place: Key, met: int) -> bytes:
        row = {"lea": world.LAUSD, "as_of": place[1], "indicator": "home_internet", "student_group": place[0]}
        return msgspec.json.encode(row | {"population": 10, "met": met, "not_met": 0, "evidence": "A"})

    def note(self, at: datetime) -> None:
        """Remember what stands there at the instant *at*."""
        self.moments.append((at, dict(self.state)))


async def _read(client: httpx.AsyncClient, headers: dict[str, str], **query: Any) -> list[tuple[Key, int, int]]:
    answer = await client.get("/v1/observations", headers=headers, params=query)
    assert answer.status_code == 200, answer.text
    rows = [msgspec.json.decode(line) for line in answer.content.splitlines()]
    return [((row["student_group"], row["as_of"]), row["met"], row["revision"]) for row in rows]


async def _is_as_known(client: httpx.AsyncClient, headers: dict[str, str], at: datetime, state: State) -> bool:
    read = await _read(client, headers, known_at=at.isoformat())
    return {place: (met, revision) for place, met, revision in read} == state and len(read) == len(state)


async def _play(client: httpx.AsyncClient, secret: str, pushes: int) -> tuple[int, int, int]:
    """How many questions were asked, how many were answered unlike the model, and how many revisions there are."""
    model = _Model()
    reading = bearer(secret) | {"Accept": "application/x-ndjson"}
    sending = bearer(secret) | {"Content-Type": "application/x-ndjson"}
    asked = unlike = 0
    for _ in range(pushes):
        answer = await client.post("/v1/submissions", content=model.push(), headers=sending)
        assert answer.status_code == 201, answer.text
        model.note(clock.now())
        asked += 1
        unlike += not await _is_as_known(client, reading, *model.dice.choice(model.moments))
    for moment in model.moments:
        asked += 1
        unlike += not await _is_as_known(client, reading, *moment)
    history = await _read(client, reading, every_revision="true")
    asked, unlike = asked + 1, unlike + (sorted(history) != sorted(model.words))
    return asked, unlike, len(history)


async def _run(run: Run) -> Figure:
    with world.folder() as at:
        async with world.seeded(at, durable=False) as url:
            db = await database.connect(world.settings_for(url))
            admin = await asyncpg.connect(url)
            if run.mutant:
                await admin.execute(_OVERWRITES)
            refused, tried = await _refused(db, admin)
            secret = await world.key(db, world.LAUSD)
            pushes = run.size(100, 15)
            async with serving(world.settings_for(url, rate_per_minute=1_000_000)) as client:
                asked, unlike, revisions = await _play(client, secret, pushes)
            await admin.close()
            await db.close()
    rows = pushes * _ROWS
    text = f"refused={refused} of {tried} statements; rows={rows} asked={asked} unlike={unlike} revisions={revisions}"
    return Figure(text=text, holds=refused == tried > 0 and unlike == 0 and revisions > 0)


HARNESSES = [
    Harness(
        number=8,
        promise="History is never rewritten: what was known at an instant is known for ever",
        mutant="a correction overwrites the revision before it",
        run=_run,
    )
]
