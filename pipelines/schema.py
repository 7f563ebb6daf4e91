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
from .schema_parts import DAY, ENCOUNTER_ID, EVIDENCE, ICD, MAYBE, SHA256, TEXT, WHOLE, list_of, object_of
from .why_not import SCHEMA as WHY_NOT

_COUNTS: Final = {"type": "object", "additionalProperties": WHOLE}
_CODES: Final = list_of(ICD)


def audit_schema() -> dict[str, Any]:
    """JSON Schema of what `spinecode audit --json` prints. A claimed code is any text: claims hold wrong ones too."""
    finding = object_of(
        {
            "kind": {"enum": list(audit_checks())},
            "severity": {"enum": list(get_args(Severity))},
            "code": MAYBE,
            "what": TEXT,
            "why": TEXT,
            "advice": TEXT,
            "instead": _CODES,
            "source": TEXT,
            "guide": MAYBE,
            "evidence": EVIDENCE,
        }
    )
    claim = object_of(
        {
            "encounter_id": {"type": ["string", "integer"]},
            "line": {"type": "integer", "minimum": 1},
            "date_of_service": MAYBE,
            "release": TEXT,
            "codes": list_of(TEXT),
            "cpt": list_of(TEXT),
            "suggested": {"anyOf": [_CODES, {"type": "null"}]},
            "findings": list_of(finding),
            "not_checked": list_of(TEXT),
            "warnings": list_of(object_of({"kind": TEXT, "message": TEXT})),
        }
    )
    worst = object_of(dict.fromkeys((*SEVERITIES, "clean"), WHOLE))
    summary = object_of(
        {
            "claims": WHOLE,
            "with_note": WHOLE,
            "of_spine": WHOLE,
            "worst": worst,
            "kinds": _COUNTS,
            "guide": _COUNTS,
            "unspecified": WHOLE,
            "unspecified_rate": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
            "unspecified_codes": _COUNTS,
        }
    )
    properties = {
        "schema": {"const": AUDIT},
        "engine": TEXT,
        "ruleset": TEXT,
        "claims": list_of(claim),
        "summary": summary,
    }
    return _published("spinecode audit", properties)


def why_not_schema() -> dict[str, Any]:
    """JSON Schema of what `spinecode suggest --why-not CODE --json` prints."""
    suggested = object_of({"rule": TEXT, "rationale": TEXT, "source": TEXT, "evidence": EVIDENCE})
    left_out = object_of(
        {
            "what": TEXT,
            "code": MAYBE,
            "status": {"enum": list(get_args(Status))},
            "rule": TEXT,
            "reason": TEXT,
            "evidence": EVIDENCE,
        }
    )
    against = object_of({"code": ICD, "note": MAYBE, "stays": TEXT, "rationale": TEXT})
    way = object_of(
        {
            "facts": list_of(TEXT, minItems=1),
            "codes": _CODES,
            "adds": _CODES,
            "removes": _CODES,
            "outcome": {"enum": list(get_args(Outcome))},
        }
    )
    properties = {
        "schema": {"const": WHY_NOT},
        "encounter_id": ENCOUNTER_ID,
        "date_of_service": DAY,
        "release": TEXT,
        "engine": TEXT,
        "ruleset": TEXT,
        "text_sha256": SHA256,
        "code": ICD,
        "description": TEXT,
        "answer": {"enum": list(get_args(Answer))},
        "suggested": {"anyOf": [suggested, {"type": "null"}]},
        "left_out": list_of(left_out),
        "against": list_of(against),
        "would_need": list_of(way),
    }
    return _published("spinecode why-not", properties)


def _published(title: str, properties: dict[str, Any]) -> dict[str, Any]:
    findings = json_schema()
    defs = {"Evidence": findings["$defs"]["Evidence"]}
    return {"$schema": findings["$schema"], "title": title, **object_of(properties), "$defs": defs}
