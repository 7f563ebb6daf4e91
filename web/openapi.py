"""The OpenAPI document: the published schemas of the result objects, and examples that the tests send."""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from .. import __version__
from ..pipelines.query.ask import asked_schema
from ..pipelines.render_codes import SCHEMA as CODES_SCHEMA
from ..pipelines.result import result_schema
from ..pipelines.schema import audit_schema
from .requests import AuditRequest, QueryRequest, SuggestRequest

REJECT: Final = "spinecode/reject/1"
_PROBLEM: Final = {
    "type": "object",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
    },
    "required": ["type", "title", "status", "detail"],
}
_OUTCOME: Final = {
    "type": "object",
    "properties": {"resourceType": {"const": "OperationOutcome"}, "issue": {"type": "array", "minItems": 1}},
    "required": ["resourceType", "issue"],
}
_WORDS: Final = {
    400: "The body is no JSON object.",
    401: "A token is needed.",
    403: "A request of another page.",
    404: "No such code.",
    408: "The body did not arrive in time.",
    413: "The body is too large.",
    415: "The body is of another type.",
    421: "The host name is not answered.",
    422: "The request cannot be used; `detail` says what to mend.",
    429: "Too many requests of this token are under way.",
    503: "All workers are busy; see Retry-After.",
}
_RETRY: Final = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _problems(*statuses: int, kind: str = "application/problem+json", schema: str = "Problem") -> dict[int | str, Any]:
    found: dict[int | str, Any] = {}
    for status in statuses:
        found[status] = {"description": _WORDS[status], "content": {kind: {"schema": _ref(schema)}}}
        if status in {429, 503}:
            found[status]["headers"] = _RETRY
    return found


_GATE: Final = (401, 403, 421, 429)
_BODY: Final = (400, 408, 413, 415, 422, 503, *_GATE)


def _body(name: str, examples: dict[str, Any], kind: str = "application/json") -> dict[str, Any]:
    schema = _ref(name) if name else {"type": "string"}
    return {"requestBody": {"required": True, "content": {kind: {"schema": schema, "examples": examples}}}}


def _example(summary: str, value: Any) -> dict[str, Any]:
    return {"summary": summary, "value": value}


def _ok(description: str, schema: dict[str, Any], kind: str = "application/json") -> dict[int | str, Any]:
    return {200: {"description": description, "content": {kind: {"schema": schema}}}}


