import json
import math
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from equityaccess import clock
from tests.demos import curl, curls, demo
from tests.trust.world import free_port

EQUITYACCESS = [sys.executable, "-W", "error", "-m", "equityaccess"]


def keys(said: str) -> list[str]:
    return re.findall(r"^Key of .*?(eqa_live_\w+)", said, re.MULTILINE)


def test_the_demo_works_as_printed_stops_on_interrupt_and_goes_on_where_it_was(tmp_path: Path) -> None:
    port = free_port()
    with demo(EQUITYACCESS, tmp_path, port) as said:
        assert "SAMPLE DATA" in said
        assert re.search(r"^ home_internet +ALL +\d", said, re.MULTILINE)
        assert re.search(r"^ *Onboarding to BEST: SAMPLE DATA\. \d+ % onboarded", said, re.MULTILINE)
        assert re.search(r"^ SAMPLE-FIN-1 +2025-10-06 +\d", said, re.MULTILINE)
        push, receipt, coverage, triage = curls(said)
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
    with demo(EQUITYACCESS, tmp_path, port) as said_again:
        assert "nothing changed" in said_again
        assert "SAMPLE push" not in said_again
        assert set(keys(said)).isdisjoint(keys(said_again))
        assert curl(coverage).status_code == 401, "the first demo's keys are revoked"
        new_push = curls(said_again)[0]
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
    command = [*EQUITYACCESS, "demo", f"--port={port}", "--data-dir", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    return done.stderr
