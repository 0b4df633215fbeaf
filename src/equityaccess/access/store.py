"""Keys and who holds them, to and from PostgreSQL."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from equityaccess.access.structs import Caller, Key, LeaCode, Leased, LiveKey, Scope
from equityaccess.database import Transaction, load_queries

sql = load_queries(__file__)
_LOCKS = 0x45415F4B  # "EA_K": the space of the advisory locks on the keys of an LEA


async def authenticate(tx: Transaction, fingerprint: bytes, now: datetime) -> Caller | None:
    """The holder of the key with *fingerprint*, valid or not, and a note that it was used."""
    return await tx.one(sql.authenticate, Caller, fingerprint=fingerprint, now=now)


async def authenticate_token(tx: Transaction, fingerprint: bytes, now: datetime) -> Caller | None:
    """The holder of the token with *fingerprint*, valid or not, who may do what the token may."""
    return await tx.one(sql.authenticate_token, Caller, fingerprint=fingerprint, now=now)


async def exchange_key(
    tx: Transaction, key: bytes, token: bytes, scopes: Sequence[Scope], expires_at: datetime
) -> bool:
    """Keep a token, by its fingerprint, of the key with the fingerprint *key*; False if that cannot have it."""
    return bool(await tx.value(sql.exchange_key, key=key, token=token, scopes=scopes, expires_at=expires_at))


async def forget_tokens(tx: Transaction, before: datetime) -> int:
    """Forget the tokens that expired before *before*."""
    return await tx.execute(sql.forget_tokens, before=before)


async def lea_codes(tx: Transaction) -> dict[str, LeaCode]:
    """Every code by which an LEA may be named, present and former."""
    return {lea.code: lea for lea in await tx.all(sql.lea_codes, LeaCode, code=None)}


async def lea_of_code(tx: Transaction, code: str) -> LeaCode | None:
    """The LEA that *code* names."""
    return await tx.one(sql.lea_codes, LeaCode, code=code)


async def live_keys(tx: Transaction, lea_ids: Sequence[int], now: datetime) -> list[LiveKey]:
    """The keys of these LEAs that work now; nobody else can add one before the transaction ends."""
    ordered = sorted(lea_ids)
    await tx.value(sql.lock_leas, space=_LOCKS, lea_ids=ordered)
    return await tx.all(sql.live_keys, LiveKey, lea_ids=ordered, now=now)


async def put_key(
    tx: Transaction,
    *,
    fingerprint: bytes,
    last_four: str,
    label: str,
    scopes: Sequence[Scope],
    lea_ids: Sequence[int],
    created_by: str,
    now: datetime,
    expires_at: datetime,
) -> UUID:
    """Keep a new key, without its secret; its id."""
    key_id: UUID = await tx.value(
        sql.put_key,
        fingerprint=fingerprint,
        last_four=last_four,
        label=label,
        scopes=scopes,
        created_by=created_by,
        now=now,
        expires_at=expires_at,
    )
    await tx.execute(sql.put_key_leas, key_id=key_id, lea_ids=lea_ids)
    return key_id


async def find_key(tx: Transaction, key_id: UUID, now: datetime) -> Key | None:
    """The key with this id."""
    return await tx.one(sql.key, Key, key_id=key_id, now=now)


async def keys_ending_in(tx: Transaction, last_four: str, now: datetime) -> list[Key]:
    """The keys whose secret ends in these four characters."""
    return await tx.all(sql.keys_ending_in, Key, last_four=last_four, now=now)


async def list_keys(
    tx: Transaction, now: datetime, *, limit: int, lea_id: int | None = None, after: UUID | None = None
) -> list[Key]:
    """Up to *limit* keys, newest first, of one LEA or of all, that follow the key *after*."""
    return await tx.all(sql.keys, Key, now=now, lea_id=lea_id, limit=limit, after=after)


async def keys_within(tx: Transaction, now: datetime, lea_ids: Sequence[int], limit: int) -> list[Key]:
    """The keys that speak for *lea_ids* and for no other LEA, newest first."""
    return await tx.all(sql.keys_within, Key, now=now, lea_ids=lea_ids, limit=limit)


async def revoke_key(tx: Transaction, key_id: UUID, now: datetime) -> Key | None:
    """Make the key useless from the next request on; None if there is no such key.

    Revoking it again keeps the first time.
    """
    await tx.execute(sql.revoke_key, key_id=key_id, now=now)
    return await find_key(tx, key_id, now)


async def lease_quota(tx: Transaction, bucket: str, *, most: int, wanted: int, returned: int) -> Leased:
    """Take up to *wanted* of what *bucket* holds, which is never more than *most*, and give *returned* back to it."""
    leased = await tx.one(sql.lease_quota, Leased, bucket=bucket, most=most, wanted=wanted, returned=returned)
    assert leased is not None  # noqa: S101, the statement always returns its row
    return leased


async def forget_quotas(tx: Transaction, before: datetime) -> int:
    """Forget the buckets that nobody took from since *before*: they are full, as a new one is."""
    return await tx.execute(sql.forget_quotas, before=before)
