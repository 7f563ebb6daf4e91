"""A current pregnancy, its weeks or trimester as stated, and how the pain relates to it (coding policy 6)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..coding import findings as f
from . import pipeline
from .assertion import assertion_of
from .sources import source_of

if TYPE_CHECKING:
    from .document import NoteFacts
    from .reader import _NoteReader

_DAYS = r"(?:[ ]?(?:\+|-|and|&|,)?[ ]?(?P<days>\d)(?:[ ]?/[ ]?7|[ ]?d(?:ays?)?)?)?"
_WEEKS = (
    re.compile(rf"\b(?P<weeks>\d{{1,2}}){_DAYS}[ -]?(?:weeks?|wks?)(?:[ -]?(?:and[ ])?\d[ ]?days?)?[ -]?(?:'|’)?[ ]?(?:of[ ]|by dates[ ])?(?:gestation\w*|pregnan\w*|EGA|GA|IUP|intrauterine|gravid)", re.IGNORECASE),
    re.compile(r"\b(?P<weeks>\d{1,2})[ ]?w(?:k|eeks?)?[ ]?(?P<days>\d)[ ]?d\b", re.IGNORECASE),
    re.compile(rf"\b(?:gravida|G\d|IUP|pregnan\w*|gestation\w*(?: age)?(?: of)?|EGA|GA|primigravida|multigravida|para)\b[^.\n]{{0,50}}?(?:at|@|is|of|:|,|x)?[ ]?\b(?P<weeks>\d{{1,2}}){_DAYS}[ -]?(?:weeks?|wks?|w)\b", re.IGNORECASE),
    re.compile(rf"\b(?:at|@|now|currently)[ ](?:about[ ])?(?P<weeks>\d{{1,2}}){_DAYS}[ ]?(?:weeks?|wks?)(?:'|’)?(?=[^.\n]{{0,40}}(?:pregnan|gestation|fetal|obstet|prenatal|\bOB\b))", re.IGNORECASE),
)
_ALLOWED = frozenset(("chief_complaint", "history", "assessment", "indication", "plan", "problem_list", "exam"))


def _weeks(text: str) -> tuple[int, int, int] | None:
    """(completed weeks, start, end) of a stated gestational age."""
    for pattern in _WEEKS:
        for match in pattern.finditer(text):
            weeks = int(match["weeks"])
            if 3 <= weeks <= 43 and not re.search(r"\b(?:ago|post|follow|old|delivered)\b", text[match.start() : match.end() + 12], re.IGNORECASE):
                return weeks, match.start(), match.end()
    return None


def pregnancy_of(note: _NoteReader, facts: NoteFacts) -> f.Pregnancy | None:
    """The current pregnancy, or None: a negative test, obstetric history and the time after birth are none."""
    spans = [(s, note._piece_at(s)) for s in note.doc.spans[pipeline.TARGETS] if s.label_.startswith("PREGNANCY")]
    stated = _weeks(note.text)
    said = [(s, p) for s, p in spans if s.label_ == "PREGNANCY" and _current(note, facts, s, p)]
    trimesters = [(s, p) for s, p in spans if s.label_ == "PREGNANCY_TRIMESTER" and _current(note, facts, s, p)]
    if stated is None and not trimesters and (not said or any(s.label_ == "PREGNANCY_NOT" for s, _ in spans)):
        return None
    if stated is not None:
        evidence = f.Evidence(stated[1], stated[2], note.text[stated[1] : stated[2]], _section(facts, stated[1]))
    else:
        span, piece = (said or trimesters)[0]
        evidence = note.evidence(span.start, span.end, piece)
    details = []
    trimester = None
    if trimesters:
        span, piece = trimesters[0]
        trimester = pipeline.metadata(span)["value"]
        details.append(f.Detail("trimester", note.evidence(span.start, span.end, piece)))
    relation = None
    for span, piece in spans:
        if span.label_ == "PREGNANCY_RELATION" and _current(note, facts, span, piece):
            value = pipeline.metadata(span)["value"]
            if relation is None or value != "caused":
                relation = value
            details.append(f.Detail("relation", note.evidence(span.start, span.end, piece)))
    return f.Pregnancy(evidence, trimester, stated[0] if stated else None, relation, tuple(details))


def _current(note: _NoteReader, facts: NoteFacts, span: object, piece: object) -> bool:
    assertion, _, _ = assertion_of(span, piece, note.doc, note.text, note.excerpt)  # type: ignore[arg-type]
    return assertion == "present" and source_of(piece.sentence, facts) in _ALLOWED  # type: ignore[attr-defined]


def _section(facts: NoteFacts, offset: int) -> str:
    for sentence in facts.layout.sentences:
        if sentence.start <= offset < sentence.end:
            return sentence.section.title or "(no heading)"
    return "(no heading)"
