"""Promise 31: no pupil data can enter.

Method: 200 social security numbers, student identifiers, e-mail addresses, telephone numbers and names are planted,
each in a place where a caller can send a text: the source of a push, the label of a key, the Idempotency-Key, the
request id, cells of JSON, NDJSON and CSV, columns and fields that are not ours. Each must be refused or, as a request
id, not be taken over; a body that holds a number or an address must be quarantined; no answer and no receipt may
repeat what was planted, but a name that stands for a code, which the sender is told is none. Then the log of the
service and every text of every table but the journal's own bytes are searched for all of them. Names in small
letters, which no shape gives away, are planted as the source apart: how many are taken is said, and does not count.
Figure: planted; refused or not taken over; not quarantined; repeated; found in the log; found in the tables.
Mutant: nothing looks personal.
"""

import random
from collections.abc import Callable
from uuid import uuid4

import asyncpg
import httpx
import msgspec

from equityaccess import database, personal
from tests.conftest import bearer
from tests.submissions.pushing import FORMS, KINDS, row, written
from tests.trust import world
from tests.trust.harness import Figure, Harness, Run

# Made of common given names and surnames: nobody in particular.
_GIVEN = ("Maria", "Wei", "Aaliyah", "John", "Jos\u00e9", "Anh", "Priya", "Ngozi", "Emma", "Luis")
_SURNAMES = ("Garcia", "Chen", "Johnson", "O'Brien", "Mu\u00f1oz", "Nguyen", "Patel", "Smith-Lopez", "Kim", "Rivera")
# The bytes of the journal are kept as they came, and its parameters with them: nobody is answered with them.
_JOURNAL = {("submission", "parameters")}


class _Planted(msgspec.Struct, frozen=True, kw_only=True):
    """A text, and where it is sent."""

    kind: str
    text: str
    place: str


