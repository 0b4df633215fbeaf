"""What Prometheus may ask: requests by route template, their durations, and which build answers."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST.removesuffix("; charset=utf-8")  # the framework adds it to any text
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)


class Metrics:
    """The figures of one application: a registry of its own, so that two in one process never mix."""

    def __init__(self, version: str, revision: str) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "equityaccess_http_requests",
            "Requests answered.",
            ("method", "route", "status"),
            registry=self._registry,
        )
        self._durations = Histogram(
            "equityaccess_http_request_duration_seconds",
            "From the first byte of the request's head to the last of its answer.",
            ("method", "route"),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self.in_flight = Gauge(
            "equityaccess_http_requests_in_flight",
            "Requests that are being answered now.",
            registry=self._registry,
        )
        build = Info("equityaccess_build", "Which equityaccess this is.", registry=self._registry)
        build.info({"version": version, "schema_revision": revision})

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request. A made-up method must not make a new series, so that it is counted as OTHER."""
        method = method if method in _METHODS else "OTHER"
        self._requests.labels(method, route, str(status)).inc()
        self._durations.labels(method, route).observe(seconds)

    def text(self) -> bytes:
        """All of it, in Prometheus' text format."""
        return generate_latest(self._registry)
