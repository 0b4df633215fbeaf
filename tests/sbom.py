"""What the product is made of, from the locks and the list of vendored files: `make sbom` writes it as CycloneDX."""

import re
import sys
from pathlib import Path
from typing import Final

import msgspec

from equityaccess import __version__

CHECKOUT: Final = Path(__file__).parents[1]
RUNTIME_LOCK: Final = CHECKOUT / "requirements.lock"
_VENDORED: Final = CHECKOUT / "src" / "equityaccess" / "static" / "vendor" / "VENDOR.md"
_PINNED: Final = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)")
_HASH: Final = re.compile(r"--hash=sha256:([0-9a-f]{64})\b")


class Package(msgspec.Struct, frozen=True, kw_only=True):
    """One requirement of a lock; without a version or hashes it is not locked."""

    name: str
    version: str | None
    sha256: tuple[str, ...]


def locked(lock: Path) -> list[Package]:
    """Every requirement of *lock*, in its order, locked or not."""
    lines = lock.read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    requirements = [line for line in lines if line.strip() and not line.lstrip().startswith("#")]
    return [_package(line) for line in requirements]


def _package(line: str) -> Package:
    pinned = _PINNED.match(line)
    if pinned is None:
        return Package(name=line.split(maxsplit=1)[0], version=None, sha256=())
    return Package(name=pinned[1], version=pinned[2], sha256=tuple(_HASH.findall(line)))


def _component(package: Package) -> dict[str, object]:
    return {
        "type": "library",
        "bom-ref": f"pkg:pypi/{package.name}@{package.version}",
        "name": package.name,
        "version": package.version,
        "purl": f"pkg:pypi/{package.name}@{package.version}",
        "hashes": [{"alg": "SHA-256", "content": digest} for digest in package.sha256],
    }


def vendored() -> list[dict[str, object]]:
    """The packages whose files the wheel carries, with the sum of each file."""
    return [_of_npm(part) for part in _VENDORED.read_text(encoding="utf-8").split("\n## ")[1:]]


def _of_npm(part: str) -> dict[str, object]:
    [(name, version)] = re.findall(r"npm package `([@/a-z.-]+)` ([0-9.]+)", part)
    purl = f"pkg:npm/{name.replace('@', '%40')}@{version}"
    files = re.findall(r"^\| (\S+) \| ([0-9a-f]{64}) \|$", part, re.MULTILINE)
    return {
        "type": "library",
        "bom-ref": purl,
        "name": name,
        "version": version,
        "purl": purl,
        "components": [
            {"type": "file", "name": file, "hashes": [{"alg": "SHA-256", "content": digest}]} for file, digest in files
        ],
    }


def sbom(lock: Path = RUNTIME_LOCK) -> dict[str, object]:
    """The bill of materials: the same for the same lock, wherever and whenever it is written."""
    product = f"pkg:pypi/equityaccess@{__version__}"
    components = [*map(_component, locked(lock)), *vendored()]
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": product,
                "name": "equityaccess",
                "version": __version__,
                "purl": product,
                "licenses": [{"license": {"id": "Apache-2.0"}}],
            }
        },
        "components": components,
        "dependencies": [{"ref": product, "dependsOn": [one["bom-ref"] for one in components]}],
    }


def written(lock: Path = RUNTIME_LOCK) -> bytes:
    """The bill of materials as a file."""
    return msgspec.json.format(msgspec.json.encode(sbom(lock)), indent=2) + b"\n"


if __name__ == "__main__":
    place = CHECKOUT / "dist" / f"equityaccess-{__version__}.cdx.json"
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(written())
    sys.stdout.write(f"{place.relative_to(CHECKOUT)}: {len(locked(RUNTIME_LOCK))} packages and the vendored files\n")
