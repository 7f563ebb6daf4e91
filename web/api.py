"""The HTTP API: the same objects as the command line, asked for over HTTP. Described by /openapi.json."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from .. import __version__
from ..pipelines.result import canonical_json
from ..pipelines.rows import Reject, Row, parse_row
from . import openapi
from .metrics import CONTENT_TYPE, Metrics
from .problems import FHIR_TYPE, ProblemError
from .requests import (
    FHIR,
    JSON,
    NDJSON,
    AuditRequest,
    NoteRequest,
    QueryRequest,
    SuggestRequest,
    as_model,
    as_text,
    check_type,
    read_body,
)
from .settings import Limits
from .workers import Job, OverloadedError, Reply, Workers

_BUSY: Final = "all workers are busy and the queue is full; try again"
_BATCH_PAUSE: Final = 0.05


class Office:
    """Gives jobs to the workers and turns what became of them into a body or a problem."""

    def __init__(self, workers: Workers, limits: Limits, metrics: Metrics) -> None:
        self.workers, self.limits, self.metrics = workers, limits, metrics
        self.batches = 0

    async def reply(self, kind: str, data: Mapping[str, Any]) -> Reply:
        """What became of a job; raises `OverloadedError`."""
        reply = await self.workers.ask(Job(kind, data))
        self.metrics.jobs.labels(kind, reply.outcome).inc()
        return reply

    async def done(self, kind: str, data: Mapping[str, Any], refused: int = 422) -> str:
        """The body of a job that was done.

        Raises:
            ProblemError: it was not; ``refused`` is the status when the sender has to mend something.
        """
        try:
            reply = await self.reply(kind, data)
        except OverloadedError:
            raise ProblemError(503, _BUSY, retry_after=1) from None
        if reply.outcome == "done":
            return reply.body
        if reply.outcome == "refused":
            raise ProblemError(refused, reply.body)
        raise _failure(reply, self.limits.seconds)

    async def body(self, request: Request, accepted: tuple[str, ...]) -> bytes:
        """The body of a request about one note."""
        check_type(request, accepted)
        return await read_body(request, self.limits.note_bytes, self.limits.body_seconds)


def _failure(reply: Reply, seconds: float) -> ProblemError:
    if reply.outcome == "too_slow":
        return ProblemError(422, f"the note took longer than {seconds:g} s to read; send less text")
    if reply.outcome == "died":
        return ProblemError(503, "the worker that read the note was lost; try again", retry_after=5)
    return ProblemError(500, f"a defect of spinecode ({reply.body}); please report it")


def note_data(sent: NoteRequest) -> dict[str, Any]:
    """The data of a job about one note."""
    return sent.model_dump(by_alias=True)


def api_router(office: Office) -> APIRouter:
    """The routes of the API."""
    router = APIRouter()

    @router.post("/v1/suggest", **openapi.SUGGEST)
    async def suggest(request: Request) -> Response:
        sent = as_model(await office.body(request, JSON), SuggestRequest)
        return _json(await office.done("suggest", note_data(sent)))

    @router.post("/v1/query", **openapi.QUERY)
    async def query(request: Request) -> Response:
        sent = as_model(await office.body(request, JSON), QueryRequest)
        return _json(await office.done("query", note_data(sent)))

    @router.post("/v1/audit", **openapi.AUDIT)
    async def audit(request: Request) -> Response:
        sent = as_model(await office.body(request, JSON), AuditRequest)
        return _json(await office.done("audit", note_data(sent)))

    @router.post("/v1/batch", **openapi.BATCH)
    async def batch(request: Request) -> Response:
        check_type(request, NDJSON)
        if office.batches >= office.limits.batches:
            raise ProblemError(503, "as many batches are under way as may be; try again", retry_after=10)
        office.batches += 1
        try:
            body = await read_body(request, office.limits.batch_bytes, 3 * office.limits.body_seconds)
        except BaseException:
            office.batches -= 1
            raise
        return StreamingResponse(_answers(office, body), media_type=NDJSON[0])

    @router.get("/v1/codes/{code}", **openapi.CODES)
    async def codes(code: str) -> Response:
        return _json(await office.done("codes", {"code": code[:200]}, refused=404))

    @router.post("/fhir/$suggest", **openapi.FHIR)
    async def fhir(request: Request) -> Response:
        sent = as_text(await office.body(request, FHIR))
        return Response(await office.done("fhir", {"resource": sent}), media_type=FHIR_TYPE)

    @router.get("/healthz", **openapi.HEALTH)
    async def healthz() -> Response:
        return _json(json.dumps({"status": "ok", "version": __version__}))

    @router.get("/metrics", **openapi.METRICS)
    async def metrics() -> Response:
        return Response(office.metrics.text(), headers={"Content-Type": CONTENT_TYPE})

    return router


def _json(body: str) -> Response:
    return Response(body, media_type="application/json")


# -- batch -------------------------------------------------------------------------------------------------------------


async def _answers(office: Office, body: bytes) -> AsyncIterator[str]:
    """A line for each row, in order; no more rows under way than there are workers, so that others get their turn."""
    waiting: deque[asyncio.Task[str]] = deque()
    try:
        for number, raw in _lines(body):
            waiting.append(asyncio.create_task(_row_answer(office, number, raw)))
            while len(waiting) >= office.workers.count:
                if line := await waiting.popleft():
                    yield line
        while waiting:
            if line := await waiting.popleft():
                yield line
    finally:
        for task in waiting:
            task.cancel()
        office.batches -= 1


def _lines(body: bytes) -> Iterator[tuple[int, bytes]]:
    start, number = 0, 0
    while start < len(body):
        end = body.find(b"\n", start)
        end = len(body) if end < 0 else end
        number += 1
        yield number, body[start:end]
        start = end + 1


async def _row_answer(office: Office, number: int, raw: bytes) -> str:
    if len(raw) > office.limits.note_bytes:
        return _reject(number, f"the line is larger than {office.limits.note_bytes:,} bytes")
    row = parse_row(number, raw)
    if row is None:
        return ""
    if isinstance(row, Reject):
        return _reject(number, row.reason)
    while True:
        try:
            reply = await office.reply("suggest", _row_data(row))
        except OverloadedError:
            await asyncio.sleep(_BATCH_PAUSE)
            continue
        break
    if reply.outcome == "done":
        return reply.body + "\n"
    if reply.outcome == "refused":
        return _reject(number, reply.body)
    return _reject(number, _failure(reply, office.limits.seconds).detail)


def _row_data(row: Row) -> dict[str, Any]:
    return {
        "text": row.text,
        "encounter_id": row.encounter_id,
        "provider": row.provider,
        "date_of_service": row.date_of_service,
        "extra": row.extra,
    }


def _reject(line: int, reason: str) -> str:
    return canonical_json({"schema": openapi.REJECT, "line": line, "reason": reason}) + "\n"
