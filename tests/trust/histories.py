"""Promise 27: aggregates are exact.

Method: a history is what happens to one indicator and student group: pushes, corrections, late arrivals, plans that
end, days that pass, LEAs that open, close and leave the county; now and then the nightly job does not run. 250 of
them are played side by side in one database, 40 times over. After each round every stored figure of every week is
held against a plain Python oracle that knows only the glossary. Then everything is worked out from the observations
again, which must find no difference; and once more after the figures were deleted and every cell marked, in random
order and drained in pieces.
Figure: histories; stored figures compared; differences to the oracle, to the rebuild and to the other order.
Mutant: the end of a plan is one day off.
"""

import random
from datetime import date
from typing import Any

import asyncpg

from equityaccess import database
from equityaccess.coverage import jobs, store
from equityaccess.database import Database, Queries, Query
from tests.coverage import test_aggregation, worlds
from tests.coverage.test_aggregation import Story
from tests.trust import world
from tests.trust.harness import Figure, Harness, Run

_GROUPS = (*worlds.GROUPS, *(f"G{number:02}" for number in range(45)))
_EACH_PUSH = 60  # pairs
Points = dict[tuple[str, str, str, date], tuple[object, ...]]


class _LargeStory(Story):
    """A story of many pairs, in which every push speaks of more of them."""

    async def push(self) -> None:
        for _ in range(_EACH_PUSH // 6):
            await super().push()


def _one_day_off() -> None:
    """Seeds the defect: wherever a plan's last day is looked at, the day after it counts too."""
    changed = [
        Query(query.name, query.sql.replace("o.valid_until + 1", "o.valid_until + 2"), query.parameters)
        for query in store.sql
    ]
    store.sql = Queries(changed)


async def _otherwise(story: Story, db: Database) -> Points:
    """The figures worked out again from nothing, from marks in another order that are drained in pieces."""
    dice = random.Random(story.order)
    marks = await story.connection.fetch(
        "SELECT lea_id, indicator_id, student_group_id, min(as_of) FROM observation GROUP BY 1, 2, 3"
    )
    asked = await story.connection.fetch(
        "SELECT DISTINCT NULL::int, indicator_id, student_group_id, min(as_of) FROM coverage_point GROUP BY 2, 3"
    )
    await story.connection.execute("TRUNCATE coverage_mark, coverage_cell, coverage_point")
    every = [tuple(mark) for mark in [*marks, *asked]]
    dice.shuffle(every)
    for piece in (every[: len(every) // 3], every[len(every) // 3 :]):
        await story.connection.executemany(
            "INSERT INTO coverage_mark (lea_id, indicator_id, student_group_id, from_on) VALUES ($1, $2, $3, $4)", piece
        )
        await story.job(jobs.aggregate_coverage)
    await story.job(jobs.expire_coverage)
    return await story.stored()


async def _round(seed: int, url: str, db: Database, ids: Any) -> tuple[int, int, int, int]:
    """How many figures were compared, and how many differ from the oracle, the rebuild and the other order."""
    story = _LargeStory(seed, url, db, ids)
    await story.play(steps=25)
    stored, expected = await story.stored(), story.expected()
    wrong = sum(stored.get(place) != expected.get(place) for place in stored.keys() | expected.keys())
    done = await story.job(jobs.rebuild_coverage)
    again = await _otherwise(story, db)
    other = sum(stored.get(place) != again.get(place) for place in stored.keys() | again.keys())
    await story.connection.close()
    return len(stored), wrong, done.touched if done.failed else 0, other


async def _run(run: Run) -> Figure:
    worlds.GROUPS = test_aggregation.GROUPS = _GROUPS
    if run.mutant:
        _one_day_off()
    with world.folder() as at:
        async with world.seeded(at, durable=False) as url:
            admin = await asyncpg.connect(url)
            await admin.execute("TRUNCATE lea, indicator, student_group CASCADE")
            await admin.close()
            ids = await worlds.settle(url)
            db = await database.connect(world.settings_for(url))
            rounds = run.size(40, 1)
            seen = [await _round(27_000 + number, url, db, ids) for number in range(rounds)]
            await db.close()
    figures, wrong, rebuilt, other = (sum(column) for column in zip(*seen, strict=True))
    text = (
        f"histories={rounds * len(_GROUPS) * len(worlds.INDICATORS)} figures={figures} "
        f"unlike_oracle={wrong} unlike_rebuild={rebuilt} unlike_other_order={other}"
    )
    return Figure(text=text, holds=figures > 0 and not wrong and not rebuilt and not other)


HARNESSES = [
    Harness(
        number=27,
        promise="Aggregates are exact: bit for bit those of a plain oracle, in any order, however often",
        mutant="the last day of a plan is one day off",
        run=_run,
    )
]
