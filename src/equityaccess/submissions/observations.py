"""What was pushed, read back: as it is known now, or as the service knew it at an earlier instant."""

import csv
import io
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from datetime import date, datetime
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from litestar.response import Stream

from equityaccess import clock
from equityaccess.access.rules import lea_named
from equityaccess.access.store import lea_codes
from equityaccess.access.structs import Caller
from equityaccess.catalogue.routes import Cursor
from equityaccess.database import Database, Transaction
from equityaccess.openapi import Formats
from equityaccess.problems import NotAllowed
from equityaccess.sheets import inert
from equityaccess.submissions import history
from equityaccess.submissions.history import FIRST_OBSERVATION, FoundObservation, ObservationKey, Wanted
from equityaccess.submissions.rules import EARLIEST
from equityaccess.submissions.structs import Observation, ObservationPage
from equityaccess.web import (
    answer,
    chosen_format,
    decode_cursor,
    encode_cursor,
    instant_of_knowledge,
    refuses,
    wrong_parameter,
)

_FORMATS = ("application/json", "application/x-ndjson", "text/csv")
_PIECE = 1_000  # rows in one piece of a stream
_COLUMNS = Observation.__struct_fields__


@get(
    "/observations",
    operation_id="list_observations",
    tags=["observations"],
    responses=refuses(NotAllowed),
    opt={"formats": Formats(answers=_FORMATS[1:])},
)
async def list_observations(
    request: Request[Any, Any, Any],
    caller: NamedDependency[Caller],
    db: NamedDependency[Database],
    lea: Annotated[str | None, QueryParameter(max_length=64, description="Only this LEA, by its CDS code.")] = None,
    indicator: Annotated[str | None, QueryParameter(max_length=64, description="Only this indicator.")] = None,
    student_group: Annotated[str | None, QueryParameter(max_length=64, description="Only this student group.")] = None,
    from_on: Annotated[date | None, QueryParameter(name="from", description="The first as_of.")] = None,
    to_on: Annotated[date | None, QueryParameter(name="to", description="The last as_of.")] = None,
    known_at: Annotated[
        datetime | None,
        QueryParameter(description="As the service knew it at this instant, with an offset. Now."),
    ] = None,
    every_revision: Annotated[bool, QueryParameter(description="Also what was superseded.")] = False,  # noqa: FBT002
    limit: Annotated[int, QueryParameter(ge=1, le=5_000, description="At most so many in one page of JSON.")] = 1_000,
    cursor: Cursor = None,
) -> Response[ObservationPage]:
    """Read observations back: JSON in pages; NDJSON and CSV (by `Accept`) as one stream of all that fits the filters.

    History is never rewritten: a correction is a new revision, and `known_at` shows what stood there before it.
    """
    form = chosen_format(request, _FORMATS)
    now = clock.now()
    async with _reading(db, caller) as tx:
        wanted = Wanted(
            lea_ids=await _leas(tx, lea, caller),
            indicator_id=await _id(tx, "indicator", indicator),
            student_group_id=await _id(tx, "student_group", student_group),
            from_on=from_on or EARLIEST,
            to_on=to_on or date.max,
            known_at=instant_of_knowledge(known_at, now),
            every_revision=every_revision,
        )
        after = _after(cursor)
        if form == "application/json":
            return answer(request, await _page(tx, wanted, after, limit))
    rows = _rows(db, caller, wanted, after)
    pieces = _csv(rows) if form == "text/csv" else _ndjson(rows)
    return Stream(pieces, media_type=form)  # type: ignore[return-value]


def _reading(db: Database, caller: Caller) -> AbstractAsyncContextManager[Transaction]:
    return db.transaction(leas=caller.lea_ids, every_lea=caller.sees_every_lea, isolation="repeatable_read")


async def _page(tx: Transaction, wanted: Wanted, after: ObservationKey, limit: int) -> ObservationPage:
    found = [row async for row in history.observations(tx, wanted, after, limit + 1)]
    page, more = found[:limit], found[limit:]
    return ObservationPage(items=[row.shown() for row in page], next=encode_cursor(*page[-1].key) if more else None)


async def _rows(db: Database, caller: Caller, wanted: Wanted, after: ObservationKey) -> AsyncIterator[FoundObservation]:
    async with _reading(db, caller) as tx:
        async for row in history.observations(tx, wanted, after, None):
            yield row


async def _ndjson(rows: AsyncIterator[FoundObservation]) -> AsyncIterator[bytes]:
    encoder, piece = msgspec.json.Encoder(), []
    async for row in rows:
        piece.append(row.shown())
        if len(piece) == _PIECE:
            yield encoder.encode_lines(piece)
            piece = []
    yield encoder.encode_lines(piece)


async def _csv(rows: AsyncIterator[FoundObservation]) -> AsyncIterator[bytes]:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(_COLUMNS)
    async for row in rows:
        writer.writerow(inert(getattr(row, column)) for column in _COLUMNS)
        if text.tell() > 65_536:
            yield text.getvalue().encode()
            text.seek(0)
            text.truncate()
    yield text.getvalue().encode()


async def _leas(tx: Transaction, code: str | None, caller: Caller) -> list[int] | None:
    """Whose observations are asked for: of one LEA, of all of the caller's, or None for the county's every LEA."""
    if code is None:
        return None if caller.sees_every_lea else caller.lea_ids
    lea = lea_named(code, await lea_codes(tx), "/query/lea")
    if lea.lea_id not in caller.lea_ids and not caller.sees_every_lea:
        raise NotAllowed(f"This key does not speak for {lea.name}.")
    return [lea.lea_id]


async def _id(tx: Transaction, name: str, code: str | None) -> int | None:
    if code is None:
        return None
    ids = await history.indicator_ids(tx) if name == "indicator" else await history.group_ids(tx)
    if code not in ids:
        raise wrong_parameter(
            name, f"unknown-{name.replace('_', '-')}", f"{code!r} is not known; known are {', '.join(ids)}."
        )
    return ids[code]


def _after(cursor: str | None) -> ObservationKey:
    return decode_cursor(cursor, ObservationKey) if cursor else FIRST_OBSERVATION


ROUTES = (list_observations,)
