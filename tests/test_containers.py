"""Dockerfile and docker-compose.yml, as far as they can be tested without a container engine.

Both are linted; and the commands of the compose file are run, in its order and with its variables, as plain processes
against a PostgreSQL that asks the service's login for its password.
"""

import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import yaml

from equityaccess import embedded
from tests.trust.world import free_port

CHECKOUT = Path(__file__).parents[1]
COMPOSE = CHECKOUT / "docker-compose.yml"
BIN = Path(sys.executable).parent


def dockerfile() -> str:
    return (CHECKOUT / "Dockerfile").read_text()


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    return yaml.safe_load(COMPOSE.read_text())["services"]


def test_the_dockerfile_is_clean() -> None:
    done = subprocess.run([BIN / "hadolint", "Dockerfile"], cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_compose_file_fits_the_schema_of_the_compose_specification() -> None:
    check = [BIN / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", COMPOSE]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_what_the_dockerfile_copies_is_let_into_the_build() -> None:
    lines = re.findall(r"^COPY (?!--from)(.+)$", dockerfile(), re.MULTILINE)
    copied = {source for line in lines for source in line.split()[:-1]}
    let_in = {line[1:] for line in (CHECKOUT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert copied == let_in
    assert all((CHECKOUT / source).exists() for source in copied)


def test_the_image_ends_as_a_user_who_is_not_root_and_checks_itself() -> None:
    last = dockerfile().rpartition("\nFROM ")[2]
    assert re.search(r"^USER [1-9]\d*$", last, re.MULTILINE)
    assert "HEALTHCHECK" in last
    assert dockerfile().count("--require-hashes") == 2


def test_all_commands_are_of_one_image_that_has_no_rights_to_lose(services: dict[str, Any]) -> None:
    ours = {name: service for name, service in services.items() if name != "postgres"}
    assert ours.keys() == {"migrate", "seed", "api", "scheduler"}
    assert {service["image"] for service in ours.values()} == {"equityaccess"}
    assert all(service["cap_drop"] == ["ALL"] and service["read_only"] for service in ours.values())


def test_secrets_are_files_and_the_service_is_not_given_the_administrators(services: dict[str, Any]) -> None:
    for service in services.values():
        named = set(service.get("environment", {}))
        assert {name for name in named if not name.endswith("_FILE")} <= {"POSTGRES_DB"}
    for name in ("api", "scheduler"):
        assert services[name]["secrets"] == ["api_url"]


def test_the_database_outlives_its_container(services: dict[str, Any]) -> None:
    assert services["postgres"]["image"] == "postgres:18"
    assert services["postgres"]["volumes"] == ["postgres:/var/lib/postgresql"]  # since 18 no longer .../data


# The rehearsal


class Rehearsal:
    """The services of the compose file as processes; each path and port stands for the one in its container."""

    def __init__(self, services: dict[str, Any], folder: Path, database_url: str) -> None:
        self.services = services
        self.api_url = database_url.replace("equityaccess@", "equityaccess_api:open-sesame@", 1)
        secrets = {"administrator_url": database_url, "api_url": self.api_url, "api_password": "open-sesame"}
        for name, secret in secrets.items():
            (folder / name).write_text(secret)
        self._places = {
            "/run/secrets": str(folder),
            "0.0.0.0": "127.0.0.1",
            "8000": str(free_port()),
            "8001": str(free_port()),
        }

    def here(self, text: str) -> str:
        for there, here in self._places.items():
            text = text.replace(there, here)
        return text

    def start(self, name: str) -> subprocess.Popen[str]:
        service = self.services[name]
        kept = {key: value for key, value in os.environ.items() if not key.startswith("EQUITYACCESS_")}
        environment = {key: self.here(value) for key, value in service["environment"].items()}
        command = [sys.executable, "-m", "equityaccess", *map(self.here, service["command"])]
        return subprocess.Popen(command, env=kept | environment, stderr=subprocess.PIPE, text=True)

    def run(self, name: str) -> None:
        process = self.start(name)
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors

    @contextlib.contextmanager
    def running(self, name: str, check: list[str]) -> Iterator[None]:
        process = self.start(name)
        try:
            deadline = time.monotonic() + 60
            while subprocess.run(check, capture_output=True, check=False).returncode != 0:
                assert process.poll() is None, process.communicate()[1]
                assert time.monotonic() < deadline, f"{name} did not become healthy"
                time.sleep(0.2)
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=60)
        assert process.returncode == 0, f"{name} did not stop in order"

    def check(self, name: str) -> list[str]:
        """The health check of a service: its own, else the image's."""
        own = self.services[name].get("healthcheck", {}).get("test")
        test = own[1:] if own else json.loads(re.findall(r"^  CMD (\[.+\])$", dockerfile(), re.MULTILINE)[0])
        return [sys.executable if word == "python" else self.here(word) for word in test]


@pytest.fixture(scope="module")
def rehearsal(services: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    folder = tmp_path_factory.mktemp("run-secrets")
    place = tmp_path_factory.mktemp("pg") / "pg"
    with embedded.postgres(place) as url:
        (place / "pg_hba.conf").write_text("local all equityaccess trust\nlocal all all scram-sha-256\n")
        asyncio.run(reload_configuration(url))
        yield Rehearsal(services, folder, url)


async def reload_configuration(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute("SELECT pg_reload_conf()")
    await connection.close()


def test_the_services_start_in_their_order_and_become_healthy(rehearsal: Rehearsal) -> None:
    needs = {name: list(service.get("depends_on", ())) for name, service in rehearsal.services.items()}
    assert needs == {
        "postgres": [],
        "migrate": ["postgres"],
        "seed": ["migrate"],
        "api": ["seed"],
        "scheduler": ["seed"],
    }
    rehearsal.run("migrate")
    rehearsal.run("seed")
    with (
        rehearsal.running("api", rehearsal.check("api")),
        rehearsal.running("scheduler", rehearsal.check("scheduler")),
    ):
        pass
    rehearsal.run("migrate")  # a container that is started again finds nothing to do
    rehearsal.run("seed")
    asyncio.run(demand_modesty(rehearsal.api_url))


async def demand_modesty(url: str) -> None:
    """The login of the service may become the app, and nobody above it; a wrong password is no way in."""
    connection = await asyncpg.connect(url)
    await connection.execute("SET ROLE equityaccess_app")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute("SET ROLE equityaccess_owner")
    await connection.close()
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(url.replace("open-sesame", "wrong"))
