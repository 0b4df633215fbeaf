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
def packed(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names in a wheel built from the checkout."""
    place = tmp_path_factory.mktemp("wheel")
    build = [Path(sys.executable).parent / "hatchling", "build", "--target", "wheel", "--directory", place]
    subprocess.run(build, cwd=CHECKOUT, check=True, capture_output=True)
    (wheel,) = place.glob("*.whl")
    return set(zipfile.ZipFile(wheel).namelist())


def files_of(folder: str) -> set[str]:
    """The files below *folder* that are part of the product."""
    found = (file.relative_to(CHECKOUT) for file in (CHECKOUT / folder).rglob("*") if file.is_file())
    return {file.as_posix() for file in found if not any(part.startswith((".", "__pycache__")) for part in file.parts)}


@pytest.mark.checkout
@pytest.mark.parametrize("folder", ["db", "jobs", "openapi"])
def test_the_wheel_holds_every_file_of_the_three_folders(packed: set[str], folder: str) -> None:
    assert files_of(folder)
    assert {f"equityaccess/_bundled/{file}" for file in files_of(folder)} <= packed


@pytest.mark.checkout
def test_the_wheel_holds_every_file_of_the_package_and_the_licence(packed: set[str]) -> None:
    assert {file.removeprefix("src/") for file in files_of("src/equityaccess")} <= packed
    assert any(name.endswith("licenses/LICENSE") for name in packed)


@pytest.mark.checkout
def test_the_wheel_holds_nothing_else(packed: set[str]) -> None:
    assert {name.partition("/")[0].partition("-")[0] for name in packed} == {"equityaccess"}


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
