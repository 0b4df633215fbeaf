"""The rules that hold the code together, each with its reason in its name."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import equityaccess
from equityaccess.bundled import bundled

PACKAGE = Path(equityaccess.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))


def where(module: Path) -> str:
    return module.relative_to(PACKAGE).as_posix()


def names_used(module: Path) -> Iterator[str]:
    """Every dotted name in *module*, such as ``os.environ``."""
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Attribute):
            yield ast.unparse(node)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{name.name}" for name in node.names)


def imports(module: Path) -> set[str]:
    """The top-level packages that *module* imports anywhere."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name.partition(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


def test_the_layers_hold() -> None:
    root = Path(__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_only_entry_points_read_the_environment() -> None:
    allowed = {"cli.py", "embedded.py"}  # embedded.py hands it on to the server, less what would steer it
    readers = {
        where(module)
        for module in MODULES
        if any(name.startswith(("os.environ", "os.getenv")) for name in names_used(module))
    }
    assert {reader for reader in readers if not reader.startswith("commands/")} <= allowed


def test_only_the_clock_and_the_commands_ask_the_time() -> None:
    asking = {"datetime.now", "datetime.today", "date.today", "datetime.utcnow", "time.time"}
    found = {where(module) for module in MODULES if asking & set(names_used(module))}
    assert {module for module in found if not module.startswith("commands/")} == {"clock.py"}


@pytest.mark.parametrize("module", [m for m in MODULES if m.name in {"rules.py", "structs.py"}], ids=where)
def test_rules_and_shapes_stand_apart_from_http_and_sql(module: Path) -> None:
    assert imports(module) & {"litestar", "asyncpg", "sqlalchemy", "apscheduler", "uvicorn", "os"} == set()


def test_sql_casts_by_name_because_the_loader_takes_a_colon_for_a_parameter() -> None:
    assert [where(file) for file in PACKAGE.rglob("queries.sql") if "::" in file.read_text()] == []


def test_folders_of_data_hold_no_importable_python() -> None:
    for name in ("db", "jobs", "openapi"):
        folder = bundled(name)
        python = {file.relative_to(folder).parts[0] for file in folder.rglob("*.py")}
        assert python <= {"migrations"}  # Alembic loads these by path
        assert list(folder.rglob("__init__.py")) == []


def test_a_module_far_above_three_hundred_lines_has_to_be_split() -> None:
    lengths = {where(module): len(module.read_text().splitlines()) for module in MODULES}
    del lengths["tables.py"]  # a list, which nobody reads from top to bottom
    assert {module: length for module, length in lengths.items() if length > 350} == {}


def test_the_service_is_built_without_a_deprecation_warning_of_its_framework() -> None:
    program = """
import warnings
from litestar.exceptions import LitestarDeprecationWarning
warnings.simplefilter("error", LitestarDeprecationWarning)
from equityaccess.app import create_app
from equityaccess.settings import Settings
create_app(Settings(database_url="postgresql:///nowhere"))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
