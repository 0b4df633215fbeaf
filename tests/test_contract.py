"""The promise: the committed contract is the one that is served, it is sound, and its examples are true."""

import inspect
import json
import re
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from litestar.handlers import HTTPRouteHandler
from openapi_spec_validator import validate

from equityaccess import openapi
from equityaccess.app import V1, contract, create_app
from equityaccess.bundled import bundled
from equityaccess.settings import Settings
from tests.conftest import MakeKey, bearer
from tests.held import document, faults_of_body

EXAMPLES = {
    file.stem: json.loads(file.read_bytes()) for file in sorted((bundled("openapi") / "examples").glob("*.json"))
}
OPERATIONS = [
    pytest.param(path, operation, id=operation["operationId"])
    for path, item in document()["paths"].items()
    for operation in item.values()
]


def test_the_committed_contract_is_the_one_that_is_served() -> None:
    served = openapi.served(create_app(Settings()))
    assert openapi.committed() == served, "read openapi/README.md, then run `make openapi`"


async def test_it_is_served_byte_for_byte_and_kept_by_its_etag(client: httpx.AsyncClient) -> None:
    answer = await client.get("/openapi.json")
    assert answer.content == contract().body
    again = await client.get("/openapi.json", headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_it_is_valid() -> None:
    validate(document())


def test_its_bounds_are_integers() -> None:
    """A generated client would otherwise compare a count with 10000000.0."""
    bounds = list(_bounds(document()))
    assert bounds
    assert all(isinstance(bound, int) for bound in bounds)


def _bounds(node: Any) -> Iterator[int | float]:
    if isinstance(node, list):
        for item in node:
            yield from _bounds(item)
    elif isinstance(node, dict):
        yield from (value for name, value in node.items() if name in ("minimum", "maximum"))
        for value in node.values():
            yield from _bounds(value)


@pytest.mark.parametrize(("path", "operation"), OPERATIONS)
def test_every_operation_is_described_in_words(path: str, operation: dict[str, Any]) -> None:
    assert operation["tags"], path
    assert operation["summary"], path
    assert operation["description"], path
    known = {tag["name"] for tag in document()["tags"]}
    assert set(operation["tags"]) <= known, f"{path}: a tag of its own; describe it in openapi.py"
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "query":
            assert parameter.get("description"), f"{path}: {parameter['name']} is not described"


@pytest.mark.parametrize(("path", "operation"), OPERATIONS)
def test_every_operation_under_v1_needs_a_key_and_says_how_it_refuses(path: str, operation: dict[str, Any]) -> None:
    if not path.startswith("/v1/") or path.startswith(openapi.PUBLIC):
        assert "security" not in operation
        return
    assert operation["security"] == [{"key": []}, {"token": []}]
    assert {"400", "401", "406", "422", "429", "503"} <= operation["responses"].keys()
    if "requestBody" in operation:
        assert {"413", "415"} <= operation["responses"].keys()


@pytest.mark.parametrize("handler", V1, ids=lambda handler: handler.handler_name)
def test_every_handler_under_v1_takes_the_caller(handler: HTTPRouteHandler) -> None:
    assert "caller" in inspect.signature(handler.fn).parameters
    assert handler.operation_id, (
        "the contract names each operation by hand, so that renaming a function breaks no client"
    )


async def test_every_route_under_v1_refuses_a_request_without_a_key(client: httpx.AsyncClient) -> None:
    routes = [
        (route.path_format, route.methods)
        for route in create_app(Settings()).routes
        if route.path.startswith("/v1") and not route.path.startswith(openapi.PUBLIC)
    ]
    assert routes
    for path, methods in routes:
        for method in methods:
            answer = await client.request(method, re.sub(r"\{\w+\}", str(uuid.uuid4()), path), content=b"{")
            assert answer.status_code == 401, f"{method} {path}"
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("name", EXAMPLES)
async def test_an_example_does_what_it_says(client: httpx.AsyncClient, make_key: MakeKey, name: str) -> None:
    example = EXAMPLES[name]
    request, said = example["request"], example["response"]
    headers = request["headers"] | (bearer(await make_key(**example["key"])) if example["key"] else {})
    body = request.get("body")
    content = body if isinstance(body, str | None) else json.dumps(body)
    answer = await client.request(request["method"], request["path"], headers=headers, content=content)
    assert answer.status_code == said["status"], answer.text
    if "body" in said:
        given = answer.json()
        for changing in ("request_id", "instance"):
            given.pop(changing, None)
        assert given == said["body"]
    assert_contains(answer.json(), said.get("contains", {}))


def assert_contains(given: Any, part: Any) -> None:
    """Everything in *part* is in *given*, which may hold more."""
    if isinstance(part, dict):
        for name, value in part.items():
            assert_contains(given[name], value)
    else:
        assert given == part


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_shown_and_fits_its_schema(name: str) -> None:
    example = EXAMPLES[name]
    operation = next(param.values[1] for param in OPERATIONS if param.id == example["operation_id"])
    if isinstance(body := example["request"].get("body"), dict):
        shown = operation["requestBody"]["content"]["application/json"]
        assert shown["examples"][name]["value"] == body
        if example["response"]["status"] < 300:
            assert not faults_of_body(body, shown["schema"])
    if body := example["response"].get("body"):
        content = operation["responses"][str(example["response"]["status"])]["content"]
        shown = content.get("application/json") or content["application/problem+json"]
        assert shown["examples"][name]["value"] == body
        assert not faults_of_body(body, shown["schema"])


async def test_a_refused_parameter_is_named_as_it_was_sent(client: httpx.AsyncClient, make_key: MakeKey) -> None:
    county = bearer(await make_key(scopes=["county"]))
    refused = await client.get("/v1/onboarding?scope=wave:", headers=county)
    assert refused.status_code == 422
    (fault,) = refused.json()["errors"]
    assert fault["pointer"] == "/query/scope"
    assert fault["detail"].startswith("scope: ")
