"""Inviting, signing in and signing out, on record: the one way for pages, the command line, the demo and the tests."""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from equityaccess.access import rules as keys
from equityaccess.access import store as access
from equityaccess.audit import store as audit
from equityaccess.audit.structs import Entry, Origin
from equityaccess.database import Transaction
from equityaccess.problems import Invalid, NotAllowed
from equityaccess.signin import rules, store
from equityaccess.signin.structs import NAMES, SCOPES, Entitled, Role, SignInLink

_OVER = "This link is no longer good: it works once, for 15 minutes. Ask whoever sent it for a new one."


async def invite(tx: Transaction, role: Role, lea_codes: Sequence[str], *, origin: Origin, now: datetime) -> SignInLink:
    """A new link, in a transaction that sees every LEA. Raises Invalid with what is wrong with what is asked for."""
    known = await access.lea_codes(tx)
    if faults := rules.faults(role, list(lea_codes)):
        raise Invalid(faults[0].detail, errors=faults)
    leas = [keys.lea_named(code, known, "/leas") for code in lea_codes]
    secret = rules.new_secret(secrets.token_bytes(rules.SECRET_BYTES))
    expires_at = now + rules.LINK_LIVES
    await store.put_link(
        tx,
        fingerprint=keys.fingerprint(secret),
        role=role,
        lea_ids=sorted({lea.lea_id for lea in leas}),
        created_by=origin.actor,
        now=now,
        expires_at=expires_at,
    )
    after: dict[str, object] = {"role": role, "expires_at": expires_at}
    await audit.write(tx, Entry(origin=origin, action="invite", object="/sign-in", codes=list(lea_codes), after=after))
    return SignInLink(secret=secret, expires_at=expires_at)


async def enter_by_link(
    tx: Transaction, link: str, *, origin: Origin, lives: timedelta, now: datetime
) -> tuple[str, Role]:
    """Sign in whom *link* is for: the secret of the new session, and its role. Raises NotAllowed when it is over."""
    entitled = await store.use_link(tx, keys.fingerprint(link), now) if rules.well_formed(link) else None
    if entitled is None:
        raise NotAllowed(_OVER)
    return await enter(tx, entitled, origin=origin, lives=lives, now=now), entitled.role


async def enter(tx: Transaction, entitled: Entitled, *, origin: Origin, lives: timedelta, now: datetime) -> str:
    """Sign *entitled* in, in a transaction that sees every LEA: the secret of the new session, always a new one."""
    secret = rules.new_secret(secrets.token_bytes(rules.SECRET_BYTES))
    label = f"session of {NAMES[entitled.role]}"
    key_id = await access.put_key(
        tx,
        fingerprint=keys.fingerprint(secret),
        last_four=secret[-4:],
        label=label,
        scopes=SCOPES[entitled.role],
        lea_ids=entitled.lea_ids,
        created_by=entitled.subject,
        now=now,
        expires_at=now + lives,
    )
    await store.put_session(tx, key_id, entitled.role, entitled.subject)
    by = msgspec.structs.replace(origin, actor=label, key_id=key_id, lea_ids=entitled.lea_ids)
    after: dict[str, object] = {"role": entitled.role, "subject": entitled.subject, "expires_at": now + lives}
    await audit.write(tx, Entry(origin=by, action="sign_in", object="/sign-in", after=after, status=303))
    return secret


async def leave(tx: Transaction, *, origin: Origin, now: datetime) -> None:
    """Sign out: the key of the session is revoked, in a transaction that sees every LEA."""
    if origin.key_id is None:
        raise RuntimeError("only a session can be left")
    await access.revoke_key(tx, origin.key_id, now)
    await audit.write(tx, Entry(origin=origin, action="sign_out", object="/sign-out", status=303))
