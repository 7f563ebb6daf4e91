"""Facts of the note as a whole: why the patient came, who read a study, which problems are not ours."""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from ..coding import findings as f
from .cues import Gated, gated
from .document_type import document_type
from .headings import STATES_DIAGNOSES
from .layout import Layout, Sentence
from .lexicon import folded, wording, words
from .marks import Marks
from .pregnancy import pregnancy_of
from .sources import quote, source_of
from .supports import supports

if TYPE_CHECKING:
    from .draft import Draft

_STUDY_NAME = Gated(wording("note-study-name"))
_STUDY_SAYS = Gated(wording("note-study-says"))
_REFERS_BACK = wording("note-refers-back")
_OWN_READING = Gated(wording("note-own-reading"))
_REPORTED = Gated(wording("note-reported"))
_REASON = gated(wording("note-reason"))
_SPINAL_WORD = gated(wording("note-spinal-word"))
_RESTATED = gated(wording("note-restated"))
_LEVEL_LABEL = re.compile(r"[CTLS]\d{1,2}[ ]?[-/][ ]?[CTLS]?\d{1,2}[ ]?(?::|[ ]-)", re.IGNORECASE)
_SAME = wording("note-same")
# "Tolerated well", "Normal study", "Continue therapy": what stands in an assessment and names no problem.
_NO_PROBLEM = wording("note-no-problem")
_FINDS_NOTHING = wording("note-finds-nothing")
# "PT, NSAIDs": orders alone.
_TREATMENTS = words("words-treatments")
_WORD = re.compile(r"[A-Za-z]+(?:[-'’][A-Za-z]+)*")
_HEDGED = gated(wording("note-hedged"))
_NOT_COMPLAINTS = frozenset(
    ("leg_pain", "radiating_pain", "outside_cause", "outside_problem", "chronic_pain", "flank_pain")
)
_OTHER_STUDY = gated(wording("note-other-study"))
_TITLE = 120
_TOLD = frozenset(("history", "assessment", "plan", "chief_complaint"))
_DOSE = gated(wording("note-dose"))
_VERB = gated(wording("note-verb"))
_LIST_ENTRIES, _LIST_WORDS, _DOSE_WORDS = 5, 9, 14
# The visit's reason stands in the first sentences of a history.
_OPENING_SENTENCES = 3
_ENTRY_WORDS = 12


@dataclass(frozen=True)
class NoteFacts:
    """What the layout alone tells."""

    document_type: f.DocumentType
    has_assessment: bool
    spinal_study: bool
    layout: Layout
    text: str

    # -- where a sentence stands ---------------------------------------------------------------------------------------

    def restates_complaint(self, sentence: Sentence) -> bool:
        """As in "Mr. Doe is a 61-year-old man who presents with back pain." opening an assessment is no diagnosis."""
        if sentence.section.category != "assessment" or sentence.label:
            return False
        return bool(_RESTATED.search(self.text, sentence.start, sentence.end))

    def opens_with_level(self, sentence: Sentence) -> bool:
        """A line of a report that starts with its level ("L4-5: ...")."""
        return bool(_LEVEL_LABEL.match(self.text, sentence.start))

    @cached_property
    def _is_bare_list(self) -> bool:
        """A chart section pasted without its heading: short unnumbered entries, one to a line, and no sentence."""
        own = [s for s in self.layout.sentences if s.section.category == "none"]
        if len(own) < _LIST_ENTRIES or len({s.paragraph for s in own}) < len(own):
            return False
        entries = [self.text[s.start : s.end] for s in own]
        prose = [e for e in entries if _VERB.search(e) or e.endswith((".", "?")) or len(e.split()) > _LIST_WORDS]
        return len(prose) * _LIST_ENTRIES <= len(entries)

    def listed(self, sentence: Sentence) -> f.Source | None:
        """What a headless line is when it is an entry of a list: a medicine with its dose, or an old problem."""
        if len(self.text[sentence.start : sentence.end].split()) <= _DOSE_WORDS and _DOSE.search(
            self.text, sentence.start, sentence.end
        ):
            return "medication"
        prose = self.text[sentence.end - 1] in ".?"
        return "problem_list" if self._is_bare_list and not sentence.item and not prose else None

    @cached_property
    def opening(self) -> tuple[Sentence, ...]:
        """The first sentences of the history."""
        history = [s for s in self.layout.sentences if s.section.category in ("history", "none")]
        return tuple(history[:_OPENING_SENTENCES])

    def complaint_is_spinal(self) -> bool:
        """Whether a stated reason for the visit, or the opening of the history, names the spine."""
        reasons = [s for s in self.layout.sentences if s.section.category in ("chief_complaint", "indication")]
        return any(_SPINAL_WORD.search(self.text, s.start, s.end) for s in (*reasons, *self.opening))

    # -- imaging -------------------------------------------------------------------------------------------------------

    @cached_property
    def is_incidental_to_study(self) -> bool:
        """A report on something else (an abdomen, a chest) for another complaint: what it shows of the spine is aside."""
        return self.document_type in f.REPORTS and not self.spinal_study and not self.complaint_is_spinal()

    def imaging_of(self, draft: Draft, sentence: Sentence, source: f.Source) -> tuple[bool, bool]:
        """(a study's finding, read or recited by this provider as his own)."""
        if self.document_type in f.REPORTS:
            return source in ("imaging", "assessment"), source in ("imaging", "assessment")
        bits = draft.bits_with_before(sentence)
        if source != "imaging" and not _STUDY_NAME.may_match(bits):
            return False, False
        raw, before = folded(draft.raw(sentence)), folded(draft.before(sentence))
        told = bool(_STUDY_NAME.search(raw) and _STUDY_SAYS.search_by(bits, raw))
        if not told and _REFERS_BACK.match(raw) and _STUDY_NAME.search(before):
            told, raw = True, before + " " + raw
        if source == "imaging":
            return True, bool(_OWN_READING.search_by(bits, before + " " + raw)) and not _REPORTED.search_by(bits, raw)
        return told, told and source in _TOLD and not _REPORTED.search_by(bits, raw)

    # -- problems we do not code ---------------------------------------------------------------------------------------

    def outside_problems(self, conditions: list[f.Condition]) -> list[f.Condition]:
        """Entries of the assessment that no condition claims: *seen, not coded here*."""
        claimed = sorted(c.evidence.start for c in conditions)
        out = []
        for sentence in self.layout.sentences:
            if (
                sentence.section.category not in STATES_DIAGNOSES
                or not sentence.first
                or sentence.label in ("plan", "education")
            ):
                continue
            nearest = bisect_left(claimed, sentence.start)
            if nearest < len(claimed) and claimed[nearest] < sentence.end:
                continue
            evidence = self._entry(sentence)
            if evidence is not None:
                name = " ".join(evidence.text.split()).rstrip(" .:;,")
                out.append(
                    f.Condition(
                        "outside_problem",
                        evidence,
                        source_of(sentence, self),
                        "uncertain" if _HEDGED.search(evidence.text) else "present",
                        name,
                        item=sentence.item,
                        heading=True,
                    )
                )
        return out

    def _entry(self, sentence: Sentence) -> f.Evidence | None:
        """The opening words of an entry; None for prose, which names no entry, and for what holds no word."""
        entry = self.text[sentence.start : sentence.end]
        words = list(re.finditer(r"\S+", entry))
        if (not sentence.item and len(words) > _ENTRY_WORDS) or not re.search(r"[A-Za-z]{2}", entry):
            return None
        if names_no_problem(entry):
            return None
        end = sentence.start + words[min(len(words), _ENTRY_WORDS) - 1].end()
        return quote(self.text, sentence.start, end, sentence)


