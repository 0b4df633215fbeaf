"""What a key looks like, who may have one, and when it is refused."""

import difflib
import hashlib
import ipaddress
import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from equityaccess.access.structs import (
    LONGEST_EXPIRES_IN_DAYS,
    LONGEST_LABEL,
    Caller,
    KeyIn,
    LeaCode,
    LiveKey,
    Scope,
)
from equityaccess.personal import looks_personal_or_named
from equityaccess.problems import Invalid, Problem

# For secret scanners: what every key, and every token that one was exchanged for, looks like. Its last six characters
# are the CRC-32 of all before the last "_". SECURITY.md publishes it.
SECRET_PATTERN: Final = r"eqa_(?:live|token)_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}"  # noqa: S105, the shape of secrets and not one
SECRET_BYTES: Final = 32
LIVE_KEYS_PER_LEA: Final = 2  # the one in use, and the one that is to replace it
_SCOPES_OF_AN_LEA: Final[frozenset[Scope]] = frozenset({"push", "read"})

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_KEY, _TOKEN = "eqa_live_", "eqa_token_"
_WHOLE = re.compile(rf"\A{SECRET_PATTERN}\Z", re.ASCII)
_LONGEST = len(_TOKEN) + 43 + 1 + 6


def _base62(number: int, width: int) -> str:
    digits = []
    for _ in range(width):
        number, digit = divmod(number, 62)
        digits.append(_DIGITS[digit])
    return "".join(reversed(digits))


def _checksum(body: str) -> str:
    return _base62(zlib.crc32(body.encode("ascii")), 6)


def new_secret(random_bytes: bytes) -> str:
    """The secret of a key, made of 32 random bytes: 43 base-62 digits hold exactly that much."""
    return _secret(_KEY, random_bytes)


def new_token(random_bytes: bytes) -> str:
    """What a key is exchanged for, made like a key."""
    return _secret(_TOKEN, random_bytes)


def _secret(prefix: str, random_bytes: bytes) -> str:
    if len(random_bytes) != SECRET_BYTES:
        raise ValueError(f"A secret is made of {SECRET_BYTES} bytes, not {len(random_bytes)}")
    body = prefix + _base62(int.from_bytes(random_bytes), 43)
    return f"{body}_{_checksum(body)}"


def well_formed(text: str) -> bool:
    """Whether *text* could be a key or a token of ours; a typing error never reaches the database."""
    if len(text) > _LONGEST or not _WHOLE.match(text):
        return False
    body, _, checksum = text.rpartition("_")
    return _checksum(body) == checksum


def is_key(secret: str) -> bool:
    """Whether a well-formed *secret* is a key, and no token."""
    return secret.startswith(_KEY)


def fingerprint(secret: str) -> bytes:
    """What is kept of a secret: 256 random bits need no slow hash, and a slow one would be a lever for floods."""
    return hashlib.sha256(secret.encode("ascii")).digest()


def address(host: str) -> str:
    """The address whose unknown keys are counted together: of IPv6 the network, for a subscriber has all of it."""
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        return "address unknown"
    if ip.version == 6:
        ip = ip.ipv4_mapped or ipaddress.ip_network((ip, 64), strict=False).network_address
    return f"address {ip}"


def expiry(wanted: KeyIn, now: datetime) -> datetime:
    """The instant at which the key stops working."""
    return now + timedelta(days=wanted.expires_in_days)


def reason_to_refuse(caller: Caller, now: datetime) -> Problem | None:
    """Why a known key is not valid at *now*; told only to a caller who holds its secret."""
    if caller.revoked_at is not None:
        return Problem(
            code="key-revoked",
            detail=f"This key was revoked at {_instant(caller.revoked_at)}.",
            owner="county",
            suggestion="Ask the county office for a new key.",
        )
    if caller.expires_at <= now:
        return Problem(
            code="key-expired",
            detail=f"This key expired at {_instant(caller.expires_at)}.",
            owner="county",
            suggestion="Ask the county office for a new key. An LEA may have two, so that one can follow the other.",
        )
    if caller.token_expires_at is not None and caller.token_expires_at <= now:
        return Problem(
            code="token-expired",
            detail=f"This token expired at {_instant(caller.token_expires_at)}.",
            owner="sender",
            suggestion="Exchange the key for a new one: POST /oauth/token.",
        )
    return None


def faults(wanted: KeyIn, known: Mapping[str, LeaCode]) -> list[Problem]:
    """Everything that is wrong with the key that is asked for."""
    return [
        *_faults_of_scopes(wanted),
        *_unknown_leas(wanted, known),
        *_faults_of_expiry(wanted),
        *_faults_of_label(wanted),
    ]


