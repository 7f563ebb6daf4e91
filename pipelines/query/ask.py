"""The queries of one result: built from its gaps, judged, and told apart into those to send and those refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ...coding.errors import InputError
from ..schema_parts import ENCOUNTER_ID, SHA256, TEXT, list_of, object_of
from .build import build_query, whole_quotes
from .check import Approved, Refused, judge
from .gap import Gap, encounter_of, gaps_of
from .model import query_schema
from .render import render_markdown, render_text
from .templates import Templates

SCHEMA: Final = "spinecode/queries/1"
NOTHING: Final = "Nothing to ask: no answer of the provider would change the codes of this note or their defence.\n"


@dataclass(frozen=True)
class Asked:
    """What is to be asked about one note, in the order of its gaps, and what may not be sent."""

    encounter_id: str | int | None
    text_sha256: str
    queries: tuple[Approved, ...]
    refused: tuple[Refused, ...]


def ask(result: Mapping[str, Any], templates: Templates, *, text: str | None, only: str | None = None) -> Asked:
    """The queries of a result object, or the one about the gap ``only``. ``text``: its note.

    Raises:
        InputError: no such gap; names those there are.
    """
    encounter = encounter_of(result)
    gaps = _chosen(gaps_of(result), only)
    if text is not None:
        gaps = tuple(whole_quotes(gap, text) for gap in gaps)
    judged = [judge(build_query(gap, encounter, templates), text=text, gap=gap) for gap in gaps]
    return Asked(
        encounter_id=encounter.encounter_id,
        text_sha256=encounter.text_sha256,
        queries=tuple(each for each in judged if isinstance(each, Approved)),
        refused=tuple(each for each in judged if isinstance(each, Refused)),
    )


def _chosen(gaps: tuple[Gap, ...], only: str | None) -> tuple[Gap, ...]:
    if only is None:
        return gaps
    found = tuple(gap for gap in gaps if gap.id == only)
    if not found:
        valid = ", ".join(gap.id for gap in gaps)
        there = f"the gaps of this note: {valid}" if gaps else "this note has no gaps"
        raise InputError(f"--gap {only!r}: no such gap; {there}")
    return found


def asked_data(asked: Asked) -> dict[str, Any]:
    """The JSON object: the queries, and for each one refused the rules it breaks."""
    return {
        "schema": SCHEMA,
        "encounter_id": asked.encounter_id,
        "text_sha256": asked.text_sha256,
        "queries": [approved.query.to_dict() for approved in asked.queries],
        "refused": [
            {
                "gap": refused.gap,
                "breaches": [{"rule": breach.rule, "part": breach.part} for breach in refused.breaches],
            }
            for refused in asked.refused
        ],
    }


def asked_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of `asked_data`; published as docs/query.schema.json."""
    query = query_schema()
    breach = {"type": "object", "properties": {"rule": TEXT, "part": TEXT}}
    refused = object_of({"gap": TEXT, "breaches": list_of(breach, minItems=1)})
    properties = {
        "schema": {"const": SCHEMA},
        "encounter_id": ENCOUNTER_ID,
        "text_sha256": SHA256,
        "queries": list_of({"$ref": "#/$defs/Query"}),
        "refused": list_of(refused),
    }
    return {
        "$schema": query.pop("$schema"),
        "title": "spinecode provider queries of one note",
        **object_of(properties),
        "$defs": {"Query": query},
    }


def render_asked(asked: Asked, *, markdown: bool = False) -> str:
    """Every query to send, one after the other, or a line that there is none."""
    if not asked.queries:
        return "" if asked.refused else NOTHING
    between = "\n---\n\n" if markdown else f"\n{'-' * 100}\n\n"
    return between.join(map(render_markdown if markdown else render_text, asked.queries))
