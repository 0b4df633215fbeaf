"""The matrix of the pages: pages.csv says of every page and role what the answer is, as authorization.csv of keys.

A row is a request; `with` fills in the parameters of its path and query. ``make authorization`` adds the rows that are
missing; each ``?`` in them has to be decided by hand.
"""

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl

import httpx
import msgspec

from equityaccess.app import PAGES
from equityaccess.database import Database
from equityaccess.signin.rules import COOKIE
from equityaccess.signin.structs import Role
from tests.browsers import ACCEPT, form_token, sign_in
from tests.trust.world import LAUSD, LONG_BEACH

FILE: Final = Path(__file__).with_name("pages.csv")
# Whoever looks: nobody, a browser whose session is over, and each role; two districts, for what is one's own.
LOOKERS: Final[dict[str, tuple[Role, tuple[str, ...]] | None]] = {
    "anonymous": None,
    "signed_out": ("technology_office", ()),
    "district_a": ("district", (LAUSD,)),
    "district_b": ("district", (LONG_BEACH,)),
    "technology_office": ("technology_office", ()),
    "best_support": ("best_support", ()),
    "admin": ("admin", ()),
}
_COLUMNS: Final = ("method", "path", "with", *LOOKERS, "rule")
UNDECIDED: Final = "?"


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One request, and the status that each looker's must be answered with."""

    method: str
    path: str
    given: str
    expected: dict[str, str]
    rule: str

    def __str__(self) -> str:
        return " ".join(filter(None, (self.method, self.path, self.given)))


def rows() -> list[Row]:
    """What the file says."""
    with FILE.open(newline="", encoding="utf-8") as file:
        return [
            Row(
                method=line["method"],
                path=line["path"],
                given=line["with"],
                expected={looker: line[looker] for looker in LOOKERS},
                rule=line["rule"],
            )
            for line in csv.DictReader(file)
        ]


def needed() -> list[tuple[str, str]]:
    """Every method and path of the pages."""
    return sorted((method, path) for page in PAGES for path in page.paths for method in page.http_methods)


def missing(known: Iterable[Row]) -> list[tuple[str, str]]:
    """The pages without a row."""
    there = {(row.method, row.path) for row in known}
    return [(method, plain(path)) for method, path in needed() if (method, plain(path)) not in there]


def superfluous(known: Iterable[Row]) -> list[Row]:
    """The rows of pages that there are not."""
    there = {(method, plain(path)) for method, path in needed()}
    return [row for row in known if (row.method, row.path) not in there]


def plain(path: str) -> str:
    """*path* without the kinds of its parameters."""
    return "/".join(part.split(":")[0] + "}" if ":" in part else part for part in path.split("/"))


def write(known: Iterable[Row]) -> None:
    """Write the file, in the order of the paths."""
    with FILE.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(_COLUMNS)
        for row in sorted(known, key=lambda row: (row.path, row.method, row.given)):
            out.writerow([row.method, row.path, row.given, *row.expected.values(), row.rule])


def add_missing() -> None:
    """Give each page without a row one to be decided; rows of pages that are gone go."""
    kept = rows() if FILE.exists() else []
    kept = [row for row in kept if row not in superfluous(kept)]
    undecided = dict.fromkeys(LOOKERS, UNDECIDED)
    new = [Row(method=m, path=p, given="", expected=undecided, rule="") for m, p in missing(kept)]
    write([*kept, *new])


class Lookers:
    """Everybody before a browser of their own."""

    def __init__(self, db: Database, client: httpx.AsyncClient) -> None:
        self._db, self._client = db, client

    async def ask(self, looker: str, row: Row) -> httpx.Response:
        """The answer to *row*; each time from a new session, for some requests end it."""
        path, query = row.path, dict(parse_qsl(row.given))
        for name in [part[1:-1] for part in path.split("/") if part.startswith("{")]:
            path = path.replace(f"{{{name}}}", query.pop(name))
        headers, form = await self._enter(looker)
        if row.method == "GET":
            return await self._client.get(path, params=query, headers=headers)
        return await self._client.request(row.method, path, params=query, data=form, headers=headers)

    async def _enter(self, looker: str) -> tuple[Mapping[str, str], dict[str, str]]:
        entered = LOOKERS[looker]
        if entered is None:
            return ACCEPT, {}
        headers = await sign_in(self._db, self._client, *entered)
        token = form_token(await self._client.get("/sign-in", headers=headers))
        if looker == "signed_out":
            await self._client.post("/sign-out", data={"form_token": token}, headers=headers)
            return ACCEPT | {"Cookie": f"{COOKIE}={headers['Cookie'].partition('=')[2]}"}, {"form_token": token}
        return headers, {"form_token": token}


async def differences(lookers: Lookers, known: Iterable[Row]) -> list[str]:
    """Where an answer is another than the file expects."""
    found = []
    for row in known:
        for looker, status in row.expected.items():
            answer = await lookers.ask(looker, row)
            if str(answer.status_code) != status:
                found.append(f"{row} as {looker}: {answer.status_code}, not {status}")
    return found
