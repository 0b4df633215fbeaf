import json
import math
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from equityaccess import clock


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


@contextmanager
def demo(folder: Path, port: int) -> Iterator[str]:
    """What a demo printed until it was ready; it is interrupted, as by ^C, at the end."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("EQUITYACCESS_")}
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "equityaccess", "demo", "--port", str(port), "--data-dir", str(folder)],
        env=kept,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        said = []
        for line in process.stdout or ():
            said.append(line)
            if line.startswith("^C"):
                break
        assert process.poll() is None, "".join(said)
        yield "".join(said)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.communicate()


def curl(line: str) -> httpx.Response:
    """What the printed *line* does, without depending on a curl."""
    words = shlex.split(line)
    assert words[:2] == ["curl", "-sS"]
    options = list(zip(words[3::2], words[4::2], strict=True))
    headers = dict(value.split(": ", 1) for option, value in options if option == "-H")
    body = next((value for option, value in options if option == "-d"), None)
    with httpx.Client(trust_env=False, timeout=60) as client:
        return client.request("POST" if body else "GET", words[2], headers=headers, content=body)


def keys(said: str) -> list[str]:
    return re.findall(r"^Key of .*?(eqa_live_\w+)", said, re.MULTILINE)


def test_the_demo_works_as_printed_stops_on_interrupt_and_goes_on_where_it_was(tmp_path: Path) -> None:
    port = free_port()
    with demo(tmp_path, port) as said:
        assert "SAMPLE DATA" in said
        assert re.search(r"^ home_internet +ALL +\d", said, re.MULTILINE)
        assert re.search(r"^ *Onboarding to BEST: SAMPLE DATA\. \d+ % onboarded", said, re.MULTILINE)
        assert re.search(r"^ SAMPLE-FIN-1 +2025-10-06 +\d", said, re.MULTILINE)
        push, receipt, coverage, triage = (line for line in said.splitlines() if line.startswith("curl"))
        assert curl(receipt).json()["source"] == "SAMPLE DATA (equityaccess demo)"
        ranked = curl(triage).json()["items"]
        assert [one["score"] for one in ranked] == [sum(why["points"] for why in one["reasons"]) for one in ranked]
        assert len(ranked) == 5
        before = curl(coverage).json()["items"][0]["point"]
        first, again = curl(push), curl(push)
        assert (first.status_code, first.json()["counts"]["created"]) == (201, 1)
        assert (again.status_code, again.json()["outcome"]) == (200, "unchanged")
        effect = first.json()["effect"][0]
        moved = effect["lea_after"]["met"] - effect["lea_before"]["met"]
        assert moved
        for _ in range(300):
            after = curl(coverage).json()["items"][0]["point"]
            if after["computed_at"] != before["computed_at"]:
                break
            time.sleep(0.1)
        assert after["figures"]["met"] == before["figures"]["met"] + moved
        assert (
            math.floor(after["figures"]["confirmed_percent"] * 10) / 10 == effect["county_after"]["confirmed_percent"]
        )
        assert after["as_of"] == str(clock.today())
        scheduler_log = (tmp_path / "scheduler.log").read_text()
        assert not [line for line in scheduler_log.splitlines() if json.loads(line)["level"] != "info"]
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port))
    assert not (tmp_path / "pg" / "postmaster.pid").exists()
    with demo(tmp_path, port) as said_again:
        assert "nothing changed" in said_again
        assert "SAMPLE push" not in said_again
        assert set(keys(said)).isdisjoint(keys(said_again))
        assert curl(coverage).status_code == 401, "the first demo's keys are revoked"
        new_push = next(line for line in said_again.splitlines() if line.startswith("curl"))
        kept = curl(new_push)
        assert kept.is_success, kept.text
        assert kept.json()["outcome"] == "unchanged", "the push of the first demo is kept"


@pytest.mark.parametrize("port", ["0", "70000", "-1"])
def test_a_port_that_cannot_be_printed_is_refused(tmp_path: Path, port: str) -> None:
    done = refused(tmp_path, port)
    assert "is not a port" in done
    assert [*tmp_path.iterdir()] == []


def test_a_port_in_use_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = str(listening.getsockname()[1])
        assert f"Port {port} cannot be used (Address already in use)" in refused(tmp_path, port)
    assert [*tmp_path.iterdir()] == []


def refused(folder: Path, port: str) -> str:
    command = [sys.executable, "-m", "equityaccess", "demo", f"--port={port}", "--data-dir", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    return done.stderr
