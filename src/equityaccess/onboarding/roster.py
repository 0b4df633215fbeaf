"""Brings a roster into the database: which agency takes part on which track, in which wave, going live when."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path

import msgspec

from equityaccess import clock
from equityaccess.access import store as access
from equityaccess.access.structs import LeaCode
from equityaccess.audit import store as audit
from equityaccess.audit.structs import Entry, Origin
from equityaccess.catalogue.reference import as_json
from equityaccess.catalogue.seed import told
from equityaccess.database import Transaction
from equityaccess.leas import store as leas
from equityaccess.leas.structs import Identifier, Period
from equityaccess.onboarding import following, store
from equityaccess.onboarding.playbook import Track
from equityaccess.onboarding.structs import WaveCode

_BEST = "best:"
_COUNTY = "19"
_NEEDED = ("lea", "track", "wave", "go_live_on")


class RosterRow(msgspec.Struct, frozen=True, kw_only=True):
    """One agency on one track. *lea* is a CDS code, or best:CODE; *name* is needed for an agency that is new."""

    lea: str
    track: Track
    wave: WaveCode
    go_live_on: date
    wave_name: str = ""
    name: str = ""
    line: int = 0


class UnsoundRoster(ValueError):
    """A roster with faults: all of them, a line each. Nothing was written."""


class WaveRow(msgspec.Struct, frozen=True, kw_only=True):
    """A wave as it is written."""

    code: str
    track: Track
    name: str
    go_live_on: date
    is_sample: bool


def read_roster(file: Path) -> list[RosterRow]:
    """The rows of a CSV file. Raises UnsoundRoster."""
    with file.open(encoding="utf-8-sig", newline="") as lines:
        reader = csv.DictReader(lines)
        names = reader.fieldnames or []
        known = {field.name for field in msgspec.structs.fields(RosterRow)} - {"line"}
        if wrong := [*(n for n in _NEEDED if n not in names), *(n for n in names if n not in known)]:
            raise UnsoundRoster(f"{file.name}: the columns are {', '.join(sorted(known))}; wrong is {', '.join(wrong)}")
        rows, faults = [], []
        for cells in reader:
            filled = {name: cell.strip() for name, cell in cells.items() if name and cell and cell.strip()}
            try:
                rows.append(msgspec.convert({**filled, "line": reader.line_num}, RosterRow, strict=False))
            except msgspec.ValidationError as fault:
                faults.append(f"line {reader.line_num}: {fault}")
    if faults:
        raise UnsoundRoster("\n".join(faults))
    return rows


def faults(rows: Sequence[RosterRow], known: Mapping[str, LeaCode]) -> Iterator[str]:
    """What is wrong with *rows*, a line each."""
    waves: dict[str, RosterRow] = {}
    places: dict[tuple[str, str], RosterRow] = {}
    for row in rows:
        first = waves.setdefault(row.wave, row)
        if (first.track, first.go_live_on) != (row.track, row.go_live_on):
            yield f"line {row.line}: the wave {row.wave} is {first.track}, {first.go_live_on} in line {first.line}"
        other = places.setdefault((row.lea, row.track), row)
        if other is not row:
            yield f"line {row.line}: {row.lea} stands on the track {row.track} in line {other.line} already"
        if row.lea not in known and not (row.lea.startswith(_BEST) and row.name):
            yield f"line {row.line}: no LEA has the code {row.lea!r}; a new agency is best:CODE, with its name"


async def bring_in(
    tx: Transaction, rows: Sequence[RosterRow], origin: Origin, now: datetime, *, is_sample: bool
) -> list[str]:
    """Waves, agencies and participations as in *rows*; what changed. Needs the role owner. Raises UnsoundRoster."""
    known: Mapping[str, LeaCode] = await access.lea_codes(tx)
    if found := list(faults(rows, known)):
        raise UnsoundRoster("\n".join(found))
    known = await _with_new_agencies(tx, rows, known)
    waves = {
        row.wave: WaveRow(
            code=row.wave,
            track=row.track,
            name=row.wave_name or row.wave,
            go_live_on=row.go_live_on,
            is_sample=is_sample,
        )
        for row in rows
    }
    joined = clock.today(now)
    places = [
        {"lea_id": known[row.lea].lea_id, "track": row.track, "wave": row.wave, "joined_on": joined} for row in rows
    ]
    said = [
        *told("wave", await store.merge_waves(tx, as_json(list(waves.values())))),
        *told("participation", await store.merge_participations(tx, msgspec.json.encode(places).decode())),
    ]
    await following.follow(tx, sorted({known[row.lea].lea_id for row in rows}), now)
    if said:
        entry = Entry(origin=origin, action="onboarding-import", object="roster", after={"changed": said})
        await audit.write(tx, entry)
    return said or ["nothing changed"]


async def _with_new_agencies(
    tx: Transaction, rows: Sequence[RosterRow], known: Mapping[str, LeaCode]
) -> Mapping[str, LeaCode]:
    """Colleges and joint powers take part too; who has no CDS code enters the directory by its code in BEST."""
    names = {row.lea: row.name for row in rows if row.lea not in known}
    if not names:
        return known
    opened = date(2018, 7, 1)
    ids = dict(zip(names, await leas.add_leas(tx, len(names)), strict=True))
    await leas.add_history(
        tx,
        [
            Period(lea_id=ids[code], valid_from=opened, name=name, kind="other_agency", county_code=_COUNTY)
            for code, name in names.items()
        ],
        [
            Identifier(lea_id=ids[code], scheme="best", code=code.removeprefix(_BEST), valid_from=opened)
            for code in names
        ],
    )
    return await access.lea_codes(tx)
