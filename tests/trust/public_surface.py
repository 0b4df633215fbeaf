"""Promise 30: what answers without a key shows nothing raw.

Method: districts push to a running service, each with groups of two to ten people; a release is published, and every
address that answers without a key is read. In what comes back, every figure of a small group has to be withheld, in
JSON, in the file and in the database, and no answer may say more of a figure than a release does. The role of the
database that those routes take is asked for every table.
Figure: answers read; small groups pushed; those shown; tables that the role reads.
Mutant: a release of cells that nobody protected.
"""

import contextlib
import csv
import io
import itertools
import re

import asyncpg
import httpx

from equityaccess import clock, database
from equityaccess.publication import rules
from equityaccess.publication.jobs import publish_open_data
from equityaccess.publication.suppression import Protected, protect, shown
from tests.trust import clients, world
from tests.trust.harness import Figure, Harness, Run

_PUBLIC = {"release", "release_cell", "alembic_version"}
_PUBLISHED = ("releases", "releases/1", "coverage", "coverage?scope=leas")
_PLACES = (
    *("/", "/docs", "/openapi.json", "/problems", "/health/live", "/health/ready"),
    *(f"/v1/public/{place}" for place in _PUBLISHED),
)
_RAW = re.compile(r'"(met|not_met|population|unknown)":')


def _unprotected(cells: object, **_: object) -> Protected:
    looks = {key: shown(cell) for key, cell in cells.items()}  # type: ignore[attr-defined]
    return Protected(cells=looks, primary=0, complementary=0, unprotected=[])


async def _push(port: int, secrets: list[str], people: int) -> set[tuple[str, str]]:
    """Push for each district ALL and some small groups; which cells are small."""
    small, sizes = set(), itertools.cycle(range(2, people + 1))
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        for lea, secret in zip(clients.DISTRICTS, secrets, strict=True):
            of = {"indicator": "home_internet", "as_of": str(clock.today()), "evidence": "C"}
            sent = [of | {"student_group": "ALL", "population": 5_000, "met": 3_100, "not_met": 900}]
            for group in clients.GROUPS:
                size = next(sizes)
                sent.append(of | {"student_group": group, "population": size, "met": size - 1, "not_met": 1})
                small.add((lea, group))
            answer = await client.post(
                "/v1/submissions",
                json={"lea": lea, "observations": sent},
                headers={"Authorization": f"Bearer {secret}"},
            )
            if answer.status_code != 201:
                raise RuntimeError(answer.text)
    return small


async def _readable(url: str) -> set[str]:
    """The tables that the role of the public routes may read."""
    line = await asyncpg.connect(database.plain_url(url))
    tables = await line.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    await line.execute("SET ROLE equityaccess_public")
    found = set()
    for (name,) in tables:
        with contextlib.suppress(asyncpg.InsufficientPrivilegeError):
            await line.fetch(f'SELECT * FROM "{name}" LIMIT 1')
            found.add(name)
    await line.close()
    return found


async def _run(run: Run) -> Figure:
    with world.folder() as at:
        async with world.seeded(at) as url, world.serving(at, url) as service:
            small = await _push(service.port, await clients.keys(url, clients.DISTRICTS), run.size(10, 6))
            db = await database.connect(world.settings_for(url))
            rules.protect = _unprotected if run.mutant else protect
            async with db.transaction(role="aggregator", patience_s=60) as tx:
                await publish_open_data(tx, clock.now())
            await db.close()
            answers = 0
            shown_small = set()
            raw = 0
            async with httpx.AsyncClient(base_url=service.url) as client:
                for lea in clients.DISTRICTS:
                    found = (await client.get(f"/v1/public/coverage?scope={lea}")).json()["items"]
                    figures = {
                        (lea, one["student_group"]): one["figures"]["kind"]
                        for one in found
                        if one["indicator"] == "home_internet"
                    }
                    shown_small |= {key for key in small if key[0] == lea and figures[key] != "suppressed"}
                    answers += 1
                file = await client.get("/v1/public/releases/1.csv")
                for one in csv.DictReader(io.StringIO(file.text)):
                    key = (one["scope"], one["student_group"])
                    if one["indicator"] == "home_internet" and key in small and one["base"] != "suppressed":
                        shown_small.add(key)
                for place in (
                    *_PLACES,
                    "/v1/public/releases/1",
                    "/v1/public/coverage",
                    "/v1/public/coverage?scope=leas",
                ):
                    answer = await client.get(place)
                    answers += 1
                    raw += "public" in place and bool(_RAW.search(answer.text))
            readable = await _readable(url)
    text = f"answers={answers} small groups pushed={len(small)} shown={len(shown_small)} raw counts={raw}"
    text += f" tables that the role reads={','.join(sorted(readable))}"
    return Figure(text=text, holds=bool(small) and not shown_small and not raw and readable <= _PUBLIC)


HARNESSES = [
    Harness(
        number=30,
        promise="Without a key nobody sees anything but releases, and in them no small group",
        mutant="a release of cells that nobody protected",
        run=_run,
    )
]
