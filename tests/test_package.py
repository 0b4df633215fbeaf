"""The wheel is the whole product: code, migrations, reference data, schedule, contract and static files."""

import subprocess
import sys
import zipfile
from importlib.metadata import distribution, entry_points
from pathlib import Path

import pytest

import equityaccess
from equityaccess.bundled import bundled
from equityaccess.cli import main

CHECKOUT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """A wheel built from the checkout."""
    place = tmp_path_factory.mktemp("wheel")
    build = [Path(sys.executable).parent / "hatchling", "build", "--target", "wheel", "--directory", place]
    subprocess.run(build, cwd=CHECKOUT, check=True, capture_output=True)
    (wheel,) = place.glob("*.whl")
    return zipfile.ZipFile(wheel)


def files_of(folder: str) -> set[str]:
    """The files below *folder* that are part of the product."""
    found = (file.relative_to(CHECKOUT) for file in (CHECKOUT / folder).rglob("*") if file.is_file())
    return {file.as_posix() for file in found if not any(part.startswith((".", "__pycache__")) for part in file.parts)}


@pytest.mark.parametrize("folder", ["db", "jobs", "openapi", "src/equityaccess"])
def test_the_wheel_holds_every_file_to_the_byte(packed: zipfile.ZipFile, folder: str) -> None:
    assert files_of(folder)
    for file in files_of(folder):
        name = file.removeprefix("src/") if folder.startswith("src/") else f"equityaccess/_bundled/{file}"
        assert packed.read(name) == (CHECKOUT / file).read_bytes(), name


def test_the_wheel_holds_its_licence_and_nothing_else(packed: zipfile.ZipFile) -> None:
    names = packed.namelist()
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"equityaccess"}
    here = len([name for name in names if "dist-info" not in name])
    assert here == sum(len(files_of(folder)) for folder in ("db", "jobs", "openapi", "src/equityaccess"))


def test_the_folders_are_found_wherever_this_copy_is_installed() -> None:
    assert (bundled("db") / "roles.sql").is_file()
    assert (bundled("jobs") / "schedule.toml").is_file()
    assert (bundled("openapi") / "openapi.json").is_file()


def test_the_installed_version_is_the_version_of_the_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert distribution("equityaccess").version == equityaccess.__version__
    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out == f"equityaccess {equityaccess.__version__}\n"


def test_the_command_and_the_module_are_the_same_program() -> None:
    (command,) = entry_points(group="console_scripts", name="equityaccess")
    assert command.load() is main
    done = subprocess.run(
        [sys.executable, "-m", "equityaccess", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"equityaccess {equityaccess.__version__}\n"
