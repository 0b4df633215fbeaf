"""A page for each kind of refusal, and the same as data: what the ``type`` of a problem document leads to."""

from typing import Any, Final

import msgspec
from litestar import Request, Response, get
from litestar.params import FromPath

from equityaccess.dashboard.doors import FOR_EVERYBODY
from equityaccess.dashboard.rendering import HTML, page
from equityaccess.openapi import JSON, Formats
from equityaccess.problems import NotAcceptable, NotFound
from equityaccess.running.problem_types import ProblemType, ProblemTypes, problem_types
from equityaccess.web import answer_bytes, chosen_format, refuses

_KEPT_AWHILE: Final = "public, max-age=300"
_OPTIONS: Final = {"formats": Formats(answers=(HTML,)), **FOR_EVERYBODY}


@get(
    "/problems",
    operation_id="list_problem_types",
    tags=["running"],
    responses=refuses(NotAcceptable),
    opt=_OPTIONS,
    sync_to_thread=False,
)
def list_problem_types(request: Request[Any, Any, Any]) -> Response[ProblemTypes]:
    """List every kind of refusal: what the `type` of a problem document may be."""
    kinds = list(problem_types().values())
    if chosen_format(request, (JSON, HTML)) == JSON:
        return _json(request, ProblemTypes(items=kinds))
    return page(request, "english/problems.html", kinds=kinds)


@get(
    "/problems/{code:str}",
    operation_id="read_problem_type",
    tags=["running"],
    responses=refuses(NotFound, NotAcceptable),
    opt=_OPTIONS,
    sync_to_thread=False,
)
def read_problem_type(request: Request[Any, Any, Any], code: FromPath[str]) -> Response[ProblemType]:
    """Explain one kind of refusal: what it means, who mends it, and what it looks like."""
    kind = problem_types().get(code)
    if kind is None:
        raise NotFound("There is no such kind of refusal; /problems lists all.")
    if chosen_format(request, (JSON, HTML)) == JSON:
        return _json(request, kind)
    example = msgspec.json.format(msgspec.json.encode(kind.example), indent=2).decode()
    return page(request, "english/problem.html", kind=kind, example=example)


def _json(request: Request[Any, Any, Any], content: msgspec.Struct) -> Response[Any]:
    body = msgspec.json.encode(content)
    return answer_bytes(request, body, media_type=JSON, cache_control=_KEPT_AWHILE, headers={"Vary": "Accept"})


ROUTES = [list_problem_types, read_problem_type]
