"""Promise 23: an outage of the database is survived, without a restart and without a wrong word.

Method: eight districts push through one ``equityaccess serve`` whose line to PostgreSQL is a proxy of ours. The line is
disturbed in ten ways, one after the other, and healed. All the while /health/live and /health/ready are asked every
tenth of a second. After each fault a ninth district pushes until it is acknowledged; the eight may have to wait until
the pushes that were caught in the fault are given up. At the end every receipt is held against the database.
Figure: faults and how long each held; pushes acknowledged, lost, done twice; answers other than a receipt, 409 and 503;
times that /health/live did not answer 200 within 2 s; for the faults that are an outage the longest until /health/ready
said so; for all of them the longest until it was ready again and the ninth district's push was acknowledged.
Mutant: nobody cuts a line on which nothing comes, and readiness asks the pool that requests use.
"""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec

from equityaccess import app
from equityaccess.database import Transaction
from tests.line import Line
from tests.trust import clients, world
from tests.trust.harness import Figure, Harness, Run

_ASKED_EVERY_S = 0.1
_LIVE_WITHIN_S = 2.0
_HOLD_S = 4.0
_READY_WITHIN_S, _QUICK_READY_S = 2.0, 3.5
_AGAIN_WITHIN_S, _QUICK_AGAIN_S = 5.0, 30.0
_GIVE_UP_S = 60.0


def wait_for_ever() -> None:
    """A seeded defect: a silent database is waited for, by readiness too."""
    Transaction._heard = lambda _: contextlib.nullcontext()  # type: ignore[method-assign, assignment]
    app.LINE.update(pool_wait_s=1000.0, statement_timeout_s=1000.0)


class Fault(msgspec.Struct, frozen=True):
    """A way to disturb a line, and whether nothing works meanwhile."""

    name: str
    begin: Callable[[Line], None]
    end: Callable[[Line], None]
    is_outage: bool = False


def _set(line: Line, *, cuts: bool = False, **faults: object) -> None:
    for name, value in faults.items():
        setattr(line, name, value)
    if cuts:
        line.cut()


def _fault(
    name: str, *, is_outage: bool = False, cuts: bool = False, cuts_after: bool = False, **faults: object
) -> Fault:
    sound = {"is_open": True, "answers": True, "takes": True, "delay_s": 0.0, "slice": 65_536}
    begin, end = partial(_set, cuts=cuts, **faults), partial(_set, cuts=cuts_after, **sound)
    return Fault(name, begin, end, is_outage)


def _signal(at: Path, sig: int, _: Line) -> None:
    """Freeze or thaw PostgreSQL as a whole: it leads a session, and each of its processes a group of that session."""
    postmaster = int((at / "pg" / "postmaster.pid").read_text().split()[0])
    for process in [postmaster, *_children(postmaster)]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, sig)


