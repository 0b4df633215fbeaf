"""What changed, told at once to whoever waits in this process: a line of its own on which PostgreSQL speaks.

A transaction that changes something says so with ``Transaction.announce``; it is heard when it commits, in every
process. What is told is a word and nothing else: who hears it asks again for what it may see.
"""

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any, Final, cast, get_args

import asyncpg
import structlog

from equityaccess.database import CHANNEL, CONNECT_S, Subject, plain_url
from equityaccess.settings import Settings

SUBJECTS: Final = frozenset(get_args(Subject))
_AGAIN_S: Final = 1.0  # after which a lost line is sought again
_ALIVE_S: Final = 20.0  # after which a silent line is asked whether it is still there
_log = structlog.get_logger()


class Reader:
    """What one who waits has not heard yet: each subject once, however often it was told."""

    def __init__(self) -> None:
        self._new: set[Subject] = set()
        self._told = asyncio.Event()

    def hear(self, subject: Subject) -> None:
        """Keep *subject* until it is asked for."""
        self._new.add(subject)
        self._told.set()

    async def next(self, patience_s: float) -> frozenset[Subject]:
        """The subjects told since the last time; none when nothing is told for *patience_s*."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                await self._told.wait()
        new = frozenset(self._new)
        self._new.clear()
        self._told.clear()
        return new


class News:
    """One line to PostgreSQL, and everybody in this process who waits for what is told on it."""

    def __init__(self, settings: Settings) -> None:
        self._url = plain_url(settings.database_url)
        self._readers: set[Reader] = set()

    @property
    def readers(self) -> int:
        """How many wait."""
        return len(self._readers)

    @contextlib.contextmanager
    def reader(self) -> Iterator[Reader]:
        """Somebody who waits, as long as the block lasts."""
        reader = Reader()
        self._readers.add(reader)
        try:
            yield reader
        finally:
            self._readers.discard(reader)

    async def listen(self) -> None:
        """Pass on what is told, until cancelled; a lost line is sought again.

        After each connection everything counts as told: nobody knows what was said in between.
        """
        while True:
            try:
                await self._listen_once()
            except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                _log.warning("news_line_lost", error=type(error).__name__)
            await asyncio.sleep(_AGAIN_S)

    async def _listen_once(self) -> None:
        names = {"application_name": "equityaccess news", "role": "equityaccess_app"}
        line = await asyncpg.connect(self._url, timeout=CONNECT_S, server_settings=names)
        gone = asyncio.Event()
        line.add_termination_listener(lambda _: gone.set())
        try:
            await line.add_listener(CHANNEL, self._told)
            for subject in SUBJECTS:
                self._tell(subject)
            while not gone.is_set():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_ALIVE_S):
                        await gone.wait()
                if not gone.is_set():  # a server that vanished without a word says nothing of itself
                    await line.execute("SELECT 1", timeout=CONNECT_S)
        finally:
            line.terminate()

    def _told(self, _line: object, _pid: int, _channel: str, payload: Any) -> None:  # noqa: ANN401, as asyncpg has it
        if payload in SUBJECTS:  # a process of the next release may tell more
            self._tell(cast("Subject", payload))

    def _tell(self, subject: Subject) -> None:
        for reader in self._readers:
            reader.hear(subject)