class _Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of it."""

    is_kept_out: bool
    is_repeated: bool
    is_quarantined: bool | None  # None where there is no body


def _digits(dice: random.Random, pattern: str) -> str:
    return "".join(dice.choice("123456789") if one == "#" else one for one in pattern)


def _name(dice: random.Random) -> str:
    given, surname = dice.choice(_GIVEN), dice.choice(_SURNAMES)
    return dice.choice([f"{given} {surname}", f"{surname}, {given}", f"{given} J. {surname}", f"student {given}"])


_KINDS: dict[str, Callable[[random.Random], str]] = {
    "ssn": lambda dice: _digits(dice, dice.choice(["###-##-####", "### ## ####", "#########"])),
    "ssid": lambda dice: _digits(dice, "##########"),
    "mail": lambda dice: f"{dice.choice(_GIVEN[:4]).lower()}.{dice.randint(10, 99)}@example.org",
    "phone": lambda dice: _digits(dice, dice.choice(["(###) ###-####", "###-###-####", "+1 ###.###.####"])),
    "name": _name,
}
_TEXTS = ("source", "source in a document", "label")
_TOKENS = ("idempotency key", "request id")
_CELLS = tuple(
    f"{form} {what}"
    for form in FORMS
    for what in ("lea", "indicator", "student_group", "evidence", "name of a field", "field")
)


def _planted(count: int) -> list[_Planted]:
    dice = random.Random(31)
    found = []
    for number in range(count):
        kind = list(_KINDS)[number % len(_KINDS)]
        text = _KINDS[kind](dice)
        places = [*_TEXTS, *_CELLS] if kind == "name" or " " in text else [*_TEXTS, *_TOKENS, *_CELLS]
        found.append(_Planted(kind=kind, text=text, place=places[number // len(_KINDS) % len(places)]))
    return found


class _Sender:
    """Sends what is planted, and sees what became of it."""

    def __init__(self, client: httpx.AsyncClient, secret: str, admin: str) -> None:
        self._client = client
        self._secret = secret
        self._admin = admin

    async def send(self, planted: _Planted) -> _Outcome:
        """Send *planted* where it belongs."""
        if planted.place == "label":
            body = {"scopes": ["county"], "label": f"for {planted.text}"}
            answer = await self._client.post("/v1/keys", json=body, headers=bearer(self._admin))
            return _Outcome(
                is_kept_out=answer.status_code == 422, is_repeated=planted.text in answer.text, is_quarantined=None
            )
        if planted.place == "request id":
            answer = await self._client.get("/v1/leas", headers=bearer(self._secret) | {"X-Request-Id": planted.text})
            is_taken = planted.text in str(answer.headers) + answer.text
            return _Outcome(is_kept_out=not is_taken, is_repeated=is_taken, is_quarantined=None)
        return await self._push(planted)

    async def _push(self, planted: _Planted) -> _Outcome:
        form, what = planted.place.split(" ", 1) if planted.place in _CELLS else ("json", planted.place)
        headers = bearer(self._secret) | {"Content-Type": KINDS[form], "X-Request-Id": uuid4().hex}
        query = {"source": f"by {planted.text}"} if what == "source" else {}
        changed = {"name of a field": {planted.text: 1}, "field": {"guardian": planted.text}}.get(what)
        body = written(
            form, [row(lea=world.LAUSD) | (changed or ({what: planted.text} if planted.place in _CELLS else {}))]
        )
        if what == "source in a document":
            body = msgspec.json.encode(msgspec.json.decode(body) | {"source": planted.text})
        if what == "idempotency key":
            headers["Idempotency-Key"] = planted.text.replace(" ", "")
        answer = await self._client.post("/v1/submissions", content=body, params=query, headers=headers)
        told, is_quarantined = answer.text, None
        if place := answer.json().get("instance") or answer.headers.get("Location"):
            told += (await self._client.get(place, headers=bearer(self._secret))).text
            line = (await self._client.get("/v1/submissions?limit=1", headers=bearer(self._secret))).json()["items"][0]
            is_quarantined = line["is_quarantined"]
        is_code = planted.kind == "name" and planted.place in _CELLS  # refused as no code of ours, and told so
        return _Outcome(
            is_kept_out=400 <= answer.status_code < 500,
            is_repeated=planted.text in told and not is_code,
            is_quarantined=None if is_code else is_quarantined,
        )

    async def small_letters(self) -> tuple[int, int]:
        """How many names in small letters are taken as a source, of how many."""
        taken = 0
        for given, surname in zip(_GIVEN, _SURNAMES, strict=True):
            body, source = written("json", [row(lea=world.LAUSD)]), f"{given} {surname}".lower()
            headers = bearer(self._secret) | {"Content-Type": KINDS["json"]}
            answer = await self._client.post(
                "/v1/submissions", content=body, params={"source": source, "dry_run": True}, headers=headers
            )
            taken += answer.status_code < 400
        return taken, len(_GIVEN)


async def _in_tables(url: str, texts: set[str]) -> int:
    """How many of *texts* stand in a text of any table."""
    admin = await asyncpg.connect(url)
    columns = await admin.fetch(
        "SELECT table_name, column_name FROM information_schema.columns"
        " WHERE table_schema = 'public' AND data_type IN ('text', 'json', 'jsonb', 'ARRAY')"
    )
    kept = [
        bytes(one["answer"]).decode()
        for one in await admin.fetch("SELECT answer FROM submission WHERE answer IS NOT NULL")
    ]
    for table, column in columns:
        if (table, column) not in _JOURNAL:
            kept += [str(one[0]) for one in await admin.fetch(f'SELECT DISTINCT "{column}"::text FROM "{table}"')]
    await admin.close()
    everything = "\n".join(kept)
    return sum(text in everything for text in texts)


def nothing_looks_personal() -> None:
    """Seeds the defect in the service."""
    personal._found = lambda _text, _numbers: None
    personal._is_capitalised = lambda _word: False


async def _run(run: Run) -> Figure:
    planted = _planted(run.size(200, 60))
    defect = "tests.trust.personal_data:nothing_looks_personal" if run.mutant else ""
    with world.folder() as at:
        async with world.seeded(at) as url:
            db = await database.connect(world.settings_for(url))
            secret, admin = await world.key(db, world.LAUSD), await world.key(db, scopes=["admin"])
            await db.close()
            async with (
                world.serving(at, url, defect=defect) as service,
                httpx.AsyncClient(base_url=service.url, timeout=60) as client,
            ):
                sender = _Sender(client, secret, admin)
                outcomes = [await sender.send(one) for one in planted]
                taken, small = await sender.small_letters()
            log = service.log.read_text(errors="replace")
            # A name in a cell is told back as no code of ours, in the receipt too.
            told = {one.text for one in planted if one.kind == "name" and one.place in _CELLS}
            texts = {one.text for one in planted} - told
            in_tables = await _in_tables(url, texts)
    out = sum(one.is_kept_out for one in outcomes)
    open_to_see = sum(one.is_quarantined is False for one in outcomes)
    repeated = sum(one.is_repeated for one in outcomes)
    in_log = sum(one.text in log for one in planted)
    text = (
        f"planted={len(planted)} kept_out={out} not_quarantined={open_to_see} repeated={repeated} in_log={in_log} "
        f"in_tables={in_tables}; names in small letters taken as a source: {taken} of {small}"
    )
    return Figure(text=text, holds=out == len(planted) and not (open_to_see or repeated or in_log or in_tables))


HARNESSES = [
    Harness(
        number=31,
        promise="What looks like a pupil's data is refused, kept apart and repeated nowhere",
        mutant="nothing looks personal",
        run=_run,
    )
]
