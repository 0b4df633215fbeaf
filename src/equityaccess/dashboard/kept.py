"""Pages that are the same for everybody: made once, and given to all who ask for a few seconds."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Final

KEPT_S: Final = 5.0  # a release shows this late at most, which is what open boards are promised too
_MOST: Final = 64  # pages; searches differ without end


class Kept:
    """Bodies by what they answer. However many ask for one at once, it is made once."""

    def __init__(self) -> None:
        self._made: dict[Hashable, tuple[float, asyncio.Task[bytes]]] = {}

    async def get(self, key: Hashable, make: Callable[[], Coroutine[Any, Any, bytes]]) -> bytes:
        """What *make* made for *key* within the last ``KEPT_S`` seconds, or makes now. Its errors are not kept."""
        now = asyncio.get_running_loop().time()
        until, task = self._made.get(key, (now, None))
        if task is None or until <= now:
            self._made.pop(key, None)
            while len(self._made) >= _MOST:
                del self._made[next(iter(self._made))]
            task = asyncio.create_task(make())
            self._made[key] = (now + KEPT_S, task)
            task.add_done_callback(lambda done: self._let_go(key, done))
        return await asyncio.shield(task)  # who asked first may hang up; the others still want it

    def _let_go(self, key: Hashable, done: asyncio.Task[bytes]) -> None:
        """Forget *done* when it failed; asks for its error too, which is told by whoever waited for it."""
        if (done.cancelled() or done.exception()) and self._made.get(key, (0, None))[1] is done:
            del self._made[key]
