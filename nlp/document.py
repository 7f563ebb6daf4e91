"""Facts of the note as a whole: what kind of document it is, why the patient came, studies, pregnancy, injury, red flags."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spacy.tokens import Span

from ..coding import findings as f
from . import pipeline
from .assertion import assertion_of
from .excerpt import Piece
from .headings import normal_title
from .layout import Layout, Sentence
from .pregnancy import pregnancy_of
from .sources import source_of

if TYPE_CHECKING:
    from .reader import _NoteReader

_STUDY_NAME = re.compile(r"\b(?:MRIs?|magnetic resonance|CT|computed tomograph\w*|x-?rays?|x ?rays?|radiograph\w*|films?|myelogra\w+|views?|imaging|scans?|EMG|NCS|electromyogra\w*|nerve conduction)\b", re.IGNORECASE)
_STUDY_SAYS = re.compile(r"\b(?:show\w*|reveal\w*|demonstrat\w*|evidence|remarkable for|significant for|findings?|found|indicat\w*|note[sd]?|read as|impression|consistent|with|confirm\w*|has|have|document\w*)\b", re.IGNORECASE)
_REFERS_BACK = re.compile(r"^(?:These|This|It|There|They|The (?:study|report|films?|images?|scan))\b")
_OWN_READING = re.compile(
    r"personally|independently|\b(?:I|we) (?:have |had )?(?:also )?(?:personally |independently )?(?:review|read|interpret|look)|my (?:own )?(?:review|read|reading|interpretation)"
    r"|reviewed (?:by me|today|with (?:the )?patient|with (?:her|him)|in (?:the )?(?:office|clinic))|(?:films?|images?|MRIs?|CTs?|x-?rays?|studies|study|scans?)(?: \w+){0,6} (?:is|are|was|were) reviewed|review of (?:the |her |his )?(?:actual )?(?:films?|images?|MRI|x-?rays?)",
    re.IGNORECASE,
)
_REPORTED = re.compile(r"\breport(?:ed)? (?:states?|reads?|says)|per (?:the )?(?:report|radiolog)|according to|\bdictat|told (?:her|him|that)|radiology read", re.IGNORECASE)
_REASON = re.compile(
    r"\b(?:present\w*|complain\w*|c/o|here|seen|comes|came|referred|evaluat\w+|follow\w*|return\w*|consult\w*|visit|chief|status|suffer\w*|bothered|with)\b[^.]{0,60}?\b(?:with|for|of|regarding|from|about|to|re|by)\b",
    re.IGNORECASE,
)
_SPINAL_COMPLAINT = re.compile(r"\b(?:back|neck|spine|spinal|lumbar|cervical|thoracic|sciatica|lbp|radicul\w*|lumbago|disc|disk)\b", re.IGNORECASE)
_SPINAL_KINDS = frozenset(f.get_args(f.Kind)) - {"leg_pain", "radiating_pain", "outside_cause", "outside_problem", "chronic_pain", "flank_pain"}
_THERAPY = re.compile(r"\b(?:physical|occupational) therap\w*(?: initial)?(?: evaluation| eval| progress| daily| treatment| discharge| note|:)|\breferred to (?:physical|occupational) therapy\b|\bPT (?:initial )?eval", re.IGNORECASE)
_INJURED = re.compile(
    r"\W*(?:\w+\W+){0,5}?(?:from|after|due to|following|secondary to|caused by|resulting from|since|s/p|status post)\b[^.;,]{0,50}?\b(?:injur\w*|accident|trauma|mva|mvc|collision|fall|fell)\b",
    re.IGNORECASE,
)
_INJURED_SITE = re.compile(r"\b(?:injured|hurt|injury to) (?:his|her|my|the) (?:low(?:er)? )?(?:back|neck)", re.IGNORECASE)
_RESTATED = re.compile(r"\b(?:year|y/?o|yr|y\.o)\b[^.]{0,160}\b(?:who )?(?:presents?|presented|presenting|comes in|here today|seen today|returns?)\b[^.]{0,60}\b(?:with|for|complaining|due to)\b", re.IGNORECASE)
_LEVEL_LABEL = re.compile(r"[CTLS]\d{1,2}[ ]?[-/][ ]?[CTLS]?\d{1,2}[ ]?(?::|[ ]-)", re.IGNORECASE)
_ITEM_WORDS = 12


@dataclass
class NoteFacts:
    """What the layout alone tells, and the parts of `Findings` that are of the whole note."""

    document_type: f.DocumentType
    has_assessment: bool
    spinal_study: bool
    layout: Layout
    text: str

    def restates_complaint(self, sentence: Sentence) -> bool:
        """ "Mr. Doe is a 61-year-old man who presents with back pain." opening an assessment is no diagnosis."""
        if sentence.section.category != "assessment" or sentence.label:
            return False
        return bool(_RESTATED.search(self.text, sentence.start, sentence.end))

    def opens_with_level(self, sentence: Sentence) -> bool:
        """A line of a report that starts with its level ("L4-5: ...")."""
        return bool(_LEVEL_LABEL.match(self.text, sentence.start))

    # -- complaint -----------------------------------------------------------------------------------------------------

    def complaint_is_spinal(self, note: _NoteReader) -> bool:
        """Whether complaint or the opening of the history names the spine."""
        seen = 0
        for sentence in self.layout.sentences:
            category = sentence.section.category
            if category not in ("chief_complaint", "history", "none", "indication"):
                continue
            seen += category != "chief_complaint"
            if 4 <= seen:
                return False
            if _SPINAL_COMPLAINT.search(self.text, sentence.start, sentence.end):
                return True
        return False

    def _complaint(self, note: _NoteReader, conditions: tuple[f.Condition, ...]) -> bool:
        reasons = {s.section.category for s in self.layout.sentences} & {"chief_complaint", "indication"}
        opening = [] if reasons else [s for s in self.layout.sentences if s.section.category in ("history", "none")][:3]
        for condition in conditions:
            if condition.assertion != "present" or condition.kind not in _SPINAL_KINDS:
                continue
            if condition.source in ("chief_complaint", "indication"):
                return True
            if condition.source == "history" and not reasons and self._is_reason(condition, opening):
                return True
        return False

    def _is_reason(self, condition: f.Condition, opening: list[Any]) -> bool:
        start = condition.evidence.start
        if any(s.start <= start < s.end for s in opening):
            return True
        sentence = next((s for s in self.layout.sentences if s.start <= start < s.end), None)
        return sentence is not None and bool(_REASON.search(self.text[sentence.start : start + 1]))

    # -- imaging -------------------------------------------------------------------------------------------------------

    def imaging_of(self, piece: Piece, sentence: Span, source: f.Source) -> tuple[bool, bool]:
        """(a study's finding, read or recited by this provider as his own)."""
        if self.document_type in ("imaging_report", "emg_report"):
            return source in ("imaging", "assessment"), source in ("imaging", "assessment")
        raw = self.text[piece.sentence.start : piece.sentence.end]
        told = bool(_STUDY_NAME.search(raw) and _STUDY_SAYS.search(raw))
        before = self._before(piece)
        if not told and before and _REFERS_BACK.match(raw) and _STUDY_NAME.search(before):
            told, raw = True, before + " " + raw
        if source == "imaging":
            return True, bool(_OWN_READING.search(before + " " + raw)) and not _REPORTED.search(raw)
        if source in ("history", "assessment", "plan", "chief_complaint"):
            return told, told and not _REPORTED.search(raw)
        return told, False

    def _before(self, piece: Piece) -> str:
        """The sentence before, when it stands in the same section."""
        sentences = self.layout.sentences
        index = sentences.index(piece.sentence)
        if index and sentences[index - 1].section == piece.sentence.section:
            return self.text[sentences[index - 1].start : sentences[index - 1].end]
        return ""

    # -- problems we do not code ---------------------------------------------------------------------------------------

    def outside_problems(self, note: _NoteReader, conditions: list[f.Condition]) -> list[f.Condition]:
        """Entries of the assessment that no condition claims: *seen, not coded here*."""
        out = []
        claimed = sorted(c.evidence.start for c in conditions)
        for sentence in self.layout.sentences:
            if sentence.section.category != "assessment" or not sentence.first or sentence.label in ("plan", "education"):
                continue
            words = self.text[sentence.start : sentence.end].split()
            if not sentence.item and _ITEM_WORDS < len(words) or any(sentence.start <= s < sentence.end for s in claimed):
                continue
            quote = self.text[sentence.start : sentence.end]
            if not re.search(r"[A-Za-z]{2}", quote):
                continue
            end = sentence.start + len(" ".join(words[:_ITEM_WORDS])) if len(words) <= _ITEM_WORDS else sentence.start + len(quote[:100])
            end = min(end, sentence.end)
            evidence = f.Evidence(sentence.start, end, self.text[sentence.start : end], sentence.section.title)
            name = " ".join(evidence.text.split()).rstrip(" .:;,")
            out.append(f.Condition("outside_problem", evidence, "assessment", name=name, item=sentence.item, heading=True))
        return out

    # -- all of it -----------------------------------------------------------------------------------------------------

    def complete(self, note: _NoteReader, conditions: tuple[f.Condition, ...], links: tuple[f.Link, ...]) -> f.Findings:
        marks = _Marks(note, self)
        conditions = tuple(marks.with_injury(c) for c in conditions)
        return f.Findings(
            document_type=self.document_type,
            date_of_service=note.date_of_service,
            has_assessment=self.has_assessment,
            complaint=self._complaint(note, conditions),
            conditions=conditions,
            links=links,
            pregnancy=pregnancy_of(note, self),
            injuries=marks.injuries(conditions),
            phases=marks.phases(),
            intents=marks.intents(),
            studies=marks.studies(),
            red_flags=marks.red_flags(),
        )


class _Marks:
    """Collects the marks of one note from its fact spans."""

    def __init__(self, note: _NoteReader, facts: NoteFacts) -> None:
        self.note, self.facts = note, facts
        self.spans: dict[str, list[tuple[Span, Piece, f.Source]]] = {}
        for span in note.doc.spans[pipeline.TARGETS]:
            if span.label_ != "CONDITION":
                piece = note._piece_at(span)
                self.spans.setdefault(span.label_, []).append((span, piece, source_of(piece.sentence, facts)))

    def _mark(self, span: Span, piece: Piece, value: str) -> f.Mark:
        assertion, _, _ = assertion_of(span, piece, self.note.doc, self.note.text, self.note.excerpt)
        return f.Mark(value, self.note.evidence(span.start, span.end, piece), assertion)

    def _all(self, label: str) -> list[tuple[Span, Piece, f.Source, str]]:
        return [(s, p, src, pipeline.metadata(s).get("value", "")) for s, p, src in self.spans.get(label, [])]

    def phases(self) -> tuple[f.Mark, ...]:
        """Cues for the 7th character: in complaint, history and assessment any; in the plan only what continues care."""
        out = []
        for span, piece, source, value in self._all("PHASE"):
            if source in ("chief_complaint", "history", "assessment", "indication", "procedure") and not piece.sentence.label == "plan":
                out.append(self._mark(span, piece, value))
        return _ordered(out)

    def intents(self) -> tuple[f.Mark, ...]:
        out = []
        for span, piece, source, value in self._all("INTENT"):
            mark = self._mark(span, piece, value)
            if mark.assertion == "present" and self._done_today(span, piece, source):
                out.append(mark)
        return _ordered(out)

    def _done_today(self, span: Span, piece: Piece, source: f.Source) -> bool:
        if self.facts.document_type == "procedure_note":
            return source in ("procedure", "indication", "post_diagnosis", "pre_diagnosis") or source == "other"
        raw = self.note.text[piece.sentence.start : piece.sentence.end]
        if source == "chief_complaint":
            return True
        return source == "history" and bool(re.search(r"\b(?:here|presents?|returns?|comes|scheduled)\b[^.]{0,40}\b(?:for|to (?:undergo|receive|have))\b", raw, re.IGNORECASE)) and not re.search(r"\bevaluat|consider|candidate|discuss", raw, re.IGNORECASE)

    def studies(self) -> tuple[f.Mark, ...]:
        return _ordered([self._mark(s, p, v) for s, p, _, v in self._all("STUDY")])

    def red_flags(self) -> tuple[f.Mark, ...]:
        out = []
        for span, piece, source, value in self._all("RED_FLAG"):
            mark = self._mark(span, piece, value)
            if mark.assertion == "present" and source in ("chief_complaint", "history", "review_of_systems", "exam", "assessment", "indication"):
                out.append(mark)
        return _ordered(out)

    # -- injury --------------------------------------------------------------------------------------------------------

    def injuries(self, conditions: tuple[f.Condition, ...]) -> tuple[f.Injury, ...]:
        """Mechanisms told where the spine is spoken of: in the same sentence or one beside it."""
        work = [self._mark(s, p, "work") for s, p, _, _ in self._all("WORK")]
        at_work = [m for m in work if m.assertion == "present"]
        spots = [c.evidence.start for c in conditions if c.kind in _SPINAL_KINDS]
        out = []
        for span, piece, source, value in self._all("MECHANISM"):
            if source not in ("chief_complaint", "history", "assessment", "indication"):
                continue
            low, high = self._neighbourhood(piece)
            if not any(low <= s < high for s in spots):
                continue
            mark = self._mark(span, piece, value)
            details = tuple(f.Detail("at_work", m.evidence) for m in at_work[:1])
            out.append(f.Injury(value, mark.evidence, bool(at_work), mark.assertion, details))  # type: ignore[arg-type]
        return tuple(sorted(out, key=lambda i: i.evidence))

    def _neighbourhood(self, piece: Piece) -> tuple[int, int]:
        pieces = self.note.excerpt.pieces
        index = pieces.index(piece)
        return pieces[max(0, index - 1)].sentence.start, pieces[min(len(pieces) - 1, index + 1)].sentence.end

    def with_injury(self, condition: f.Condition) -> f.Condition:
        """Adds *from_injury* and *acute_onset* to a pain whose own sentence says so."""
        if condition.kind not in ("pain", "sciatica", "low_back_pain_with_sciatica") or condition.assertion != "present":
            return condition
        sentence = next((s for s in self.facts.layout.sentences if s.start <= condition.evidence.start < s.end), None)
        if sentence is None:
            return condition
        raw = self.note.text[sentence.start : sentence.end]
        extra = set(condition.qualities)
        after = raw[condition.evidence.end - sentence.start :][:110]
        if _INJURED_SITE.search(raw) or _INJURED.match(after):
            extra.add("from_injury")
        if re.search(r"\b(?:sudden\w*|acute(?:ly)?|immediate\w*|abrupt\w*|felt a (?:pop|pull|snap))\b", raw, re.IGNORECASE):
            extra.add("acute_onset")
        return f.dataclasses.replace(condition, qualities=tuple(sorted(extra)))


def _ordered(marks: list[f.Mark]) -> tuple[f.Mark, ...]:
    return tuple(sorted(marks, key=lambda m: (m.evidence, m.value)))


# -- kind of document ----------------------------------------------------------------------------------------------------


def note_facts(text: str, layout: Layout) -> NoteFacts:
    """What the headings alone say."""
    kind = document_type(text, layout)
    bodies = {s.section.category for s in layout.sentences if not (s.section.category == "assessment" and s.label in ("plan", "education"))}
    if kind == "procedure_note":
        stated = bool(bodies & {"post_diagnosis", "pre_diagnosis", "assessment"})
    else:
        stated = "assessment" in bodies
    spinal = kind in ("imaging_report", "emg_report") and bool(_SPINAL_COMPLAINT.search(text[:400]) or re.search(r"\b[CTL]\d-", text))
    return NoteFacts(kind, stated, spinal, layout, text)


def document_type(text: str, layout: Layout) -> f.DocumentType:
    """Visit, report, procedure note or therapy, from headings and the opening lines (coding policy 1)."""
    categories = {h.category for h in layout.headings}
    titles = [normal_title(h.title) for h in layout.headings]
    if _THERAPY.search(text[:600]) or {"short term goals", "long term goals"} & set(titles):
        return "therapy"
    visit = {"assessment", "exam"} <= categories or {"medication", "plan"} <= categories or "review_of_systems" in categories
    if categories & {"post_diagnosis", "pre_diagnosis"}:
        return "procedure_note"
    opening = layout.headings[:3]
    procedural = any(h.category == "procedure" and normal_title(h.title) not in ("description", "complications", "anesthesia") for h in opening)
    if procedural and not visit and not categories & {"imaging"}:
        return "procedure_note"
    if visit or {"past_history", "medication"} & categories:
        return "visit"
    return _report_type(text, categories, titles)


def _report_type(text: str, categories: set[str], titles: list[str]) -> f.DocumentType:
    """A report has the parts of a report and none of a visit; a short one opens with the study's name."""
    if "plan" in categories or re.search(r"\bI (?:have|explained|discussed|reviewed|personally)\b", text):
        return "visit"
    parts = {"findings", "technique", "comparison"} & set(titles)
    closing = {"impression", "impressions", "conclusion", "interpretation", "summary"} & set(titles)
    named = _STUDY_NAME.search(text[:70])
    electro = re.search(r"\b(?:EMG|electromyogra\w*|nerve conduction|electrodiagnostic|NCS)\b", text[:500])
    if not (parts or (closing and named and "history" not in categories) or (closing and {"exam", "indication"} <= categories)):
        return "visit"
    return "emg_report" if electro else "imaging_report"
