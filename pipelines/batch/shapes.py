"""Results as tables: one row per encounter, one per code, one per gap. It runs where rows are answered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from ..result import canonical_json
from ..rows import Row
from .columns import told_apart

_KEYS: Final = ("row", "encounter_id", "provider", "date_of_service")
TABLES: Final[Mapping[str, tuple[str, ...]]] = {
    "encounters": (
        *_KEYS,
        "outcome",
        "first_listed",
        "codes",
        "optional_codes",
        "not_coded",
        "red_flags",
        "warnings",
        "gaps",
        "release",
        "engine",
        "ruleset",
        "text_sha256",
        "confidence",
        "route",
        "reasons",
    ),
    "codes": (*_KEYS, "position", "code", "description", "role", "rule", "rationale", "source", "evidence", "sections"),
    "gaps": (*_KEYS, "position", "gap", "element", "about", "effect", "why", "options", "indicators", "sections"),
}
"""Columns of each table; those that are carried through stand behind them."""

EXTRA: Final = "extra"
"""The one column, of JSON, for what is carried through where rows differ in it."""


def carried_columns(columns: Iterable[str] | None) -> tuple[str, ...]:
    """What the carried columns are called: as in the input, unless one of ours is called so. Databases take no notice of
    upper and lower case in names.
    """
    if columns is None:
        return (EXTRA,)
    ours = {name for table in TABLES.values() for name in table}
    return tuple(told_apart((f"input_{name}" if name.casefold() in ours else name for name in columns), any_case=True))


def tables_of(result: Mapping[str, Any], row: Row) -> dict[str, list[Any]]:
    """The rows of each table for one result, without the carried columns, which are the same for all: under "carried"."""
    keys = [row.line, result["encounter_id"], result["provider"], result["date_of_service"]]
    codes, gaps = result["codes"], result.get("gaps") or []
    return {
        "encounters": [[*keys, *_encounter(result, codes, gaps)]],
        "codes": [[*keys, place, *_code(code)] for place, code in enumerate(codes, start=1)],
        "gaps": [[*keys, place, *_gap(gap)] for place, gap in enumerate(gaps, start=1)],
        "carried": [result.get("extra") or {}],
    }


def _encounter(result: Mapping[str, Any], codes: list[Any], gaps: list[Any]) -> list[Any]:
    claim = [code["code"] for code in codes if code["role"] != "optional"]
    return [
        result["outcome"],
        claim[0] if claim else None,
        "; ".join(claim),
        "; ".join(code["code"] for code in codes if code["role"] == "optional"),
        len(result["not_coded"]),
        "; ".join(flag["flag"] for flag in result["red_flags"]),
        " | ".join(notice["message"] for notice in result["warnings"]),
        len(gaps),
        result["release"],
        result["engine"],
        result["ruleset"],
        result["text_sha256"],
        result.get("confidence"),
        result.get("route"),
        " | ".join(reason["message"] for reason in result.get("reasons") or []),
    ]


def _code(code: Mapping[str, Any]) -> list[Any]:
    plain = [code[key] for key in ("code", "description", "role", "rule", "rationale", "source")]
    return [*plain, _quotes(code["evidence"]), _sections(code["evidence"])]


def _gap(gap: Mapping[str, Any]) -> list[Any]:
    indicators = gap.get("indicators") or []
    plain = [gap.get(key) for key in ("id", "element", "about", "effect", "why")]
    return [*plain, _options(gap.get("options") or []), _quotes(indicators), _sections(indicators)]


def _options(options: list[Mapping[str, Any]]) -> str:
    """Written like: left → M54.42; right → M54.41."""
    return "; ".join(
        f"{option.get('words') or option.get('answer')} → {' + '.join(option.get('codes') or ['no code'])}"
        for option in options
    )


def _quotes(evidence: list[Mapping[str, Any]]) -> str:
    return " | ".join(each["text"] for each in evidence if each["text"])


def _sections(evidence: list[Mapping[str, Any]]) -> str:
    return " | ".join(dict.fromkeys(each["section"] for each in evidence if each["section"]))


def carried_cells(carried: Mapping[str, Any], columns: tuple[str, ...] | None) -> list[Any]:
    """The cells of the carried columns; ``columns``: what rows call them, None where rows differ."""
    if columns is None:
        return [canonical_json(carried) if carried else None]
    return [cell(carried.get(name)) for name in columns]


def cell(value: Any) -> str | int | float | None:
    """A value as a table can hold it."""
    if value is None or isinstance(value, str | float) or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    return canonical_json(value)
