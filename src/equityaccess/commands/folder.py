"""The folder of a demo: marked as one, held by one demo at a time, and deleted only when it is one."""

import contextlib
import fcntl
import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Final

import msgspec

_MARKER: Final = "equityaccess-demo.json"


class NotOursError(RuntimeError):
    """The folder holds something that no demo made, or another demo is using it."""


class _Marker(msgspec.Struct, frozen=True):
    made_by: str = "equityaccess demo"
    sampled_until: date | None = None


class Folder:
    """Where a demo keeps its database and its logs."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def database(self) -> Path:
        """The folder of PostgreSQL's files."""
        return self.path / "pg"

    @property
    def sampled_until(self) -> date | None:
        """The last day for which the sample has been pushed: a second start adds to it and repeats nothing."""
        return msgspec.json.decode((self.path / _MARKER).read_bytes(), type=_Marker).sampled_until

    def remember(self, sampled_until: date | None) -> None:
        """Note how far the sample has been pushed."""
        (self.path / _MARKER).write_bytes(msgspec.json.encode(_Marker(sampled_until=sampled_until)))


@contextlib.contextmanager
def hold(path: Path, *, reset: bool) -> Iterator[Folder]:
    """The demo folder at *path*, made if need be, emptied on *reset*. Raises NotOursError."""
    path = path.expanduser().resolve()
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder = Folder(path)
    is_marked = (path / _MARKER).exists()
    if folder.database.exists() and not is_marked:
        raise NotOursError(
            f"{path} holds a database that no demo made: choose another --data-dir. Nothing was touched."
        )
    with (path / "demo.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise NotOursError(f"A demo runs in {path} already: stop it first, or choose another --data-dir.") from None
        if reset and is_marked:
            shutil.rmtree(folder.database, ignore_errors=True)
        if reset or not is_marked:
            folder.remember(None)
        yield folder
