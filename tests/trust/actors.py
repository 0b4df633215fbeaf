"""Everybody who could send a request, and the things of an LEA that they could ask for."""

import itertools
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import httpx

from equityaccess import clock
from equityaccess.access import rules, store
from equityaccess.access.structs import Scope
from equityaccess.database import Database
from equityaccess.publication.jobs import publish_open_data
from equityaccess.running.assets import assets
from equityaccess.triage import store as triage
from tests.trust.world import LAUSD, LONG_BEACH

# LEA A, whose things everybody asks for, LEA B, and a third of which nobody has a key.
LEAS: Final = {"A": LAUSD, "B": LONG_BEACH, "C": "19642120000000"}
_LONG: Final = timedelta(days=180)
_HOUR: Final = timedelta(hours=1)
# Who they are: the LEAs of their key, its scopes, and how long after now it expires.
_KEYS: Final[dict[str, tuple[str, Sequence[Scope], timedelta]]] = {
    "lea_a": ("A", ["push"], _LONG),
    "lea_b": ("B", ["push"], _LONG),
    "two_leas": ("AB", ["push"], _LONG),
    "wrong_scope": ("A", ["read"], _LONG),
    "county": ("", ["county"], _LONG),
    "admin": ("", ["admin"], _LONG),
    "expired": ("A", ["push", "read", "county", "admin"], -_HOUR),
    "revoked": ("A", ["push", "read", "county", "admin"], _LONG),
}
# Without a key: a program, and a browser that was led here by the page of another site.
_VISITOR: Final = {
    "Accept": "text/html,application/xhtml+xml,*/*;q=0.8",
    "Origin": "https://example.org",
    "Sec-Fetch-Site": "cross-site",
}
ACTORS: Final = ("anonymous", "public", *_KEYS)


def _support(lea: str, number: int, **more: object) -> dict[str, Any]:
    named = {"external_id": f"event-{number}-{uuid4()}", "lea": lea, "track": "FIN", "ticket": "desk-1"}
    return {"events": [named | {"kind": "ticket_opened", "started_at": clock.now().isoformat()} | more]}


def _counts(lea: str, number: int) -> dict[str, Any]:
    counts = {"core_users": 0, "core_users_30_days": number, "core_provisioned": 100_000}
    return {"counts": [{"lea": lea, "track": "FIN", "day": str(clock.today() - timedelta(days=1)), **counts}]}


def _zammad(lea: str, number: int) -> dict[str, Any]:
    ticket = {"id": number, "state": "new", "created_at": _ONCE, "updated_at": _ONCE, "organization": {"lea": lea}}
    return {"ticket": ticket, "article": {}}


def _frappe(lea: str, number: int) -> dict[str, Any]:
    return {
        "name": number, "creation": _ONCE, "modified": _ONCE, "status_category": "Open", "custom_lea": lea,
    }  # fmt: skip


_PLAIN: Final = {"note": {"note": "call back"}, "unit cost": {"cents": 100, "source": "a quote"}}
_ONCE: Final = "2026-01-05T17:00:00Z"
# What the name of a body begins with; the LEA that it is about ends it.
_ABOUT_SUPPORT: Final[dict[str, Callable[[str, int], dict[str, Any]]]] = {
    "support for": _support,
    "rating for": lambda lea, number: _support(lea, number, kind="rated", satisfaction=5),
    "counts for": _counts,
    "zammad ticket of": _zammad,
    "frappe ticket of": _frappe,
}


async def put_key(db: Database, leas: str, scopes: Sequence[Scope], expires_at: datetime) -> tuple[str, UUID]:
    """A new key for these of ``LEAS``, past the rules of issuing: its secret and its id."""
    secret = rules.new_secret(secrets.token_bytes(rules.SECRET_BYTES))
    async with db.transaction(every_lea=True) as tx:
        known = await store.lea_codes(tx)
        key_id = await store.put_key(
            tx,
            fingerprint=rules.fingerprint(secret),
            last_four=secret[-4:],
            label="an actor",
            scopes=scopes,
            lea_ids=[known[LEAS[lea]].lea_id for lea in leas],
            created_by="a harness",
            now=clock.now() - 2 * _HOUR,
            expires_at=expires_at,
        )
    return secret, key_id


