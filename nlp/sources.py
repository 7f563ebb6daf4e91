"""In which part of the note a sentence stands, in the vocabulary of `Findings` (coding policy 1: who says it, and where)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..coding.findings import NO_HEADING, REPORTS, Evidence, Source
from .layout import Sentence

if TYPE_CHECKING:
    from .note import NoteFacts

_OF_SECTION: dict[str, Source] = {
    "none": "history",
    "history": "history",
    "chief_complaint": "chief_complaint",
    "past_history": "past_history",
    "problem_list": "problem_list",
    "family": "other",
    "social": "other",
    "allergies": "other",
    "medication": "medication",
    "review_of_systems": "review_of_systems",
    "exam": "exam",
    "imaging": "imaging",
    "assessment": "assessment",
    "post_diagnosis": "post_diagnosis",
    "pre_diagnosis": "pre_diagnosis",
    "indication": "indication",
    "plan": "plan",
    "education": "education",
    "procedure": "procedure",
    "other": "other",
}
_REPORT: dict[str, Source] = {
    "none": "indication",
    "history": "indication",
    "chief_complaint": "indication",
    "exam": "procedure",
    "plan": "other",
}
_PROCEDURE: dict[str, Source] = {
    "none": "indication",
    "history": "indication",
    "chief_complaint": "indication",
    "assessment": "pre_diagnosis",
}


def quote(text: str, start: int, end: int, sentence: Sentence | None) -> Evidence:
    """``text[start:end]`` as evidence; ``sentence`` is the one it stands in."""
    return Evidence(start, end, text[start:end], (sentence.section.title if sentence else "") or NO_HEADING)


def source_of(sentence: Sentence, facts: NoteFacts) -> Source:
    """The source of what `sentence` says; a sub-heading ("Plan:" in an entry) goes before its section."""
    category = sentence.section.category
    if facts.restates_complaint(sentence):
        return "chief_complaint"
    if facts.document_type in REPORTS and facts.opens_with_level(sentence):
        return "imaging"
    if category == "none" and (listed := facts.listed(sentence)) is not None:
        return listed
    if sentence.label in ("plan", "education"):
        return "plan" if sentence.label == "plan" else "education"
    if sentence.label == "imaging":
        return "imaging"
    if (
        sentence.label == "exam"
        and category in ("history", "none", "chief_complaint")
        and facts.document_type == "visit"
    ):
        return "exam"
    if facts.document_type in REPORTS and category in _REPORT:
        return _REPORT[category]
    if facts.document_type == "procedure_note" and category in _PROCEDURE:
        return _PROCEDURE[category]
    return _OF_SECTION[category]
