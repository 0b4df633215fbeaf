"""Incremental coverage = rebuilt coverage = the plain oracle, on random histories.

A history is everything that happens to one indicator and group: pushes, corrections, late arrivals, plans that end,
days that pass, LEAs that open, close and leave the county. One round plays 25 of them side by side.
"""

import random
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import asyncpg
import pytest

from equityaccess.coverage import jobs
from equityaccess.database import Database, connect
from tests.conftest import settings_for
from tests.coverage.oracle import Seen, counting, figures
from tests.coverage.worlds import ASKED_FROM, GROUPS, INDICATORS, WORLD, settle

ROUNDS = 40  # of 25 histories
FIRST_DAY = date(2024, 8, 1)
Pair = tuple[str, str]


def noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 20, tzinfo=UTC)


def an_observation(dice: random.Random, lea: str, today: date, order: int) -> Seen:
    population = dice.choice([0, 1, 9, 40, 500, 4_100])
    met = dice.randint(0, population)
    not_met = dice.randint(0, population - met if dice.random() < 0.9 else population)
    not_applicable = dice.randint(0, (population - met) // 2)
    as_of = today - timedelta(days=int(dice.expovariate(1 / 15)))
    valid_until = as_of + timedelta(days=dice.randint(0, 60)) if dice.random() < 0.3 else None
    return Seen(lea, as_of, order, population, met, not_met, not_applicable, dice.choice("ABCD"), valid_until)


class Story:
    """One round: what happened so far, in the database and in plain lists."""

    def __init__(self, seed: int, url: str, database: Database, ids: tuple[dict[str, int], ...]) -> None:
        self.dice = random.Random(seed)
        self.url = url
        self.database = database
        self.leas, self.indicators, self.groups = ids
        self.today = FIRST_DAY + timedelta(days=self.dice.randint(0, 6))
        self.seen: dict[Pair, list[Seen]] = {(i, g): [] for i in INDICATORS for g in GROUPS}
        self.order = 0

    async def play(self, steps: int) -> None:
        self.connection = await asyncpg.connect(self.url)
        await self.connection.execute("TRUNCATE observation, coverage_mark, coverage_cell, coverage_point")
        for _ in range(steps):
            await self.dice.choices([self.push, self.drain, self.pass_days], [6, 2, 2])[0]()
        await self.job(jobs.expire_coverage)
        await self.job(jobs.aggregate_coverage)

    async def push(self) -> None:
        """Several observations of one LEA, for random pairs, marked in the same transaction."""
        lea = self.dice.choice(list(WORLD.leas))
        async with self.connection.transaction():
            for pair in self.dice.sample(sorted(self.seen), 6):
                self.order += 1
                await self.put(pair, an_observation(self.dice, lea, self.today, self.order))

    async def put(self, pair: Pair, new: Seen) -> None:
        revision = 1 + sum(s.lea == new.lea and s.as_of == new.as_of for s in self.seen[pair])
        lea, indicator, group = self.leas[new.lea], self.indicators[pair[0]], self.groups[pair[1]]
        await self.connection.execute(
            "INSERT INTO observation (lea_id, indicator_id, student_group_id, as_of, revision, population, met,"
            " not_met, not_applicable, evidence, valid_until, submission_id, recorded_at)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
            lea, indicator, group, new.as_of, revision, new.population, new.met, new.not_met, new.not_applicable,
            new.evidence, new.valid_until, uuid4(), noon(self.today),
        )  # fmt: skip
        await self.connection.execute(
            "INSERT INTO coverage_mark (lea_id, indicator_id, student_group_id, from_on) VALUES ($1, $2, $3, $4)",
            lea, indicator, group, new.as_of,
        )  # fmt: skip
        self.seen[pair].append(new)

    async def drain(self) -> None:
        await self.job(jobs.aggregate_coverage)

    async def pass_days(self) -> None:
        self.today += timedelta(days=self.dice.choice([1, 1, 2, 7, 30]))
        if self.dice.random() < 0.8:  # now and then the nightly job did not run
            await self.job(jobs.expire_coverage)

    async def job(self, job: object) -> object:
        async with self.database.transaction(role="aggregator") as tx:
            return await job(tx, noon(self.today))

    async def stored(self) -> dict[tuple[str, str, str, date], tuple[object, ...]]:
        rows = await self.connection.fetch(
            "SELECT p.scope, i.code, g.code, p.week_ending, p.population, p.met, p.not_met,"
            " p.not_applicable, p.unknown, p.unheard, p.leas_asked, p.leas_heard, p.evidence"
            " FROM coverage_point p JOIN indicator i USING (indicator_id) JOIN student_group g USING (student_group_id)"
        )
        return {tuple(row)[:4]: tuple(row)[4:] for row in rows}

    def expected(self) -> dict[tuple[str, str, str, date], tuple[object, ...]]:
        answer: dict[tuple[str, str, str, date], tuple[object, ...]] = {}
        running = self.today + timedelta(days=(6 - self.today.weekday()))
        for (indicator, group), seen in self.seen.items():
            if not seen and group != "ALL":
                continue
            first = min([s.as_of for s in seen] + [ASKED_FROM] * (group == "ALL"))
            ending = first + timedelta(days=6 - first.weekday())
            while ending <= running:
                day = min(ending, self.today)
                for scope, values in figures(WORLD, INDICATORS[indicator], group, seen, day).items():
                    answer[scope, indicator, group, ending] = values
                ending += timedelta(days=7)
        return answer


@pytest.fixture(scope="module")
async def county(server: str, migrated: str):
    from tests.conftest import clone, fresh_name

    async with clone(server, fresh_name("stories"), migrated) as url:
        ids = await settle(url)
        database = await connect(settings_for(url))
        yield url, database, ids
        await database.close()


@pytest.mark.parametrize("seed", range(ROUNDS))
async def test_incremental_and_rebuilt_coverage_agree_with_the_oracle(county, seed: int) -> None:
    story = Story(seed, *county)
    await story.play(steps=25)
    stored, expected = await story.stored(), story.expected()
    assert stored == expected
    cells = await story.connection.fetch("SELECT lea_id, indicator_id, student_group_id, as_of, met FROM coverage_cell")
    assert sorted(map(tuple, cells)) == sorted(
        (story.leas[lea], story.indicators[i], story.groups[g], counted.as_of, counted.met)
        for (i, g), seen in story.seen.items()
        for lea in WORLD.leas
        if (counted := counting(INDICATORS[i], seen, lea, story.today))
    )
    done = await story.job(jobs.rebuild_coverage)
    assert not done.failed, done.said
    await story.connection.close()


async def test_a_wrong_figure_is_found_said_and_mended_by_the_rebuild(county) -> None:
    story = Story(7, *county)
    await story.play(steps=25)
    await story.connection.execute("UPDATE coverage_point SET met = met + 1 WHERE scope = 'county' AND population > 0")
    done = await story.job(jobs.rebuild_coverage)
    assert done.failed
    assert "STORED FIGURES WERE WRONG" in done.said
    again = await story.job(jobs.rebuild_coverage)
    assert not again.failed, again.said
    await story.connection.close()
