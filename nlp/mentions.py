"""From spans to mentions: which site, level, side, quality and duration belong to which condition.

The unit is a sentence. A reader attaches what stands in the same noun phrase first, then what a preposition ties on,
then what heads the line ("L4-5: ..."); attributes never jump over another condition. Definitions and examples:
``docs/reading.md``.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Any

from spacy.tokens import Doc, Span

from . import levels as lv
from .lexicon import words
from .pipeline import ANATOMY, ATTRIBUTES, TARGETS, metadata

_JOINERS = words("words-joiners")
_NP_WORDS = words("words-np-words")
_PREPOSITIONS = words("words-prepositions")
_FILLERS = words("words-fillers")
_RADIATION = words("words-radiation")
_SIDE_WORDS = words("words-side-words")
_BREAKS = words("words-breaks")
_VETO_PARTS = frozenset(("other", "arm"))
ROOT_KINDS = frozenset(("radiculopathy", "root_compression", "radiating_pain"))


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


def spans_by_sentence(doc: Doc, bounds: list[tuple[int, int]]) -> list[SentenceSpans]:
    """The spans of `doc` sorted into the sentences with token bounds `bounds`."""
    out = [SentenceSpans() for _ in bounds]
    starts = [start for start, _ in bounds]
    for group in (ANATOMY, ATTRIBUTES, TARGETS):
        for span in sorted(doc.spans[group], key=lambda s: (s.start, s.end)):
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


class SentenceReader:
    """Attaches within one sentence. ``mentions`` are in order of place when `read` has run."""

    def __init__(
        self, words: list[str], start: int, end: int, spans: SentenceSpans, level_at: dict[int, lv.Levels]
    ) -> None:
        self.words, self.start, self.end = words, start, end
        self.level_at = level_at
        self.anatomy, self.attributes, self.targets = spans.anatomy, spans.attributes, spans.conditions
        self.at: dict[int, Span] = {}
        for span in self.anatomy:
            for i in range(span.start, span.end):
                self.at[i] = span
        self.head_at: dict[int, Span] = {i: s for s in self.targets for i in range(s.start, s.end)}
        self.mentions: list[Mention] = []

    def read(self) -> list[Mention]:
        """All mentions of the sentence with what belongs to them."""
        for head in self.targets:
            self._mention(head)
        self.mentions.sort(key=lambda m: (m.head.start, m.start))
        for index, mention in enumerate(self.mentions):
            if mention.kind not in ("ignore", "unsited_pain"):
                self._place(mention, index)
                self._sides(mention, index)
        self._qualities()
        return self.mentions

    # -- making mentions -------------------------------------------------------------------------------------------

    def _mention(self, head: Span) -> None:
        meta = metadata(head)
        kind = meta["kind"]
        if kind == "pain" and meta.get("needs") == "site":
            self._pain(head, meta)
            return
        for one in meta.get("kinds", [kind]):
            mention = Mention(head, head.start, head.end, one, meta)
            if meta.get("region"):
                mention.regions, mention.sited = [meta["region"]], True
            if meta.get("quality"):
                mention.qualities.append(meta["quality"])
            self.mentions.append(mention)

    def _pain(self, head: Span, meta: dict[str, Any]) -> None:
        """One mention per spinal region (or other part) that the pain is said to be in."""
        sites = self._subject(head) if meta.get("predicate") else self._sites_left(head)
        if not meta.get("predicate"):
            right = self._sites_right(head)
            spinal = any(not metadata(s).get("part") for s in sites)
            placed = any(metadata(s).get("region") for s in sites)
            if not spinal or (right and metadata(right[0]).get("region") and not placed):
                sites = sites + right
        if not sites:
            self.mentions.append(Mention(head, head.start, head.end, "unsited_pain", meta))
            return
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
            self.mentions.append(mention)

    def _coordinated_back(self, site: Span) -> bool:
        """As in "Back and neck pain": the region-less back is a finding of its own."""
        left, right = site.start - 1, site.end
        near = [self.words[i] for i in (left, right) if self.start <= i < self.end]
        return any(word in ("and", "/", ",", "&", "or") for word in near)

    def _sites_left(self, head: Span) -> list[Span]:
        """Sites before the word pain: "neck and low back pain", "lower back and leg pain"."""
        found: list[Span] = []
        i = head.start - 1
        while self.start <= i:
            span = self.at.get(i)
            if i in self.head_at:
                break
            if span is not None and span.label_ == "SITE":
                if found and not self._only_joined(span.end, found[0].start):
                    break
                found.insert(0, span)
                i = span.start - 1
                continue
            if span is not None or self._np(i):
                i = (span.start if span is not None else i) - 1
                continue
            break
        return found

    def _only_joined(self, start: int, end: int) -> bool:
        words = [self.words[i] for i in range(start, end)]
        return not words or (
            any(w in _JOINERS for w in words) and all(w in _JOINERS or w in _SIDE_WORDS for w in words)
        )

    def _np(self, i: int) -> bool:
        word = self.words[i]
        return word in _NP_WORDS or word in _JOINERS or word in ("(", ")", '"')

    def _sites_right(self, head: Span) -> list[Span]:
        """Sites after it: "pain in the neck and lower back", "pain that is worse in the lower back than in the neck"."""
        found: list[Span] = []
        tied = False
        i, gap = head.end, 0
        while i < self.end and gap <= 9:
            word = self.words[i]
            if (
                i in self.head_at
                or (word in _BREAKS and not (word == "which" and not found))
                or word in _RADIATION
                or word in (":", ".")
            ):
                break
            span = self.at.get(i)
            if span is not None and span.label_ == "SITE":
                if not tied and not found and word != "between":
                    break
                found.append(span)
                i, gap = span.end, 0
                continue
            if word in _PREPOSITIONS or word == "than":
                tied = True
            elif (found and not (self._np(i) or word == "than" or span is not None)) or not (
                self._np(i) or word in _FILLERS or span is not None or word.isdigit() or word in ("(", ")", "with")
            ):
                break
            if word == "with" and not found:
                break
            i, gap = i + 1, gap + 1
        return found

    def _subject(self, head: Span) -> list[Span]:
        """The site a verb or adjective speaks of: "her lower back still hurts", "back has been sore"."""
        i, gap = head.start - 1, 0
        while self.start <= i and gap <= 5:
            span = self.at.get(i)
            if span is not None and span.label_ == "SITE":
                return [span]
            if i in self.head_at or not (
                self._np(i)
                or self.words[i] in _FILLERS
                or self.words[i] in ("still", "feels", "very", "really", "quite", "so", "it", "started", "to")
            ):
                return []
            i, gap = i - 1, gap + 1
        if head.end < self.end and head.text.lower() == "sore":
            span = self.at.get(head.end)
            return [span] if span is not None and span.label_ == "SITE" else []
        return []

    # -- where -----------------------------------------------------------------------------------------------------

    def _window(self, mention: Mention, index: int) -> tuple[int, int]:
        """Tokens that may speak of this mention: up to its neighbours and the clause's ends."""
        left = self.start
        right = self.end
        for other in self.mentions[:index]:
            if other.head != mention.head:
                left = max(left, other.end)
        for other in self.mentions[index + 1 :]:
            if other.head != mention.head:
                right = min(right, other.start)
                break
        for i in range(mention.start - 1, left - 1, -1):
            if self.words[i] in _BREAKS:
                left = i + 1
                break
        for i in range(mention.end, right):
            if self.words[i] in _BREAKS:
                right = i
                break
        return left, right

    def _place(self, mention: Mention, index: int) -> None:
        left, right = self._window(mention, index)
        found = self._inner(mention)
        if mention.kind not in ("pain", "leg_pain", "flank_pain"):
            found = found or self._adjoining(mention, left)
            if not any(span.label_ == "LEVEL" for span in found):
                after = self._after(mention, right)
                if not found or (after and after[0].label_ == "LEVEL"):
                    found = found + after
            found = found or self._before(mention, left)
        for span in found:
            self._take_place(mention, span)
        if mention.kind == "pain":
            after = self._after(mention, right)
            if after and after[0].label_ == "LEVEL" and self._tied(mention.end, after[0].start):
                self._take_place(mention, after[0])
        if not (mention.regions or mention.discs or mention.vertebrae):
            self._inherit(mention, index)

    def _inner(self, mention: Mention) -> list[Span]:
        return [
            s
            for s in self.anatomy
            if mention.head.start <= s.start < mention.head.end and s.label_ in ("SITE", "LEVEL")
        ]

    def _adjoining(self, mention: Mention, left: int) -> list[Span]:
        """Places right in front, in the same noun phrase: "left S1 radiculopathy", "L4-5 and L5-S1 disc herniation"."""
        found: list[Span] = []
        i = mention.start - 1
        while left <= i:
            span = self.at.get(i)
            if span is not None and span.label_ in ("SITE", "LEVEL") and not metadata(span).get("part"):
                found.insert(0, span)
                i = span.start - 1
            elif self.words[i] in _NP_WORDS or (found and self.words[i] in _JOINERS):
                i -= 1
            else:
                break
        return found

    def _after(self, mention: Mention, right: int) -> list[Span]:
        """Places tied on to the right: "at L4-5 and L5-S1", "of the cervical spine"."""
        found: list[Span] = []
        i, gap = mention.end, 0
        while i < right and gap <= 11:
            span = self.at.get(i)
            if span is not None and span.label_ in ("SITE", "LEVEL"):
                if found and not self._only_joined(found[-1].end, span.start) and span.label_ != found[-1].label_:
                    break
                if self._opens_next(span, mention):
                    break
                vague = span.label_ == "SITE" and not metadata(span).get("region") and not metadata(span).get("part")
                if vague and not found and not self._tied(mention.end, span.start):
                    i, gap = span.end, gap + 1
                    continue
                found.append(span)
                i, gap = span.end, (8 if found else 0)
                continue
            if found and self.words[i] not in _JOINERS | _NP_WORDS | _PREPOSITIONS | {"level", "levels"}:
                break
            i, gap = i + 1, gap + 1
        if found and metadata(found[0]).get("part") in _VETO_PARTS and not self._tied(mention.end, found[0].start):
            return []
        return found

    def _tied(self, start: int, end: int) -> bool:
        words = [self.words[i] for i in range(start, end)]
        return len(words) <= 4 and bool(words) and words[0] in _PREPOSITIONS

    def _before(self, mention: Mention, left: int) -> list[Span]:
        """Places in front: "lumbar and cervical spondylosis", "L4-5 left paracentral herniation"."""
        found: list[Span] = []
        i, gap = mention.start - 1, 0
        while left <= i and gap <= 7:
            span = self.at.get(i)
            if span is not None and span.label_ in ("SITE", "LEVEL"):
                if metadata(span).get("part") and found:
                    break
                found.insert(0, span)
                i, gap = span.start - 1, 0
                continue
            word = self.words[i]
            if word in ("with", "from", "for", "after") and not found:
                pass
            elif found and word not in _JOINERS | _NP_WORDS:
                break
            i, gap = i - 1, gap + 1
        return found

    def _take_place(self, mention: Mention, span: Span) -> None:
        if span.label_ == "LEVEL":
            level = self.level_at.get(span.start)
            if level is None or (mention.kind not in ROOT_KINDS and self._is_root(span)):
                return
            mention.discs.extend(d for d in level.discs if d not in mention.discs)
            mention.vertebrae.extend(v for v in level.vertebrae if v not in mention.vertebrae)
            mention.notes.append(("levels", span))
            mention.sited = True
            self._grow_near(mention, span)
            return
        data = metadata(span)
        part = data.get("part", "")
        if part == "other" and mention.kind == "segmental_dysfunction":
            # The pelvic region is a site of its own there (M99.05), told by the words of the mention.
            self._grow_near(mention, span)
            return
        if part in _VETO_PARTS or (part == "leg" and mention.meta.get("needs") == "spine"):
            mention.vetoed = mention.vetoed or (mention.meta.get("needs") == "spine" and not mention.regions)
            return
        if part == "si":
            mention.regions.append("sacral")
        if not part:
            mention.sited = True
            region = data.get("region", "")
            if region and region not in mention.regions:
                mention.regions.append(region)
            mention.notes.append(("regions", span))
            self._grow_near(mention, span)

    def _is_root(self, span: Span) -> bool:
        """As in "the L5 nerve root": a root, not the level of the disc that touches it."""
        near = self.words[span.end : min(span.end + 3, self.end)]
        before = self.words[max(self.start, span.start - 2) : span.start]
        return bool({"root", "roots", "nerve", "nerves"} & set(near[:2])) or bool(
            {"exiting", "traversing", "descending"} & set(before)
        )

    def _grow_near(self, mention: Mention, span: Span) -> None:
        if span.start - mention.end <= 3 and mention.start - span.end <= 3:
            mention.grow(span.start, span.end)

    def _inherit(self, mention: Mention, index: int) -> None:
        """As in "C5-6 disc degeneration with posterior herniation": the later finding shares the place."""
        for other in reversed(self.mentions[:index]):
            if (
                other.kind in ("ignore", "unsited_pain", "leg_pain")
                or other.vetoed
                or mention.kind in ("pain", "sacroiliac_pain")
            ):
                continue
            if other.head != mention.head and (other.discs or other.vertebrae or other.regions):
                between = self.words[other.end : mention.start]
                if "." in between or _BREAKS & set(between):
                    break
                mention.discs, mention.vertebrae = list(other.discs), list(other.vertebrae)
                mention.regions = [r for r in other.regions if r != "sacral"]
                mention.sited = mention.sited or other.sited
                return

    # -- side ------------------------------------------------------------------------------------------------------

    def _sides(self, mention: Mention, index: int) -> None:
        left, right = self._window(mention, index)
        spans = [s for s in self.anatomy if s.label_ == "SIDE" and metadata(s)["value"] != "none"]
        near = [s for s in spans if mention.start <= s.start < mention.end]
        if not near:
            near = [
                s
                for s in spans
                if max(left, mention.start - 4) <= s.start < mention.start and not self._of_other(s, mention)
            ]
        if not near:
            near = [
                s
                for s in spans
                if mention.end <= s.start < min(right, mention.end + 9)
                and not self._of_other(s, mention)
                and not self._opens_next(s, mention)
            ]
        for span in near:
            value = metadata(span)["value"]
            if value not in mention.sides:
                mention.sides.append(value)
            mention.notes.append(("sides", span))
            if span.start - mention.end <= 2 and mention.start - span.end <= 1:
                mention.grow(span.start, span.end)
        if {"left", "right"} <= set(mention.sides) or "bilateral" in mention.sides:
            mention.sides = ["bilateral"]

    def _opens_next(self, span: Span, mention: Mention) -> bool:
        """Whether the span stands right in front of the next condition ("... with L5 radiculopathy") and so is its."""
        following = min(
            (t.start for t in self.targets if mention.head.end <= t.start and t != mention.head), default=None
        )
        # "at C5-6 compressing the root": a verb follows, which takes no place of its own.
        if following is None or following < span.end or self.words[following].endswith("ing"):
            return False
        between = [self.words[i] for i in range(span.end, following)]
        return len(between) <= 5 and all(
            w in _NP_WORDS or self.at.get(span.end + k) is not None for k, w in enumerate(between)
        )

    def _of_other(self, side: Span, mention: Mention) -> bool:
        """As in "right knee", "left shoulder": a side of something else (a leg's side is the sciatica's)."""
        if mention.start <= side.end < mention.end:
            return False
        span = self.at.get(side.end) if side.end < self.end else None
        if span is None or span.label_ != "SITE":
            return False
        part = metadata(span).get("part", "")
        if part == "leg" and mention.kind in (
            "sciatica",
            "radiculopathy",
            "low_back_pain_with_sciatica",
            "radiating_pain",
            "disc_displacement",
            "leg_pain",
        ):
            return False
        if part == "arm" and mention.kind in ("radiculopathy", "radiating_pain", "disc_displacement"):
            return False
        return bool(part) and part != mention.part

    # -- qualities -------------------------------------------------------------------------------------------------

    def _qualities(self) -> None:
        real = list(self.mentions)
        for span in self.attributes:
            owners = self._owners(span, real)
            for owner in owners:
                value = metadata(span)["value"]
                if span.label_ == "CHRONICITY":
                    owner.chronicity = _join_chronicity(owner.chronicity, value)
                    owner.notes.append(("chronicity", span))
                elif value not in owner.qualities:
                    owner.qualities.append(value)
                    owner.notes.append(("qualities", span))

    def _owners(self, span: Span, mentions: list[Mention]) -> list[Mention]:
        """The mentions an adjective speaks of: those it stands in or right before; else the one it is said of after."""
        inside = {m.head for m in mentions if m.start <= span.start < m.end}
        if inside:
            return [m for m in mentions if m.head in inside]
        after = [m for m in mentions if span.end <= m.start]
        # "due to that trauma" speaks of what it follows.
        if after and self.words[span.start] not in ("due", "secondary"):
            first = min(m.start for m in after)
            gap = [self.words[i] for i in range(span.end, first)]
            if len(gap) <= 5 and all(
                w in _NP_WORDS
                or w in _JOINERS
                or self.at.get(span.end + k) is not None
                or self._attribute_at(span.end + k)
                for k, w in enumerate(gap)
            ):
                head = next(m for m in after if m.start == first).head
                return [m for m in after if m.head == head] if first - span.end <= 5 else []
        before = [m for m in mentions if m.end <= span.start]
        if before:
            last = max(m.end for m in before)
            gap = [self.words[i] for i in range(last, span.start)]
            tying = {
                "is",
                "was",
                "are",
                "were",
                "has",
                "been",
                ",",
                "(",
                "-",
                "more",
                "mostly",
                "primarily",
                "likely",
                "as",
                "seems",
                "appears",
                "of",
                "in",
                "a",
                "to",
                "be",
                "that",
                "remains",
                "which",
                "currently",
                ":",
            }
            if len(gap) <= 5 and all(w in tying or w in _NP_WORDS for w in gap):
                head = next(m for m in reversed(before) if m.end == last).head
                return [m for m in before if m.head == head]
        return []

    def _attribute_at(self, i: int) -> bool:
        return any(s.start <= i < s.end for s in self.attributes)


def _join_chronicity(old: str | None, new: str) -> str:
    if old is None or old == new:
        return new
    if {old, new} == {"acute", "chronic"} or "acute_on_chronic" in (old, new):
        return "acute_on_chronic"
    return old
