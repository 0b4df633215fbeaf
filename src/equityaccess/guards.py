"""What stands before every handler: a request of two meanings, or one outside the contract, goes no further.

Every guard is ``async``, also one that waits for nothing: the framework sends others to a thread each, which costs a
request more than all that they look at.
"""

import re
from collections import Counter
from typing import Any, Final
from urllib.parse import unquote

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.datastructures import MutableScopeHeaders
from litestar.handlers import BaseRouteHandler
from litestar.types import Message, Scope

from equityaccess.openapi import Contract, Operation
from equityaccess.problems import Invalid, MalformedRequest, Misdirected, NotFound, Problem, RepeatedParameter
from equityaccess.web import chosen_format, read_json

_MOST_HEAD_BYTES: Final = 32_768
_PORT: Final = re.compile(r":[0-9]*\Z")
_INSTANT: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T")
_CLOSE: Final = {"Connection": "close"}


async def sound_head(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """A guard: the path is written in one way without a NUL, the head is sane and has one host and one length.

    What may be read in two ways is how requests get past a proxy. Raises NotFound or MalformedRequest.
    """
    path = unquote(connection.scope.get("raw_path", b"").decode("latin-1"))
    if "//" in path or (path.endswith("/") and path != "/"):  # the framework takes these for the path without
        raise NotFound("There is nothing at this address.")
    if b"%00" in connection.scope.get("raw_path", b"") or b"%00" in connection.scope["query_string"]:
        raise MalformedRequest("The address holds a NUL, which no text can.")  # PostgreSQL's can least of all
    headers = list(connection.scope["headers"])
    if sum(len(name) + len(value) for name, value in headers) > _MOST_HEAD_BYTES:
        raise MalformedRequest(f"The headers are longer than {_MOST_HEAD_BYTES} bytes together.")
    names = [name for name, _ in headers]
    if names.count(b"content-length") + names.count(b"transfer-encoding") > 1:
        raise MalformedRequest("Content-Length and Transfer-Encoding say twice how long the body is.", headers=_CLOSE)
    if names.count(b"host") > 1:
        raise MalformedRequest("The header Host was sent twice.", headers=_CLOSE)


async def right_host(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """A guard: the request names a host that is served here, where the operator says which are. Health is for anybody.

    Raises Misdirected: a page of another site whose name leads here must not be answered.
    """
    served: frozenset[str] = connection.app.state.hosts
    host = connection.headers.get("Host", "").lower()
    if served and _PORT.sub("", host) not in served and not connection.scope["path"].startswith("/health/"):
        raise Misdirected(f"The host {host[:100]!r} is not served here.", headers=_CLOSE)


async def only_declared(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """A guard: query parameters and ``Accept`` are held to the contract before anything is done.

    Raises Invalid for an unknown parameter, RepeatedParameter for one that stands twice, and NotAcceptable.
    """
    contract: Contract = connection.app.state.contract
    declared = contract.operations.get(getattr(handler, "operation_id", None) or "")
    if declared is None:  # OPTIONS, which the framework answers
        return
    _only_declared_parameters(connection, declared)
    if connection.headers.get("Accept") and declared.answers:
        chosen_format(connection, declared.answers)


def _only_declared_parameters(connection: ASGIConnection[Any, Any, Any, Any], declared: Operation) -> None:
    sent = list(connection.query_params.multi_items())
    times = Counter(name for name, _ in sent)
    known = ", ".join(sorted(declared.query)) or "none"
    faults = {
        name: ("unknown-parameter", f"{name!r} is not a parameter of this route; it takes {known}.")
        for name in sorted(times.keys() - declared.query.keys())
    }
    for name, value in sent:
        kind = declared.query.get(name, "string")
        # The framework would read "null" as "not given", and a filter that was meant be left out without a word.
        if kind != "string" and value.lower() == "null":
            faults[name] = ("invalid-parameter", f"{name} cannot be null: leave it out.")
        # It would read a number as seconds since 1970; who sends a bare year means something else.
        if kind == "date-time" and not _INSTANT.match(value):
            faults[name] = ("invalid-parameter", f"{name} is an instant with its zone, such as 2026-11-23T08:05:00Z.")
    if faults:
        raise Invalid(
            " ".join(detail for _, detail in faults.values()),
            errors=[
                Problem(code=code, detail=detail, pointer=f"/query/{name}", owner="sender")
                for name, (code, detail) in faults.items()
            ],
        )
    if twice := sorted(name for name, many in times.items() if many > 1):
        raise RepeatedParameter(f"Sent more than once: {', '.join(twice)}.")


async def readable_body(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """A guard: where a handler takes ``data``, its JSON is read strictly first, and every fault in it is found.

    Raises UnsupportedMediaType, TooLarge, MalformedRequest or Invalid.
    """
    if handler.parsed_data_field is not None and isinstance(connection, Request):
        await read_json(connection, handler.parsed_data_field.annotation)


async def allow_as_declared(message: Message, scope: Scope) -> None:
    """A ``before_send`` hook: what OPTIONS allows is what the contract says.

    The framework forgets all handlers of a path but the first.
    """
    if message["type"] == "http.response.start" and scope.get("method") == "OPTIONS" and message["status"] == 204:
        contract: Contract = scope["litestar_app"].state.contract
        methods = contract.methods.get(scope["path_template"], ("GET",))
        MutableScopeHeaders.from_message(message)["Allow"] = ", ".join(sorted({*methods, "OPTIONS"}))
