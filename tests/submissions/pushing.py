"""What the tests of the push share: rows in the three formats, a sender, and a look into the journal."""

import asyncio
import csv
import io
import json
import zlib
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

import asyncpg
import httpx
import openpyxl
from openpyxl.cell import WriteOnlyCell

from equityaccess import clock
from tests.conftest import bearer

ABC = "19642120000000"
LAUSD = "19647330000000"
KINDS = {
    "json": "application/json",
    "ndjson": "application/x-ndjson",
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
FORMS = tuple(KINDS)
Fields = Mapping[str, Any]


def days_ago(days: int) -> str:
    return str(clock.today() - timedelta(days=days))


def row(**changes: Any) -> dict[str, Any]:
    """A good row of ABC Unified, the breakdown's fields flat as in NDJSON; a change to ``...`` leaves a field out."""
    fields = {
        "lea": ABC, "as_of": days_ago(3), "indicator": "home_internet", "student_group": "ALL",
        "population": 18_000, "met": 17_000, "not_met": 600, "evidence": "C",
    } | {name.replace("breakdown_", "breakdown."): value for name, value in changes.items()}  # fmt: skip
    return {name: value for name, value in fields.items() if value is not ...}


def days(count: int, *, since: date = date(2021, 7, 1), **changes: Any) -> list[dict[str, Any]]:
    """*count* good rows, one a day."""
    return [row(as_of=str(since + timedelta(days=number)), **changes) for number in range(count)]


def _nested(fields: Fields) -> dict[str, Any]:
    flat = {name: value for name, value in fields.items() if not name.startswith("breakdown.")}
    parts = {name.partition(".")[2]: value for name, value in fields.items() if name.startswith("breakdown.")}
    return flat | ({"breakdown": parts} if parts else {})


def written(form: str, rows: Sequence[Fields]) -> bytes:
    """*rows* as the body of a push."""
    if form == "json":
        return json.dumps({"observations": [_nested(fields) for fields in rows]}).encode()
    if form == "ndjson":
        return b"".join(json.dumps(fields).encode() + b"\n" for fields in rows)
    columns = list(dict.fromkeys(name for fields in rows for name in fields))
    if form == "xlsx":
        return a_workbook([columns, *([fields.get(name) for name in columns] for fields in rows)])
    out = io.StringIO()
    table = csv.DictWriter(out, columns, lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    return out.getvalue().encode()


def a_workbook(rows: Iterable[Sequence[object]], *, sheet: str = "Sheet1", others: Sequence[str] = ()) -> bytes:
    """*rows* in a sheet of a workbook, with *others*, which hold one cell, before it."""
    book, out = openpyxl.Workbook(write_only=True), io.BytesIO()
    for other in others:
        book.create_sheet(other).append(["something"])
    made = book.create_sheet(sheet)
    for one in rows:
        made.append([_cell(made, value) for value in one])
    book.save(out)
    return out.getvalue()


def _cell(sheet: Any, value: object) -> WriteOnlyCell:
    """A cell with *value*: a text is a text, whatever it begins with, and what a sheet has no type for is one too."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    cell = WriteOnlyCell(sheet, value if is_number or value is None or isinstance(value, date) else str(value))
    if isinstance(cell.value, str):
        cell.data_type = "s"
    return cell


class Sender:
    """Pushes with one key."""

    def __init__(self, client: httpx.AsyncClient, secret: str) -> None:
        self.client = client
        self.headers = bearer(secret)

    async def rows(self, form: str, rows: Sequence[Fields], *, key: str | None = None, **query: Any) -> httpx.Response:
        """Push *rows* in *form*."""
        return await self.body(written(form, rows), KINDS[form], key=key, **query)

    async def body(
        self,
        body: bytes | AsyncIterator[bytes],
        kind: str | None,
        *,
        key: str | None = None,
        headers: Mapping[str, str] = {},
        **query: Any,
    ) -> httpx.Response:
        """Push *body* as the media type *kind*."""
        sent = self.headers | ({"Content-Type": kind} if kind else {}) | ({"Idempotency-Key": key} if key else {})
        return await self.client.post("/v1/submissions", content=body, headers=sent | headers, params=query)

    async def get(self, place: str) -> httpx.Response:
        """Read with the same key."""
        return await self.client.get(place, headers=self.headers)


class Kept(NamedTuple):
    """A submission as the journal has it; ``body`` is inflated and joined."""

    submission_id: Any
    outcome: str | None
    status: int | None
    sha256: bytes | None
    byte_count: int | None
    body: bytes


async def journal(url: str) -> list[Kept]:
    """Everything in the journal, oldest first, read past every wall."""
    admin = await asyncpg.connect(url)
    try:
        lines = await admin.fetch("SELECT * FROM submission ORDER BY received_at, submission_id")
        parts = await admin.fetch("SELECT submission_id, deflated FROM submission_body ORDER BY submission_id, part")
    finally:
        await admin.close()
    bodies: dict[Any, bytes] = {}
    for part in parts:
        bodies[part["submission_id"]] = bodies.get(part["submission_id"], b"") + zlib.decompress(part["deflated"])
    return [
        Kept(*(line[name] for name in Kept._fields[:-1]), body=bodies.get(line["submission_id"], b"")) for line in lines
    ]


async def observed(url: str) -> list[asyncpg.Record]:
    """Every revision of every observation, read past every wall."""
    admin = await asyncpg.connect(url)
    try:
        order = "lea_id, indicator_id, student_group_id, as_of, revision"
        return await admin.fetch(f"SELECT * FROM observation ORDER BY {order}")
    finally:
        await admin.close()


async def until_it_waits(holder: asyncpg.Connection) -> None:
    """Return when a push waits for a lock that *holder* has."""
    mine = "pid = pg_backend_pid() AND granted AND locktype = 'advisory'"
    same = f"EXISTS (SELECT FROM pg_locks m WHERE {mine} AND (m.classid, m.objid) = (w.classid, w.objid))"
    waits = f"SELECT EXISTS (SELECT FROM pg_locks w WHERE NOT granted AND locktype = 'advisory' AND {same})"
    while not await holder.fetchval(waits):  # noqa: ASYNC110, another process's lock has no event
        await asyncio.sleep(0.01)


def codes(answer: httpx.Response) -> list[str]:
    """The codes of the faults that an answer lists."""
    return [fault["code"] for fault in answer.json().get("errors", [])]


def by_row(answer: httpx.Response) -> dict[int, list[dict[str, Any]]]:
    """The faults of each row that an answer or a receipt lists."""
    found: dict[int, list[dict[str, Any]]] = {}
    document = answer.json()
    for fault in document["errors"] if "errors" in document else document["refusals"]:
        if "row" in fault:
            found.setdefault(fault["row"], []).append(fault)
    return found


def sums_up(counts: Mapping[str, int]) -> bool:
    """Whether every row that was received is accounted for."""
    return counts["received"] == sum(counts[what] for what in ("created", "updated", "unchanged", "refused"))


def chunks(body: bytes, size: int) -> Iterable[bytes]:
    """*body* in pieces."""
    return (body[start : start + size] for start in range(0, len(body), size))
