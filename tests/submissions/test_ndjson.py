"""NDJSON has a fast way and a strict way: what the fast one lets through, the strict one reads the same."""

import json

from hypothesis import example, given, settings
from hypothesis import strategies as st

from equityaccess.submissions.batches import Lines
from equityaccess.submissions.formats import decode_at_once, decode_one
from equityaccess.submissions.structs import Row
from tests.submissions.pushing import row, written

GOOD = json.dumps(row(breakdown_met_by_lea=5)).encode()
NAMES = [*row(), "not_applicable", "valid_until", "breakdown.met_by_lea", "unknown"]
VALUES = [
    b"1", b"0", b"17000", b"1.0", b"1e3", b"null", b"true", b'"ALL"', b'"a:b"',
    b'":"', b'"{"', b'"}"', b"{}", b"[1]", b"01",
    b'"2026-01-01"', b'"x\\"y"', b'"\\u0041"', b'"\xc3\xa9"', b'"\xff"', b'"a\nb"', b'"C"', b"99999999999999999999",
]  # fmt: skip
COLONS = [b":", b": ", b" :", b"\t:", b" : "]


@st.composite
def spelled(draw: st.DrawFn, name: str) -> bytes:
    """*name* as a JSON string: plain, or with a letter escaped."""
    plain = name.encode()
    at = draw(st.integers(0, len(name)))
    return b'"' + (plain if at == len(name) else plain[:at] + b"\\u%04x" % plain[at] + plain[at + 1 :]) + b'"'


@st.composite
def objects(draw: st.DrawFn) -> bytes:
    """An object that is nearly a row: a field may stand twice, be spelled oddly, or be of another type."""
    fields = [(name, json.dumps(value).encode()) for name, value in row().items()]
    if draw(st.booleans()):
        extra = draw(st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(VALUES)), max_size=2))
        fields = draw(st.permutations([*fields, *extra]))
    parts = [
        draw(st.just(b'"%s"' % name.encode()) | spelled(name)) + draw(st.sampled_from(COLONS)) + value
        for name, value in fields
    ]
    return b"{" + draw(st.sampled_from([b",", b", "])).join(parts) + b"}"


@st.composite
def cut_and_joined(draw: st.DrawFn) -> list[bytes]:
    """Objects whose line ends were lost or put into their middle."""
    text = draw(st.sampled_from([b"\n", b",", b",\n", b"\n\n"])).join(draw(st.lists(objects(), min_size=1, max_size=4)))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(st.sampled_from([b"\n", b",", b"}", b"{", b'"', b":"])) + text[at:]
    comma = text.find(b", ")
    if comma >= 0 and draw(st.booleans()):
        text = text[:comma] + b"\n" + text[comma + 1 :]
    return [line for line in text.split(b"\n") if line and not line.isspace()]


def strictly(lines: list[bytes]) -> list[Row] | None:
    """What the strict way makes of *lines*, if it refuses none."""
    rows = [decode_one(line, 16)[1] for line in lines]
    return [one for one in rows if isinstance(one, Row)] if all(isinstance(one, Row) for one in rows) else None


@settings(max_examples=800, deadline=None)
@given(st.one_of(cut_and_joined(), st.lists(objects(), min_size=1, max_size=3)))
@example([GOOD + b"," + GOOD, GOOD[: GOOD.index(b', "met"')], GOOD[GOOD.index(b', "met"') + 2 :]])
@example([GOOD.replace(b'"met":', b'"met": 1, "met":')])
@example([GOOD.replace(b'"met":', b'"met" : 1, "met":')])
@example([GOOD.replace(b'"met":', b'"\\u006det": 1, "met":')])
@example([GOOD.replace(b'"ALL"', b'":"'), GOOD.replace(b'"ALL"', b'"ALL", "student_group": "EL"')])
def test_the_fast_way_never_lets_through_what_the_strict_way_refuses(lines: list[bytes]) -> None:
    fast = decode_at_once(lines)
    assert fast is None or fast == strictly(lines)


def test_good_lines_take_the_fast_way() -> None:
    lines = written("ndjson", [row(), row(valid_until=None), row(breakdown_barrier_other=5, not_met=5)]).splitlines()
    assert decode_at_once(lines) == strictly(lines) is not None
    assert decode_at_once([]) == []


ENDS = st.sampled_from([b"\n", b"\r\n", b"\r", b"\n\n"])


@given(st.lists(st.tuples(st.binary(max_size=8).map(lambda b: b.translate(None, b"\r\n")), ENDS)), st.data())
def test_lines_are_the_same_however_the_parts_fall(lines: list[tuple[bytes, bytes]], data: st.DataObject) -> None:
    body = b"".join(text + end for text, end in lines)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=5)))
    cut = Lines(100)
    parts = [body[start:end] for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    found = [line for part in parts for line in cut.feed(part)] + cut.end()
    assert found == body.splitlines()
