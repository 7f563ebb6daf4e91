"""Places that one condition shares with another: findings joined by *and*, a nerve and its disc, what is denied beside it."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from spacy.tokens import Span

from ..coding.regions import same_or_unknown
from . import levels as lv
from .lexicon import words
from .pipeline import metadata
from .sentence_view import JOINERS, NP_WORDS, Mention

if TYPE_CHECKING:
    from .mentions import SentenceReader

_OF_LEVELS = frozenset(
    (
        "disc_displacement",
        "disc_degeneration",
        "disc_disorder",
        "annular_defect",
        "facet_arthropathy",
        "spondylosis",
        "stenosis",
        "spondylolisthesis",
    )
)
_NO_PLACE_OF_OTHERS = frozenset(("ignore", "unsited_pain", "pain", "leg_pain", "flank_pain", "sacroiliac_pain"))
_DENYING = words("words-denying-beside")


class SharedPlaces:
    """Gives the mentions of a sentence, placed one by one, the places that stand with another."""

    def __init__(self, reader: SentenceReader) -> None:
        self.reader, self.view, self.mentions = reader, reader.view, reader.mentions

    def share(self) -> None:
        """Over denials first, so that findings joined by *and* share what one of them got so."""
        for index, mention in enumerate(self.mentions):
            placed = mention.discs or mention.vertebrae
            if not (mention.kind in _NO_PLACE_OF_OTHERS or mention.vetoed or placed):
                self._over_denial(mention, index)
        self._levels()

    # -- denials -------------------------------------------------------------------------------------------------------

    def _over_denial(self, mention: Mention, index: int) -> None:
        """As in "spondylosis without myelopathy or radiculopathy, lumbar region": the region is the spondylosis's."""
        denied, cue = self._denied_beside(mention, index)
        if denied is None:
            return
        for span in self._told_behind(denied):
            if cue == "with":
                self._named_region(mention, span)
                continue
            if cue != "without" and not self._set_off(denied, span):
                continue
            if span.label_ == "LEVEL":
                level = self.view.level_at.get(span.start)
                near = [lv.region_of_disc(disc) for disc in level.discs] if level else []
                if near and same_or_unknown(mention.regions, near):  # type: ignore[arg-type]
                    self.reader.take_place(mention, span)
            elif not mention.regions:
                self.reader.take_place(mention, span)

    def _named_region(self, mention: Mention, span: Span) -> None:
        """As in "Cervical disc disorder with myelopathy, cervicothoracic region": the classification's own order."""
        region = metadata(span).get("region") if self.view.is_named_region(span) else None
        if region and same_or_unknown(mention.regions, [region]):  # type: ignore[arg-type]
            mention.regions = []
            self.reader.take_place(mention, span)

    def _denied_beside(self, mention: Mention, index: int) -> tuple[Mention | None, str]:
        """The last of what is denied (or told *with* it) right behind the mention, and the word that says so."""
        denied, end, cue = None, mention.head.end, ""
        for other in self.mentions[index + 1 :]:
            if other.head.start < end:
                continue
            between = [self.view.words[i] for i in range(end, other.head.start) if self.view.at.get(i) is None]
            said = [w for w in between if w in _DENYING or w == "with"]
            if not all(w in said or w in NP_WORDS or w in JOINERS for w in between):
                break
            if denied is None and not said:
                break
            denied, end, cue = other, other.head.end, cue or said[0]
        return denied, cue

    def _told_behind(self, mention: Mention) -> list[Span]:
        return [s for about, s in mention.notes if about in ("levels", "regions") and self._behind(mention, s)]

    def _behind(self, mention: Mention, span: Span) -> bool:
        """Whether the place stands behind the name, or ends it ("instability at L5-S1")."""
        return mention.head.end <= span.start or (mention.head.start < span.start and span.end == mention.head.end)

    def _set_off(self, mention: Mention, span: Span) -> bool:
        return "," in [self.view.words[i] for i in range(mention.head.end, span.start)]

    # -- levels --------------------------------------------------------------------------------------------------------

    def _levels(self) -> None:
        """As in "degenerative disc disease and small protrusion at L5-S1": findings joined by *and* share the level.

        Of "lumbar disc herniation with radiculopathy at L5-S1" the disc's region word need not be missing: where the
        nerve suffers the disc is meant.
        """
        for mention, following in reversed(list(itertools.pairwise(self.mentions))):
            told_behind = any(about == "levels" and self._behind(following, span) for about, span in following.notes)
            if not (told_behind and following.discs) or mention.kind not in _OF_LEVELS:
                continue
            if mention.discs or mention.vertebrae or mention.vetoed:
                continue
            if self._is_one_finding(mention, following) or self._is_its_nerve(mention, following):
                mention.discs, mention.sited = list(following.discs), True
                mention.notes.extend(note for note in following.notes if note[0] == "levels")

    def _is_one_finding(self, mention: Mention, following: Mention) -> bool:
        joined = self._joined_in_phrase(mention.head.end, following.head.start, "and")
        return joined and following.kind in _OF_LEVELS and not mention.regions

    def _is_its_nerve(self, mention: Mention, following: Mention) -> bool:
        near = [lv.region_of_disc(disc) for disc in following.discs]
        return (
            following.kind in ("radiculopathy", "root_compression")
            and self._joined_in_phrase(mention.head.end, following.head.start, "with")
            and same_or_unknown(mention.regions, near)  # type: ignore[arg-type]
        )

    def _joined_in_phrase(self, start: int, end: int, joint: str) -> bool:
        """Whether the word joins two noun phrases with nothing but their own adjectives between."""
        between = range(start, end)
        is_joint = {i: self.view.words[i] == joint for i in between}
        return any(is_joint.values()) and all(is_joint[i] or self.reader.is_of_phrase(i) for i in between)
