"""Marks of the whole note: encounter phase and intent, studies, red flags, injury (coding policy 4, 5, 8)."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from spacy.tokens import Span

from ..coding import findings as f
from . import pipeline
from .excerpt import Piece
from .lexicon import folded, wording

if TYPE_CHECKING:
    from .draft import Draft

_INJURED = wording("marks-injured")
_INJURED_SITE = wording("marks-injured-site")
_SUDDEN = wording("marks-sudden")
_HERE_FOR = wording("marks-here-for")
_ONLY_WEIGHED = wording("marks-only-weighed")
_ARRANGED = wording("marks-arranged")
_WILL = wording("marks-will")
_VISIT_PARTS = frozenset(("chief_complaint", "history", "assessment", "indication"))
_RED_FLAG_PARTS = _VISIT_PARTS | {"review_of_systems", "exam"}
_PROCEDURE_PARTS = frozenset(("procedure", "indication", "post_diagnosis", "pre_diagnosis", "other"))
_INJURED_KINDS = frozenset(("pain", "sciatica", "low_back_pain_with_sciatica"))
_NOT_SPINAL = frozenset(
    ("leg_pain", "radiating_pain", "outside_cause", "outside_problem", "chronic_pain", "flank_pain")
)
_AFTER = 110


class Marks:
    """Collects the marks of one draft from its fact spans."""

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self.spans: dict[str, list[tuple[Span, Piece, f.Source]]] = {}
        for read in draft.reads:
            for span in read.spans.facts:
                self.spans.setdefault(span.label_, []).append((span, read.piece, draft.source(read.sentence)))

    def _mark(self, span: Span, value: str) -> f.Mark:
        return f.Mark(value, self.draft.evidence_of(span), self.draft.assertion(span)[0])

    def _all(self, label: str) -> list[tuple[Span, Piece, f.Source, str]]:
        return [(s, p, src, pipeline.metadata(s).get("value", "")) for s, p, src in self.spans.get(label, [])]

    def phases(self) -> tuple[f.Mark, ...]:
        """Cues for the 7th character, where the visit speaks of itself."""
        parts = _VISIT_PARTS | {"procedure"}
        found = [(s, p, v) for s, p, source, v in self._all("PHASE") if source in parts]
        return _ordered([self._mark(s, v) for s, p, v in found if not self._is_ahead(s, p)])

    def _is_ahead(self, span: Span, piece: Piece) -> bool:
        """A follow-up that is arranged ("follow-up with employee health") is not what this visit is."""
        raw = self.draft.raw(piece.sentence)
        at = self.draft.evidence_of(span).start - piece.sentence.start
        return bool(_ARRANGED.match(raw, at) or _WILL.search(raw[:at]))

    def intents(self) -> tuple[f.Mark, ...]:
        """Procedures done today and other reasons that make an encounter one for pain control."""
        marks = [self._mark(s, v) for s, p, source, v in self._all("INTENT") if self._done_today(s, p, source)]
        return _ordered([m for m in marks if m.assertion == "present"])

    def _done_today(self, span: Span, piece: Piece, source: f.Source) -> bool:
        if self.draft.facts.document_type == "procedure_note":
            return source in _PROCEDURE_PARTS
        if source == "chief_complaint":
            return True
        opens_note = self.draft.evidence_of(span).start == len(self.draft.text) - len(self.draft.text.lstrip())
        if source != "history":
            return False
        raw = self.draft.raw(piece.sentence)
        return opens_note or bool(_HERE_FOR.search(raw) and not _ONLY_WEIGHED.search(raw))

    def studies(self) -> tuple[f.Mark, ...]:
        """Imaging and electrodiagnostic studies the note names."""
        return _ordered([self._mark(s, v) for s, _, _, v in self._all("STUDY")])

    def red_flags(self) -> tuple[f.Mark, ...]:
        """Red flags stated as present."""
        marks = [self._mark(s, v) for s, _, source, v in self._all("RED_FLAG") if source in _RED_FLAG_PARTS]
        return _ordered([m for m in marks if m.assertion == "present"])

    # -- injury --------------------------------------------------------------------------------------------------------

    def injuries(self, conditions: tuple[f.Condition, ...]) -> tuple[f.Injury, ...]:
        """Mechanisms told where the spine is spoken of: in the same sentence or one beside it."""
        at_work = [m for s, _, _, _ in self._all("WORK") if (m := self._mark(s, "work")).assertion == "present"]
        details = tuple(f.Detail("at_work", m.evidence) for m in at_work[:1])
        spots = [c.evidence.start for c in conditions if c.kind not in _NOT_SPINAL]
        out = []
        for span, piece, source, value in self._all("MECHANISM"):
            low, high = self._neighbourhood(piece)
            if source in _VISIT_PARTS and any(low <= spot < high for spot in spots):
                mark = self._mark(span, value)
                mechanism: f.Mechanism = value  # type: ignore[assignment]
                out.append(f.Injury(mechanism, mark.evidence, bool(at_work), mark.assertion, details))
        return tuple(sorted(out, key=lambda injury: injury.evidence))

    def _neighbourhood(self, piece: Piece) -> tuple[int, int]:
        pieces = self.draft.excerpt.pieces
        index = pieces.index(piece)
        return pieces[max(0, index - 1)].sentence.start, pieces[min(len(pieces) - 1, index + 1)].sentence.end

    def with_injury(self, condition: f.Condition) -> f.Condition:
        """Adds *from_injury* and *acute_onset* to a pain whose own sentence says so."""
        if condition.kind not in _INJURED_KINDS or condition.assertion != "present":
            return condition
        sentence = self.draft.sentence_at(condition.evidence.start)
        if sentence is None:
            return condition
        raw = self.draft.raw(sentence)
        after = folded(raw[condition.evidence.end - sentence.start :])[:_AFTER]
        raw = folded(raw)
        extra: set[f.Quality] = set(condition.qualities)
        if _INJURED_SITE.search(raw) or _INJURED.match(after):
            extra.add("from_injury")
        if _SUDDEN.search(raw):
            extra.add("acute_onset")
        return dataclasses.replace(condition, qualities=tuple(sorted(extra)))


def _ordered(marks: list[f.Mark]) -> tuple[f.Mark, ...]:
    return tuple(sorted(marks, key=lambda m: (m.evidence, m.value)))
