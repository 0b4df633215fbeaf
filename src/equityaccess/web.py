"""What every route shares: refusals in the contract and on the wire, strict requests, ETags, formats, cursors."""

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import asyncpg
import msgspec
import structlog
from litestar import Request, Response
from litestar.connection import ASGIConnection
from litestar.datastructures.headers import Accept
from litestar.enums import ParamType
from litestar.exceptions import HTTPException, ValidationException
from litestar.openapi.datastructures import ResponseSpec
from litestar.types import Send

from equityaccess import jsonbody
from equityaccess.openapi import JSON, PROBLEM_JSON
from equityaccess.problems import (
    REFUSALS,
    InternalError,
    Invalid,
    MalformedRequest,
    NotAcceptable,
    Problem,
    ProblemDetails,
    Refusal,
    Unavailable,
    UnsupportedMediaType,
)
from equityaccess.schemas import paragraphs

T = TypeVar("T")
_BY_STATUS = {refusal.status: refusal for refusal in reversed(REFUSALS)}
_FRAMEWORK_SAYS = {
    404: "There is nothing at this address; /docs shows what there is.",
    405: "This address is not used with this method; the header Allow names those that it is used with.",
    413: "The body is larger than this route takes.",
}
_UNWANTED = re.compile(r";[ \t]*q=0(\.0*)?[ \t]*\Z", re.IGNORECASE)  # of a media type or an encoding
_FIRST_KNOWLEDGE = datetime(2018, 7, 1, tzinfo=UTC)  # nothing is kept of the time before
_log = structlog.get_logger()


def refuses(*refusals: type[Refusal]) -> dict[int, ResponseSpec]:
    """A route's own refusals, for its ``responses=``; ``openapi`` adds those of the guards before it."""
    declared: dict[int, list[type[Refusal]]] = {}
    for refusal in dict.fromkeys(refusals):
        declared.setdefault(refusal.status, []).append(refusal)
    return {
        status: ResponseSpec(
            ProblemDetails,
            media_type=PROBLEM_JSON,
            description=" ".join(paragraphs(one.__doc__ or one.title) for one in ones),
            generate_examples=False,
        )
        for status, ones in sorted(declared.items())
    }


def _place(source: ParamType | str) -> str:
    return source.value if isinstance(source, ParamType) else source


def _sent_names(request: Request[Any, Any, Any]) -> dict[str, str]:
    """What parameters are called in an address or a head, by what the handler calls them, where the two differ."""
    handler = request.scope.get("route_handler")
    known = handler.parsed_fn_signature.parameters if handler else {}
    sent = {key: getattr(one.kwarg_definition, "name", None) for key, one in known.items()}
    return {key: name for key, name in sent.items() if name}


def _from_framework(error: HTTPException, names: Mapping[str, str]) -> Refusal:
    """What the framework refused, in our words, with the *names* that the caller used."""
    refusal = _BY_STATUS.get(error.status_code, InternalError if error.status_code >= 500 else MalformedRequest)
    if not isinstance(error, ValidationException):
        return refusal(_FRAMEWORK_SAYS.get(error.status_code) or error.detail or f"{refusal.title}.")
    extra: Sequence[Any] = error.extra if isinstance(error.extra, list) else []
    problems = [
        Problem(
            code="invalid-parameter",
            detail=f"{name or 'the request'}: {item.get('message', error.detail)}",
            pointer=f"/{_place(item.get('source', 'request'))}/{name}",
            owner="sender",
        )
        for item in extra
        if isinstance(item, Mapping)
        for name in [names.get(item.get("key", ""), item.get("key", ""))]
    ]
    if not problems:  # such as a parameter that is needed and missing
        problems = [Problem(code="invalid-parameter", detail=error.detail, owner="sender")]
    return Invalid("; ".join(p.detail for p in problems), errors=problems)


_OUTAGES = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # what its client runs into when the server dies between two messages
    asyncpg.QueryCanceledError,
    asyncpg.LockNotAvailableError,
    asyncpg.TooManyConnectionsError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    ConnectionError,
    TimeoutError,
)


def as_refusal(error: Exception, names: Mapping[str, str] = {}) -> Refusal:
    """Any exception as the refusal that the caller gets; what is our fault is logged with its traceback.

    *names* are those of ``_sent_names``, where there is a request.
    """
    if isinstance(error, Refusal):
        return error
    if isinstance(error, HTTPException) and error.status_code < 500:
        return _from_framework(error, names)
    if isinstance(error, _OUTAGES):
        _log.warning("database_unavailable", error=type(error).__name__)
        # Never "nothing was done": it may have been the answer to a COMMIT that was lost.
        detail = "The database did not answer in time. Nothing was half done: send the same again."
        return Unavailable(detail, headers={"Retry-After": "2"})
    _log.error("failure", exc_info=error)
    return InternalError("This is our fault, and it is logged. Quote the request id when you report it.")


def written(
    refusal: Refusal, request_id: str | None = None, *, headers: Mapping[str, str] = {}
) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """*refusal* as it goes out where no handler stands: the fields of the head, *headers* among them, and the body."""
    body = msgspec.json.encode(refusal.details(request_id))
    fields = {
        "Content-Type": PROBLEM_JSON,
        "Content-Length": str(len(body)),
        **headers,
        **refusal.headers,
    }
    return [(name.lower().encode(), value.encode()) for name, value in fields.items()], body


