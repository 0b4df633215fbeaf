"""Promise 33: a backup that is taken while districts push restores to the very rows that it was taken of.

Method: eight districts push, into a database that holds a million observations more, while ``equityaccess backup``
runs. ``equityaccess restore`` brings the backup into a new cluster and compares every table's hash with the manifest,
which was made of the live rows in the snapshot of the dump. Then the harness looks by itself, without the manifest:
what was acknowledged before the backup began is restored; every restored observation is one of the live ones, word for
word; and no push is torn, in that only its observation or only its verdict came along.
Figure: tables and rows that are equal, what is missing, other or torn, how long the backup and the restore took (RTO).
A dump loses what comes after it; how little may be lost (RPO) is the business of an archived write-ahead log.
Mutant: one row is another after the restore.
"""

import asyncio
import os
import sys
import time
from pathlib import Path

import asyncpg

from equityaccess import embedded
from equityaccess.commands import backup, manifest, restore
from tests.trust import clients, world
from tests.trust.harness import Figure, Harness, Run

_WITHIN_S = 60.0
_RTO_S = 15 * 60
# Far from what the clients of the load speak of: another LEA, another indicator.
_FILL = """
INSERT INTO observation (lea_id, indicator_id, student_group_id, as_of, revision, population, met, not_met,
                         not_applicable, evidence, submission_id, recorded_at)
SELECT i.lea_id, n.indicator_id, g.student_group_id, date '2018-07-01' + d, r, 1000, d % 1000, 0, 0, 'C',
       gen_random_uuid(), now()
  FROM identifier i, indicator n, student_group g, generate_series(0, 2999) d, generate_series(1, $2) r
 WHERE i.code = $1 AND n.code IN ('parent_workshop', 'technical_support', 'instructional_support')"""


def change_a_row() -> None:
    """A seeded defect: the restore counts one person twice."""
    program = backup.program

    def changing(name: str, url: str, *arguments: str) -> bytes:
        said = program(name, url, *arguments)
        if name == "pg_restore":
            one = "SELECT lea_id, indicator_id, student_group_id, as_of, revision FROM observation LIMIT 1"
            key = "(lea_id, indicator_id, student_group_id, as_of, revision)"
            program("psql", url, f"--command=UPDATE observation SET met = met + 1 WHERE {key} = ({one})")
        return said

    restore.program = changing


async def _command(url: str, *arguments: str, defect: str = "") -> tuple[int, str]:
    """Run a command of equityaccess; its exit code and the last line it said."""
    program = ["-m", "tests.trust.mutated", defect] if defect else ["-m", "equityaccess"]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *program,
        *arguments,
        env=os.environ | {"EQUITYACCESS_DATABASE_URL": url},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return process.returncode or 0, said.decode().strip().splitlines()[-1]


_OBSERVATIONS = "SELECT o::text FROM observation o WHERE o.population = $1"
_TORN = """
SELECT count(*) FROM (SELECT submission_id FROM observation WHERE population = $1) o
  FULL JOIN (SELECT submission_id FROM submission WHERE outcome = 'applied') s USING (submission_id)
 WHERE o.submission_id IS NULL OR s.submission_id IS NULL"""


async def _back_up(run: Run) -> Figure:
    with world.folder() as at:
        async with world.seeded(at) as url:
            secrets = await clients.keys(url, clients.DISTRICTS)
            await _fill(url, run.size(6, 0))
            async with world.serving(at, url) as service:
                load = clients.Load(lambda: service.port)
                async with load.running(secrets):
                    await load.more(30, _WITHIN_S)
                    before = dict(load.acked)
                    began = time.monotonic()
                    code, said = await _command(url, "backup", str(at / "backup"))
                    took, during = time.monotonic() - began, len(load.acked) - len(before)
                    await load.more(10, _WITHIN_S)
            if code:
                return Figure(text=f"the backup ended with {code}: {said}", holds=False)
            with embedded.postgres(at / "other" / "pg") as restored:
                return await _compared(run, at, url, restored, load, before, f"{took:.0f} s under {during} pushes")


async def _fill(url: str, revisions: int) -> None:
    admin = await asyncpg.connect(url)
    await admin.execute(_FILL, world.LAUSD, revisions, timeout=300)
    await admin.close()


async def _compared(
    run: Run,
    at: Path,
    url: str,
    restored: str,
    load: clients.Load,
    before: dict[clients.Cell, tuple[clients.Attempt, str]],
    backup_took: str,
) -> Figure:
    began = time.monotonic()
    defect = f"{__name__}:{change_a_row.__name__}" if run.mutant else ""
    code, said = await _command(restored, "restore", str(at / "backup"), defect=defect)
    took = time.monotonic() - began
    if code:
        return Figure(text=f"the restore ended with {code}: {said}", holds=False)
    live, there = await asyncpg.connect(url), await asyncpg.connect(restored)
    words = {line for (line,) in await live.fetch(_OBSERVATIONS, clients.POPULATION)}
    other = sum(line not in words for (line,) in await there.fetch(_OBSERVATIONS, clients.POPULATION))
    torn = await there.fetchval(_TORN, clients.POPULATION)
    await live.close()
    await there.close()
    told = clients.Load(lambda: 0)
    told.tried, told.acked = load.tried, before
    seen = await clients.tally(restored, told)
    what = manifest.read(at / "backup")
    text = (
        f"{len(what.tables)} tables, {what.rows} rows: all hashes equal; acked before={seen.acked} "
        f"missing={seen.lost} other={other + seen.phantom} torn={torn}; backup {backup_took}, "
        f"restore and comparison {took:.0f} s"
    )
    return Figure(text=text, holds=seen.is_clean and not other and not torn and took < _RTO_S)


HARNESSES = [
    Harness(
        number=33,
        promise="A backup taken under load restores to the very rows it was taken of",
        mutant="one row is another after the restore",
        run=_back_up,
    )
]
