"""Promise 14: a key is replaced without an outage.

Method: two processes answer; eight districts push without a pause, two pushers each. Over and over, the county issues a
second key for a district over the API, its pushers go over to it one after the other, each between two pushes, and once
the last has, the first key is revoked.
Figure: pushes, those refused or failed, rotations, pushes sent while two keys were in use, and how often a push was
answered 503, because the machine was busy, and sent again.
Mutant: issuing a key revokes the one before.
"""

import asyncio
import itertools
import sys
from typing import Any, Final

import msgspec

from equityaccess import clock, database
from equityaccess.access import routes, store
from tests.trust import clients, world
from tests.trust.clients import Answer, Attempt, Connection
from tests.trust.harness import Figure, Harness, Run
from tests.trust.revoked import asked, issued

_PUSHERS: Final = 2  # of a district
_OVERLAP_S: Final = 0.5
_JSON: Final = "Content-Type: application/json"


class District:
    """The pushers of one LEA, the key that each has, and what became of their pushes."""

    def __init__(self, lea: str, secret: str, key_id: str) -> None:
        self.lea, self.key_id = lea, key_id
        self.secrets = [secret] * _PUSHERS
        self.is_free = [asyncio.Lock() for _ in range(_PUSHERS)]  # between two pushes
        self.attempts = clients.attempts(lea)
        self.pushes = self.in_overlap = self.rotations = self.busy = 0
        self.refused: list[str] = []

    async def push_on(self, place: int, connection: Connection, wanted: int) -> None:
        """Push until the district has pushed *wanted* times."""
        while self.pushes < wanted:
            self.pushes += 1
            attempt: Attempt = next(self.attempts)
            answer = await self._push(place, connection, attempt)
            while answer.status == 503:  # a machine that is busy, which has nothing to do with keys
                self.busy += 1
                await asyncio.sleep(int(answer.headers["retry-after"]))
                answer = await self._push(place, connection, attempt)
            if answer.status not in (200, 201):
                self.refused.append(f"{answer.status} {answer.body[:300].decode()}")

    async def _push(self, place: int, connection: Connection, attempt: Attempt) -> Answer:
        async with self.is_free[place]:
            self.in_overlap += len(set(self.secrets)) > 1
            return await asked(connection, "POST /v1/submissions", self.secrets[place], attempt.body, _JSON)

    async def rotate_on(self, office: Connection, administrator: str) -> None:
        """Replace the key again and again, as the county and the district would."""
        for _ in itertools.count():
            wanted = msgspec.json.encode({"leas": [self.lea], "scopes": ["push"], "label": "its successor"})
            made = await asked(office, "POST /v1/keys", administrator, wanted, _JSON)
            if made.status != 201:
                raise RuntimeError(made.body.decode())
            successor = msgspec.json.decode(made.body)
            for place in range(_PUSHERS):
                await asyncio.sleep(_OVERLAP_S)
                async with self.is_free[place]:
                    self.secrets[place] = successor["secret"]
            ended = await asked(office, f"DELETE /v1/keys/{self.key_id}", administrator)
            if ended.status != 204:
                raise RuntimeError(ended.body.decode())
            self.key_id = successor["key"]["key_id"]
            self.rotations += 1
            await asyncio.sleep(_OVERLAP_S)


def one_key_an_lea() -> None:
    """The seeded defect: a new key ends the one before."""
    issue = routes.issue_key

    async def at_once(tx: Any, wanted: Any, **more: Any) -> Any:
        known = await store.lea_codes(tx)
        for key in await store.live_keys(tx, [known[code].lea_id for code in wanted.leas], clock.now()):
            await store.revoke_key(tx, key.key_id, clock.now())
        return await issue(tx, wanted, **more)

    routes.issue_key = at_once


async def run(run: Run) -> Figure:
    defect = "tests.trust.rotation:one_key_an_lea" if run.mutant else ""
    wanted = run.size(10_000, 400) // len(clients.DISTRICTS)
    with world.folder() as at:
        async with (
            world.seeded(at) as url,
            world.serving(at, url, defect=defect) as one,
            world.serving(at, url, defect=defect) as other,
        ):
            db = await database.connect(world.settings_for(url))
            administrator = (await issued(db, scopes=["admin"])).secret
            keys = {lea: await issued(db, lea, scopes=["push"]) for lea in clients.DISTRICTS}
            await db.close()
            districts = [District(lea, key.secret, str(key.key.key_id)) for lea, key in keys.items()]
            async with asyncio.timeout(500), asyncio.TaskGroup() as rotating:
                rotators = [
                    rotating.create_task(district.rotate_on(await clients.connect(one.port), administrator))
                    for district in districts
                ]
                async with asyncio.TaskGroup() as pushing:
                    for district, (place, service) in itertools.product(districts, enumerate((one, other))):
                        connection = await clients.connect(service.port)
                        pushing.create_task(district.push_on(place, connection, wanted))
                for rotator in rotators:
                    rotator.cancel()
    for line in (line for district in districts for line in district.refused[:10]):
        print(line, file=sys.stderr)
    pushes, refused = sum(d.pushes for d in districts), [line for d in districts for line in d.refused]
    rotations, in_overlap = sum(d.rotations for d in districts), sum(d.in_overlap for d in districts)
    return Figure(
        text=f"pushes={pushes} refused={len(refused)} rotations={rotations} while_two_keys={in_overlap} "
        f"busy_and_sent_again={sum(district.busy for district in districts)}",
        holds=not refused and rotations >= len(districts) and in_overlap > 0,
    )


HARNESSES = [
    Harness(
        number=14,
        promise="A key is replaced without an outage: no push is refused while two keys overlap",
        mutant="issuing a key revokes the one before",
        run=run,
        is_quick=False,  # ten thousand pushes are the promise; tests/access has the two keys of an LEA
    )
]
