"""The files that pages need, out of this package: county networks are locked down, so nothing comes from elsewhere."""

import functools
import hashlib
from pathlib import Path
from typing import Final

import msgspec

STATIC: Final = Path(__file__).parents[1] / "static"
_MEDIA_TYPES: Final = {
    "vendor/swagger-ui-bundle.js": "text/javascript",
    "vendor/swagger-ui.css": "text/css",
    "docs.js": "text/javascript",
    "page.css": "text/css",
}


class Asset(msgspec.Struct, frozen=True):
    """A file as it is served, under an address that changes with its content."""

    address: str
    media_type: str
    body: bytes


@functools.cache
def assets() -> dict[str, Asset]:
    """Every file that may be asked for, by its name."""
    found = {}
    for name, media_type in _MEDIA_TYPES.items():
        body = (STATIC / name).read_bytes()
        found[name] = Asset(f"/static/{hashlib.sha256(body).hexdigest()[:16]}/{Path(name).name}", media_type, body)
    return found


@functools.cache
def by_address() -> dict[str, Asset]:
    """The same by address."""
    return {asset.address: asset for asset in assets().values()}
