"""Figures for Prometheus. Labels are route templates, methods, statuses and outcomes: nothing that a caller can choose."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from .. import __version__
from .workers import Workers

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4
_SECONDS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH")


class Metrics:
    """The figures of one server."""

    def __init__(self, workers: Workers) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "spinecode_requests", "Requests answered.", ("route", "method", "status"), registry=self._registry
        )
        self.seconds = Histogram(
            "spinecode_request_seconds", "Seconds to answer.", ("route",), buckets=_SECONDS, registry=self._registry
        )
        self.jobs = Counter(
            "spinecode_jobs", "Jobs of workers by outcome.", ("kind", "outcome"), registry=self._registry
        )
        waiting = Gauge("spinecode_jobs_under_way", "Jobs waiting or being done.", registry=self._registry)
        waiting.set_function(lambda: workers.under_way)
        replaced = Gauge("spinecode_workers_replaced", "Workers lost to a note.", registry=self._registry)
        replaced.set_function(lambda: workers.replaced)
        Gauge("spinecode_info", "The version.", ("version",), registry=self._registry).labels(__version__).set(1)

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count a request."""
        self.requests.labels(route, method if method in _METHODS else "other", str(status)).inc()
        self.seconds.labels(route).observe(seconds)

    def text(self) -> bytes:
        """What Prometheus reads."""
        return generate_latest(self._registry)
