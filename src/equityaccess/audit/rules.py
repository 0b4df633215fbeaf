"""What makes the log tell of its own changes: digests of entries, and seals that each hash the one before. Pure."""

import hashlib
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Final

import msgspec

from equityaccess.audit.structs import Finding, Kept, Seal
from equityaccess.personal import token_looks_personal

START: Final = bytes(32)  # what stands before the first seal
_DIGEST: Final = 32  # bytes
_REMOVED: Final = "[removed]"
_CODE: Final = re.compile(r"\A(?:[A-Za-z][A-Za-z0-9_:]{0,63}|[0-9]{14})\Z")
# A word of ours, a number, a day, an instant, a UUID: what a parameter that is no text is, if it is what it should be.
_PLAIN: Final = re.compile(
    r"\A(?:[a-z_]{1,40}|-?[0-9]{1,8}|[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9:.]{4,15}(?:Z|[+-][0-9:]{4,6}))?|[0-9a-f-]{36})\Z"
)
_encoder = msgspec.json.Encoder()


def digest(entry: Kept) -> bytes:
    """What an entry is known by: a column that is added later needs a digest of its own."""
    return hashlib.sha256(_encoder.encode(msgspec.structs.astuple(entry))).digest()


def seal_hash(previous: bytes, seal: Seal) -> bytes:
    """The hash of *seal*, which stands on the hash of the one before it."""
    said = (seal.seal_id, seal.sealed_at, seal.entry_ids, seal.high_id, seal.floor_id, seal.settled_by)
    return hashlib.sha256(previous + _encoder.encode(said) + seal.digests).digest()


def with_hash(seal: Seal, before: Seal | None) -> Seal:
    """*seal* as the link that follows *before*."""
    return msgspec.structs.replace(seal, hash=seal_hash(before.hash if before else START, seal))


def sealed(seal: Seal) -> Iterator[tuple[int, bytes]]:
    """Each entry of *seal* with the digest that it had."""
    for place, entry_id in enumerate(seal.entry_ids):
        yield entry_id, seal.digests[place * _DIGEST : (place + 1) * _DIGEST]


def faults_of_seal(seal: Seal, before: Seal | None) -> Iterator[Finding]:
    """Whether *seal* follows *before*, and is what it was."""
    expected = before.seal_id + 1 if before else 1
    if seal.seal_id != expected:
        yield Finding(what="seal", id=expected, fault=f"is missing: seal {seal.seal_id} follows")
    elif with_hash(seal, before).hash != seal.hash:
        yield Finding(what="seal", id=seal.seal_id, fault="was edited, or is not where it was")


def faults_of_entries(seal: Seal, kept: Mapping[int, Kept]) -> Iterator[Finding]:
    """Which entries of *seal* are gone, and which are not what they were."""
    for entry_id, known_by in sealed(seal):
        entry = kept.get(entry_id)
        if entry is None:
            yield Finding(what="entry", id=entry_id, fault=f"was removed: seal {seal.seal_id} has it")
        elif digest(entry) != known_by:
            yield Finding(what="entry", id=entry_id, fault=f"was edited: seal {seal.seal_id} has it otherwise")


def head(seal: Seal | None) -> str | None:
    """The end of the chain, to be noted where nobody who may write here may write."""
    return f"{seal.seal_id}:{seal.hash.hex()}" if seal else None


def fault_of_head(noted: str, seal: Seal | None) -> Finding | None:
    """Whether the seal that *noted* names is not as it was; *seal* is the one with that number."""
    if head(seal) == noted:
        return None
    number = int(noted.partition(":")[0])
    return Finding(what="seal", id=number, fault="is not the one that was noted: the log was rewritten, or cut off")


def shown(kind: str, value: str) -> str:
    """A parameter as it may be kept: what is a code, a number or a date; of free text nothing.

    What is not of its kind may be anything: somebody's address, or a NUL that would keep every entry beside it from
    being written.
    """
    is_plain = (_CODE if kind == "string" else _PLAIN).match(value) and not token_looks_personal(value)
    return value if is_plain else _REMOVED


def codes(parameters: Mapping[str, str], names: Collection[str] = ("lea", "scope", "code")) -> list[str]:
    """The CDS codes among *parameters*: whom a request is about."""
    return [value for name, value in parameters.items() if name in names and value.isdigit()]
