"""Every page, in a real browser: it is whole, asks no other host, passes axe, reflows, and reads without JavaScript."""

from pathlib import Path

import pytest
from playwright.async_api import Error

from equityaccess import clock
from equityaccess.signin.structs import Role
from tests.browser.conftest import ABC, Site
from tests.browsers import link

# Each page with a role that it is for and its heading; a new page adds its line here.
PAGES: list[tuple[str, Role | None, str]] = [
    ("/", None, "Toward everyone connected"),
    ("/?indicator=device&q=unified&order=confirmed&direction=down", "technology_office", "Toward everyone connected"),
    ("/sign-in", None, "Sign in"),
    ("/sign-in?link=aaaa", None, "Sign in"),
    ("/problems", None, "Refusals"),
    ("/problems/not-found", None, "There is no such thing here"),
    ("/county", "technology_office", "How far is the county?"),
    ("/county", "best_support", "How far is the county?"),
    ("/county", "admin", "How far is the county?"),
    ("/my", "district", "What you sent, and what is still expected"),
    ("/submit", "district", "Send counts"),
    ("/submit/typed", "district", "Type counts"),
    ("/submit/typed?groups=every", "district", "Type counts"),
    (f"/leas/{ABC}", "district", "ABC Unified"),
    (f"/leas/{ABC}/record", "district", "ABC Unified: what came and what is expected"),
    (f"/leas/{ABC}/contacts", "best_support", "ABC Unified: whom the county writes to"),
    ("/county/last-mile", "technology_office", "Who is left to reach?"),
    ("/county/data", "technology_office", "How good is the data?"),
    ("/county/data?indicator=device&since=2026-09-01", "technology_office", "How good is the data?"),
    ("/triage", "best_support", "Who needs a person next?"),
    ("/waves", "best_support", "Who is on BEST?"),
    ("/waves/soon", "best_support", "A wave"),
    ("/my/keys", "district", "Keys"),
    ("/my/contacts", "district", "Whom the county writes to"),
    ("/admin", "admin", "Administration"),
    ("/admin/keys", "admin", "Keys"),
    ("/admin/reference", "admin", "Reference rows"),
    ("/admin/audit", "admin", "Who did what"),
    ("/passport?indicator=home_internet", "technology_office", "High-speed internet at home: All students"),
    (f"/passport?indicator=home_internet&scope={ABC}", "district", "High-speed internet at home: All students"),
]
LEAS: dict[Role | None, list[str]] = {"district": [ABC]}
SPANISH: list[tuple[str, Role | None, int, str]] = [
    ("/", None, 200, "Hacia la conexión de todos"),
    ("/sign-in", None, 200, "Iniciar sesión"),
    ("/county", None, 401, "Inicie sesión"),
    ("/nowhere", None, 404, "No hay nada en esta dirección"),
]


@pytest.mark.parametrize(("path", "role", "heading"), PAGES, ids=lambda it: str(it))
async def test_a_page_is_whole(site: Site, path: str, role: Role | None, heading: str) -> None:
    async with site.visitor(role, LEAS.get(role, ())) as visitor:
        await visitor.open(path)
        assert await visitor.page.locator("h1").inner_text() == heading
        await visitor.is_sound()


@pytest.mark.parametrize(("path", "role", "heading"), PAGES, ids=lambda it: str(it))
async def test_a_page_reads_without_javascript(site: Site, path: str, role: Role | None, heading: str) -> None:
    async with site.visitor(role, LEAS.get(role, ()), java_script_enabled=False) as visitor:
        await visitor.open(path)
        assert await visitor.page.locator("h1").inner_text() == heading
        assert visitor.complaints == []


@pytest.mark.parametrize(("path", "role", "status", "heading"), SPANISH, ids=lambda it: str(it))
async def test_a_page_speaks_spanish(site: Site, path: str, role: Role | None, status: int, heading: str) -> None:
    async with site.visitor(role, language="es") as visitor:
        await visitor.open(path, status=status)
        assert await visitor.page.locator("h1").inner_text() == heading
        await visitor.is_sound()


async def test_the_language_switch_keeps_the_page_and_is_remembered(site: Site) -> None:
    async with site.visitor() as visitor:
        await visitor.open("/sign-in?link=aaaa")
        await visitor.page.get_by_role("link", name="Español").click()
        assert await visitor.page.locator("h1").inner_text() == "Iniciar sesión"
        assert "link=aaaa" in visitor.page.url
        await visitor.open("/sign-in")
        assert await visitor.page.locator("html").get_attribute("lang") == "es"


@pytest.mark.parametrize(
    ("path", "kind"), [("/county", "bar"), (f"/leas/{ABC}", "line"), ("/?indicator=home_internet", "line")]
)
async def test_a_chart_is_drawn_beside_its_table(site: Site, path: str, kind: str) -> None:
    async with site.visitor("technology_office") as visitor:
        await visitor.open(path)
        figure = visitor.page.locator(f"figure[data-chart={kind}]")
        await figure.locator("svg").wait_for()
        assert await figure.locator("table tbody tr").count() >= 2
        assert visitor.complaints == []


