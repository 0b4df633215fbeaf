"""An Idempotency-Key makes a retry safe: the same push twice is done once and answered twice."""

import hashlib
import re
from datetime import datetime, timedelta
from uuid import UUID

from equityaccess.access.structs import Caller
from equityaccess.database import Database, Transaction
from equityaccess.personal import token_looks_personal
from equityaccess.problems import Conflict, Invalid, MalformedRequest, Problem
from equityaccess.submissions import store
from equityaccess.submissions.store import Claimed, Journaled

_KEY = re.compile(r"\A[\x21-\x7e]{1,255}\Z")


def checked_key(sent: str | None) -> str | None:
    """The header's value, if it is one. Raises MalformedRequest or Invalid."""
    if sent is not None and not _KEY.match(sent):
        detail = "Idempotency-Key must be 1 to 255 visible ASCII characters; a UUID does well."
        raise MalformedRequest(detail, errors=[Problem(code="idempotency-key-format", detail=detail, owner="sender")])
    if sent is not None and (what := token_looks_personal(sent)):
        detail = f"Idempotency-Key holds what looks like {what}; a UUID does well."
        raise Invalid(detail, errors=[Problem(code="personal-data", detail=detail, owner="sender")])
    return sent


def fingerprint(journaled: Journaled) -> bytes:
    """What makes two pushes the same: the bytes, how they are to be read, and what was asked of us."""
    said = f"{journaled.content_type}\n{journaled.parameters}\n".encode()
    return hashlib.sha256(said + journaled.sha256).digest()


async def replayed(
    db: Database, caller: Caller, journaled: Journaled, idempotency_key: str, now: datetime, keep: timedelta
) -> UUID | None:
    """The submission whose answer is to be given again; None when this one is the first and has taken the key.

    Raises Invalid when the key was used for something else, Conflict while the first is still being judged.
    """
    mark = fingerprint(journaled)
    async with db.transaction(leas=caller.lea_ids) as tx:
        first = await store.claim(tx, caller.key_id, idempotency_key, mark, journaled.submission_id, now)
        if first is None:
            return None
        is_idle = first.outcome is None and await store.hold(tx, first.submission_id)
        if is_idle:  # it may have been decided since it was read, for who judges it lets go only then
            first = await store.claimed(tx, caller.key_id, idempotency_key) or first
        if (is_idle and first.outcome is None) or first.created_at < now - keep:
            await store.take_over(tx, caller.key_id, idempotency_key, mark, journaled.submission_id, now)
            return None
    return _same(first, mark)


async def begin(tx: Transaction, caller: Caller, journaled: Journaled, idempotency_key: str | None) -> None:
    """Be the one who judges *journaled* until the transaction ends, so that a retry sees that it is not lost.

    Between ``replayed`` and this moment nobody held it. Raises Conflict when a retry came just then and took over.
    """
    held = await store.hold(tx, journaled.submission_id)
    if idempotency_key is None:
        return
    if not held or not await store.has_key(tx, caller.key_id, idempotency_key, journaled.submission_id):
        raise _in_progress("Another request with this Idempotency-Key came at the same moment and is being judged.")


def _same(first: Claimed, mark: bytes) -> UUID:
    if first.fingerprint != mark:
        detail = (
            "This Idempotency-Key was sent before with another body or other parameters. Use a new key for a new push."
        )
        raise Invalid(detail, errors=[Problem(code="idempotency-key-reused", detail=detail, owner="sender")])
    if first.outcome is None:
        raise _in_progress("The first request with this Idempotency-Key is still being judged.")
    return first.submission_id


def _in_progress(detail: str) -> Conflict:
    problem = Problem(code="request-in-progress", detail=detail, owner="sender")
    return Conflict(detail, errors=[problem], headers={"Retry-After": "1"})
