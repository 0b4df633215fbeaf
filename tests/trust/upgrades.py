"""Promise 35: the schema moves while requests are served, by the code of the release before.

Method: squawk reads every migration. Then four districts push through ``equityaccess serve``, somebody reads
observations in transactions of three seconds, and the schema is moved on by four revisions made from the recipes of
db/README.md: a column and a constraint on `observation`, which is then validated, a table, an index built concurrently.
The service that answers knows nothing of them: it is the release before. At the end another process of it is started.
Figure: what squawk found; revisions applied and how often one of them had to let go of a lock and try again; the p99 of
the pushes meanwhile, beside that before, and how many were answered 5xx; whether that release is ready, and starts.
Mutant: the revisions wait for their locks.
"""

import asyncio
import contextlib
import shutil
import time
from pathlib import Path

import asyncpg
from alembic.config import Config

from equityaccess import migrate
from equityaccess.bundled import bundled
from tests.migrations import findings
from tests.trust import clients, world
from tests.trust.harness import Figure, Harness, Run

_P99_S, _QUICK_P99_S = 1.0, 2.0
_READ_S, _PAUSE_S = 3.0, 1.5
_WITHIN_S = 120.0
_DISTRICTS = clients.DISTRICTS[:4]
_RECIPES = {
    "add_a_column": ["ALTER TABLE observation ADD COLUMN met_by_library integer"],
    "demand_it": [
        "ALTER TABLE observation ADD CONSTRAINT library_counts CHECK (met_by_library >= 0) NOT VALID",
        "ALTER TABLE submission ADD COLUMN noted text",
    ],
    "validate_it": [
        "ALTER TABLE observation VALIDATE CONSTRAINT library_counts",
        "CREATE TABLE library (lea_id integer NOT NULL REFERENCES lea, library_id bigint PRIMARY KEY)",
        "ALTER TABLE library ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE library FORCE ROW LEVEL SECURITY",
        "GRANT SELECT ON library TO equityaccess_app",
    ],
    "build_an_index": [],
}
_CONCURRENTLY = """
    with op.get_context().autocommit_block():
        op.execute("SET ROLE equityaccess_owner")
        op.execute("CREATE INDEX CONCURRENTLY submission_of_key ON submission (key_id)")
        op.execute("RESET ROLE")
"""


def _next_release(at: Path, lock_timeout: str) -> Config:
    """The migrations of a release to come, in *at*: those there are, and one for each recipe."""
    folder = at / "migrations"
    shutil.copytree(bundled("db") / "migrations", folder)
    before = migrate.code_revision()
    for number, (name, statements) in enumerate(_RECIPES.items(), int(before) + 1):
        opening = ["SET LOCAL ROLE equityaccess_owner", f"SET LOCAL lock_timeout = '{lock_timeout}'"]
        lines = [f"    op.execute({one!r})\n" for one in [*opening, "SET LOCAL statement_timeout = '60s'", *statements]]
        head = f"from alembic import op\n\nrevision, down_revision = '{number:04}', '{before}'\n\n\ndef upgrade():\n"
        body = "".join(lines) if statements else _CONCURRENTLY
        (folder / "versions" / f"{number:04}_{name}.py").write_text(head + body)
        before = f"{number:04}"
    config = Config()
    config.set_main_option("script_location", str(folder))
    return config


class _Pushing:
    """Districts that push one after the other: how long each push took, and what was answered 5xx or not at all."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.took: list[float] = []
        self.failed: list[str] = []

    async def district(self, lea: str, secret: str) -> None:
        """Push until cancelled."""
        connection = await clients.connect(self._port)
        for attempt in clients.attempts(lea):
            began = time.monotonic()
            try:
                await connection.send(attempt.body, *clients.headers_for(secret))
                answer = await connection.answer()
            except clients.AMBIGUOUS as error:
                self.failed.append(f"no answer: {type(error).__name__}")
                return
            self.took.append(time.monotonic() - began)
            if answer.status >= 500:
                self.failed.append(f"{answer.status} {answer.body[:200].decode()}")

    def p99(self, first: int = 0, last: int | None = None) -> float:
        """Of the pushes from *first* to *last*."""
        took = sorted(self.took[first:last])
        return took[len(took) * 99 // 100]


async def _read_on_and_on(url: str) -> None:
    reader = await asyncpg.connect(url)
    try:
        while True:
            async with reader.transaction():
                await reader.fetchval("SELECT count(*) FROM observation")
                await reader.fetchval("SELECT count(*) FROM submission")
                await asyncio.sleep(_READ_S)
            await asyncio.sleep(_PAUSE_S)
    finally:
        await reader.close()


@contextlib.asynccontextmanager
async def _meanwhile(*work: "asyncio._CoroutineLike[None]") -> "contextlib.AsyncGenerator[None]":
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    if early := [end for end in ended if isinstance(end, Exception)]:
        raise RuntimeError(f"a client ended before it was told to: {early[0]!r}")


async def _upgrades(run: Run) -> Figure:
    found = findings()
    tries = 0
    upgrade = migrate._upgrade

    def counted(*of: object) -> None:
        nonlocal tries
        tries += 1
        upgrade(*of)

    with world.folder() as at:
        async with world.seeded(at) as url:
            secrets = await clients.keys(url, _DISTRICTS)
            async with world.serving(at, url) as service:
                pushing = _Pushing(service.port)
                districts = [pushing.district(*one) for one in zip(_DISTRICTS, secrets, strict=True)]
                async with _meanwhile(*districts):
                    await asyncio.sleep(run.size(8, 3))
                    first = len(pushing.took)
                    config = _next_release(at, "30s" if run.mutant else "300ms")
                    migrate.config, migrate._upgrade = lambda: config, counted
                    async with _meanwhile(_read_on_and_on(url)), asyncio.timeout(_WITHIN_S):
                        await asyncio.sleep(0.5)
                        before, after = await migrate.migrate(url)
                    last = len(pushing.took)
                is_ready = await _is_ready(service.port)
                async with world.serving(at, url) as another:
                    starts = await _is_ready(another.port)
    calm, meanwhile = pushing.p99(0, first), pushing.p99(first, last)
    text = (
        f"squawk found {len(found)}; {int(after) - int(before)} revisions, {tries - 1} times let go of a lock; p99 of"
    )
    text += f" {last - first} pushes meanwhile {meanwhile:.2f} s ({calm:.2f} s before), 5xx={len(pushing.failed)}; the"
    text += f" release before is {'' if is_ready else 'not '}ready and {'starts' if starts else 'does not start'}"
    if pushing.failed:
        text += f"; such as {pushing.failed[0]}"
    is_sound = not found and int(after) - int(before) == len(_RECIPES) and is_ready and starts and not pushing.failed
    return Figure(text=text, holds=is_sound and meanwhile < run.bound(_P99_S, _QUICK_P99_S))


async def _is_ready(port: int) -> bool:
    connection = await clients.connect(port)
    await connection.send(b"", target="GET /health/ready")
    status = (await connection.answer()).status
    connection.hang_up()
    return status == 200


HARNESSES = [
    Harness(
        number=35,
        promise="The schema moves while requests are served, by the code of the release before",
        mutant="the migrations wait for their locks",
        run=_upgrades,
        runs_alone=True,
    ),
]
