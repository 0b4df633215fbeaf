"""Processes of this program's own commands, which end with the one that started them."""

import contextlib
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

_GRACE_S: Final = 20
_LAST_LINES: Final = 15


class ChildEndedError(RuntimeError):
    """A process that was to go on has ended; the message has the last it said."""


class Child:
    """A running ``equityaccess`` command, which writes to a log of its own."""

    def __init__(self, name: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
        self.name = name
        self.log = log
        self._process = process

    def demand_alive(self) -> None:
        """Raise ChildEndedError unless it still runs."""
        if self._process.poll() is not None:
            said = "\n".join(self.log.read_text(errors="replace").splitlines()[-_LAST_LINES:])
            raise ChildEndedError(f"The {self.name} ended with {self._process.returncode} ({self.log}):\n{said}")


@contextlib.contextmanager
def child(name: str, arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> Iterator[Child]:
    """Start ``equityaccess *arguments*``; at the end of the block it is told to stop, and waited for."""
    # On Linux it also ends when we are killed with -9.
    death = ["setpriv", "--pdeathsig", "TERM"] if shutil.which("setpriv") else []
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*death, sys.executable, "-m", "equityaccess", *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # ^C is for us: we stop it in order
        )
    try:
        yield Child(name, process, log)
    finally:
        process.terminate()
        try:
            process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
