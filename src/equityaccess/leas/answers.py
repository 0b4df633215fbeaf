"""LEAs as callers see them: by their codes, never by our numbers."""

from datetime import date

import msgspec

from equityaccess.leas.structs import Funding, Kind, Scheme


class LeaOut(msgspec.Struct, frozen=True, kw_only=True):
    """What is true of an LEA on a day, from valid_from until the day before valid_to."""

    code: str
    name: str
    kind: Kind
    county_code: str
    authorizer: str | None
    funding: Funding | None
    city: str | None
    zip: str | None
    grades: str | None
    valid_from: date
    valid_to: date | None


class LeaPage(msgspec.Struct, frozen=True, kw_only=True):
    """LEAs by name."""

    items: list[LeaOut]
    next: str | None


class IdentifierOut(msgspec.Struct, frozen=True, kw_only=True):
    """A code of an LEA in a scheme, from valid_from until the day before valid_to."""

    scheme: Scheme
    code: str
    valid_from: date
    valid_to: date | None


class GroupEnrollmentOut(msgspec.Struct, frozen=True, kw_only=True):
    """The students of a group; withheld when they are so few that they could be recognised."""

    student_group: str
    students: int | None
    is_withheld: bool


class EnrollmentOut(msgspec.Struct, frozen=True, kw_only=True):
    """The students of an LEA on the Census Day of a school year. Groups overlap: never add them up."""

    school_year: str
    census_on: date
    includes_charters: bool
    source: str
    groups: list[GroupEnrollmentOut]


class PeriodOut(msgspec.Struct, frozen=True, kw_only=True):
    """What was true of an LEA from valid_from until the day before valid_to."""

    name: str
    kind: Kind
    county_code: str
    authorizer: str | None
    funding: Funding | None
    city: str | None
    zip: str | None
    grades: str | None
    valid_from: date
    valid_to: date | None


class LeaDetail(msgspec.Struct, frozen=True, kw_only=True):
    """An LEA with its whole history: codes, periods and enrollment, the oldest first."""

    code: str
    name: str
    kind: Kind
    is_open: bool
    identifiers: list[IdentifierOut]
    periods: list[PeriodOut]
    enrollment: list[EnrollmentOut]
    charters_count: int