SUGGEST: Final[dict[str, Any]] = {
    "operation_id": "suggest",
    "summary": "Suggest codes for one note",
    "description": "The object of `spinecode suggest --json`, byte for byte.",
    "responses": {**_ok("The result.", _ref("Result")), **_problems(*_BODY)},
    "openapi_extra": _body(
        "SuggestRequest",
        {
            "note": _example(
                "A note; answers M54.41",
                {"text": "Assessment: low back pain with right-sided sciatica.", "encounter_id": "E-1001"},
            ),
            "answer": _example(
                "The side was asked for and answered; answers M54.42",
                {
                    "text": "Assessment: low back pain with sciatica.",
                    "date_of_service": "2026-06-10",
                    "answers": {"laterality:sciatica": "left"},
                },
            ),
            "fact": _example(
                "A fact set by the coder; answers M54.41",
                {"text": "Assessment: low back pain with sciatica.", "set": {"sciatica.sides": "right"}},
            ),
        },
    ),
}
QUERY: Final[dict[str, Any]] = {
    "operation_id": "query",
    "summary": "Write the provider queries of one note",
    "description": "The object of `spinecode query --json`. Each query was judged by the rules of compliant queries.",
    "responses": {**_ok("The queries.", _ref("Queries")), **_problems(*_BODY)},
    "openapi_extra": _body(
        "QueryRequest",
        {
            "side": _example(
                "One gap; asks about laterality:sciatica",
                {
                    "text": "Assessment: low back pain with sciatica.",
                    "gap": "laterality:sciatica",
                    "provider": "Dr. Example",
                },
            )
        },
    ),
}
AUDIT: Final[dict[str, Any]] = {
    "operation_id": "audit",
    "summary": "Hold a claim against its note",
    "description": "The object of `spinecode audit --json` for one claim.",
    "responses": {**_ok("The findings.", _ref("Audit")), **_problems(*_BODY)},
    "openapi_extra": _body(
        "AuditRequest",
        {
            "header": _example(
                "A code that is not billable; suggests M54.41",
                {"text": "Assessment: low back pain with right-sided sciatica.", "codes": ["M54.5"], "cpt": ["99213"]},
            )
        },
    ),
}
BATCH: Final[dict[str, Any]] = {
    "operation_id": "batch",
    "summary": "Suggest codes for many notes",
    "description": (
        "One JSON object per line, as for `spinecode batch`: encounter_id, text, optional date_of_service and provider; other "
        "keys come back under `extra`. Answers one line for each, in order: a result, or a reject with its line number."
    ),
    "responses": {
        **_ok("Results and rejects, a line each.", {"type": "string"}, "application/x-ndjson"),
        **_problems(*_BODY),
    },
    "openapi_extra": _body(
        "",
        {
            "two": _example(
                "Two notes; answers M54.2 and M54.6",
                '{"encounter_id": 1, "text": "Assessment: neck pain."}\n'
                '{"encounter_id": 2, "text": "Assessment: thoracic pain."}\n',
            )
        },
        "application/x-ndjson",
    ),
}
CODES: Final[dict[str, Any]] = {
    "operation_id": "code",
    "summary": "Look a code up",
    "description": "The object of `spinecode codes CODE --json`: what is official, when to use it, which rules give it.",
    "responses": {**_ok("The code.", _ref("Codes")), **_problems(404, 422, 503, 401, 421, 429)},
    "openapi_extra": {
        "parameters": [
            {
                "name": "code",
                "in": "path",
                "required": True,
                "schema": {"type": "string", "minLength": 1},
                "examples": {"header": _example("A header; answers M54.5", "M54.5")},
            }
        ]
    },
}
_DOCUMENT: Final = {
    "resourceType": "DocumentReference",
    "id": "note-1",
    "status": "current",
    "subject": {"reference": "Patient/example"},
    "content": [
        {
            "attachment": {
                "contentType": "text/plain",
                "data": "QXNzZXNzbWVudDogbG93IGJhY2sgcGFpbiB3aXRoIGxlZnQgc2NpYXRpY2Eu",
            }
        }
    ],
}
FHIR: Final[dict[str, Any]] = {
    "operation_id": "fhir_suggest",
    "summary": "Suggest codes for a DocumentReference, or for those of a Bundle (FHIR R4)",
    "responses": {
        **_ok("A Bundle of Encounters and Conditions.", _ref("Bundle"), "application/fhir+json"),
        **_problems(*_BODY, kind="application/fhir+json", schema="OperationOutcome"),
    },
    "openapi_extra": _body(
        "Resource",
        {
            "document": _example("A DocumentReference; answers M54.42", _DOCUMENT),
            "bundle": _example(
                "A Bundle with one; answers M54.42",
                {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": _DOCUMENT}]},
            ),
        },
        "application/fhir+json",
    ),
}
HEALTH: Final[dict[str, Any]] = {
    "operation_id": "healthz",
    "summary": "Whether the server is up",
    "responses": {**_ok("It is.", {"type": "object", "required": ["status", "version"]}), **_problems(421)},
}
METRICS: Final[dict[str, Any]] = {
    "operation_id": "metrics",
    "summary": "Figures for Prometheus",
    "responses": {**_ok("The figures.", {"type": "string"}, "text/plain"), **_problems(401, 421, 429)},
}


def document(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI 3.1 document."""
    made = get_openapi(
        title="spinecode",
        version=__version__,
        description="Explained ICD-10-CM code suggestions for spine-pain notes, for a qualified coder, who decides.",
        routes=app.routes,
    )
    schemas = made.setdefault("components", {}).setdefault("schemas", {})
    schemas.clear()
    schemas.update({"Problem": _PROBLEM, "OperationOutcome": _OUTCOME, "Codes": _CODES})
    schemas["Bundle"] = {
        "type": "object",
        "properties": {"resourceType": {"const": "Bundle"}},
        "required": ["resourceType"],
    }
    schemas["Resource"] = {
        "type": "object",
        "properties": {"resourceType": {"enum": ["DocumentReference", "Bundle"]}},
        "required": ["resourceType"],
    }
    for name, model in (
        ("SuggestRequest", SuggestRequest),
        ("QueryRequest", QueryRequest),
        ("AuditRequest", AuditRequest),
    ):
        _add(schemas, name, model.model_json_schema(by_alias=True))
    for name, schema in (("Result", result_schema()), ("Queries", asked_schema()), ("Audit", audit_schema())):
        _add(schemas, name, schema)
    made["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    return made


_CODES: Final = {
    "type": "object",
    "properties": {
        "schema": {"const": CODES_SCHEMA},
        "release": {"type": "string"},
        "codes": {"type": "array", "minItems": 1, "items": {"type": "object", "required": ["code", "description"]}},
        "matches": {"type": "array"},
    },
    "required": ["schema", "release", "codes", "matches"],
}


def _add(schemas: dict[str, Any], name: str, schema: dict[str, Any]) -> None:
    """A schema with its definitions, each under a name of its own."""
    bare = {key: value for key, value in schema.items() if key not in {"$schema", "$defs"}}
    schemas[name] = _renamed(bare, name)
    for inner, definition in schema.get("$defs", {}).items():
        schemas[f"{name}.{inner}"] = _renamed(definition, name)


def _renamed(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        return {
            key: f"#/components/schemas/{name}.{each.removeprefix('#/$defs/')}"
            if key == "$ref" and isinstance(each, str)
            else _renamed(each, name)
            for key, each in value.items()
        }
    return [_renamed(each, name) for each in value] if isinstance(value, list) else value
