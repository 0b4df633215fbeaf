"""``/live``: open pages hear at once that something changed, and ask again for the part that did."""

from collections.abc import AsyncIterator
from typing import Any, Final

from litestar import Request, get
from litestar.di import NamedDependency
from litestar.response import Stream

from equityaccess.dashboard.doors import FOR_COUNTY
from equityaccess.news import News
from equityaccess.problems import Unavailable
from equityaccess.running.readiness import Readiness

MOST_READERS: Final = 200  # open pages of one process
_BREATH_S: Final = 1.0  # how soon a stop of the process is noticed
LONGEST: Final = 600  # breaths; then the browser asks again, and whether it may is asked anew
_EACH_ALIVE: Final = 15  # breaths without news, after which a proxy should see that the line lives
_HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


@get("/live", operation_id="hear_news", include_in_schema=False, opt=FOR_COUNTY)
async def hear_news(request: Request[Any, Any, Any], readiness: NamedDependency[Readiness]) -> Stream:
    """Server-sent events, each a word: coverage, onboarding or triage changed. What it is, the page asks for itself."""
    news: News = request.app.state.news
    if news.readers >= MOST_READERS:
        raise Unavailable("Too many pages are open here; this one shows what was when it was opened.")
    return Stream(_words(news, readiness), media_type="text/event-stream", headers=dict(_HEADERS))


async def _words(news: News, readiness: Readiness) -> AsyncIterator[bytes]:
    with news.reader() as reader:
        yield b"retry: 3000\n\n"
        for breath in range(1, LONGEST + 1):
            told = await reader.next(_BREATH_S)
            if readiness.is_draining:
                return
            for subject in sorted(told):
                yield f"event: {subject}\ndata: changed\n\n".encode()
            if not told and breath % _EACH_ALIVE == 0:
                yield b": alive\n\n"


ROUTES = [hear_news]
