"""What kind of document a note is, from its headings and opening lines (coding policy 1)."""

from __future__ import annotations

from ..coding import findings as f
from .headings import REPORT_PARTS, Heading, is_report_end, normal_title
from .layout import Layout
from .lexicon import wording

_STUDY_AT_HEAD = wording("document-type-study-at-head")
_ELECTRO = wording("document-type-electro")
_FIRST_PERSON = wording("document-type-first-person")
_THERAPY = wording("document-type-therapy")
_TOLD = wording("document-type-told")
_TREATS = wording("document-type-treats")
_PROCEDURE_TITLE = wording("document-type-procedure-title")
# A report ends in an impression; these are a visit's.
_OWN_STATEMENT = frozenset(("a", "a/p", "ap", "a and p", "assessment", "assessment and plan", "assessment/plan"))
_HEAD, _OPENING = 600, 70


def document_type(text: str, layout: Layout) -> f.DocumentType:
    """Visit, report, procedure note or therapy."""
    categories = {h.category for h in layout.headings if not _names_study(text, h)}
    titles = {normal_title(h.title) for h in layout.headings}
    if _THERAPY.search(text[:_HEAD]) or {"short term goals", "long term goals"} & titles:
        return "therapy"
    if _PROCEDURE_TITLE.match(text):
        return "procedure_note"
    if categories & {"post_diagnosis", "pre_diagnosis"}:
        return "procedure_note"
    visit = (
        {"assessment", "exam"} <= categories
        or {"medication", "plan"} <= categories
        or "review_of_systems" in categories
    )
    if _procedural(layout) and not visit and "imaging" not in categories:
        return "procedure_note"
    if visit or categories & {"past_history", "medication"}:
        return "visit"
    return _report_type(text, layout, categories, titles)


def _names_study(text: str, heading: Heading) -> bool:
    """As in "EXAM: MRI of the lumbar spine" opens a report, not an examination."""
    if heading.category != "exam":
        return False
    opens_note = not text[: heading.start].strip() and normal_title(heading.title) in ("exam", "examination", "study")
    return opens_note or bool(_STUDY_AT_HEAD.search(text[heading.end : heading.end + _OPENING]))


def _procedural(layout: Layout) -> bool:
    return any(
        h.category == "procedure" and normal_title(h.title) not in ("description", "complications", "anesthesia")
        for h in layout.headings[:3]
    )


def _report_type(text: str, layout: Layout, categories: set[str], titles: set[str]) -> f.DocumentType:
    """A report has the parts of a report and none of a visit; a short one opens with the study's name."""
    if "plan" in categories or _OWN_STATEMENT & titles or _FIRST_PERSON.search(text):
        return "visit"
    closing = [h for h in layout.headings if is_report_end(h.title)]
    named = closing and "history" not in categories and _names_study_first(text, closing[0])
    if not (REPORT_PARTS & titles or named or (closing and {"exam", "indication"} <= categories)):
        return "visit"
    return "emg_report" if _ELECTRO.search(text[:_HEAD]) else "imaging_report"


def _names_study_first(text: str, closing: Heading) -> bool:
    """A title that names the study above the impression. "Impression: Low back pain. MRI normal." is a visit's.

    Nor is it a report where the words above it tell of a patient, or those below it treat him.
    """
    head = text[: min(_OPENING, closing.start)]
    if not _STUDY_AT_HEAD.search(head) or _TOLD.search(head):
        return False
    return not _TREATS.search(text, closing.end)
