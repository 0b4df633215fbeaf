"""Browsers of tests over HTTP: signed in by a real link, they keep their cookie and fill in their forms."""

import re
from collections.abc import Sequence

import httpx

from equityaccess import clock
from equityaccess.audit.structs import Origin
from equityaccess.database import Database
from equityaccess.signin.entering import invite
from equityaccess.signin.rules import COOKIE
from equityaccess.signin.structs import Role

ACCEPT = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
_TOKEN = re.compile(r'name="form_token" value="([\w-]+)"')


async def link(db: Database, role: Role, leas: Sequence[str] = ()) -> str:
    """The secret of a new link."""
    async with db.transaction(every_lea=True) as tx:
        made = await invite(tx, role, leas, origin=Origin(actor="a test"), now=clock.now())
    return made.secret


def cookie_of(answer: httpx.Response) -> str:
    """The session's secret that an answer sets."""
    [found] = re.findall(rf"{COOKIE}=([\w-]*);", answer.headers.get("Set-Cookie", ""))
    return found


async def sign_in(db: Database, client: httpx.AsyncClient, role: Role, leas: Sequence[str] = ()) -> dict[str, str]:
    """The headers of a browser that has just signed in."""
    answer = await client.post("/sign-in", data={"link": await link(db, role, leas)}, headers=ACCEPT)
    assert answer.status_code == 303, answer.text
    return ACCEPT | {"Cookie": f"{COOKIE}={cookie_of(answer)}"}


def form_token(answer: httpx.Response) -> str:
    """The token in the first form of a page."""
    found = _TOKEN.search(answer.text)
    assert found, "the page has no form of a session"
    return found[1]