def _faults_of_scopes(wanted: KeyIn) -> Iterable[Problem]:
    of_an_lea = _SCOPES_OF_AN_LEA.intersection(wanted.scopes)
    if not wanted.scopes:
        yield _fault("no-scope", "A key needs a scope: push, read, county or admin.", "/scopes")
    elif of_an_lea and not wanted.leas:
        yield _fault("no-lea", f"A key for {' and '.join(sorted(of_an_lea))} needs the LEAs it speaks for.", "/leas")
    elif wanted.leas and not of_an_lea:
        scopes = " and ".join(sorted(set(wanted.scopes)))
        yield _fault(
            "lea-without-use", f"The scope {scopes} is for every LEA; naming some would not narrow it.", "/leas"
        )


def _unknown_leas(wanted: KeyIn, known: Mapping[str, LeaCode]) -> Iterable[Problem]:
    for place, code in enumerate(wanted.leas):
        if code not in known:
            yield _unknown_lea(code, known, f"/leas/{place}")


def _unknown_lea(code: str, known: Mapping[str, LeaCode], pointer: str) -> Problem:
    near = ", ".join(f"{lea.code} ({lea.name})" for lea in nearest(code, known.values()))
    suggestion = f"Near it: {near}." if near else None
    return Problem(
        code="unknown-lea",
        detail=f"{code!r} is not the code of an LEA.",
        owner="sender",
        pointer=pointer,
        suggestion=suggestion if known else "The directory is empty; `equityaccess seed` fills it.",
    )


def lea_named(code: str, known: Mapping[str, LeaCode], pointer: str) -> LeaCode:
    """The LEA of *code*. Raises Invalid, with what is near it, when there is none."""
    if code not in known:
        fault = _unknown_lea(code, known, pointer)
        raise Invalid(fault.detail, errors=[fault])
    return known[code]


def _faults_of_expiry(wanted: KeyIn) -> Iterable[Problem]:
    if not 1 <= wanted.expires_in_days <= LONGEST_EXPIRES_IN_DAYS:
        yield _fault(
            "out-of-range",
            f"A key is valid for 1 to {LONGEST_EXPIRES_IN_DAYS} days, not {wanted.expires_in_days}.",
            "/expires_in_days",
        )


def _faults_of_label(wanted: KeyIn) -> Iterable[Problem]:
    if len(wanted.label) > LONGEST_LABEL:
        yield _fault("too-long", f"A label has at most {LONGEST_LABEL} characters.", "/label")
    elif not wanted.label.isprintable():
        yield _fault("invalid-character", "A label is one line of printable characters.", "/label")
    elif what := looks_personal_or_named(wanted.label):
        yield _fault(
            "personal-data",
            f"The label holds what looks like {what}. Name the system that sends, in small letters, not a person.",
            "/label",
        )


def _fault(code: str, detail: str, pointer: str) -> Problem:
    return Problem(code=code, detail=detail, owner="sender", pointer=pointer)


def nearest(code: str, known: Iterable[LeaCode]) -> list[LeaCode]:
    """Up to three LEAs whose code or name is close to *code*, the closest first."""
    by_text: dict[str, LeaCode] = {}
    for lea in known:
        by_text.setdefault(lea.code, lea)
        by_text.setdefault(lea.name.casefold(), lea)
    wanted = code.casefold()
    close = difflib.get_close_matches(wanted, by_text, n=6, cutoff=0.75)
    close += sorted(text for text in by_text if len(wanted) >= 3 and wanted in text)
    return list({by_text[text].lea_id: by_text[text] for text in close}.values())[:3]


def full_leas(wanted: KeyIn, known: Mapping[str, LeaCode], live: Sequence[LiveKey]) -> list[Problem]:
    """The LEAs that have as many live keys as they may, with those keys and what to do."""
    problems = []
    for place, code in enumerate(wanted.leas):
        lea = known[code]
        keys = [key for key in live if key.lea_id == lea.lea_id]
        if len(keys) >= LIVE_KEYS_PER_LEA:
            named = "; ".join(f"{_described(key)} until {key.expires_at:%Y-%m-%d}" for key in keys)
            problems.append(
                Problem(
                    code="two-live-keys",
                    detail=f"{lea.name} ({code}) has {len(keys)} live keys: {named}.",
                    owner="sender",
                    pointer=f"/leas/{place}",
                    suggestion=f"Revoke the one that is no longer used, such as {keys[0].key_id}, and ask again.",
                )
            )
    return problems


def _described(key: LiveKey) -> str:
    """A key in words that a person recognises: its label and its last four characters."""
    return f"{key.label!r} …{key.last_four}" if key.label else f"…{key.last_four}"


def _instant(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
