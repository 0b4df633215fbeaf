"""The push, its receipt, and what was pushed, over HTTP."""

import contextlib
from collections.abc import AsyncIterator
from datetime import date, timedelta
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, HeaderParameter, QueryParameter

from equityaccess import clock
from equityaccess.access.structs import Caller
from equityaccess.audit.recording import on_record
from equityaccess.audit.structs import Origin
from equityaccess.database import Database
from equityaccess.openapi import Formats
from equityaccess.personal import without_keys
from equityaccess.problems import (
    REFUSALS,
    Conflict,
    Invalid,
    NotAllowed,
    NotFound,
    RepeatedParameter,
    TooLarge,
    UnsupportedMediaType,
)
from equityaccess.settings import Settings
from equityaccess.submissions import formats, journal, once, store, workbook
from equityaccess.submissions.judge import Judge, Push, Verdict
from equityaccess.submissions.structs import Defaults, Mode, Outcome, Receipt, SubmissionIn, SubmissionPage
from equityaccess.submissions.turns import Busy
from equityaccess.web import answer, decode_cursor, demand_media_type, encode_cursor, refuses

_LONGEST_LENGTH = 18  # digits of a Content-Length; with more it is beyond every limit
_BY_CODE = {refusal.code: refusal for refusal in REFUSALS}


@post(
    "/submissions",
    operation_id="push",
    tags=["submissions"],
    responses=refuses(NotAllowed, Conflict, TooLarge, UnsupportedMediaType)
    | {
        200: ResponseSpec(
            Receipt, description="Nothing changed: it is known already, or this was a dry run.", generate_examples=False
        )
    },
    opt={
        "formats": Formats(
            reads={
                "application/json": SubmissionIn,
                "application/x-ndjson": None,
                "text/csv": None,
                workbook.MEDIA_TYPE: None,
            }
        )
    },
    request_max_body_size=None,  # held by the settings for each format, while it is read
)
async def push(
    request: Request[Any, Any, Any],
    caller: NamedDependency[Caller],
    origin: NamedDependency[Origin],
    db: NamedDependency[Database],
    settings: NamedDependency[Settings],
    mode: Annotated[
        Mode, QueryParameter(description="atomic: one fault and nothing is applied; partial: the good rows are.")
    ] = "atomic",
    dry_run: Annotated[  # noqa: FBT002
        bool, QueryParameter(description="Judge the push and show its effect, but store nothing.")
    ] = False,
    lea: Annotated[
        str | None,
        QueryParameter(description="CDS code for the rows that name none (NDJSON, CSV, a workbook).", max_length=64),
    ] = None,
    as_of: Annotated[
        date | None, QueryParameter(description="Day for the rows that name none (NDJSON, CSV, a workbook).")
    ] = None,
    source: Annotated[
        str | None,
        QueryParameter(description="Where the figures come from, such as 'SIS nightly export'.", max_length=200),
    ] = None,
    idempotency_key: Annotated[
        str | None,
        HeaderParameter(
            name="Idempotency-Key", description="Your own name for this push: sent again, it is done once."
        ),
    ] = None,
) -> Response[Receipt]:
    """Push observations, as JSON (`application/json`), NDJSON (`application/x-ndjson`), CSV (`text/csv`) or a workbook.

    A workbook is an .xlsx; `GET /v1/template` gives one to fill in. Its rows without figures are passed over.

    The body is kept as it came, then judged as a whole, in one transaction. The answer is a receipt that accounts for
    every row and shows what the push did to coverage: 201 when something was stored, 200 when nothing changed.
    A refusal lists every fault, each with its place, and who can mend it.
    """
    caller.demand("push")
    _demand_one_key(request, idempotency_key)
    form = formats.MEDIA[demand_media_type(request, tuple(formats.MEDIA))]
    most = settings.max_json_bytes if form in formats.WHOLE else settings.max_stream_bytes
    _demand_length(request, most)
    journaled = await journal.receive(
        db,
        caller,
        request.stream(),
        content_type=request.content_type[0],
        parameters=without_keys(request.url.query),
        now=clock.now(),
        most_bytes=most,
    )
    asked = Push(
        journaled=journaled,
        form=form,
        mode=mode,
        dry_run=dry_run,
        defaults=Defaults(lea=lea, as_of=as_of),
        source=source,
        idempotency_key=idempotency_key,
        origin=origin,
    )
    async with _noted(db, request, asked), request.app.state.turns.take():
        first = await _first(db, caller, asked, settings)
        verdict = first or await Judge(caller, asked, settings, clock.today()).judge(db)
    on_record(request)
    return _answer(verdict, is_replayed=first is not None)


def _demand_one_key(request: Request[Any, Any, Any], idempotency_key: str | None) -> None:
    if len(request.headers.getall("Idempotency-Key", [])) > 1:
        raise RepeatedParameter("The header Idempotency-Key was sent twice; which is meant is not certain.")
    once.checked_key(idempotency_key)


