"""Sessions and links in PostgreSQL. All but the look-up need a transaction that sees every LEA."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from equityaccess.database import Transaction, load_queries
from equityaccess.signin.structs import Entitled, Role, Session, SignedIn

sql = load_queries(__file__)


async def authenticate(tx: Transaction, fingerprint: bytes, now: datetime, idle: timedelta) -> Session | None:
    """The session with *fingerprint* that was used within *idle*, and a note that it was used again."""
    return await tx.one(sql.authenticate_session, Session, fingerprint=fingerprint, now=now, idle=idle)


async def put_session(tx: Transaction, key_id: UUID, role: Role, subject: str) -> None:
    """Say of a new key that it is a session."""
    await tx.execute(sql.put_session, key_id=key_id, role=role, subject=subject)


async def put_link(
    tx: Transaction,
    *,
    fingerprint: bytes,
    role: Role,
    lea_ids: Sequence[int],
    created_by: str,
    now: datetime,
    expires_at: datetime,
) -> None:
    """Keep a new link, without its secret."""
    await tx.execute(
        sql.put_link,
        fingerprint=fingerprint,
        role=role,
        lea_ids=lea_ids,
        created_by=created_by,
        now=now,
        expires_at=expires_at,
    )


async def use_link(tx: Transaction, fingerprint: bytes, now: datetime) -> Entitled | None:
    """Whom a link is for, this once; None if it is unknown, used or over."""
    return await tx.one(sql.use_link, Entitled, fingerprint=fingerprint, now=now)


async def forget_links(tx: Transaction, before: datetime) -> int:
    """Forget the links that were over before *before*."""
    return await tx.execute(sql.forget_links, before=before)


async def sessions(tx: Transaction, now: datetime, limit: int) -> list[SignedIn]:
    """Up to *limit* who are signed in, the newest first."""
    return await tx.all(sql.sessions, SignedIn, now=now, limit=limit)
