"""Marks of the whole note: encounter phase and intent, studies, red flags, injury (coding policy 4, 5, 8)."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

from spacy.tokens import Span

from ..coding import findings as f
from . import pipeline
from .excerpt import Piece
from .layout import Sentence
from .lexicon import folded, wording

if TYPE_CHECKING:
    from .draft import Draft

_INJURED = wording("marks-injured")
_INJURED_SITE = wording("marks-injured-site")
_SUDDEN = wording("marks-sudden")
_HERE_FOR = wording("marks-here-for")
_ONLY_WEIGHED = wording("marks-only-weighed")
_IMPROVING = wording("marks-improving")
_NOT_IMPROVING = wording("marks-not-improving")
_NEW_TREATMENT = wording("marks-new-treatment")
_INJURIES = frozenset(("strain", "sprain", "whiplash"))
# How many sentences after an injury still tell its course.
_COURSE = 3
_DONE_TODAY = wording("marks-done-today")
_NOT_TODAY_BEFORE = wording("marks-not-today-before")
_NOT_TODAY_AFTER = wording("marks-not-today-after")
_PAIN_VISIT = wording("marks-pain-visit")
_NEVER_DECIDED_TODAY = wording("marks-never-decided-today")
_ARRANGED = wording("marks-arranged")
_WILL = wording("marks-will")
_EARLIER_VISIT_BEFORE = wording("marks-earlier-visit-before")
_EARLIER_VISIT_AFTER = wording("marks-earlier-visit-after")
_OF_OTHER_BEFORE = wording("marks-of-other-before")
_OF_OTHER_AFTER = wording("marks-of-other-after")
_FOLLOWS = re.compile(r"follow|recheck|re-?eval", re.IGNORECASE)
_EMERGENCY = re.compile(r"emergency|urgent care", re.IGNORECASE)
_VISIT_PARTS = frozenset(("chief_complaint", "history", "assessment", "indication"))
_RED_FLAG_PARTS = _VISIT_PARTS | {"review_of_systems", "exam"}
_PROCEDURE_PARTS = frozenset(("procedure", "indication", "post_diagnosis", "pre_diagnosis", "other"))
_INJURED_KINDS = frozenset(("pain", "sciatica", "low_back_pain_with_sciatica"))
_NOT_SPINAL = frozenset(
    ("leg_pain", "radiating_pain", "outside_cause", "outside_problem", "chronic_pain", "flank_pain")
)
_AFTER = 110
# The reason for the visit opens the note: "Pain clinic: opioid refill".
_OPENING_WORDS = 4


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

    def phases(self, conditions: tuple[f.Condition, ...]) -> tuple[f.Mark, ...]:
        """Cues for the 7th character, where the visit speaks of itself."""
        parts = _VISIT_PARTS | {"procedure"}
        found = [(s, p, v) for s, p, source, v in self._all("PHASE") if source in parts]
        return _ordered(
            [*(self._mark(s, v) for s, p, v in found if not self._is_elsewhere(s, p)), *self._courses(conditions)]
        )

    def _courses(self, conditions: tuple[f.Condition, ...]) -> list[f.Mark]:
        """How a strain or sprain does: improving is healing, no better with a new treatment is active treatment."""
        hurt = {
            self.draft.sentence_at(c.evidence.start)
            for c in conditions
            if c.kind in _INJURIES and c.assertion == "present" and c.source in _VISIT_PARTS
        }
        if not hurt:
            return []
        sentences = self.draft.layout.sentences
        out = []
        for index, sentence in enumerate(sentences):
            if sentence in hurt:
                near = [s for s in sentences[index : index + _COURSE] if s.section == sentence.section and not s.item]
                out += self._course([sentence, *near[1:]] if not sentence.item else [sentence])
        return out

    def _course(self, sentences: list[Sentence]) -> list[f.Mark]:
        start, end = sentences[0].start, sentences[-1].end
        worse = _NOT_IMPROVING.search(self.draft.text, start, end)
        if worse is not None:
            new = _NEW_TREATMENT.search(self.draft.text, worse.end(), end)
            return [] if new is None else [self._quoted("initial", worse.start(), new.end())]
        better = _IMPROVING.search(self.draft.text, start, sentences[0].end)
        return [] if better is None else [self._quoted("subsequent", *better.span())]

    def _quoted(self, value: str, start: int, end: int) -> f.Mark:
        return f.Mark(value, self.draft.quote(start, end), "present")

    def _is_elsewhere(self, span: Span, piece: Piece) -> bool:
        """Said of another visit: one that is arranged ("follow-up with employee health"), one for another illness ("diabetes
        follow-up"), an earlier one ("seen 3 weeks ago in the emergency department").
        """
        raw, evidence = self.draft.raw(piece.sentence), self.draft.evidence_of(span)
        at, end = evidence.start - piece.sentence.start, evidence.end - piece.sentence.start
        if _ARRANGED.match(raw, at) or _WILL.search(raw[:at]):
            return True
        if _FOLLOWS.match(raw, at):
            return bool(_OF_OTHER_BEFORE.search(raw[:at]) or _OF_OTHER_AFTER.match(raw, end))
        if _EMERGENCY.search(evidence.text):
            return bool(_EARLIER_VISIT_BEFORE.search(raw[:at]) or _EARLIER_VISIT_AFTER.match(raw, end))
        return False

    def intents(self) -> tuple[f.Mark, ...]:
        """Procedures done today and other reasons that make an encounter one for pain control."""
        marks = [self._mark(s, v) for s, p, source, v in self._all("INTENT") if self._done_today(s, p, source)]
        return _ordered([m for m in marks if m.assertion == "present"])

    def _done_today(self, span: Span, piece: Piece, source: f.Source) -> bool:
        if self.draft.facts.document_type == "procedure_note":
            return source in _PROCEDURE_PARTS
        evidence = self.draft.evidence_of(span)
        raw = folded(self.draft.raw(piece.sentence))
        own = folded(evidence.text)
        visits = bool(_PAIN_VISIT.search(own))
        if source not in ("chief_complaint", "history") or (not visits and self._at_another_time(evidence, piece)):
            return False
        if source == "chief_complaint" or (_HERE_FOR.search(raw) and not _ONLY_WEIGHED.search(raw)):
            return True
        done = bool(_DONE_TODAY.search(raw))
        if piece.sentence == self.draft.layout.sentences[0] and not self.draft.text[: piece.sentence.start].strip():
            at = len(self.draft.text[piece.sentence.start : evidence.start].split())
            return not at or (visits and at <= _OPENING_WORDS) or done
        return done and "today" in raw.lower() and bool(_NEVER_DECIDED_TODAY.search(own))

    def _at_another_time(self, evidence: f.Evidence, piece: Piece) -> bool:
        """What is planned, refused or over: "RFA f/u", "ESI scheduled next week", "RFA denied by insurance"."""
        text, sentence = self.draft.text, piece.sentence
        before, after = text[sentence.start : evidence.start], text[evidence.end : sentence.end]
        return bool(_NOT_TODAY_BEFORE.search(folded(before)) or _NOT_TODAY_AFTER.search(folded(after)))

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
        extra: set[f.Quality] = set()
        if _INJURED_SITE.search(raw) or _INJURED.match(after):
            extra.add("from_injury")
        if _SUDDEN.search(raw):
            extra.add("acute_onset")
        if extra <= set(condition.qualities):
            return condition
        return dataclasses.replace(condition, qualities=tuple(sorted(extra.union(condition.qualities))))


def _ordered(marks: list[f.Mark]) -> tuple[f.Mark, ...]:
    return tuple(sorted(marks, key=lambda m: (m.evidence, m.value)))
