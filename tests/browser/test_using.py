"""How the pages are used: by keyboard alone, enlarged, printed, in forced colours, and by two people at once."""

import asyncio
from typing import Final

import httpx
import pytest
from playwright.async_api import Page

from equityaccess import clock
from equityaccess.access.issue import issue_key
from equityaccess.access.structs import KeyIn
from equityaccess.signin.structs import Role
from tests.browser.conftest import ABC, Site, Visitor
from tests.conftest import bearer
from tests.submissions.pushing import LAUSD, row
from tests.trust.world import LONG_BEACH

# The pages on which somebody works or decides, each with a role and its LEAs.
MAIN: Final[list[tuple[str, Role | None, tuple[str, ...]]]] = [
    ("/", None, ()),
    ("/county", "technology_office", ()),
    ("/county/last-mile", "technology_office", ()),
    ("/county/data", "technology_office", ()),
    ("/triage", "best_support", ()),
    ("/waves/soon", "best_support", ()),
    (f"/leas/{ABC}", "district", (ABC,)),
    ("/submit", "district", (ABC,)),
    ("/submit/typed", "district", (ABC,)),
    ("/my/keys", "district", (ABC,)),
    ("/admin", "admin", ()),
]
# What a person who works by keyboard sees of where they are: an outline, or a shadow in its place.
FOCUS: Final = """() => {
  const at = document.activeElement;
  if (!at || at === document.body) return null;
  const drawn = getComputedStyle(at);
  const shown = (drawn.outlineStyle !== 'none' && parseFloat(drawn.outlineWidth) > 0) || drawn.boxShadow !== 'none';
  return { what: at.tagName + ' ' + (at.getAttribute('name') || at.innerText || '').slice(0, 40), shown };
}"""


async def tab_to(page: Page, selector: str, most: int = 80) -> None:
    """Press Tab until the first element of *selector* has the focus."""
    wanted = await page.locator(selector).first.element_handle()
    assert wanted is not None
    for _ in range(most):
        await page.keyboard.press("Tab")
        if await page.evaluate("(one) => document.activeElement === one", wanted):
            return
    pytest.fail(f"{selector} cannot be reached by {most} Tabs on {page.url}")


@pytest.mark.parametrize(("path", "role", "leas"), MAIN, ids=lambda it: str(it))
async def test_focus_is_visible_wherever_tab_leads(
    site: Site, path: str, role: Role | None, leas: tuple[str, ...]
) -> None:
    async with site.visitor(role, leas) as visitor:
        await visitor.open(path)
        seen = []
        for _ in range(25):
            await visitor.page.keyboard.press("Tab")
            if (found := await visitor.page.evaluate(FOCUS)) is not None:
                seen.append(found)
        assert len(seen) > 5
        assert [one["what"] for one in seen if not one["shown"]] == []


@pytest.mark.parametrize(("path", "role", "leas"), MAIN, ids=lambda it: str(it))
async def test_a_page_enlarged_to_two_hundred_percent_does_not_scroll_sideways(
    site: Site, path: str, role: Role | None, leas: tuple[str, ...]
) -> None:
    half = {"width": 640, "height": 400}  # what a screen of 1,280 by 800 pixels shows at 200 %
    async with site.visitor(role, leas, viewport=half, device_scale_factor=2) as visitor:
        await visitor.open(path)
        assert await visitor.page.evaluate("document.documentElement.scrollWidth") <= 640


@pytest.mark.parametrize(("path", "role", "leas"), MAIN, ids=lambda it: str(it))
async def test_a_page_prints_its_content_and_not_its_controls(
    site: Site, path: str, role: Role | None, leas: tuple[str, ...]
) -> None:
    async with site.visitor(role, leas) as visitor:
        await visitor.open(path)
        await visitor.page.emulate_media(media="print")
        assert not await visitor.page.locator("header.site nav").is_visible()
        assert await visitor.page.locator("h1").is_visible()
        assert (await visitor.page.pdf()).startswith(b"%PDF")


@pytest.mark.parametrize(("path", "role", "leas"), MAIN, ids=lambda it: str(it))
async def test_a_page_is_sound_in_forced_colours(
    site: Site, path: str, role: Role | None, leas: tuple[str, ...]
) -> None:
    async with site.visitor(role, leas, forced_colors="active") as visitor:
        await visitor.open(path)
        await visitor.is_sound()


async def test_the_map_is_drawn_and_another_kind_of_district_chosen(site: Site) -> None:
    async with site.visitor() as visitor:
        await visitor.open("/")
        areas = visitor.page.locator("figure[data-chart=map] svg path")
        await areas.first.wait_for()
        unified = await areas.count()
        assert unified >= 48
        points = visitor.page.locator("figure[data-chart=map] svg path[fill]:not([fill=none])[stroke='#1b1b1b']")
        assert await points.count() == 1, "the charter that has told of itself"
        await visitor.page.get_by_role("link", name="high school").click()
        await areas.first.wait_for()
        assert 5 <= await areas.count() < unified
        await visitor.is_sound()


