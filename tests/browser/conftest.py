"""A real Chromium in front of the real service: a process of its own on a real PostgreSQL, signed in by real links."""

import contextlib
import os
import shutil
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from playwright.async_api import Browser, Page, Request, async_playwright

from equityaccess import clock
from equityaccess.access.issue import issue_key
from equityaccess.access.structs import KeyIn
from equityaccess.coverage.jobs import aggregate_coverage
from equityaccess.database import Database, connect
from equityaccess.publication.jobs import publish_open_data
from equityaccess.signin.structs import Role
from equityaccess.triage.jobs import score_triage
from tests.browsers import link
from tests.conftest import bearer, clone, fresh_name, settings_for
from tests.trust import world

AXE: Final = Path(__file__).parent / "axe" / "axe.js"
RULES: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
ABC: Final = "19642120000000"
CHARTER: Final = "19101990109660"  # directly funded, and its place is known
WITHOUT: Final = "EQUITYACCESS_TEST_NO_BROWSER"
_FOUND: Final = ("EQUITYACCESS_CHROMIUM", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS: Final = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"),
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # the network is cut: there is the service, and no more
]


def chromium() -> str:
    """The Chromium of this machine: EQUITYACCESS_CHROMIUM, or one on the path. Nobody is left out in silence."""
    for name in _FOUND:
        place = os.environ.get(name) if name.isupper() else shutil.which(name)
        if place:
            return place
    if os.environ.get(WITHOUT) == "1":
        pytest.skip(f"{WITHOUT}=1: this machine has no Chromium, so the pages were NOT tested in a browser")
    pytest.fail(
        "The pages are tested in a real Chromium, and there is none: apt-get install chromium, or name one in "
        f"EQUITYACCESS_CHROMIUM. On a machine that cannot have one, {WITHOUT}=1 says so."
    )


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """One Chromium for all tests of a process."""
    executable = chromium()
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=executable, args=FLAGS)
        yield running
        await running.close()


class Site:
    """The service as a browser finds it, with something to show: a push of one district."""

    def __init__(self, url: str, db: Database, browser: Browser) -> None:
        self.url, self.db, self._browser = url, db, browser

    @contextlib.asynccontextmanager
    async def visitor(
        self, role: Role | None = None, leas: Sequence[str] = (), *, language: str = "en", **options: Any
    ) -> AsyncIterator["Visitor"]:
        """Somebody before a screen, signed in as *role* if one is given; *options* are those of Playwright."""
        context = await self._browser.new_context(base_url=self.url, locale=f"{language}-US", **options)
        try:
            visitor = Visitor(await context.new_page(), self.url)
            if role is not None:
                await visitor.page.goto(f"/sign-in?link={await link(self.db, role, leas)}")
                await visitor.page.locator("main button").click()
                await visitor.page.wait_for_load_state()
            yield visitor
        finally:
            await context.close()

    async def push(self, **fields: Any) -> None:
        """Push one observation of everyone of ABC Unified, and let the job of every second run."""
        await _push(self.url, self.db, [fields])

    async def aggregate(self) -> None:
        """Run the job that runs every second."""
        await _aggregate(self.db)


