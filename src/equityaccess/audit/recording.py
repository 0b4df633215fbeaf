"""Puts every request of a known key on record before a byte of its answer leaves."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import msgspec
import structlog
from litestar import Request
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from equityaccess.audit import rules, store
from equityaccess.audit.structs import Entry, Origin
from equityaccess.database import Database
from equityaccess.openapi import PROBLEM_JSON, Contract
from equityaccess.web import as_refusal

_TURNED_AWAY: Final = 429  # before anything was looked at: the log and the figures have it
_log = structlog.get_logger()


class _Batch:
    """Entries that are written together."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.is_written = False
        self.error: Exception | None = None


class Recorder:
    """Writes entries in transactions of their own: those that come while one is being written share the next."""

    PATIENCE_S = 5.0  # with the database

    def __init__(self, db: Database) -> None:
        self._db = db
        self._turn = asyncio.Lock()
        self._next = _Batch()

    async def record(self, entry: Entry) -> None:
        """Return when *entry* is committed."""
        batch = self._next
        batch.entries.append(entry)
        async with self._turn:
            if batch is self._next:
                self._next = _Batch()
            if not batch.is_written and batch.error is None:
                await self._write(batch)
        if batch.error is not None:
            raise batch.error

    async def _write(self, batch: _Batch) -> None:
        try:
            async with asyncio.timeout(self.PATIENCE_S), self._db.transaction() as tx:
                await store.write_quickly(tx, batch.entries)
            batch.is_written = True
        except Exception as error:
            batch.error = error


def origin_of(scope: Scope) -> Origin | None:
    """Who sent a request and from where; None without a key that is known here."""
    state = scope["state"]
    known = state.get("known")
    if known is None:
        return None
    client = scope.get("client")
    return Origin(
        actor=known.label,
        key_id=known.key_id,
        lea_ids=known.lea_ids,
        address=client[0] if client else None,
        request_id=state.get("request_id"),
    )


async def provide_origin(request: Request[Any, Any, Any]) -> Origin:
    """Where the entries of a handler come from that writes them in its own transaction."""
    origin = origin_of(request.scope)
    if origin is None:
        raise RuntimeError("a route without a key has nothing to put on record")
    return origin


def on_record(request: Request[Any, Any, Any]) -> None:
    """Say that the handler's own transaction, which is committed, has the entry of this request."""
    request.scope["state"]["on_record"] = True


def recorded(inner: ASGIApp) -> ASGIApp:
    """*inner*, whose answers to known keys leave only once they are on record; else the answer is 503."""

    async def recording(scope: Scope, receive: Receive, send: Send) -> None:
        is_withheld = False

        async def after_record(message: Message) -> None:
            nonlocal is_withheld
            if message["type"] == "http.response.start":
                try:
                    await _record(scope, message["status"])
                except Exception as error:
                    is_withheld = True
                    _log.warning("answer_withheld", error=type(error).__name__)
                    await _answer_instead(error, scope, send)
            if not is_withheld:
                await send(message)

        await inner(scope, receive, after_record)

    return recording


async def _record(scope: Scope, status: int) -> None:
    state = scope["state"]
    origin = origin_of(scope)
    if origin is None or state.get("on_record") or status == _TURNED_AWAY:
        return
    parameters = _parameters(scope)
    entry = Entry(
        origin=origin,
        action=_operation(scope),
        object=_object(scope, parameters),
        codes=rules.codes(parameters),
        parameters={name: value for name, value in parameters.items() if name not in scope["path_params"]} or None,
        status=status,
    )
    recorder: Recorder = scope["litestar_app"].state.recorder
    await recorder.record(entry)


def _parameters(scope: Scope) -> dict[str, str]:
    """What the request named in its path and query, as it may be kept."""
    request: Request[Any, Any, Any] = Request(scope)
    contract: Contract = scope["litestar_app"].state.contract
    operation = contract.operations.get(_operation(scope))
    kinds: Mapping[str, str] = operation.query if operation else {}
    query = {
        name: rules.shown(kinds[name], value) for name, value in request.query_params.multi_items() if name in kinds
    }
    path = {
        name: rules.shown("string" if isinstance(value, str) else type(value).__name__, str(value))
        for name, value in scope["path_params"].items()
    }
    return query | path


def _operation(scope: Scope) -> str:
    return getattr(scope.get("route_handler"), "operation_id", None) or "other"


def _object(scope: Scope, parameters: Mapping[str, str]) -> str:
    template: str = scope.get("path_template", "")
    for name in scope["path_params"]:
        template = template.replace(f"{{{name}}}", parameters[name])
    return template


async def _answer_instead(error: Exception, scope: Scope, send: Send) -> None:
    refusal = as_refusal(error)
    body = msgspec.json.encode(refusal.details(request_id=scope["state"].get("request_id")))
    headers = {"content-type": PROBLEM_JSON, "content-length": str(len(body))} | refusal.headers
    fields = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": refusal.status, "headers": fields})
    await send({"type": "http.response.body", "body": body, "more_body": False})
