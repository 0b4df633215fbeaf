"""Promise 10: no LEA can touch another's data.

Method: authorization.csv says of every route, method and actor what the answer must be. A row is a request; `with`
fills in the parameters of its path and query, and a word in braces is an object of the harness: ``{submission of A}``.
Every cell is asked over HTTP of a running service; every method that a route does not declare is asked too. Which
routes there are is read from the application, so that a route without a row is found.
Figure: routes, rows and cells; routes or methods without a row; successes that the file does not expect; other
differences from it.
Mutant: no handler looks at the scopes of a key.

``python -m tests.trust.authorization`` adds the rows that are missing; each ``?`` in them has to be decided by hand.
"""

import csv
import functools
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl

import httpx
import msgspec

from equityaccess import database
from equityaccess.access.structs import Caller
from equityaccess.app import create_app
from equityaccess.settings import Settings
from tests.trust import pages, world
from tests.trust.actors import ACTORS, Cast
from tests.trust.harness import Figure, Harness, Run

FILE: Final = Path(__file__).with_name("authorization.csv")
OTHER: Final = "(any other)"  # every method of METHODS that the application does not declare for the path
METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")
_COLUMNS: Final = ("method", "path", "with", "body", *ACTORS, "rule")
_UNDECIDED: Final = "?"
_WITHOUT_A_LIVE_KEY: Final = {"anonymous", "public", "expired", "revoked"}


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One request, and the status that each actor's must be answered with."""

    method: str
    path: str
    given: str  # the parameters, as in a query string
    body: str
    expected: dict[str, str]
    rule: str

    def __str__(self) -> str:
        return " ".join(filter(None, (self.method, self.path, self.given, self.body)))


@functools.cache
def declared() -> dict[str, set[str]]:
    """The methods of every path that the application has, also of those outside the contract."""
    found: dict[str, set[str]] = {}
    for route in create_app(Settings()).routes:
        found.setdefault(route.path_format, set()).update(getattr(route, "methods", set()))
    return found


def rows() -> list[Row]:
    """What the file says."""
    with FILE.open(newline="", encoding="utf-8") as file:
        return [
            Row(
                method=line["method"],
                path=line["path"],
                given=line["with"],
                body=line["body"],
                expected={actor: line[actor] for actor in ACTORS},
                rule=line["rule"],
            )
            for line in csv.DictReader(file)
        ]


def needed() -> list[tuple[str, str]]:
    """Every method and path of which the file must speak."""
    return [(method, path) for path, methods in sorted(declared().items()) for method in [*sorted(methods), OTHER]]


def missing(known: Iterable[Row]) -> list[tuple[str, str]]:
    """The methods and paths without a row."""
    there = {(row.method, row.path) for row in known}
    return [pair for pair in needed() if pair not in there]


def superfluous(known: Iterable[Row]) -> list[Row]:
    """The rows of routes that there are not."""
    there = set(needed())
    return [row for row in known if (row.method, row.path) not in there]


def undecided(known: Iterable[Row]) -> list[Row]:
    """The rows in which some status was not decided yet."""
    return [row for row in known if _UNDECIDED in row.given or not all(s.isdigit() for s in row.expected.values())]


def skeleton(method: str, path: str) -> Row:
    """A row to start from: what holds for every route is filled in, the rest is for a person to decide."""
    is_guarded = path.startswith("/v1/") and not path.startswith("/v1/public/")

    def status(actor: str) -> str:
        if method == OTHER:
            return "405"
        if is_guarded and actor in _WITHOUT_A_LIVE_KEY:
            return "401"
        return "204" if method == "OPTIONS" else _UNDECIDED

    parameters = "&".join(f"{name}={{?}}" for name in _parameters(path))
    given = parameters if method not in (OTHER, "OPTIONS") else parameters.replace("{?}", "{unknown}")
    expected = {actor: status(actor) for actor in ACTORS}
    return Row(method=method, path=path, given=given, body="", expected=expected, rule="")


def _parameters(path: str) -> list[str]:
    return [part[1:-1] for part in path.split("/") if part.startswith("{")]


def write(known: Iterable[Row]) -> None:
    """Write the file, in the order of the paths."""
    order = {pair: place for place, pair in enumerate(needed())}
    with FILE.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(_COLUMNS)
        for row in sorted(known, key=lambda row: (row.path, order[row.method, row.path])):
            out.writerow([row.method, row.path, row.given, row.body, *row.expected.values(), row.rule])


def requests(row: Row) -> Iterator[str]:
    """The methods that *row* stands for."""
    if row.method != OTHER:
        yield row.method
    else:
        yield from (method for method in METHODS if method not in declared()[row.path])


class Difference(msgspec.Struct, frozen=True):
    """An answer that the file does not expect."""

    what: str
    is_success: bool


async def differences(cast: Cast, known: Iterable[Row]) -> list[Difference]:
    """Ask everything that the file speaks of, as everybody; where the answer is another one."""
    found = []
    for row in known:
        parameters = dict(parse_qsl(row.given, keep_blank_values=True))
        for method in requests(row):
            for actor, status in row.expected.items():
                answer = await cast.ask(actor, method, row.path, parameters, row.body)
                if str(answer.status_code) != status:
                    what = f"{method} {row} as {actor}: {answer.status_code}, not {status}: {answer.text[:200]}"
                    found.append(Difference(what, answer.is_success))
    return found


def no_scopes() -> None:
    """The seeded defect: whatever a key may not do, it does."""
    Caller.demand = lambda *_: None  # type: ignore[method-assign]


async def run(run: Run) -> Figure:
    known = rows()
    defect = "tests.trust.authorization:no_scopes" if run.mutant else ""
    with world.folder() as at:
        async with world.seeded(at) as url:
            db = await database.connect(world.settings_for(url))
            async with (
                world.serving(at, url, defect=defect) as service,
                httpx.AsyncClient(base_url=service.url, timeout=30) as client,
            ):
                cast = Cast(db, client)
                await cast.enter()
                found = await differences(cast, known)
            await db.close()
    for difference in found:
        print(difference.what, file=sys.stderr)
    without, successes = len(missing(known)), sum(difference.is_success for difference in found)
    cells = sum(len(row.expected) for row in known for _ in requests(row))
    return Figure(
        text=f"routes={len(declared())} rows={len(known)} cells={cells} undeclared={without} "
        f"unexpected_2xx={successes} other={len(found) - successes}",
        holds=not (found or without or superfluous(known) or undecided(known)),
    )


HARNESSES = [
    Harness(
        number=10,
        promise="No LEA can touch another's data: every actor on every route and method is answered as the file says",
        mutant="no handler looks at the scopes of a key",
        run=run,
        is_quick=False,  # every change asks the same in test_authorization.py
    )
]


if __name__ == "__main__":
    kept = [row for row in rows() if row not in superfluous(rows())] if FILE.exists() else []
    write([*kept, *(skeleton(method, path) for method, path in missing(kept))])
    pages.add_missing()
