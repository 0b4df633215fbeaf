"""The contract: what the routes say about themselves, made into one OpenAPI 3.1 document that never varies.

Litestar describes paths and parameters; msgspec describes the shapes, with their docstrings. What the guards of
``/v1`` may answer is added here, once, so that no route can forget it.
"""

import inspect
import json
from collections.abc import Iterable, Iterator
from typing import Any, Final, cast

import msgspec
from litestar import Litestar, Response
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import Components, License, OAuthFlow, OAuthFlows, SecurityScheme, Server, Tag
from litestar.routes import HTTPRoute

from equityaccess import __version__
from equityaccess.bundled import bundled
from equityaccess.problems import (
    Invalid,
    MalformedRequest,
    Misdirected,
    NotAcceptable,
    NotAuthenticated,
    ProblemDetails,
    Refusal,
    RepeatedParameter,
    TooLarge,
    TooManyRequests,
    TooSlow,
    Unavailable,
    UnsupportedMediaType,
)
from equityaccess.schemas import Document, drop_unused, never_null, paragraphs, plain, schema_of, schemas_of

SECURITY: Final = "key"
OAUTH: Final = "token"
PREFIX: Final = "/v1/"
PUBLIC: Final = "/v1/public/"  # for anybody, without a key
JSON: Final = "application/json"
PROBLEM_JSON: Final = "application/problem+json"
METHODS: Final = ("get", "post", "put", "patch", "delete")
_EVERYWHERE: Final = (MalformedRequest, Misdirected)
_GUARDS: Final = (
    RepeatedParameter,
    NotAuthenticated,
    NotAcceptable,
    Invalid,
    TooManyRequests,
    Unavailable,
)
_BODY_GUARDS: Final = (TooSlow, TooLarge, UnsupportedMediaType)
_SUCCESSES: Final = {
    "200": "What was asked for.",
    "201": "Stored; `Location` says where to read it again.",
    "204": "Done; there is nothing to add.",
}
_DESCRIPTION: Final = """\
How far every district is from 100 % of students, employees and families connected, and which agency needs a hand next.

**Start here.** You need a key from the county office. Send it with every request:
`Authorization: Bearer eqa_live_…`. A key belongs to an LEA; what you send and see is that LEA's. A program that knows
OAuth 2.0 may exchange its key at `/oauth/token`.
Push counts to `POST /v1/submissions`, first with `?dry_run=true`: nothing is stored, and the receipt says what
would be.

**Only counts.** No pupil's record is ever accepted: no names, no identifiers, no e-mail addresses.

**When something is refused** the answer is `application/problem+json` (RFC 9457). `errors` lists every fault with its
place, its code, a sentence, who mends it (`owner`: sender, data_owner or county) and, where there is one, a suggestion.
`type` leads to a page that explains it. Quote `request_id` when you ask the county office for help.

**LEA codes** are CDS codes of 14 digits, as text: leading zeros count. Spreadsheets like to spoil them.

**Lists** come in pages: send `next` back as `cursor` until it is null. Answers carry an `ETag`; send it back in
`If-None-Match`, and an unchanged answer is an empty 304. Unknown parameters and fields are refused, never ignored.
"""
_TAGS: Final = {
    "leas": "Local education agencies: districts, charters, the county office, and the codes they had and have.",
    "catalogue": "What is asked, about whom, and the targets: indicators and student groups.",
    "submissions": "Pushing counts, and the receipts of what was pushed.",
    "observations": "What was reported, as it is known now or was known at an earlier instant.",
    "coverage": "How far along we are: rates, trends, people left to reach, and who has not been heard from.",
    "public": "What is published: numbered releases for anybody, without a key.",
    "onboarding": "Onboarding to BEST: the playbook, waves, milestones, events, and how far all have come.",
    "support": "Support given on the way to BEST, tickets of help desks, who signs in, and the measures of it all.",
    "triage": "Which LEA needs a person next, for which reasons, and what was done about it.",
    "keys": "API keys, for administrators.",
    "audit": "Who did what, when and from where.",
    "running": "Is the service alive and ready, and what do its refusals mean.",
}


