"""``equityaccess onboarding import``: a roster into an empty and into a filled database."""

from pathlib import Path

import pytest

from equityaccess import clock
from equityaccess.audit.structs import Origin
from equityaccess.database import connect
from equityaccess.onboarding import store
from equityaccess.onboarding.roster import UnsoundRoster, bring_in, faults, read_roster
from tests.conftest import settings_for

HEADER = "lea,track,wave,go_live_on,wave_name,name\n"
GOOD = HEADER + (
    "19647250000000,FIN,fin-1,2027-07-12,First,\n"
    "19647250000000,HCM,hcm-1,2027-01-25,,\n"
    "best:7101,FIN,fin-1,2027-07-12,First,Sample Community College District\n"
)


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "roster.csv"
    file.write_text(text)
    return file


async def test_a_roster_brings_waves_agencies_and_their_days(database_url: str, tmp_path: Path) -> None:
    rows = read_roster(written(tmp_path, GOOD))
    db = await connect(settings_for(database_url), role="owner")
    origin = Origin(actor="a test")
    async with db.transaction(role="owner") as tx:
        said = await bring_in(tx, rows, origin, clock.now(), is_sample=True)
    async with db.transaction(role="owner") as tx:
        assert await bring_in(tx, rows, origin, clock.now(), is_sample=True) == ["nothing changed"]
        waves = {wave.code: wave for wave in await store.waves(tx)}
        progress = await store.progress(tx)
    await db.close()
    assert said == ["wave: 2 added", "participation: 3 added"]
    assert (waves["fin-1"].name, waves["fin-1"].leas, waves["fin-1"].is_sample) == ("First", 2, True)
    assert waves["hcm-1"].name == "hcm-1"
    assert len(progress) == 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("lea,track,wave\n", "wrong is go_live_on"),
        (HEADER.replace("name\n", "contact\n"), "wrong is contact"),
        (HEADER + "1,FIN,first wave,2027-01-01,,\n", "line 2: .*wave"),
        (HEADER + "1,FIX,a,2027-01-01,,\n1,FIN,a,soon,,\n", "line 2: .*FIX.*\nline 3: "),
    ],
)
def test_a_file_that_cannot_be_read_says_where(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UnsoundRoster, match=said):
        read_roster(written(tmp_path, text))


def test_every_fault_of_a_roster_is_told(tmp_path: Path) -> None:
    rows = read_roster(
        written(
            tmp_path, HEADER + "best:1,FIN,a,2027-01-04,,\nbest:2,HCM,a,2027-01-04,,B\nbest:2,HCM,b,2027-01-04,,B\n"
        )
    )
    assert [fault.split(": ")[0] for fault in faults(rows, {})] == ["line 2", "line 3", "line 4"]
