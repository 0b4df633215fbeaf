"""``/submit`` and ``/my``: a district sends a file, sees what it would do before it does it, and what became of it."""

from collections.abc import AsyncIterator
from typing import Any, Final
from uuid import UUID

import msgspec
from litestar import Request, Response, get, post
from litestar.datastructures import UploadFile
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from equityaccess import clock
from equityaccess.access.structs import Caller
from equityaccess.audit.recording import on_record
from equityaccess.audit.structs import Origin
from equityaccess.catalogue import store as catalogue
from equityaccess.dashboard import forms
from equityaccess.dashboard.doors import FOR_DISTRICT
from equityaccess.dashboard.rendering import page
from equityaccess.database import Database
from equityaccess.leas import store as leas
from equityaccess.problems import NotFound, UnsupportedMediaType
from equityaccess.settings import Settings
from equityaccess.submissions import filling_in, formats, journal, store
from equityaccess.submissions.judge import Judge, Push, Verdict
from equityaccess.submissions.rules import Format
from equityaccess.submissions.structs import Defaults, Receipt
from equityaccess.submissions.template import template
from equityaccess.submissions.turns import Turns
from equityaccess.submissions.workbook import MEDIA_TYPE

MOST_BYTES: Final = 10_000_000
_BY_ENDING: Final[dict[str, str]] = {"csv": "text/csv", "xlsx": MEDIA_TYPE}
_SHOWN: Final = 50
_SOURCE: Final = "a file on the page"


@get("/submit", operation_id="show_submit", include_in_schema=False, opt=FOR_DISTRICT)
async def show_submit(request: Request[Any, Any, Any]) -> Response[Any]:
    """Choose a file, or take the workbook to fill in."""
    return page(request, "submit.html", receipt=None, names={})


@post(
    "/submit",
    operation_id="preview",
    include_in_schema=False,
    opt=FOR_DISTRICT,
    request_max_body_size=MOST_BYTES + 65_536,
)
async def preview(
    request: Request[Any, Any, Any],
    caller: NamedDependency[Caller],
    origin: NamedDependency[Origin],
    db: NamedDependency[Database],
    settings: NamedDependency[Settings],
) -> Response[Any]:
    """Judge the file and show what it would do; nothing of it is applied."""
    file = (await request.form()).get("file")
    if not isinstance(file, UploadFile) or not file.filename:
        raise forms.wrong("missing-field", "Choose a file first.")
    kind = _BY_ENDING.get(file.filename.rpartition(".")[2].lower())
    if kind is None:
        raise UnsupportedMediaType("Choose a CSV file or an Excel workbook (.xlsx).")
    body = await file.read()
    verdict = await judged(request, (db, caller, origin, settings), kind, body, dry_run=True)
    on_record(request)
    return page(request, "submit.html", receipt=verdict.receipt, names=await meanings(db), status_code=200)


@post("/submit/{submission_id:uuid}", operation_id="submit", include_in_schema=False, opt=FOR_DISTRICT)
async def submit(
    request: Request[Any, Any, Any],
    caller: NamedDependency[Caller],
    origin: NamedDependency[Origin],
    db: NamedDependency[Database],
    settings: NamedDependency[Settings],
    submission_id: FromPath[UUID],
) -> Redirect:
    """Apply what was previewed: the same bytes, which stand in the journal. A second click finds nothing new."""
    async with db.transaction(leas=caller.lea_ids) as tx:
        found = await store.submission(tx, submission_id)
        if found is None or found.outcome != "dry_run":
            raise NotFound("There is no preview of yours under this address.")
        body = b"".join([part async for part in journal.body(tx, submission_id)])
    verdict = await judged(request, (db, caller, origin, settings), found.content_type, body, dry_run=False)
    on_record(request)
    return Redirect(f"/my/receipts/{verdict.receipt.submission_id}", status_code=303)


_With = tuple[Database, Caller, Origin, Settings]


async def judged(request: Request[Any, Any, Any], asked: _With, kind: str, body: bytes, *, dry_run: bool) -> Verdict:
    """The same way that a push over the API goes: kept as it came, then judged as a whole."""
    db, caller, origin, settings = asked
    form: Format = formats.MEDIA[kind]
    journaled = await journal.receive(
        db, caller, _one(body), content_type=kind, parameters="", now=clock.now(), most_bytes=MOST_BYTES
    )
    push = Push(
        journaled=journaled,
        form=form,
        mode="atomic",
        dry_run=dry_run,
        defaults=Defaults(),
        source=_SOURCE,
        idempotency_key=None,
        origin=origin,
    )
    turns: Turns = request.app.state.turns
    async with turns.take():
        return await Judge(caller, push, settings, clock.today()).judge(db)


async def _one(body: bytes) -> AsyncIterator[bytes]:
    yield body


async def meanings(db: Database) -> dict[str, str]:
    """What codes of measures and groups mean."""
    async with db.transaction() as tx:
        return (await catalogue.names(tx)).every


@get("/submit/template.xlsx", operation_id="download_template", include_in_schema=False, opt=FOR_DISTRICT)
async def download_template(caller: NamedDependency[Caller], db: NamedDependency[Database]) -> Response[bytes]:
    """The workbook to fill in: the one that the API gives."""
    today = clock.today()
    async with db.transaction(leas=caller.lea_ids) as tx:
        codes = (await store.names(tx, caller.lea_ids[: filling_in.MOST_LEAS], today)).leas
        form = await filling_in.to_fill_in(tx, codes, today)
    body = template(form.rows, form.said, await meanings(db), today)
    headers = {"Content-Disposition": f'attachment; filename="counts-{today}.xlsx"', "Cache-Control": "no-store"}
    return Response(body, media_type=MEDIA_TYPE, headers=headers)


@get("/my", operation_id="show_my", include_in_schema=False, opt=FOR_DISTRICT)
async def show_my(
    request: Request[Any, Any, Any], caller: NamedDependency[Caller], db: NamedDependency[Database]
) -> Response[Any]:
    """What was sent, what is owed and by when, and the lines that send it every night."""
    today = clock.today()
    async with db.transaction(leas=caller.lea_ids) as tx:
        codes = await leas.codes(tx, today)
        receipts = await store.submissions(tx, None, None, _SHOWN)
        owed = await store.owed(tx, caller.lea_ids, today, _SHOWN)
    lea = min((codes[lea_id] for lea_id in caller.lea_ids), default="")
    base = str(request.base_url).rstrip("/")
    return page(
        request, "my.html", receipts=receipts, owed=owed, today=today, lea=lea, base=base, names=await meanings(db)
    )


@get("/my/receipts/{submission_id:uuid}", operation_id="show_receipt", include_in_schema=False, opt=FOR_DISTRICT)
async def show_receipt(
    request: Request[Any, Any, Any],
    caller: NamedDependency[Caller],
    db: NamedDependency[Database],
    submission_id: FromPath[UUID],
) -> Response[Any]:
    """One receipt: every row accounted for, every fault with its place and who mends it."""
    async with db.transaction(leas=caller.lea_ids) as tx:
        found = await store.submission(tx, submission_id)
    if found is None or found.answer is None:
        raise NotFound("There is no receipt of yours under this address.")
    receipt = msgspec.json.decode(found.answer, type=Receipt)
    return page(request, "receipt.html", receipt=receipt, names=await meanings(db))


ROUTES = [show_submit, preview, submit, download_template, show_my, show_receipt]
