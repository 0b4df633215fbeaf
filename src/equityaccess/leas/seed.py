"""Fills the directory and the catalogue from the reference files that ship with the program."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from itertools import groupby

from equityaccess.audit import store as audit
from equityaccess.audit.structs import Entry, Origin
from equityaccess.catalogue.reference import ReferenceDataError, read_reference, reference_folder
from equityaccess.catalogue.seed import seed_catalogue, told
from equityaccess.database import Database, Transaction
from equityaccess.leas import store
from equityaccess.leas.school_year import census_day, planned_years
from equityaccess.leas.structs import Enrollment, EnrollmentRow, Identifier, LeaRow, Period, Scheme

THE_PROGRAM = Origin(actor="the program")


async def seed(db: Database, today: date, origin: Origin = THE_PROGRAM) -> list[str]:
    """Everything that ships with the program, in one transaction of the role owner; what changed, a line a table.

    An LEA that is in the directory already is left as it is: a later directory import knows better.
    """
    rows = [row for file in ("leas.csv", "charters.csv") for row in read_reference(reference_folder() / file, LeaRow)]
    async with db.transaction(role="owner") as tx:
        said = await seed_catalogue(tx)
        present = leas_of(rows, await store.leas_by_code(tx))
        created = await _create_leas(tx, [row for row in rows if row.lea not in present], present)
        said += told("lea", ["INSERT"] * len(created))
        said += told("enrollment", await store.merge_enrollment(tx, _enrollment(rows, present | created)))
        said += told("expectation", await store.plan_expectations(tx, *planned_years(today)))
        if said:
            after = {"changed": said}
            await audit.write(tx, Entry(origin=origin, action="seed", object="reference data", after=after))
        return said or ["nothing changed"]


def leas_of(rows: Sequence[LeaRow], known: Mapping[tuple[Scheme, str], int]) -> dict[str, int]:
    """The LEAs of *rows* that are in the directory, by any code of any of their periods."""
    return {row.lea: known[code] for row in rows for code in row.codes() if code in known}


def identifiers(lea_id: int, history: Sequence[LeaRow]) -> Iterable[Identifier]:
    """The codes of an LEA over *history*, oldest first: a code that stays through several periods is one identifier."""
    spans: dict[tuple[Scheme, str], list[LeaRow]] = {}
    for row in history:
        for code in row.codes():
            spans.setdefault(code, []).append(row)
    for (scheme, text), rows in spans.items():
        yield Identifier(
            lea_id=lea_id, scheme=scheme, code=text, valid_from=rows[0].valid_from, valid_to=rows[-1].valid_to
        )


async def _create_leas(tx: Transaction, rows: Sequence[LeaRow], present: Mapping[str, int]) -> dict[str, int]:
    keys = list(dict.fromkeys(row.lea for row in rows))
    created = dict(zip(keys, await store.add_leas(tx, len(keys)), strict=True))
    known = {**present, **created}
    await store.add_history(
        tx,
        [_period(row, known) for row in rows],
        [
            one
            for key, history in groupby(rows, lambda row: row.lea)
            for one in identifiers(created[key], list(history))
        ],
    )
    return created


def _period(row: LeaRow, known: Mapping[str, int]) -> Period:
    if row.authorizer is not None and row.authorizer not in known:
        raise ReferenceDataError(f"{row.cds} {row.name}: its authorizer {row.authorizer} is not in the reference files")
    return Period(
        lea_id=known[row.lea],
        valid_from=row.valid_from,
        valid_to=row.valid_to,
        name=row.name,
        kind=row.kind,
        county_code=row.county_code,
        authorizer_id=None if row.authorizer is None else known[row.authorizer],
        funding=row.funding,
        city=row.city,
        zip=row.zip,
        grades=row.grades,
    )


def _enrollment(leas: Sequence[LeaRow], known: Mapping[str, int]) -> list[Enrollment]:
    lea_of = {row.cds: known[row.lea] for row in leas}
    counts: list[Enrollment] = []
    for file in sorted(reference_folder().glob("enrollment_*.csv")):
        school_year = file.stem.removeprefix("enrollment_")
        census_on = census_day(school_year)
        for row in read_reference(file, EnrollmentRow):
            if row.cds not in lea_of:
                raise ReferenceDataError(f"{file.name}: {row.cds} is not an LEA of the reference files")
            counts.append(
                Enrollment(
                    lea_id=lea_of[row.cds],
                    school_year=school_year,
                    student_group=row.group,
                    census_on=census_on,
                    students=row.students,
                    includes_charters=row.includes_charters,
                    source=row.source,
                )
            )
    return counts
