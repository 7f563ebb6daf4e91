"""`Result`: the one object a user gets, from the command line, from a batch line and from Python.

Its keys and their order are the contract (`docs/result.schema.json`); text for people is rendered from it, never
stored instead of it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, get_args

from ..coding.codeset import Code, CodeSet, NotCoded, Notice, Outcome, RedFlag, Role, Seen, Status
from ..coding.findings import Evidence, Findings, json_schema, to_json
from ..coding.gaps.model import Effect, Element, Gap, Gaps, OpenFact, Option
from ..models.judgement import Judgement, Reason, Route

SCHEMA: Final = "spinecode/result/1"


@dataclass(frozen=True)
class Result:
    """The suggestion for one note, with everything that led to it.

    ``engine`` is the version of the package, ``ruleset`` a hash of its tables and phrases and ``text_sha256`` one of
    the note's UTF-8, so that a stored result says exactly what made it. ``open_facts`` are all facts left open of which
    two answers lead to different codes, ``gaps`` those worth asking about, the most important first. ``confidence``:
    the probability that the set is exactly right, ``route``: where the encounter goes, ``reasons``: why, three at most,
    ``models``: the hash of the models that say so; all empty without models. ``before``: the
    codes as they were before the facts in ``findings.clarifications`` were told. ``extra`` holds the keys of a batch row that
    spinecode does not know.
    """

    encounter_id: str | int | None
    provider: str | None
    date_of_service: str | None
    release: str
    engine: str
    ruleset: str
    text_sha256: str
    outcome: Outcome
    codes: tuple[Code, ...]
    not_coded: tuple[NotCoded, ...]
    seen: tuple[Seen, ...]
    red_flags: tuple[RedFlag, ...]
    warnings: tuple[Notice, ...]
    open_facts: tuple[OpenFact, ...]
    gaps: tuple[Gap, ...]
    findings: Findings
    confidence: float | None = None
    route: Route | None = None
    reasons: tuple[Reason, ...] = ()
    models: str | None = None
    before: tuple[str, ...] | None = None
    extra: Mapping[str, Any] | None = None

    def to_dict(self) -> dict[str, Any]:
        """The contract's JSON object, keys in the contract's order."""
        out: dict[str, Any] = {
            "schema": SCHEMA,
            "encounter_id": self.encounter_id,
            "provider": self.provider,
            "date_of_service": self.date_of_service,
            "release": self.release,
            "engine": self.engine,
            "ruleset": self.ruleset,
            "text_sha256": self.text_sha256,
            "outcome": self.outcome,
            **decision_data(self),
            **gap_data(self),
            **doubt_data(self),
            "findings": to_json(self.findings),
        }
        if self.before is not None:
            out["before"] = list(self.before)
        if self.extra is not None:
            out["extra"] = dict(self.extra)
        return out

    def to_json(self) -> str:
        """The result as one line of canonical JSON: same result, same bytes."""
        return canonical_json(self.to_dict())

    def with_warnings(self, warnings: tuple[Notice, ...]) -> Result:
        """The same result with ``warnings`` before its own (how the note was read comes before what it says)."""
        return replace(self, warnings=(*warnings, *self.warnings)) if warnings else self


def build_result(
    text: str,
    findings: Findings,
    code_set: CodeSet,
    gaps: Gaps,
    judged: Judgement | None = None,
    *,
    engine: str,
    ruleset: str,
    encounter_id: str | int | None = None,
    provider: str | None = None,
) -> Result:
    """Put what was read and what was decided together."""
    return Result(
        encounter_id=encounter_id,
        provider=provider,
        date_of_service=findings.date_of_service,
        release=code_set.release,
        engine=engine,
        ruleset=ruleset,
        text_sha256=hashlib.sha256(text.encode("utf-8")).hexdigest(),
        outcome=code_set.outcome,
        codes=code_set.codes,
        not_coded=code_set.not_coded,
        seen=code_set.seen,
        red_flags=code_set.red_flags,
        warnings=code_set.warnings,
        open_facts=gaps.open_facts,
        gaps=gaps.gaps,
        findings=findings,
        confidence=judged.confidence if judged else None,
        route=judged.route if judged else None,
        reasons=judged.reasons if judged else (),
        models=judged.models if judged else None,
    )


def canonical_json(data: Any) -> str:
    """Compact JSON in the order of ``data``, one line whatever splits it: the line separators of Unicode are escaped."""
    line = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return line.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029").replace("\x85", "\\u0085")


def decision_data(decided: Result | CodeSet) -> dict[str, Any]:
    """The five lists of a decision, as the result object has them."""
    return {
        "codes": [_code(code) for code in decided.codes],
        "not_coded": [_not_coded(entry) for entry in decided.not_coded],
        "seen": [{"what": entry.what, "evidence": _evidence(entry.evidence)} for entry in decided.seen],
        "red_flags": [{"flag": entry.flag, "evidence": _evidence(entry.evidence)} for entry in decided.red_flags],
        "warnings": [{"kind": notice.kind, "message": notice.message} for notice in decided.warnings],
    }


def gap_data(result: Result | Gaps) -> dict[str, Any]:
    """The two lists of what the note leaves open."""
    return {
        "open_facts": [
            {
                "id": fact.id,
                "element": fact.element,
                "about": fact.about,
                "effect": fact.effect,
                "options": [_option(option) for option in fact.options],
            }
            for fact in result.open_facts
        ],
        "gaps": [_gap(gap) for gap in result.gaps],
    }


def doubt_data(result: Result) -> dict[str, Any]:
    """What the models say; ``words`` of a reason are words of the note."""
    return {
        "confidence": result.confidence,
        "route": result.route,
        "reasons": [{"reason": r.reason, "message": r.message, "words": list(r.words)} for r in result.reasons],
        "models": result.models,
    }


def _gap(gap: Gap) -> dict[str, Any]:
    return {
        "id": gap.id,
        "element": gap.element,
        "about": gap.about,
        "why": gap.why,
        "effect": gap.effect,
        "options": [{**_option(o), "supported_by": list(o.supported_by)} for o in gap.options],
        "indicators": _evidence(gap.indicators),
        "demanded_by": gap.demanded_by or None,
    }


def _option(option: Option) -> dict[str, Any]:
    return {
        "answer": option.answer,
        "words": option.words,
        "codes": list(option.codes),
        "introduces": option.introduces,
    }


def _evidence(evidence: tuple[Evidence, ...]) -> list[dict[str, Any]]:
    return [{"start": e.start, "end": e.end, "text": e.text, "section": e.section} for e in evidence]


def _code(code: Code) -> dict[str, Any]:
    out: dict[str, Any] = {
        "code": code.code,
        "description": code.description,
        "role": code.role,
        "rule": code.rule,
        "rationale": code.rationale,
        "source": code.source,
        "evidence": _evidence(code.evidence),
    }
    if code.exception is not None:
        out["exception"] = {"note": code.exception.note, "with": code.exception.with_code}
    return out


def _not_coded(entry: NotCoded) -> dict[str, Any]:
    return {
        "what": entry.what,
        "code": entry.code,
        "status": entry.status,
        "reason": entry.reason,
        "rule": entry.rule,
        "evidence": _evidence(entry.evidence),
    }


# -- JSON Schema -------------------------------------------------------------------------------------------------------


def result_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a Result, that of the findings included; published as docs/result.schema.json."""
    findings = json_schema()
    text = {"type": "string"}
    maybe = {"type": ["string", "null"]}
    evidence = {"type": "array", "items": {"$ref": "#/$defs/Evidence"}}
    supported = {**evidence, "minItems": 1}
    code = _object(
        {
            "code": {"type": "string", "pattern": r"^[A-Z][0-9][0-9A-Z](\.[0-9A-Z]{1,4})?$"},
            "description": text,
            "role": {"enum": list(get_args(Role))},
            "rule": text,
            "rationale": text,
            "source": text,
            "evidence": supported,
            "exception": _object({"note": text, "with": text}),
        },
        optional=("exception",),
    )
    not_coded = _object(
        {
            "what": text,
            "code": maybe,
            "status": {"enum": list(get_args(Status))},
            "reason": text,
            "rule": text,
            "evidence": evidence,
        }
    )
    about = {
        "id": text,
        "element": {"enum": list(get_args(Element))},
        "about": text,
        "effect": {"enum": list(get_args(Effect))},
    }
    option = {
        "answer": text,
        "words": text,
        "codes": {"type": "array", "items": text},
        "introduces": {"type": "boolean"},
    }
    options = {"type": "array", "items": _object(option), "minItems": 2}
    indexes = {"type": "array", "items": {"type": "integer", "minimum": 0}}
    supported_options = {"type": "array", "items": _object({**option, "supported_by": indexes}), "minItems": 2}
    gap = {**about, "why": text, "options": supported_options, "indicators": evidence, "demanded_by": maybe}
    reason = _object({"reason": text, "message": text, "words": {"type": "array", "items": text}})
    schema = _object(
        {
            "schema": {"const": SCHEMA},
            "encounter_id": {"type": ["string", "integer", "null"]},
            "provider": maybe,
            "date_of_service": {"type": ["string", "null"], "pattern": r"^\d{4}-\d{2}-\d{2}$"},
            "release": text,
            "engine": text,
            "ruleset": text,
            "text_sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
            "outcome": {"enum": list(get_args(Outcome))},
            "codes": {"type": "array", "items": code},
            "not_coded": {"type": "array", "items": not_coded},
            "seen": {"type": "array", "items": _object({"what": text, "evidence": evidence})},
            "red_flags": {"type": "array", "items": _object({"flag": text, "evidence": evidence})},
            "warnings": {"type": "array", "items": _object({"kind": text, "message": text})},
            "open_facts": {"type": "array", "items": _object({**about, "options": options})},
            "gaps": {"type": "array", "items": _object(gap)},
            "confidence": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
            "route": {"enum": [*get_args(Route), None]},
            "reasons": {"type": "array", "items": reason, "maxItems": 3},
            "models": maybe,
            "findings": {"$ref": findings["$ref"]},
            "before": {"type": "array", "items": text},
            "extra": {"type": "object"},
        },
        optional=("before", "extra"),
    )
    return {"$schema": findings["$schema"], "title": "spinecode result", **schema, "$defs": findings["$defs"]}


def _object(properties: dict[str, Any], optional: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": [key for key in properties if key not in optional],
        "additionalProperties": False,
    }