async def send_refusal(refusal: Refusal, send: Send, request_id: str | None = None) -> None:
    """Answer with *refusal*, where no handler stands."""
    head, body = written(refusal, request_id)
    await send({"type": "http.response.start", "status": refusal.status, "headers": head})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def refused(request: Request[Any, Any, Any], error: Exception) -> Refusal:
    """What the caller is told of *error*, with the headers that belong to it."""
    if request.scope.get("state", {}).get("hung_up") and isinstance(error, HTTPException) and error.status_code >= 500:
        error = MalformedRequest("The connection ended before the body did; nothing was done.")
    refusal = as_refusal(error, _sent_names(request))
    if isinstance(error, HTTPException) and error.headers:
        refusal.headers |= {name: value for name, value in error.headers.items() if name == "allow"}
    return refusal


def refuse(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """The exception handler: every refusal and every failure is a problem document."""
    refusal = refused(request, error)
    body = msgspec.json.encode(refusal.details(request_id=request.scope.get("state", {}).get("request_id")))
    return Response(body, status_code=refusal.status, media_type=PROBLEM_JSON, headers=refusal.headers)


def answer(request: Request[Any, Any, Any], content: T, *, status_code: int = 200) -> Response[T]:
    """*content* with its ETag, or 304 when the caller has it already."""
    given = answer_bytes(request, msgspec.json.encode(content), media_type=JSON, status_code=status_code)
    given.headers["Vary"] = "Authorization, Accept"
    return given  # type: ignore[return-value]


def answer_bytes(
    request: Request[Any, Any, Any],
    body: bytes,
    *,
    media_type: str,
    status_code: int = 200,
    cache_control: str = "private, no-cache",
    headers: Mapping[str, str] | None = None,
) -> Response[bytes]:
    """*body* as it is, with its ETag, or 304 when the caller has it already."""
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    all_headers = {"ETag": etag, "Cache-Control": cache_control, **(headers or {})}
    known = [tag.strip().removeprefix("W/") for tag in request.headers.get("If-None-Match", "").split(",")]
    if etag in known or known == ["*"]:
        return Response(b"", status_code=304, headers=all_headers)
    return Response(body, status_code=status_code, media_type=media_type, headers=all_headers)


def chosen_format(request: ASGIConnection[Any, Any, Any, Any], offered: Sequence[str]) -> str:
    """The media type of *offered* that ``Accept`` likes best; the first when it has no wish. Raises NotAcceptable."""
    sent = request.headers.get("Accept")
    wanted = ",".join(part for part in (sent or "").split(",") if not _UNWANTED.search(part))
    best = Accept(wanted).best_match(list(offered)) if sent else offered[0]
    if best is None:
        raise NotAcceptable(f"Accept names none of {', '.join(offered)}.")
    return best


def takes_gzip(request: ASGIConnection[Any, Any, Any, Any]) -> bool:
    """Whether the caller reads what is compressed."""
    parts = request.headers.get("Accept-Encoding", "").split(",")
    return any(part.partition(";")[0].strip().lower() == "gzip" and not _UNWANTED.search(part) for part in parts)


def wrong_parameter(name: str, code: str, detail: str) -> Invalid:
    """The refusal of one query parameter, which was read and makes no sense."""
    return Invalid(detail, errors=[Problem(code=code, detail=detail, owner="sender", pointer=f"/query/{name}")])


def instant_of_knowledge(known_at: datetime | None, now: datetime) -> datetime:
    """The instant that the parameter ``known_at`` names, *now* without it.

    Raises Invalid when it has no offset, is to come, or lies before everything that is kept.
    """
    if known_at is None:
        return now
    if known_at.tzinfo is None:
        raise wrong_parameter("known_at", "timezone-required", "known_at needs an offset, such as Z or -08:00.")
    if known_at > now:
        raise wrong_parameter("known_at", "future-date", "known_at is to come; nobody knows what will be known.")
    if known_at < _FIRST_KNOWLEDGE:
        detail = f"known_at is before {_FIRST_KNOWLEDGE:%Y-%m-%d}; nothing was known here then."
        raise wrong_parameter("known_at", "invalid-period", detail)
    return known_at


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


async def read_json(request: Request[Any, Any, Any], into: type[T], *, max_depth: int = jsonbody.MAX_DEPTH) -> T:
    """The body as *into*; its size is held by the route's ``request_max_body_size``.

    Raises UnsupportedMediaType, TooLarge, MalformedRequest or Invalid.
    """
    demand_media_type(request, (JSON,))
    return jsonbody.read(await request.body(), into, max_depth=max_depth)


def demand_media_type(request: Request[Any, Any, Any], read: Sequence[str]) -> str:
    """The media type of the body, which must be one of *read*, in UTF-8 and not compressed.

    Raises UnsupportedMediaType: a form of another site's page could send text/plain or a form without asking.
    """
    given, options = request.content_type
    if given not in read:
        raise _unsupported(
            "unsupported-media-type",
            f"A body of type {given or 'unknown'!r} is not read here.",
            f"Send Content-Type: {' or '.join(read)}.",
        )
    if (charset := options.get("charset", "utf-8").lower()) not in ("utf-8", "utf8"):
        raise _unsupported("unsupported-charset", f"The charset {charset!r} is not read.", "Send UTF-8.")
    encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding != "identity":
        raise _unsupported(
            "unsupported-encoding", f"A body compressed as {encoding!r} is not read.", "Send it uncompressed."
        )
    return given


def _unsupported(code: str, detail: str, suggestion: str) -> UnsupportedMediaType:
    problem = Problem(code=code, detail=detail, owner="sender", suggestion=suggestion)
    return UnsupportedMediaType(f"{detail} {suggestion}", errors=[problem])
