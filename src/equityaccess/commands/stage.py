"""Sets up a demo and keeps it running: database, API, scheduler, keys, sample pushes, and what to try next."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import date, timedelta
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

import httpx
import msgspec

from equityaccess import clock, embedded
from equityaccess.access import store as keys
from equityaccess.access.issue import issue_key
from equityaccess.access.structs import KeyIn
from equityaccess.bundled import bundled
from equityaccess.commands import sample, sample_best, sample_support, trial
from equityaccess.commands.children import Child, child
from equityaccess.commands.folder import Folder, hold
from equityaccess.commands.operator import operator
from equityaccess.commands.reference import seed_all
from equityaccess.database import Database, Query, connect
from equityaccess.database import Role as DatabaseRole
from equityaccess.migrate import migrate
from equityaccess.onboarding import store as onboarding
from equityaccess.onboarding.roster import RosterRow, bring_in
from equityaccess.onboarding.structs import MilestoneEventIn, MilestoneEventsIn
from equityaccess.publication import store as publication
from equityaccess.publication.jobs import publish_open_data
from equityaccess.settings import Settings
from equityaccess.signin.entering import invite
from equityaccess.signin.structs import SCOPES, Role
from equityaccess.support.structs import AccessCountsIn, SupportEventsIn
from equityaccess.triage.jobs import score_triage

_NAME: Final = "equityaccess demo"  # who created the keys
_DAYS: Final = 30  # that its keys live
_READY_WITHIN_S: Final = 60
_AGGREGATED_WITHIN_S: Final = 120
_PUBLISHED_WITHIN_S: Final = 120
_EVERY_KEY: Final = 10_000
_MARKS_LEFT: Final = Query("marks_left", "SELECT EXISTS (SELECT FROM coverage_mark)", ())
_TOLD: Final = Query("told", "SELECT external_id FROM milestone_event WHERE external_id LIKE 'sample-%'", ())
_EVENTS_AT_ONCE: Final = 1_000


class PushRefusedError(RuntimeError):
    """The service did not take what the demo pushed, or is not getting on with it."""


def play(path: Path, settings: Settings, *, port: int, reset: bool) -> None:
    """Run the demo in *path* until it is interrupted.

    Raises NotOursError, NoPostgres, ChildEndedError or PushRefusedError.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # stops in order, as ^C does
    began = time.monotonic()

    def tell(what: str) -> None:
        print(f"{time.monotonic() - began:5.1f} s  {what}", flush=True)

    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(hold(path, reset=reset))
        tell(f"PostgreSQL in {folder.database}")
        url = stack.enter_context(embedded.postgres(folder.database))
        ready = msgspec.structs.replace(settings, database_url=url)
        for line in asyncio.run(_prepare(ready)):
            tell(line)
        children = [stack.enter_context(one) for one in _processes(folder, url, port)]
        base = f"http://127.0.0.1:{port}"
        client = stack.enter_context(httpx.Client(base_url=base, timeout=120, trust_env=False))
        _wait_until_ready(client, children)
        tell(f"API on {base}, scheduler beside it; their logs are in {folder.path}")
        district, county = _push_everything(ready, client, folder, tell)
        tell(_tell_of_best(ready, client, county))
        tell("waiting for the scheduler to aggregate the coverage")
        _wait_until_aggregated(ready, children)
        asyncio.run(_show(ready))
        tell("ready\n")
        trial.show(client, district, county, clock.today())
        print(trial.front_doors(asyncio.run(_invite(ready, base)), folder.path), flush=True)
        while True:
            _look_after(children)
            time.sleep(1)


async def _prepare(settings: Settings) -> list[str]:
    """The schema and the reference data; what changed."""
    before, after = await migrate(settings.database_url)
    async with _database(settings, role="owner") as db:
        seeded = await seed_all(db, clock.now())
    return [f"schema at revision {after}" + (", as before" if before == after else ""), *seeded]