def note_facts(text: str, layout: Layout) -> NoteFacts:
    """What the headings alone say."""
    kind = document_type(text, layout)
    bodies = {s.section.category for s in layout.sentences if s.label not in ("plan", "education")}
    stated = bool(
        bodies & ({"post_diagnosis", "pre_diagnosis", "assessment"} if kind == "procedure_note" else {"assessment"})
    )
    spinal = (
        kind in f.REPORTS
        and not _OTHER_STUDY.search(text[:_TITLE])
        and bool(_SPINAL_WORD.search(text[:400]) or re.search(r"\b[CTL]\d-", text))
    )
    return NoteFacts(kind, stated, spinal, layout, text)


def complete_findings(draft: Draft, conditions: tuple[f.Condition, ...], links: tuple[f.Link, ...]) -> f.Findings:
    """`Findings` of a draft whose conditions and links are made."""
    marks = Marks(draft)
    conditions = tuple(marks.with_injury(c) for c in conditions)
    complaint = _complaint(draft, conditions)
    return f.Findings(
        document_type=draft.facts.document_type,
        date_of_service=draft.date_of_service,
        has_assessment=draft.facts.has_assessment and not (complaint and _is_only_plan(draft, conditions)),
        complaint=complaint,
        conditions=conditions,
        links=links,
        pregnancy=pregnancy_of(draft),
        injuries=marks.injuries(conditions),
        phases=marks.phases(conditions),
        intents=marks.intents(),
        studies=marks.studies(),
        red_flags=marks.red_flags(),
        supports=supports(draft) if conditions else (),
    )


def names_no_problem(quote: str) -> bool:
    """Whether an entry names no problem: a remark on the visit, "as above", or nothing but orders and treatments."""
    if _SAME.match(quote) or _NO_PROBLEM.match(quote):
        return True
    return all(word.lower() in _TREATMENTS for word in _WORD.findall(quote))


def _is_only_plan(draft: Draft, conditions: tuple[f.Condition, ...]) -> bool:
    """An assessment in name alone ("A/P: PT, NSAIDs"): it states no diagnosis and outranks nothing.

    "No acute disease" is a statement: that nothing was found.
    """
    if draft.facts.document_type != "visit" or any(c.source == "assessment" for c in conditions):
        return False
    quotes = (draft.raw(s) for s in draft.layout.sentences if draft.source(s) == "assessment")
    return all(names_no_problem(quote) and not _FINDS_NOTHING.match(quote) for quote in quotes)


def _complaint(draft: Draft, conditions: tuple[f.Condition, ...]) -> bool:
    """Whether the visit's stated reason is spinal: a complaint or indication where there is one, else the history."""
    reasons = {s.section.category for s in draft.layout.sentences} & {"chief_complaint", "indication"}
    for condition in conditions:
        if condition.assertion != "present" or condition.kind in _NOT_COMPLAINTS:
            continue
        if condition.source in ("chief_complaint", "indication"):
            return True
        if condition.source == "history" and not reasons and _is_reason(draft, condition.evidence.start):
            return True
    return False


def _is_reason(draft: Draft, start: int) -> bool:
    sentence = draft.sentence_at(start)
    if sentence is None:
        return False
    return sentence in draft.facts.opening or bool(_REASON.search(draft.text[sentence.start : start + 1]))
