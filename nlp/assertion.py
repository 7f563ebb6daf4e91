"""Whether a mention is present, negated, uncertain, past, somebody else's or only possible: ConText and forms.

ConText (medSpaCy) decides in prose. Forms decide before it where there is one: check boxes, "(+)" and "(-)",
"Symptom: No". Sections decide where the whole part is about somebody else or about what might happen.
"""

from __future__ import annotations

import re

from medspacy.context.context_modifier import ConTextModifier
from spacy.tokens import Doc, Span

from ..coding.findings import Assertion
from .cues import Gated
from .excerpt import Excerpt, Piece
from .lexicon import folded, wording
from .scope import governing, is_felt

_BOX = re.compile(
    r"\[[ \t]*\]|\[[ \t]*[xX✓✔*][ \t]*\]|\([ \t]*\)|\([xX✓✔]\)|\(\+\)|\([-–]\)|[☐☑☒□■]|(?<![\w+])\+(?=[ ]?[A-Za-z])"
)
# Every box and sign begins so; most lines hold none.
_MAY_BE_BOX = re.compile(r"[\[+☐☑☒□■(](?:(?<!\()|[ \t]*[xX✓✔+\-–)])")
_PLUS = re.compile(r"(?<![\w+])\+[ ]?[A-Za-z]")
_SIGN = re.compile(_BOX.pattern + r"|(?<![\w-])[-–](?=[A-Za-z])")
# "Back pain +, neck pain -": behind the words; a bare minus is a sign only on a line with a plus.
_SIGN_AFTER = re.compile(r"[ \t]*(?:\([+\-–]\)|[+\-–])(?=[ \t]*(?:[,;.]|\n|\r|$))")
_PLUS_AFTER = re.compile(r"\w[ \t]*\+(?=[ \t]*(?:[,;.]|\n|\r|$))")
_TICKED = re.compile(r"[xX✓✔*+☑☒■]")
_ANSWER = wording("assertion-answer")

_KIN_OPENS = wording("assertion-kin-opens")
_KIN_REPORTS = wording("assertion-kin-reports")
_KIN_RELATIVE = Gated(wording("assertion-kin-relative"))
_PATIENT = Gated(wording("assertion-patient"))
_OPERATED_FOR = Gated(wording("assertion-operated-for"))
_DIAGNOSED_BEFORE = Gated(wording("assertion-diagnosed-before"))
_TREATED_LONG_AGO = Gated(wording("assertion-treated-long-ago"))
_YES_NO = re.compile(  # a run of blanks is taken whole (*+): tried in parts it took minutes
    r"^[^\n:]{0,20}:?[ \t]*+[\[(☐☑☒]?[ \t]*+(?P<a>[xX✓✔*]?)[ \t]*+[\])]?[ \t]*+(?P<first>yes|no|y|n)\b"
    r"[ \t]*+[\[(][ \t]*+(?P<b>[xX✓✔*]?)[ \t]*+[\])][ \t]*+(?P<second>yes|no|y|n)\b",
    re.IGNORECASE,
)
_DOUBTED_AFTER = wording("assertion-doubted-after")
_RESOLVED_BEFORE = Gated(wording("assertion-resolved-before"))
_GONE_AFTER = wording("assertion-gone-after")
_HAD_ONCE = wording("assertion-had-once")
_SEEN_LONG_AGO = Gated(wording("assertion-seen-long-ago"))
_STILL = Gated(wording("assertion-still"))
_NONE_SINCE = Gated(wording("assertion-none-since"))
_OTHER_OPENS = wording("assertion-other-opens")
_LASTING = wording("assertion-lasting")
_SPOUSE_OPENS = wording("assertion-spouse-opens")
_PATIENT_AGAIN = Gated(wording("assertion-patient-again"))
_EXCEPTED = Gated(wording("assertion-excepted"))
_NEVER_WITHOUT = Gated(wording("assertion-never-without"))
_GOES_ON = wording("assertion-goes-on")
_YEAR_BEFORE = wording("assertion-year-before")
_YEAR_OF_INJURY = wording("assertion-year-of-injury")
_YEARS_AFTER_INJURY = wording("assertion-years-after-injury")
_LEFT_BY_INJURY = wording("assertion-left-by-injury")
_PRESUPPOSED = Gated(wording("assertion-presupposed"))
_LIKE_THIS = wording("assertion-like-this")
_OTHER_RELATIVE = Gated(wording("assertion-other-relative"))
_FELT = ("pain", "sciatica", "lumbago", "radicul")
_CONSIDERED = Gated(wording("assertion-considered"))
_DIFFERENTIAL = wording("assertion-differential")
_INJURED_LONG_AGO = Gated(wording("assertion-injured-long-ago"))
_ASKED = re.compile(r"[ \t]?[\"'”’)]?[ \t]?\(?\?")

