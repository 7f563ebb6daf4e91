"""The note while it is read: text, layout, excerpt and Doc together, with the mentions of each sentence."""

from __future__ import annotations

import datetime
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from spacy.tokens import Doc, Span

from ..coding import findings as f
from . import levels as lv
from .assertion import assertion_of
from .excerpt import Excerpt, Piece
from .layout import Layout, Sentence
from .mentions import SentenceReader
from .sentence_view import Mention, SentenceSpans, SentenceView, spans_by_sentence
from .sources import quote, source_of

if TYPE_CHECKING:
    from .note import NoteFacts


@dataclass
class Read:
    """A sentence that was read: its place, token bounds, spans and mentions."""

    piece: Piece
    start: int
    end: int
    spans: SentenceSpans
    mentions: list[Mention]

    @property
    def sentence(self) -> Sentence:
        """The sentence of the layout."""
        return self.piece.sentence


class Draft:
    """One note under reading. Lives as long as one call of `Reader.read`."""

    def __init__(
        self, text: str, layout: Layout, excerpt: Excerpt, doc: Doc, facts: NoteFacts, date_of_service: str | None
    ) -> None:
        self.text, self.layout, self.excerpt, self.doc, self.facts = text, layout, excerpt, doc, facts
        self.date_of_service = date_of_service
        self.today = datetime.date.fromisoformat(date_of_service) if date_of_service else None
        self.words: list[str] = doc.user_data["words"]
        self.offsets: list[int] = doc.user_data["offsets"]
        self._imaging: dict[int, tuple[bool, bool]] = {}
        self.level_at: dict[int, lv.Levels] = {}
        self._starts = [piece.start for piece in excerpt.pieces]
        bounds = self._bounds()
        spans = spans_by_sentence(doc, bounds)
        self.reads = [
            Read(piece, start, end, own, self._mentions(start, end, own))
            for piece, (start, end), own in zip(excerpt.pieces, bounds, spans, strict=True)
        ]

    def _mentions(self, start: int, end: int, spans: SentenceSpans) -> list[Mention]:
        if not spans.conditions:
            return []
        return SentenceReader(SentenceView(self.words, start, end, spans, self.level_at)).read()

    def _bounds(self) -> list[tuple[int, int]]:
        """Token bounds of each piece; fills `level_at` on the way."""
        out = []
        start = 0
        for piece in self.excerpt.pieces:
            end = bisect_left(self.offsets, piece.end, start)
            for offset, level in piece.levels:
                index = bisect_left(self.offsets, offset, start, end)
                if index < end and self.offsets[index] == offset:
                    self.level_at[index] = level
            out.append((start, end))
            start = end
            while start < len(self.offsets) and self.words[start].isspace():
                start += 1
        return out

    @cached_property
    def sentence_starts(self) -> list[int]:
        """Starts of all sentences of the layout, read or not."""
        return [s.start for s in self.layout.sentences]

    def sentence_at(self, offset: int) -> Sentence | None:
        """The sentence of the note that holds `offset`."""
        index = bisect_right(self.sentence_starts, offset) - 1
        sentence = self.layout.sentences[index] if index >= 0 else None
        return sentence if sentence is not None and offset < sentence.end else None

    def before(self, sentence: Sentence) -> str:
        """The words of the sentence before, when it stands in the same section; else nothing."""
        index = bisect_right(self.sentence_starts, sentence.start) - 2
        if index < 0 or self.layout.sentences[index].section != sentence.section:
            return ""
        earlier = self.layout.sentences[index]
        return self.text[earlier.start : earlier.end]

    def bits_with_before(self, sentence: Sentence) -> int:
        """What the words of a sentence, and of the one before it, tell the patterns."""
        index = bisect_right(self.sentence_starts, sentence.start) - 1
        return self.excerpt.bits[index] | (self.excerpt.bits[index - 1] if index else 0)

    def piece_of(self, span: Span) -> Piece:
        """The piece a span of the Doc stands in."""
        return self.excerpt.pieces[bisect_right(self._starts, self.offsets[span.start]) - 1]

    def raw(self, sentence: Sentence) -> str:
        """The words of a sentence as they stand in the note."""
        return self.text[sentence.start : sentence.end]

    def source(self, sentence: Sentence) -> f.Source:
        """The part of the note a sentence stands in."""
        return source_of(sentence, self.facts)

    def evidence(self, start: int, end: int, piece: Piece) -> f.Evidence:
        """Evidence for tokens ``start`` to ``end`` (exclusive)."""
        left, right = self.excerpt.span(self.offsets[start], self.offsets[end - 1] + len(self.words[end - 1]))
        return quote(self.text, left, right, piece.sentence)

    def quote(self, start: int, end: int) -> f.Evidence:
        """Evidence for a stretch of the note itself."""
        return quote(self.text, start, end, self.sentence_at(start))

    def imaging(self, sentence: Sentence) -> tuple[bool, bool]:
        """(a study's finding, read or recited by this provider as his own), worked out once a sentence."""
        found = self._imaging.get(sentence.start)
        if found is None:
            found = self.facts.imaging_of(self, sentence, self.source(sentence))
            self._imaging[sentence.start] = found
        return found

    def evidence_of(self, span: Span) -> f.Evidence:
        """Evidence for a span of the Doc."""
        return self.evidence(span.start, span.end, self.piece_of(span))

    def assertion(self, span: Span) -> tuple[f.Assertion, str, str]:
        """(status, words that set it, "resolved" when treated and gone) of a target span."""
        return assertion_of(span, self.piece_of(span), self.doc, self.text, self.excerpt)
