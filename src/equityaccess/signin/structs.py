"""Sessions, and the links that open them."""

from datetime import datetime
from typing import Final, Literal
from uuid import UUID

import msgspec

from equityaccess.access.structs import Caller, Scope

Role = Literal["district", "technology_office", "best_support", "admin"]

SCOPES: Final[dict[Role, tuple[Scope, ...]]] = {
    "district": ("push",),
    "technology_office": ("county",),
    "best_support": ("county",),
    "admin": ("admin",),
}
NAMES: Final[dict[Role, str]] = {
    "district": "district",
    "technology_office": "technology office",
    "best_support": "BEST support",
    "admin": "administration",
}


class Session(Caller, frozen=True, kw_only=True):
    """A caller who signed in with a browser: a key of its own, with a role, and a subject that says who."""

    role: Role
    subject: str

    def plain(self) -> Caller:
        """The caller alone: handlers take no other."""
        return Caller(**{name: getattr(self, name) for name in Caller.__struct_fields__})


class SignedIn(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who is signed in, as administrators see it."""

    key_id: UUID
    role: Role
    subject: str
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime


class Entitled(msgspec.Struct, frozen=True, kw_only=True):
    """Who may be signed in, and as what; LEAs go with the role `district`, and with no other."""

    role: Role
    lea_ids: list[int]
    subject: str


class SignInLink(msgspec.Struct, frozen=True, kw_only=True):
    """A new link's secret, which is told this once and kept as a hash."""

    secret: str
    expires_at: datetime

    def address(self, base: str) -> str:
        """Where it is opened, of the service at *base*."""
        return f"{base.rstrip('/')}/sign-in?link={self.secret}"
