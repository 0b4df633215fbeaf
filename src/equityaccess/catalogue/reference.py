"""Reads the reference rows that ship with the program: ``db/reference/*.csv``."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from equityaccess.bundled import bundled

T = TypeVar("T", bound=msgspec.Struct)


class ReferenceDataError(ValueError):
    """A reference file that does not hold what it should, with file and line."""


def reference_folder() -> Path:
    """Where the reference files are; its README.md says where they come from."""
    return bundled("db") / "reference"


def read_reference(file: Path, into: type[T]) -> list[T]:
    """The rows of *file* as *into*; an empty cell takes the field's default.

    Raises ReferenceDataError for a column or a value that does not fit.
    """
    with file.open(encoding="utf-8", newline="") as lines:
        reader = csv.DictReader(lines)
        if set(reader.fieldnames or ()) != set(into.__struct_fields__):
            raise ReferenceDataError(
                f"{file.name}: the columns are {reader.fieldnames}, not {list(into.__struct_fields__)}"
            )
        return [_row(file, reader.line_num, cells, into) for cells in reader]


def _row(file: Path, line: int, cells: dict[str, str], into: type[T]) -> T:
    try:
        return msgspec.convert({name: cell for name, cell in cells.items() if cell != ""}, into, strict=False)
    except msgspec.ValidationError as error:
        raise ReferenceDataError(f"{file.name}, line {line}: {error}") from None


def as_json(rows: Sequence[msgspec.Struct]) -> str:
    """*rows* for ``jsonb_to_recordset``: one parameter for a whole table."""
    return msgspec.json.encode(rows).decode()
