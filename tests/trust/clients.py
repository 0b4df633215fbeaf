"""Clients that push as a district's program should: each push under a key of its own, again until it is answered."""

import asyncio
import contextlib
import hashlib
import itertools
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from datetime import date, timedelta
from typing import NamedTuple

import asyncpg
import msgspec

from equityaccess import clock, database
from tests.trust import world

DISTRICTS = (
    "19642120000000", "19642460000000", "19642790000000", "19643030000000",
    "19643110000000", "19643290000000", "19643370000000", "19643520000000",
)  # fmt: skip
INDICATORS = ("home_internet", "device", "parent_portal", "digital_literacy")
GROUPS = ("EL", "SED", "SWD", "FOS", "HOM", "MIG")
_FIRST_DAY = date(2018, 7, 1)
_ANSWER_TIMEOUT_S = 15.0
_RETRY_S = 0.03
POPULATION = 1_000_000
AMBIGUOUS = (OSError, EOFError, TimeoutError)  # whether it was done is not known


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes


class Connection:
    """One kept-alive connection; sending and reading are apart, so that a harness can hang up between them."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def send(self, body: bytes, *headers: str, target: str = "POST /v1/submissions") -> None:
        """Send a request; a *body* of no bytes is a body too."""
        lines = [f"{target} HTTP/1.1", "Host: trust", f"Content-Length: {len(body)}", *headers]
        self._writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        await self._writer.drain()

    async def answer(self) -> Answer:
        """The answer to the oldest request without one."""
        async with asyncio.timeout(_ANSWER_TIMEOUT_S):
            status, *lines = (await self._reader.readuntil(b"\r\n\r\n")).decode().splitlines()
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines if line)}
            body = await self._reader.readexactly(int(headers.get("content-length", "0")))
        return Answer(int(status.split()[1]), headers, body)

    def hang_up(self) -> None:
        """End the connection at once, whatever is under way."""
        self._writer.transport.abort()


async def connect(port: int) -> Connection:
    """A connection to the service on *port*."""
    return Connection(*await asyncio.open_connection("127.0.0.1", port, limit=1 << 20))


def headers_for(secret: str, name: str = "", kind: str = "application/json") -> list[str]:
    """The headers of a push with the key *secret*, named *name*."""
    return [f"Authorization: Bearer {secret}", f"Content-Type: {kind}", *([f"Idempotency-Key: {name}"] * bool(name))]


class Cell(NamedTuple):
    """What an observation is about."""

    lea: str
    indicator: str
    student_group: str
    as_of: date


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """A push of one observation that no other push speaks of, and its name."""

    name: str
    cell: Cell
    met: int
    body: bytes

    @property
    def sha256(self) -> bytes:
        """Of its bytes, which no other push has."""
        return hashlib.sha256(self.body).digest()


def attempts(lea: str) -> Iterator[Attempt]:
    """Pushes of *lea*: as many as there are cells on the days since the journal began."""
    days = (clock.today() - _FIRST_DAY).days
    cells = itertools.product(range(days), INDICATORS, GROUPS)
    for number, (day, indicator, group) in enumerate(cells):
        cell = Cell(lea, indicator, group, _FIRST_DAY + timedelta(days=day))
        row = {**cell._asdict(), "population": POPULATION, "met": number, "not_met": 0, "evidence": "C"}
        body = msgspec.json.encode({"observations": [row]})
        yield Attempt(name=f"{lea}-{number}", cell=cell, met=number, body=body)


async def keys(url: str, leas: Sequence[str]) -> list[str]:
    """A key for each of *leas*."""
    db = await database.connect(world.settings_for(url))
    try:
        return [await world.key(db, lea) for lea in leas]
    finally:
        await db.close()


class Load:
    """Eight districts that push, one observation at a time, and what they were told."""

    def __init__(self, port: Callable[[], int]) -> None:
        self._port = port
        self._is_over = False
        self.tried: dict[Cell, Attempt] = {}
        self.acked: dict[Cell, tuple[Attempt, str]] = {}  # with the submission that the receipt names
        self.cut = 0  # requests that got no answer
        self.replayed = 0  # done already when it was sent again: what would be duplicates without a name
        self.unexpected: list[str] = []

    @contextlib.asynccontextmanager
    async def running(self, secrets: Sequence[str]) -> AsyncIterator[None]:
        """Push until the block ends; then every client goes on until its last push is answered."""
        async with asyncio.TaskGroup() as clients:
            for lea, secret in zip(DISTRICTS, secrets, strict=True):
                clients.create_task(self._client(lea, secret))
            try:
                yield
            finally:
                self._is_over = True

    async def more(self, acknowledged: int, within_s: float) -> None:
        """Wait until so many more pushes are acknowledged, or one was answered as none should. Raises TimeoutError."""
        wanted = len(self.acked) + acknowledged
        async with asyncio.timeout(within_s):
            while len(self.acked) < wanted and not self.unexpected:  # noqa: ASYNC110, what the clients count has no event
                await asyncio.sleep(0.01)

    async def _client(self, lea: str, secret: str) -> None:
        connection: Connection | None = None
        for attempt in attempts(lea):
            if self._is_over or self.unexpected:
                break
            self.tried[attempt.cell] = attempt
            connection = await self._until_answered(attempt, secret, connection)
        if connection:
            connection.hang_up()

    async def _until_answered(self, attempt: Attempt, secret: str, connection: Connection | None) -> Connection:
        while True:
            try:
                connection = connection or await connect(self._port())
                await connection.send(attempt.body, *headers_for(secret, attempt.name))
                answer = await connection.answer()
            except AMBIGUOUS:
                if connection:
                    self.cut += 1
                    connection.hang_up()
                connection = None
                await asyncio.sleep(_RETRY_S)
                continue
            if answer.status not in (409, 503):
                self._take(attempt, answer)
                return None if _is_last(connection, answer) else connection
            if _is_last(connection, answer):
                connection = None
            await asyncio.sleep(_RETRY_S)

    def _take(self, attempt: Attempt, answer: Answer) -> None:
        if answer.status not in (200, 201):
            self.unexpected.append(f"{answer.status} {answer.body[:300].decode()}")
            return
        self.acked[attempt.cell] = attempt, msgspec.json.decode(answer.body)["submission_id"]
        self.replayed += "idempotent-replayed" in answer.headers


def _is_last(connection: Connection, answer: Answer) -> bool:
    """Whether the server closes *connection* after *answer*; then so is it here."""
    if answer.headers.get("connection", "").lower() != "close":
        return False
    connection.hang_up()
    return True


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """What was acknowledged against what is there, as a set checker counts."""

    acked: int
    lost: int  # acknowledged, and not there in the words that were sent
    dup: int  # done more than once
    phantom: int  # there, and never sent

    @property
    def is_clean(self) -> bool:
        """Whether something was acknowledged, all of it is there once, and nothing else is."""
        return self.acked > 0 and not (self.lost or self.dup or self.phantom)

    def __str__(self) -> str:
        return f"acked={self.acked} lost={self.lost} dup={self.dup} phantom={self.phantom}"


_OBSERVATIONS = """
SELECT c.code AS lea, i.code AS indicator, g.code AS student_group, o.as_of, o.met, o.population
  FROM observation o
  JOIN identifier c ON c.lea_id = o.lea_id AND c.scheme = 'cds' AND c.code = ANY ($1)
  JOIN indicator i USING (indicator_id)
  JOIN student_group g USING (student_group_id)"""
_APPLIED = "SELECT submission_id::text, sha256 FROM submission WHERE outcome IN ('applied', 'unchanged')"


async def tally(url: str, load: Load) -> Tally:
    """Hold what the clients of *load* were told against the database, read past every wall."""
    admin = await asyncpg.connect(url)
    try:
        rows = await admin.fetch(_OBSERVATIONS, list(DISTRICTS))
        applied = dict(await admin.fetch(_APPLIED))
    finally:
        await admin.close()
    there: dict[Cell, list[tuple[int, int]]] = {}
    for lea, indicator, group, as_of, *words in rows:
        there.setdefault(Cell(lea, indicator, group, as_of), []).append(tuple(words))

    def is_lost(attempt: Attempt, submission_id: str) -> bool:
        is_there = (attempt.met, POPULATION) in there.get(attempt.cell, ())
        return not is_there or applied.get(submission_id) != attempt.sha256

    return Tally(
        acked=len(load.acked),
        lost=sum(is_lost(*told) for told in load.acked.values()),
        # No two pushes have the same bytes, so bytes that were judged twice are a push that was done twice.
        dup=sum(len(same) - 1 for same in there.values()) + len(applied) - len(set(applied.values())),
        phantom=sum(
            cell not in load.tried or words != (load.tried[cell].met, POPULATION)
            for cell, same in there.items()
            for words in same
        ),
    )
