"""What a directory file lists, what the directory holds, and how the two differ."""

from datetime import date
from typing import Literal

import msgspec

from equityaccess.leas.structs import Funding, Kind

Status = Literal["active", "closed", "merged", "pending"]
What = Literal["added", "renamed", "changed", "moved", "closed", "reopened"]


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """An LEA as a row of a directory file has it; None where the file says nothing."""

    row: int  # 1 is the first below the header
    cds: str
    status: Status
    name: str
    kind: Kind | None  # None: the file calls it something that is no kind of ours, see doc
    doc: str | None
    authorizer_cds: str | None
    funding: Funding | None
    nces: str | None
    charter_number: str | None
    city: str | None
    zip: str | None
    grades: str | None
    opened_on: date | None
    closed_on: date | None


class RefusedRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row that cannot be read, with the reason."""

    row: int
    reason: str


class DirectoryFile(msgspec.Struct, frozen=True, kw_only=True):
    """What was read of a directory file: its LEAs, without its schools and without its people."""

    listed: list[Listed]
    refused: list[RefusedRow]
    updated_on: date | None  # the newest row


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """An LEA as the directory has it on a day: as it is then, was last before, or will be first after."""

    lea_id: int
    cds: str
    is_open: bool
    valid_from: date
    name: str
    kind: Kind
    county_code: str
    authorizer_cds: str | None
    funding: Funding | None
    nces: str | None
    charter_number: str | None
    city: str | None
    zip: str | None
    grades: str | None


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One thing about an LEA that the file says otherwise than the directory."""

    field: str
    before: str | None
    after: str | None


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What happened to an LEA, and on which day. A new one has no before, one that closed no after."""

    what: What
    on: date
    before: Held | None
    after: Listed | None
    differences: list[Difference] = []

    @property
    def cds(self) -> str:
        """The code by which it goes now."""
        return self.after.cds if self.after else self.before.cds if self.before else ""

    @property
    def name(self) -> str:
        """What it is called now."""
        return self.after.name if self.after else self.before.name if self.before else ""


class Undecided(msgspec.Struct, frozen=True, kw_only=True):
    """Something that the file leaves open; a person has to decide."""

    cds: str
    name: str
    reason: str


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """A directory file held against the directory."""

    changes: list[Change]
    undecided: list[Undecided]
    unchanged_count: int
    pending_count: int  # not open yet, and not in the directory
    obstacle: str | None = None  # why nothing of it can be written
