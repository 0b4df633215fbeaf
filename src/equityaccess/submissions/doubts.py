"""What pushes left in doubt, for those who mend data."""

from datetime import datetime
from uuid import UUID

import msgspec

from equityaccess.database import Transaction
from equityaccess.submissions.store import sql


class Doubt(msgspec.Struct, frozen=True, kw_only=True):
    """What a push that was taken left in doubt: warnings of one kind, and who can say whether they matter."""

    submission_id: UUID
    lea_ids: list[int]
    received_at: datetime
    code: str
    owner: str
    times: int
    example: str


async def doubts(tx: Transaction, since: datetime, limit: int) -> list[Doubt]:
    """What the newest pushes since an instant left in doubt, the oldest first."""
    return await tx.all(sql.doubts, Doubt, since=since, limit=limit)
