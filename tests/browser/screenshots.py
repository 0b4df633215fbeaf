"""``python -m tests.browser.screenshots``: the pages as the demo shows them, into docs/screenshots."""

import asyncio
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from playwright.async_api import async_playwright

from tests.browser.conftest import FLAGS, chromium
from tests.trust.world import free_port

_INTO: Final = Path(__file__).parents[2] / "docs" / "screenshots"
_SIZE: Final = {"width": 1200, "height": 900}
# Each picture: who looks (a role as the demo names it, nobody without), where, and what is scrolled to.
_PICTURES: Final = {
    "public": (None, "/", None),
    "county": ("technology office", "/county", None),
    "last-mile": ("technology office", "/county/last-mile?indicator=home_internet&student_group=EL", None),
    "unit-costs": ("technology office", "/county/last-mile", "#unit-costs"),
    "passport": ("technology office", "/passport?indicator=home_internet&student_group=EL", None),
    "triage": ("BEST support", "/triage", None),
    "county-data": ("technology office", "/county/data", None),
    "doubts": ("technology office", "/county/data", "#silent"),
    "history": ("district", "/leas/19642120000000", "#history"),
    "typed": ("district", "/submit/typed", None),
    "my": ("district", "/my", None),
    "submit": ("district", "/submit", None),
    "contacts": ("district", "/my/contacts", None),
    "reference": ("administration", "/admin/reference", None),
}


async def take(said: str, port: int) -> None:
    """Sign in once a role, and take every picture."""
    links = dict(
        re.findall(r"^(district|technology office|BEST support|administration)\s+(http\S+)$", said, re.MULTILINE)
    )
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        pages = {}
        for role in (None, *links):
            context = await browser.new_context(base_url=f"http://127.0.0.1:{port}", viewport=_SIZE, locale="en-US")
            pages[role] = await context.new_page()
            if role:
                await pages[role].goto(links[role])
                await pages[role].locator("main button").click()
        for name, (role, path, to) in _PICTURES.items():
            page = pages[role]
            await page.goto(path)
            if to:
                await page.locator(to).scroll_into_view_if_needed()
            await page.wait_for_timeout(700)
            await page.screenshot(path=_INTO / f"{name}.png")
        await pages["BEST support"].goto("/waves")
        await pages["BEST support"].locator("#main-content table").last.locator("tbody a").first.click()
        await pages["BEST support"].screenshot(path=_INTO / "wave.png")
        await pages["BEST support"].goto("/triage")
        await pages["BEST support"].locator("tbody a").first.click()
        await pages["BEST support"].screenshot(path=_INTO / "triage-item.png")
        await browser.close()


def main() -> None:
    """Start the demo in a folder of its own, look at it, and stop it."""
    _INTO.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="ea-pictures-") as folder:
        port = free_port()
        command = [sys.executable, "-m", "equityaccess", "demo", "--port", str(port), "--data-dir", f"{folder}/demo"]
        demo = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            said = ""
            while "^C stops everything" not in said and demo.stdout is not None and (line := demo.stdout.readline()):
                said += line
            asyncio.run(take(said, port))
        finally:
            demo.send_signal(signal.SIGINT)
            demo.wait(60)


if __name__ == "__main__":
    main()
