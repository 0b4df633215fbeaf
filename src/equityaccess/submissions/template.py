"""A workbook to fill in: a row for whatever is asked of an LEA, with what is known before anybody has counted."""

import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Final

import msgspec
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font
from openpyxl.worksheet._write_only import WriteOnlyWorksheet
from openpyxl.worksheet.datavalidation import DataValidation

from equityaccess.sheets import inert
from equityaccess.submissions.structs import Said, ToFillIn
from equityaccess.submissions.workbook import SHEET

COLUMNS: Final = (
    *("lea", "as_of", "indicator", "student_group", "population", "met", "not_met", "not_applicable", "evidence"),
    *("valid_until", "breakdown.met_by_family", "breakdown.met_by_lea", "breakdown.barrier_not_available"),
    *("breakdown.barrier_not_affordable", "breakdown.barrier_not_desired", "breakdown.barrier_other"),
)
_WIDTHS: Final = {"lea": 17, "as_of": 12, "indicator": 22, "student_group": 14}
_OTHER_WIDTH: Final = 13
_TEXT, _DAY = "@", "yyyy-mm-dd"
_BOLD: Final = Font(bold=True)
_HOW: Final = (
    ("Send", "Fill in the sheet counts, and send this file as it is. A row without met and not_met is passed over."),
    ("population", "Everybody whom the row is about. What stands there is what was said last, or is enrolled."),
    ("met", "Those who have it, of the population."),
    ("not_met", "Those of whom you know that they do not. Whoever is in neither column is unknown: an honest answer."),
    ("not_applicable", "Those to whom it does not apply."),
    ("evidence", "A measured or a system's log, B provisioning record, C survey, D modelled."),
    ("valid_until", "The day on which plans end, if they do: from then on nobody counts as connected by them."),
    ("breakdown.…", "If you know it: through whom the met are connected, and what stands in the way of the others."),
    ("Groups", "They overlap. ALL is everybody, and not the sum of the rows below it."),
    ("Never", "No names, numbers or addresses of people: counts only."),
)


def template(
    rows: Sequence[ToFillIn], said: Mapping[str, Sequence[Said]], names: Mapping[str, str], as_of: date
) -> bytes:
    """The workbook for the day *as_of*: the rows to fill in, what each LEA (by its code) said last, and what to do.

    *names* are those of the codes: of LEAs, indicators and student groups.
    """
    book = Workbook(write_only=True)
    _counts(book.create_sheet(SHEET), rows, as_of)
    _last(book.create_sheet("said last"), said)
    _table(book.create_sheet("how to"), ("what", "how"), _HOW, (18, 100))
    _table(book.create_sheet("codes"), ("code", "name"), sorted(names.items()), (24, 80))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _counts(sheet: WriteOnlyWorksheet, rows: Sequence[ToFillIn], as_of: date) -> None:
    _head(sheet, COLUMNS, [_WIDTHS.get(name, _OTHER_WIDTH) for name in COLUMNS])
    grades = DataValidation(type="list", formula1='"A,B,C,D"', allow_blank=True)
    where = chr(ord("A") + COLUMNS.index("evidence"))
    grades.add(f"{where}2:{where}{max(2, len(rows) + 1)}")
    sheet.data_validations.append(grades)
    for row in rows:
        codes = [_cell(sheet, row.lea, _TEXT), _cell(sheet, as_of, _DAY), row.indicator, row.student_group]
        sheet.append([*codes, row.population])


def _last(sheet: WriteOnlyWorksheet, said: Mapping[str, Sequence[Said]]) -> None:
    columns = ("lea", *Said.__struct_fields__[1:])
    _head(sheet, columns, [_WIDTHS.get(name, _OTHER_WIDTH) for name in columns])
    for lea, ones in said.items():
        for one in ones:
            _, indicator, group, as_of, *counts = msgspec.structs.astuple(one)
            sheet.append([_cell(sheet, lea, _TEXT), indicator, group, _cell(sheet, as_of, _DAY), *counts])


def _table(
    sheet: WriteOnlyWorksheet, head: Sequence[str], rows: Iterable[Sequence[str]], widths: Sequence[int]
) -> None:
    _head(sheet, head, widths)
    for row in rows:
        sheet.append([_cell(sheet, inert(text), _TEXT) for text in row])


def _head(sheet: WriteOnlyWorksheet, columns: Sequence[str], widths: Sequence[int]) -> None:
    sheet.freeze_panes = "A2"
    for number, width in enumerate(widths):
        sheet.column_dimensions[chr(ord("A") + number)].width = width
    head = [_cell(sheet, name, _TEXT) for name in columns]
    for cell in head:
        cell.font = _BOLD
    sheet.append(head)


def _cell(sheet: WriteOnlyWorksheet, value: Any, number_format: str) -> WriteOnlyCell:  # noqa: ANN401, as openpyxl has it
    cell = WriteOnlyCell(sheet, value)
    cell.number_format = number_format
    return cell
