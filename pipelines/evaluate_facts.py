"""Facts of a note as read and as annotated, in one vocabulary, so that they can be compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, get_args

from ..coding.findings import Findings, Intent
from ..coding.pregnancy import trimester_of_weeks

FACTS: Final = ("region", "laterality", "chronicity", "intent", "trimester")

_SAME: Final = {"pain_management": "pain_control"}
"""Words of the corpora for what has another name here."""

_NO_REGION: Final = ("unspecified", "back")
"""Said in some corpora where others leave the list empty: no region is named."""

_INTENTS: Final = {
    "pain_control_procedure": "pain_control",
    "pain_medication_management": "pain_control",
    "diagnostic_block": "diagnostic",
}
"""Free wordings of an intent in one of the corpora."""

_REPORTS: Final = ("imaging_report", "emg_report")


def read_facts(findings: Findings) -> dict[str, set[str]]:
    """The facts of a note as read: those of its present spinal conditions that are not findings of a study."""
    stated = [
        c
        for c in findings.conditions
        if c.assertion == "present" and not c.imaging and c.kind not in ("outside_cause", "outside_problem")
    ]
    regions: set[str] = {region for c in stated for region in c.regions}
    pregnancy = findings.pregnancy
    return {
        "region": regions,
        "laterality": _sides([side for c in stated for side in c.sides]),
        "chronicity": {c.chronicity or _chronicity(c.duration_days) for c in stated} - {""},
        "intent": _intent_read(findings),
        "trimester": {pregnancy.trimester or trimester_of_weeks(pregnancy.weeks)} - {""} if pregnancy else set(),
    }


def reference_facts(note: Mapping[str, Any]) -> dict[str, set[str]]:
    """The facts of a note as annotated, in the same vocabulary; only those that the corpus has."""
    out: dict[str, set[str]] = {}
    for name, value in note.get("facts", {}).items():
        if name in FACTS:
            values = [_fact(each) for each in (value if isinstance(value, list) else [value]) if each is not None]
            if name == "intent":
                values = _intent_meant(values)
            if name == "region":
                values = [each for each in values if each not in _NO_REGION]
            out[name] = _sides(values) if name == "laterality" else set(values)
    return out


def _intent_read(findings: Findings) -> set[str]:
    """What the encounter is for. A report is diagnostic; a visit with no mark of another purpose is an evaluation."""
    marked = {mark.value for mark in findings.intents if mark.assertion == "present"}
    return marked or {"diagnostic" if findings.document_type in _REPORTS else "evaluation"}


def _intent_meant(values: Sequence[str]) -> list[str]:
    """The annotated intent in our three words. Follow-up, therapy, prenatal care, a visit for something else: the product
    tells none of them from an evaluation (nothing in the coding hangs on it), so they are scored as one.
    """
    known = {_INTENTS.get(each, each) for each in values} & set(get_args(Intent))
    return sorted(known) or ["evaluation"]


def _fact(value: str) -> str:
    word = value.replace("-", "_").replace(" ", "_")
    return _SAME.get(word, word)


def _sides(sides: Sequence[str]) -> set[str]:
    """Both sides are both, whichever way they are written."""
    return {side for each in sides for side in (("left", "right") if each == "bilateral" else (each,))}


def _chronicity(days: int | None) -> str:
    if days is None:
        return ""
    return "acute" if days < 42 else "subacute" if days < 84 else "chronic"
