"""Holds every answer that a test gets to the contract, so that each HTTP test is a contract test.

`tests/test_contract.py` shows that the contract which the application serves is the committed file.
"""

import functools
import re
from typing import Any

import httpx
import msgspec
from jsonschema import Draft202012Validator

from equityaccess.app import contract

# What a person or a monitor reads, not a client of the API.
OUTSIDE = re.compile(
    r"\A/(|docs|static/.*|metrics|openapi\.json|sign-in(/\w+/[^/]+)?|sign-out"
    r"|admin(/.*)?|county(/data|/last-mile)?|leas/[^/]+(/record|/contacts)?|live|my(/.*)?|submit(/.*)?|passport"
    r"|triage(/[^/]+)?|waves(/[^/]+)?)\Z"
)
_MISSES = {404, 405}


@functools.cache
def document() -> dict[str, Any]:
    return msgspec.json.decode(contract().body)


@functools.cache
def templates() -> list[tuple[re.Pattern[str], str]]:
    """Each path of the contract with its pattern; one without parameters before one with."""
    paths = sorted(document()["paths"], key=lambda path: path.count("{"))
    return [(re.compile(r"\A" + re.sub(r"\{\w+\}", "[^/]+", path) + r"\Z"), path) for path in paths]


def operation(method: str, path: str) -> dict[str, Any] | None:
    """What the contract says about a request, or None."""
    for pattern, template in templates():
        if pattern.match(path):
            return document()["paths"][template].get(method.lower())
    return None


@functools.cache
def _validator(schema: bytes) -> Draft202012Validator:
    whole = msgspec.json.decode(schema) | {"components": document()["components"]}
    return Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER)


def faults_of_body(body: Any, schema: dict[str, Any]) -> list[str]:
    """Why *body* is not what *schema* says."""
    found = _validator(msgspec.json.encode(schema)).iter_errors(body)
    return [f"{fault.json_path}: {fault.message}" for fault in found]


async def held_to_the_contract(response: httpx.Response) -> None:
    """A response hook: raises AssertionError unless the contract declares this very answer."""
    request, status = response.request, response.status_code
    what = f"{request.method} {request.url.path} answered {status}"
    assert response.headers.get("X-Request-Id"), f"{what} without a request id"
    if OUTSIDE.match(request.url.path):
        return
    await response.aread()
    kind = response.headers.get("Content-Type", "").partition(";")[0]
    found = operation(request.method, request.url.path)
    if found is None:
        assert status in _MISSES or request.method == "OPTIONS", f"{what}, and the contract does not know it"
        content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}}
    else:
        assert str(status) in found["responses"], (
            f"{what}; declared are {', '.join(found['responses'])}: {response.text[:500]}"
        )
        content = found["responses"][str(status)].get("content", {})
    if not response.content:
        assert status in (204, 304) or not content or request.method == "HEAD", f"{what} with nothing in it"
        return
    if kind == "text/html" and response.is_error and not request.url.path.startswith("/v1/"):
        return  # a browser that asks for a page is refused with one
    assert kind in content, f"{what} as {kind!r}; declared are {', '.join(content)}"
    if kind.endswith("json") and kind != "application/x-ndjson":
        faults = faults_of_body(response.json(), content[kind]["schema"])
        assert not faults, f"{what} with another body than declared: {'; '.join(faults)}"
