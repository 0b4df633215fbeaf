"""Reads a JSON body without giving way: everything that a lenient reader would let pass or fall over is refused."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from types import UnionType
from typing import Annotated, Any, Final, Literal, NoReturn, TypeVar, Union, get_args, get_origin

import msgspec

from equityaccess.problems import Invalid, MalformedRequest, Problem

T = TypeVar("T")
MAX_DEPTH: Final = 16
_UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")
_NONE_OF_THEM: Final = "Invalid enum value "
_REPLACED: Final = "\ufffd"
# What msgspec says, and our code for it; the first that fits.
_CODES: Final = (
    (re.compile(r"\AExpected `\w+` [<>]=? |out of range"), "out-of-range"),
    (re.compile(r"\AExpected .*, got "), "wrong-type"),
    (re.compile(r"RFC3339"), "invalid-date"),
)
_ESCAPES: Final = str.maketrans({"~": "~0", "/": "~1"})


class _Repeating(dict[str, Any]):
    """An object that named some of its fields twice."""

    names: tuple[str, ...] = ()


def read(raw: bytes, into: type[T], *, max_depth: int = MAX_DEPTH) -> T:
    """*raw* as *into*.

    Raises MalformedRequest when it is not JSON of one meaning, and Invalid with every fault when it is not *into*.
    """
    document = decode(raw, max_depth=max_depth)
    if found := list(faults(document, into, "")):
        raise Invalid(" ".join(fault.detail for fault in found[:3]), errors=found)
    return msgspec.convert(document, into)


def decode(raw: bytes, *, max_depth: int = MAX_DEPTH) -> object:
    """*raw* as plain values. Raises MalformedRequest, or Invalid for text that no database keeps."""
    text = _text(raw)
    document, has_duplicates = _parsed(text)
    if not has_duplicates and "\\u" not in text and _is_within(document, max_depth):
        return document  # nothing else can be odd, and looking at every value takes longer than reading it
    problems = list(_odd(document, "", max_depth))
    if malformed := [problem for problem in problems if problem.code != "invalid-character"]:
        raise MalformedRequest(malformed[0].detail, errors=malformed)
    if problems:
        raise Invalid(problems[0].detail, errors=problems)
    return document


def pointer(parent: str, key: str | int) -> str:
    """The RFC 6901 pointer to *key* in what *parent* points to; what no answer could hold is replaced."""
    return f"{parent}/{_UNSTORABLE.sub(_REPLACED, str(key)).translate(_ESCAPES)}"


def _malformed(code: str, detail: str, suggestion: str | None = None) -> MalformedRequest:
    return MalformedRequest(detail, errors=[Problem(code=code, detail=detail, owner="sender", suggestion=suggestion)])


def _text(raw: bytes) -> str:
    if not raw.strip():
        raise _malformed("empty-body", "The body is empty; a JSON document is needed.")
    if raw.startswith(b"\xef\xbb\xbf"):
        raise _malformed(
            "malformed-json", "The body starts with a byte order mark.", "Save the file as UTF-8 without BOM."
        )
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _malformed("invalid-encoding", f"The body is not UTF-8: byte {error.start + 1} cannot be read.") from None
    if "\0" in text:
        raise _malformed("invalid-encoding", "The body holds NUL bytes: it may be UTF-16 or UTF-32; UTF-8 is needed.")
    return text


def _parsed(text: str) -> tuple[object, bool]:
    """The document, and whether some object in it names a field twice."""
    repeating: list[_Repeating] = []

    def made(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        plain = dict(pairs)
        if len(plain) == len(pairs):
            return plain
        repeating.append(_Repeating(plain))
        times = Counter(name for name, _ in pairs)
        repeating[-1].names = tuple(name for name, many in times.items() if many > 1)
        return repeating[-1]

    try:
        return json.loads(text, object_pairs_hook=made, parse_constant=_no_constant), bool(repeating)
    except RecursionError:
        raise _malformed("too-deep", "The JSON is nested far too deeply.") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise _malformed("malformed-json", f"The JSON cannot be read: {error.msg} at {where}.") from None
    except ValueError as error:
        raise _malformed("malformed-json", f"The JSON cannot be read: {error}.") from None


def _is_within(document: object, depth: int) -> bool:
    level = [document]
    for _ in range(depth):
        level = [child for node in level for child in _children(node)]
        if not level:
            return True
    return False


def _children(node: object) -> Iterable[object]:
    if isinstance(node, dict):
        return [child for child in node.values() if isinstance(child, dict | list)]
    return [child for child in node if isinstance(child, dict | list)] if isinstance(node, list) else []


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _odd(node: object, at: str, depth_left: int) -> Iterator[Problem]:
    """What JSON allows and we do not: depth without end, a field named twice, text that cannot be stored."""
    if isinstance(node, str):
        if _UNSTORABLE.search(node):
            detail = "This text holds a NUL or half of a surrogate pair, which cannot be stored."
            yield Problem(code="invalid-character", detail=detail, owner="sender", pointer=at)
    elif isinstance(node, dict | list):
        if depth_left == 0:
            yield Problem(code="too-deep", detail="The JSON is nested too deeply here.", owner="sender", pointer=at)
            return
        for name in getattr(node, "names", ()):
            detail = f"The field {name!r} stands here more than once, so that its value is not certain."
            yield Problem(code="duplicate-key", detail=detail, owner="sender", pointer=pointer(at, name))
        for key, value in node.items() if isinstance(node, dict) else enumerate(node):
            yield from _odd(value, pointer(at, key), depth_left - 1)
            if isinstance(key, str):
                yield from _odd(key, at, depth_left)


def faults(value: object, into: Any, at: str) -> Iterator[Problem]:  # noqa: ANN401, any type may be asked for
    """Every fault of *value*, which stands at the pointer *at*, as *into*.

    Each field and each item is judged by itself, since msgspec stops at the first fault.
    """
    bare = into.__origin__ if get_origin(into) is Annotated else into
    found: list[Problem] = []
    if isinstance(value, dict) and (struct := _struct(bare)):
        found = list(_faults_of_fields(value, struct, at))
    elif isinstance(value, list) and get_origin(bare) is list:
        (of,) = get_args(bare)
        found = [fault for index, item in enumerate(value) for fault in faults(item, of, pointer(at, index))]
    if found:
        yield from found
        return
    try:
        msgspec.convert(value, into)
    except msgspec.ValidationError as error:
        yield _fault(str(error), bare, at)


def _struct(into: Any) -> type[msgspec.Struct] | None:  # noqa: ANN401, any type may be asked for
    """The Struct that an object would become: *into* itself, or the one among the types that it leaves open."""
    options = get_args(into) if get_origin(into) in (Union, UnionType) else (into,)
    for option in options:
        if isinstance(option, type) and issubclass(option, msgspec.Struct):
            return option
    return None


def _faults_of_fields(value: dict[str, Any], into: type[msgspec.Struct], at: str) -> Iterator[Problem]:
    fields = {field.encode_name: field for field in msgspec.structs.fields(into)}
    unknown = [name for name in value if name not in fields]
    for name in unknown if into.__struct_config__.forbid_unknown_fields else ():
        detail = f"{name!r} is not a field here; known are {', '.join(fields)}."
        yield Problem(code="unknown-field", detail=detail, owner="sender", pointer=pointer(at, name))
    for name, field in fields.items():
        if name in value:
            yield from faults(value[name], field.type, pointer(at, name))
        elif field.required:
            yield Problem(
                code="missing-field", detail=f"{name!r} is needed.", owner="sender", pointer=pointer(at, name)
            )


def _fault(message: str, into: object, at: str) -> Problem:
    """The words of msgspec, with its ``$.path`` turned into the rest of the pointer."""
    said, _, path = message.partition(" - at `$")
    if said.startswith(_NONE_OF_THEM):
        said = f"{said.removeprefix(_NONE_OF_THEM)} is not a value that is known here"
    for step in path.rstrip("`").replace("[", ".").replace("]", "").split(".")[1:]:
        at = pointer(at, step)
    return Problem(
        code=next((code for words, code in _CODES if words.search(said)), "invalid-value"),
        detail=f"{at or 'The document'}: {said}.",
        owner="sender",
        pointer=at,
        suggestion=f"One of {', '.join(map(str, get_args(into)))}." if get_origin(into) is Literal else None,
    )
