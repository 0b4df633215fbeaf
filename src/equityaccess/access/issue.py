"""Issuing a key: the one way for the command line, the API, the demo and the tests."""

import secrets
from datetime import datetime

from equityaccess.access import rules, store
from equityaccess.access.structs import IssuedKey, KeyIn
from equityaccess.database import Transaction
from equityaccess.problems import Conflict, Invalid


async def issue_key(tx: Transaction, wanted: KeyIn, *, created_by: str, now: datetime) -> IssuedKey:
    """A new key with its secret, in a transaction that sees every LEA.

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
    return IssuedKey(secret=secret, key=key)