def _children(parent: int) -> list[int]:
    tasks = Path(f"/proc/{parent}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


def _faults(at: Path) -> list[Fault]:
    return [
        _fault("down", is_outage=True, cuts=True, takes=False),
        _fault("black hole", is_outage=True, is_open=False),
        _fault("answers lost, then reset", is_outage=True, answers=False, cuts_after=True),
        _fault("new connections refused", takes=False),
        _fault("reset", cuts=True),
        _fault("0.2 s late", delay_s=0.2),
        _fault("in slices of 16 bytes", slice=16),
        _fault("25 kB/s", slice=512, delay_s=0.02),
        _fault("answers lost", is_outage=True, answers=False),
        Fault("frozen", partial(_signal, at, signal.SIGSTOP), partial(_signal, at, signal.SIGCONT), is_outage=True),
    ]


class _Health:
    """What /health/live and /health/ready say, for as long as they are asked."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.not_live = 0
        self.is_ready = True

    @contextlib.asynccontextmanager
    async def asked(self) -> "contextlib.AsyncGenerator[None]":
        """Ask both, over and over, until the block ends."""
        asking = [asyncio.create_task(self._live()), asyncio.create_task(self._ready())]
        try:
            yield
        finally:
            for task in asking:
                task.cancel()
            await asyncio.gather(*asking, return_exceptions=True)

    async def _live(self) -> None:
        while True:
            self.not_live += await self._status("live") != 200
            await asyncio.sleep(_ASKED_EVERY_S)

    async def _ready(self) -> None:
        while True:
            status = await self._status("ready")
            self.is_ready = status == 200 if status else self.is_ready  # no answer is not the answer 503
            await asyncio.sleep(_ASKED_EVERY_S)

    async def _status(self, what: str) -> int:
        try:
            async with asyncio.timeout(_LIVE_WITHIN_S):
                connection = await clients.connect(self._port)
                try:
                    await connection.send(b"", target=f"GET /health/{what}")
                    return (await connection.answer()).status
                finally:
                    connection.hang_up()
        except clients.AMBIGUOUS:
            return 0

    async def until(self, *, ready: bool) -> float:
        """How many seconds it takes until it says so, at most a minute."""
        began = time.monotonic()
        while self.is_ready is not ready and time.monotonic() - began < _GIVE_UP_S:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        return time.monotonic() - began


class _Ninth:
    """A district that has pushed nothing yet when a fault is over."""

    def __init__(self, port: int, secret: str) -> None:
        self._port, self._secret = port, secret
        self._attempts = clients.attempts(world.LAUSD)

    async def acknowledged(self) -> None:
        """Push until one is, at most a minute."""
        until = time.monotonic() + _GIVE_UP_S
        while time.monotonic() < until and await self._push() not in (200, 201):  # noqa: ASYNC110
            await asyncio.sleep(0.05)

    async def _push(self) -> int:
        try:
            async with asyncio.timeout(_LIVE_WITHIN_S):
                connection = await clients.connect(self._port)
                try:
                    await connection.send(next(self._attempts).body, *clients.headers_for(self._secret))
                    return (await connection.answer()).status
                finally:
                    connection.hang_up()
        except clients.AMBIGUOUS:
            return 0


async def _disturb(line: Line, fault: Fault, hold_s: float, health: _Health, ninth: _Ninth) -> tuple[float, float]:
    """How long until readiness said so, and until all was well again after it."""
    told = 0.0
    fault.begin(line)
    began = time.monotonic()
    try:
        if fault.is_outage:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(hold_s):
                    await health.until(ready=False)
            told = time.monotonic() - began
        await asyncio.sleep(max(0.0, hold_s - (time.monotonic() - began)))
    finally:
        fault.end(line)
    healed = time.monotonic()
    await health.until(ready=True)
    await ninth.acknowledged()
    return told, time.monotonic() - healed


async def _outages(run: Run) -> Figure:
    told: dict[str, float] = {}
    again: dict[str, float] = {}
    with world.folder() as at:
        async with world.seeded(at) as url, Line.to(url) as line:
            *secrets, ninths = await clients.keys(url, [*clients.DISTRICTS, world.LAUSD])
            defect = f"{__name__}:wait_for_ever" if run.mutant else ""
            faults = _faults(at)[: run.size(10, 2)]
            async with world.serving(at, line.url, defect=defect) as service:
                load, health = clients.Load(lambda: service.port), _Health(service.port)
                ninth = _Ninth(service.port, ninths)
                async with health.asked(), load.running(secrets):
                    for fault in faults:
                        await load.more(8, _GIVE_UP_S)
                        told[fault.name], again[fault.name] = await _disturb(line, fault, _HOLD_S, health, ninth)
                        if again[fault.name] > _GIVE_UP_S / 2 or load.unexpected:
                            break
                    line.cut()
                is_same = service.process.poll() is None
            seen = await clients.tally(url, load)
    late, slow = max(told, key=told.__getitem__), max(again, key=again.__getitem__)
    text = f"faults={len(again)} of {_HOLD_S:.0f} s; {seen} other answers={len(load.unexpected)}; live failed"
    text += f" {health.not_live} times; not ready within {told[late]:.1f} s ({late}); well again within"
    text += f" {again[slow]:.1f} s ({slow})"
    if load.unexpected:
        text += f"; such as {load.unexpected[0]}"
    is_told = told[late] < run.bound(_READY_WITHIN_S, _QUICK_READY_S)
    is_prompt = is_told and again[slow] < run.bound(_AGAIN_WITHIN_S, _QUICK_AGAIN_S)
    return Figure(
        text=text, holds=seen.is_clean and is_prompt and is_same and not load.unexpected and not health.not_live
    )


HARNESSES = [
    Harness(
        number=23,
        promise="An outage of the database is survived without a restart, and told within 2 s",
        mutant="a silent database is waited for",
        run=_outages,
        runs_alone=True,
    ),
]
