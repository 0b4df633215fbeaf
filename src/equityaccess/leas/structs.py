"""LEAs: who they are, what they were called and by which codes, and how many students they enroll."""

from datetime import date
from typing import Literal

import msgspec

from equityaccess.catalogue.structs import GroupKind

Kind = Literal[
    "unified_district",
    "elementary_district",
    "high_school_district",
    "county_office",
    "sbe_charter",
    "charter",
    "rocp",
    "other_agency",
]
Funding = Literal["direct", "local"]
Scheme = Literal["cds", "nces", "charter", "best"]

FOREVER = date.max  # PostgreSQL's infinity


class KnownLea(msgspec.Struct, frozen=True, kw_only=True):
    """An LEA by one of its CDS codes, present or former; what it is called and is, now or when it was last open."""

    lea_id: int
    cds: str
    name: str
    kind: Kind
    funding: Funding | None
    authorizer_id: int | None
    valid_from: date  # of the code
    valid_to: date
    open_from: date  # of the LEA
    open_to: date


class Period(msgspec.Struct, frozen=True, kw_only=True):
    """What is true of an LEA from valid_from until the day before valid_to."""

    lea_id: int
    valid_from: date
    valid_to: date = FOREVER
    name: str
    kind: Kind
    county_code: str
    authorizer_id: int | None = None
    funding: Funding | None = None
    city: str | None = None
    zip: str | None = None
    grades: str | None = None


class Identifier(msgspec.Struct, frozen=True, kw_only=True):
    """A code that names an LEA from valid_from until the day before valid_to."""

    lea_id: int
    scheme: Scheme
    code: str
    valid_from: date
    valid_to: date = FOREVER


class PeriodEnd(msgspec.Struct, frozen=True, kw_only=True):
    """The first day on which what was true of an LEA is so no longer."""

    lea_id: int
    on: date


class IdentifierEnd(msgspec.Struct, frozen=True, kw_only=True):
    """The first day on which an LEA no longer has its code in a scheme."""

    lea_id: int
    scheme: Scheme
    on: date


class Enrollment(msgspec.Struct, frozen=True, kw_only=True):
    """How many students of a group an LEA had on the Census Day of a school year."""

    lea_id: int
    school_year: str
    student_group: str
    census_on: date
    students: int
    includes_charters: bool  # the district's total as CDE publishes it, with the charters that it authorizes
    source: str


class GroupCount(msgspec.Struct, frozen=True, kw_only=True):
    """The students of one group of an LEA, as they were published."""

    school_year: str
    census_on: date
    includes_charters: bool
    source: str
    student_group: str
    kind: GroupKind
    students: int


class LeaRow(msgspec.Struct, frozen=True, kw_only=True):
    """A line of ``leas.csv`` or ``charters.csv``: one period of the LEA that ``lea`` stands for, by a CDS code."""

    lea: str
    valid_from: date
    valid_to: date = FOREVER
    name: str
    kind: Kind
    county_code: str
    authorizer: str | None = None
    funding: Funding | None = None
    cds: str
    nces: str | None = None
    charter_number: str | None = None
    city: str | None = None
    zip: str | None = None
    grades: str | None = None

    def codes(self) -> list[tuple[Scheme, str]]:
        """Every code that the LEA has in this period."""
        codes: list[tuple[Scheme, str | None]] = [
            ("cds", self.cds),
            ("nces", self.nces),
            ("charter", self.charter_number),
        ]
        return [(scheme, code) for scheme, code in codes if code is not None]


class EnrollmentRow(msgspec.Struct, frozen=True, kw_only=True):
    """A line of an ``enrollment_<school year>.csv``."""

    cds: str
    group: str
    students: int
    includes_charters: bool
    source: str


class ChangeRow(msgspec.Struct, frozen=True, kw_only=True):
    """A line of ``lea_changes.csv``: what is known to have happened to an LEA, and how."""

    change: Literal["opened", "closed", "renamed", "moved"]
    changed_on: date
    cds: str | None = None
    new_cds: str | None = None
    name: str | None = None
    new_name: str | None = None
    evidence: str
