"""Where a pain is said to be: the sites before the word, after it, or of which a verb speaks."""

from __future__ import annotations

from typing import Any

from spacy.tokens import Span

from .lexicon import words
from .pipeline import metadata
from .sentence_view import BREAKS, PREPOSITIONS, Mention, SentenceView

_FILLERS = words("words-fillers")
_RADIATION = words("words-radiation")
_BEFORE_SHARED = words("words-before-shared-pain")
_ENDS_TITLE = frozenset((".", ",", ";", "(", "-"))
_ATTRIBUTIVE = ("sore", "painful", "achy", "stiff")


class PainSites:
    """Makes the mentions of a pain word: one for each spinal region, or other part, that it is said to be in."""

    def __init__(self, view: SentenceView) -> None:
        self.view = view

    def mentions(self, head: Span, meta: dict[str, Any]) -> list[Mention]:
        """One mention per spinal region (or other part) that the pain is said to be in."""
        sites = self._subject(head) if meta.get("predicate") else self._sites_left(head)
        if not meta.get("predicate"):
            right = self._sites_right(head) or self._named_last(head, sites)
            spinal = any(not metadata(s).get("part") for s in sites)
            placed = any(metadata(s).get("region") for s in sites)
            if not spinal or (right and metadata(right[0]).get("region") and not placed):
                sites = sites + right
        if not sites:
            return [Mention(head, head.start, head.end, "unsited_pain", meta)]
        found: list[Mention] = []
        seen: set[tuple[str, str]] = set()
        named = any(metadata(s).get("region") for s in sites if s.label_ == "SITE" and not metadata(s).get("part"))
        for site in sites:
            data = metadata(site)
            part, region = data.get("part", ""), data.get("region", "")
            if (part, region) in seen or (not part and not region and named and not self._coordinated_back(site)):
                continue
            seen.add((part, region))
            kind = {
                "": "pain",
                "leg": "leg_pain",
                "flank": "flank_pain",
                "si": "sacroiliac_pain",
                "coccyx": "coccydynia",
            }.get(part, "ignore")
            if not part and region == "sacral":
                kind = "coccydynia"
            mention = Mention(head, head.start, head.end, kind, meta, part=part)
            mention.sited = kind != "ignore"
            if region:
                mention.regions = [region]
            elif kind in ("sacroiliac_pain", "coccydynia"):
                mention.regions = ["sacral"]
            mention.grow(site.start, site.end)
            found.append(mention)
        return found

    def joined_before(self, head: Span) -> Span | None:
        """The site that shares a pain named in one word: "neck and LBP"; not "tender neck and LBP"."""
        joiner = head.start - 1
        if joiner <= self.view.start or self.view.words[joiner] not in ("and", "&", "/", "+"):
            return None
        span = self.view.at.get(joiner - 1)
        if span is None or span.label_ != "SITE" or not metadata(span).get("region"):
            return None
        told = span.start <= self.view.start or self.view.words[span.start - 1] in _BEFORE_SHARED
        return span if told else None

    def _coordinated_back(self, site: Span) -> bool:
        """As in "Back and neck pain": the region-less back is a finding of its own."""
        left, right = site.start - 1, site.end
        near = [self.view.words[i] for i in (left, right) if self.view.start <= i < self.view.end]
        return any(word in ("and", "/", ",", "&", "or") for word in near)

    def _sites_left(self, head: Span) -> list[Span]:
        """Sites before the word pain: "neck and low back pain", "lower back and leg pain"."""
        found: list[Span] = []
        i = head.start - 1
        while self.view.start <= i:
            span = self.view.at.get(i)
            if i in self.view.head_at:
                break
            if span is not None and span.label_ == "SITE":
                if found and not self.view.only_joined(span.end, found[0].start):
                    break
                found.insert(0, span)
                i = span.start - 1
                continue
            if span is not None or self.view.np(i):
                i = (span.start if span is not None else i) - 1
                continue
            break
        return found

    def _named_last(self, head: Span, sites: list[Span]) -> list[Span]:
        """The site that a title names behind a comma: "Pain, low back", "Back pain, lumbosacral"."""
        span = self.view.at.get(head.end + 1)
        if head.end + 1 >= self.view.end or self.view.words[head.end] != "," or span is None:
            return []
        ends = span.end >= self.view.end or self.view.words[span.end] in _ENDS_TITLE
        # "Back pain, neck": a list, and no part of the back.
        listed = sites and metadata(span).get("region") not in ("lumbar", "lumbosacral", "thoracic")
        return [span] if ends and not listed and span.label_ == "SITE" and metadata(span).get("region") else []

    def _sites_right(self, head: Span) -> list[Span]:
        """Sites after it: "pain in the neck and lower back", "pain that is worse in the lower back than in the neck"."""
        found: list[Span] = []
        tied = False
        i, gap = head.end, 0
        while i < self.view.end and gap <= 9:
            word = self.view.words[i]
            if (
                i in self.view.head_at
                or (word in BREAKS and not (word == "which" and not found))
                or word in _RADIATION
                or word in (":", ".")
            ):
                break
            span = self.view.at.get(i)
            if span is not None and span.label_ == "SITE":
                if not tied and not found and word != "between":
                    break
                found.append(span)
                i, gap = span.end, 0
                continue
            if word in PREPOSITIONS or word == "than":
                tied = True
            elif (found and not (self.view.np(i) or word == "than" or span is not None)) or not (
                self.view.np(i) or word in _FILLERS or span is not None or word.isdigit() or word in ("(", ")", "with")
            ):
                break
            if word == "with" and not found:
                break
            i, gap = i + 1, gap + 1
        return found

    def _subject(self, head: Span) -> list[Span]:
        """The site a verb or adjective speaks of: "her lower back still hurts", "back has been sore"."""
        i, gap = head.start - 1, 0
        while self.view.start <= i and gap <= 5:
            span = self.view.at.get(i)
            if span is not None and span.label_ == "SITE":
                return [span]
            if i in self.view.head_at or not (
                self.view.np(i)
                or self.view.words[i] in _FILLERS
                or self.view.words[i]
                in ("still", "feels", "very", "really", "quite", "so", "it", "started", "to", "never", "not", "n't")
            ):
                break
            i, gap = i - 1, gap + 1
        return self._noun_after(head) if head.text.lower() in _ATTRIBUTIVE else []

    def _noun_after(self, head: Span) -> list[Span]:
        """As in "a sore back", "chronic painful left knee"."""
        i = head.end
        while i < self.view.end and i not in self.view.at and self.view.np(i):
            i += 1
        span = self.view.at.get(i)
        if span is not None and span.label_ == "SIDE":
            span = self.view.at.get(span.end)
        return [span] if span is not None and span.label_ == "SITE" else []
