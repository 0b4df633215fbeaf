"""The push client against the service itself, over a socket."""

import asyncio
import csv
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import uvicorn

from equityaccess.app import create_app
from equityaccess.cli import main
from tests.conftest import MakeKey, settings_for

ABC = "19642120000000"
HEADER = "lea,indicator,student_group,as_of,population,met,not_met,evidence\n"
Push = Callable[..., "asyncio.Future[int]"]


@pytest.fixture
def service(database_url: str) -> Iterator[str]:
    """The URL of the service, on a database of its own."""
    server = uvicorn.Server(
        uvicorn.Config(create_app(settings_for(database_url)), port=0, log_config=None, access_log=False, ws="none")
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive()
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.fixture
async def push(service: str, make_key: MakeKey, monkeypatch: pytest.MonkeyPatch) -> Push:
    monkeypatch.setenv("EQUITYACCESS_KEY", await make_key(lea=ABC))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    def run(file: Path, *options: str) -> "asyncio.Future[int]":
        arguments = ["push", str(file), "--url", service, *options]
        return asyncio.get_running_loop().run_in_executor(None, main, arguments)

    return run


def rows(*groups: str) -> str:
    return HEADER + "".join(f"{ABC},home_internet,{group},2026-10-31,2000,1800,150,C\n" for group in groups)


async def test_a_file_is_applied_once_however_often_it_is_sent(
    push: Push, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "counts.csv"
    file.write_text(rows("EL", "HOM"))
    assert await push(file, "--dry-run") == 0
    assert "Dry run: nothing was applied" in capsys.readouterr().out
    assert await push(file, "--source", "a test") == 0
    first = capsys.readouterr().out
    assert "Applied: 2 rows received." in first
    assert "created 2   updated 0   unchanged 0   refused 0" in first
    assert "not heard" in first
    assert "90.00" in first
    assert "Still owed" in first
    assert await push(file, "--source", "a test") == 0
    assert "Nothing changed" in capsys.readouterr().out


async def test_a_correction_is_taken_back_by_sending_the_older_file_again(
    push: Push, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "counts.csv"
    for met, said in ((1800, "created 1"), (1700, "updated 1"), (1800, "updated 1")):
        file.write_text(f"{HEADER}{ABC},home_internet,EL,2026-10-31,2000,{met},150,C\n")
        assert await push(file) == 0
        assert said in capsys.readouterr().out


async def test_refused_rows_come_back_with_their_own_text(
    push: Push, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "counts.csv"
    file.write_text(rows("EL", "SWDX", "HOM"))
    assert await push(file) == 1
    assert "Refused: nothing was applied." in capsys.readouterr().out
    assert await push(file, "--mode", "partial") == 1
    said = capsys.readouterr().out
    assert "Applied in part: 3 rows received." in said
    assert "created 2   updated 0   unchanged 0   refused 1" in said
    with (tmp_path / "counts.csv.refused.csv").open(newline="") as beside:
        refused = list(csv.DictReader(beside))
    assert [(one["row"], one["line"], one["column"], one["suggestion"]) for one in refused] == [
        ("2", "3", "student_group", "SWD")
    ]
    assert refused[0]["sent"] == file.read_text().splitlines()[2]


@pytest.mark.parametrize("name", ["counts.ndjson", "counts.json"])
async def test_json_and_ndjson_say_the_same(push: Push, tmp_path: Path, name: str) -> None:
    row = '{"indicator":"home_internet","student_group":"EL","population":20,"met":18,"not_met":1,"evidence":"C"}'
    file = tmp_path / name
    if name.endswith("ndjson"):
        file.write_text(row + "\n")
        assert await push(file, "--lea", ABC, "--as-of", "2026-10-31") == 0
    else:
        file.write_text(f'{{"lea":"{ABC}","as_of":"2026-10-31","observations":[{row}]}}')
        assert await push(file) == 0


async def test_a_wrong_key_could_not_be_sent(
    push: Push, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "counts.csv"
    file.write_text(rows("EL"))
    monkeypatch.setenv("EQUITYACCESS_KEY", "eqa_live_nonsense")
    assert await push(file) == 2
    assert "401" in capsys.readouterr().err
