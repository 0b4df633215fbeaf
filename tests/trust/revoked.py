"""Promise 13: a revoked key stops, and so does every token that it was exchanged for.

Method: two processes answer on one database. Clients read from both in turn without a pause, half of them with a key
and half with a token; one after the other each key is revoked over the API of the first.
Figure: keys and tokens revoked, answers to them, the longest time from the answer that a key is revoked to the last
success of a request with it, and how many ended otherwise than with 401 key-revoked.
Mutant: a cache of callers that never expires.
"""

import asyncio
import itertools
import time
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from equityaccess import clock, database
from equityaccess.access import store
from equityaccess.access.issue import issue_key
from equityaccess.access.structs import IssuedKey, KeyIn
from equityaccess.database import Database
from tests.trust import clients, world
from tests.trust.clients import Answer, Connection
from tests.trust.harness import Figure, Harness, Run

_WITHIN_S: Final = 5.0
_WATCH_S: Final = _WITHIN_S + 1  # that a client goes on after its key is revoked
_BETWEEN_S: Final = 0.1
_PAUSE_S: Final = 0.02
_READ: Final = "GET /v1/student-groups"


class Client:
    """A program that reads until it is refused, and remembers when it was last answered."""

    def __init__(self, key: IssuedKey, secret: str) -> None:
        self.key = key
        self.secret = secret
        self.revoked_at = float("inf")
        self.last_success_at = 0.0
        self.successes = 0
        self.is_refused = False

    async def read_on(self, connections: Sequence[Connection]) -> None:
        """Read from all in turn, until every one has refused or time is up."""
        refusals = 0
        for connection in itertools.cycle(connections):
            answer = await asked(connection, _READ, self.secret)
            if answer.status == 200:
                self.last_success_at, self.successes, refusals = time.monotonic(), self.successes + 1, 0
            refusals += answer.status == 401 and b'"key-revoked"' in answer.body
            self.is_refused = refusals >= len(connections)
            if self.is_refused or time.monotonic() > self.revoked_at + _WATCH_S:
                return
            await asyncio.sleep(_PAUSE_S)


async def asked(connection: Connection, target: str, secret: str, body: bytes = b"", *headers: str) -> Answer:
    """The answer to a request with a credential."""
    await connection.send(body, f"Authorization: Bearer {secret}", *headers, target=target)
    return await connection.answer()


async def token(connection: Connection, key: IssuedKey) -> str:
    """The token that *key* is exchanged for."""
    form = {"grant_type": "client_credentials", "client_id": key.key.key_id, "client_secret": key.secret}
    kind = "Content-Type: application/x-www-form-urlencoded"
    await connection.send(urlencode(form).encode(), kind, target="POST /oauth/token")
    secret: str = msgspec.json.decode((await connection.answer()).body)["access_token"]
    return secret


async def issued(db: Database, *leas: str, scopes: Sequence[Any] = ("read",)) -> IssuedKey:
    """A new key with its id."""
    wanted = KeyIn(label="a harness", leas=list(leas), scopes=list(scopes))
    async with db.transaction(every_lea=True) as tx:
        return await issue_key(tx, wanted, created_by="a harness", now=clock.now())


def callers_are_remembered() -> None:
    """The seeded defect: who was let in once is not looked up again."""
    for name in ("authenticate", "authenticate_token"):
        setattr(store, name, _remembering(getattr(store, name)))


def _remembering(look_up: Any) -> Any:
    known: dict[bytes, Any] = {}

    async def remembered(tx: Any, fingerprint: bytes, now: Any) -> Any:
        if fingerprint not in known:
            known[fingerprint] = await look_up(tx, fingerprint, now)
        return known[fingerprint]

    return remembered


async def run(run: Run) -> Figure:
    defect = "tests.trust.revoked:callers_are_remembered" if run.mutant else ""
    with world.folder() as at:
        async with (
            world.seeded(at) as url,
            world.serving(at, url, defect=defect) as one,
            world.serving(at, url, defect=defect) as other,
        ):
            db = await database.connect(world.settings_for(url))
            administrator = await issued(db, scopes=["admin"])
            keys = [await issued(db, scopes=["county"]) for _ in range(run.size(40, 8))]
            await db.close()
            office = await clients.connect(one.port)
            readers = [
                Client(key, await token(office, key) if number % 2 else key.secret) for number, key in enumerate(keys)
            ]
            async with asyncio.timeout(120), asyncio.TaskGroup() as group:
                for reader in readers:
                    both = [await clients.connect(service.port) for service in (one, other)]
                    group.create_task(reader.read_on(both))
                await asyncio.sleep(1)
                for reader in readers:
                    address = f"DELETE /v1/keys/{reader.key.key.key_id}"
                    answer = await asked(office, address, administrator.secret)
                    reader.revoked_at = time.monotonic() if answer.status == 204 else float("inf")
                    await asyncio.sleep(_BETWEEN_S)
    slowest = max(max(0.0, reader.last_success_at - reader.revoked_at) for reader in readers)
    otherwise = sum(not (reader.is_refused and reader.successes) for reader in readers)
    return Figure(
        text=f"keys={len(readers) - len(readers) // 2} tokens={len(readers) // 2} processes=2 "
        f"answers={sum(reader.successes for reader in readers)} p100={slowest * 1000:.0f} ms otherwise={otherwise}",
        holds=slowest <= _WITHIN_S and not otherwise,
    )


HARNESSES = [
    Harness(
        number=13,
        promise="A revoked key, and every token of it, stops within 5 s in every process, under load",
        mutant="a cache of callers that never expires",
        run=run,
    )
]