async def test_a_colleagues_change_is_shown_and_never_overwritten(site: Site) -> None:
    async def at_item(visitor: Visitor) -> None:
        await visitor.open("/triage")
        await visitor.page.get_by_role("link", name="ABC Unified").click()

    async with site.visitor("best_support") as one, site.visitor("best_support") as other:
        await at_item(one)
        await at_item(other)
        await one.page.fill("#assignee", "desk-1")
        await one.page.get_by_role("button", name="Assign").click()
        await one.page.get_by_text("on desk-1").wait_for()
        await other.page.fill("#assignee", "desk-2")
        await other.page.get_by_role("button", name="Assign").click()
        assert "changed" in (await other.page.locator("main").inner_text()).lower()
        await other.is_sound()
        await at_item(other)
        assert await other.page.get_by_text("on desk-1").is_visible()


async def test_an_item_is_worked_on_by_keyboard_alone(site: Site) -> None:
    async with site.visitor("best_support") as visitor:
        page = visitor.page
        await visitor.open("/triage")
        await tab_to(page, "tbody a")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/triage/*-*")
        await tab_to(page, "#note")
        await page.keyboard.type("call back on monday")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**?done=yes")
        assert await page.get_by_text("call back on monday").is_visible()
        assert visitor.complaints == []


async def test_counts_are_typed_and_sent_by_keyboard_alone(site: Site) -> None:
    async with site.visitor("district", [ABC]) as visitor:
        page = visitor.page
        await visitor.open("/submit/typed")
        for field, number in (("population", "9000"), ("met", "8500"), ("not_met", "100")):
            await tab_to(page, f'[name="{field}.device.ALL"]', 200)
            await page.keyboard.press("Control+A")
            await page.keyboard.type(number)
        await page.keyboard.press("Enter")
        await page.wait_for_load_state()
        await tab_to(page, 'form[action^="/submit/"] button')
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/my/receipts/*")
        assert await page.locator("h1").inner_text() == "Receipt"
        assert visitor.complaints == []


async def test_the_office_edits_a_unit_cost_by_keyboard_alone(site: Site) -> None:
    async with site.visitor("technology_office") as visitor:
        page = visitor.page
        await visitor.open("/county/last-mile")
        await tab_to(page, '.unit-cost input[name="dollars"]')
        await page.keyboard.type("214.50")
        await page.keyboard.press("Tab")
        await page.keyboard.type("a quote of november")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**#unit-costs")
        assert await page.get_by_text("214.50").first.is_visible()
        assert visitor.complaints == []


async def test_a_key_is_made_by_keyboard_alone_and_its_secret_is_shown_once(site: Site) -> None:
    async with site.visitor("district", [LAUSD]) as visitor:
        page = visitor.page
        await visitor.open("/my/keys")
        await tab_to(page, "#label")
        await page.keyboard.type("a nightly export")
        await page.keyboard.press("Enter")
        await page.locator("#secret").wait_for()
        secret = await page.locator("#secret").inner_text()
        await visitor.is_sound()
        await visitor.open("/my/keys")
        assert secret not in await page.content()


class Exporter:
    """A program of a district that pushes again and again, with the key that it was given last."""

    def __init__(self, url: str, secret: str) -> None:
        self.secret, self.statuses = secret, list[int]()
        self._url, self._answered = url, asyncio.Event()

    async def run(self) -> None:
        """Push until cancelled."""
        async with httpx.AsyncClient(base_url=self._url, timeout=30) as client:
            while True:
                pushed = await client.post(
                    "/v1/submissions", json={"observations": [row(lea=LONG_BEACH)]}, headers=bearer(self.secret)
                )
                self.statuses.append(pushed.status_code)
                self._answered.set()

    async def pushes(self, more: int) -> None:
        """Wait until *more* pushes were answered."""
        until = len(self.statuses) + more
        while len(self.statuses) < until:
            self._answered.clear()
            await self._answered.wait()


async def test_an_administrator_replaces_a_key_while_its_program_pushes(site: Site) -> None:
    async with site.db.transaction(every_lea=True) as tx:
        wanted = KeyIn(scopes=["push"], leas=[LONG_BEACH], label="an export under load")
        old = (await issue_key(tx, wanted, created_by="a test", now=clock.now())).secret
    exporter = Exporter(site.url, old)
    async with site.visitor("admin") as visitor, asyncio.timeout(60):
        pushing = asyncio.create_task(exporter.run())
        await exporter.pushes(5)
        await visitor.open("/admin/keys")
        mine = visitor.page.locator("tr", has_text=old[-4:])
        await mine.get_by_role("button", name="Replace").click()
        await visitor.page.locator("#secret").wait_for()
        await exporter.pushes(5)
        exporter.secret = await visitor.page.locator("#secret").inner_text()
        await exporter.pushes(5)
        await visitor.page.locator("tr", has_text=old[-4:]).get_by_role("button", name="Revoke").click()
        await visitor.page.locator("tr", has_text=old[-4:]).get_by_text("revoked").wait_for()
        await exporter.pushes(5)
        pushing.cancel()
        assert set(exporter.statuses) == {200, 201}
        async with httpx.AsyncClient(base_url=site.url) as client:
            refused = await client.get("/v1/submissions", headers=bearer(old))
        assert refused.status_code == 401
        assert visitor.complaints == []
