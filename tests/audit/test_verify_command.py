"""``equityaccess audit verify``, as an operator types it."""

import argparse
import asyncio
import random
from collections.abc import Awaitable, Callable

import asyncpg
import pytest

from equityaccess.commands import audit
from equityaccess.database import Database
from tests.audit.conftest import SEALS
from tests.audit.tampering import a_text_is_edited
from tests.conftest import settings_for

Verify = Callable[..., Awaitable[tuple[int, str, str]]]


@pytest.fixture
def verify(empty_url: str, capsys: pytest.CaptureFixture[str]) -> Verify:
    """``await verify("--head", head)``: the exit code, what was printed, and what was complained of."""
    parser = argparse.ArgumentParser(prog="equityaccess")
    audit.add_parser(parser.add_subparsers())

    async def run(*words: str) -> tuple[int, str, str]:
        args = parser.parse_args(["audit", "verify", *words])
        code = await asyncio.to_thread(audit.run, args, settings_for(empty_url))
        return code, *capsys.readouterr()

    return run


async def test_a_sound_log_passes_and_its_head_does_too(verify: Verify, filled: Database) -> None:
    code, said, complaints = await verify()
    assert (code, complaints) == (0, "")
    first, last = said.splitlines()
    assert first == f"Nothing was changed in {3 * SEALS} entries under {SEALS} seals."
    assert (await verify("--head", last.removeprefix("Head: ")))[0] == 0


async def test_an_edited_entry_is_named_and_the_exit_code_says_so(
    verify: Verify, filled: Database, admin: asyncpg.Connection
) -> None:
    _, entry = await a_text_is_edited(admin, random.Random(3))
    code, said, complaints = await verify()
    assert code == 1
    assert f"entry {entry} " in complaints
    assert "FAULTS in" in said


async def test_a_head_that_the_chain_does_not_run_through_is_a_fault(verify: Verify, filled: Database) -> None:
    code, _, complaints = await verify("--head", f"{SEALS}:{'0' * 64}")
    assert code == 1
    assert complaints


@pytest.mark.parametrize("head", ["", "1", "1:abc", f"x:{'0' * 64}", f"1:{'0' * 64}\n"])
async def test_what_is_no_head_is_refused_before_anything_is_read(verify: Verify, head: str) -> None:
    with pytest.raises(SystemExit) as end:
        await verify("--head", head)
    assert end.value.code == 2
