"""Promise 16: every bad input gets the answer that it should, a problem document, and nothing that the contract hides.

Method: a table of bad requests (`bad_input_table.py`, and the bodies, files and rows beside the tests of the push) is
asked of a running service, each with the status and the code that it must get; then schemathesis makes up requests from
the contract, good ones and bad ones, and holds every answer to it.
Figure: inputs answered as listed; cases of schemathesis; ``5xx`` and undeclared answers among all of them.
Mutant: JSON is read as leniently as a library reads it: a name may stand twice, and nesting has no end.
"""

import asyncio
import contextlib
import http.client
import io
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec

from equityaccess import clock, database, jsonbody
from equityaccess.access import store
from equityaccess.access.issue import issue_key
from equityaccess.access.structs import KeyIn, Scope
from tests.conftest import bearer
from tests.held import held_to_the_contract
from tests.submissions.pushing import ABC, FORMS, KINDS, by_row, written
from tests.submissions.test_bad_rows import ANTELOPE, CLOSED, LOCAL, LOWELL_AFTER, bad_rows
from tests.trust import world
from tests.trust.bad_input_table import ASKS, Ask
from tests.trust.harness import Figure, Harness, Run

_CASES = re.compile(r"(\d+) generated")
_FAILURES = re.compile(r"(ST\d+) .*: (\d+)$", re.MULTILINE)
_LEAKS = ("Traceback", "asyncpg", "SELECT ", "msgspec", "litestar", "/site-packages/")


def lenient_json() -> None:
    """The seeded defect."""

    def decode(raw: bytes, *, max_depth: int = 0) -> object:
        return msgspec.json.decode(raw)

    jsonbody.decode = decode


async def _keys(url: str) -> dict[str, str]:
    """Keys by name: for the LEAs of the tables, for reading only, too old, revoked, an administrator's."""
    db = await database.connect(world.settings_for(url))
    made: dict[str, str] = {}

    async def issue(name: str, *leas: str, scopes: list[Scope], ago: timedelta = timedelta(0)) -> None:
        wanted = KeyIn(scopes=scopes, leas=list(leas), label="a harness", expires_in_days=1)
        async with db.transaction(every_lea=True) as tx:
            issued = await issue_key(tx, wanted, created_by="a harness", now=clock.now() - ago)
            made[name] = issued.secret
            if name == "revoked":
                await store.revoke_key(tx, issued.key.key_id, clock.now())

    await issue("own", ABC, ANTELOPE, LOCAL, CLOSED, LOWELL_AFTER, scopes=["push", "read"])
    await issue("reader", "19642460000000", scopes=["read"])
    await issue("expired", "19647250000000", scopes=["read"], ago=timedelta(days=2))
    await issue("revoked", "19647250000000", scopes=["read"])
    await issue("admin", scopes=["admin"])
    await db.close()
    return made


class _Tally:
    """What was asked, and what was wrong with the answers."""

    def __init__(self) -> None:
        self.asked = 0
        self.failures = 0
        self.wrong: list[str] = []

    def __call__(self, what: str, status: int, code: str, wanted: tuple[int, str | None], text: str) -> None:
        self.asked += 1
        self.failures += status >= 500
        leaks = [leak for leak in _LEAKS if leak in text]
        if status != wanted[0] or (wanted[1] is not None and code != wanted[1]) or leaks:
            self.wrong.append(f"{what}: {status} {code}, not {wanted[0]} {wanted[1]} {leaks}: {text[:200]}")


def _code(body: dict[str, Any]) -> str:
    """The code of the first fault that an answer lists, else of its kind."""
    faults = body.get("errors") or [{"code": str(body.get("type", "")).removeprefix("/problems/")}]
    return str(faults[0]["code"])


class _Heard(msgspec.Struct):
    """Bytes that came, as the library of HTTP wants to read them."""

    heard: bytes

    def makefile(self, _mode: str) -> io.BytesIO:
        return io.BytesIO(self.heard)


def _request(ask: Ask, secret: str) -> bytes:
    """The bytes of a request: no client would send some of these."""
    if ask.raw:
        return ask.raw
    fields = {"Host": "a", "Connection": "close"} | ({"Authorization": f"Bearer {secret}"} if ask.who else {})
    if ask.body is not None:
        fields["Content-Length"] = str(len(ask.body))
    head = [
        f"{ask.method} {ask.path} HTTP/1.1",
        *(f"{name}: {value}" for name, value in (fields | ask.headers).items()),
    ]
    return "\r\n".join([*head, "", ""]).encode() + (ask.body or b"")


