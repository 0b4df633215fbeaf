"""``/submit/typed``: counts of one LEA and day, typed into a form that knows what is asked and what was said last."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Annotated, Any, Final

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from equityaccess import clock
from equityaccess.access.structs import Caller
from equityaccess.audit.recording import on_record
from equityaccess.audit.structs import Origin
from equityaccess.dashboard import forms
from equityaccess.dashboard.doors import FOR_DISTRICT
from equityaccess.dashboard.rendering import page
from equityaccess.dashboard.submit import judged, meanings
from equityaccess.database import Database, Transaction
from equityaccess.leas import store as leas
from equityaccess.problems import NotFound, Problem
from equityaccess.settings import Settings
from equityaccess.submissions import filling_in
from equityaccess.submissions.structs import Said, ToFillIn
from equityaccess.submissions.template import COLUMNS

_PLACE: Final = "/submit/typed"
_TYPED: Final = ("population", "met", "not_met", "not_applicable", "evidence")
_MOST_ROWS: Final = 1_000


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the form: what it is about, what stands in its fields, and what is wrong with them."""

    indicator: str
    student_group: str
    values: dict[str, str]
    faults: dict[str, Problem]

    def name(self, field: str) -> str:
        """What a field of this row is called in the form."""
        return f"{field}.{self.indicator}.{self.student_group}"


@get(_PLACE, operation_id="show_form", include_in_schema=False, opt=FOR_DISTRICT)
async def show_form(
    request: Request[Any, Any, Any],
    caller: NamedDependency[Caller],
    db: NamedDependency[Database],
    lea: Annotated[str | None, QueryParameter(max_length=64)] = None,
    groups: Annotated[str, QueryParameter(max_length=8)] = "ALL",
) -> Response[Any]:
    """What is asked of one LEA, with what it said last; the group ALL, or every group."""
    today = clock.today()
    async with db.transaction(leas=caller.lea_ids) as tx:
        codes = await _own(tx, caller, today)
        lea_id, code = _chosen(codes, lea)
        form = await filling_in.to_fill_in(tx, {lea_id: code}, today)
    rows = [row for row in form.rows if groups == "every" or row.student_group == "ALL"]
    return await _form(request, db, codes.values(), code, today, list(_lines(rows, form.said[code])), groups=groups)


@post(_PLACE, operation_id="preview_form", include_in_schema=False, opt=FOR_DISTRICT)
async def preview_form(
    request: Request[Any, Any, Any],
    caller: NamedDependency[Caller],
    origin: NamedDependency[Origin],
    db: NamedDependency[Database],
    settings: NamedDependency[Settings],
) -> Response[Any]:
    """Judge what was typed as the file that it stands for; a fault is shown beside its field."""
    sent = await forms.fields(request)
    lea, as_of = sent.get("lea", ""), sent.get("as_of", "")
    lines = list(_typed(sent))
    if not lines or len(lines) > _MOST_ROWS:
        raise forms.wrong("missing-field", "Type at least one number of people reached.")
    verdict = await judged(
        request, (db, caller, origin, settings), "text/csv", _as_csv(lea, as_of, lines), dry_run=True
    )
    on_record(request)
    receipt = verdict.receipt
    if not receipt.refused_as:
        return page(request, "submit.html", receipt=receipt, names=await meanings(db), status_code=200)
    faulty = [
        msgspec.structs.replace(
            line, faults={one.column: one for one in receipt.refusals if one.line == number and one.column}
        )
        for number, line in enumerate(lines, 2)
    ]
    async with db.transaction(leas=caller.lea_ids) as tx:
        codes = await _own(tx, caller, clock.today())
    shown = {fault.detail for line in faulty for column, fault in line.faults.items() if column in _TYPED}
    others = list(dict.fromkeys(one.detail for one in receipt.refusals if one.detail not in shown))
    return await _form(request, db, codes.values(), lea, as_of, faulty, groups="ALL", others=others)


async def _form(
    request: Request[Any, Any, Any],
    db: Database,
    codes: Iterable[str],
    lea: str,
    as_of: date | str,
    lines: Sequence[Line],
    *,
    groups: str,
    others: Sequence[str] = (),
) -> Response[Any]:
    return page(
        request,
        "typed.html",
        leas=sorted(codes),
        lea=lea,
        as_of=as_of,
        lines=lines,
        groups=groups,
        others=others,
        has_faults=bool(others) or any(line.faults for line in lines),
        names=await meanings(db),
    )


async def _own(tx: Transaction, caller: Caller, today: date) -> dict[int, str]:
    """The codes of the caller's LEAs."""
    codes = await leas.codes(tx, today)
    return {lea_id: codes[lea_id] for lea_id in caller.lea_ids if lea_id in codes}


def _chosen(codes: Mapping[int, str], lea: str | None) -> tuple[int, str]:
    """The LEA that the form is for: the one that is named, or the first of the caller's."""
    for lea_id, code in sorted(codes.items(), key=lambda one: one[1]):
        if lea in (None, code):
            return lea_id, code
    raise NotFound("There is no LEA of yours under this code.")


def _lines(rows: Sequence[ToFillIn], said: Sequence[Said]) -> Iterator[Line]:
    last = {(one.indicator, one.student_group): one for one in said}
    for row in rows:
        before = last.get((row.indicator, row.student_group))
        values = {"population": "" if row.population is None else str(row.population), "evidence": "C"}
        if before:
            values = {name: str(getattr(before, name)) for name in _TYPED}
        yield Line(indicator=row.indicator, student_group=row.student_group, values=values, faults={})


def _typed(sent: Mapping[str, str]) -> Iterator[Line]:
    """The rows in which somebody typed how many people are reached."""
    for name in sent:
        field, _, of = name.partition(".")
        indicator, _, student_group = of.partition(".")
        if field == "met" and sent[name] and student_group:
            values = {column: sent.get(f"{column}.{of}", "") for column in _TYPED}
            yield Line(indicator=indicator, student_group=student_group, values=values, faults={})


def _as_csv(lea: str, as_of: str, lines: Sequence[Line]) -> bytes:
    """The file that the form stands for."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS[:9], lineterminator="\n")
    writer.writeheader()
    for line in lines:
        of = {"lea": lea, "as_of": as_of, "indicator": line.indicator, "student_group": line.student_group}
        writer.writerow(of | line.values)
    return text.getvalue().encode()


ROUTES = [show_form, preview_form]
