"""What the migrations say, as SQL: for squawk, which knows what a statement does to those who are being served."""

import ast
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from equityaccess.bundled import bundled

_ROOT = Path(__file__).parents[1]
_VERSIONS = bundled("db") / "migrations" / "versions"


def statements(revision: Path) -> list[str]:
    """The statements of *revision*, in order: the texts it hands to ``op.execute``, then the file beside it."""
    said = [
        call.args[0].value
        for call in ast.walk(ast.parse(revision.read_text()))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr == "execute"
        and call.args
        and isinstance(call.args[0], ast.Constant)
    ]
    beside = revision.with_suffix(".sql")
    return [*said, *([beside.read_text()] if beside.exists() else [])]


def findings(folder: Path = _VERSIONS) -> list[str]:
    """What squawk finds in the revisions of *folder*, each with its file and its rule."""
    squawk = shutil.which("squawk", path=str(Path(sys.executable).parent)) or "squawk"
    with tempfile.TemporaryDirectory(prefix="ea-") as name:
        files = []
        for revision in sorted(folder.glob("*.py")):
            file = Path(name) / f"{revision.stem}.sql"
            file.write_text("".join(statement.rstrip(";\n ") + ";\n" for statement in statements(revision)))
            files.append(file)
        command = [squawk, "--config", _ROOT / ".squawk.toml", "--reporter", "json", *files]
        said = subprocess.run(command, capture_output=True, text=True, check=False)
    if said.returncode not in (0, 1):
        raise RuntimeError(f"squawk failed: {said.stderr}")
    return [f"{Path(one['file']).name}: {one['rule_name']}: {one['message']}" for one in json.loads(said.stdout)]
