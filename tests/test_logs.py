"""What a log line holds, and what it must never hold."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from equityaccess import logs
from equityaccess.access.rules import SECRET_BYTES, new_secret, new_token


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


def failure(message: str) -> ValueError:
    """An exception that was really raised, so that it has a traceback."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        raise ValueError(message)
    return caught.value


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    shown = capsys.readouterr()
    assert shown.out == "", "stdout belongs to the command's own answer"
    return [json.loads(line) for line in shown.err.splitlines()]


def test_our_lines_and_the_libraries_look_alike_and_carry_the_request_id(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("json")
    with structlog.contextvars.bound_contextvars(request_id="one-request"):
        structlog.get_logger().info("request", status=200)
        logging.getLogger("uvicorn.error").warning("%s happened", "something")
    ours, theirs = lines(capsys)
    assert ours["request_id"] == theirs["request_id"] == "one-request"
    assert (ours["event"], ours["status"], ours["level"]) == ("request", 200, "info")
    assert (theirs["event"], theirs["logger"], theirs["level"]) == ("something happened", "uvicorn.error", "warning")
    assert str(ours["timestamp"]).endswith("Z")


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_traceback_shows_no_variables(capsys: pytest.CaptureFixture[str], log_format: str) -> None:
    logs.configure(log_format)  # type: ignore[arg-type]

    def fails(body: str) -> None:
        raise ValueError(len(body))

    with pytest.raises(ValueError) as caught:  # noqa: PT011
        fails("".join(["what a ", "district sent"]))
    structlog.get_logger().error("failure", exc_info=caught.value)
    shown = capsys.readouterr().err
    assert "ValueError" in shown
    assert "what a district sent" not in shown


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_key_that_slips_into_a_message_or_a_traceback_is_removed(
    capsys: pytest.CaptureFixture[str], log_format: str
) -> None:
    logs.configure(log_format)  # type: ignore[arg-type]
    secret = new_secret(bytes(SECRET_BYTES))
    structlog.get_logger().info("said", authorization=f"Bearer {secret}")
    logging.getLogger("some.library").error("could not send %s", secret)
    token = new_token(bytes(SECRET_BYTES))
    structlog.get_logger().info("said", authorization=f"Bearer {token}")
    structlog.get_logger().error("failure", exc_info=failure(secret))
    shown = capsys.readouterr().err
    assert shown.count("eqa_live_[removed]") >= 3
    assert secret not in shown
    assert secret[-20:] not in shown
    assert token not in shown
    assert token[-20:] not in shown


def test_a_failure_is_one_line_with_its_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("json")
    structlog.get_logger().error("failure", exc_info=failure("x"))
    (line,) = lines(capsys)
    assert "Traceback" in str(line["exception"])


def test_configuring_twice_does_not_double_the_lines(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("console")
    logs.configure("json")
    structlog.get_logger().info("once")
    assert [line["event"] for line in lines(capsys)] == ["once"]
