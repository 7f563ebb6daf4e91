"""One sentence as tokens and spans: what attachment looks at."""

from __future__ import annotations

import operator
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Any

from spacy.tokens import Doc, Span

from . import levels as lv
from .lexicon import words
from .pipeline import ANATOMY, ATTRIBUTES, TARGETS

JOINERS = words("words-joiners")
NP_WORDS = words("words-np-words")
PREPOSITIONS = words("words-prepositions")
BREAKS = words("words-breaks")
SIDE_WORDS = words("words-side-words")
_OPERATIONS = words("words-operations")
_OPERATION_WORDS = words("words-operation-words")


@dataclass
class Mention:
    """A condition as found: its span of tokens (grown by what it takes in) and what was attached."""

    head: Span
    start: int
    end: int
    kind: str
    meta: dict[str, Any]
    regions: list[str] = field(default_factory=list)
    discs: list[str] = field(default_factory=list)
    vertebrae: list[str] = field(default_factory=list)
    sides: list[str] = field(default_factory=list)
    qualities: list[str] = field(default_factory=list)
    chronicity: str | None = None
    duration_days: int | None = None
    part: str = ""
    sited: bool = False
    vetoed: bool = False
    notes: list[tuple[str, Span]] = field(default_factory=list)

    def grow(self, start: int, end: int) -> None:
        """Takes in the tokens from `start` to `end`."""
        self.start, self.end = min(self.start, start), max(self.end, end)


@dataclass
class SentenceSpans:
    """The spans of one sentence, each kind in order of place."""

    anatomy: list[Span] = field(default_factory=list)
    attributes: list[Span] = field(default_factory=list)
    conditions: list[Span] = field(default_factory=list)
    facts: list[Span] = field(default_factory=list)


_PLACE = operator.attrgetter("start", "end")


def spans_by_sentence(doc: Doc, bounds: list[tuple[int, int]]) -> list[SentenceSpans]:
    """The spans of `doc` sorted into the sentences with token bounds `bounds`."""
    out = [SentenceSpans() for _ in bounds]
    starts = [start for start, _ in bounds]
    for group in (ANATOMY, ATTRIBUTES, TARGETS):
        for span in sorted(doc.spans[group], key=_PLACE):
            index = bisect_right(starts, span.start) - 1
            if index >= 0 and span.start < bounds[index][1]:
                _shelf(out[index], group, span).append(span)
    return out


def _shelf(spans: SentenceSpans, group: str, span: Span) -> list[Span]:
    if group == ANATOMY:
        return spans.anatomy
    if group == ATTRIBUTES:
        return spans.attributes
    return spans.conditions if span.label_ == "CONDITION" else spans.facts


class SentenceView:
    """The words of one sentence, what stands at each place, and the small questions asked of them."""

    def __init__(
        self, words: list[str], start: int, end: int, spans: SentenceSpans, level_at: dict[int, lv.Levels]
    ) -> None:
        self.words, self.start, self.end = words, start, end
        self.level_at = level_at
        self.anatomy, self.attributes, self.targets = spans.anatomy, spans.attributes, spans.conditions
        # The level of an operation or injection is where it was done, not where the pain or disease is.
        self.anatomy = [s for s in self.anatomy if s.label_ != "LEVEL" or not self._of_operation(s)]
        self.anatomy = [s for s in self.anatomy if s.label_ != "SIDE" or not self._is_initial(s)]
        self.at: dict[int, Span] = {i: s for s in self.anatomy for i in range(s.start, s.end)}
        self.head_at: dict[int, Span] = {i: s for s in self.targets for i in range(s.start, s.end)}

    def _is_initial(self, side: Span) -> bool:
        """As in "seen by R. Smith": the letter of a name. A side ends its sentence or stands beside what it is of."""
        if self.words[side.end - 1] not in ("l.", "r.") or side.end == self.end:
            return False
        if self.words[side.end] in ("sided", "side") or self.words[side.start - 1] == "the":
            return False
        known = {i for s in [*self.anatomy, *self.targets] for i in range(s.start, s.end)}
        return self.words[side.end].isalpha() and not {side.start - 1, side.end} & known

    def _of_operation(self, level: Span) -> bool:
        """As in "her L4-S1 fusion", "a fusion from L4 to the sacrum"."""
        after = self.words[level.end : min(level.end + 3, self.end)]
        if after and (after[0] in _OPERATIONS or (after[0] in _OPERATION_WORDS and set(after[1:]) & _OPERATIONS)):
            return True
        before = self.words[max(self.start, level.start - 3) : level.start]
        return bool(before) and (
            before[-1] in _OPERATIONS
            or (before[-1] in ("of", "at", "from") and before[-2:-1] != [] and before[-2] in _OPERATIONS)
        )

    def only_joined(self, start: int, end: int) -> bool:
        """Whether the tokens between are joiners and side words alone: "neck and right low back"."""
        words = [self.words[i] for i in range(start, end)]
        return not words or (any(w in JOINERS for w in words) and all(w in JOINERS or w in SIDE_WORDS for w in words))

    def is_named_region(self, place: Span) -> bool:
        """As in "Other cervical disc displacement, cervicothoracic region": the classification names the region last."""
        return place.label_ == "SITE" and self.words[place.end - 1] == "region" and self.words[place.start - 1] == ","

    def np(self, i: int) -> bool:
        """Whether a token may stand inside a noun phrase."""
        word = self.words[i]
        return word in NP_WORDS or word in JOINERS or word in ("(", ")", '"')

    def tied(self, start: int, end: int) -> bool:
        """Whether a preposition ties on what follows, within a few words."""
        words = [self.words[i] for i in range(start, end)]
        return len(words) <= 4 and bool(words) and words[0] in PREPOSITIONS
