"""The whole application on one page: every route, guard, dependency and error handler."""

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator
from typing import Final

import msgspec
from litestar import Litestar, Router
from litestar.datastructures import State
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.openapi import OpenAPIConfig

from equityaccess import __version__, database, guards, migrate, openapi
from equityaccess.access.auth import authenticated, provide_caller, show_share
from equityaccess.access.limits import Limits
from equityaccess.access.routes import ROUTES as ACCESS
from equityaccess.access.tokens import ROUTES as TOKENS
from equityaccess.audit.recording import Recorder, provide_origin, recorded
from equityaccess.audit.routes import ROUTES as AUDIT
from equityaccess.catalogue.routes import ROUTES as CATALOGUE
from equityaccess.coverage.routes import ROUTES as COVERAGE
from equityaccess.dashboard import refusals
from equityaccess.dashboard.admin import ROUTES as ADMIN_PAGES
from equityaccess.dashboard.contacts import ROUTES as CONTACTS
from equityaccess.dashboard.county import ROUTES as COUNTY
from equityaccess.dashboard.county_data import ROUTES as COUNTY_DATA
from equityaccess.dashboard.identity import ROUTES as IDENTITY
from equityaccess.dashboard.kept import Kept
from equityaccess.dashboard.keys import ROUTES as KEY_PAGES
from equityaccess.dashboard.last_mile import ROUTES as LAST_MILE_PAGE
from equityaccess.dashboard.lea import ROUTES as LEA_PAGE
from equityaccess.dashboard.live import ROUTES as LIVE
from equityaccess.dashboard.passport import ROUTES as PASSPORT
from equityaccess.dashboard.problem_pages import ROUTES as PROBLEMS
from equityaccess.dashboard.public import ROUTES as PUBLIC_PAGE
from equityaccess.dashboard.reference import ROUTES as REFERENCE
from equityaccess.dashboard.sign_in import ROUTES as SIGN_IN
from equityaccess.dashboard.submit import ROUTES as SUBMIT
from equityaccess.dashboard.triage import ROUTES as TRIAGE_PAGES
from equityaccess.dashboard.typing_in import ROUTES as TYPED
from equityaccess.dashboard.waves import ROUTES as WAVE_PAGES
from equityaccess.database import Database
from equityaccess.feeds.routes import ROUTES as FEEDS
from equityaccess.last_mile.routes import ROUTES as LAST_MILE
from equityaccess.leas.routes import ROUTES as LEAS
from equityaccess.news import News
from equityaccess.onboarding.routes import ROUTES as ONBOARDING
from equityaccess.openapi import Contract
from equityaccess.publication.routes import ROUTES as PUBLICATION
from equityaccess.running.assets import assets
from equityaccess.running.metrics import Metrics
from equityaccess.running.observing import observed
from equityaccess.running.pages import ROUTES as FILES
from equityaccess.running.readiness import LINE, Readiness
from equityaccess.running.routes import ROUTES as RUNNING
from equityaccess.settings import Settings, listed
from equityaccess.signin.asking import Asked
from equityaccess.signin.guard import entitled
from equityaccess.signin.providers import read_providers
from equityaccess.submissions.filling_in import ROUTES as FILLING_IN
from equityaccess.submissions.observations import ROUTES as OBSERVATIONS
from equityaccess.submissions.routes import ROUTES as SUBMISSIONS
from equityaccess.submissions.turns import Turns, while_there_is_room
from equityaccess.support.reading import ROUTES as MEASURES
from equityaccess.support.routes import ROUTES as SUPPORT
from equityaccess.triage.routes import ROUTES as TRIAGE

