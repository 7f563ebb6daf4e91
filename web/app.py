"""The application: routes, their guard, and problems as responses."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from . import openapi
from .api import Office, api_router
from .guard import Guard
from .metrics import Metrics
from .pages import page_router
from .problems import ProblemError, response
from .screens import HERE
from .settings import Settings
from .tokens import Seals
from .workers import Workers

_NOT_FOUND = "there is no such page; the API is described by /openapi.json"


def create_app(settings: Settings, workers: Workers) -> Guard:
    """The ASGI application. ``workers`` are started and stopped by the caller."""
    metrics, seals = Metrics(workers), Seals()
    app = FastAPI(title="spinecode", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    office = Office(workers, settings.limits, metrics)
    app.include_router(api_router(office))
    app.include_router(page_router(office, settings, seals))
    app.mount("/static", StaticFiles(directory=HERE / "static"), name="static")

    @app.get("/openapi.json", include_in_schema=False)
    async def describe() -> Any:
        return openapi.document(app)

    @app.exception_handler(ProblemError)
    async def told(request: Request, problem: Exception) -> Response:
        assert isinstance(problem, ProblemError)
        return response(problem, request.url.path)

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        allow = (error.headers or {}).get("Allow", "")
        words = {404: _NOT_FOUND, 405: f"this address is for {allow or 'another method'}"}
        problem = ProblemError(error.status_code, words.get(error.status_code, "not possible"), allow=allow)
        return response(problem, request.url.path)

    return Guard(app, settings, seals, metrics)
