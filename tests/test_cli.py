import os
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path

import asyncpg
import pytest

from equityaccess import __version__
from equityaccess.cli import main, parser
from equityaccess.migrate import code_revision
from equityaccess.scheduler.schedule import read_schedule
from tests.conftest import named
from tests.test_app import migrate_beyond

HEAVY = ("litestar", "asyncpg", "sqlalchemy", "alembic", "pandas", "apscheduler", "httpx", "rich", "uvicorn")


def equityaccess(*arguments: str, environment: Mapping[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
    kept = {name: value for name, value in os.environ.items() if not name.startswith("EQUITYACCESS_")}
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "equityaccess", *arguments],
        env=kept | dict(environment or {}),
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from equityaccess.cli import parser; parser().format_help(); "
        f"print(sorted(set({HEAVY!r}) & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_command_has_help_that_says_more_than_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    commands = next(action for action in parser()._actions if action.dest == "command")
    described = {action.dest: action.help for action in commands._choices_actions}  # type: ignore[attr-defined]
    assert described.keys() == commands.choices.keys()  # type: ignore[union-attr]
    for name, text in described.items():
        assert text, name
        with pytest.raises(SystemExit) as done:
            main([name, "--help"])
        assert done.value.code == 0
        assert len(capsys.readouterr().out) > 150, name


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"equityaccess {__version__}\n"


@pytest.mark.parametrize("arguments", [["--data-dir", "/a", "migrate"], ["migrate", "--data-dir", "/a"]])
def test_the_data_folder_may_stand_on_either_side_of_the_command(arguments: list[str]) -> None:
    assert parser().parse_args(arguments).data_dir == "/a"


def one_clear_line(done: "subprocess.CompletedProcess[str]") -> str:
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    line = done.stderr.strip()
    assert "\n" not in line
    return line


def test_an_unknown_setting_is_refused_in_one_line() -> None:
    line = one_clear_line(equityaccess("schedule", environment={"EQUITYACCESS_POOLSIZE": "3"}))
    assert "EQUITYACCESS_POOLSIZE is not a setting" in line


def test_a_database_that_does_not_answer_is_refused_in_one_line(tmp_path: Path) -> None:
    url = f"postgresql://nobody@/none?host={tmp_path}"
    assert "equityaccess schedule:" in one_clear_line(
        equityaccess("schedule", environment={"EQUITYACCESS_DATABASE_URL": url})
    )


def test_a_secret_file_that_is_not_there_is_refused_in_one_line() -> None:
    line = one_clear_line(equityaccess("schedule", environment={"EQUITYACCESS_DATABASE_URL_FILE": "/no/such/file"}))
    assert "/no/such/file" in line


NEED_THE_SCHEMA = [["schedule"], ["seed"], ["keys", "list"], ["run-job", "purge-expired"], ["scheduler"], ["serve"]]


@pytest.fixture(scope="module")
def nothing_there(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The arguments that name a data folder whose database was never migrated."""
    return ["--data-dir", str(tmp_path_factory.mktemp("nothing"))]


@pytest.mark.parametrize("command", NEED_THE_SCHEMA, ids=" ".join)
def test_a_database_that_was_never_migrated_is_refused_in_one_line(
    nothing_there: list[str], command: list[str]
) -> None:
    assert "run `equityaccess migrate` first" in one_clear_line(equityaccess(*nothing_there, *command))


async def test_a_database_that_no_longer_serves_this_code_is_refused_in_one_line(empty_url: str) -> None:
    connection = await asyncpg.connect(empty_url)
    await migrate_beyond(connection, "9999")
    await connection.close()
    environment = {"EQUITYACCESS_DATABASE_URL": empty_url}
    for command in (["migrate"], ["seed"]):
        line = one_clear_line(equityaccess(*command, environment=environment))
        assert "revision 9999 and serves code from 9999 on" in line


@pytest.mark.parametrize("command", [["migrate"], ["schedule"]])
def test_a_database_that_is_not_there_is_refused_in_one_line(server: str, command: list[str]) -> None:
    environment = {"EQUITYACCESS_DATABASE_URL": named(server, "no_such_database")}
    assert "no_such_database" in one_clear_line(equityaccess(*command, environment=environment))


def test_a_defect_of_ours_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> int:
        raise KeyError("a defect")

    monkeypatch.setattr("equityaccess.commands.migrate.run", broken)
    with pytest.raises(KeyError):
        main(["migrate"])


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The arguments that name a data folder whose database is migrated."""
    arguments = ["--data-dir", str(tmp_path_factory.mktemp("data"))]
    assert f"is at revision {code_revision()} (was empty)." in equityaccess("migrate", *arguments).stdout
    return arguments


def test_migrating_again_changes_nothing(here: list[str]) -> None:
    assert "as before" in equityaccess("migrate", *here).stdout


def test_a_job_runs_by_hand_once_a_slot_and_the_schedule_shows_how_it_went(here: list[str]) -> None:
    by_hand = ["run-job", "rebuild-coverage", "--slot", "2026-11-23T10:15Z", *here]
    ran = equityaccess(*by_hand)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("rebuild-coverage: done in ")
    assert "the slot 2026-11-23 10:15:00Z has had its run" in equityaccess(*by_hand).stdout
    shown = equityaccess("schedule", *here, environment={"COLUMNS": "200"})
    assert shown.returncode == 0, shown.stderr
    for job in read_schedule():
        assert job.name in shown.stdout
    assert "2026-11-23 10:15:00Z" in shown.stdout


def test_run_job_names_the_jobs_there_are(here: list[str]) -> None:
    assert "aggregate-coverage" in one_clear_line(equityaccess("run-job", "nonsense", *here))


def test_a_failed_job_exits_with_1(here: list[str]) -> None:
    code = f"""
        import sys
        from equityaccess.cli import main
        from equityaccess.scheduler import runs

        async def broken(tx, now):
            raise ValueError("the figures do not fit")

        runs.function_of = lambda job: broken
        sys.exit(main(["run-job", "purge-expired", *{here!r}]))
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "ValueError: the figures do not fit" in done.stdout


def test_the_scheduler_stops_when_told_to(here: list[str]) -> None:
    one = subprocess.Popen(
        [sys.executable, "-m", "equityaccess", "scheduler", *here],
        stderr=subprocess.STDOUT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        said = next((line for line in one.stdout or () if "scheduler_leads" in line), None)
        one.terminate()
        assert said is not None
        assert one.wait(15) == 0
    finally:
        one.kill()
        one.communicate()


def test_a_slot_without_a_zone_is_refused() -> None:
    done = equityaccess("run-job", "purge-expired", "--slot", "2026-11-23T08:05")
    assert done.returncode == 2
    assert "not an instant with its zone" in done.stderr


def test_a_login_that_is_no_role_name_is_refused(here: list[str], tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("a password")
    arguments = ["migrate", "--login", "Robert'); DROP", "--password-file", str(password), *here]
    assert "is not a role name" in one_clear_line(equityaccess(*arguments))


@pytest.mark.parametrize("only", [["--login", "api"], ["--password-file", "/no/such/file"]])
def test_a_login_and_its_password_go_together(only: list[str]) -> None:
    assert "go together" in one_clear_line(equityaccess("migrate", *only))


@pytest.mark.parametrize("command", [["seed"], ["staff", "invite", "--role", "admin"], ["triage", "backtest"]])
def test_the_data_folder_is_accepted_before_and_after_the_command_and_its_part(command: list[str]) -> None:
    """The demo prints such a command, to be pasted as it is."""
    for line in (["--data-dir", "/there", *command], [*command, "--data-dir", "/there"]):
        assert parser().parse_args(line).data_dir == "/there"
