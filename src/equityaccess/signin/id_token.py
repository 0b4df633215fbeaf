"""What an identity provider says of a person, believed only as far as it is signed, fresh, and meant for us. Pure."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from equityaccess.signin.providers import Grant, Provider

_ALGORITHMS: Final = ["RS256", "PS256", "ES256"]  # signatures of a private key: never none, never a shared secret
_SLACK_S: Final = 60  # that clocks may differ


class Untrusted(Exception):
    """A token that says nothing to us, and why: for the log, never for whoever sent it."""


def claims_of(token: str, keys: KeySet, provider: Provider, nonce: str, now: datetime) -> dict[str, Any]:
    """What *token* says, if *provider* signed it for us, for this attempt, just now. Raises Untrusted."""
    try:
        decoded = jwt.decode(token, keys, algorithms=_ALGORITHMS)
    except (JoseError, ValueError) as error:
        raise Untrusted(f"it cannot be verified: {type(error).__name__}") from None
    if faults := _faults(decoded.claims, provider, nonce, now.timestamp()):
        raise Untrusted(", ".join(faults))
    return decoded.claims


def _faults(claims: Mapping[str, Any], provider: Provider, nonce: str, now: float) -> list[str]:
    latest = now + _SLACK_S
    found = {
        "it is of another issuer": claims.get("iss") != provider.issuer,
        "it is not for us": not _is_for(claims, provider.client_id),
        "it is of another attempt": claims.get("nonce") != nonce,
        "it has expired": _number(claims, "exp", 0.0) <= now - _SLACK_S,
        "it is of the future": _number(claims, "iat", math.inf) > latest or _number(claims, "nbf", 0.0) > latest,
        "it is of another tenant": provider.tenant not in ("", claims.get("tid")),
        "it is of another domain": provider.hosted_domain not in ("", claims.get("hd")),
        "it is of nobody": not isinstance(claims.get("sub"), str) or not claims["sub"],
    }
    return [fault for fault, is_so in found.items() if is_so]


def _is_for(claims: Mapping[str, Any], client_id: str) -> bool:
    """Whether we are its audience, and, where there are others or somebody is authorized, that is us as well."""
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    is_authorized = claims.get("azp") == client_id if len(audiences) > 1 or "azp" in claims else True
    return client_id in audiences and is_authorized


def _number(claims: Mapping[str, Any], name: str, without: float) -> float:
    """The instant that a claim says; *without* where it says none."""
    value = claims.get(name)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else without


def granted(claims: Mapping[str, Any], grants: Sequence[Grant]) -> Grant | None:
    """The first of *grants* that *claims* fulfil: the file is in the order of what counts most."""
    for grant in grants:
        said = claims.get(grant.claim)
        if grant.value in (said if isinstance(said, list) else [said]):
            return grant
    return None


def subject(claims: Mapping[str, Any]) -> str:
    """Who it is, by what never changes: an address can pass to somebody else."""
    return f"{claims['iss']} {claims.get('oid') or claims['sub']}"


def derived(attempt: str, what: str) -> str:
    """The state, nonce or verifier of an attempt: all follow from the secret that only its browser has."""
    return hashlib.sha256(f"{what} {attempt}".encode("ascii")).hexdigest()