async def test_with_the_network_cut_type_icons_charts_map_and_documentation_are_there(site: Site) -> None:
    async with site.visitor() as visitor:
        for elsewhere in ("http://example.org/", "http://192.0.2.1/"):
            with pytest.raises(Error, match="ERR_NAME_NOT_RESOLVED"):
                await (await visitor.page.context.new_page()).goto(elsewhere)
        await visitor.open("/")
        faces = await visitor.page.evaluate("document.fonts.ready.then(faces => [...faces].map(face => face.status))")
        assert "loaded" in faces
        assert "error" not in faces
        icons = await visitor.page.evaluate(
            "[...document.querySelectorAll('svg use')].map(use => use.getBBox().width * use.getBBox().height)"
        )
        assert icons
        assert all(icons), "each is drawn"
        await visitor.page.locator("figure[data-chart=map] svg path").first.wait_for()
        await visitor.open("/docs")
        await visitor.page.locator(".opblock-summary").first.click()
        await visitor.page.locator(".opblock-body .responses-table").first.wait_for()
        assert visitor.complaints == []


async def test_every_page_says_that_its_figures_are_samples(site: Site) -> None:
    async with site.visitor() as visitor:
        await visitor.open("/sign-in")
        assert await visitor.page.get_by_role("region", name="Sample data").is_visible()


async def test_who_signs_in_by_keyboard_alone_comes_to_the_front_door(site: Site) -> None:
    async with site.visitor() as visitor:
        await visitor.open(f"/sign-in?link={await link(site.db, 'technology_office')}")
        await visitor.page.keyboard.press("Tab")
        assert await visitor.page.evaluate("document.activeElement.className") == "usa-skipnav"
        await visitor.page.keyboard.press("Enter")
        await visitor.page.keyboard.press("Tab")
        await visitor.page.keyboard.press("Enter")
        await visitor.page.wait_for_url("**/county")
        await visitor.page.get_by_role("button", name="Sign out").press("Enter")
        await visitor.page.wait_for_url("**/sign-in")
        assert visitor.complaints == []


async def test_a_district_is_refused_the_countys_board_in_words(site: Site) -> None:
    async with site.visitor("district", [ABC]) as visitor:
        await visitor.open("/county", status=403)
        assert await visitor.page.locator("h1").inner_text() == "This is not for you"
        await visitor.is_sound()


async def test_a_push_shows_on_an_open_board_without_a_reload(site: Site) -> None:
    async with site.visitor("technology_office") as visitor:
        await visitor.open("/county")
        rate = visitor.page.locator('#board-now a[href*="indicator=parent_workshop&student_group=ALL"] .rate')
        before = await rate.inner_text() if await rate.count() else ""
        await visitor.page.evaluate("window.isTheSamePage = true")
        await site.push(indicator="parent_workshop", population=18_000, met=17_000, not_met=100)
        await visitor.page.wait_for_function(
            """(before) => {
              const now = document.querySelector('#board-now a[href*="indicator=parent_workshop"] .rate');
              return now && now.innerText !== before;
            }""",
            arg=before,
        )
        assert await visitor.page.evaluate("window.isTheSamePage")
        assert visitor.complaints == []


async def test_a_district_mends_a_file_sends_it_and_the_county_moves_on_another_screen(
    site: Site, tmp_path: Path
) -> None:
    """From a faulty file to the open board of the county, by hand."""
    columns = "lea,as_of,indicator,student_group,population,met,not_met,evidence"
    day = clock.today()
    (tmp_path / "bad.csv").write_text(f"{columns}\n{ABC},{day},parent_portal,ALL,<11,5,5,C\n")
    (tmp_path / "good.csv").write_text(f"{columns}\n{ABC},{day},parent_portal,ALL,9000,8000,500,C\n")
    async with site.visitor("technology_office") as office, site.visitor("district", [ABC]) as district:
        await office.open("/county")
        await district.open("/submit")
        page = district.page
        await page.set_input_files("#file", tmp_path / "bad.csv")
        await page.get_by_role("button", name="Show what it would do").click()
        assert await page.get_by_text("suppressed-input").is_visible()
        await district.is_sound()
        await page.set_input_files("#file", tmp_path / "good.csv")
        await page.get_by_role("button", name="Show what it would do").click()
        await district.is_sound()
        await page.get_by_role("button", name="Send it").click()
        assert await page.locator("h1").inner_text() == "Receipt"
        await district.is_sound()
        await site.aggregate()
        cell = office.page.locator('#board-now a[href*="indicator=parent_portal&student_group=ALL"]')
        await cell.wait_for()
        assert office.complaints == []
