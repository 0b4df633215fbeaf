"""Issuing and revoking a key, on record: the one way for the command line, the API, the demo and the tests."""

import secrets
from datetime import datetime
from uuid import UUID

from equityaccess.access import rules, store
from equityaccess.access.structs import IssuedKey, Key, KeyIn
from equityaccess.audit import store as audit
from equityaccess.audit.structs import Entry, Origin
from equityaccess.database import Transaction
from equityaccess.problems import Conflict, Invalid


async def issue_key(
    tx: Transaction, wanted: KeyIn, *, created_by: str, now: datetime, origin: Origin | None = None
) -> IssuedKey:
    """A new key with its secret, in a transaction that sees every LEA. *origin* is *created_by* unless it says more.

    Raises Invalid with every fault of *wanted*, or Conflict while an LEA has two live keys.
    """
    known = await store.lea_codes(tx)
    if faults := rules.faults(wanted, known):
        raise Invalid("Such a key cannot be issued.", errors=faults)
    lea_ids = list(dict.fromkeys(known[code].lea_id for code in wanted.leas))
    if full := rules.full_leas(wanted, known, await store.live_keys(tx, lea_ids, now)):
        raise Conflict(f"An LEA has at most {rules.LIVE_KEYS_PER_LEA} live keys; revoke one first.", errors=full)
    secret = rules.new_secret(secrets.token_bytes(rules.SECRET_BYTES))
    key_id = await store.put_key(
        tx,
        fingerprint=rules.fingerprint(secret),
        last_four=secret[-4:],
        label=wanted.label,
        scopes=sorted(set(wanted.scopes)),
        lea_ids=lea_ids,
        created_by=created_by,
        now=now,
        expires_at=rules.expiry(wanted, now),
    )
    key = await store.find_key(tx, key_id, now)
    if key is None:
        raise RuntimeError(f"The key {key_id} cannot be read back: issue_key needs a transaction with every_lea=True")
    shown = {"label": key.label, "scopes": key.scopes, "expires_at": key.expires_at}
    await audit.write(tx, _entry(key, "create_key", origin or Origin(actor=created_by), after=shown))
    return IssuedKey(secret=secret, key=key)


async def revoke_key(tx: Transaction, key_id: UUID, *, origin: Origin, now: datetime) -> Key | None:
    """Make the key useless from the next request on; None if there is no such key. Again changes nothing."""
    before = await store.find_key(tx, key_id, now)
    key = await store.revoke_key(tx, key_id, now)
    if before and key:
        was: dict[str, object] = {"revoked_at": before.revoked_at}
        await audit.write(tx, _entry(key, "revoke_key", origin, before=was, after={"revoked_at": key.revoked_at}))
    return key


def _entry(
    key: Key, action: str, origin: Origin, *, after: dict[str, object], before: dict[str, object] | None = None
) -> Entry:
    status = {"create_key": 201, "revoke_key": 204}[action] if origin.request_id else None
    codes = [code for code in key.leas if code.isdigit()]
    return Entry(
        origin=origin,
        action=action,
        object=f"/v1/keys/{key.key_id}",
        codes=codes,
        before=before,
        after=after,
        status=status,
    )
