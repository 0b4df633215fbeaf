"""Promise 38: exports are inert in a spreadsheet.

Method: 500 texts that a spreadsheet would run become codes of student groups, behind the service's back, and are
observed. The CSV of the observations is read with three readers: the csv module, pandas, and openpyxl after its cells
were put into a workbook, which says what a spreadsheet program takes for a formula. The refused rows that
`equityaccess push` writes beside a file go the same way. Every text must come back as it was behind its apostrophe,
every number as a number, every CDS code with its 14 digits. LibreOffice reads both files too where it is installed.
Figure: payloads; active cells; texts, numbers and codes that came back otherwise; readers.
Mutant: the exports write texts as they are.
"""

import asyncio
import csv
import io
import random
import shutil
import subprocess
from datetime import date
from pathlib import Path

import asyncpg
import openpyxl
import pandas as pd
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

from equityaccess import database
from equityaccess.commands import receipt
from equityaccess.problems import Problem
from equityaccess.submissions import observations
from tests.conftest import bearer, serving
from tests.trust import world
from tests.trust.harness import Figure, Harness, Run

_STARTS = ("=", "+", "-", "@", "\t=", "\r=", "\n=", " =", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_REST = ("cmd|'/c calc'!A1", "SUM(1,1)", 'HYPERLINK("http://example.org","x")', "1+1", "IMPORTXML(A1)", "2", '"x",=1')
_ACTIVE = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")

_CELL = openpyxl.Workbook().create_sheet()["A1"]


def _payloads(count: int) -> list[str]:
    dice = random.Random(38)
    return [f"{dice.choice(_STARTS)}{dice.choice(_REST)}{number}" for number in range(count)]


async def _plant(admin: asyncpg.Connection, payloads: list[str]) -> None:
    lea = await admin.fetchval("SELECT lea_id FROM identifier WHERE scheme = 'cds' AND code = $1", world.LAUSD)
    for number, payload in enumerate(payloads):
        group = await admin.fetchval(
            "INSERT INTO student_group (code, name, kind, definition, source) VALUES ($1, $1, 'program', $1, 'test')"
            " RETURNING student_group_id",
            payload,
        )
        await admin.execute(
            "INSERT INTO observation (lea_id, indicator_id, student_group_id, as_of, revision, population, met,"
            " not_met, not_applicable, evidence, submission_id, recorded_at)"
            " VALUES ($1, 1, $2, $3, 1, $4, $4, 0, 0, 'A', gen_random_uuid(), now())",
            lea, group, date(2026, 10, 1), number,
        )  # fmt: skip


async def _exported(url: str) -> str:
    async with serving(world.settings_for(url)) as client:
        db = await database.connect(world.settings_for(url))
        headers = bearer(await world.key(db, world.LAUSD)) | {"Accept": "text/csv"}
        await db.close()
        return (await client.get("/v1/observations", headers=headers)).text


def _is_active(text: str) -> bool:
    """Whether a spreadsheet would run *text*: openpyxl's word for it, and the characters that OWASP names."""
    _CELL.value = ILLEGAL_CHARACTERS_RE.sub("", text)
    return _CELL.data_type == "f" or text.lstrip(" ").startswith(_ACTIVE)


class _Seen:
    """What the readers made of the exports."""

    def __init__(self) -> None:
        self.active = self.texts = self.numbers = self.codes = 0
        self.readers: list[str] = []

    def table(self, reader: str, rows: list[dict[str, str]], payloads: list[str]) -> None:
        """Hold what *reader* read against what was planted."""
        self.readers.append(reader)
        self.active += sum(_is_active(text) for row in rows for text in row.values() if not text.lstrip("-").isdigit())
        read = {row["population"]: row for row in rows}
        self.numbers += len(payloads) - len(read.keys() & {str(number) for number in range(len(payloads))})
        for number, payload in enumerate(payloads):
            row = read.get(str(number), {"student_group": "", "lea": ""})
            self.texts += row["student_group"].removeprefix("'") != payload
            self.codes += row["lea"] != world.LAUSD


def _in_three_ways(exported: str, payloads: list[str], seen: _Seen) -> None:
    table = list(csv.DictReader(io.StringIO(exported, newline="")))
    seen.table("csv", table, payloads)
    frame = pd.read_csv(io.StringIO(exported), dtype=str, keep_default_na=False)
    seen.table("pandas", frame.to_dict("records"), payloads)
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for line in csv.reader(io.StringIO(exported, newline="")):
        sheet.append([ILLEGAL_CHARACTERS_RE.sub("", cell) for cell in line])
    kept = io.BytesIO()
    book.save(kept)
    read = list(openpyxl.load_workbook(kept).worksheets[0].iter_rows(values_only=False))
    seen.active += sum(cell.data_type == "f" for line in read for cell in line)
    seen.readers.append("openpyxl")


def _beside(at: Path, payloads: list[str]) -> int:
    """How many cells of the file of refused rows are active."""
    sent = at / "counts.csv"
    sent.write_text("lea\n" + "\n".join(payload.strip() for payload in payloads), encoding="utf-8")
    faults = [
        Problem(code=one, detail=one, owner="sender", line=number, column=one, suggestion=one)
        for number, one in enumerate(payloads, 2)
    ]
    with receipt.write_refused(faults, sent).open(encoding="utf-8", newline="") as beside:
        return sum(_is_active(cell) for line in csv.reader(beside) for cell in line if not cell.isdigit())


def _by_libreoffice(at: Path, exported: str) -> int | None:
    """How many cells LibreOffice makes formulas; None where it is not installed."""
    program = shutil.which("soffice") or shutil.which("libreoffice")
    if program is None:
        return None
    (at / "exported.csv").write_text(exported, encoding="utf-8", newline="")
    subprocess.run(
        [program, "--headless", "--convert-to", "xlsx", "--outdir", str(at), str(at / "exported.csv")],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    sheet = openpyxl.load_workbook(at / "exported.xlsx").worksheets[0]
    return sum(cell.data_type == "f" for line in sheet.iter_rows() for cell in line)


async def _run(run: Run) -> Figure:
    if run.mutant:
        observations.inert = receipt.inert = lambda cell: cell
    payloads = _payloads(run.size(500, 100))
    seen = _Seen()
    with world.folder() as at:
        async with world.seeded(at, durable=False) as url:
            admin = await asyncpg.connect(url)
            await _plant(admin, payloads)
            await admin.close()
            exported = await _exported(url)
        _in_three_ways(exported, payloads, seen)
        seen.active += _beside(at, payloads)
        office = await asyncio.to_thread(_by_libreoffice, at, exported)
        seen.active += office or 0
    seen.readers.append("LibreOffice is not installed" if office is None else "LibreOffice")
    text = (
        f"payloads={len(payloads)} active={seen.active} texts_changed={seen.texts} numbers_changed={seen.numbers} "
        f"codes_changed={seen.codes} readers: {', '.join(seen.readers)}"
    )
    return Figure(text=text, holds=not (seen.active or seen.texts or seen.numbers or seen.codes))


HARNESSES = [
    Harness(
        number=38,
        promise="Exports are inert in a spreadsheet, and come back as they were",
        mutant="the exports write texts as they are",
        run=_run,
    )
]