# Which status wins when several modifiers reach a mention; RESOLVED is history with a reason.
_ORDER = ("NEGATED", "FAMILY", "OTHER_PERSON", "HYPOTHETICAL", "RESOLVED", "UNCERTAIN", "HISTORICAL")
_STATUS: dict[str, Assertion] = {
    "NEGATED": "negated",
    "FAMILY": "family",
    "OTHER_PERSON": "other_person",
    "HYPOTHETICAL": "hypothetical",
    "RESOLVED": "historical",
    "UNCERTAIN": "uncertain",
    "HISTORICAL": "historical",
}


Verdict = tuple[Assertion, str, str]
Cues = tuple[ConTextModifier, ...]
"""The modifiers that govern a target."""


def assertion_of(span: Span, piece: Piece, doc: Doc, text: str, excerpt: Excerpt) -> Verdict:
    """(status, the words that set it, "resolved" when treated and gone) of a target span.

    A form beside the words decides first, then wording around them, then ConText, then the section they stand in.
    """
    left, right = excerpt.span(span.start_char, span.end_char)
    before, after = folded(text[piece.sentence.start : left]), folded(text[right : piece.sentence.end])
    form, cues, bits = form_status(text, left, right), governing(span, doc), piece.bits
    if form is not None:
        words = _inside_box(span, cues, doc, text, excerpt, left, form) if form[0] == "present" else None
        return words or (form[0], form[1], "")
    return (
        _worded(span, cues, piece, text, before, after)
        or _by_context(span, cues, doc, bits, before, after)
        or _weighed(bits, before)
        or _by_section(piece)
    )


def _inside_box(
    span: Span, cues: Cues, doc: Doc, text: str, excerpt: Excerpt, left: int, form: tuple[Assertion, str]
) -> Verdict | None:
    """What stands between a ticked box and the mention: "[x] denies back pain", "[x] family history of scoliosis"."""
    box = text.rfind(form[1], 0, left)
    if box < 0:
        return None
    for category in _ORDER:
        for modifier in cues:
            start, end = modifier.modifier_span
            if modifier.category != category or end > span.start or start < 0:
                continue
            at = excerpt.span(doc[start].idx, doc[end - 1].idx + 1)[0]
            if box + len(form[1]) <= at:
                return _STATUS[category], doc[start:end].text, ""
    return None


def _worded(span: Span, cues: Cues, piece: Piece, text: str, before: str, after: str) -> Verdict | None:
    """What turns of phrase further off say: whose it is, what is over, what is asked."""
    bits = piece.bits
    if _kin_is_subject(bits, before):
        return "family", "", ""
    if (
        _OTHER_RELATIVE.search_by(bits, before)
        or _OTHER_OPENS.match(before)
        or (_SPOUSE_OPENS.match(before) and not _PATIENT_AGAIN.search_by(bits, before))
    ):
        return "other_person", "", ""
    past = _past_by_wording(span, cues, bits, before, after, folded(text[piece.sentence.start : piece.sentence.end]))
    if past:
        return "historical", past, ""
    if _ASKED.match(after):
        return "uncertain", "?", ""
    if _DOUBTED_AFTER.match(after):
        return "uncertain", after.strip(" ,().;"), ""
    if _GONE_AFTER.match(after):
        return "historical", "resolved", "resolved"
    return ("historical", "resolved", "resolved") if _RESOLVED_BEFORE.search_by(bits, before) else None


def _only_with(cue: str, bits: int, before: str) -> bool:
    """As in "cannot sit without back pain", "no day passes without sciatica": two negations affirm."""
    return cue.lower().startswith("without") and bool(_NEVER_WITHOUT.search_by(bits, before))


def _is_presupposed(span: Span, bits: int, before: str, after: str) -> bool:
    """As in "no trigger for her neck pain", "never had back pain like this": something else is denied, of a pain that is."""
    return span.id_.startswith(_FELT) and bool(_PRESUPPOSED.search_by(bits, before) or _LIKE_THIS.match(after))


def _by_context(span: Span, cues: Cues, doc: Doc, bits: int, before: str, after: str) -> Verdict | None:
    """What ConText's modifiers say; "history of X, ongoing" and "X ..., none since" are read to their end."""
    by_category = {m.category: m for m in reversed(cues)}
    category = next((c for c in _ORDER if c in by_category), None)
    if category is None:
        return None
    start, end = by_category[category].modifier_span
    cue = doc[start:end].text
    if category == "HISTORICAL" and _STILL.search_by(bits, after):
        return "present", "", ""
    if category == "NEGATED" and (
        _EXCEPTED.search_by(bits, before) or _only_with(cue, bits, before) or _is_presupposed(span, bits, before, after)
    ):
        return "present", "", ""
    if category == "NEGATED" and (since := _NONE_SINCE.search_by(bits, after)):
        return "historical", since.group(), ""
    if (
        category == "NEGATED"
        and end <= span.start
        and "," in doc[end : span.start].text
        and (_LASTING.match(after) or _GOES_ON.match(after))
    ):
        # "No trauma, low back pain for a week", "no numbness, low back pain persists": what lasts or does something.
        return "present", "", ""
    return _STATUS[category], cue, "resolved" if category == "RESOLVED" else ""


