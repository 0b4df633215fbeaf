"""Templates become answers: the one way in which a page is made."""

import functools
import gzip
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import urlencode

import jinja2
import msgspec
from litestar import Request, Response

from equityaccess.dashboard import languages
from equityaccess.dashboard.doors import Place, navigation
from equityaccess.dashboard.kept import Kept
from equityaccess.dashboard.languages import LANGUAGES, Language, Writing, chosen
from equityaccess.running.assets import assets
from equityaccess.settings import Settings
from equityaccess.signin import rules
from equityaccess.signin.guard import FORM_FIELD, FORM_HEADER, form_token, session_of
from equityaccess.signin.structs import NAMES
from equityaccess.web import answer_bytes, takes_gzip

HTML: Final = "text/html"
TEMPLATES: Final = Path(__file__).parent / "templates"
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    # Under no-referrer a browser would not say of our own forms where they come from.
    "Referrer-Policy": "same-origin",
    "Vary": "Accept, Accept-Encoding, Accept-Language, Cookie",
}
_LANGUAGE_COOKIE: Final = "__Host-language"
_COOKIE: Final = "Path=/; Secure; HttpOnly; SameSite=Lax"
_A_YEAR_S: Final = 31_536_000
_ONLY_ENGLISH: Final = "english/"  # below it: pages for the county's own people and for technicians


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """What every page shows around its content."""

    language: Language
    languages: dict[Language, str]  # each that the page speaks, with the address of this page in it
    places: list[Place]
    path: str
    role: str | None
    form_token: str
    form_field: str
    form_header: str
    is_sample: bool


@functools.cache
def environment(language: Language) -> jinja2.Environment:
    """The templates, speaking *language*. What a template misses is a failure, never an empty place."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    made.policies["ext.i18n.trimmed"] = True
    made.install_gettext_translations(languages.translations(language), newstyle=True)  # type: ignore[attr-defined]
    made.filters |= cast("dict[str, Any]", Writing(language).filters()) | {"zip": zip}
    made.globals |= {"asset": _address, "language_names": languages.NAMES, "query": _query}
    return made


def _address(name: str) -> str:
    return assets()[name].address


def _query(**values: str | None) -> str:
    """The query string of what is not None."""
    return "?" + urlencode({name: value for name, value in values.items() if value is not None})


def page(
    request: Request[Any, Any, Any],
    template: str,
    /,
    *,
    status_code: int = 200,
    headers: dict[str, str] | None = None,
    **content: object,
) -> Response[Any]:
    """*template* with *content*, in the language of whoever asks. Below ``english/`` that is English."""
    language = _spoken(request, template)
    body = _written(request, template, language, content)
    return _answer(request, template, body, language, status_code, headers or {})


async def page_for_everybody(
    request: Request[Any, Any, Any], template: str, fill: Callable[[], Awaitable[dict[str, Any]]]
) -> Response[Any]:
    """*template* with what *fill* returns; to whoever is not signed in, as it was made seconds ago for the same words.

    What *fill* reads may depend on the address alone.
    """
    language = _spoken(request, template)

    async def make() -> bytes:
        return _written(request, template, language, await fill())

    if session_of(request.scope) is None:
        kept: Kept = request.app.state.kept
        body = await kept.get((template, request.url.path, request.url.query, language, takes_gzip(request)), make)
    else:
        body = await make()
    return _answer(request, template, body, language, 200, {})


def _languages(template: str) -> tuple[Language, ...]:
    return ("en",) if template.startswith(_ONLY_ENGLISH) else LANGUAGES


def _spoken(request: Request[Any, Any, Any], template: str) -> Language:
    """The language in which *template* speaks to whoever asks."""
    wish = request.cookies.get(_LANGUAGE_COOKIE), request.headers.get("Accept-Language", "")
    language = chosen(request.query_params.get("lang"), *wish)
    return language if language in _languages(template) else "en"


def _written(
    request: Request[Any, Any, Any], template: str, language: Language, content: Mapping[str, object]
) -> bytes:
    """*template* filled, and compressed for whoever reads that."""
    frame = _frame(request, language, _languages(template))
    body = environment(language).get_template(template).render(frame=frame, **content).encode()
    return gzip.compress(body, compresslevel=6, mtime=0) if takes_gzip(request) else body


def _frame(request: Request[Any, Any, Any], language: Language, spoken: tuple[Language, ...]) -> Frame:
    session = session_of(request.scope)
    settings: Settings = request.app.state.settings
    kept = [(name, value) for name, value in request.query_params.multi_items() if name != "lang"]
    return Frame(
        language=language,
        languages={one: f"{request.url.path}?{urlencode([*kept, ('lang', one)])}" for one in spoken},
        places=navigation(session.role if session else None),
        path=request.url.path,
        role=NAMES[session.role] if session else None,
        form_token=form_token(request.scope),
        form_field=FORM_FIELD,
        form_header=FORM_HEADER,
        is_sample=settings.sample_data,
    )


def _answer(
    request: Request[Any, Any, Any],
    template: str,
    body: bytes,
    language: Language,
    status_code: int,
    more: Mapping[str, str],
) -> Response[Any]:
    headers = {**_HEADERS, "Content-Language": language, **more}
    if takes_gzip(request):
        headers["Content-Encoding"] = "gzip"
    if session_of(request.scope) is None and status_code == 200:
        answer: Response[Any] = answer_bytes(request, body, media_type=HTML, headers=headers)
    else:
        headers = {"Cache-Control": "no-store", **headers}
        answer = Response(body, status_code=status_code, media_type=HTML, headers=headers)
    if request.query_params.get("lang") == language and len(_languages(template)) > 1:
        answer.headers["Set-Cookie"] = f"{_LANGUAGE_COOKIE}={language}; Max-Age={_A_YEAR_S}; {_COOKIE}"
    if request.scope["state"].get("session_over"):
        answer.headers["Set-Cookie"] = without_session()
    return answer


def with_session(secret: str) -> str:
    """The ``Set-Cookie`` that signs a browser in. It ends with the browser; the server ends it sooner."""
    return f"{rules.COOKIE}={secret}; {_COOKIE}"


def without_session() -> str:
    """The ``Set-Cookie`` that takes it back."""
    return f"{rules.COOKIE}=; Max-Age=0; {_COOKIE}"
