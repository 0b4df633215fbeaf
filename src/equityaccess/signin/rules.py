"""What the secrets of browsers look like, and what a request that changes something must show. Pure."""

import base64
import hashlib
import hmac
import re
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit

from equityaccess.problems import Problem
from equityaccess.signin.structs import Role

COOKIE: Final = "__Host-session"
SECRET_BYTES: Final = 32
LINK_LIVES: Final = timedelta(minutes=15)
_SECRET: Final = re.compile(r"\A[A-Za-z0-9_-]{43}\Z")
_OURS: Final = frozenset({"same-origin", "none"})  # Sec-Fetch-Site: from a page of ours, or from the person alone


def new_secret(random_bytes: bytes) -> str:
    """The secret of a session or a link: never one that passes for a key, which has another shape."""
    return _text(random_bytes)


def well_formed(secret: str) -> bool:
    """Whether *secret* could be one of ours."""
    return _SECRET.match(secret) is not None


def form_token(session_secret: str, pad: bytes) -> str:
    """What a form of this session carries: never twice the same, so that compression cannot give it away."""
    known = _form_secret(session_secret)
    return _text(pad + bytes(a ^ b for a, b in zip(pad, known, strict=True)))


def is_form_token(token: str, session_secret: str) -> bool:
    """Whether *token* was in a form of this session."""
    try:
        sent = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except ValueError:
        return False
    pad, masked = sent[:SECRET_BYTES], sent[SECRET_BYTES:]
    if len(pad) != SECRET_BYTES or len(masked) != SECRET_BYTES:
        return False
    return hmac.compare_digest(bytes(a ^ b for a, b in zip(pad, masked, strict=True)), _form_secret(session_secret))


def _form_secret(session_secret: str) -> bytes:
    return hashlib.sha256(b"form " + session_secret.encode("ascii")).digest()


def _text(secret: bytes) -> str:
    return base64.urlsafe_b64encode(secret).decode().rstrip("=")


def is_from_elsewhere(fetch_site: str | None, origin: str | None, host: str) -> bool:
    """Whether a page of another site had the browser send this: by Fetch Metadata, and by Origin where it is told."""
    if fetch_site is not None and fetch_site not in _OURS:
        return True
    return origin is not None and urlsplit(origin).netloc.lower() != host.lower()


def faults(role: Role, lea_codes: list[str]) -> list[Problem]:
    """What is wrong with the link that is asked for."""
    if role == "district" and not lea_codes:
        return [_fault("no-lea", "A district's link needs the LEAs it is for.")]
    if role != "district" and lea_codes:
        return [_fault("lea-without-use", f"The role {role} is for every LEA; naming some would not narrow it.")]
    return []


def _fault(code: str, detail: str) -> Problem:
    return Problem(code=code, detail=detail, owner="sender", pointer="/leas")
