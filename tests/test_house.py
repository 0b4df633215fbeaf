"""The documents say what is true: links lead somewhere, maps show what is there, locks lock what is asked for."""

import ast
import functools
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

from equityaccess import tables
from equityaccess.access import rules
from equityaccess.cli import parser
from equityaccess.settings import Settings

CHECKOUT = Path(__file__).parents[1]


@functools.cache
def files() -> list[Path]:
    """The files of the project: what Git has, or would have."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [Path(name) for name in listed.stdout.split("\0") if name and (CHECKOUT / name).is_file()]


def documents() -> list[Path]:
    """What people read: every Markdown file."""
    return [file for file in files() if file.suffix == ".md"]


def project() -> dict[str, Any]:
    """What pyproject.toml says."""
    return tomllib.loads(text_of("pyproject.toml"))


def text_of(file: Path | str) -> str:
    return (CHECKOUT / file).read_text(encoding="utf-8")


def anchors(document: str) -> set[str]:
    """The headings of *document* as a link names them."""
    headings = re.findall(r"^#+ (.+)$", document, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def broken_links(document: Path) -> list[str]:
    prose = re.sub(r"^```.*?^```", "", text_of(document), flags=re.MULTILINE | re.DOTALL)
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", prose):
        path, _, anchor = link.partition("#")
        target = (CHECKOUT / document).parent / path if path else CHECKOUT / document
        if "://" in link:
            continue
        if not target.exists() or (anchor and anchor not in anchors(target.read_text(encoding="utf-8"))):
            broken.append(link)
    return broken


def test_every_link_leads_somewhere() -> None:
    assert {document: broken for document in documents() if (broken := broken_links(document))} == {}


def test_the_map_in_the_readme_shows_what_is_there_and_every_slice() -> None:
    (drawn,) = re.findall(r"^```\n(src/equityaccess/ .+?)^```", text_of("README.md"), re.MULTILINE | re.DOTALL)
    branches = re.findall(r"^[├└]── (\S+)", drawn, re.MULTILINE)
    package = CHECKOUT / "src/equityaccess"
    assert [name for name in branches if not (package / name).exists()] == []
    assert [name for name in re.findall(r"^(\w+/)", drawn, re.MULTILINE) if not (CHECKOUT / name).is_dir()] == []
    slices = {f"{folder.name}/" for folder in package.iterdir() if (folder / "__init__.py").exists()}
    assert slices <= set(branches)


def test_the_commands_of_the_readme_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", text_of("Makefile"), re.MULTILINE))
    commands = set(parser()._subparsers._group_actions[0].choices)  # type: ignore[union-attr]
    for document in ("README.md", "CONTRIBUTING.md", "docs/running.md", "db/README.md"):
        code = "\n".join(re.findall(r"`+([^`]+)`", text_of(document)))
        assert set(re.findall(r"\bmake ([a-z-]+)", code)) <= targets
        assert set(re.findall(r"\bequityaccess (?:keys )?([a-z-]+)\b", code)) - {"create"} <= commands


def test_every_decision_is_numbered_listed_and_says_context_decision_and_consequences() -> None:
    index = text_of("docs/decisions/README.md")
    decisions = sorted(file for file in documents() if re.match(r"docs/decisions/\d{4}-", file.as_posix()))
    assert decisions
    assert [file.name[:4] for file in decisions] == [f"{n:04}" for n in range(1, len(decisions) + 1)]
    for file in decisions:
        decision = text_of(file)
        title = decision.splitlines()[0].removeprefix("# ")
        assert f"[{title}]({file.name})" in index
        assert re.findall(r"^## (.+)$", decision, re.MULTILINE) == ["Context", "Decision", "Consequences"]
        assert len(decision.splitlines()) <= 60, "one page"


def test_every_table_is_a_word_of_the_glossary() -> None:
    words = set(re.findall(r"`(\w+)`", text_of("docs/glossary.md"))) | set(
        re.findall(r"^\| \*\*(\w+)\*\*", text_of("docs/glossary.md"), re.MULTILINE)
    )
    assert sorted(set(tables.metadata.tables) - words) == []


def test_every_setting_is_explained_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `([A-Z_]+)` \| ([^|]*) \|", text_of("docs/running.md"), re.MULTILINE))
    defaults = {
        name.upper(): default
        for name, default in zip(Settings.__struct_fields__, Settings.__struct_defaults__, strict=True)
        if name != "demand_durability"  # never read from the environment
    }
    assert rows.keys() == defaults.keys()
    for name, default in defaults.items():
        if isinstance(default, bool):
            assert rows[name] == str(default).lower()
        elif isinstance(default, int | float):
            assert float(rows[name].replace(",", "")) == default, name
        elif default:
            assert rows[name].strip() == default


def test_the_locks_pin_every_dependency_within_its_bounds() -> None:
    runtime, groups = project()["project"]["dependencies"], project()["dependency-groups"]
    wanted = {
        "requirements.lock": runtime,
        "requirements-build.lock": groups["build"],
        "requirements-dev.lock": [
            *runtime,
            *groups["build"],
            *(one for one in groups["dev"] if isinstance(one, str)),
        ],
    }
    for lock, requirements in wanted.items():
        pinned = re.findall(r"^([a-z0-9-]+)==([^\s;]+)", text_of(lock), re.MULTILINE)
        for requirement in map(Requirement, requirements):
            versions = [version for name, version in pinned if name == requirement.name.lower().replace("_", "-")]
            assert versions, f"{requirement.name} is not in {lock}: run `make lock`"
            assert all(requirement.specifier.contains(version) for version in versions)


def test_no_file_names_a_package_registry_or_a_machine() -> None:
    forbidden = re.compile(
        r"(pypi|npmjs|registry|pythonhosted)\.(org|com|io)|--(extra-)?index-url|find-links|/root/|/home/\w",
        re.IGNORECASE,
    )
    found = {}
    for file in files():
        if file.suffix in {".png", ".ico", ".woff2"} or file.name == Path(__file__).name or "vendor" in file.parts:
            continue
        if hits := {match[0] for match in forbidden.finditer(text_of(file))}:
            found[file.as_posix()] = hits
    assert found == {}


def test_the_published_pattern_of_keys_is_that_of_the_code() -> None:
    (published,) = re.findall(r"^```regex\n(.+)\n```$", text_of("SECURITY.md"), re.MULTILINE)
    assert published == rules.SECRET_PATTERN


def at_import(tree: ast.Module) -> Iterator[ast.Call]:
    """The calls that are made when the module *tree* is imported, not when one of its functions is called."""
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            waiting += [*node.decorator_list, *node.args.defaults, *filter(None, node.args.kw_defaults)]
        elif not isinstance(node, ast.Lambda):
            if isinstance(node, ast.Call):
                yield node
            waiting += ast.iter_child_nodes(node)


def test_no_test_takes_the_day_of_its_import_for_today() -> None:
    """A run that passes midnight in Los Angeles must not fail; days well past may be counted at import."""
    today = re.compile(r"clock\.today\(.*\)|days_ago\((0|-\d+)\)")
    found = {
        f"{file}:{call.lineno}"
        for file in files()
        if file.parts[0] == "tests" and file.suffix == ".py"
        for call in at_import(ast.parse((CHECKOUT / file).read_text()))
        if today.fullmatch(ast.unparse(call))
    }
    assert found == set()
