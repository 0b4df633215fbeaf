"""What the service says about itself, to anybody and without a key: nothing here is about an LEA."""

from typing import Any, Literal

import msgspec
from litestar import Request, Response, get
from litestar.di import NamedDependency

from equityaccess import openapi
from equityaccess.problems import Unavailable
from equityaccess.running import metrics
from equityaccess.running.metrics import Metrics
from equityaccess.running.readiness import Readiness
from equityaccess.web import answer_bytes, refuses


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """That all is well; anything else is a problem document."""

    status: Literal["ok"]


@get("/health/live", operation_id="check_alive", tags=["running"])
async def live() -> Health:
    """The process answers. It looks at nothing else, so that a dead database never gets a sound process restarted."""
    return Health(status="ok")


@get("/health/ready", operation_id="check_ready", tags=["running"], responses=refuses(Unavailable))
async def ready(readiness: NamedDependency[Readiness]) -> Health:
    """The process can do its work: the database answers and has the schema that this version needs."""
    await readiness.demand()
    return Health(status="ok")


@get("/metrics", include_in_schema=False, sync_to_thread=False)
def measure(measured: NamedDependency[Metrics]) -> Response[bytes]:
    """What Prometheus collects, of this process alone: with several workers each answers for itself."""
    return Response(measured.text(), media_type=metrics.CONTENT_TYPE)


@get("/openapi.json", include_in_schema=False, sync_to_thread=False)
def read_contract(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The contract, byte for byte as it is committed."""
    return answer_bytes(request, openapi.served(request.app), media_type=openapi.JSON, cache_control="public, no-cache")


ROUTES = [live, ready, measure, read_contract]
