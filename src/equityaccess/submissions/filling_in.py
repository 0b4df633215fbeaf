"""What an LEA has to fill in, as a workbook: for those who have no program that pushes."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Annotated, Final

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from equityaccess import clock
from equityaccess.access import store as access
from equityaccess.access.rules import lea_named
from equityaccess.access.structs import Caller
from equityaccess.catalogue import store as catalogue
from equityaccess.coverage.store import OwnAsked, own_asked
from equityaccess.database import Database, Transaction
from equityaccess.problems import NotAllowed
from equityaccess.submissions import store
from equityaccess.submissions.rules import EARLIEST
from equityaccess.submissions.structs import Said, ToFillIn
from equityaccess.submissions.template import template
from equityaccess.submissions.workbook import MEDIA_TYPE
from equityaccess.web import refuses, wrong_parameter

MOST_LEAS: Final = 25  # in one workbook, which people fill in by hand


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """The rows that LEAs have to fill in, and what each, by its code, said last."""

    rows: list[ToFillIn]
    said: dict[str, list[Said]]


@get(
    "/template",
    operation_id="read_template",
    tags=["submissions"],
    responses=refuses(NotAllowed),
    media_type=MEDIA_TYPE,
)
async def read_template(
    caller: NamedDependency[Caller],
    db: NamedDependency[Database],
    lea: Annotated[str | None, QueryParameter(max_length=64, description="Only this LEA, by its CDS code.")] = None,
    as_of: Annotated[date | None, QueryParameter(description="The day that the counts will be of. Today.")] = None,
) -> Response[bytes]:
    """Read a workbook (.xlsx) to fill in and push: a row for whatever is asked of the caller's LEAs.

    Its codes are texts, its groups those that the LEA has, its populations filled in as far as they are known.
    """
    caller.demand("push")
    day = _checked(as_of, clock.today())
    async with db.transaction(leas=caller.lea_ids) as tx:
        known = await access.lea_codes(tx)
        wanted = [lea_named(lea, known, "/query/lea").lea_id] if lea is not None else caller.lea_ids
        if foreign := set(wanted) - set(caller.lea_ids):
            raise NotAllowed(
                f"This key does not speak for {next(k.name for k in known.values() if k.lea_id in foreign)}."
            )
        if len(wanted) > MOST_LEAS:
            detail = f"This key speaks for {len(wanted)} LEAs; a workbook is for {MOST_LEAS} at most. Name one."
            raise wrong_parameter("lea", "too-many-leas", detail)
        codes = (await store.names(tx, wanted, day)).leas
        form = await to_fill_in(tx, codes, day)
        names = (await catalogue.names(tx)).every
    names |= {code: known[code].name for code in codes.values() if code in known}
    body = await asyncio.to_thread(template, form.rows, form.said, names, day)
    headers = {"Content-Disposition": f'attachment; filename="counts-{day}.xlsx"'}
    return Response(body, media_type=MEDIA_TYPE, headers=headers)


async def to_fill_in(tx: Transaction, codes: Mapping[int, str], day: date) -> Form:
    """What the LEAs of *codes*, by id, have to fill in for *day*; the transaction must see them."""
    said: dict[str, list[Said]] = {code: [] for code in codes.values()}
    for one in sorted(await store.last_said(tx, list(codes)), key=_place):
        said[codes[one.lea_id]].append(one)
    rows = [row for lea_id, code in codes.items() for row in _rows(code, await own_asked(tx, lea_id, day), said[code])]
    return Form(rows=rows, said=said)


def _rows(lea: str, asked: Sequence[OwnAsked], said: Sequence[Said]) -> Iterator[ToFillIn]:
    """The group ALL of each indicator, and the groups that the LEA has students of, or has told of before."""
    last = {(one.indicator, one.student_group): one for one in said}
    for one in sorted(asked, key=_place):
        before = last.get((one.indicator, one.student_group))
        enrolled = one.students if one.is_about_students else None
        if one.student_group == "ALL" or before or enrolled:
            population = before.population if before else enrolled
            yield ToFillIn(lea=lea, indicator=one.indicator, student_group=one.student_group, population=population)


def _place(one: Said | OwnAsked) -> tuple[str, bool, str]:
    return (one.indicator, one.student_group != "ALL", one.student_group)


def _checked(as_of: date | None, today: date) -> date:
    if as_of is not None and as_of > today:
        raise wrong_parameter("as_of", "future-date", "as_of is to come; nobody can have counted then.")
    if as_of is not None and as_of < EARLIEST:
        raise wrong_parameter("as_of", "invalid-period", f"as_of is before {EARLIEST}; nothing is asked of that time.")
    return as_of or today


ROUTES = (read_template,)
