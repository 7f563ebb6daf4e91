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
from .schema_parts import DAY, ENCOUNTER_ID, EVIDENCE, ICD, MAYBE, SHA256, TEXT, WHOLE, list_of, object_of

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


# Nothing here holds itself; to look for that at every list and object takes a sixth of the time.
_encoded: Final = json.JSONEncoder(
    ensure_ascii=False, separators=(",", ":"), allow_nan=False, check_circular=False
).encode


def canonical_json(data: Any) -> str:
    """Compact JSON in the order of ``data``, one line whatever splits it: the line separators of Unicode are escaped."""
    line = _encoded(data)
    return line.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029").replace("\x85", "\\u0085")


def decision_data(decided: Result | CodeSet) -> dict[str, Any]:
    """The five lists of a decision, as the result object has them."""
    return {
        "codes": [_code(code) for code in decided.codes],
        "not_coded": [_not_coded(entry) for entry in decided.not_coded],
        "seen": [{"what": entry.what, "evidence": evidence_data(entry.evidence)} for entry in decided.seen],
        "red_flags": [{"flag": entry.flag, "evidence": evidence_data(entry.evidence)} for entry in decided.red_flags],
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
        "indicators": evidence_data(gap.indicators),
        "demanded_by": gap.demanded_by or None,
    }


def _option(option: Option) -> dict[str, Any]:
    return {
        "answer": option.answer,
        "words": option.words,
        "codes": list(option.codes),
        "introduces": option.introduces,
    }


def evidence_data(evidence: tuple[Evidence, ...]) -> list[dict[str, Any]]:
    """Quotes, as every result object has them."""
    return [{"start": e.start, "end": e.end, "text": e.text, "section": e.section} for e in evidence]


def _code(code: Code) -> dict[str, Any]:
    out: dict[str, Any] = {
        "code": code.code,
        "description": code.description,
        "role": code.role,
        "rule": code.rule,
        "rationale": code.rationale,
        "source": code.source,
        "evidence": evidence_data(code.evidence),
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
        "evidence": evidence_data(entry.evidence),
    }


# -- JSON Schema -------------------------------------------------------------------------------------------------------


def result_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a Result, that of the findings included; published as docs/result.schema.json."""
    findings = json_schema()
    code = object_of(
        {
            "code": ICD,
            "description": TEXT,
            "role": {"enum": list(get_args(Role))},
            "rule": TEXT,
            "rationale": TEXT,
            "source": TEXT,
            "evidence": {**EVIDENCE, "minItems": 1},
            "exception": object_of({"note": TEXT, "with": TEXT}),
        },
        optional=("exception",),
    )
    not_coded = object_of(
        {
            "what": TEXT,
            "code": MAYBE,
            "status": {"enum": list(get_args(Status))},
            "reason": TEXT,
            "rule": TEXT,
            "evidence": EVIDENCE,
        }
    )
    about = {
        "id": TEXT,
        "element": {"enum": list(get_args(Element))},
        "about": TEXT,
        "effect": {"enum": list(get_args(Effect))},
    }
    option = {
        "answer": TEXT,
        "words": TEXT,
        "codes": list_of(TEXT),
        "introduces": {"type": "boolean"},
    }
    options = list_of(object_of(option), minItems=2)
    supported_options = list_of(object_of({**option, "supported_by": list_of(WHOLE)}), minItems=2)
    gap = {**about, "why": TEXT, "options": supported_options, "indicators": EVIDENCE, "demanded_by": MAYBE}
    reason = object_of({"reason": TEXT, "message": TEXT, "words": list_of(TEXT)})
    schema = object_of(
        {
            "schema": {"const": SCHEMA},
            "encounter_id": ENCOUNTER_ID,
            "provider": MAYBE,
            "date_of_service": DAY,
            "release": TEXT,
            "engine": TEXT,
            "ruleset": TEXT,
            "text_sha256": SHA256,
            "outcome": {"enum": list(get_args(Outcome))},
            "codes": list_of(code),
            "not_coded": list_of(not_coded),
            "seen": list_of(object_of({"what": TEXT, "evidence": EVIDENCE})),
            "red_flags": list_of(object_of({"flag": TEXT, "evidence": EVIDENCE})),
            "warnings": list_of(object_of({"kind": TEXT, "message": TEXT})),
            "open_facts": list_of(object_of({**about, "options": options})),
            "gaps": list_of(object_of(gap)),
            "confidence": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
            "route": {"enum": [*get_args(Route), None]},
            "reasons": list_of(reason, maxItems=3),
            "models": MAYBE,
            "findings": {"$ref": findings["$ref"]},
            "before": list_of(TEXT),
            "extra": {"type": "object"},
        },
        optional=("before", "extra"),
    )
    return {"$schema": findings["$schema"], "title": "spinecode result", **schema, "$defs": findings["$defs"]}
