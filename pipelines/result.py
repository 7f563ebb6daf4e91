"""`Result`: the one object a user gets, from the command line, from a batch line and from Python.

Its keys and their order are the contract (`docs/result.schema.json`); text for people is rendered from it, never
stored instead of it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, get_args

from ..coding.codeset import Code, CodeSet, NotCoded, Notice, Outcome, RedFlag, Role, Seen, Status
from ..coding.findings import Evidence, Findings, json_schema, to_json

SCHEMA: Final = "spinecode/result/1"


@dataclass(frozen=True)
class Result:
    """The suggestion for one note, with everything that led to it.

    ``engine`` is the version of the package, ``ruleset`` a hash of its tables and phrases and ``text_sha256`` one of
    the note's UTF-8, so that a stored result says exactly what made it. ``extra`` holds the keys of a batch row that
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
    findings: Findings
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
            "codes": [_code(code) for code in self.codes],
            "not_coded": [_not_coded(entry) for entry in self.not_coded],
            "seen": [{"what": entry.what, "evidence": _evidence(entry.evidence)} for entry in self.seen],
            "red_flags": [{"flag": entry.flag, "evidence": _evidence(entry.evidence)} for entry in self.red_flags],
            "warnings": [{"kind": notice.kind, "message": notice.message} for notice in self.warnings],
            "findings": to_json(self.findings),
        }
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
        findings=findings,
    )


def canonical_json(data: Any) -> str:
    """Compact JSON in the order of ``data``, one line whatever splits it: the line separators of Unicode are escaped."""
    line = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return line.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029").replace("\x85", "\\u0085")


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


# -- a result without the note's words ---------------------------------------------------------------------------------

_QUOTED = re.compile(r"“[^“”]*”|\"[^\"]*\"")
_WORD = re.compile(r"[^\W_]{3,}")


def blank_text(result: Mapping[str, Any]) -> dict[str, Any]:
    """The result object with every string taken from the note blanked (``--no-text``).

    Offsets, codes and rule ids stay, and the findings still replay. Where it cannot be known whether words are the
    note's or ours, they are blanked.
    """
    quotes = sorted(_texts(result), key=lambda text: (-len(text), text))
    out = dict(result)
    out["codes"] = [
        {**code, "rationale": _unquoted(code["rationale"], quotes), "evidence": _blanked(code["evidence"])}
        for code in result["codes"]
    ]
    out["not_coded"] = [
        {
            **entry,
            "what": _label(entry["what"], entry["evidence"]),
            "reason": _unquoted(entry["reason"], quotes),
            "evidence": _blanked(entry["evidence"]),
        }
        for entry in result["not_coded"]
    ]
    out["seen"] = [
        {"what": _label(entry["what"], entry["evidence"]), "evidence": _blanked(entry["evidence"])}
        for entry in result["seen"]
    ]
    out["red_flags"] = [{**entry, "evidence": _blanked(entry["evidence"])} for entry in result["red_flags"]]
    out["warnings"] = [{**entry, "message": _unquoted(entry["message"], quotes)} for entry in result["warnings"]]
    out["findings"] = _blanked(result["findings"])
    if "extra" in result:
        out["extra"] = dict.fromkeys(result["extra"], "")
    return out


def _texts(value: Any) -> set[str]:
    """Every string of the note in a result: evidence, and the words that set an assertion."""
    if isinstance(value, Mapping):
        own = {value[key] for key in ("text", "cue") if isinstance(value.get(key), str)}
        return own.union(*(_texts(item) for key, item in value.items() if key != "extra"))
    if isinstance(value, list):
        return set[str]().union(*map(_texts, value))
    return set()


def _unquoted(sentence: str, quotes: list[str]) -> str:
    # The known quotes first: a quote that itself holds quotation marks would end too early for the pattern.
    for text in quotes:
        if text:
            sentence = sentence.replace(f"“{text}”", "“”").replace(f'"{text}"', '""')
    return _QUOTED.sub(lambda match: match.group()[0] + match.group()[-1], sentence)


def _label(what: str, evidence: list[Mapping[str, Any]]) -> str:
    """A label of ours stays; one that shares a word with the note may be the note's."""
    said = {word.casefold() for e in evidence for word in _WORD.findall(e["text"])}
    return "" if said.intersection(word.casefold() for word in _WORD.findall(what)) else what


def _blanked(value: Any) -> Any:
    """``value`` without evidence text, assertion cues and names of problems that are ours only by quotation."""
    if isinstance(value, list):
        return [_blanked(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    blank = {"text", "cue"} | ({"name"} if value.get("kind") == "outside_problem" else set())
    return {key: "" if key in blank and isinstance(item, str) else _blanked(item) for key, item in value.items()}


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
            "findings": {"$ref": findings["$ref"]},
            "extra": {"type": "object"},
        },
        optional=("extra",),
    )
    return {"$schema": findings["$schema"], "title": "spinecode result", **schema, "$defs": findings["$defs"]}


def _object(properties: dict[str, Any], optional: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": [key for key in properties if key not in optional],
        "additionalProperties": False,
    }
