"""Reading what is sent: bodies with a limit and a time, JSON objects of a known form. Messages quote no values."""

from __future__ import annotations

import asyncio
from typing import Annotated, Final, TypeVar
from urllib.parse import parse_qsl

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import ClientDisconnect, Request

from ..coding.errors import InputError
from ..pipelines.rows import load_object
from .problems import ProblemError, too_large

JSON: Final = ("application/json",)
FHIR: Final = ("application/fhir+json", "application/json")
NDJSON: Final = ("application/x-ndjson", "application/jsonl", "application/jsonlines")
FORM: Final = ("application/x-www-form-urlencoded",)
_FIELDS: Final = 200
_ANSWERS: Final = 100

Told = Annotated[dict[str, str], Field(default_factory=dict, max_length=_ANSWERS)]
Model = TypeVar("Model", bound=BaseModel)


class NoteRequest(BaseModel):
    """One note. ``text`` is what offsets count in: code points of it as sent, line ends untouched."""

    model_config = ConfigDict(strict=True, extra="forbid", populate_by_name=False)

    text: Annotated[str, Field(description="The note. Offsets in the result are code points of this string.")]
    encounter_id: Annotated[str | int | None, Field(description="Comes back with its type.")] = None
    provider: Annotated[str | None, Field(description="Comes back in the result.")] = None
    date_of_service: Annotated[
        str | None, Field(description="YYYY-MM-DD; decides the release.", json_schema_extra={"format": "date"})
    ] = None


class SuggestRequest(NoteRequest):
    """A note, and what was told after it."""

    answers: Annotated[Told, Field(description="Answers to gaps: id of the gap → answer, as in --answer.")]
    facts: Annotated[Told, Field(alias="set", description="Facts set by the coder, as in --set.")]


class QueryRequest(SuggestRequest):
    """A note to write queries for."""

    gap: Annotated[str | None, Field(description="Only the query about this gap.")] = None


class AuditRequest(NoteRequest):
    """A claim and its note."""

    codes: Annotated[
        list[str], Field(min_length=1, max_length=50, description="Codes in claim order; the dot is optional.")
    ]
    cpt: Annotated[list[str], Field(default_factory=list, max_length=50, description="CPT numbers of the claim.")]


def check_type(request: Request, accepted: tuple[str, ...]) -> None:
    """Refuse a body of another type.

    A form on another site can send plain text and forms, but no JSON without asking first; so the type is a guard too.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in accepted:
        raise ProblemError(415, f"send the body as Content-Type: {accepted[0]}")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise ProblemError(415, "send the body as it is, without Content-Encoding")


async def read_body(request: Request, limit: int, seconds: float) -> bytes:
    """The body of a request.

    Raises:
        ProblemError: longer than ``limit`` bytes (413), slower than ``seconds`` (408), or cut off (400).
    """
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length[:18]) > limit:
        raise too_large(limit)
    chunks, size = [], 0
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.stream():
                size += len(chunk)
                if size > limit:
                    raise too_large(limit)
                chunks.append(chunk)
    except TimeoutError:
        raise ProblemError(408, f"the body did not arrive within {seconds:g} s") from None
    except ClientDisconnect:
        raise ProblemError(400, "the connection was closed before the body had arrived") from None
    return b"".join(chunks)


def as_text(body: bytes) -> str:
    """The body as text."""
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ProblemError(400, f"the body is not UTF-8 at byte {error.start}") from None


def as_model(body: bytes, model: type[Model]) -> Model:
    """The request in a body.

    Raises:
        ProblemError: no JSON object (400), or one of another form (422); the message names keys, never values.
    """
    try:
        data = load_object(as_text(body))
    except InputError as error:
        raise ProblemError(400, f"the body is {error}") from None
    try:
        return model.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        if first["type"] == "extra_forbidden":
            known = ", ".join(field.alias or name for name, field in model.model_fields.items())
            raise ProblemError(422, f"there is a key that is not known; known are {known}") from None
        place = ".".join(str(step) for step in first["loc"][:1]) or "the body"
        raise ProblemError(422, f"{place}: {first['msg']}") from None


def as_form(body: bytes) -> list[tuple[str, str]]:
    """The fields of a form, in order."""
    try:
        return parse_qsl(
            as_text(body), keep_blank_values=True, strict_parsing=bool(body), errors="strict", max_num_fields=_FIELDS
        )
    except (ValueError, UnicodeDecodeError):
        raise ProblemError(400, "the form cannot be read") from None
