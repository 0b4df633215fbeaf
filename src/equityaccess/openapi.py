"""The contract: what the routes say about themselves, made into one OpenAPI 3.1 document that never varies.

Litestar describes paths and parameters; msgspec describes the shapes, with their docstrings. What the guards of
``/v1`` may answer is added here, once, so that no route can forget it.
"""

import inspect
import json
from collections.abc import Iterable, Iterator
from typing import Any, Final, TypeGuard, cast

import msgspec
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import Components, License, SecurityScheme, Server, Tag
from litestar.routes import HTTPRoute

from equityaccess import __version__
from equityaccess.bundled import bundled
from equityaccess.problems import (
    Invalid,
    MalformedRequest,
    NotAcceptable,
    NotAuthenticated,
    ProblemDetails,
    Refusal,
    RepeatedParameter,
    TooLarge,
    TooManyRequests,
    Unavailable,
    UnsupportedMediaType,
)

Document = dict[str, Any]

SECURITY: Final = "key"
PREFIX: Final = "/v1/"
JSON: Final = "application/json"
PROBLEM_JSON: Final = "application/problem+json"
METHODS: Final = ("get", "post", "put", "patch", "delete")
_REF: Final = "#/components/schemas/{name}"
_GUARDS: Final = (
    MalformedRequest,
    RepeatedParameter,
    NotAuthenticated,
    NotAcceptable,
    Invalid,
    TooManyRequests,
    Unavailable,
)
_BODY_GUARDS: Final = (TooLarge, UnsupportedMediaType)
_BOUNDS: Final = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"})
_DESCRIPTION: Final = """\
How far every district is from 100 % of students, employees and families connected, and which agency needs a hand next.

**Start here.** You need a key from the county office. Send it with every request:
`Authorization: Bearer eqa_live_…`. A key belongs to an LEA; what you send and see is that LEA's.
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
    "keys": "API keys, for administrators.",
    "running": "Is the service alive and ready, and what do its refusals mean.",
}


class Formats(msgspec.Struct, frozen=True, kw_only=True):
    """What a route reads or answers in besides its plain JSON; a handler carries it as ``opt={"formats": …}``."""

    reads: dict[str, Any] = {}  # media type -> the type of the body, or None for text that has a shape of its own
    answers: tuple[str, ...] = ()


class Operation(msgspec.Struct, frozen=True):
    """What the contract declares of one operation, for the guards."""

    query: frozenset[str]
    answers: tuple[str, ...]  # media types of its successes


class Contract(msgspec.Struct, frozen=True):
    """The document as it is served, and what the guards need of it."""

    body: bytes
    operations: dict[str, Operation]


def config() -> OpenAPIConfig:
    """What Litestar cannot know: who we are, and how a caller proves itself."""
    scheme = SecurityScheme(
        type="http",
        scheme="bearer",
        bearer_format="eqa_live_…",
        description="The key that the county office issued. It is shown once, expires, and can be revoked.",
    )
    return OpenAPIConfig(
        title="equityaccess",
        version=__version__,
        description=_DESCRIPTION,
        license=License(name="Apache-2.0", identifier="Apache-2.0"),
        servers=[Server(url="/", description="This installation")],
        components=Components(security_schemes={SECURITY: scheme}),
        tags=[Tag(name=name, description=text) for name, text in _TAGS.items()],
        use_handler_docstrings=True,
    )


def describe(app: Litestar) -> Contract:
    """The contract of *app*, which must have been made with ``config()``."""
    document: Document = app.openapi_schema.to_schema()
    handlers = _handlers(app)
    schemas = _schemas(handlers.values())
    document["components"]["schemas"] = document["components"].get("schemas", {}) | schemas
    for path, operation in _operations(document):
        _finish(operation, handlers[operation["operationId"]], is_guarded=path.startswith(PREFIX))
    _show_examples(document)
    document = cast("Document", _plain(document))
    _drop_unused(document)
    operations = {operation["operationId"]: _declared(operation) for _, operation in _operations(document)}
    return Contract(_encode(document), operations)


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


def _schemas(handlers: Iterable[HTTPRouteHandler]) -> dict[str, Document]:
    """The schema of every Struct that a route reads or answers with; msgspec keeps docstrings and exact bounds."""
    shapes = {shape for handler in handlers for shape in _shapes(handler) if _is_struct(shape)}
    ordered = sorted(shapes, key=lambda shape: str(shape.__qualname__))
    _, schemas = msgspec.json.schema_components([ProblemDetails, *ordered], ref_template=_REF)
    return {name: _without_wraps(schema) for name, schema in schemas.items()}


def _is_struct(shape: object) -> TypeGuard[type[msgspec.Struct]]:
    return inspect.isclass(shape) and issubclass(shape, msgspec.Struct)


def _without_wraps(schema: Document) -> Document:
    """A docstring's sentences on one line: where the source wraps is nobody's business."""
    if text := schema.get("description"):
        schema["description"] = _paragraphs(text)
    return schema


def _paragraphs(text: str) -> str:
    return "\n\n".join(" ".join(part.split()) for part in inspect.cleandoc(text).split("\n\n"))


def _finish(operation: Document, handler: HTTPRouteHandler, *, is_guarded: bool) -> None:
    """Words from the docstring, formats from ``opt``, and the refusals of the guards that stand before the handler."""
    text = _paragraphs(inspect.getdoc(handler.fn) or "")
    operation["summary"] = text.split("\n\n")[0].split(". ")[0].split(": ")[0].rstrip(".")
    operation["description"] = text
    formats = _formats(handler)
    if formats.reads:
        content = {media_type: {"schema": _schema_of(shape)} for media_type, shape in formats.reads.items()}
        operation["requestBody"] = {"required": True, "content": content}
    for status, answer in operation["responses"].items():
        if status.startswith("2"):
            answer["content"] = answer.get("content", {}) | {
                kind: {"schema": {"type": "string"}} for kind in formats.answers
            }
    if is_guarded:
        operation["security"] = [{SECURITY: []}]
        _declare(operation, _GUARDS + (_BODY_GUARDS if "requestBody" in operation else ()))
        if JSON in operation["responses"].get("200", {}).get("content", {}) and "requestBody" not in operation:
            operation["responses"]["304"] = {"description": "The answer is the one that `If-None-Match` names."}


def _schema_of(shape: object) -> Document:
    return {"$ref": _REF.format(name=shape.__name__)} if _is_struct(shape) else {"type": "string"}


def _declare(operation: Document, refusals: Iterable[type[Refusal]]) -> None:
    for refusal in refusals:
        text = _paragraphs(refusal.__doc__ or refusal.title)
        answer = operation["responses"].setdefault(str(refusal.status), {"description": "", "content": {}})
        answer["content"] = {PROBLEM_JSON: {"schema": {"$ref": _REF.format(name=ProblemDetails.__name__)}}}
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


def _plain(node: object) -> object:
    """The same without what Litestar leaves behind: bounds as floats, a choice of one, `deprecated: false`."""
    if isinstance(node, list):
        return [_plain(item) for item in node]
    if not isinstance(node, dict):
        return node
    if set(node) == {"oneOf"} and len(node["oneOf"]) == 1:
        return _plain(node["oneOf"][0])
    kept = {name: _plain(value) for name, value in node.items() if (name, value) != ("deprecated", False)}
    return {
        name: int(v) if name in _BOUNDS and isinstance(v, float) and v.is_integer() else v for name, v in kept.items()
    }


def _drop_unused(document: Document) -> None:
    schemas: dict[str, Document] = document["components"]["schemas"]
    while unused := {name for name in schemas if not _is_named(name, document)}:
        for name in unused:
            del schemas[name]


def _is_named(name: str, node: object) -> bool:
    if isinstance(node, list):
        return any(_is_named(name, item) for item in node)
    if not isinstance(node, dict):
        return False
    return node.get("$ref") == _REF.format(name=name) or any(_is_named(name, item) for item in node.values())


def _declared(operation: Document) -> Operation:
    query = frozenset(p["name"] for p in operation.get("parameters", ()) if p["in"] == "query")
    successes = (answer for status, answer in operation["responses"].items() if status.startswith("2"))
    return Operation(query, tuple(kind for answer in successes for kind in answer.get("content", {})))
