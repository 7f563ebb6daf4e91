"""JSON Schemas (draft 2020-12) of the audit and of why-not, published as docs/audit.schema.json and why-not.schema.json."""

from __future__ import annotations

from typing import Any, Final, get_args

from ..coding.claim import Severity
from ..coding.codeset import Outcome, Status
from ..coding.findings import json_schema
from ..coding.tables import audit_checks
from ..coding.why_not import Answer
from .audit import SCHEMA as AUDIT
from .audit import SEVERITIES
from .why_not import SCHEMA as WHY_NOT

_TEXT: Final = {"type": "string"}
_MAYBE: Final = {"type": ["string", "null"]}
_COUNT: Final = {"type": "integer", "minimum": 0}
_COUNTS: Final = {"type": "object", "additionalProperties": _COUNT}
_DAY: Final = {"type": ["string", "null"], "pattern": r"^\d{4}-\d{2}-\d{2}$"}
_ICD: Final = {"type": "string", "pattern": r"^[A-Z][0-9][0-9A-Z](\.[0-9A-Z]{1,4})?$"}
_CODES: Final = {"type": "array", "items": _ICD}
_EVIDENCE: Final = {"type": "array", "items": {"$ref": "#/$defs/Evidence"}}


def audit_schema() -> dict[str, Any]:
    """JSON Schema of what `spinecode audit --json` prints. A claimed code is any text: claims hold wrong ones too."""
    finding = _object(
        {
            "kind": {"enum": list(audit_checks())},
            "severity": {"enum": list(get_args(Severity))},
            "code": _MAYBE,
            "what": _TEXT,
            "why": _TEXT,
            "advice": _TEXT,
            "instead": _CODES,
            "source": _TEXT,
            "guide": _MAYBE,
            "evidence": _EVIDENCE,
        }
    )
    claim = _object(
        {
            "encounter_id": {"type": ["string", "integer"]},
            "line": {"type": "integer", "minimum": 1},
            "date_of_service": _MAYBE,
            "release": _TEXT,
            "codes": _list(_TEXT),
            "cpt": _list(_TEXT),
            "suggested": {"anyOf": [_CODES, {"type": "null"}]},
            "findings": _list(finding),
            "not_checked": _list(_TEXT),
            "warnings": _list(_object({"kind": _TEXT, "message": _TEXT})),
        }
    )
    worst = _object(dict.fromkeys((*SEVERITIES, "clean"), _COUNT))
    summary = _object(
        {
            "claims": _COUNT,
            "with_note": _COUNT,
            "of_spine": _COUNT,
            "worst": worst,
            "kinds": _COUNTS,
            "guide": _COUNTS,
            "unspecified": _COUNT,
            "unspecified_rate": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
            "unspecified_codes": _COUNTS,
        }
    )
    properties = {
        "schema": {"const": AUDIT},
        "engine": _TEXT,
        "ruleset": _TEXT,
        "claims": _list(claim),
        "summary": summary,
    }
    return _published("spinecode audit", properties)


def why_not_schema() -> dict[str, Any]:
    """JSON Schema of what `spinecode suggest --why-not CODE --json` prints."""
    suggested = _object({"rule": _TEXT, "rationale": _TEXT, "source": _TEXT, "evidence": _EVIDENCE})
    left_out = _object(
        {
            "what": _TEXT,
            "code": _MAYBE,
            "status": {"enum": list(get_args(Status))},
            "rule": _TEXT,
            "reason": _TEXT,
            "evidence": _EVIDENCE,
        }
    )
    against = _object({"code": _ICD, "note": _MAYBE, "stays": _TEXT, "rationale": _TEXT})
    way = _object(
        {
            "facts": {**_list(_TEXT), "minItems": 1},
            "codes": _CODES,
            "adds": _CODES,
            "removes": _CODES,
            "outcome": {"enum": list(get_args(Outcome))},
        }
    )
    properties = {
        "schema": {"const": WHY_NOT},
        "encounter_id": {"type": ["string", "integer", "null"]},
        "date_of_service": _DAY,
        "release": _TEXT,
        "engine": _TEXT,
        "ruleset": _TEXT,
        "text_sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
        "code": _ICD,
        "description": _TEXT,
        "answer": {"enum": list(get_args(Answer))},
        "suggested": {"anyOf": [suggested, {"type": "null"}]},
        "left_out": _list(left_out),
        "against": _list(against),
        "would_need": _list(way),
    }
    return _published("spinecode why-not", properties)


def _published(title: str, properties: dict[str, Any]) -> dict[str, Any]:
    findings = json_schema()
    defs = {"Evidence": findings["$defs"]["Evidence"]}
    return {"$schema": findings["$schema"], "title": title, **_object(properties), "$defs": defs}


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}
