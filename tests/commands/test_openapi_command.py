"""``equityaccess openapi``: the contract on paper."""

import json

import pytest

from equityaccess import openapi
from equityaccess.cli import main
from equityaccess.commands.openapi import _compare


def test_it_prints_what_is_committed(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["openapi"]) == 0
    assert capfdbinary.readouterr().out == openapi.committed()


def test_the_check_passes_on_what_is_served(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["openapi", "--check"]) == 0
    assert capsys.readouterr().out == "openapi/openapi.json is what the service serves.\n"


def test_a_difference_is_shown_in_part_with_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    served = json.dumps({str(n): n for n in range(200)}, indent=1)
    assert _compare(b"{}", served.encode()) == 1
    said = capsys.readouterr().err
    assert "+ " in said
    assert "more lines" in said
    assert "equityaccess openapi --write" in said


def test_a_small_difference_is_shown_whole(capsys: pytest.CaptureFixture[str]) -> None:
    assert _compare(b"one\n", b"two\n") == 1
    said = capsys.readouterr().err
    assert "-one\n+two" in said
    assert "more lines" not in said