def _processes(folder: Folder, url: str, port: int) -> list[AbstractContextManager[Child]]:
    """The API and the scheduler, as an operator would start them."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("EQUITYACCESS_")}
    environment = kept | {"EQUITYACCESS_DATABASE_URL": url, "EQUITYACCESS_SAMPLE_DATA": "true"}
    return [
        child("API", ["serve", "--port", str(port)], environment, folder.path / "api.log"),
        child("scheduler", ["scheduler"], environment, folder.path / "scheduler.log"),
    ]


def _look_after(children: Iterable[Child]) -> None:
    for one in children:
        one.demand_alive()


def _wait(what: str, is_there: Callable[[], bool], children: Sequence[Child], within_s: float) -> None:
    deadline = time.monotonic() + within_s
    while not is_there():
        _look_after(children)
        if time.monotonic() > deadline:
            logs = " and ".join(str(one.log) for one in children)
            raise PushRefusedError(f"{what} took more than {within_s:.0f} s: see {logs}.")
        time.sleep(0.1)


def _wait_until_ready(client: httpx.Client, children: Sequence[Child]) -> None:
    def is_ready() -> bool:
        try:
            return client.get("/health/ready").is_success
        except httpx.TransportError:
            return False

    _wait("The API", is_ready, children, _READY_WITHIN_S)


def _wait_until_aggregated(settings: Settings, children: Sequence[Child]) -> None:
    async def is_idle() -> bool:
        async with _database(settings) as db, db.transaction(role="aggregator") as tx:
            return not await tx.value(_MARKS_LEFT)

    _wait("Aggregating the coverage", lambda: asyncio.run(is_idle()), children, _AGGREGATED_WITHIN_S)


async def _show(settings: Settings) -> None:
    """What jobs would show later today: the triage of now, and the first release of the sample county."""
    async with _database(settings) as db:
        async with db.transaction(role="aggregator", patience_s=_PUBLISHED_WITHIN_S) as tx:
            await score_triage(tx, clock.now())
        async with db.transaction(role="aggregator", patience_s=_PUBLISHED_WITHIN_S) as tx:
            if await publication.release(tx) is None:
                await publish_open_data(tx, clock.now())


@contextlib.asynccontextmanager
async def _database(settings: Settings, role: DatabaseRole = "app") -> AsyncIterator[Database]:
    db = await connect(settings, role=role)
    try:
        yield db
    finally:
        await db.close()


async def _invite(settings: Settings, base: str) -> dict[Role, str]:
    """A link for each role: the district is the one whose key is shown."""
    async with _database(settings) as db, db.transaction(every_lea=True) as tx:
        made = {
            role: await invite(tx, role, [sample.ABC] if role == "district" else [], origin=operator(), now=clock.now())
            for role in SCOPES
        }
    return {role: link.address(base) for role, link in made.items()}


def _push_everything(
    settings: Settings, client: httpx.Client, folder: Folder, tell: Callable[[str], None]
) -> tuple[str, str]:
    """Push what has not been pushed yet; the secrets of one district's key and of the county's."""
    today, reference, known = clock.today(), bundled("db") / "reference", folder.sampled_until
    reporters = sample.reporters(reference, today)
    baseline = [] if known else list(sample.acs_rows(reference))
    months = [
        (until, [row for row in rows if known is None or row.as_of > known])
        for until, rows in sample.pushes(reporters, today)
        if known is None or until > known
    ]
    leas = sorted({row.lea for row in baseline} | {reporter.cds for reporter in reporters})
    asyncio.run(_revoke(settings))
    everybody = asyncio.run(
        _issue(settings, KeyIn(scopes=["push"], leas=leas, expires_in_days=1, label="sample pushes"))
    )
    _push(client, everybody, baseline, sample.ACS_SOURCE)
    for until, rows in months:
        _push(client, everybody, [row for row in rows if row.lea != sample.ABC], sample.SAMPLE_SOURCE)
        tell(f"SAMPLE push until {until}: {len(rows):,} rows of {len({row.lea for row in rows})} LEAs")
    asyncio.run(_revoke(settings))
    wanted = KeyIn(scopes=["push"], leas=[sample.ABC], expires_in_days=_DAYS, label="to try a push")
    district = asyncio.run(_issue(settings, wanted))
    for _, rows in months:
        _push(client, district, [row for row in rows if row.lea == sample.ABC], sample.SAMPLE_SOURCE)
    folder.remember(today - timedelta(days=1))
    wanted = KeyIn(scopes=["county"], expires_in_days=_DAYS, label="to look at the county")
    return district, asyncio.run(_issue(settings, wanted))


def _tell_of_best(settings: Settings, client: httpx.Client, county: str) -> str:
    """Plan the sample waves, and tell what happened in them that has not been told yet; how much that was."""
    today = clock.today()
    rows = sample_best.roster(sample.reporters(bundled("db") / "reference", today))
    events = asyncio.run(_plan(settings, rows, until=today - timedelta(days=1)))
    for start in range(0, len(events), _EVENTS_AT_ONCE):
        _post(client, "/v1/milestone-events", county, MilestoneEventsIn(events=events[start : start + _EVENTS_AT_ONCE]))
    supported = _support(client, county, rows, today)
    agencies = len({row.lea for row in rows})
    return f"SAMPLE of BEST: {agencies} agencies in waves, {len(events):,} events of milestones, {supported}"


def _support(client: httpx.Client, county: str, rows: Sequence[RosterRow], today: date) -> str:
    """Tell of the year's support and sign-ins; what was told by an earlier demo is told again, and changes nothing."""
    events = sample_support.support_events(rows, today)
    for start in range(0, len(events), _EVENTS_AT_ONCE):
        some = SupportEventsIn(events=events[start : start + _EVENTS_AT_ONCE])
        _post(client, "/v1/support-events", county, some)
    counts = sample_support.access_counts(rows, today)
    for start in range(0, len(counts), _EVENTS_AT_ONCE):
        some_counts = AccessCountsIn(counts=counts[start : start + _EVENTS_AT_ONCE])
        _post(client, "/v1/access-counts", county, some_counts)
    return f"{len(events):,} of support, {len(counts):,} counts of sign-ins"


