"""`make coverage`: every test with every branch watched; what was measured is kept for harness 41, with a digest.

What was measured of another state of the files it was measured of counts for nothing.
"""

import hashlib
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

CHECKOUT: Final = Path(__file__).parents[1]
KEPT: Final = CHECKOUT / "measured"


ALL: Final = ("src", "tests")


def digest(of: Sequence[str] = ALL) -> str:
    """What stands for the Python files and folders *of* the checkout as they are."""
    paths = [CHECKOUT / name for name in of]
    files = sorted(file for path in paths for file in ([path] if path.is_file() else path.rglob("*.py")))
    return hashlib.sha256(b"".join(hashlib.sha256(file.read_bytes()).digest() for file in files)).hexdigest()


def keep(what: str, figures: object, of: Sequence[str] = ALL) -> None:
    """Keep *figures* as those of the present state of the files that they were measured *of*."""
    KEPT.mkdir(exist_ok=True)
    (KEPT / f"{what}.json").write_bytes(msgspec.json.encode({"digest": digest(of), "figures": figures}))


def kept(what: str, of: Sequence[str] = ALL) -> Any | None:
    """The figures of the present state, if they were measured."""
    file = KEPT / f"{what}.json"
    if not file.exists():
        return None
    found = msgspec.json.decode(file.read_bytes())
    return found["figures"] if found["digest"] == digest(of) else None


def main() -> int:
    """Run every test, show what was not reached, keep the figures; 1 when tests fail or too little was reached."""
    KEPT.mkdir(exist_ok=True)
    for old in KEPT.glob(".coverage*"):
        old.unlink()
    environment = os.environ | {"COVERAGE_FILE": str(KEPT / ".coverage")}

    def coverage(*arguments: str) -> int:
        return subprocess.run([sys.executable, "-m", "coverage", *arguments], cwd=CHECKOUT, env=environment).returncode

    failed = coverage("run", "-m", "pytest", "-n", "2")
    coverage("combine", "--quiet")
    too_little = coverage("report", "--skip-covered", "--show-missing")
    coverage("json", "--quiet", "--fail-under=0", "-o", str(KEPT / "report.json"))
    report = msgspec.json.decode((KEPT / "report.json").read_bytes())
    branches = {"": report["totals"]} | {file: one["summary"] for file, one in report["files"].items()}
    if not failed:
        keep(
            "coverage",
            {name: (one["percent_branches_covered"], one["percent_covered"]) for name, one in branches.items()},
        )
    print(f"branches reached: {report['totals']['percent_branches_covered']:.1f} %")
    return failed or too_little


if __name__ == "__main__":
    sys.exit(main())
