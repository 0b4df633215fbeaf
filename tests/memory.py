"""Where the databases of tests are: in memory, where there is room."""

import os
import shutil
import tempfile
from pathlib import Path

_MEMORY = Path("/dev/shm")
_ROOM = 4 << 30  # bytes


def use_memory() -> None:
    """Let temporary files of this process, and of those it starts, be in memory, unless TMPDIR says where.

    Every test has a database of its own, some 15 MB of files: on a disk that others use too, copying them took most of
    the time of the tests. None of them looks at what a disk keeps when the power goes.
    """
    if "TMPDIR" not in os.environ and os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _ROOM:
        os.environ["TMPDIR"] = tempfile.tempdir = str(_MEMORY)
