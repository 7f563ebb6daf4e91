"""From spans to mentions: which site, level, side and quality belong to which condition.

The unit is a sentence. A reader attaches what stands in the same noun phrase first, then what a preposition ties on,
then what heads the line ("L4-5: ..."); attributes never jump over another condition. Definitions and examples:
``docs/reading.md``.
"""

from __future__ import annotations

from spacy.tokens import Span

from .lexicon import wording, words
from .pain_sites import PainSites
from .pipeline import metadata
from .sentence_view import BREAKS, JOINERS, NP_WORDS, PREPOSITIONS, Mention, SentenceView
from .shared_places import SharedPlaces

_TYING = words("words-tying")
_APART = words("words-apart")
_VETO_PARTS = frozenset(("other", "arm"))
ROOT_KINDS = frozenset(("radiculopathy", "root_compression", "radiating_pain"))
_LIST_GOES_ON = wording("levels-list-goes-on")
_LIST_WORDS = 9


class SentenceReader:
    """Attaches within one sentence. ``mentions`` are in order of place when `read` has run."""

    def __init__(self, view: SentenceView) -> None:
        self.view = view
        self.mentions: list[Mention] = []

    def read(self) -> list[Mention]:
        """All mentions of the sentence with what belongs to them."""
        for head in self.view.targets:
            self._mention(head)
        self.mentions.sort(key=lambda m: (m.head.start, m.start))
        for index, mention in enumerate(self.mentions):
            if mention.kind not in ("ignore", "unsited_pain"):
                self._place(mention, index)
                self._sides(mention, index)
        SharedPlaces(self).share()
        self._qualities()
        return self.mentions

    # -- making mentions -------------------------------------------------------------------------------------------

    def _mention(self, head: Span) -> None:
        meta = metadata(head)
        kind = meta["kind"]
        if kind == "pain" and meta.get("needs") == "site":
            self.mentions.extend(PainSites(self.view).mentions(head, meta))
            return
        shared = PainSites(self.view).joined_before(head) if kind == "pain" and meta.get("region") else None
        if shared is not None:
            region = metadata(shared)["region"]
            self.mentions.append(Mention(head, shared.start, head.end, kind, meta, regions=[region], sited=True))
        for one in meta.get("kinds", [kind]):
            mention = Mention(head, head.start, head.end, one, meta)
            if meta.get("region"):
                mention.regions, mention.sited = [meta["region"]], True
            if meta.get("quality"):
                mention.qualities.append(meta["quality"])
            self.mentions.append(mention)

    def _window(self, mention: Mention, index: int) -> tuple[int, int]:
        """Tokens that may speak of this mention: up to its neighbours and the clause's ends."""
        left = self.view.start
        right = self.view.end
        for other in self.mentions[:index]:
            if other.head != mention.head:
                left = max(left, other.end)
        for other in self.mentions[index + 1 :]:
            if other.head != mention.head:
                right = min(right, other.start)
                break
        for i in range(mention.start - 1, left - 1, -1):
            if self.view.words[i] in BREAKS:
                left = i + 1
                break
        for i in range(mention.end, right):
            if self.view.words[i] in BREAKS:
                right = i
                break
        return left, right

    def _place(self, mention: Mention, index: int) -> None:
        left, right = self._window(mention, index)
        for span in self._places(mention, left, right):
            self.take_place(mention, span)
        if mention.kind == "pain":
            after = self._after(mention, right)
            if after and after[0].label_ == "LEVEL" and self.view.tied(mention.end, after[0].start):
                self.take_place(mention, after[0])
        if not (mention.regions or mention.discs or mention.vertebrae):
            self._inherit(mention, index)

    def _places(self, mention: Mention, left: int, right: int) -> list[Span]:
        """In the name, before it in its noun phrase, tied on behind it, else anywhere before it."""
        found = self._inner(mention)
        if mention.kind in ("pain", "leg_pain", "flank_pain"):
            return found
        # "severe L4-5 and moderate L5-S1 stenosis": the last of a list stands in the name itself.
        if not _says_where(found) or found[0].start == mention.head.start:
            found = self._adjoining(mention, left, found)
        elif found[-1].end == mention.head.end:
            further = self._rest_of_list if found[-1].label_ == "LEVEL" else self._further_sites
            found = found + further(mention, found[-1], right)
        if not any(span.label_ == "LEVEL" for span in found):
            after = self._after(mention, right)
            if after and mention.end < right and self.view.words[mention.end] == "of":
                # The joint of "facet joint disease of lumbar region" is no place.
                found = [span for span in found if metadata(span).get("part") != "other"]
            found = self._with_those_behind(found, after)
        return found if _says_where(found) else self._before(mention, left) + found

    def _with_those_behind(self, found: list[Span], after: list[Span]) -> list[Span]:
        if not _says_where(found) or (after and after[0].label_ == "LEVEL"):
            return found + after
        return after if after and self.view.is_named_region(after[0]) else found

    def _inner(self, mention: Mention) -> list[Span]:
        return [
            s
            for s in self.view.anatomy
            if mention.head.start <= s.start < mention.head.end and s.label_ in ("SITE", "LEVEL")
        ]

    def _adjoining(self, mention: Mention, left: int, inner: list[Span]) -> list[Span]:
        """Places right in front, in the same noun phrase: "left S1 radiculopathy", "L4-5 and L5-S1 disc herniation"."""
        found = list(inner)
        i = mention.start - 1
        while left <= i:
            span = self.view.at.get(i)
            pelvic = mention.kind == "segmental_dysfunction"
            if span is not None and span.label_ in ("SITE", "LEVEL") and (pelvic or not metadata(span).get("part")):
                found.insert(0, span)
                i = span.start - 1
            elif self.view.words[i] in NP_WORDS or (found and self.view.words[i] in JOINERS):
                i -= 1
            else:
                break
        return found

    def _after(self, mention: Mention, right: int) -> list[Span]:
        """Places tied on to the right: "at L4-5 and L5-S1", "of the cervical spine"."""
        found: list[Span] = []
        i, gap = mention.end, 0
        while i < right and gap <= 11:
            span = self.view.at.get(i)
            if span is not None and span.label_ in ("SITE", "LEVEL"):
                if found and not self.view.only_joined(found[-1].end, span.start) and span.label_ != found[-1].label_:
                    break
                if self._opens_next(span, mention):
                    break
                vague = span.label_ == "SITE" and not metadata(span).get("region") and not metadata(span).get("part")
                if vague and not found and not self.view.tied(mention.end, span.start):
                    i, gap = span.end, gap + 1
                    continue
                found.append(span)
                following = self._next_of_list(span, right)
                i, gap = (following.start if following else span.end), 8
                continue
            if found and self.view.words[i] not in JOINERS | NP_WORDS | PREPOSITIONS | {"level", "levels"}:
                break
            i, gap = i + 1, gap + 1
        if found and metadata(found[0]).get("part") in _VETO_PARTS and not self.view.tied(mention.end, found[0].start):
            return []
        return found

    def _next_of_list(self, level: Span, right: int) -> Span | None:
        """The level that goes on a list in other words: "L4-5 and, to a lesser extent, L5-S1"."""
        for i in range(level.end, min(right, level.end + _LIST_WORDS)):
            span = self.view.at.get(i)
            if span is not None and span.label_ == "LEVEL":
                between = " ".join(self.view.words[level.end : i])
                return span if level.label_ == "LEVEL" and _LIST_GOES_ON.fullmatch(between) else None
        return None

    def _rest_of_list(self, mention: Mention, level: Span, right: int) -> list[Span]:
        found: list[Span] = []
        following = self._next_of_list(level, right)
        while following is not None and not self._opens_next(following, mention):
            found.append(following)
            following = self._next_of_list(following, right)
        return found

    def _further_sites(self, mention: Mention, site: Span, right: int) -> list[Span]:
        """The regions that go on the list which ends a name: "osteoarthritis of the cervical spine and lumbar spine"."""
        found: list[Span] = []
        last = site
        for span in self.view.anatomy:
            if not last.end < span.start < right or span.label_ != "SITE" or not metadata(span).get("region"):
                continue
            joined = self.view.only_joined(last.end, span.start) and span.start not in self.view.head_at
            if not joined or self._opens_next(span, mention):
                break
            found.append(span)
            last = span
        return found

    def _before(self, mention: Mention, left: int) -> list[Span]:
        """Places in front: "lumbar and cervical spondylosis", "L4-5 left paracentral herniation"."""
        found: list[Span] = []
        i, gap = mention.start - 1, 0
        while left <= i and gap <= 7:
            span = self.view.at.get(i)
            if span is not None and span.label_ in ("SITE", "LEVEL"):
                if metadata(span).get("part") and found:
                    break
                found.insert(0, span)
                i, gap = span.start - 1, 0
                continue
            word = self.view.words[i]
            if word in ("with", "from", "for", "after") and not found:
                pass
            elif found and word not in JOINERS | NP_WORDS:
                break
            i, gap = i - 1, gap + 1
        return found

    def take_place(self, mention: Mention, span: Span) -> None:
        """Gives the mention what a place says: levels, region, or the veto of another part of the body."""
        if span.label_ == "LEVEL":
            level = self.view.level_at.get(span.start)
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
        near = self.view.words[span.end : min(span.end + 3, self.view.end)]
        before = self.view.words[max(self.view.start, span.start - 2) : span.start]
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
                between = self.view.words[other.end : mention.start]
                if "." in between or (BREAKS | _APART) & set(between):
                    break
                mention.discs, mention.vertebrae = list(other.discs), list(other.vertebrae)
                mention.regions = [r for r in other.regions if r != "sacral"]
                mention.sited = mention.sited or other.sited
                return

    # -- side ------------------------------------------------------------------------------------------------------

    def _sides(self, mention: Mention, index: int) -> None:
        left, right = self._window(mention, index)
        spans = [s for s in self.view.anatomy if _side_of(s)]
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
            value = _side_of(span)
            if value not in mention.sides:
                mention.sides.append(value)
            mention.notes.append(("sides", span))
            if span.start - mention.end <= 2 and mention.start - span.end <= 1:
                mention.grow(span.start, span.end)
        if {"left", "right"} <= set(mention.sides) or "bilateral" in mention.sides:
            mention.sides = ["bilateral"]

    def _opens_next(self, span: Span, mention: Mention) -> bool:
        """Whether the span stands right in front of the next condition ("... with L5 radiculopathy") and so is its."""
        if self.view.words[span.end - 1].endswith("."):
            return False
        following = min(
            (t.start for t in self.view.targets if mention.head.end <= t.start and t != mention.head), default=None
        )
        # "at C5-6 compressing the root": a verb follows, which takes no place of its own.
        if following is None or following < span.end or self.view.words[following].endswith("ing"):
            return False
        # "... stenosis and L5-S1 with foraminal narrowing": no preposition ties the level to what stands before it.
        first = span.end + (self.view.words[span.end] == "with" and self._only_added(mention.end, span.start))
        return following - first <= 5 and all(
            self.view.words[i] in NP_WORDS or self.view.at.get(i) is not None for i in range(first, following)
        )

    def _only_added(self, start: int, end: int) -> bool:
        return [word for word in self.view.words[start:end] if word != ","] in (["and"], ["&"])

    def _of_other(self, side: Span, mention: Mention) -> bool:
        """As in "right knee", "left shoulder", "RLE": a side of something else (a leg's side is the sciatica's)."""
        if mention.start <= side.end < mention.end:
            return False
        span: Span | None = side
        if side.label_ != "SITE":
            span = self.view.at.get(side.end) if side.end < self.view.end else None
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
        for span in self.view.attributes:
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
        if after and self.view.words[span.start] not in ("due", "secondary"):
            first = min(m.start for m in after)
            if first - span.end <= 5 and all(map(self.is_of_phrase, range(span.end, first))):
                head = next(m for m in after if m.start == first).head
                return [m for m in after if m.head == head]
        before = [m for m in mentions if m.end <= span.start]
        if before:
            last = max(m.end for m in before)
            # "Coccydynia, post-traumatic, chronic": another adjective may stand between.
            gap = [self.view.words[i] for i in range(last, span.start) if not self.attribute_at(i)]
            if len(gap) <= 5 and all(w in _TYING or w in NP_WORDS for w in gap):
                head = next(m for m in reversed(before) if m.end == last).head
                same = [m for m in before if m.head == head]
                return same[-1:] if "latter" in gap else same[:1] if "former" in gap else same
        return []

    def is_of_phrase(self, i: int) -> bool:
        """Whether the token is an adjective, a place, or a word that stands between the words of a noun phrase."""
        word = self.view.words[i]
        return word in NP_WORDS or word in JOINERS or self.view.at.get(i) is not None or self.attribute_at(i)

    def attribute_at(self, i: int) -> bool:
        """Whether an adjective or a word of time stands at the token."""
        return any(s.start <= i < s.end for s in self.view.attributes)


def _says_where(places: list[Span]) -> bool:
    """Whether a level, a region or a part of the body is among them, and not just "spinal"."""
    return any(s.label_ == "LEVEL" or metadata(s).get("region") or metadata(s).get("part") for s in places)


def _side_of(place: Span) -> str:
    """The side that a word names, or a part that has one ("RLE"); "" for none."""
    data = metadata(place)
    side = data["value"] if place.label_ == "SIDE" else data.get("side", "")
    return "" if side == "none" else side


def _join_chronicity(old: str | None, new: str) -> str:
    if old is None or old == new:
        return new
    if {old, new} == {"acute", "chronic"} or "acute_on_chronic" in (old, new):
        return "acute_on_chronic"
    return old
