"""What went wrong, as the caller can use it: problem+json (RFC 9457), an OperationOutcome under /fhir, else a page.

A problem never quotes a note. ``detail`` is one line that says what to do.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from starlette.responses import Response

from ..pipelines.batch.fhir_out import operation_outcome
from .screens import render_page

PROBLEM_TYPE: Final = "application/problem+json"
FHIR_TYPE: Final = "application/fhir+json"
_FHIR_CODES: Final = {
    401: "login", 403: "forbidden", 404: "not-found", 408: "timeout", 413: "too-long", 415: "not-supported",
    429: "throttled", 500: "exception", 503: "transient",
}  # fmt: skip


@dataclass
class ProblemError(Exception):
    """A request that is not answered. ``retry_after``: seconds after which it may be."""

    status: int
    detail: str
    retry_after: int = 0
    allow: str = ""


def too_large(limit: int) -> ProblemError:
    """The body is longer than may be."""
    return ProblemError(413, f"the request is larger than {limit:,} bytes; for many notes use spinecode batch")


def response(problem: ProblemError, path: str) -> Response:
    """The response to a request for ``path``."""
    headers = {"Retry-After": str(problem.retry_after)} if problem.retry_after else {}
    if problem.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="spinecode"'
    if problem.allow:
        headers["Allow"] = problem.allow
    title = HTTPStatus(problem.status).phrase
    if path.startswith("/fhir/"):
        outcome = operation_outcome(problem.detail, _FHIR_CODES.get(problem.status, "invalid"))
        return Response(_json(outcome), problem.status, headers, FHIR_TYPE)
    if path.startswith("/v1/") or path in {"/healthz", "/metrics", "/openapi.json"}:
        told = {"type": "about:blank", "title": title, "status": problem.status, "detail": problem.detail}
        return Response(_json(told), problem.status, headers, PROBLEM_TYPE)
    page = render_page("problem.html", here="", title=title, problem=problem, signed_in=False, form="")
    return Response(page, problem.status, headers, "text/html; charset=utf-8")


def _json(data: object) -> str:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))
