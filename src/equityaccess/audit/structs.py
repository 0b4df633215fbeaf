"""What is put on record, how it is sealed, and what a verification finds."""

from datetime import datetime
from typing import Any, Literal, Protocol, runtime_checkable
from uuid import UUID

import msgspec


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Where an entry comes from: who acts, and for a request also from where. LEAs: those the actor speaks for."""

    actor: str
    key_id: UUID | None = None
    lea_ids: list[int] = []
    address: str | None = None
    request_id: str | None = None


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the log, before it is written. Never a secret, never a body; `codes` narrow whom it concerns."""

    origin: Origin
    action: str
    object: str
    codes: list[str] = []
    parameters: dict[str, str] | None = None
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    status: int | None = None


@runtime_checkable
class Reader(Protocol):
    """Who reads the log: a caller, as far as it matters here."""

    @property
    def lea_ids(self) -> list[int]:
        """The LEAs that the caller speaks for."""

    @property
    def sees_every_lea(self) -> bool:
        """Whether this is a reader for the county, or an administrator."""


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """Who did what, when, from where, and how it ended; `before` and `after` where something changed.

    `leas` are the LEAs that it concerns: those that the request named, else those of the key; none is the county.
    """

    entry_id: int
    recorded_at: datetime
    actor: str
    key_id: UUID | None
    leas: list[str]
    action: str
    object: str
    parameters: dict[str, str] | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    status: int | None
    address: str | None
    request_id: str | None


class AuditPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the log, newest first; `next` is the cursor of the page after it, null at the end."""

    items: list[AuditEntry]
    next: str | None


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """An entry as the table has it: what its digest is made of. The JSON is text, so that not a space is lost."""

    entry_id: int
    recorded_at: datetime
    actor: str
    key_id: UUID | None
    lea_ids: list[int]
    action: str
    object: str
    parameters: str | None
    before: str | None
    after: str | None
    status: int | None
    address: str | None
    request_id: str | None


class Seal(msgspec.Struct, frozen=True, kw_only=True):
    """A link of the chain: the digests of some entries, and by its hash all that was sealed before.

    `high_id` is the highest entry sealed so far, which is settled once no transaction below `settled_by` runs.
    Below `floor_id` nothing more can come: what stands there and is in no seal was put there afterwards.
    """

    seal_id: int
    sealed_at: datetime
    entry_ids: list[int]
    digests: bytes
    high_id: int
    floor_id: int
    settled_by: int
    hash: bytes


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is not as it was sealed."""

    what: Literal["entry", "seal"]
    id: int
    fault: str


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What a verification saw. `head` is to be noted elsewhere: nobody can rewrite what led to it unseen."""

    entries: int
    seals: int
    pending: int
    head: str | None
    findings: list[Finding]
