"""Pages for people: the documentation of the API, and one for each kind of refusal. They work without any network."""

import html
import string
from typing import Any, Final

import msgspec
from litestar import Request, Response, get
from litestar.params import FromPath
from litestar.response import Redirect

from equityaccess.openapi import JSON, Formats
from equityaccess.problems import NotAcceptable, NotFound
from equityaccess.running.assets import STATIC, assets, by_address
from equityaccess.running.problem_types import ProblemType, ProblemTypes, problem_types
from equityaccess.web import answer_bytes, chosen_format, refuses, takes_gzip

HTML: Final = "text/html"
_IMMUTABLE: Final = "public, max-age=31536000, immutable"
_KEPT_AWHILE: Final = "public, max-age=300"
# The documentation draws its small pictures from its own style sheet, and styles elements from its script.
_DOCS_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_PAGE_POLICY: Final = (
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_PAGE: Final = string.Template("""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title · equityaccess</title>
<link rel="stylesheet" href="$style">
</head>
<body>
<main>
$body
</main>
<footer><a href="/problems">All refusals</a> · <a href="/docs">Documentation of the API</a></footer>
</body>
</html>
""")


@get("/", include_in_schema=False, sync_to_thread=False)
def start() -> Redirect:
    """A person who opens the bare address is led to the documentation."""
    return Redirect("/docs")


@get("/docs", include_in_schema=False, sync_to_thread=False)
def read_documentation(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The contract, made readable."""
    addresses = {name: asset.address for name, asset in assets().items()}
    page = string.Template((STATIC / "docs.html").read_text()).substitute(
        style=addresses["vendor/swagger-ui/swagger-ui.css"],
        bundle=addresses["vendor/swagger-ui/swagger-ui-bundle.js"],
        script=addresses["docs.js"],
    )
    return _page(request, page, policy=_DOCS_POLICY)


@get("/static/{fingerprint:str}/{name:str}", include_in_schema=False, sync_to_thread=False)
def read_asset(request: Request[Any, Any, Any], fingerprint: FromPath[str], name: FromPath[str]) -> Response[bytes]:
    """A file of a page; its address changes with its content, so that it may be kept for ever."""
    asset = by_address().get(f"/static/{fingerprint}/{name}")
    if asset is None:
        raise NotFound("There is no such file; it may have been that of an older version.")
    body, headers = asset.body, {"Vary": "Accept-Encoding"}
    if asset.gzipped is not None and takes_gzip(request):
        body, headers = asset.gzipped, headers | {"Content-Encoding": "gzip"}
    return answer_bytes(request, body, media_type=asset.media_type, cache_control=_IMMUTABLE, headers=headers)


@get(
    "/problems",
    operation_id="list_problem_types",
    tags=["running"],
    responses=refuses(NotAcceptable),
    opt={"formats": Formats(answers=(HTML,))},
    sync_to_thread=False,
)
def list_problem_types(request: Request[Any, Any, Any]) -> Response[ProblemTypes]:
    """List every kind of refusal: what the `type` of a problem document may be."""
    kinds = list(problem_types().values())
    if chosen_format(request, (JSON, HTML)) == JSON:
        return _json(request, ProblemTypes(items=kinds))
    rows = "\n".join(
        f'<tr><td>{kind.status}</td><td><a href="{kind.type}">{kind.code}</a></td><td>{kind.title}</td></tr>'
        for kind in kinds
    )
    table = (
        f"<table><thead><tr><th>Status</th><th>Type</th><th>Title</th></tr></thead><tbody>\n{rows}\n</tbody></table>"
    )
    return _page(request, _filled("Refusals", f"<h1>Refusals</h1>\n{table}"), policy=_PAGE_POLICY)


@get(
    "/problems/{code:str}",
    operation_id="read_problem_type",
    tags=["running"],
    responses=refuses(NotFound, NotAcceptable),
    opt={"formats": Formats(answers=(HTML,))},
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
    body = (
        f"<p>{kind.status} · {kind.code}</p>\n<h1>{html.escape(kind.title)}</h1>\n<p>{html.escape(kind.meaning)}</p>\n"
        f"<h2>Who mends it</h2>\n<p>{html.escape(kind.mended_by)}</p>\n"
        f"<h2>What it looks like</h2>\n<pre>{html.escape(example)}</pre>"
    )
    return _page(request, _filled(kind.title, body), policy=_PAGE_POLICY)


def _filled(title: str, body: str) -> str:
    return _PAGE.substitute(title=html.escape(title), style=assets()["page.css"].address, body=body)


def _json(request: Request[Any, Any, Any], content: msgspec.Struct) -> Response[Any]:
    body = msgspec.json.encode(content)
    return answer_bytes(request, body, media_type=JSON, cache_control=_KEPT_AWHILE, headers={"Vary": "Accept"})


def _page(request: Request[Any, Any, Any], page: str, *, policy: str) -> Response[Any]:
    headers = {"Content-Security-Policy": policy, "Vary": "Accept"}
    return answer_bytes(request, page.encode(), media_type=HTML, cache_control=_KEPT_AWHILE, headers=headers)


ROUTES = [start, read_documentation, read_asset, list_problem_types, read_problem_type]