class Cast:
    """The actors with their keys, on the database of *db* and the service behind *client*."""

    def __init__(self, db: Database, client: httpx.AsyncClient) -> None:
        self.client = client
        self._db = db
        self._headers: dict[str, dict[str, str]] = {"anonymous": {}, "public": _VISITOR}
        self._forms: dict[str, dict[str, str]] = {}
        self._number = itertools.count(1)
        self._fixed: dict[str, str] = {}
        self._made: dict[str, Callable[[], Awaitable[str]]] = {"key of A": self._key_of_a}

    async def enter(self) -> None:
        """Give everybody a key, and LEA A something to be asked for."""
        now = clock.now()
        for actor, (leas, scopes, lives) in _KEYS.items():
            secret, key_id = await put_key(self._db, leas, scopes, now + lives)
            self._headers[actor] = {"Authorization": f"Bearer {secret}"}
            self._forms[actor] = {"client_id": str(key_id), "client_secret": secret}
            if actor == "revoked":
                async with self._db.transaction(every_lea=True) as tx:
                    await store.revoke_key(tx, key_id, now)
        asset = assets()["app.css"].address.split("/")
        self._fixed = {
            **LEAS,
            "nobody": "19000000000000",
            "unknown": str(uuid4()),
            "fingerprint": asset[2],
            "asset": asset[3],
        }
        async with self._db.transaction(role="aggregator") as tx:
            await publish_open_data(tx, clock.now())
        wave = await self.ask("county", "PUT", "/v1/waves/{code}", {"code": "fin-1"}, "wave")
        if wave.status_code != 200:
            raise RuntimeError(f"the county cannot plan a wave: {wave.text}")
        item_id = uuid4()
        async with self._db.transaction(role="aggregator") as tx:
            lea_id = (await store.lea_codes(tx))[LEAS["A"]].lea_id
            row = {"item_id": str(item_id), "lea_id": lea_id, "score": 40, "reasons": []}
            await triage.keep(tx, [row], [], [], 1, now)
        self._fixed["item of A"] = str(item_id)
        for lea in "AB":
            ticket = await self.ask("county", "POST", "/v1/support-events", {}, f"support for {lea}")
            if ticket.status_code != 201:
                raise RuntimeError(f"the county cannot tell of a ticket: {ticket.text}")
        self._fixed |= {
            "submission of A": await self._push("lea_a"),
            "submission of A and B": await self._push("two_leas"),
        }

    async def ask(
        self,
        actor: str,
        method: str,
        path: str,
        parameters: Mapping[str, str],
        body: str = "",
        *,
        headers: Mapping[str, str] = {},
    ) -> httpx.Response:
        """Send a request as *actor*; what stands in braces in *parameters* is filled in, also into *path*."""
        filled = {name: await self.filled(value) for name, value in parameters.items()}
        address = path.format_map(filled)
        query = {name: value for name, value in filled.items() if f"{{{name}}}" not in path}
        content: dict[str, Any] = {"json": self.body(body)} if body and body != "own key" else {}
        sent = self._headers[actor] | dict(headers) | ({"If-Match": "*"} if method == "PATCH" else {})
        if body == "own key":
            content = {"data": {"grant_type": "client_credentials"} | self._forms.get(actor, {})}
            sent.pop("Authorization", None)
        return await self.client.request(method, address, params=query, headers=sent, **content)

    def body(self, name: str) -> dict[str, Any]:
        """The body that is called so: a push or an event for an LEA that says something new, a key for LEA C, …"""
        if name == "key for C":
            return {"scopes": ["push"], "leas": [LEAS["C"]]}
        if name == "wave":
            go_live = str(clock.today() + timedelta(days=200))
            return {"track": "FIN", "name": "A wave", "go_live_on": go_live, "leas": [LEAS["A"], LEAS["B"]]}
        planned = {"kind": "replanned", "planned_on": str(clock.today() + timedelta(days=9)), "reason": "a harness"}
        if name in _PLAIN:
            return _PLAIN[name]
        if name == "replan":
            return planned
        if name.startswith("event for "):
            lea = self._fixed[name.removeprefix("event for ")]
            named = {"external_id": str(uuid4()), "lea": lea, "track": "FIN", "milestone": "training"}
            return {"events": [planned | named | {"happened_at": clock.now().isoformat()}]}
        what, _, of = name.rpartition(" ")
        if what in _ABOUT_SUPPORT:
            return _ABOUT_SUPPORT[what](self._fixed[of], next(self._number))
        if name == "holidays":
            return {"holidays": [{"day": "2026-11-25", "name": "the day before Thanksgiving"}]}
        lea = self._fixed[name.removeprefix("push for ")]
        row = {"indicator": "home_internet", "student_group": "ALL", "population": 500_000, "evidence": "C"}
        row |= {"met": next(self._number), "not_met": 0}
        return {"lea": lea, "as_of": str(clock.today() - timedelta(days=3)), "observations": [row]}

    async def filled(self, value: str) -> str:
        """*value*, or the thing that stands in braces there."""
        if not value.startswith("{"):
            return value
        name = value.strip("{}")
        return self._fixed[name] if name in self._fixed else await self._made[name]()

    async def _key_of_a(self) -> str:
        _, key_id = await put_key(self._db, "A", ["read"], clock.now() + _HOUR)
        return str(key_id)

    async def _push(self, actor: str) -> str:
        answer = await self.ask(actor, "POST", "/v1/submissions", {}, "push for A")
        if answer.status_code != 201:
            raise RuntimeError(f"{actor} cannot push for LEA A: {answer.text}")
        return str(answer.json()["submission_id"])
