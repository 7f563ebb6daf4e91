"""`Reader`: a note in, `Findings` out. Layout and excerpt first, then the medSpaCy pipeline, then what is said of what."""

from __future__ import annotations

from ..coding import findings as f
from . import lexicon, pipeline
from .conditions import ConditionBuilder
from .draft import Draft
from .excerpt import ExcerptBuilder
from .headings import known_titles
from .layout import LayoutReader
from .links import links_of
from .note import complete_findings, note_facts


class Reader:
    """Reads notes. Built once (it loads the phrase rules), called per note; keeps nothing between notes."""

    def __init__(self, *, without: frozenset[str] = frozenset()) -> None:
        """``without``: ids of phrase rules to switch off; what a weakened reader gets wrong teaches the models."""
        self._layout = LayoutReader(known_titles())
        self._excerpts = ExcerptBuilder(lexicon.spelling())
        self._nlp = pipeline.build(without)

    def read(self, text: str, date_of_service: str | None = None) -> f.Findings:
        """The findings of `text`.

        Args:
            text: the note as decoded; offsets of the result are its code points.
            date_of_service: ISO date, for "since ..." and dates of onset.
        """
        layout = self._layout.read(text)
        excerpt = self._excerpts.build(text, layout)
        doc = self._nlp(pipeline.make_doc(self._nlp, excerpt))
        draft = Draft(text, layout, excerpt, doc, note_facts(text, layout), date_of_service)
        conditions, ranks = ConditionBuilder(draft).build()
        return complete_findings(draft, conditions, links_of(draft, ranks))