class Formats(msgspec.Struct, frozen=True, kw_only=True):
    """What a route reads or answers in besides its plain JSON; a handler carries it as ``opt={"formats": …}``."""

    reads: dict[str, Any] = {}  # media type -> the type of the body, or None for text that has a shape of its own
    answers: tuple[str, ...] = ()
    refusals: dict[int, Any] = {}  # status -> the type of a refusal that another standard words


class Operation(msgspec.Struct, frozen=True):
    """What the contract declares of one operation, for the guards."""

    query: dict[str, str]  # each parameter and what it is: its format, "enum", or its type
    answers: tuple[str, ...]  # media types of its successes


class Contract(msgspec.Struct, frozen=True):
    """The document as it is served, and what the guards need of it."""

    body: bytes
    operations: dict[str, Operation]
    methods: dict[str, tuple[str, ...]]  # by path


def config() -> OpenAPIConfig:
    """What Litestar cannot know: who we are, and how a caller proves itself."""
    key = SecurityScheme(
        type="http",
        scheme="bearer",
        bearer_format="eqa_live_…",
        description="The key that the county office issued. It is shown once, expires, and can be revoked.",
    )
    scopes = {
        "push": "Send and read the LEAs' own figures.",
        "read": "Read them.",
        "county": "Read every LEA.",
        "admin": "Administer keys.",
    }
    token = SecurityScheme(
        type="oauth2",
        description="The same key, exchanged for a token of half an hour, for programs that know OAuth 2.0.",
        flows=OAuthFlows(client_credentials=OAuthFlow(token_url="/oauth/token", scopes=scopes)),  # noqa: S106
    )
    return OpenAPIConfig(
        title="equityaccess",
        version=__version__,
        description=_DESCRIPTION,
        license=License(name="Apache-2.0", identifier="Apache-2.0"),
        servers=[Server(url="/", description="This installation")],
        components=Components(security_schemes={SECURITY: key, OAUTH: token}),
        tags=[Tag(name=name, description=text) for name, text in _TAGS.items()],
        use_handler_docstrings=True,
    )


def describe(app: Litestar) -> Contract:
    """The contract of *app*, which must have been made with ``config()``."""
    document: Document = app.openapi_schema.to_schema()
    handlers = _handlers(app)
    shapes = [ProblemDetails, *(shape for handler in handlers.values() for shape in _shapes(handler))]
    document["components"]["schemas"] = document["components"].get("schemas", {}) | schemas_of(shapes)
    for path, operation in _operations(document):
        _finish(
            operation,
            handlers[operation["operationId"]],
            is_guarded=path.startswith(PREFIX) and not path.startswith(PUBLIC),
        )
    _show_examples(document)
    document = cast("Document", plain(document))
    drop_unused(document)
    operations = {operation["operationId"]: _declared(operation) for _, operation in _operations(document)}
    methods = {
        path: tuple(method.upper() for method in METHODS if method in item) for path, item in document["paths"].items()
    }
    return Contract(_encode(document), operations, methods)


def served(app: Litestar) -> bytes:
    """The contract that *app* serves."""
    contract: Contract = app.state.contract
    return contract.body


def committed() -> bytes:
    """The contract as it was promised: the file in the repository."""
    return (bundled("openapi") / "openapi.json").read_bytes()


