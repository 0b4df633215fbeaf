"""Who is calling, and the keys that say so."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from equityaccess.problems import NotAllowed

Scope = Literal["push", "read", "county", "admin"]


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """The credential of a request: which LEAs it speaks for, and what it may do."""

    key_id: UUID
    label: str
    scopes: list[Scope]
    expires_at: datetime
    revoked_at: datetime | None
    lea_ids: list[int]

    @property
    def sees_every_lea(self) -> bool:
        """Whether this is a reader for the county, or an administrator."""
        return "county" in self.scopes or "admin" in self.scopes

    def demand(self, scope: Scope) -> None:
        """Raise NotAllowed unless the credential has *scope*."""
        if scope not in self.scopes:
            raise NotAllowed(f"This key has the scope {', '.join(self.scopes)}; {scope} is needed.")
