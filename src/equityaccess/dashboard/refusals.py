"""Refusals as people see them: the same machinery and the same words, on a page that says what to do."""

from typing import Any, Final

from litestar import Request, Response

from equityaccess import web
from equityaccess.dashboard.rendering import HTML, page
from equityaccess.openapi import PROBLEM_JSON
from equityaccess.problems import NotAcceptable

_FOR_PROGRAMS: Final = ("/v1/", "/oauth/", "/health/", "/metrics", "/openapi.json", "/static/")

_PART: Final = "HX-Request"  # HTMX asks for a part of a page: the refusal is shown above what is there


def refuse(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """The exception handler: a page for a browser that asks for one, and a problem document for everybody else."""
    if not _wants_a_page(request):
        return web.refuse(request, error)
    refusal = web.refused(request, error)
    details = refusal.details(request.scope.get("state", {}).get("request_id"))
    kept = {name: value for name, value in refusal.headers.items() if name.lower() != "www-authenticate"}
    if _PART in request.headers:
        kept |= {"HX-Retarget": "#refusal", "HX-Reswap": "innerHTML"}
        return page(request, "refusal_part.html", status_code=refusal.status, headers=kept, refusal=details)
    return page(request, "refusal.html", status_code=refusal.status, headers=kept, refusal=details)


def _wants_a_page(request: Request[Any, Any, Any]) -> bool:
    if request.scope["path"].startswith(_FOR_PROGRAMS):
        return False
    if _PART in request.headers:
        return True
    if HTML not in request.headers.get("Accept", ""):
        return False
    try:
        return web.chosen_format(request, (PROBLEM_JSON, HTML)) == HTML
    except NotAcceptable:
        return False
