"""The demo as a program of its own, and what it prints, for whoever tries it."""

import os
import re
import shlex
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx


@contextmanager
def demo(equityaccess: Sequence[str | Path], folder: Path, port: int) -> Iterator[str]:
    """What the demo of *equityaccess* printed until it was ready; it is interrupted, as by ^C, at the end."""
    process = subprocess.Popen(
        [*equityaccess, "demo", "--port", str(port), "--data-dir", folder],
        env={name: value for name, value in os.environ.items() if not name.startswith("EQUITYACCESS_")},
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


def curls(said: str) -> list[str]:
    """The printed lines that are to be tried."""
    return [line for line in said.splitlines() if line.startswith("curl")]


def links(said: str) -> dict[str, str]:
    """The printed link of each role to sign in with."""
    return dict(re.findall(r"^(\w[\w ]+?) +(http\S+/sign-in\S+)$", said, re.MULTILINE))