def _demand_length(request: Request[Any, Any, Any], most: int) -> None:
    """Refuse a body that says it is too large, before a byte of it is read."""
    said = request.headers.get("Content-Length", "0")
    if said.isascii() and said.isdigit() and (len(said) > _LONGEST_LENGTH or int(said) > most):
        raise journal.too_many_bytes(most)


@contextlib.asynccontextmanager
async def _noted(db: Database, request: Request[Any, Any, Any], push: Push) -> AsyncIterator[None]:
    """Writes down why a push that is in the journal was not judged: its Idempotency-Key, or too many others."""
    try:
        yield
    except (Conflict, Invalid, Busy) as refusal:
        if refusal.instance is None:
            outcome: Outcome = "incomplete" if isinstance(refusal, Busy) else "refused"
            submission_id = push.journaled.submission_id
            async with db.transaction(leas=push.origin.lea_ids) as tx:
                await store.decide(tx, submission_id, outcome, refusal.status, None, clock.now(), push.origin)
            on_record(request)
            refusal.instance = _place(submission_id)
        raise


def _place(submission_id: UUID) -> str:
    return f"/v1/submissions/{submission_id}"


async def _first(db: Database, caller: Caller, push: Push, settings: Settings) -> Verdict | None:
    """The verdict to be given again, if there is one; what was sent now is written down as replayed."""
    if push.idempotency_key is None:
        return None
    now = clock.now()
    keep = timedelta(hours=settings.idempotency_hours)
    found = await once.replayed(db, caller, push.journaled, push.idempotency_key, now, keep)
    if found is None:
        return None
    async with db.transaction(leas=caller.lea_ids) as tx:
        first = await store.submission(tx, found)
        if first is None or first.answer is None or first.status is None:
            raise NotFound("The first answer to this Idempotency-Key is not there any more.")
        submission_id = push.journaled.submission_id
        await store.decide(tx, submission_id, "replayed", first.status, first.answer, now, push.origin)
    return Verdict(status=first.status, receipt=msgspec.json.decode(first.answer, type=Receipt))  # type: ignore[arg-type]


def _answer(verdict: Verdict, *, is_replayed: bool = False) -> Response[Receipt]:
    """The receipt, or the refusal that it stands for."""
    receipt = verdict.receipt
    place = _place(receipt.submission_id)
    headers = {"Idempotent-Replayed": "true"} if is_replayed else {}
    if receipt.refused_as:
        raise _BY_CODE[receipt.refused_as](
            receipt.detail,
            errors=receipt.refusals,
            errors_total=receipt.refusals_total,
            instance=place,
            headers=headers,
        )
    return Response(receipt, status_code=verdict.status, headers={"Location": place, **headers})


@get(
    "/submissions",
    operation_id="list_submissions",
    tags=["submissions"],
    responses=refuses(),
)
async def list_submissions(
    request: Request[Any, Any, Any],
    caller: NamedDependency[Caller],
    db: NamedDependency[Database],
    outcome: Annotated[Outcome | None, QueryParameter(description="Only those that ended so.")] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=500, description="At most so many in one answer.")] = 100,
    cursor: Annotated[str | None, QueryParameter(description="`next` of the previous page, as it is.")] = None,
) -> Response[SubmissionPage]:
    """List what was pushed, newest first: also what was refused, and what was sent again."""
    before = decode_cursor(cursor, tuple[UUID])[0] if cursor else None
    async with db.transaction(leas=caller.lea_ids, every_lea=caller.sees_every_lea) as tx:
        lines = await store.submissions(tx, before, outcome, limit + 1)
    page, more = lines[:limit], lines[limit:]
    following = encode_cursor(page[-1].submission_id) if more else None
    return answer(request, SubmissionPage(items=page, next=following))


@get(
    "/submissions/{submission_id:uuid}",
    operation_id="read_receipt",
    tags=["submissions"],
    responses=refuses(NotFound, Conflict),
)
async def read_receipt(
    request: Request[Any, Any, Any],
    submission_id: FromPath[UUID],
    caller: NamedDependency[Caller],
    db: NamedDependency[Database],
) -> Response[Receipt]:
    """Read the receipt of a push, whatever became of it. Another LEA's looks as if it did not exist."""
    async with db.transaction(leas=caller.lea_ids, every_lea=caller.sees_every_lea) as tx:
        found = await store.submission(tx, submission_id)
    if found is None:
        raise NotFound(f"There is no submission {submission_id} here.")
    if found.answer is None:
        detail = "This push has no receipt: it is being judged, it ended early, or its Idempotency-Key was taken."
        raise Conflict(f"{detail} Its outcome is {found.outcome or 'not known yet'}.")
    return answer(request, msgspec.json.decode(found.answer, type=Receipt))


ROUTES = (push, list_submissions, read_receipt)
