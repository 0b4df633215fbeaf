"""Brings the directory up to a directory file: shows the changes, and writes them on the day that the file is of."""

from collections.abc import Sequence
from datetime import date

import msgspec

from equityaccess.audit import store as audit
from equityaccess.audit.structs import Entry, Origin
from equityaccess.catalogue.reference import read_reference, reference_folder
from equityaccess.database import Database, Transaction
from equityaccess.leas import store
from equityaccess.leas.changes import Change, Comparison, DirectoryFile, Listed
from equityaccess.leas.rules import compare
from equityaccess.leas.school_year import planned_years
from equityaccess.leas.structs import ChangeRow, Identifier, IdentifierEnd, Period, PeriodEnd, Scheme

_PROGRAM = Origin(actor="the program")
_ENDS_ALL: tuple[Scheme, ...] = ("cds", "nces", "charter")
_SCHEME_OF: dict[str, Scheme] = {"cds": "cds", "nces": "nces", "charter_number": "charter"}


class NotApplied(ValueError):
    """The file was compared, and nothing of it was written; the message says why."""


def day_of(file: DirectoryFile, given: date | None, today: date) -> date:
    """The day on which *file* was true: the one that is given, else that of its newest row.

    Raises NotApplied when there is none, or it is still to come.
    """
    day = given or file.updated_on
    if day is None:
        raise NotApplied("no row says when it was updated: give the day of the file with --as-of")
    if day > today:
        raise NotApplied(f"the file would be of {day}, which is still to come")
    return day


async def compare_directory(db: Database, file: DirectoryFile, as_of: date) -> Comparison:
    """What would change if *file* were the truth on *as_of*."""
    async with db.transaction(role="owner") as tx:
        return await _compared(tx, file, as_of)


async def apply_directory(
    db: Database, file: DirectoryFile, as_of: date, today: date, origin: Origin = _PROGRAM
) -> Comparison:
    """Write what *file* changes, in one transaction; what is undecided stays as it is. The second time nothing is left.

    Raises NotApplied for a file with refused rows, and for one that is older than what the directory knows.
    """
    async with db.transaction(role="owner") as tx:
        done = await _compared(tx, file, as_of)
        if done.obstacle:
            raise NotApplied(done.obstacle)
        await _write(tx, done.changes)
        await store.plan_expectations(tx, *planned_years(today))
        await audit.write(tx, *(_entry(change, origin) for change in done.changes))
        return done


def _entry(change: Change, origin: Origin) -> Entry:
    """*change* as it is put on record: of an LEA that is there already, only what differs."""
    before: dict[str, object] = {one.field: one.before for one in change.differences}
    after: dict[str, object] = {one.field: one.after for one in change.differences}
    if change.before is None and change.after is not None:
        after = {"name": change.after.name, "kind": change.after.kind, "authorizer_cds": change.after.authorizer_cds}
    return Entry(
        origin=origin,
        action="import_directory",
        object=f"LEA {change.cds}",
        codes=[change.cds],
        before=before or None,
        after=after | {"what": change.what, "on": change.on},
    )


async def _compared(tx: Transaction, file: DirectoryFile, as_of: date) -> Comparison:
    former = {code: lea_id for (scheme, code), lea_id in (await store.leas_by_code(tx)).items() if scheme == "cds"}
    compared = compare(file.listed, await store.held_on(tx, as_of), former, _transfers(as_of), as_of)
    return msgspec.structs.replace(compared, obstacle=_obstacle(file, compared, as_of, await store.newest_change(tx)))


def _obstacle(file: DirectoryFile, compared: Comparison, as_of: date, newest: date | None) -> str | None:
    """Why what was compared must not be written, if it must not."""
    if file.refused:
        return "rows were refused, so an LEA that is missing may have been in one of them. Mend them first"
    if compared.changes and newest is not None and as_of < newest:
        return (
            f"the directory already knows of changes up to {newest}, and the file is of {as_of}. If the file is "
            "newer than its rows say, give the day it was downloaded with --as-of"
        )
    return None


def _transfers(as_of: date) -> dict[str, str]:
    rows = read_reference(reference_folder() / "lea_changes.csv", ChangeRow)
    return {
        row.cds: row.new_cds
        for row in rows
        if row.change == "moved" and row.changed_on <= as_of and row.cds is not None and row.new_cds is not None
    }


async def _write(tx: Transaction, changes: Sequence[Change]) -> None:
    added = [change for change in changes if change.before is None]
    lea_of = {code: lea_id for (scheme, code), lea_id in (await store.leas_by_code(tx)).items() if scheme == "cds"}
    lea_of |= dict(zip((change.cds for change in added), await store.add_leas(tx, len(added)), strict=True))
    lea_of |= {change.cds: change.before.lea_id for change in changes if change.before is not None}
    await store.end_history(tx, *ends(changes))
    await store.add_history(
        tx,
        [period(change.after, change, lea_of) for change in changes if change.after is not None],
        [one for change in changes if change.after is not None for one in codes(change.after, change, lea_of)],
    )


def ends(changes: Sequence[Change]) -> tuple[list[PeriodEnd], list[IdentifierEnd]]:
    """The periods and codes that end with *changes*: all of an LEA that closed, else those that are replaced."""
    periods: list[PeriodEnd] = []
    identifiers: list[IdentifierEnd] = []
    for change in changes:
        if change.before is None:
            continue
        lea_id = change.before.lea_id
        periods.append(PeriodEnd(lea_id=lea_id, on=change.on))
        replaced = [_SCHEME_OF[one.field] for one in change.differences if one.field in _SCHEME_OF]
        schemes = _ENDS_ALL if change.what == "closed" else replaced
        identifiers += [IdentifierEnd(lea_id=lea_id, scheme=scheme, on=change.on) for scheme in schemes]
    return periods, identifiers


def period(after: Listed, change: Change, lea_of: dict[str, int]) -> Period:
    """What is true of an LEA from the day of *change* on: what the file says, else what was true before."""
    before = msgspec.structs.asdict(change.before) if change.before else {}
    now = before | {field: value for field, value in msgspec.structs.asdict(after).items() if value is not None}
    authorizer = now.get("authorizer_cds")
    return Period(
        lea_id=lea_of[after.cds],
        valid_from=change.on,
        name=now["name"],
        kind=now["kind"],
        county_code=after.cds[:2],
        authorizer_id=None if authorizer is None else lea_of[authorizer],
        funding=now.get("funding"),
        city=now.get("city"),
        zip=now.get("zip"),
        grades=now.get("grades"),
    )


def codes(after: Listed, change: Change, lea_of: dict[str, int]) -> list[Identifier]:
    """The codes that an LEA has from the day of *change* on and had not before."""
    differing = {one.field for one in change.differences}
    anew = change.what in ("added", "reopened")
    return [
        Identifier(lea_id=lea_of[after.cds], scheme=scheme, code=code, valid_from=change.on)
        for field, scheme in _SCHEME_OF.items()
        if (code := getattr(after, field)) is not None and (anew or field in differing)
    ]
