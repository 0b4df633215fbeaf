"""The processes that answer: uvicorn with the settings that suit this application."""

import asyncio
import gc
import os
import signal
import socket
import sys
from types import FrameType
from typing import Final

import uvicorn
from litestar import Litestar
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from equityaccess import logs
from equityaccess.app import create_app
from equityaccess.commands.connections import Connection
from equityaccess.running.readiness import Readiness
from equityaccess.settings import Settings, from_environment

_WORKER_STARTS_S: Final = 60  # uvicorn's own 5 s are short for a busy machine, and then it gives a restart up
_GRACE_S: Final = 65  # more than any request but a very large push takes: a stop cuts nothing else off
_NEW_OBJECTS: Final = 10_000  # between two looks of the collector; Python's own 700 are for smaller programs


def serve(settings: Settings, listening: socket.socket, *, count: int, limit_concurrency: int) -> int:
    """Answer on *listening* with *count* processes until told to stop; the exit code."""
    # A worker is a process of its own: it reads its settings from what it inherits.
    os.environ.pop("EQUITYACCESS_DATABASE_URL_FILE", None)
    os.environ["EQUITYACCESS_DATABASE_URL"] = settings.database_url
    logs.configure(settings.log_format)
    config = uvicorn.Config(
        f"{__name__}:{application.__name__}",
        factory=True,
        workers=count,
        http=Connection,
        ws="none",
        lifespan="on",
        log_config=None,  # its lines go where ours go
        access_log=False,  # the application writes a better one, with the request id
        # Nobody else's word is taken on who the caller is, and on whether the way here was encrypted.
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies,
        server_header=False,
        limit_concurrency=limit_concurrency,
        timeout_worker_healthcheck=_WORKER_STARTS_S,
        timeout_graceful_shutdown=_GRACE_S,
    )
    if count > 1:
        Multiprocess(config, sockets=[listening]).run()
        return 0
    # The server raises the signal again when it is done: leave in order, so that an embedded PostgreSQL stops with us.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    server = uvicorn.Server(config)
    server.run(sockets=[listening])
    return 0 if server.started else STARTUP_FAILURE


def application() -> Litestar:
    """What a worker serves: the application with the settings of its environment."""
    settings = from_environment(os.environ)
    logs.configure(settings.log_format)
    app = create_app(settings)
    if settings.drain_s:
        _drain_first(app, settings.drain_s)
    # What stands now stands until the end, and the rows of a large push hold no circles: less for the collector to do.
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS)
    return app


def _drain_first(app: Litestar, seconds: float) -> None:
    """Put the server's stop off: first say "not ready" for a while, so that a load balancer looks away."""
    loop = asyncio.get_running_loop()  # the server makes its application inside its loop, after taking the signals
    stops = {sig: signal.getsignal(sig) for sig in (signal.SIGINT, signal.SIGTERM)}

    def drain(sig: int, frame: FrameType | None) -> None:
        stop = stops[signal.Signals(sig)]
        readiness: Readiness | None = app.state.get("readiness")
        if not callable(stop):
            return
        if readiness is None or readiness.is_draining:  # not begun yet, or told a second time
            stop(sig, frame)
            return
        readiness.is_draining = True
        loop.call_soon_threadsafe(loop.call_later, seconds, stop, sig, frame)

    for sig in stops:
        signal.signal(sig, drain)
