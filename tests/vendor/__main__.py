"""``make vendor``: brings what the pages take from npm packages, in the versions below, and writes down what came.

Needs npm, which brings sass and esbuild for the length of the run. Nothing of it is needed to build, test or run
equityaccess: what it makes is committed, and a test compares the sums.
"""

import hashlib
import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final

CHECKOUT: Final = Path(__file__).parents[2]
VENDOR: Final = CHECKOUT / "src" / "equityaccess" / "static" / "vendor"
BROWSER: Final = CHECKOUT / "tests" / "browser"
SOURCES: Final = Path(__file__).parent
PACKAGES: Final = {
    "@uswds/uswds": "3.14.0",
    "axe-core": "4.14.1",
    "echarts": "5.6.0",
    "htmx.org": "2.0.11",
    "swagger-ui-dist": "5.35.0",
}
_TOOLS: Final = {"esbuild": "0.28.2", "sass": "1.108.2"}
LICENCES: Final = {
    "@uswds/uswds": "CC0-1.0; Public Sans: OFL-1.1, icons: Apache-2.0",
    "axe-core": "MPL-2.0",
    "echarts": "Apache-2.0",
    "htmx.org": "0BSD",
    "swagger-ui-dist": "Apache-2.0; `swagger-ui-bundle.js.LICENSE.txt` lists what the bundle contains",
}
_WEIGHTS: Final = ("Regular", "Bold")
ICONS: Final = (
    *(
        "arrow_downward",
        "arrow_forward",
        "arrow_upward",
        "check_circle",
        "close",
        "error",
        "expand_less",
        "expand_more",
    ),
    *("file_download", "help", "history", "info", "language", "logout", "map", "menu", "person", "print", "remove"),
    *("schedule", "search", "trending_down", "trending_up", "visibility_off", "warning"),
)
_SYMBOL: Final = re.compile(r'<symbol id="(\w+)".*?</symbol>', re.DOTALL)
_FONT_FACE: Final = re.compile(r"@font-face\s*\{[^}]*\}")
_PICTURE: Final = re.compile(r'url\("?\./([\w/.-]+?)"?\)')


def _install(place: Path) -> Path:
    (place / "package.json").write_text(json.dumps({"private": True, "dependencies": PACKAGES | _TOOLS}))
    npm = ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts", "--silent"]
    subprocess.run(npm, cwd=place, check=True)
    return place / "node_modules"


def _bring_uswds(modules: Path) -> None:
    """Its style sheet without fonts, which ours names; the pictures that it names; its script; our sprite."""
    dist, into = modules / "@uswds" / "uswds" / "dist", VENDOR / "uswds"
    into.mkdir(parents=True)
    sass = [modules / ".bin" / "sass", "--style=compressed", "--no-source-map", "--quiet"]
    loaded = modules / "@uswds" / "uswds" / "packages"
    css = subprocess.run(
        [*sass, f"--load-path={loaded}", SOURCES / "uswds.scss"], check=True, capture_output=True, text=True
    ).stdout
    css = _FONT_FACE.sub("", css)
    for picture in sorted(set(_PICTURE.findall(css))):
        shutil.copy(dist / "img" / picture, into / Path(picture).name)
    css = _PICTURE.sub(lambda found: f'url("{Path(found[1]).name}")', css)
    (into / "uswds.css").write_text(css)
    shutil.copy(dist / "js" / "uswds.min.js", into / "uswds.js")
    for weight in _WEIGHTS:
        name = f"PublicSans-{weight}.woff2"
        shutil.copy(dist / "fonts" / "public-sans" / name, into / name)
    symbols = {found[1]: found[0] for found in _SYMBOL.finditer((dist / "img" / "sprite.svg").read_text())}
    drawn = "\n".join(symbols[icon] for icon in ICONS)
    (into / "icons.svg").write_text(f'<svg xmlns="http://www.w3.org/2000/svg">\n{drawn}\n</svg>\n')
    shutil.copy(modules / "@uswds" / "uswds" / "LICENSE.md", into / "LICENSE")


def _bring_echarts(modules: Path) -> None:
    into = VENDOR / "echarts"
    into.mkdir(parents=True)
    entry = modules.parent / "echarts.mjs"  # beside node_modules, where its imports are found
    shutil.copy(SOURCES / "echarts.mjs", entry)
    esbuild = [modules / ".bin" / "esbuild", entry, "--bundle", "--minify", "--format=iife", "--global-name=echarts"]
    subprocess.run(
        [*esbuild, "--legal-comments=none", "--log-level=error", f"--outfile={into / 'echarts.js'}"], check=True
    )
    for name in ("LICENSE", "NOTICE"):
        shutil.copy(modules / "echarts" / name, into / name)


def _bring_files(modules: Path) -> None:
    """Files that are taken as they are."""
    wanted = {
        VENDOR / "htmx": [("htmx.org/dist/htmx.min.js", "htmx.js"), ("htmx.org/LICENSE", "LICENSE")],
        VENDOR / "swagger-ui": [
            (f"swagger-ui-dist/{name}", name)
            for name in (
                "swagger-ui-bundle.js",
                "swagger-ui-bundle.js.LICENSE.txt",
                "swagger-ui.css",
                "LICENSE",
                "NOTICE",
            )
        ],
        BROWSER / "axe": [("axe-core/axe.min.js", "axe.js"), ("axe-core/LICENSE", "LICENSE")],
    }
    for into, files in wanted.items():
        into.mkdir(parents=True)
        for source, name in files:
            shutil.copy(modules / source, into / name)


def _page(parts: Iterable[tuple[str, Path]]) -> str:
    """What came, as VENDOR.md says it."""
    text = "# What comes from elsewhere\n\nWritten by `make vendor`. A test compares the sums.\n"
    for package, folder in parts:
        text += f"\n## {folder.name}\n\nFrom the npm package `{package}` {PACKAGES[package]} ({LICENCES[package]}).\n\n"
        text += "| file | sha256 |\n|---|---|\n"
        for file in sorted(folder.iterdir()):
            text += f"| {folder.name}/{file.name} | {hashlib.sha256(file.read_bytes()).hexdigest()} |\n"
    return text


def main() -> None:
    """Bring everything anew."""
    shutil.rmtree(VENDOR, ignore_errors=True)
    shutil.rmtree(BROWSER / "axe", ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="ea-vendor-") as folder:
        modules = _install(Path(folder))
        _bring_uswds(modules)
        _bring_echarts(modules)
        _bring_files(modules)
    parts = {"@uswds/uswds": "uswds", "echarts": "echarts", "htmx.org": "htmx", "swagger-ui-dist": "swagger-ui"}
    (VENDOR / "VENDOR.md").write_text(_page((package, VENDOR / name) for package, name in parts.items()))
    (BROWSER / "VENDOR.md").write_text(_page([("axe-core", BROWSER / "axe")]))


if __name__ == "__main__":
    main()
