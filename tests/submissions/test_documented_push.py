"""What docs/pushing.md shows is taken as it stands."""

import re
from pathlib import Path

import pytest

from tests.submissions.pushing import ABC, KINDS, Sender


def document() -> str:
    return (Path(__file__).parents[2] / "docs" / "pushing.md").read_text()


@pytest.mark.parametrize("form", ["csv", "ndjson", "json"])
async def test_an_example_is_accepted_without_a_warning(form: str, sender: Sender) -> None:
    (example,) = re.findall(rf"^```{form}\n(.+?)^```", document(), re.MULTILINE | re.DOTALL)
    address = {} if form == "json" else {"lea": ABC, "as_of": "2026-10-30"}
    answer = await sender.body(example.encode(), KINDS[form], dry_run=True, **address)
    assert answer.status_code == 200, answer.text
    receipt = answer.json()
    assert (receipt["outcome"], receipt["counts"]["refused"], receipt["warnings"]) == ("dry_run", 0, [])
    assert receipt["counts"]["created"] == receipt["counts"]["received"] > 0


def test_every_code_in_the_table_is_one_that_the_rules_give() -> None:
    package = Path(__file__).parents[2] / "src" / "equityaccess" / "submissions"
    source = "".join(file.read_text() for file in package.glob("*.py"))
    rows = re.findall(r"^\| ((?:`[a-z-]+`(?:, )?)+) \|", document(), re.MULTILINE)
    codes = {code for row in rows for code in re.findall(r"`([a-z]+(?:-[a-z]+)+)`", row)}
    assert codes
    assert {code for code in codes if f'"{code}"' not in source} == set()
