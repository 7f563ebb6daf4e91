"""From mentions to conditions: durations, what crosses sentences, and the record that goes to the decision layer."""

from __future__ import annotations

import dataclasses
from typing import get_args

from ..coding import findings as f
from . import levels as lv
from . import pipeline, timing
from .draft import Draft, Read
from .lexicon import said, wording
from .mentions import ROOT_KINDS
from .scope import FELT
from .sentence_view import NP_WORDS, SIDE_WORDS, Mention

_PLACE_ORDER: tuple[f.Region, ...] = get_args(f.Region)
_DIAGNOSTIC = frozenset(("assessment", "post_diagnosis", "pre_diagnosis", "indication"))
_SIDED = frozenset(("sciatica", "low_back_pain_with_sciatica"))
_RADIATED = frozenset(("radiating_pain", "leg_pain"))
_BEGINS_ANEW = frozenset(("now", "new", "and", "with", "but", "then", "recently", "today", ";", "."))
_RADIATION_APART = 4
_JOINS = frozenset((",", "and", "&", "/", "with", "plus"))
_BEGAN = frozenset(("new", "now", "recent", "acute"))
_IT = frozenset(("it", "this", "pain", "symptoms", "both"))
_LEG = frozenset(
    ("leg", "legs", "thigh", "thighs", "calf", "calves", "buttock", "buttocks", "extremity", "extremities")
)
_NOWHERE = f.Evidence(0, 0, "", "")
_MOST_REPEATS, _ITEMS_APART = 12, 40
# How many words before a condition may still say of which kind it is ("adolescent idiopathic scoliosis").
_ADJECTIVES = 3
_LOOK_BACK = 4
_HISTORY_OF = ("history of", "h/o", "hx")
_ASKS_TIME = wording("timing-asked")
# The parts whose pain a time in another part may be of, by whether that part's heading asks for the time.
_TIMED_BELOW = {False: ("chief_complaint", "none"), True: ("chief_complaint", "none", "history")}
# Without a site of their own these are taken for the spine when the visit is about it.
_BY_COMPLAINT = frozenset(("strain", "sprain", "muscle_spasm", "spondylosis", "stenosis"))


