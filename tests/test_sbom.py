"""The bill of materials is the lock, in a form that tools read."""

import json
from pathlib import Path

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from tests import advisories
from tests.sbom import RUNTIME_LOCK, locked, sbom, written


def test_the_bill_of_materials_is_cyclonedx() -> None:
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(written().decode()) is None


def test_the_bill_of_materials_is_the_lock_and_what_is_vendored() -> None:
    components = json.loads(written())["components"]
    told = [one for one in components if one["purl"].startswith("pkg:pypi/")]
    held = [(one.name, one.version, one.sha256) for one in locked(RUNTIME_LOCK)]
    assert [(one["name"], one["version"], tuple(digest["content"] for digest in one["hashes"])) for one in told] == held
    brought = {one["name"]: len(one["components"]) for one in components if one["purl"].startswith("pkg:npm/")}
    assert brought.keys() == {"@uswds/uswds", "echarts", "htmx.org", "swagger-ui-dist"}
    assert brought["swagger-ui-dist"] == 5


def test_it_says_nothing_of_when_or_where_it_was_written() -> None:
    assert written() == written()
    assert "serialNumber" not in sbom()


def test_a_requirement_without_a_version_or_a_hash_is_not_locked(tmp_path: Path) -> None:
    lock = tmp_path / "some.lock"
    lock.write_text(
        "one==1.0 ; sys_platform == 'linux' \\\n    --hash=sha256:" + "a" * 64 + "\ntwo==2\nthree>=3\n# four\n"
    )
    assert [(one.name, one.version, len(one.sha256)) for one in locked(lock)] == [
        ("one", "1.0", 1),
        ("two", "2", 0),
        ("three>=3", None, 0),
    ]


def test_a_package_that_the_advisories_do_not_know_was_not_asked_about() -> None:
    report = {
        "dependencies": [
            {"name": "one", "version": "1", "vulns": []},
            {"name": "two", "skip_reason": "not found"},
            {"name": "three", "version": "3", "vulns": [{"id": "PYSEC-1"}, {"id": "PYSEC-1"}]},
        ]
    }
    seen = advisories._counted(3, json.dumps(report).encode())
    assert (seen.asked, seen.vulnerable, seen.is_clean) == (2, ["three 3: PYSEC-1"], False)
    assert not advisories._counted(3, b"").is_clean
    assert advisories.Audit(packages=2, asked=2, vulnerable=[]).is_clean
