"""The documentation of the API, and the files of all pages. They work without any network."""

import string
from typing import Any, Final

from litestar import Request, Response, get
from litestar.params import FromPath

from equityaccess.problems import NotFound
from equityaccess.running.assets import STATIC, assets, by_address
from equityaccess.web import answer_bytes, takes_gzip

HTML: Final = "text/html"
_IMMUTABLE: Final = "public, max-age=31536000, immutable"
_KEPT_AWHILE: Final = "public, max-age=300"
# The documentation draws its small pictures from its own style sheet.
_DOCS_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


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


def _page(request: Request[Any, Any, Any], page: str, *, policy: str) -> Response[Any]:
    headers = {"Content-Security-Policy": policy, "Vary": "Accept"}
    return answer_bytes(request, page.encode(), media_type=HTML, cache_control=_KEPT_AWHILE, headers=headers)


ROUTES = [read_documentation, read_asset]
