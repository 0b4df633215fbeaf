"""Finds the folders that hold no Python: ``db``, ``jobs`` and ``openapi``, in a checkout or in the wheel."""

from pathlib import Path
from typing import Literal

_PACKAGE = Path(__file__).parent


def bundled(name: Literal["db", "jobs", "openapi"]) -> Path:
    """The folder *name*, wherever this copy of equityaccess keeps it."""
    installed = _PACKAGE / "_bundled" / name
    return installed if installed.is_dir() else _PACKAGE.parents[1] / name
