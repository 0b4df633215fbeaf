"""Promise 9: no update of a triage item is lost.

Method: several people work on one item at once over HTTP. Each reads it, adds one to a number that stands in the desk's
name, and sends that with If-Match of what it read; refused with 412, it reads again. While they do, the item is scored
again and again.
Figure: updates that were accepted; the number that stands there at the end; versions of the item; refusals with 412.
Mutant: If-Match is not compared.
"""

import asyncio
from uuid import uuid4

import httpx

from equityaccess import clock, database
from equityaccess.access import store as access
from equityaccess.triage import changing, store
from tests.trust import clients, world
from tests.trust.harness import Figure, Harness, Run

_PEOPLE = 8


def blind() -> None:
    """The seeded defect: whatever version is named, it is taken for the newest."""
    careful = changing.change

    async def change(db, caller, origin, item_id, if_match, data, now):  # type: ignore[no-untyped-def]
        async with db.transaction(every_lea=True) as tx:
            found = await store.item(tx, item_id)
        await asyncio.sleep(0.01)
        newest = f'"{found.version}"' if found else if_match
        try:
            await careful(db, caller, origin, item_id, newest, data, now)
        except changing.PreconditionFailed:
            await change(db, caller, origin, item_id, if_match, data, now)

    changing.change = change


async def _work(client: httpx.AsyncClient, place: str, times: int) -> tuple[int, int]:
    """How many updates were accepted, and how many refused."""
    accepted = refused = 0
    while accepted < times:
        read = await client.get(place)
        number = int((read.json()["item"]["assignee"] or "n-0").removeprefix("n-"))
        told = await client.patch(
            place, json={"assignee": f"n-{number + 1}"}, headers={"If-Match": read.headers["ETag"]}
        )
        accepted += told.status_code == 200
        refused += told.status_code == 412
        if told.status_code not in (200, 412):
            raise RuntimeError(told.text)
    return accepted, refused


async def _run(run: Run) -> Figure:
    times = run.size(40, 8)
    with world.folder() as at:
        defect = f"{__name__}:blind" if run.mutant else ""
        async with world.seeded(at) as url, world.serving(at, url, defect=defect) as service:
            db = await database.connect(world.settings_for(url))
            secret = await world.key(db, scopes=["county"])
            item_id = uuid4()
            async with db.transaction(role="aggregator") as tx:
                lea_id = (await access.lea_codes(tx))[clients.DISTRICTS[0]].lea_id
                row = {"item_id": str(item_id), "lea_id": lea_id, "score": 40, "reasons": []}
                await store.keep(tx, [row], [], [], 1, clock.now())

            async def score() -> None:
                for turn in range(times):
                    again = row | {"score": 40 + turn % 2, "quiet_runs": 0, "is_closed": False}
                    async with db.transaction(role="aggregator") as tx:
                        await store.keep(tx, [], [again], [], 1, clock.now())
                    await asyncio.sleep(0.02)

            headers = {"Authorization": f"Bearer {secret}"}
            place = f"/v1/triage/{item_id}"
            async with httpx.AsyncClient(base_url=service.url, headers=headers, timeout=30) as client:
                scoring = asyncio.create_task(score())
                done = await asyncio.gather(*(_work(client, place, times) for _ in range(_PEOPLE)))
                await scoring
                last = (await client.get(place)).json()
            await db.close()
    accepted, refused = (sum(column) for column in zip(*done, strict=True))
    stands = int(last["item"]["assignee"].removeprefix("n-"))
    noted = sum(one["kind"] == "assigned" for one in last["events"])
    text = f"accepted={accepted} stands at the end={stands} in the history={noted} refused with 412={refused}"
    return Figure(text=text, holds=accepted == stands == noted > 0 and refused > 0)


HARNESSES = [
    Harness(
        number=9,
        promise="No update of a triage item is lost, whoever else works on it",
        mutant="If-Match is not compared",
        run=_run,
    )
]
