"""Promise 3: safe settings of the database are enforced.

Method: PostgreSQL is started with ``fsync``, ``full_page_writes`` and ``synchronous_commit`` off, one after the other.
``equityaccess serve`` and ``equityaccess scheduler`` are started on it, and must end with an exit code that is not 0
and name the setting. A service that was running on safe settings meets the same restart under it; it must answer 503,
and push again when the settings are safe again.
Figure: of the settings, by how many the start was refused, and how many a running service met with 503.
Mutant: the check is taken out.
"""

import asyncio
import time
from pathlib import Path

from tests.trust import clients, world
from tests.trust.harness import Figure, Harness, Run
from tests.trust.kills import WITHIN_S, Postgres, demand_nothing

_UNSAFE = ("fsync", "full_page_writes", "synchronous_commit")
_DEFECT = f"{demand_nothing.__module__}:{demand_nothing.__name__}"


async def _is_refused(at: Path, url: str, command: str, setting: str, defect: str) -> bool:
    """Whether *command* ends by itself, with an exit code that says so and a line that names *setting*."""
    folder = at / f"{setting}-{command}"
    folder.mkdir()
    service = world.start(folder, url, command, port=world.free_port(), defect=defect)
    try:
        deadline = time.monotonic() + WITHIN_S
        while service.process.poll() is None and time.monotonic() < deadline:
            if await _answers(service.port):
                return False
            await asyncio.sleep(0.05)
        return service.process.poll() not in (None, 0) and f"{setting} = off" in service.log.read_text()
    finally:
        world.stop(service)


async def _answers(port: int) -> bool:
    try:
        (await clients.connect(port)).hang_up()
    except OSError:
        return False
    return True


async def _push(port: int, secret: str, attempt: clients.Attempt) -> int:
    connection = await clients.connect(port)
    await connection.send(attempt.body, *clients.headers_for(secret, attempt.name))
    answer = await connection.answer()
    connection.hang_up()
    return answer.status


async def _refused(run: Run) -> Figure:
    commands = ("serve", "scheduler") if run.size(2, 1) > 1 else ("serve",)
    defect = _DEFECT if run.mutant else ""
    refused = dict.fromkeys(commands, 0)
    met: list[int] = []
    again: list[int] = []
    with world.folder() as at:
        world.copy_prepared(at)
        postgres = Postgres(at, {})
        await postgres.start()
        try:
            lea = clients.DISTRICTS[0]
            [secret] = await clients.keys(postgres.url, [lea])
            pushes = clients.attempts(lea)
            async with world.serving(at, postgres.url, defect=defect) as service:
                for setting in _UNSAFE:
                    await postgres.restart({setting: "off"})
                    met.append(await _push(service.port, secret, next(pushes)))
                    starts = (_is_refused(at, postgres.url, command, setting, defect) for command in commands)
                    for command, is_refused in zip(commands, await asyncio.gather(*starts), strict=True):
                        refused[command] += is_refused
                await postgres.restart({})
                again.append(await _push(service.port, secret, next(pushes)))
        finally:
            postgres.stop()
    said = ", ".join(f"`{command}` refused {times}/{len(_UNSAFE)}" for command, times in refused.items())
    text = f"{said}; under a running service 503 {met.count(503)}/{len(_UNSAFE)}, then {again[0]}"
    holds = set(refused.values()) == {len(_UNSAFE)} and met == [503] * len(_UNSAFE) and again == [201]
    return Figure(text=text, holds=holds)


HARNESSES = [
    Harness(
        number=3,
        promise="A database that would forget what was acknowledged is refused",
        mutant="nobody checks the settings",
        run=_refused,
    )
]
