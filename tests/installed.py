"""``python -m tests.installed BIN``: the product as it was installed into BIN, walked as its users walk it.

What the tests show of the code holds for an installation that has the same bytes (tests/test_package.py). This shows
the rest, with nothing but what the product itself asks for: that every module can be imported, that the demo comes up
and does what it prints, and that each role gets to every page from its front door, with all that the pages load.
"""

import contextlib
import html
import re
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urljoin, urlsplit

import httpx

from equityaccess.app import PAGES
from equityaccess.signin.rules import COOKIE
from tests.browsers import ACCEPT, cookie_of
from tests.demos import curl, curls, demo, links
from tests.trust.pages import plain
from tests.trust.world import free_port

_IMPORTS: Final = """
import pkgutil, importlib, equityaccess
for module in pkgutil.walk_packages(equityaccess.__path__, "equityaccess."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
"""
_ANSWERS: Final = [201, 200, 200, 200]  # of the printed lines: push, receipt, coverage, triage
# No link leads there: a stream of events, the way to and from an identity provider, the file a district has just sent.
_UNLINKED: Final = {
    "/live", "/sign-in/with/{provider}", "/sign-in/from/{provider}", "/submit/{submission_id}"
}  # fmt: skip
_ALIKE: Final = 4  # so many addresses of the same page are looked at for a role
_LINK: Final = re.compile(r'(?:href|src|hx-get)="([^"#]+)')
_SECRET: Final = re.compile(r'name="link" value="([\w-]+)"')


def _routes() -> dict[str, re.Pattern[str]]:
    """Each page that is read, with a pattern of its addresses; one without parameters before one with."""
    paths = {plain(path) for page in PAGES if "GET" in page.http_methods for path in page.paths}
    return {
        path: re.compile(re.sub(r"\{\w+\}", "[^/]+", path)) for path in sorted(paths, key=lambda path: path.count("{"))
    }


def _walk(client: httpx.Client) -> Iterator[tuple[str, httpx.Response]]:
    """Every page and file that can be reached from the front door, with the route it belongs to ("" for none)."""
    routes = _routes()
    ahead, seen, met = ["/"], {"/"}, Counter[str]()
    while ahead:
        path = urlsplit(ahead[0]).path
        route = next((route for route, pattern in routes.items() if pattern.fullmatch(path)), "")
        at = ahead.pop(0)
        met[route or path] += 1
        if met[route or path] > _ALIKE:
            continue
        answer = client.get(at)
        yield route, answer
        if answer.headers.get("Content-Type", "").startswith("text/html"):
            found = (urljoin(str(answer.url), html.unescape(link)) for link in _LINK.findall(answer.text))
            new = {link for link in found if link.startswith(str(client.base_url))} - seen
            seen |= new
            ahead += sorted(new)


def _enter(client: httpx.Client, link: str) -> None:
    """Sign in as whoever presses the button on the page that *link* leads to."""
    secret = _SECRET.search(client.get(link).text)
    assert secret, f"{link} does not ask whether to sign in"
    answer = client.post("/sign-in", data={"link": secret[1]}, follow_redirects=False)
    # By hand: a browser sends a secure cookie to 127.0.0.1, this client does not.
    client.cookies.set(COOKIE, cookie_of(answer))


def _walk_as_everybody(said: str, base: str) -> list[str]:
    """What is wrong on the way of anybody, and the pages that nobody came to."""
    faults, reached = [], set[str]()
    for role, link in {"nobody": "", **links(said)}.items():
        with httpx.Client(base_url=base, headers=ACCEPT, follow_redirects=True, trust_env=False, timeout=60) as client:
            if link:
                _enter(client, link)
            count = 0
            for route, answer in _walk(client):
                count += 1
                reached.add(route)
                if answer.is_error:
                    faults.append(f"{answer.request.method} {answer.url} answered {answer.status_code} to {role}")
            print(f"{role}: {count} pages and files", flush=True)
    faults += [f"nobody came to {route}" for route in _routes() if route not in reached | _UNLINKED]
    return faults


def main() -> int:
    """Walk it, and say what was wrong; the exit code is 1 when something was."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell ignores for what runs in its background
    bin_folder = Path(sys.argv[1]).absolute()
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="ea-installed-") as folder, contextlib.chdir(folder):
        subprocess.run([bin_folder / "python", "-W", "error", "-c", _IMPORTS], check=True)
        with demo([bin_folder / "equityaccess"], Path(folder) / "demo", port) as said:
            answers = [curl(line).status_code for line in curls(said)]
            faults = [] if answers == _ANSWERS else [f"the printed lines were answered {answers}, not {_ANSWERS}"]
            faults += _walk_as_everybody(said, f"http://127.0.0.1:{port}")
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
