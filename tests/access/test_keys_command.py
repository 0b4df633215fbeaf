"""``equityaccess keys``, as an operator types it."""

import argparse
import asyncio

import pytest

from equityaccess.access import rules
from equityaccess.commands import keys
from equityaccess.problems import Conflict, Invalid, NotFound
from tests.access.conftest import ABC, ACTON, Door
from tests.conftest import settings_for


@pytest.fixture
def command(empty_url: str, leas: dict[str, int], capsys: pytest.CaptureFixture[str]):
    parser = argparse.ArgumentParser(prog="equityaccess")
    keys.add_parser(parser.add_subparsers())

    async def run(line: str, *words: str) -> tuple[str, str]:
        args = parser.parse_args(["keys", *line.split(), *words])
        assert await asyncio.to_thread(keys.run, args, settings_for(empty_url)) == 0
        return capsys.readouterr()

    return run


async def test_create_prints_the_secret_alone_to_stdout_and_says_that_it_is_shown_once(command, door: Door) -> None:
    out, remarks = await command(
        f"create --lea {ACTON} --lea {ABC} --scope push --scope read --expires-in 7 --label", "Aeries export"
    )
    assert rules.well_formed(out.removesuffix("\n"))
    assert f"for ABC Unified ({ABC}), Acton-Agua Dulce Unified ({ACTON}): push, read, until" in remarks
    assert "shown this once" in remarks
    who = (await door.get("/v1/who", out.strip())).json()
    assert (who["label"], who["scopes"], len(who["lea_ids"])) == ("Aeries export", ["push", "read"], 2)


async def test_a_county_key_names_no_lea(command, door: Door) -> None:
    out, remarks = await command("create --scope county")
    assert "for every LEA: county" in remarks
    assert (await door.get("/v1/who", out.strip())).json()["lea_ids"] == []


async def test_list_shows_every_key_of_an_lea_but_no_secret(command) -> None:
    assert await command("list") == ("", "There are no keys yet.\n")
    secret = (await command(f"create --lea {ABC} --lea {ACTON} --scope push --label nightly")).out.strip()
    await command("create --scope county")
    everything = (await command("list")).out
    assert everything.splitlines()[0].split("  ")[0] == "KEY ID"
    assert [line.split()[2] for line in everything.splitlines()[1:]] == ["live", "live"]
    assert secret not in everything
    (only,) = (await command(f"list --lea {ACTON}")).out.splitlines()[1:]
    assert only.split()[1:4] == [secret[-4:], "live", "push"]
    assert only.endswith(f"never      {ABC} and 1 more  nightly")
    assert await command("list --lea 19647250000000") == ("", "This LEA has no keys.\n")


async def test_a_long_list_is_shown_whole(command, door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "_PAGE", 2)
    for _ in range(5):
        await door.key(scopes=["county"])
    assert len((await command("list")).out.splitlines()) == 1 + 5


async def test_revoke_takes_an_id_or_the_last_four_characters(command, door: Door) -> None:
    one, other = await door.key(ABC), await door.key(ACTON)
    who = (await door.get("/v1/who", other)).json()
    assert "is revoked" in (await command(f"revoke {one[-4:]}")).out
    assert "is revoked" in (await command(f"revoke {who['key_id']}")).out
    assert "was revoked at" in (await command(f"revoke {who['key_id']}")).out
    assert [(await door.get("/v1/who", secret)).status_code for secret in (one, other)] == [401, 401]


async def test_revoke_does_not_guess(command, door: Door, owner) -> None:
    with pytest.raises(NotFound, match="no key 'zzzz'"):
        await command("revoke zzzz")
    with pytest.raises(NotFound, match="no key '00000000-"):
        await command("revoke 00000000-0000-0000-0000-000000000000")
    secrets = [await door.key(ABC), await door.key(ACTON)]
    await owner.execute("UPDATE api_key SET last_four = 'same'")
    with pytest.raises(Conflict, match="2 keys end in 'same'"):
        await command("revoke same")
    assert [(await door.get("/v1/who", secret)).status_code for secret in secrets] == [200, 200]


async def test_an_unknown_lea_is_refused_with_the_nearest_names(command) -> None:
    with pytest.raises(Invalid) as refused:
        await command("create --scope push --lea", "ABC Unifid")
    assert refused.value.errors[0].suggestion == f"Near it: {ABC} (ABC Unified)."


def test_an_unknown_scope_is_refused_by_the_command_line(command, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        asyncio.run(command("create --scope everything"))
    assert left.value.code == 2
    assert "push" in capsys.readouterr().err
