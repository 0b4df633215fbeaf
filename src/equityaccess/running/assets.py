"""The files that pages need, out of this package: county networks are locked down, so nothing comes from elsewhere."""

import functools
import gzip
import hashlib
import re
from pathlib import Path, PurePosixPath
from typing import Final

import msgspec

STATIC: Final = Path(__file__).parents[1] / "static"
_MEDIA_TYPES: Final = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
_REFERENCE: Final = re.compile(r'url\("([\w./-]+)"\)')


class Asset(msgspec.Struct, frozen=True):
    """A file as it is served, under an address that changes with its content; compressed if that makes it smaller."""

    address: str
    media_type: str
    body: bytes
    gzipped: bytes | None


@functools.cache
def assets() -> dict[str, Asset]:
    """Every file that may be asked for, by its name below ``static``. Style sheets come last: they name the others."""
    names = (file.relative_to(STATIC).as_posix() for file in STATIC.rglob("*") if file.suffix in _MEDIA_TYPES)
    found: dict[str, Asset] = {}
    for name in sorted(names, key=lambda name: (name.endswith(".css"), name)):
        found[name] = _asset(name, found)
    return found


@functools.cache
def by_address() -> dict[str, Asset]:
    """The same by address."""
    return {asset.address: asset for asset in assets().values()}


def _asset(name: str, known: dict[str, Asset]) -> Asset:
    place = PurePosixPath(name)
    body = (STATIC / name).read_bytes()
    if place.suffix == ".css":
        # A relative address would lead nowhere: each file has its own fingerprint in its path.
        beside = place.parent
        body = _REFERENCE.sub(lambda it: f'url("{known[(beside / it[1]).as_posix()].address}")', body.decode()).encode()
    gzipped = gzip.compress(body, mtime=0)
    address = f"/static/{hashlib.sha256(body).hexdigest()[:16]}/{place.name}"
    return Asset(address, _MEDIA_TYPES[place.suffix], body, gzipped if len(gzipped) < len(body) * 0.9 else None)
