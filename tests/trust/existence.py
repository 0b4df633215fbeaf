"""Promise 40: what is another's and what there is not are answered alike, and as fast.

Method: pairs of requests, in random order, by the key of one LEA: a submission of another LEA, and one that there is
not. Each pair is compared in status and in everything else but the id that was asked for and the request id; the
medians of the times are compared over all pairs.
Figure: pairs; pairs that differ; the two medians and by how much they differ, which may be 5 %.
Mutant: a foreign submission is found first and its LEA looked up, to be refused then.
"""

import random
import statistics
import time
from typing import Any, Final
from uuid import UUID, uuid4

import httpx

from equityaccess.access.store import lea_codes
from equityaccess.database import Query, Transaction
from equityaccess.submissions import store
from tests.trust import world
from tests.trust.districts import District, settle
from tests.trust.harness import Figure, Harness, Run

_MOST_APART: Final = 0.05
_QUICK_APART: Final = 0.25
_ABOUT_THE_REQUEST: Final = ("x-request-id", "ratelimit", "ratelimit-policy", "date")


async def _asked(client: httpx.AsyncClient, submission_id: UUID, headers: dict[str, str]) -> tuple[float, object]:
    """How long an answer took, and what it said but for what is about this very request."""
    began = time.perf_counter()
    answer = await client.get(f"/v1/submissions/{submission_id}", headers=headers)
    took = time.perf_counter() - began
    text = answer.text.replace(str(submission_id), "").replace(answer.headers["X-Request-Id"], "")
    said = {name: value for name, value in answer.headers.items() if name not in _ABOUT_THE_REQUEST}
    return took, (answer.status_code, text, said)


async def _pairs(
    client: httpx.AsyncClient, districts: list[District], count: int
) -> tuple[dict[str, list[float]], int, set[int]]:
    """The times of foreign and of unknown submissions, how many pairs differed, and the statuses."""
    chance = random.Random(40)
    mine, *others = districts
    headers = {"Authorization": f"Bearer {mine.secret}"}
    times: dict[str, list[float]] = {"foreign": [], "unknown": []}
    different, statuses = 0, set()
    for _ in range(count):
        both = [("foreign", chance.choice(others).submission_id), ("unknown", uuid4())]
        chance.shuffle(both)
        said = []
        for kind, submission_id in both:
            took, what = await _asked(client, submission_id, headers)
            times[kind].append(took)
            said.append(what)
            statuses.add(what[0])
        different += said[0] != said[1]
    return times, different, statuses


def look_first() -> None:
    """The seeded defect: the submission is looked for past the wall, and its LEA's name, before the wall is asked."""
    as_ever = store.submission

    async def submission(tx: Transaction, submission_id: UUID) -> Any:
        await tx.execute(Query("see", "SELECT set_config('app.every_lea', 'on', true)", ()))
        if await as_ever(tx, submission_id):
            await lea_codes(tx)
        await tx.execute(Query("unsee", "SELECT set_config('app.every_lea', 'off', true)", ()))
        return await as_ever(tx, submission_id)

    store.submission = submission


async def run(run: Run) -> Figure:
    count = run.size(5_000, 400)
    defect = "tests.trust.existence:look_first" if run.mutant else ""
    with world.folder() as at:
        async with world.seeded(at) as url:
            districts = await settle(url, 20)
            async with (
                world.serving(at, url, defect=defect) as service,
                httpx.AsyncClient(base_url=service.url, timeout=60) as client,
            ):
                await _pairs(client, districts, 50)  # plans, caches
                times, different, statuses = await _pairs(client, districts, count)
    foreign, unknown = (statistics.median(times[kind]) * 1000 for kind in ("foreign", "unknown"))
    apart = abs(foreign - unknown) / min(foreign, unknown)
    return Figure(
        text=f"pairs={count} different={different} foreign_p50={foreign:.2f}ms unknown_p50={unknown:.2f}ms "
        f"apart={apart:.1%}",
        holds=not different and statuses == {404} and apart <= run.bound(_MOST_APART, _QUICK_APART),
    )


HARNESSES = [
    Harness(
        number=40,
        promise="What is another's and what there is not are answered alike, and within 5 % of the same time",
        mutant="a foreign submission is found first, and its LEA looked up, before it is refused",
        run=run,
        runs_alone=True,
    )
]