V1: Final = (
    *CATALOGUE,
    *LEAS,
    *SUBMISSIONS,
    *FILLING_IN,
    *OBSERVATIONS,
    *COVERAGE,
    *LAST_MILE,
    *ACCESS,
    *AUDIT,
    *ONBOARDING,
    *FEEDS,
    *SUPPORT,
    *MEASURES,
    *TRIAGE,
)
PAGES: Final = (
    *PUBLIC_PAGE,
    *SIGN_IN,
    *IDENTITY,
    *ADMIN_PAGES,
    *REFERENCE,
    *COUNTY,
    *COUNTY_DATA,
    *CONTACTS,
    *KEY_PAGES,
    *LAST_MILE_PAGE,
    *LIVE,
    *SUBMIT,
    *LEA_PAGE,
    *TRIAGE_PAGES,
    *TYPED,
    *WAVE_PAGES,
    *PASSPORT,
    *PROBLEMS,
)
SMALL_BODY: Final = 65_536  # bytes; a route that takes more says so itself


def create_app(settings: Settings) -> Litestar:
    """The application on ``settings.database_url``: when it starts it connects, and refuses a schema not its own."""
    app = _litestar(state_of(settings), None)
    app.asgi_handler = observed(while_there_is_room(recorded(app.asgi_handler)))
    return app


def state_of(settings: Settings) -> State:
    """All that an application knows before it starts; its routes know nothing of it."""
    return State(
        {
            "settings": settings,
            "contract": contract(),
            "hosts": listed(settings.allowed_hosts.lower()),
            "limits": Limits(settings.rate_per_minute, settings.failures_per_minute),
            "turns": Turns(settings.concurrent_pushes, settings.pool_wait_s),
            "providers": {name: Asked(one) for name, one in read_providers(settings).items()},
            "metrics": Metrics(__version__, migrate.code_revision()),
            "kept": Kept(),
        }
    )


@functools.cache
def contract() -> Contract:
    """What this code promises: it depends on the routes alone."""
    return openapi.describe(_litestar(State(), openapi.config()))


def _litestar(state: State, openapi_config: OpenAPIConfig | None) -> Litestar:
    v1 = Router(
        path="/v1",
        route_handlers=list(V1),
        guards=[authenticated, guards.only_declared, guards.readable_body],
        dependencies={"caller": Provide(provide_caller), "origin": Provide(provide_origin)},
    )
    pages = Router(
        path="/",
        route_handlers=list(PAGES),
        guards=[entitled],
        dependencies={"caller": Provide(provide_caller), "origin": Provide(provide_origin)},
    )
    return Litestar(
        route_handlers=[v1, *TOKENS, *PUBLICATION, *RUNNING, *FILES, pages],
        guards=[guards.sound_head, guards.right_host],
        dependencies={
            "db": Provide(_db, sync_to_thread=False),
            "settings": Provide(_settings, sync_to_thread=False),
            "measured": Provide(_metrics, sync_to_thread=False),
            "readiness": Provide(_readiness, sync_to_thread=False),
        },
        exception_handlers={HTTPException: refusals.refuse, Exception: refusals.refuse},
        before_send=[show_share, guards.allow_as_declared],
        lifespan=[_connected],
        state=state,
        openapi_config=openapi_config,
        logging_config=None,
        request_max_body_size=SMALL_BODY,
    )


@contextlib.asynccontextmanager
async def _connected(app: Litestar) -> AsyncIterator[None]:
    settings: Settings = app.state.settings
    await migrate.demand_revision(settings.database_url)
    assets()  # compressed now, and not while the first browser waits
    app.state.db = await database.connect(settings)
    app.state.recorder = Recorder(app.state.db)
    # Asked on a line of its own: a pool that is in full use is no reason to be sent no requests.
    asked_aside = await database.connect(msgspec.structs.replace(settings, **LINE))
    app.state.readiness = Readiness(asked_aside, migrate.code_revision())
    app.state.news = News(settings)
    listening = asyncio.create_task(app.state.news.listen())
    try:
        yield
    finally:
        listening.cancel()
        await asyncio.wait([listening])
        await asked_aside.close()
        await app.state.db.close()


def _db(state: State) -> Database:
    db: Database = state.db
    return db


def _settings(state: State) -> Settings:
    settings: Settings = state.settings
    return settings


def _metrics(state: State) -> Metrics:
    metrics: Metrics = state.metrics
    return metrics


def _readiness(state: State) -> Readiness:
    readiness: Readiness = state.readiness
    return readiness
