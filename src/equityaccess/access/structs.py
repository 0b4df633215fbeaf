"""Who is calling, and the keys that say so."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from equityaccess.problems import NotAllowed

Scope = Literal["push", "read", "county", "admin"]
TokenError = Literal["invalid_request", "invalid_client", "unsupported_grant_type", "invalid_scope"]
KeyState = Literal["live", "expired", "revoked"]
Desk = Annotated[
    str,
    Meta(
        max_length=40,
        pattern=r"\A[a-z0-9][a-z0-9-]*\Z",
        description="A desk or a role, such as `desk-2` or `payroll`. No person's name.",
    ),
]

EXPIRES_IN_DAYS = 180
LONGEST_EXPIRES_IN_DAYS = 366
LONGEST_LABEL = 100


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """The credential of a request: which LEAs it speaks for, and what it may do."""

    key_id: UUID
    label: str
    scopes: list[Scope]
    expires_at: datetime
    revoked_at: datetime | None
    lea_ids: list[int]
    token_expires_at: datetime | None = None  # where the key was exchanged for a token

    @property
    def sees_every_lea(self) -> bool:
        """Whether this is a reader for the county, or an administrator."""
        return "county" in self.scopes or "admin" in self.scopes

    @property
    def is_county(self) -> bool:
        """Whether this acts for the county: an administrator of keys does not."""
        return "county" in self.scopes

    def demand(self, scope: Scope) -> None:
        """Raise NotAllowed unless the credential has *scope*."""
        if scope not in self.scopes:
            raise NotAllowed(f"This key has the scope {', '.join(self.scopes)}; {scope} is needed.")


class KeyIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key that is asked for: for which LEAs, for what, and for how long."""

    scopes: Annotated[
        list[Scope],
        Meta(
            min_length=1,
            description="push: send and read the LEAs' own figures. read: read them. county: read every LEA. "
            "admin: administer keys.",
        ),
    ]
    leas: Annotated[
        list[str],
        Meta(
            max_length=1_000,
            description="CDS codes as text, leading zeros kept. Needed for push and read; county and admin take none.",
        ),
    ] = []
    expires_in_days: Annotated[int, Meta(ge=1, le=LONGEST_EXPIRES_IN_DAYS, description="Every key expires.")] = (
        EXPIRES_IN_DAYS
    )
    label: Annotated[
        str,
        Meta(max_length=LONGEST_LABEL, description="What the key is for, such as the system that sends. No person."),
    ] = ""


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """A key as it may be shown: everything but the secret."""

    key_id: UUID
    last_four: str
    label: str
    scopes: list[Scope]
    leas: list[str]
    state: KeyState
    created_at: datetime
    created_by: str
    expires_at: datetime
    revoked_at: datetime | None
    last_used_at: datetime | None


class IssuedKey(msgspec.Struct, frozen=True, kw_only=True):
    """A new key with its secret, which is shown this once and kept nowhere."""

    secret: str
    key: Key


class KeyPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some keys, newest first; `next` continues, and is null on the last page."""

    items: list[Key]
    next: str | None


class LeaCode(msgspec.Struct, frozen=True, kw_only=True):
    """A code by which an LEA may be named, present or former, and the LEA's latest name."""

    code: str
    lea_id: int
    name: str


class LiveKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key that works now, once for each LEA it speaks for."""

    key_id: UUID
    lea_id: int
    label: str
    last_four: str
    expires_at: datetime


class Leased(msgspec.Struct, frozen=True, kw_only=True):
    """What was taken of a bucket, and what it holds still."""

    granted: int
    tokens: float


class TokenRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A key that is to be exchanged for a token. `client_id` and `client_secret` may stand in HTTP Basic instead."""

    grant_type: Literal["client_credentials"]
    client_id: Annotated[str, Meta(description="The id of the key.")] = ""
    client_secret: Annotated[str, Meta(description="The key itself.")] = ""
    scope: Annotated[str, Meta(description="Scopes of the key, with spaces between them; without it, all.")] = ""


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """What the key was exchanged for: send `access_token` as you would the key, for `expires_in` seconds."""

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int
    scope: str


class TokenRefusal(msgspec.Struct, frozen=True, kw_only=True):
    """A refusal as RFC 6749 has it: `error` is for programs, `error_description` for people."""

    error: TokenError
    error_description: str
