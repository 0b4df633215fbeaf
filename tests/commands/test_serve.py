"""`equityaccess serve` as a process: what it says, what it refuses, and how it stops. With sockets and signals."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from equityaccess.access.rules import SECRET_BYTES, new_secret

COMMAND = [sys.executable, "-m", "equityaccess"]


def environment(**more: str) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("EQUITYACCESS_")} | more


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a migrated database of its own, which may not forget."""
    folder = tmp_path_factory.mktemp("ea")
    subprocess.run([*COMMAND, "--data-dir", folder, "migrate"], env=environment(), check=True, capture_output=True)
    return folder


@contextlib.contextmanager
def started(home: Path, *arguments: str, **settings: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A running server and its address; stopped at the end if it still runs."""
    command = [*COMMAND, "--data-dir", str(home), "serve", "--port", "0", *arguments]
    with (
        (home / "serve.log").open("w") as log,
        subprocess.Popen(
            command, env=environment(**settings), stdout=subprocess.PIPE, stderr=log, text=True
        ) as process,
    ):
        try:
            assert process.stdout
            address = re.search(r"http://\S+", process.stdout.readline())
            assert address, (home / "serve.log").read_text()
            until_it_answers(address[0])
            yield process, address[0]
        finally:
            process.terminate()
            process.wait(30)


def until_it_answers(address: str) -> None:
    deadline = time.monotonic() + 30
    with httpx.Client() as client:
        while time.monotonic() < deadline:
            with contextlib.suppress(httpx.HTTPError):
                if client.get(f"{address}/health/ready").status_code == 200:
                    return
            time.sleep(0.1)
    raise AssertionError(f"{address} never became ready")


def refused(*arguments: object, **settings: str) -> str:
    """The one clear line of a command that cannot do its work."""
    done = subprocess.run([*COMMAND, *map(str, arguments)], env=environment(**settings), capture_output=True, text=True)
    assert done.returncode == 2, done
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    return done.stderr


def on_the_wire(address: str, request: bytes) -> bytes:
    host, port = address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(request)
        answer = b""
        while part := connection.recv(65_536):
            answer += part
        return answer


def test_it_serves_refuses_smuggling_logs_and_stops_in_order(home: Path) -> None:
    secret = new_secret(bytes(SECRET_BYTES))
    with started(home) as (process, address):
        head = b"POST /v1/keys HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
        for lengths in (
            b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
            b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
            b"Content-Length: 5\r\nContent-Length: 6\r\n",
        ):
            answer = on_the_wire(address, head + lengths + b"\r\n0\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 400 "), lengths
            assert answer.count(b"HTTP/1.1") == 1, "the rest of the body is no second request"
        shown = httpx.get(
            f"{address}/v1/leas?secret=1", headers={"Authorization": f"Bearer {secret}", "X-Request-Id": "on-the-wire"}
        )
        assert shown.status_code == 401
        assert "server" not in shown.headers
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert not (home / "pg/postmaster.pid").exists(), "its PostgreSQL stops with it"
    log = [json.loads(line) for line in (home / "serve.log").read_text().splitlines()]
    (line,) = [line for line in log if line.get("request_id") == "on-the-wire"]
    assert (line["event"], line["method"], line["route"], line["status"]) == ("request", "GET", "/v1/leas", 401)
    text = (home / "serve.log").read_text()
    assert secret not in text
    assert "secret=1" not in text


def test_the_word_of_a_proxy_is_taken_only_where_it_is_trusted(home: Path) -> None:
    said = {"X-Forwarded-For": "192.0.2.77", "X-Forwarded-Proto": "https"}
    for trusted, is_believed in (("", False), ("192.0.2.0/24", False), ("127.0.0.0/8", True)):
        with started(home, EQUITYACCESS_TRUSTED_PROXIES=trusted) as (_, address):
            answer = httpx.get(f"{address}/health/live", headers=said)
        assert ("strict-transport-security" in answer.headers) == is_believed, trusted


@pytest.mark.parametrize("proxies", ["*", "proxy.example.org", "192.0.2.1/24", "192.0.2.1,,x"])
def test_a_proxy_without_an_address_is_refused(proxies: str) -> None:
    assert "TRUSTED_PROXIES" in refused("serve", EQUITYACCESS_TRUSTED_PROXIES=proxies)


def test_several_workers_answer_on_one_port_and_stop_together(home: Path) -> None:
    with started(home, "--workers", "2") as (process, address):
        assert httpx.get(f"{address}/health/live").status_code == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


def test_workers_are_replaced_one_by_one_while_others_answer(home: Path) -> None:
    with started(home, "--workers", "2") as (process, address):
        log = home / "serve.log"
        process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + 120
        while log.read_text().count("Finished server process") < 2:
            assert time.monotonic() < deadline
            assert httpx.get(f"{address}/health/live", headers={"Connection": "close"}).status_code == 200
            time.sleep(0.05)
        assert log.read_text().count("Started server process") == 4


def test_it_says_that_it_is_not_ready_before_it_stops(home: Path) -> None:
    with started(home, EQUITYACCESS_DRAIN_S="3") as (process, address):
        process.send_signal(signal.SIGTERM)
        answer = httpx.get(f"{address}/health/ready")
        assert (answer.status_code, answer.json()["detail"]) == (503, "This process is about to stop.")
        assert httpx.get(f"{address}/health/live").status_code == 200
        assert process.wait(30) == 0


def test_it_never_migrates(tmp_path: Path) -> None:
    assert "run `equityaccess migrate` first" in refused("--data-dir", tmp_path, "serve", "--port", "0")


def test_it_refuses_a_database_that_may_forget(empty_url: str) -> None:
    said = refused("serve", "--port", "0", EQUITYACCESS_DATABASE_URL=empty_url)
    assert "fsync" in said


def test_it_names_a_port_that_is_taken(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"127.0.0.1:{port}" in refused("--data-dir", home, "serve", "--port", port)


@pytest.mark.parametrize("arguments", [["--workers", "0"], ["--port", "70000"], ["--limit-concurrency", "0"]])
def test_a_number_that_makes_no_sense_is_refused(arguments: list[str]) -> None:
    done = subprocess.run([*COMMAND, "serve", *arguments], env=environment(), capture_output=True, text=True)
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    assert arguments[0] in done.stderr