def _encode(document: Document) -> bytes:
    return (json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


def _operations(document: Document) -> Iterator[tuple[str, Document]]:
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield path, item[method]


def _handlers(app: Litestar) -> dict[str, HTTPRouteHandler]:
    routes = (route for route in app.routes if isinstance(route, HTTPRoute))
    handlers = (handler for route in routes for handler in route.route_handlers)
    return {str(handler.operation_id): handler for handler in handlers if handler.operation_id}


def _formats(handler: HTTPRouteHandler) -> Formats:
    formats: Formats = handler.opt.get("formats", Formats())
    return formats


def _shapes(handler: HTTPRouteHandler) -> Iterator[Any]:
    answer = handler.parsed_fn_signature.return_type
    yield answer.inner_types[0].annotation if answer.inner_types else answer.annotation
    if handler.parsed_data_field:
        yield handler.parsed_data_field.annotation
    yield from _formats(handler).reads.values()
    yield from _formats(handler).refusals.values()


def _finish(operation: Document, handler: HTTPRouteHandler, *, is_guarded: bool) -> None:
    """Words from the docstring, formats from ``opt``, and the refusals of the guards that stand before the handler."""
    text = paragraphs(inspect.getdoc(handler.fn) or "")
    operation["summary"] = text.split("\n\n")[0].split(". ")[0].split(": ")[0].rstrip(".").replace("`", "")
    operation["description"] = text
    for parameter in operation.get("parameters", ()):
        parameter["schema"] = never_null(parameter["schema"])
    _offer(operation, handler)
    answers: Document = operation["responses"]
    for status in [status for status in answers if status >= "400" and JSON in answers[status].get("content", {})]:
        del answers[status]  # what the framework would say, if `web.refuse` let it
    _declare(operation, _EVERYWHERE)
    if is_guarded:
        operation["security"] = [{SECURITY: []}, {OAUTH: []}]
        _declare(operation, _GUARDS + (_BODY_GUARDS if "requestBody" in operation else ()))
    for code, shape in _formats(handler).refusals.items():
        answer = answers.setdefault(str(code), {"description": paragraphs(shape.__doc__ or ""), "content": {}})
        answer["content"][JSON] = {"schema": schema_of(shape)}


def _offer(operation: Document, handler: HTTPRouteHandler) -> None:
    """What the operation reads and answers in."""
    formats, success = _formats(handler), str(handler.status_code)
    if formats.reads:
        content = {media_type: {"schema": schema_of(shape)} for media_type, shape in formats.reads.items()}
        operation["requestBody"] = {"required": True, "content": content}
    answer = operation["responses"][success]
    answer["description"] = _SUCCESSES[success]
    for media_type in formats.answers:
        answer["content"][media_type] = {"schema": {"type": "string"}}
    # A Response of a handler's own is one that `web.answer` made, with an ETag.
    if (
        success == "200"
        and "GET" in handler.http_methods
        and handler.parsed_fn_signature.return_type.is_subclass_of(Response)
    ):
        operation["responses"]["304"] = {"description": "The answer is the one that `If-None-Match` names."}


def _declare(operation: Document, refusals: Iterable[type[Refusal]]) -> None:
    for refusal in refusals:
        text = paragraphs(refusal.__doc__ or refusal.title)
        answer = operation["responses"].setdefault(str(refusal.status), {"description": ""})
        answer["content"] = {PROBLEM_JSON: {"schema": schema_of(ProblemDetails)}}
        if text not in answer["description"]:
            answer["description"] = f"{answer['description']} {text}".strip()


def _show_examples(document: Document) -> None:
    """Put each pair of ``openapi/examples`` where a reader looks for it. A test replays them."""
    operations = {operation["operationId"]: operation for _, operation in _operations(document)}
    for file in sorted((bundled("openapi") / "examples").glob("*.json")):
        example = json.loads(file.read_bytes())
        operation = operations[example["operation_id"]]
        request, response = example["request"], example["response"]
        if body := request.get("body"):
            kind = request["headers"]["Content-Type"]
            shown = operation["requestBody"]["content"][kind].setdefault("examples", {})
            shown[file.stem] = {"summary": example["summary"], "value": body}
        if body := response.get("body"):
            content = operation["responses"][str(response["status"])]["content"]
            kind = JSON if JSON in content else PROBLEM_JSON
            content[kind].setdefault("examples", {})[file.stem] = {"summary": example["summary"], "value": body}


def _declared(operation: Document) -> Operation:
    query = {p["name"]: p["schema"] for p in operation.get("parameters", ()) if p["in"] == "query"}
    successes = (answer for status, answer in operation["responses"].items() if status.startswith("2"))
    return Operation(
        {
            name: schema.get("format") or ("enum" if "enum" in schema else str(schema.get("type")))
            for name, schema in query.items()
        },
        tuple(kind for answer in successes for kind in answer.get("content", {})),
    )
