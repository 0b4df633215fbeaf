"""`make coverage`: every test with every branch watched; what was measured is kept for harness 41, with a digest.

What was measured of another state of the code or the tests counts for nothing.
"""

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import msgspec

CHECKOUT: Final = Path(__file__).parents[1]
KEPT: Final = CHECKOUT / "measured"


def digest() -> str:
    """What stands for the code and the tests as they are."""
    files = sorted(path for name in ("src", "tests") for path in (CHECKOUT / name).rglob("*.py"))
    return hashlib.sha256(b"".join(hashlib.sha256(path.read_bytes()).digest() for path in files)).hexdigest()


def keep(what: str, figures: object) -> None:
    """Keep *figures* as those of the present state."""
    KEPT.mkdir(exist_ok=True)
    (KEPT / f"{what}.json").write_bytes(msgspec.json.encode({"digest": digest(), "figures": figures}))


def kept(what: str) -> Any | None:
    """The figures of the present state, if they were measured."""
    file = KEPT / f"{what}.json"
    if not file.exists():
        return None
    found = msgspec.json.decode(file.read_bytes())
    return found["figures"] if found["digest"] == digest() else None


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
