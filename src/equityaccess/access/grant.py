"""Reads the request for a token as RFC 6749 has it. Pure."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Final, get_args
from urllib.parse import parse_qsl, unquote_plus

import msgspec

from equityaccess.access import rules
from equityaccess.access.structs import Scope, TokenError

_MOST_FIELDS: Final = 20


class GrantRefused(Exception):
    """A refusal in the words of RFC 6749, which clients of that standard understand."""

    def __init__(self, error: TokenError, description: str) -> None:
        super().__init__(description)
        self.error = error
        self.description = description


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """A key that is shown to be exchanged, and the scopes that are asked for; none are all that it has."""

    client_id: str
    secret: str
    scopes: list[Scope]


def read(body: bytes, authorization: Sequence[str]) -> Grant:
    """What a form and the ``Authorization`` headers beside it ask for. Raises GrantRefused."""
    form = _fields(body)
    if "grant_type" not in form:
        raise GrantRefused("invalid_request", "grant_type is missing; it is client_credentials.")
    if form["grant_type"] != "client_credentials":
        raise GrantRefused("unsupported_grant_type", "The only grant_type here is client_credentials.")
    client_id, secret = _credentials(form, authorization)
    if not (rules.well_formed(secret) and rules.is_key(secret)):
        raise GrantRefused("invalid_client", "The client_secret is not a key of ours: its checksum does not fit.")
    return Grant(client_id=client_id, secret=secret, scopes=_scopes(form.get("scope", "")))


def _fields(body: bytes) -> dict[str, str]:
    try:
        sent = parse_qsl(body.decode("ascii"), max_num_fields=_MOST_FIELDS, errors="strict")
    except ValueError:  # no ASCII, no UTF-8 behind the percent signs, or too many
        raise GrantRefused("invalid_request", "The body cannot be read as a form.") from None
    if len({name for name, _ in sent}) < len(sent):
        raise GrantRefused("invalid_request", "A field was sent twice.")
    return dict(sent)


def _credentials(form: Mapping[str, str], authorization: Sequence[str]) -> tuple[str, str]:
    if not authorization:
        pair = form.get("client_id", ""), form.get("client_secret", "")
    elif len(authorization) > 1 or "client_secret" in form:
        raise GrantRefused("invalid_request", "The client was named twice: in Authorization or in the form, not both.")
    else:
        pair = _basic(authorization[0])
        if form.get("client_id", pair[0]) != pair[0]:
            raise GrantRefused("invalid_request", "Authorization and the form name two clients.")
    if not all(pair):
        raise GrantRefused(
            "invalid_client", "client_id is the id of a key, client_secret the key itself; one is missing."
        )
    return pair


def _basic(authorization: str) -> tuple[str, str]:
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        raise GrantRefused("invalid_client", "The scheme of Authorization is Basic here.")
    try:
        name, _, secret = base64.b64decode(encoded.strip(), validate=True).decode("ascii").partition(":")
    except (binascii.Error, ValueError):
        raise GrantRefused("invalid_client", "Authorization cannot be read as Basic.") from None
    return unquote_plus(name), unquote_plus(secret)


def _scopes(text: str) -> list[Scope]:
    known = {str(scope): scope for scope in get_args(Scope)}
    asked = text.split()
    if unknown := [scope for scope in asked if scope not in known]:
        detail = f"{len(unknown)} of the scopes asked for are none; there are {', '.join(known)}."
        raise GrantRefused("invalid_scope", detail)
    return sorted({known[scope] for scope in asked})