class ConditionBuilder:
    """Makes the conditions of one draft, sorted by place, and the rank of each mention among them."""

    def __init__(self, draft: Draft) -> None:
        self.draft = draft

    def build(self) -> tuple[tuple[f.Condition, ...], dict[int, int]]:
        """(conditions, rank by ``id`` of the mention)."""
        for index in range(len(self.draft.reads)):
            self._time(index)
        self._carry_labels()
        self._carry_sites()
        self._carry_sides()
        made: list[tuple[f.Condition, int]] = []
        for read in self.draft.reads:
            made.extend((self._condition(read, m), id(m)) for m in read.mentions if self._counts(read, m))
            made.extend(self._outside(read))
        made.extend((c, 0) for c in self.draft.facts.outside_problems([c for c, _ in made]))
        made.sort(key=lambda pair: (pair[0].evidence, pair[0].kind, pair[0].regions))
        made = _without_endless_repeats(made)
        return tuple(c for c, _ in made), {key: rank for rank, (_, key) in enumerate(made) if key}

    def _counts(self, read: Read, mention: Mention) -> bool:
        if mention.kind == "unsited_pain" and mention.chronicity in ("chronic", "acute_on_chronic"):
            mention.kind = "chronic_pain"
        if mention.kind in ("ignore", "unsited_pain") or mention.vetoed:
            return False
        if mention.kind == "muscle_spasm" and mention.regions == ["cervical"]:
            return False  # M62.830 is the back's; spasm of the neck has no code in scope
        if mention.meta.get("needs") != "spine" or mention.sited:
            return True
        if mention.kind not in _BY_COMPLAINT or self.draft.source(read.sentence) != "assessment":
            return False
        return self.draft.facts.complaint_is_spinal()

    # -- time ----------------------------------------------------------------------------------------------------------

    def _time(self, index: int) -> None:
        read = self.draft.reads[index]
        text = self.draft.excerpt.text[read.piece.start : read.piece.end]
        asked = read.sentence.first and bool(_ASKS_TIME.match(read.sentence.section.title))
        for duration in timing.durations(text, self.draft.today, read.piece.bits, asked=asked):
            span = self.draft.doc.char_span(
                read.piece.start + duration.start, read.piece.start + duration.end, alignment_mode="expand"
            )
            if span is None or any(s.label_ == "OUTSIDE" and 0 <= span.start - s.end <= 3 for s in read.spans.facts):
                continue
            here = [m for m in read.mentions if m.kind not in ("ignore", "unsited_pain") and not m.vetoed]
            elsewhere = any(m.kind == "ignore" for m in read.mentions)
            owners = _nearest(here, span.start, span.end) or ([] if elsewhere else self._anaphor(index, asked=asked))
            for owner in owners + self._radiating_from(read, owners) + self._told_together(here, owners, span.start):
                if owner.duration_days is None or owner.duration_days < duration.days:
                    owner.duration_days = duration.days
                    owner.notes.append(("duration_days", span))

    def _radiating_from(self, read: Read, owners: list[Mention]) -> list[Mention]:
        """As in "low back pain radiating to the leg for 6 months": of a pain told with where it goes, both last as long."""
        if not any(m.kind == "radiating_pain" for m in owners) or any(m.kind not in _RADIATED for m in owners):
            return []
        heads = [m.head for m in owners if m.kind == "radiating_pain"]
        source = [m for m in read.mentions if m.kind in ("pain", "flank_pain") and m.head.end <= heads[0].start]
        if not source or source[-1].duration_days is not None or source[-1].chronicity:
            return []
        between = self.draft.words[source[-1].head.end : heads[0].start]
        told_apart = len(between) > _RADIATION_APART or _BEGINS_ANEW & set(between)
        return [] if told_apart else [m for m in source if m.head == source[-1].head]

    def _told_together(self, here: list[Mention], owners: list[Mention], start: int) -> list[Mention]:
        """As in "neck pain and right low back pain for 6 months": of complaints listed before a time, all last as long."""
        if not owners or any(m.end > start or m.kind not in FELT for m in owners):
            return []
        found: list[Mention] = []
        first = min(m.start for m in owners)
        for mention in sorted((m for m in here if m.end <= first), key=lambda m: -m.end):
            between = self.draft.words[mention.end : first]
            if (
                mention.kind not in FELT
                or mention.duration_days is not None
                or mention.chronicity
                or not _JOINS & set(between)
                or not all(w in _JOINS or w in NP_WORDS or w in SIDE_WORDS for w in between)
                or _BEGAN & set(between)
            ):
                break
            found.append(mention)
            first = mention.start
        return found

    def _anaphor(self, index: int, *, asked: bool) -> list[Mention]:
        """As in "The pain began ...", "Symptoms started ...": the pain last spoken of in this section."""
        reads = self.draft.reads
        section = reads[index].sentence.section
        for earlier in reversed(reads[max(0, index - _LOOK_BACK) : index]):
            if earlier.sentence.section != section and earlier.sentence.section.category not in _TIMED_BELOW[asked]:
                return []
            own = [m for m in earlier.mentions if m.kind not in ("ignore", "unsited_pain") and not m.vetoed]
            if own:
                pains = [m for m in own if m.kind in ("pain", "sciatica", "leg_pain", "flank_pain")]
                return [m for m in own if m.head == (pains or own)[-1].head]
            if any(m.kind == "ignore" for m in earlier.mentions):
                return []
        return []

    # -- what crosses sentences ----------------------------------------------------------------------------------------

    def _carry_labels(self) -> None:
        """As in "L4-5: normal height. There is facet arthropathy.": the label of a line holds for its sentences."""
        paragraph, level = -1, None
        for read in self.draft.reads:
            if read.sentence.paragraph != paragraph:
                paragraph, level = read.sentence.paragraph, None
            opening = self.draft.words[read.start + 1 : min(read.start + 4, read.end)]
            if read.start in self.draft.level_at and {":", "-"} & set(opening):
                level = self.draft.level_at[read.start]
            if level is not None:
                for mention in read.mentions:
                    _label(mention, level)

    def _carry_sites(self) -> None:
        """Words that need the spine ("strain", "degenerative changes") take it from the entry they stand in."""
        reads = self.draft.reads
        for index, read in enumerate(reads):
            for mention in read.mentions:
                if mention.meta.get("needs") != "spine" or mention.sited or mention.vetoed:
                    continue
                mention.sited = self.draft.facts.spinal_study or any(
                    _spinal(m) and m is not mention
                    for near in reads[max(0, index - _LOOK_BACK + 1) : index + 1]
                    if near.sentence.section == read.sentence.section and near.sentence.item == read.sentence.item
                    for m in near.mentions
                )

    def _carry_sides(self) -> None:
        """As in "Referred for sciatica. He has had it in both legs.": a side said of "it" is the nerve pain's."""
        for before, read in zip(self.draft.reads, self.draft.reads[1:], strict=False):
            sides = [s for s in read.spans.anatomy if s.label_ == "SIDE" and pipeline.metadata(s)["value"] != "none"]
            words = set(self.draft.words[read.start : read.end])
            if (
                not sides
                or any(m.kind not in ("unsited_pain", "leg_pain", "radiating_pain") for m in read.mentions)
                or not words & _IT
                or not words & _LEG
            ):
                continue
            for mention in before.mentions:
                if mention.kind in _SIDED and not mention.sides:
                    values = {pipeline.metadata(s)["value"] for s in sides}
                    mention.sides = (
                        ["bilateral"] if {"left", "right"} <= values or "bilateral" in values else sorted(values)
                    )
                    mention.notes.extend(("sides", s) for s in sides)

    # -- records -------------------------------------------------------------------------------------------------------

    def _condition(self, read: Read, mention: Mention) -> f.Condition:
        draft, sentence = self.draft, read.sentence
        assertion, cue, extra = draft.assertion(mention.head)
        qualities = set(mention.qualities)
        if "not_minor" in qualities:
            qualities -= {"minor", "not_minor"}
        if extra:
            qualities.add(extra)
        if assertion == "historical" and cue.lower().startswith(_HISTORY_OF):
            qualities.add("history_of")
        if draft.facts.is_incidental_to_study:
            qualities.add("incidental")
        evidence = draft.evidence(mention.start, mention.end, read.piece)
        phrase = " ".join(draft.words[max(read.start, mention.start - _ADJECTIVES) : mention.end])
        qualities |= {
            quality
            for quality, word, near in said().get(mention.kind, ())
            if word.search(phrase if near else evidence.text)
        }
        source = draft.source(sentence)
        imaging, own = draft.imaging(sentence)
        rooted = mention.kind in ROOT_KINDS
        return f.Condition(
            kind=mention.kind,  # type: ignore[arg-type]
            evidence=evidence,
            source=source,
            assertion=assertion,
            regions=_regions(mention),
            levels=tuple(mention.discs),
            roots=tuple(mention.vertebrae) if rooted else (),
            sides=tuple(mention.sides),  # type: ignore[arg-type]
            chronicity=mention.chronicity,  # type: ignore[arg-type]
            duration_days=mention.duration_days,
            qualities=tuple(sorted(qualities)),  # type: ignore[arg-type]
            item=sentence.item,
            heading=sentence.first and source in _DIAGNOSTIC,
            imaging=imaging,
            own_reading=own,
            cue=cue,
            details=tuple(f.Detail(about, draft.evidence_of(span)) for about, span in mention.notes),
        )

    def _outside(self, read: Read) -> list[tuple[f.Condition, int]]:
        """Causes outside our scope, each with the ``id`` of its span, by which links know it."""
        out = []
        for span in read.spans.facts:
            if span.label_ != "OUTSIDE":
                continue
            data = pipeline.metadata(span)
            assertion, cue, _ = self.draft.assertion(span)
            source = self.draft.source(read.sentence)
            imaging, own = self.draft.imaging(read.sentence)
            condition = f.Condition(
                kind="outside_cause",
                evidence=self.draft.evidence(span.start, span.end, read.piece),
                source=source,
                assertion=assertion,
                name=data["name"],
                explains=tuple(data["explains"]),
                item=read.sentence.item,
                heading=read.sentence.first and source == "assessment",
                imaging=imaging,
                own_reading=own,
                cue=cue,
            )
            out.append((condition, id(span)))
        return out


