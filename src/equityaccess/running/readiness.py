"""Whether this process can do its work now; asked often, and so worked out at most twice a second."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from equityaccess.database import Database, load_queries
from equityaccess.migrate import reason_to_refuse
from equityaccess.problems import Unavailable
from equityaccess.web import as_refusal

sql = load_queries(__file__)
LINE: Final = {"pool_size": 1, "pool_wait_s": 0.5, "statement_timeout_s": 0.4}  # so that the answer is there within 2 s
_KEPT_S: Final = 0.5
_RETRY: Final = {"Retry-After": "2"}


class Readiness:
    """The last answer, and how to find the next one."""

    def __init__(self, db: Database, revision: str, seconds: Callable[[], float] = time.monotonic) -> None:
        self._db, self._revision, self._seconds = db, revision, seconds
        self._asking = asyncio.Lock()
        self._asked_at = float("-inf")
        self._reason: str | None = None
        self.is_draining = False

    async def demand(self) -> None:
        """Raise Unavailable unless the database answers, its schema serves this code, and no stop is under way."""
        if self.is_draining:
            raise Unavailable("This process is about to stop.", headers=_RETRY)
        async with self._asking:
            if self._seconds() - self._asked_at > _KEPT_S:
                self._reason = await self._reason_not_to_be()
                self._asked_at = self._seconds()
        if self._reason:
            raise Unavailable(self._reason, headers=_RETRY)

    async def _reason_not_to_be(self) -> str | None:
        try:
            async with self._db.transaction() as tx:
                found = await tx.value(sql.schema_revision)
                oldest = await tx.value(sql.oldest_code) if found > self._revision else None
        except Exception as error:  # whatever it is, the answer is "not ready"
            return as_refusal(error).detail
        return reason_to_refuse(found, oldest, self._revision)
