"""Promise 15: who steals the database or the logs has no key.

Method: keys and tokens are issued, used, mistyped, revoked, put into addresses, labels, forms, request ids and bodies
that are refused, and a failure of ours is provoked with them in its hands, at a service that logs for programs and at
one that logs for people. Then pg_dump writes the whole database, and every piece of every secret is looked for in the
dump, as text, in hexadecimal and in base64, and in the logs. The published pattern is tried on secrets and on random
text of many kinds. No key is put into the body of a push: the journal keeps that as it came, whatever it holds.
Figure: secrets, size of the dump and the logs, tracebacks in them, secrets found; how many issued secrets the pattern
finds, and how often it finds one where there is none.
Mutant: what is kept of a secret is its beginning instead of its hash.
"""

import asyncio
import base64
import random
import re
import secrets as randomness
import string
import subprocess
import sys
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import asyncpg
import httpx

from equityaccess import clock, database, embedded
from equityaccess.access import rules, store
from tests.trust import world
from tests.trust.harness import Figure, Harness, Run
from tests.trust.revoked import issued
from tests.trust.world import LAUSD, Service

_PIECE: Final = 16  # characters of a secret: 95 bits, which nothing else has by chance
_ISSUED: Final = 10_000
_JSON: Final = {"Content-Type": "application/json"}
_LETTERS: Final = string.ascii_letters + string.digits
_ANYTHING: Final = _LETTERS + "_-=+/ "


def beginnings_are_kept() -> None:
    """The seeded defect: no hash."""
    rules.fingerprint = lambda secret: secret.encode("ascii")[:32]


def new_secrets(count: int) -> list[str]:
    """So many keys and tokens, as they are issued."""
    makers = (rules.new_secret, rules.new_token)
    return [makers[n % 2](randomness.token_bytes(rules.SECRET_BYTES)) for n in range(count)]


def pieces(secret: str) -> Iterator[bytes]:
    """What gives *secret* away where it stands: parts of its random digits, in every way that a dump may write them."""
    core = secret.split("_")[2].encode()
    for start in (0, _PIECE):
        part = core[start : start + _PIECE]
        yield part
        yield part.hex().encode()
    for shift in range(3):  # base64 looks different at each place modulo three
        yield base64.b64encode(bytes(shift) + core)[4:24]


def found(secrets: Sequence[str], text: bytes) -> list[str]:
    """The secrets of which a piece stands in *text*."""
    return [secret for secret in secrets if any(piece in text for piece in pieces(secret))]


def random_text(size: int, seed: int) -> str:
    """Text without a secret, of the kinds in which scanners look, and near misses of the pattern itself."""
    dice = random.Random(seed)
    kinds = (
        lambda: "".join(dice.choices(_ANYTHING, k=80)),
        lambda: base64.b64encode(dice.randbytes(60)).decode(),
        lambda: dice.randbytes(32).hex(),
        lambda: str(uuid.UUID(int=dice.getrandbits(128))),
        lambda: "ghp_" + "".join(dice.choices(_LETTERS, k=36)),
        lambda: "eqa_live_" + "".join(dice.choices(_LETTERS, k=dice.choice((10, 42, 44)))) + "_abcdef",
        lambda: "eqa_test_" + "".join(dice.choices(_LETTERS, k=43)) + "_abcdef",
        lambda: "eqa_token_" + "".join(dice.choices(_LETTERS, k=43)) + "-abcdef",
        lambda: "eqa_live_…",
    )
    lines: list[str] = []
    length = 0
    while length < size:
        lines.append(dice.choice(kinds)())
        length += len(lines[-1])
    return "\n".join(lines)


async def misuse(service: Service, secret: str, key_id: str) -> str:
    """Do with a key all that should not be done; the token that it was exchanged for."""
    bearer = {"Authorization": f"Bearer {secret}"}
    form = {"grant_type": "client_credentials", "client_id": key_id, "client_secret": secret}
    async with httpx.AsyncClient(base_url=service.url, timeout=30) as client:
        made = await client.post("/oauth/token", data=form)
        token: str = made.json()["access_token"]
        for held in (secret, token):
            mistyped = {"Authorization": f"Bearer {held[:-1]}"}
            await client.get("/v1/coverage", headers={"Authorization": f"Bearer {held}"})
            await client.get("/v1/coverage", headers=mistyped)
            await client.get("/v1/coverage", params={"access_token": held}, headers=bearer)
            await client.get(f"/v1/leas/{held}", headers=bearer)
            await client.get("/v1/keys", params={"lea": held, "cursor": held}, headers=bearer)
            await client.get("/v1/coverage", headers=bearer | {"X-Request-Id": held, "Idempotency-Key": held})
            await client.get(f"/{held}", headers={"Referer": held, "User-Agent": held, "Cookie": f"key={held}"})
            await client.post("/v1/keys", json={"scopes": ["read"], "label": held}, headers=bearer)
            await client.post("/v1/keys", content=held, headers=bearer | _JSON)
            await client.request(held.replace("_", "")[:20], "/v1/keys", headers=bearer)
            push = {"lea": LAUSD, "as_of": "2026-10-30", "observations": []}
            named = {"source": held, "lea": held, "as_of": held}
            await client.post("/v1/submissions", params=named, json=push, headers=bearer)
            await client.post("/v1/submissions", params={"source": held}, json=push, headers=bearer)
            await client.post("/v1/submissions", json=push, headers=bearer | {"Idempotency-Key": held})
            await client.post("/oauth/token", params={"client_secret": held}, data=form)
            await client.post("/oauth/token", data=form | {"scope": held, "grant_type": held})
            await client.post("/oauth/token", data={**form, "client_id": held})
            await client.post("/oauth/token", content=b"grant_type=client_credentials", auth=(key_id, held))
        await on_the_wire(service, f"GET /v1/keys {secret} HTTP/1.1\r\nAuthorization {secret}\r\n\r\n")
    return token


