"""The routes of the pages. A note travels in the body of a POST, never in a URL; nothing is stored between requests."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from . import screens
from .api import Office
from .guard import NONCE, SESSION, cookies
from .problems import ProblemError
from .requests import FORM, as_form, check_type, read_body
from .samples import sample
from .settings import Settings
from .tokens import SESSION_SECONDS, Seals, new_nonce

_SEARCH_LENGTH = 120


class Forms:
    """Reads forms of ours and gives out what ties them to their cookie."""

    def __init__(self, settings: Settings, seals: Seals) -> None:
        self._settings, self._seals = settings, seals

    def field(self, request: Request) -> tuple[str, str]:
        """The cookie of this browser, new if it has none, and the hidden field that goes with it."""
        nonce = cookies(request.scope).get(NONCE, "") or new_nonce()
        return nonce, self._seals.form(nonce)

    def set_cookie(self, response: Response, name: str, value: str) -> Response:
        """A cookie that no script reads and no other site sends along."""
        age = SESSION_SECONDS if name == SESSION else None
        response.set_cookie(
            name, value, max_age=age, httponly=True, samesite="strict", secure=self._settings.secure, path="/"
        )
        return response

    async def read(self, request: Request) -> list[tuple[str, str]]:
        """The fields of a form that our own page sent.

        Raises:
            ProblemError: it is none (403, 415), too large or too slow.
        """
        check_type(request, FORM)
        limits = self._settings.limits
        # Three bytes of a form may stand for one of the note.
        fields = as_form(await read_body(request, 3 * limits.note_bytes, limits.body_seconds))
        given = next((value for key, value in fields if key == "form"), "")
        if not self._seals.is_form(cookies(request.scope).get(NONCE, ""), given):
            raise ProblemError(403, "the page is older than the server; load it again and send the note again")
        return fields


def page_router(office: Office, settings: Settings, seals: Seals) -> APIRouter:
    """The routes of the pages; none of them is part of the API's document."""
    router = APIRouter(include_in_schema=False)
    forms = Forms(settings, seals)

    def who(request: Request) -> dict[str, Any]:
        return {"signed_in": request.scope["signed_in"], "form": forms.field(request)[1]}

    def shown(page: str, nonce: str = "") -> Response:
        response = HTMLResponse(page)
        return forms.set_cookie(response, NONCE, nonce) if nonce else response

    @router.get("/")
    async def home(request: Request) -> Response:
        nonce, field = forms.field(request)
        signed_in = request.scope["signed_in"]
        chosen = sample(request.query_params.get("sample", ""))
        if chosen is None:
            return shown(screens.empty_form(field, signed_in=signed_in), nonce)
        data = {"text": chosen.text, "answers": (), "form": field, "signed_in": signed_in}
        return shown(await office.done("page_note", data), nonce)

    @router.post("/")
    async def note(request: Request) -> Response:
        fields = await forms.read(request)
        nonce, field = forms.field(request)
        first = dict(reversed(fields))
        text = first.get("note", "")
        if len(text.encode("utf-8", errors="replace")) > settings.limits.note_bytes:
            raise ProblemError(413, f"the note is larger than {settings.limits.note_bytes:,} bytes")
        data = {
            "text": text,
            "date": first.get("date", ""),
            "encounter_id": first.get("encounter_id", ""),
            "provider": first.get("provider", ""),
            "answers": tuple(value for key, value in fields if key == "answer" or key.startswith("choose:")),
            "form": field,
            "signed_in": request.scope["signed_in"],
        }
        return shown(await office.done("page_note", data), nonce)

    @router.get("/codes")
    async def codes(request: Request) -> Response:
        words = request.query_params.get("q", "")
        if len(words) > _SEARCH_LENGTH:
            raise ProblemError(422, f"look for a few words, not more than {_SEARCH_LENGTH} characters")
        return shown(await office.done("page_codes", {"words": words.split(), **who(request)}))

    @router.get("/codes/{code}")
    async def code(request: Request, code: str) -> Response:
        return shown(await office.done("page_code", {"code": code[:40], **who(request)}, refused=404))

    @router.get("/rules")
    async def rules(request: Request) -> Response:
        return shown(await office.done("page_rules", {"rule": None, **who(request)}))

    @router.get("/rules/{rule}")
    async def rule(request: Request, rule: str) -> Response:
        return shown(await office.done("page_rules", {"rule": rule[:80], **who(request)}, refused=404))

    @router.get("/login")
    async def login(request: Request) -> Response:
        if not settings.tokens:
            return RedirectResponse("/", 303)
        nonce, field = forms.field(request)
        return shown(_login_page(field), nonce)

    @router.post("/login")
    async def enter(request: Request) -> Response:
        fields = dict(await forms.read(request))
        name = settings.tokens.name_of(fields.get("token", "").strip())
        if name is None:
            _, field = forms.field(request)
            return HTMLResponse(_login_page(field, problem="This token is not known."), 403)
        return forms.set_cookie(RedirectResponse("/", 303), SESSION, seals.session(name))

    @router.post("/logout")
    async def leave(request: Request) -> Response:
        await forms.read(request)
        response = RedirectResponse("/login", 303)
        response.delete_cookie(SESSION)
        return response

    return router


def _login_page(field: str, problem: str = "") -> str:
    return screens.render_page("login.html", here="", form=field, signed_in=False, problem=problem)
