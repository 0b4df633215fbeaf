"""`make audit`: which locked packages have known vulnerabilities, and loudly when nobody could be asked.

pip-audit calls a package that its database does not know "skipped", and ends as if all were well. Here what was not
asked about is counted and said.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import msgspec

from tests.sbom import CHECKOUT, locked

_LOCK: Final = CHECKOUT / "requirements-dev.lock"  # holds what the other two hold
_PROBE: Final = CHECKOUT / "requirements-build.lock"  # seven packages: whether there is anybody to ask
_LIMIT_S: Final = 240


class Audit(msgspec.Struct, frozen=True, kw_only=True):
    """What the advisory database said of the packages of a lock."""

    packages: int
    asked: int
    vulnerable: list[str]

    @property
    def is_clean(self) -> bool:
        """Whether every package was asked about and none is known to be vulnerable."""
        return self.asked == self.packages and not self.vulnerable


def audit(lock: Path = _LOCK, probe: Path | None = _PROBE) -> Audit:
    """Ask about every package of *lock*; about none when nothing is known of those in *probe*."""
    packages = len(locked(lock))
    if probe is not None and audit(probe, None).asked == 0:
        return Audit(packages=packages, asked=0, vulnerable=[])
    with tempfile.NamedTemporaryFile(suffix=".json") as said:
        command = [sys.executable, "-m", "pip_audit", "--require-hashes", "--disable-pip", "--requirement", lock]
        command += ["--format", "json", "--progress-spinner", "off", "--output", said.name]
        try:
            subprocess.run(command, capture_output=True, timeout=_LIMIT_S, check=False)
            return _counted(packages, Path(said.name).read_bytes())
        except subprocess.TimeoutExpired:
            return Audit(packages=packages, asked=0, vulnerable=[])


def _counted(packages: int, said: bytes) -> Audit:
    """pip-audit's report, counted; it writes none when the network is away."""
    found = [one for one in json.loads(said or b'{"dependencies": []}')["dependencies"] if "skip_reason" not in one]
    vulnerable = [f"{one['name']} {one['version']}: {known['id']}" for one in found for known in one["vulns"]]
    return Audit(packages=packages, asked=len(found), vulnerable=sorted(set(vulnerable)))


def main() -> int:
    """Say what is known; 1 when something is."""
    seen = audit()
    if seen.asked < seen.packages:
        print(
            f"\n!!! NOT AUDITED: {seen.packages - seen.asked} of {seen.packages} locked packages. "
            "No advisory database answered for them; run `make audit` where one can be reached.\n",
            file=sys.stderr,
        )
    print(f"{seen.asked} of {seen.packages} packages asked about, {len(seen.vulnerable)} known vulnerabilities")
    print(*seen.vulnerable, sep="\n", end="\n" if seen.vulnerable else "")
    return 1 if seen.vulnerable else 0


if __name__ == "__main__":
    sys.exit(main())