async def on_the_wire(service: Service, request: str) -> None:
    """Send what is no HTTP."""
    reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
    writer.write(request.encode())
    await reader.read()
    writer.close()


async def fail(service: Service, url: str, secrets: Sequence[str]) -> None:
    """Make requests with these secrets fail in our own hands, so that a traceback is logged."""
    admin = await asyncpg.connect(url)
    await admin.execute("ALTER TABLE student_group RENAME TO away; ALTER FUNCTION exchange_key RENAME TO away")
    async with httpx.AsyncClient(base_url=service.url, timeout=30) as client:
        for secret in secrets:
            await client.get("/v1/student-groups", headers={"Authorization": f"Bearer {secret}"})
    await admin.execute("ALTER TABLE away RENAME TO student_group; ALTER FUNCTION away RENAME TO exchange_key")
    await admin.close()


def dump(url: str) -> bytes:
    """The whole database as pg_dump writes it."""
    command = [str(embedded.binaries() / "pg_dump"), "--dbname", url]
    return subprocess.run(command, check=True, capture_output=True).stdout


async def run(run: Run) -> Figure:
    defect = "tests.trust.secrecy:beginnings_are_kept" if run.mutant else ""
    if run.mutant:
        beginnings_are_kept()
    with world.folder() as at:
        async with world.seeded(at) as url:
            db = await database.connect(world.settings_for(url))
            known: list[str] = []
            for log_format in ("json", "console"):
                async with world.serving(at, url, defect=defect, settings={"LOG_FORMAT": log_format}) as service:
                    for _ in range(run.size(10, 2)):
                        key = await issued(db, scopes=["county", "admin"])
                        known += [key.secret, await misuse(service, key.secret, str(key.key.key_id))]
                    district = await issued(db, LAUSD, scopes=["push"])
                    known += [district.secret, await misuse(service, district.secret, str(district.key.key_id))]
                    await fail(service, url, known[-4:])
                async with db.transaction(every_lea=True) as tx:
                    await store.revoke_key(tx, district.key.key_id, clock.now())
            await db.close()
            dumped = await asyncio.to_thread(dump, url)
        logged = b"".join(log.read_bytes() for log in _logs(at))
    for where, text in (("the dump", dumped), ("the logs", logged)):
        for line in text.splitlines():
            if found(known, line):
                print(f"a secret in {where}: {line[:300]!r}", file=sys.stderr)
    leaked = set(found(known, dumped)) | set(found(known, logged))
    made = new_secrets(_ISSUED)
    text = random_text(run.size(20_000_000, 2_000_000), seed=15)
    pattern = re.compile(rules.SECRET_PATTERN)
    matched = sum(pattern.findall(f'key: "{secret}",') == [secret] for secret in made)
    mistaken = len(pattern.findall(text))
    tracebacks = logged.count(b"Traceback (most recent call last)")
    return Figure(
        text=f"secrets={len(known)} dump={len(dumped) // 1000} kB logs={len(logged) // 1000} kB "
        f"tracebacks={tracebacks} found={len(leaked)} pattern={matched}/{_ISSUED} "
        f"mistaken={mistaken} in {len(text) // 1_000_000} MB",
        holds=not leaked and matched == _ISSUED and not mistaken and tracebacks > 0 and len(dumped) > 0,
    )


def _logs(at: Path) -> list[Path]:
    return [*at.glob("*.log"), *at.glob("pg/**/*.log"), *at.glob("pg/log*")]


HARNESSES = [
    Harness(
        number=15,
        promise="Who steals the database or the logs has no key: only hashes are kept, and a scanner finds keys",
        mutant="what is kept of a secret is its beginning",
        run=run,
    )
]
