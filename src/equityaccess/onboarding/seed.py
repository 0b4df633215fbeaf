"""Brings the playbook, the holidays and the blackouts up to the reference files."""

from equityaccess.catalogue.reference import ReferenceDataError, as_json, read_reference, reference_folder
from equityaccess.catalogue.seed import told
from equityaccess.database import Database, Transaction
from equityaccess.onboarding.dates import Blackout
from equityaccess.onboarding.playbook import PlaybookRow, UnsoundPlaybook, playbook
from equityaccess.onboarding.store import TRACKS, sql
from equityaccess.onboarding.structs import Holiday


async def seed_onboarding(db: Database) -> list[str]:
    """What changed, a line a table. Needs the role owner.

    Raises ReferenceDataError for a playbook that nobody could follow.
    """
    folder = reference_folder()
    rows = read_reference(folder / "playbook.csv", PlaybookRow)
    try:
        for version in {row.version for row in rows}:
            for track in TRACKS:
                playbook([row for row in rows if row.version == version], track)
    except UnsoundPlaybook as fault:
        raise ReferenceDataError(f"playbook.csv: {fault}") from None
    holidays = read_reference(folder / "holidays.csv", Holiday)
    blackouts = read_reference(folder / "blackouts.csv", Blackout)
    async with db.transaction(role="owner") as tx:
        return await _merge(tx, rows, holidays, blackouts)


async def _merge(
    tx: Transaction, rows: list[PlaybookRow], holidays: list[Holiday], blackouts: list[Blackout]
) -> list[str]:
    return [
        *told("playbook_milestone", await tx.values(sql.merge_playbook, rows=as_json(rows))),
        *told("holiday", await tx.values(sql.merge_holidays, rows=as_json(holidays))),
        *told("blackout", await tx.values(sql.merge_blackouts, rows=as_json(blackouts))),
    ]
