"""``equityaccess migrate --login``: an ordinary account for the service, with any password."""

import secrets
from collections.abc import AsyncIterator

import asyncpg
import pytest

from equityaccess.cli import main
from equityaccess.migrate import allow_login

AWKWARD = 'it\'s $1 \\ "quoted"; DROP ROLE equityaccess_app; -- %s %%I'


@pytest.fixture
async def login(server: str, migrated: str) -> AsyncIterator[str]:
    """The name of a login that nobody else uses, gone at the end."""
    name = f"ea_login_{secrets.token_hex(4)}"
    yield name
    admin = await asyncpg.connect(server)
    await admin.execute(f"DROP ROLE IF EXISTS {name}")
    await admin.close()


async def stored_password(server: str, login: str) -> str:
    """What PostgreSQL keeps of the password: a salted hash."""
    admin = await asyncpg.connect(server)
    try:
        return str(await admin.fetchval("SELECT rolpassword FROM pg_authid WHERE rolname = $1", login))
    finally:
        await admin.close()


async def test_a_login_may_become_three_roles_and_nothing_else(server: str, migrated: str, login: str) -> None:
    await allow_login(server, login, AWKWARD)
    admin = await asyncpg.connect(server)
    try:
        may = await admin.fetch(
            "SELECT rolname FROM pg_roles WHERE pg_has_role($1, oid, 'MEMBER') AND rolname <> $1 ORDER BY 1", login
        )
        assert [row[0] for row in may] == ["equityaccess_aggregator", "equityaccess_app", "equityaccess_public"]
        is_ordinary = await admin.fetchval(
            "SELECT rolcanlogin AND NOT (rolsuper OR rolbypassrls OR rolcreatedb OR rolcreaterole OR rolinherit)"
            " FROM pg_roles WHERE rolname = $1",
            login,
        )
        assert is_ordinary
    finally:
        await admin.close()


async def test_a_login_that_is_there_gets_the_new_password_whatever_is_in_it(
    server: str, migrated: str, login: str
) -> None:
    await allow_login(server, login, "the first")
    first = await stored_password(server, login)
    await allow_login(server, login, AWKWARD)
    assert (await stored_password(server, login)).startswith("SCRAM-SHA-256$")
    assert await stored_password(server, login) != first


@pytest.mark.parametrize("name", ["Upper", "1st", "a-b", 'a" SUPERUSER --', "", "x" * 64, "trailing\n"])
async def test_what_is_no_plain_name_is_no_login(server: str, name: str) -> None:
    with pytest.raises(ValueError, match="is not a role name"):
        await allow_login(server, name, "secret")


def test_a_login_needs_the_file_with_its_password(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["migrate", "--login", "ea_lonely"]) == 2
    assert "--login and --password-file go together" in capsys.readouterr().err