def _weighed(bits: int, before: str) -> Verdict | None:
    """What is only thought of: "Consider facet-mediated pain", and every entry of a differential to its end."""
    found = _CONSIDERED.search_by(bits, before) or _DIFFERENTIAL.match(before)
    return ("uncertain", found.group().strip(), "") if found else None


def _by_section(piece: Piece) -> Verdict:
    section = piece.sentence.section
    if section.category == "family":
        return "family", section.title, ""
    if "education" in (section.category, piece.sentence.label):
        return "hypothetical", section.title, ""
    return "present", "", ""


def _kin_is_subject(bits: int, before: str) -> bool:
    """A sentence about a relative: it opens with one, who is not the one reporting, and the patient does not come in."""
    relative = _KIN_RELATIVE.search_by(bits, before)
    if relative is not None and not _PATIENT.search_by(bits, before, relative.end()):
        return True
    opening = _KIN_OPENS.match(before)
    return (
        opening is not None
        and not _KIN_REPORTS.match(before, opening.end())
        and not _PATIENT.search_by(bits, before, opening.end())
    )


def _past_by_wording(span: Span, cues: Cues, bits: int, before: str, after: str, sentence: str) -> str:
    """Words that make a mention past though they stand far from it: what an operation was for, what an earlier
    clinician called it, what was treated long ago. Empty when none does.
    """
    operated = _OPERATED_FOR.search_by(bits, before)
    # "S/p discectomy for a herniation, left sciatica": the operation was for the one, today's symptom is the other.
    if operated and not (is_felt(span) and "," in operated.group().rpartition(" for ")[2]):
        return operated.group().split()[0]
    if span.label_ == "CONDITION" and span.id_.startswith(("strain", "sprain", "whiplash", "back-injury")):
        earlier = (
            _DIAGNOSED_BEFORE.search_by(bits, before)
            or _INJURED_LONG_AGO.search_by(bits, before)
            or _YEAR_BEFORE.match(before)
            or _YEAR_OF_INJURY.match(after)
            or (not _LEFT_BY_INJURY.search(before) and _YEARS_AFTER_INJURY.match(after))
        )
        if earlier and not any(m.category == "NEGATED" for m in cues):
            return earlier.group(1)
    if is_felt(span) and not _STILL.search_by(bits, after):
        once = _YEARS_AFTER_INJURY.match(after) or _YEAR_OF_INJURY.match(after)
        if once and _HAD_ONCE.match(before):
            return once.group(1)
        if seen := _SEEN_LONG_AGO.search_by(bits, before):
            return seen.group(1)
    if not span.id_.startswith("pain"):
        treated = _TREATED_LONG_AGO.search_by(bits, sentence)
        if treated:
            return treated.group(1)
    return ""


def form_status(text: str, left: int, right: int) -> tuple[Assertion, str] | None:
    """The status a form gives to ``text[left:right]``: a box beside it or an answer after it; None when there is none."""
    start = max(text.rfind("\n", 0, left), text.rfind("\r", 0, left)) + 1
    ends = [i for i in (text.find("\n", right), text.find("\r", right)) if i >= 0]
    end = min([*ends, len(text), right + 400])
    start = max(start, left - 400)
    answer = _ANSWER.match(text[right:end])
    if answer:
        return ("negated" if answer["no"] else "present"), answer.group().strip(" :=|?-–\t")
    rest = text[right:end]
    choice = _YES_NO.match(rest) if "(" in rest or "[" in rest else None
    if choice and bool(choice["a"]) != bool(choice["b"]):
        ticked = choice["first"] if choice["a"] else choice["second"]
        return ("present" if ticked.lower().startswith("y") else "negated"), choice.group().strip()
    sign = _SIGN_AFTER.match(text, right, end)
    if sign is not None and ("(" in sign.group() or _PLUS_AFTER.search(text, start, end)):
        return ("present" if "+" in sign.group() else "negated"), sign.group().strip()
    box = _box_for(text[start:end], left - start, right - start)
    if box is None:
        return None
    return ("present" if _TICKED.search(box) else "negated"), box


def _box_for(line: str, left: int, right: int) -> str | None:
    """The box that belongs to ``line[left:right]``: boxes stand before their words or, when the line starts with words, after."""
    # "+back pain, -neck pain": a minus is a box only beside a plus.
    if not _MAY_BE_BOX.search(line):
        return None
    boxes = list((_SIGN if "+" in line and _PLUS.search(line) else _BOX).finditer(line))
    if not boxes:
        return None
    before = [b for b in boxes if b.end() <= left]
    lead = line[: boxes[0].start()].strip()
    if (before and (not lead or lead[-1] in ":;-.,")) or (before and left - before[-1].end() <= 2):
        nearest = before[-1]
        between = line[nearest.end() : left]
        # A box speaks for its own few words, not for the prose that follows.
        return nearest.group() if len(between.split()) <= 4 and not re.search(r"[.;]", between) else None
    after = [b for b in boxes if right <= b.start()]
    if after and not before and lead and len(line[right : after[0].start()].strip()) <= 2:
        return after[0].group()
    return None
