"""What a form of a page sends, and its refusal."""

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from litestar import Request

from equityaccess.problems import Invalid, Problem

T = TypeVar("T")


async def fields(request: Request[Any, Any, Any]) -> dict[str, str]:
    """The fields of the form that was sent, as text without blanks around it."""
    return {name: str(value).strip() for name, value in (await request.form()).items()}


def read_as(kind: type[T], sent: Mapping[str, Any]) -> T:
    """What was *sent*, as the struct that it stands for. Raises Invalid."""
    try:
        return msgspec.convert(sent, kind, strict=False)
    except msgspec.ValidationError as error:
        raise wrong("invalid-value", str(error)) from None


def wrong(code: str, detail: str, field: str = "") -> Invalid:
    """The refusal of a form, or of one *field* of it."""
    pointer = f"/{field}" if field else ""
    return Invalid(detail, errors=[Problem(code=code, detail=detail, owner="sender", pointer=pointer)])
