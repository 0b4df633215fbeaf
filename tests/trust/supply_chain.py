"""Promise 42: dependencies are known and clean.

Method: every requirement of the three locks has a version and a sha256; everything installed that the product
imports, near and far, is what the lock says; every place that installs demands the hashes. The bill of materials is
read back and compared with the lock and the vendored files. The wheel is built twice, from copies in other folders,
with other times, another time zone and another umask, and compared byte for byte. A full run asks an advisory database
about every package; a quick one does not, for `.ci/run` asks by itself.
Figure: packages locked by hash; those installed otherwise; places that install without hashes; differences between the
bill of materials and the lock; whether the wheels are the same; packages asked about and vulnerabilities known.
Mutant: a hash is taken out of the lock, a version is edited in it, and the wheel carries when it was built; each alone
has to be found.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.metadata import distribution
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests import advisories
from tests.sbom import CHECKOUT, RUNTIME_LOCK, locked, written
from tests.trust import world
from tests.trust.harness import Figure, Harness, Run

_LOCKS: Final = ("requirements.lock", "requirements-build.lock", "requirements-dev.lock")
_INSTALLING: Final = ("Makefile", "Dockerfile", ".ci/run", ".ci/test-wheel")
_BUILT_FROM: Final = ("src", "db", "jobs", "openapi", "pyproject.toml", "README.md", "LICENSE")
_OLD: Final = 1_000_000_000  # 2001: files of one copy say that they are that old


def unlocked(folder: Path) -> list[str]:
    """The requirements of the locks in *folder* that are not held by version and hash."""
    return [
        f"{lock}: {package.name}"
        for lock in _LOCKS
        for package in locked(folder / lock)
        if package.version is None or not package.sha256
    ]


def _needed(name: str, extras: frozenset[str], seen: set[tuple[str, frozenset[str]]]) -> Iterator[str]:
    """Every installed package that *name* needs here, near and far."""
    if (name, extras) in seen:
        return
    seen.add((name, extras))
    for line in distribution(name).requires or []:
        wanted = Requirement(line)
        if wanted.marker is None or any(wanted.marker.evaluate({"extra": extra}) for extra in extras | {""}):
            needed = canonicalize_name(wanted.name)
            yield needed
            yield from _needed(needed, frozenset(wanted.extras), seen)


def not_as_locked(folder: Path) -> list[str]:
    """What the product imports and the lock of *folder* does not say, or says otherwise."""
    pinned = {(canonicalize_name(one.name), one.version) for one in locked(folder / "requirements.lock")}
    needed = sorted(set(_needed("equityaccess", frozenset(), set())))
    return [name for name in needed if (name, distribution(name).version) not in pinned]


def without_hashes() -> list[str]:
    """The lines that install what is not our own wheel or checkout, and do not demand hashes."""
    found = []
    for name in _INSTALLING:
        for line in (CHECKOUT / name).read_text(encoding="utf-8").splitlines():
            installs = re.search(r"pip\"? install|\$\(INSTALL\)", line) and not line.startswith("INSTALL ")
            if installs and "--require-hashes" not in line and "--no-deps" not in line:
                found.append(f"{name}: {line.strip()}")
    return found


def told_otherwise(bill: bytes, folder: Path) -> list[str]:
    """What the bill of materials says otherwise than the lock in *folder*, or not at all, or too much."""
    told = {
        (one["name"], one["version"], *sorted(digest["content"] for digest in one["hashes"]))
        for one in json.loads(bill)["components"]
        if one["purl"].startswith("pkg:pypi/")
    }
    held = {(one.name, one.version, *sorted(one.sha256)) for one in locked(folder / "requirements.lock")}
    return sorted({str(name) for name, *_ in told ^ held})


def _copy(to: Path, change: Callable[[Path], None] | None) -> None:
    for name in _BUILT_FROM:
        if (CHECKOUT / name).is_dir():
            shutil.copytree(CHECKOUT / name, to / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(CHECKOUT / name, to / name)
    if change:
        change(to)


def _wheel(change: Callable[[Path], None] | None, *, old: bool) -> str:
    """The sum of a wheel built from a copy of the checkout, in a folder of its own."""
    with world.folder() as folder:
        at = folder / "elsewhere" if old else folder
        at.mkdir(exist_ok=True)
        _copy(at, change)
        for path in at.rglob("*"):
            if old:
                path.chmod(0o700 if path.is_dir() else 0o600)
                os.utime(path, (_OLD, _OLD))
        kept = {name: value for name, value in os.environ.items() if name != "SOURCE_DATE_EPOCH"}
        build = [Path(sys.executable).with_name("hatchling"), "build", "--target", "wheel"]
        zone = {"TZ": "Pacific/Auckland" if old else "UTC", "PYTHONHASHSEED": "1" if old else "2"}
        subprocess.run(build, cwd=at, env=kept | zone, umask=0o077 if old else 0o022, check=True, capture_output=True)
        [wheel] = (at / "dist").glob("*.whl")
        return hashlib.sha256(wheel.read_bytes()).hexdigest()


def is_reproducible(change: Callable[[Path], None] | None = None) -> bool:
    """Whether two builds are the same byte for byte."""
    return _wheel(change, old=False) == _wheel(change, old=True)


def _mutants() -> Figure:
    def stamp(at: Path) -> None:
        (at / "src" / "equityaccess" / "built.py").write_text(f"AT = {time.time_ns()}\n")

    found = []
    with world.folder() as folder:
        for lock in _LOCKS:
            shutil.copy(CHECKOUT / lock, folder / lock)
        text = RUNTIME_LOCK.read_text(encoding="utf-8")
        [first, *_] = locked(RUNTIME_LOCK)
        edited = folder / "requirements.lock"
        edited.write_text(re.sub(r" \\\n +--hash=\S+", "", text, count=len(first.sha256)))
        found.append(bool(unlocked(folder)) and bool(told_otherwise(written(), folder)))
        edited.write_text(text.replace(f"{first.name}=={first.version}", f"{first.name}=={first.version}.1", 1))
        found.append(bool(not_as_locked(folder)) and bool(told_otherwise(written(), folder)))
    found.append(not is_reproducible(stamp))
    return Figure(text=f"defects={len(found)} found={sum(found)}", holds=not all(found))


async def supply_chain(run: Run) -> Figure:
    """The locks, the bill of materials, the wheel, and in a full run the advisories."""
    if run.mutant:
        return _mutants()
    packages = len({(one.name, one.version) for lock in _LOCKS for one in locked(CHECKOUT / lock)})
    faults = [*unlocked(CHECKOUT), *not_as_locked(CHECKOUT), *without_hashes()]
    differences = told_otherwise(written(), CHECKOUT)
    same = is_reproducible()
    asked = None if run.quick else advisories.audit()
    known = "" if asked is None else f" audited={asked.asked}/{asked.packages} vulnerable={len(asked.vulnerable)}"
    if asked is not None and asked.asked < asked.packages:
        known += " (no advisory database answered for the rest)"
    return Figure(
        text=f"locked={packages} not-locked={len(faults)} SBOM-differences={len(differences)} "
        f"wheel-twice={'same bytes' if same else 'DIFFERENT'}{known}{': ' * bool(faults)}{', '.join(faults[:5])}",
        holds=not faults and not differences and same and (asked is None or asked.is_clean),
    )


HARNESSES = [
    Harness(
        number=42,
        promise="Dependencies are known and clean: locked by hash, told in the SBOM; the wheel is reproducible",
        mutant="a hash taken out of the lock, a version edited in it, a wheel that says when it was built",
        run=supply_chain,
    )
]