async def _plan(settings: Settings, rows: list[RosterRow], *, until: date) -> list[MilestoneEventIn]:
    async with _database(settings, role="owner") as db, db.transaction(role="owner") as tx:
        await bring_in(tx, rows, operator(), clock.now(), is_sample=True)
        told = set(await tx.values(_TOLD))
        books = {track: book for (_, track), book in sorted((await onboarding.playbooks(tx)).items())}
        calendar = await onboarding.calendar(tx)
    happened = (event for row in rows for event in sample_best.events(row, books[row.track], calendar, until))
    return [event for event in happened if event.external_id not in told]


async def _issue(settings: Settings, wanted: KeyIn) -> str:
    async with _database(settings) as db, db.transaction(every_lea=True) as tx:
        return (await issue_key(tx, wanted, created_by=_NAME, now=clock.now())).secret


async def _revoke(settings: Settings) -> None:
    """Revoke every key that a demo made."""
    now = clock.now()
    async with _database(settings) as db, db.transaction(every_lea=True) as tx:
        for key in await keys.list_keys(tx, now, limit=_EVERY_KEY):
            if key.created_by == _NAME and key.state == "live":
                await keys.revoke_key(tx, key.key_id, now)


def _push(client: httpx.Client, secret: str, rows: Sequence[sample.Row], source: str) -> None:
    if rows:
        body = b"".join(msgspec.json.encode(row.line()) + b"\n" for row in rows)
        place = f"/v1/submissions?{urlencode({'source': source})}"
        _post(client, place, secret, body, media_type="application/x-ndjson")


def _post(client: httpx.Client, place: str, secret: str, sent: object, *, media_type: str = "application/json") -> None:
    body = sent if isinstance(sent, bytes) else msgspec.json.encode(sent)
    headers = {"Authorization": f"Bearer {secret}", "Content-Type": media_type}
    answer = client.post(place, content=body, headers=headers)
    if not answer.is_success:
        raise PushRefusedError(f"The API refused what the demo sent with {answer.status_code}: {answer.text[:2000]}")
