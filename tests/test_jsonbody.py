"""Reading JSON strictly: what has no certain meaning is refused, and every fault is found at once."""

import json
from typing import Annotated, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET, Meta, UnsetType

from equityaccess import jsonbody
from equityaccess.problems import Invalid, MalformedRequest, Problem

Color = Literal["red", "blue"]


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    count: Annotated[int, Meta(ge=0, le=10)]
    color: Color | UnsetType = UNSET


class Whole(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    parts: Annotated[list[Part], Meta(max_length=2)]
    colors: list[Color] = []


def refused(raw: bytes | str, kind: type[MalformedRequest | Invalid]) -> list[Problem]:
    with pytest.raises(kind) as caught:
        jsonbody.read(raw if isinstance(raw, bytes) else raw.encode(), Whole)
    assert type(caught.value) is kind
    return caught.value.errors


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "empty-body"),
        (b" \n ", "empty-body"),
        (b'{"name":', "malformed-json"),
        (b'{"name": "a"} {}', "malformed-json"),
        (b'{"name": "a",}', "malformed-json"),
        (b"{'name': 'a'}", "malformed-json"),
        (b'{"name": NaN}', "malformed-json"),
        (b'{"name": -Infinity}', "malformed-json"),
        (b'{"name": 05}', "malformed-json"),
        (b'{"name": "a" /* so */}', "malformed-json"),
        (b'{"name": ' + b"9" * 5_000 + b"}", "malformed-json"),
        (b'\xef\xbb\xbf{"name": "a"}', "malformed-json"),
        (b'{"name": "\xe9"}', "invalid-encoding"),
        (b'{"name": "\xc0\xaf"}', "invalid-encoding"),
        ('{"name": "a"}'.encode("utf-16"), "invalid-encoding"),
        ('{"name": "a"}'.encode("utf-16-le"), "invalid-encoding"),
        ('{"name": "a"}'.encode("utf-32-be"), "invalid-encoding"),
        (b"[" * 17 + b"]" * 17, "too-deep"),
        (b"[" * 1_500, "too-deep"),
        (b"[" * 1_500 + b"]" * 1_500, "too-deep"),
        (b'{"a":' * 200_000, "too-deep"),
        (b'{"name": "a", "name": "b", "parts": []}', "duplicate-key"),
        (b'{"name": "a", "n\\u0061me": "b", "parts": []}', "duplicate-key"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_what_is_not_json_of_one_meaning_is_malformed(raw: bytes, code: str) -> None:
    assert [problem.code for problem in refused(raw, MalformedRequest)] == [code]


def test_a_duplicate_key_is_found_at_any_depth_and_each_one_is_listed() -> None:
    problems = refused('{"name": "a", "parts": [{"count": 5, "count": 6}], "x/y": {"b": 1, "b": 2}}', MalformedRequest)
    assert [problem.pointer for problem in problems] == ["/parts/0/count", "/x~1y/b"]


def test_sixteen_levels_are_read() -> None:
    assert jsonbody.decode(b"[" * 16 + b"]" * 16)


@pytest.mark.parametrize("text", ["\\u0000", "\\ud800", "a\\udc00b"])
def test_text_that_cannot_be_stored_is_invalid(text: str) -> None:
    (problem,) = refused(f'{{"name": "{text}", "parts": []}}', Invalid)
    assert (problem.code, problem.pointer) == ("invalid-character", "/name")


def test_a_surrogate_pair_is_a_character() -> None:
    assert jsonbody.read(b'{"name": "\\ud83d\\ude80", "parts": []}', Whole).name == "\N{ROCKET}"


def test_every_fault_is_found_at_once() -> None:
    document = {"parts": [{"count": 11, "color": "green"}, {"count": "3", "colour": "red"}], "colors": ["red", "pink"]}
    problems = refused(json.dumps(document), Invalid)
    assert [(problem.code, problem.pointer) for problem in problems] == [
        ("missing-field", "/name"),
        ("out-of-range", "/parts/0/count"),
        ("invalid-value", "/parts/0/color"),
        ("unknown-field", "/parts/1/colour"),
        ("wrong-type", "/parts/1/count"),
        ("invalid-value", "/colors/1"),
    ]
    assert problems[-1].suggestion == "One of red, blue."


@pytest.mark.parametrize("raw", ["[]", '"a"', "null", "5"])
def test_the_wrong_kind_of_document_is_named(raw: str) -> None:
    (problem,) = refused(raw, Invalid)
    assert (problem.code, problem.pointer) == ("wrong-type", "")


@pytest.mark.parametrize("count", ["1.0", "5e0", "1e400", "true", "null", '"5"', "1" + "0" * 30])
def test_a_count_is_an_integer_that_fits(count: str) -> None:
    (problem,) = refused(f'{{"name": "a", "parts": [{{"count": {count}}}]}}', Invalid)
    assert problem.pointer == "/parts/0/count"


def test_a_list_that_is_too_long_is_refused_where_it_is() -> None:
    (problem,) = refused(json.dumps({"name": "a", "parts": [{"count": 1}] * 3}), Invalid)
    assert problem.pointer == "/parts"


def refusal_of(raw: bytes) -> MalformedRequest | Invalid | None:
    try:
        jsonbody.read(raw, Whole)
    except (MalformedRequest, Invalid) as refusal:
        return refusal
    return None


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    refusal = refusal_of(raw)
    assert refusal is None or (refusal.errors and msgspec.json.encode(refusal.details()))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON, st.booleans())
def test_any_json_is_refused_with_its_faults(document: object, escapes: bool) -> None:
    refusal = refusal_of(json.dumps(document, ensure_ascii=escapes).encode())
    assert refusal is not None, "only by a miracle is it a Whole"
    assert refusal.errors
    assert msgspec.json.encode(refusal.details())
