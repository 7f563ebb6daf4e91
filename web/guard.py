"""What stands before every request: host names, tokens, forged requests, headers of the answer, log and metrics.

Nothing of a request but its method, its route's template, its status and the name of its token is ever written down.
"""

from __future__ import annotations

import logging
import time
import traceback
from collections import Counter
from http.cookies import CookieError, SimpleCookie
from typing import Any, Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .metrics import Metrics
from .problems import ProblemError, response
from .settings import Settings, host_name
from .tokens import Seals

LOG: Final = logging.getLogger("spinecode.web")
SESSION: Final = "spinecode_session"
NONCE: Final = "spinecode_form"
_OPEN: Final = ("/healthz", "/login")
_SAFE: Final = ("GET", "HEAD", "OPTIONS")
_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "font-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
_HEADERS: Final = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # with no-referrer forms would come from the origin "null"
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), interest-cohort=()",
}


class Guard:
    """The outermost layer. Whatever goes wrong inside becomes a response here, without the words of an exception."""

    def __init__(self, app: ASGIApp, settings: Settings, seals: Seals, metrics: Metrics) -> None:
        self._app, self._settings, self._seals, self._metrics = app, settings, seals, metrics
        self._under_way: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, count and log one request."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        start, status, begun = time.perf_counter(), 500, False

        async def answer(message: Message) -> None:
            nonlocal status, begun
            if message["type"] == "http.response.start":
                status, begun = message["status"], True
                _harden(message, static=scope["path"].startswith("/static/"))
            await send(message)

        try:
            await self._answer(scope, receive, answer)
        except ProblemError as problem:
            if not begun:
                await response(problem, scope["path"])(scope, receive, answer)
        except Exception as error:
            LOG.error("defect: %s%s", type(error).__name__, _place(error))
            if not begun:
                defect = ProblemError(500, "a defect of spinecode; its log tells where")
                await response(defect, scope["path"])(scope, receive, answer)
        finally:
            seconds = time.perf_counter() - start
            route, method, client = route_of(scope), scope["method"], scope.get("client_name")
            self._metrics.answered(route, method, status, seconds)
            words = f" by {client}" if client else ""
            shown = method if method in {"GET", "HEAD", "POST"} else "other"
            LOG.info("%s %s %d in %.0f ms%s", shown, route, status, 1000 * seconds, words)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers, path, method = Headers(scope=scope), scope["path"], scope["method"]
        _check_host(headers, self._settings)
        if method not in _SAFE:
            _check_origin(headers, self._settings)
        client = self._client(headers, scope)
        scope["client_name"], scope["signed_in"] = client, False
        if self._settings.tokens:
            scope["signed_in"] = client is not None and "authorization" not in headers
            if client is None and path not in _OPEN and not path.startswith("/static/"):
                if method == "GET" and "text/html" in headers.get("accept", ""):
                    await RedirectResponse("/login", 303)(scope, receive, send)
                    return
                raise ProblemError(401, "a token is needed: Authorization: Bearer TOKEN")
        await self._as_one_of_many(client, scope, receive, send)

    async def _as_one_of_many(self, client: str | None, scope: Scope, receive: Receive, send: Send) -> None:
        if client is None:
            await self._app(scope, receive, send)
            return
        most = self._settings.limits.per_client
        if self._under_way[client] >= most:
            raise ProblemError(429, f"{most} requests of this token are under way; wait for one of them", retry_after=1)
        self._under_way[client] += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._under_way[client] -= 1

    def _client(self, headers: Headers, scope: Scope) -> str | None:
        if not self._settings.tokens:
            return None
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self._settings.tokens.name_of(token.strip())
        cookie = cookies(scope).get(SESSION)
        return self._seals.name_in(cookie) if cookie else None


def _check_host(headers: Headers, settings: Settings) -> None:
    given = headers.getlist("host")
    if len(given) != 1 or host_name(given[0]) not in settings.hosts:
        raise ProblemError(421, "this host name is not answered; start spinecode serve with --allow-host NAME")


def _check_origin(headers: Headers, settings: Settings) -> None:
    """Browsers say from which page a request comes; programs say nothing."""
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    foreign = site is not None and site not in {"same-origin", "none"}
    if origin is not None:
        foreign = foreign or not _own_origin(origin, headers["host"], settings)
    if foreign:
        raise ProblemError(403, "requests of other pages are not answered")


def _own_origin(origin: str, host: str, settings: Settings) -> bool:
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    same = parts.netloc.lower() == host.strip().lower()
    return same and parts.scheme in {"http", "https"} and host_name(parts.netloc) in settings.hosts


def cookies(scope: Scope) -> dict[str, str]:
    """The cookies of a request."""
    found: SimpleCookie = SimpleCookie()
    try:
        found.load("; ".join(Headers(scope=scope).getlist("cookie")))
    except CookieError:
        return {}
    return {name: morsel.value for name, morsel in found.items()}


def _harden(message: Message, *, static: bool) -> None:
    headers = MutableHeaders(scope=message)
    for name, value in _HEADERS.items():
        headers[name] = value
    # Answers hold a note; files of the page hold none, and a browser may keep them if it asks whether they are fresh.
    headers["Cache-Control"] = "no-cache" if static else "no-store"


def route_of(scope: Scope) -> str:
    """The template of the route, as it stands in the code."""
    path = getattr(scope.get("route"), "path", None)
    if path is not None:
        return str(path)
    return "/static" if scope["path"].startswith("/static/") else "(none)"


def _place(error: BaseException) -> str:
    """Where in the code, as file and line; no source lines, no values."""
    frames: list[Any] = traceback.extract_tb(error.__traceback__, limit=-1)
    return f" at {frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno}" if frames else ""