async def _sent(port: int, request: bytes, method: str) -> tuple[int, str, str]:
    """Status, media type and text of the answer to these bytes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(30):
            with contextlib.suppress(ConnectionError):
                writer.write(request)
                await writer.drain()
            heard = await reader.read(-1)
    finally:
        writer.close()
    answer = http.client.HTTPResponse(_Heard(heard), method=method)  # type: ignore[arg-type]
    answer.begin()
    return answer.status, answer.headers.get("Content-Type", ""), answer.read().decode()


async def _ask(port: int, ask: Ask, keys: dict[str, str], tally: _Tally) -> None:
    secret = keys[ask.who] if ask.who else ""
    what = f"{ask.number} {ask.what}"
    try:
        request = _request(ask, secret).replace(b"SECRET", keys["own"].encode())
        status, kind, text = await _sent(port, request, ask.method)
    except (OSError, http.client.HTTPException) as error:
        tally(what, 0, type(error).__name__, (ask.status, ask.code), str(error))
        return
    is_problem = kind == "application/problem+json"
    code = (
        _code(msgspec.json.decode(text or "{}"))
        if is_problem
        else f"no problem document but {kind!r}" * (status >= 400)
    )
    tally(what, status, code, (ask.status, ask.code), text)
    if any(key in text for key in keys.values()):
        tally.wrong.append(f"{what}: a key stands in the answer")
    if not ask.raw:
        asked = httpx.Request(ask.method, f"http://a{ask.path}")
        try:
            headers = {"Content-Type": kind, "X-Request-Id": "x"}
            await held_to_the_contract(httpx.Response(status, headers=headers, text=text, request=asked))
        except AssertionError as fault:
            tally.wrong.append(f"{what}: {fault}")


async def _rows(client: httpx.AsyncClient, secret: str, tally: _Tally) -> None:
    """The bad rows, all of a format in one push: each has its fault."""
    for form in FORMS:
        cases = [bad for bad in bad_rows() if bad.code_in(form)]
        rows = [{name: value for name, value in bad.fields().items() if value is not ...} for bad in cases]
        headers = bearer(secret) | {"Content-Type": KINDS[form]}
        answer = await client.post("/v1/submissions", content=written(form, rows), headers=headers)
        found = by_row(answer) if answer.status_code == 422 else {}
        for number, bad in enumerate(cases, 1):
            codes = [fault["code"] for fault in found.get(number, [])]
            code = codes[0] if codes else "nothing"
            tally(f"{form} {bad.field}={bad.value!r}", answer.status_code, code, (422, bad.code_in(form)), "")


async def _schemathesis(at: Path, url: str, secret: str, examples: int, limit_s: float) -> tuple[int, int, str]:
    """How many cases schemathesis made up, how many kinds of failures it saw, and what it said."""
    said = at / "schemathesis.txt"
    command = [
        str(Path(sys.executable).with_name("schemathesis")),
        "--config-file", str(Path(__file__).with_name("schemathesis.toml")), "run", f"{url}/openapi.json",
        "--checks", "all",
        "--exclude-checks", "positive_data_acceptance",  # what a schema cannot say is refused too: a CDS code of nobody
        "--phases", "fuzzing" if examples < 10 else "examples,coverage,fuzzing",
        "--max-examples", str(examples), "--seed", "16", "--workers", "2",
        "--header", f"Authorization: Bearer {secret}", "--continue-on-failure", "--no-shrink", "--no-color",
        "--suppress-health-check", "all", "--request-timeout", "30", "--generation-database", "none",
    ]  # fmt: skip
    environment = os.environ | {"SCHEMATHESIS_HOOKS": "tests.trust.schemathesis_hooks"}
    with said.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            *command, stdout=out, stderr=subprocess.STDOUT, env=environment, cwd=Path(__file__).parents[2]
        )
        try:
            code = await asyncio.wait_for(process.wait(), limit_s)
        except TimeoutError:
            process.kill()
            code = await process.wait()
    text = said.read_text(errors="replace")
    cases = sum(int(found) for found in _CASES.findall(text)[-1:])
    failures = sum(int(count) for _, count in _FAILURES.findall(text))
    return cases, failures or int(code != 0), text


@contextlib.asynccontextmanager
async def _service(at: Path, run: Run) -> AsyncIterator[tuple[world.Service, dict[str, str]]]:
    defect = f"{__spec__.name}:lenient_json" if run.mutant else ""
    async with world.seeded(at) as url:
        keys = await _keys(url)
        async with world.serving(at, url, defect=defect) as service:
            yield service, keys


async def _run(run: Run) -> Figure:
    tally = _Tally()
    with world.folder() as at:
        async with _service(at, run) as (service, keys):
            async with httpx.AsyncClient(base_url=service.url, timeout=60) as client:
                for ask in ASKS:
                    await _ask(service.port, ask, keys, tally)
                await _rows(client, keys["own"], tally)
            cases, failures, said = 0, 0, ""
            if not run.mutant:
                examples, limit_s = (5, 120) if run.quick else (370, 1200)
                cases, failures, said = await _schemathesis(at, service.url, keys["own"], examples, limit_s)
            log = service.log.read_text()
    sys.stderr.write("\n".join(tally.wrong) + (said if failures else ""))
    fives = tally.failures + len(re.findall(r'"status": ?5\d\d', log))
    return Figure(
        text=f"listed={tally.asked - len(tally.wrong)}/{tally.asked} made_up={cases} 5xx={fives} undeclared={failures}",
        holds=not (tally.wrong or fives or failures) and (run.mutant or cases >= run.size(10_000, 100)),
    )


HARNESSES = [
    Harness(
        number=16,
        promise="Every bad input gets the answer listed for it, never a failure, and nothing undeclared",
        mutant="JSON is read as leniently as a library reads it",
        run=_run,
        limit_s=1500,
    )
]