def _without_endless_repeats(made: list[tuple[f.Condition, int]]) -> list[tuple[f.Condition, int]]:
    """The first mentions that say the same thing in the same part of the note: the hundredth copy adds nothing."""
    if len(made) <= _MOST_REPEATS:
        return made
    seen: dict[f.Condition, int] = {}
    out = []
    for condition, key in made:
        bare = dataclasses.replace(condition, evidence=_NOWHERE, item=min(condition.item, _ITEMS_APART), details=())
        seen[bare] = seen.get(bare, 0) + 1
        if seen[bare] <= _MOST_REPEATS:
            out.append((condition, key))
    return out


def _nearest(mentions: list[Mention], start: int, end: int) -> list[Mention]:
    """The mentions of the nearest head, and any other within three words on that side of the time."""
    if not mentions:
        return []

    def gap(mention: Mention) -> int:
        return min(abs(start - mention.end), abs(mention.start - end))

    nearest = min(mentions, key=gap)
    before = nearest.end <= start
    return [m for m in mentions if m.head == nearest.head or (gap(m) <= 3 and (m.end <= start) is before)]


def _spinal(mention: Mention) -> bool:
    return (
        (mention.sited or mention.kind == "cauda_equina")
        and not mention.vetoed
        and mention.kind not in ("ignore", "leg_pain")
    )


def _label(mention: Mention, level: lv.Levels) -> None:
    if mention.kind in ("ignore", "pain", "unsited_pain") or mention.discs or mention.vertebrae:
        return
    if mention.regions and not set(mention.regions) & {lv.region_of_disc(d) for d in level.discs}:
        return
    mention.discs, mention.vertebrae, mention.sited = list(level.discs), list(level.vertebrae), True


def _regions(mention: Mention) -> tuple[f.Region, ...]:
    """Levels outrank the region word, except that a pain is where it is said to be."""
    said = set(mention.regions)
    found: set[str]
    if mention.kind == "pain" and said:
        found = said
    elif mention.discs:
        found = {lv.region_of_disc(d) for d in mention.discs}
    elif mention.vertebrae:
        region_of = lv.region_of_root if mention.kind in ROOT_KINDS else lv.region_of_vertebra
        found = {region_of(v) for v in mention.vertebrae}
        # A vertebra alone is coarser than the region word it stands with ("lumbosacral ... L5").
        if said and not found & said:
            found = said
    else:
        found = said
    return tuple(r for r in _PLACE_ORDER if r in found)
