"""What every route shares: refusals in the contract, refusals on the wire, ETags, formats, cursors, strict parameters."""

import base64
import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import asyncpg
import msgspec
import structlog
from litestar import Request, Response
from litestar.connection import ASGIConnection
from litestar.exceptions import HTTPException, ValidationException
from litestar.handlers import BaseRouteHandler
from litestar.openapi.datastructures import ResponseSpec

from equityaccess.problems import (
    REFUSALS,
    InternalError,
    Invalid,
    MalformedRequest,
    NotAcceptable,
    NotAuthenticated,
    Problem,
    ProblemDetails,
    Refusal,
    RepeatedParameter,
    TooManyRequests,
    Unavailable,
)

T = TypeVar("T")
PROBLEM_JSON = "application/problem+json"
_BY_STATUS = {refusal.status: refusal for refusal in reversed(REFUSALS)}
_log = structlog.get_logger()


def refuses(*refusals: type[Refusal]) -> dict[int, ResponseSpec]:
    """The refusals of a route, for its ``responses=``: the given ones and those that any route under /v1 may give."""
    every: tuple[type[Refusal], ...] = (MalformedRequest, NotAuthenticated, Invalid, TooManyRequests, Unavailable)
    declared: dict[int, list[type[Refusal]]] = {}
    for refusal in dict.fromkeys((*refusals, *every)):
        declared.setdefault(refusal.status, []).append(refusal)
    return {
        status: ResponseSpec(
            ProblemDetails,
            media_type=PROBLEM_JSON,
            description=" ".join((one.__doc__ or one.title).strip() for one in ones),
            generate_examples=False,
        )
        for status, ones in sorted(declared.items())
    }


def _from_framework(error: HTTPException) -> Refusal:
    """What the framework refused, in our words."""
    refusal = _BY_STATUS.get(error.status_code, InternalError if error.status_code >= 500 else MalformedRequest)
    if not isinstance(error, ValidationException):
        return refusal(error.detail or refusal.title)
    extra: Sequence[Any] = error.extra if isinstance(error.extra, list) else []
    problems = [
        Problem(
            code="invalid-parameter",
            detail=f"{item.get('key', 'the request')}: {item.get('message', error.detail)}",
            pointer=f"/{item.get('source', 'request')}/{item.get('key', '')}",
            owner="sender",
        )
        for item in extra
        if isinstance(item, Mapping)
    ]
    return Invalid("; ".join(p.detail for p in problems) or error.detail, errors=problems)


_OUTAGES = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.QueryCanceledError,
    asyncpg.LockNotAvailableError,
    asyncpg.TooManyConnectionsError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    ConnectionError,
    TimeoutError,
)


def as_refusal(error: Exception) -> Refusal:
    """Any exception as the refusal that the caller gets; what is our fault is logged with its traceback."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, HTTPException) and error.status_code < 500:
        return _from_framework(error)
    if isinstance(error, _OUTAGES):
        _log.warning("database_unavailable", error=type(error).__name__)
        return Unavailable("The database did not answer in time; nothing was done.", headers={"Retry-After": "2"})
    _log.error("failure", exc_info=error)
    return InternalError("This is our fault, and it is logged. Quote the request id when you report it.")


def refuse(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """The exception handler: every refusal and every failure is a problem document."""
    refusal = as_refusal(error)
    details = refusal.details(request_id=request.scope.get("state", {}).get("request_id"))
    headers = dict(refusal.headers)
    if isinstance(error, HTTPException) and error.headers:
        headers |= {name: value for name, value in error.headers.items() if name.lower() == "allow"}
    return Response(msgspec.json.encode(details), status_code=refusal.status, media_type=PROBLEM_JSON, headers=headers)


def answer(request: Request[Any, Any, Any], content: T, *, status_code: int = 200) -> Response[T]:
    """*content* with its ETag, or 304 when the caller has it already."""
    body = msgspec.json.encode(content)
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"ETag": etag, "Cache-Control": "private, no-cache", "Vary": "Authorization, Accept"}
    known = [tag.strip().removeprefix("W/") for tag in request.headers.get("If-None-Match", "").split(",")]
    if etag in known or known == ["*"]:
        return Response(None, status_code=304, headers=headers)  # type: ignore[arg-type]
    return Response(body, status_code=status_code, media_type="application/json", headers=headers)  # type: ignore[arg-type]


def chosen_format(request: Request[Any, Any, Any], offered: Sequence[str]) -> str:
    """The media type of *offered* that ``Accept`` likes best; the first when it has no wish. Raises NotAcceptable."""
    best = request.accept.best_match(list(offered), default=None) if request.headers.get("Accept") else offered[0]
    if best is None:
        raise NotAcceptable(f"Accept names none of {', '.join(offered)}.")
    return best


def encode_cursor(*key: Any) -> str:
    """An opaque token for "continue after this row"."""
    return base64.urlsafe_b64encode(msgspec.json.encode(key)).decode().rstrip("=")


def decode_cursor(token: str, into: type[T]) -> T:
    """The key of ``encode_cursor``. Raises Invalid when the token is not one of ours."""
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)), type=into)
    except (ValueError, msgspec.DecodeError):
        raise Invalid(
            "The cursor is not one that this service gave.",
            errors=[
                Problem(
                    code="invalid-cursor",
                    detail="Use `next` of the previous page as it is.",
                    pointer="/query/cursor",
                    owner="sender",
                )
            ],
        ) from None


def declared_parameters(schema: Any) -> dict[str, frozenset[str]]:
    """The query parameters that the contract declares, by operation id."""
    found: dict[str, frozenset[str]] = {}
    for item in (schema.paths or {}).values():
        for method in ("get", "post", "put", "patch", "delete"):
            if operation := getattr(item, method):
                names = (p.name for p in operation.parameters or () if p.param_in == "query")
                found[operation.operation_id] = frozenset(names)
    return found


def only_declared_parameters(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """A guard: an unknown query parameter is refused, never ignored, and none may stand twice.

    Raises Invalid or RepeatedParameter.
    """
    sent = Counter(name for name, _ in connection.query_params.multi_items())
    if not sent:
        return
    state = connection.app.state
    if "declared_parameters" not in state:
        state.declared_parameters = declared_parameters(connection.app.openapi_schema)
    allowed = state.declared_parameters.get(getattr(handler, "operation_id", None), frozenset())
    unknown = sorted(sent.keys() - allowed)
    if unknown:
        raise Invalid(
            f"Unknown query parameter: {', '.join(unknown)}.",
            errors=[
                Problem(
                    code="unknown-parameter",
                    detail=f"{name!r} is not a parameter of this route; it takes {', '.join(sorted(allowed)) or 'none'}.",
                    pointer=f"/query/{name}",
                    owner="sender",
                )
                for name in unknown
            ],
        )
    twice = sorted(name for name, times in sent.items() if times > 1)
    if twice:
        raise RepeatedParameter(f"Sent more than once: {', '.join(twice)}.")