class Visitor:
    """A page, with everything that went wrong on it."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self._url = url
        self.complaints: list[str] = []
        page.on("console", lambda said: self._heard(said.type, said.text))
        page.on("pageerror", lambda error: self._heard("error", str(error)))
        page.on("request", self._asked)

    def _heard(self, kind: str, text: str) -> None:
        # That a page answered with 4xx is what a test may be about; the browser says it as an error of the network.
        if kind in ("error", "warning") and "Failed to load resource: the server responded with a status" not in text:
            self.complaints.append(f"{kind}: {text}")

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((self._url, "data:", "blob:")):
            self.complaints.append(f"a request left the host: {request.url}")

    async def open(self, path: str, *, status: int = 200) -> None:
        """Open *path* and wait until it is drawn."""
        answer = await self.page.goto(path)
        assert answer is not None
        assert answer.status == status, f"{path} answered {answer.status}"
        await self.page.wait_for_load_state("load")

    async def is_sound(self) -> None:
        """Nothing went wrong, axe finds nothing, and it reads on a screen of 320 pixels without scrolling sideways."""
        assert self.complaints == []
        assert await self._violations() == []
        before = self.page.viewport_size
        await self.page.set_viewport_size({"width": 320, "height": 640})
        width = await self.page.evaluate("document.documentElement.scrollWidth")
        if before:
            await self.page.set_viewport_size(before)
        assert width <= 320, f"{self.page.url} is {width} pixels wide on a screen of 320"

    async def _violations(self) -> list[str]:
        # Through the debugger, past the policy of the page: `add_script_tag` would be refused by it, as it should.
        await self.page.evaluate(AXE.read_text(encoding="utf-8"))
        found = await self.page.evaluate(f"axe.run({{runOnly: {RULES}}}).then(found => found.violations)")
        return [
            f"{one['id']}: {one['help']}: {'; '.join(node['html'][:150] for node in one['nodes'][:3])}" for one in found
        ]


@pytest.fixture(scope="session")
async def site(
    server: str, seeded: str, browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Site]:
    """`equityaccess serve` on a database of its own, for all browser tests of a process."""
    at = tmp_path_factory.mktemp("site")
    async with clone(server, fresh_name("site"), seeded) as url:
        db = await connect(settings_for(url))
        forgetful = "tests.browser.forgetful:postgres"
        async with world.serving(at, url, settings={"SAMPLE_DATA": "true"}, defect=forgetful) as service:
            await _push(service.url, db)
            await _push(service.url, db, [_OF_A_CHARTER], lea=CHARTER)
            await _on_the_way(service.url, db)
            async with db.transaction(role="aggregator") as tx:
                await publish_open_data(tx, clock.now() - timedelta(days=31))
                await publish_open_data(tx, clock.now())
            yield Site(service.url, db, browser)
        await db.close()


_COUNTS: Final = {"ALL": (9_000, 7_900, 600), "EL": (1_500, 1_100, 300), "SED": (5_200, 4_100, 700)}
_OBSERVATIONS: Final = [
    {"indicator": "home_internet", "student_group": group, "population": people, "met": met, "not_met": not_met}
    for group, (people, met, not_met) in _COUNTS.items()
]


_OF_A_CHARTER: Final = {"indicator": "home_internet", "population": 421, "met": 300, "not_met": 60}


async def _push(url: str, db: Database, observations: Sequence[dict[str, Any]] = _OBSERVATIONS, lea: str = ABC) -> None:
    """Something to see: one district tells of three groups."""
    async with db.transaction(every_lea=True) as tx:
        wanted = KeyIn(scopes=["push"], leas=[lea], label="a test")
        issued = await issue_key(tx, wanted, created_by="a test", now=clock.now())
    of = {"student_group": "ALL", "as_of": clock.today().isoformat(), "evidence": "C"}
    sent = {"lea": lea, "observations": [of | one for one in observations]}
    async with httpx.AsyncClient(base_url=url, timeout=30) as client:
        answer = await client.post("/v1/submissions", json=sent, headers=bearer(issued.secret))
        assert answer.is_success, answer.text
    await _aggregate(db)


async def _on_the_way(url: str, db: Database) -> None:
    """A wave with that district in it, which is blocked on itself and needs a person."""
    async with db.transaction(every_lea=True) as tx:
        wanted = KeyIn(scopes=["county"], label="a test")
        county = bearer((await issue_key(tx, wanted, created_by="a test", now=clock.now())).secret)
    go_live = str(clock.today() + timedelta(days=40))
    wave = {"track": "FIN", "name": "A wave", "go_live_on": go_live, "leas": [ABC]}
    place = f"/v1/leas/{ABC}/milestones/FIN/data_validation"
    async with httpx.AsyncClient(base_url=url, timeout=30, headers=county) as client:
        planned = await client.put("/v1/waves/soon", json=wave)
        assert planned.is_success, planned.text
        for change in ({"kind": "started"}, {"kind": "blocked", "waiting_on": "lea", "reason": "totals do not tie"}):
            told = await client.patch(place, headers={"If-Match": "*"}, json=change)
            assert told.is_success, told.text
    async with db.transaction(role="aggregator") as tx:
        await score_triage(tx, clock.now())


async def _aggregate(db: Database) -> None:
    async with db.transaction(role="aggregator") as tx:
        await aggregate_coverage(tx, clock.now())
