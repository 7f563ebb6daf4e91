"""`Reader`: a note in, `Findings` out. Layout and excerpt first, then the medSpaCy pipeline, then what is said of what."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable
from typing import Any

from spacy.tokens import Doc, Span

from ..coding import findings as f
from . import levels as lv
from . import lexicon, pipeline, timing
from .assertion import assertion_of
from .document import NoteFacts, note_facts
from .excerpt import Excerpt, ExcerptBuilder, Piece
from .layout import Layout, LayoutReader
from .mentions import Mention, SentenceReader
from .sources import source_of

_PLACE_ORDER = ("occipito_atlanto_axial", "cervical", "cervicothoracic", "thoracic", "thoracolumbar", "lumbar", "lumbosacral", "sacral")
_DISC_KINDS = frozenset(("disc_displacement", "disc_degeneration", "disc_disruption", "disc_disorder", "annular_defect", "stenosis", "spondylosis", "facet_arthropathy", "spondylolisthesis"))
_ROOT_KINDS = frozenset(("radiculopathy", "root_compression", "radiating_pain"))


class Reader:
    """Reads notes. Built once (it loads the phrase rules), called per note; keeps nothing between notes."""

    def __init__(self) -> None:
        self._layout = LayoutReader(lexicon.titles())
        self._excerpts = ExcerptBuilder(lexicon.spelling())
        self._nlp = pipeline.build()

    def read(self, text: str, date_of_service: str | None = None) -> f.Findings:
        """The findings of `text`.

        Args:
            text: the note as decoded; offsets of the result are its code points.
            date_of_service: ISO date, for "since ..." and dates of onset.
        """
        layout = self._layout.read(text)
        excerpt = self._excerpts.build(text, layout)
        doc = self._nlp(pipeline.make_doc(self._nlp, excerpt))
        return _NoteReader(text, layout, excerpt, doc, date_of_service).findings()


class _NoteReader:
    """One note's assembly."""

    def __init__(self, text: str, layout: Layout, excerpt: Excerpt, doc: Doc, date_of_service: str | None) -> None:
        self.text, self.layout, self.excerpt, self.doc = text, layout, excerpt, doc
        self.date_of_service = date_of_service
        self.today = datetime.date.fromisoformat(date_of_service) if date_of_service else None
        self.level_at: dict[int, lv.Levels] = {}
        self.sentence_of: dict[int, Piece] = {}
        self.facts: NoteFacts = note_facts(text, layout)

    def findings(self) -> f.Findings:
        read: list[tuple[Piece, Span, list[Mention]]] = []
        for piece, sentence in self._sentences():
            mentions = SentenceReader(self.doc, sentence, self.level_at).read()
            self._time(piece, sentence, mentions, read)
            read.append((piece, sentence, mentions))
        self._carry_labels(read)
        self._carry_sites(read)
        conditions, places = self._conditions(read)
        order = sorted(range(len(conditions)), key=lambda i: (conditions[i].evidence, conditions[i].kind, conditions[i].regions))
        rank = {old: new for new, old in enumerate(order)}
        links = self._links(read, places, rank)
        return self.facts.complete(
            self,
            tuple(conditions[i] for i in order),
            links,
        )

    # -- sentences -------------------------------------------------------------------------------------------------

    def _sentences(self) -> Iterable[tuple[Piece, Span]]:
        tokens = self.doc
        index = 0
        for piece in self.excerpt.pieces:
            start = index
            while index < len(tokens) and tokens[index].idx < piece.end:
                index += 1
            sentence = tokens[start:index]
            while index < len(tokens) and tokens[index].is_space:
                index += 1
            by_offset = dict(piece.levels)
            for token in sentence:
                level = by_offset.get(token.idx)
                if level is not None:
                    self.level_at[token.i] = level
            if len(sentence):
                yield piece, sentence

    def evidence(self, start: int, end: int, piece: Piece) -> f.Evidence:
        """Evidence for tokens ``start`` to ``end`` (exclusive)."""
        first, last = self.doc[start], self.doc[end - 1]
        left, right = self.excerpt.span(first.idx, last.idx + len(last))
        return f.Evidence(left, right, self.text[left:right], piece.sentence.section.title or "(no heading)")

    # -- time ------------------------------------------------------------------------------------------------------

    def _time(self, piece: Piece, sentence: Span, mentions: list[Mention], read: list[tuple[Piece, Span, list[Mention]]]) -> None:
        found = timing.durations(sentence.text, self.today)
        if not found:
            return
        here = [m for m in mentions if m.kind not in ("ignore",)]
        outside = [s for s in self.doc.spans[pipeline.TARGETS] if s.label_ == "OUTSIDE" and sentence.start <= s.start < sentence.end]
        for duration in found:
            span = self.doc.char_span(sentence.start_char + duration.start, sentence.start_char + duration.end, alignment_mode="expand")
            if span is None:
                continue
            if any(0 <= span.start - s.end <= 3 for s in outside):
                continue
            owners = self._timed(span, here) or self._anaphor(piece, here, read)
            for owner in owners:
                if owner.duration_days is None or owner.duration_days < duration.days:
                    owner.duration_days = duration.days
                    owner.notes.append(("duration_days", span))

    @staticmethod
    def _timed(span: Span, mentions: list[Mention]) -> list[Mention]:
        sited = [m for m in mentions if m.kind != "unsited_pain" and not m.vetoed]
        if not sited:
            return []
        gap = lambda m: min(abs(span.start - m.end), abs(m.start - span.end))  # noqa: E731
        nearest = min(sited, key=gap)
        return [m for m in sited if m.head == nearest.head or gap(m) <= 3]

    @staticmethod
    def _anaphor(piece: Piece, here: list[Mention], read: list[tuple[Piece, Span, list[Mention]]]) -> list[Mention]:
        """ "The pain began ...", "Symptoms started ...": the pain last spoken of in this section."""
        for earlier, _, mentions in reversed(read[-4:]):
            if earlier.sentence.section != piece.sentence.section and earlier.sentence.section.category not in ("chief_complaint", "none"):
                return []
            own = [m for m in mentions if m.kind not in ("ignore", "unsited_pain") and not m.vetoed]
            if own:
                pains = [m for m in own if m.kind in ("pain", "sciatica", "leg_pain", "flank_pain")]
                return [m for m in own if m.head == (pains or own)[-1].head]
            if any(m.kind == "ignore" for m in mentions):
                return []
        return []

    # -- context that crosses sentences ------------------------------------------------------------------------------

    def _carry_labels(self, read: list[tuple[Piece, Span, list[Mention]]]) -> None:
        """ "L4-5: normal height. There is facet arthropathy.": the label of a line holds for its sentences."""
        current: tuple[int, lv.Levels | None, str] = (-1, None, "")
        for piece, sentence, mentions in read:
            paragraph = piece.sentence.paragraph
            if current[0] != paragraph:
                current = (paragraph, None, "")
            head = sentence[0]
            if head.i in self.level_at and any(t.text in (":", "-") for t in sentence[1:4]):
                current = (paragraph, self.level_at[head.i], "")
            level = current[1]
            if level is None:
                continue
            for mention in mentions:
                if mention.kind in ("ignore", "pain", "unsited_pain") or mention.discs or mention.vertebrae:
                    continue
                if mention.regions and not set(mention.regions) & {lv.region_of_disc(d) for d in level.discs}:
                    continue
                mention.discs, mention.vertebrae, mention.sited = list(level.discs), list(level.vertebrae), True

    def _carry_sites(self, read: list[tuple[Piece, Span, list[Mention]]]) -> None:
        """Words that need the spine ("strain", "stenosis", "degenerative changes") take it from the entry they stand in."""
        for index, (piece, _, mentions) in enumerate(read):
            for mention in mentions:
                if mention.meta.get("needs") != "spine" or mention.sited or mention.vetoed:
                    continue
                near = [m for p, _, ms in read[max(0, index - 3) : index + 1] for m in ms if p.sentence.section == piece.sentence.section and p.sentence.item == piece.sentence.item]
                if any((m.sited or m.kind == "cauda_equina") and not m.vetoed and m.kind not in ("ignore", "leg_pain") and m is not mention for m in near):
                    mention.sited = True
                elif self.facts.spinal_study:
                    mention.sited = True

    # -- conditions --------------------------------------------------------------------------------------------------

    def _conditions(self, read: list[tuple[Piece, Span, list[Mention]]]) -> tuple[list[f.Condition], dict[int, int]]:
        out: list[f.Condition] = []
        places: dict[int, int] = {}
        for piece, sentence, mentions in read:
            for mention in mentions:
                if mention.kind == "unsited_pain" and mention.chronicity in ("chronic", "acute_on_chronic"):
                    mention.kind = "chronic_pain"
                if mention.kind in ("ignore", "unsited_pain") or mention.vetoed:
                    continue
                if mention.meta.get("needs") == "spine" and not mention.sited and mention.kind != "chronic_pain" and not self._spinal_by_complaint(piece, mention):
                    continue
                places[id(mention)] = len(out)
                out.append(self._condition(piece, sentence, mention))
            out.extend(self._outside(piece, sentence))
        out.extend(self.facts.outside_problems(self, out))
        return out, places

    def _spinal_by_complaint(self, piece: Piece, mention: Mention) -> bool:
        return mention.kind in ("strain", "sprain", "muscle_spasm", "spondylosis", "stenosis") and source_of(piece.sentence, self.facts) == "assessment" and self.facts.complaint_is_spinal(self)

    def _condition(self, piece: Piece, sentence: Span, mention: Mention) -> f.Condition:
        evidence = self.evidence(mention.start, mention.end, piece)
        assertion, cue, extra = assertion_of(mention.head, piece, self.doc, self.text, self.excerpt)
        qualities = [q for q in mention.qualities]
        if "not_minor" in qualities:
            qualities = [q for q in qualities if q not in ("minor", "not_minor")]
        if assertion == "historical" and extra == "resolved":
            qualities.append("resolved")
        source = source_of(piece.sentence, self.facts)
        imaging, own = self.facts.imaging_of(piece, sentence, source)
        return f.Condition(
            kind=mention.kind,  # type: ignore[arg-type]
            evidence=evidence,
            source=source,
            assertion=assertion,
            regions=_regions(mention),
            levels=tuple(mention.discs) if mention.kind not in _ROOT_KINDS else tuple(mention.discs),
            roots=tuple(mention.vertebrae) if mention.kind in _ROOT_KINDS else (),
            sides=tuple(mention.sides),  # type: ignore[arg-type]
            chronicity=mention.chronicity,  # type: ignore[arg-type]
            duration_days=mention.duration_days,
            qualities=tuple(sorted(set(qualities))),  # type: ignore[arg-type]
            item=piece.sentence.item,
            heading=piece.sentence.first and source in ("assessment", "post_diagnosis", "pre_diagnosis", "indication"),
            imaging=imaging,
            own_reading=own,
            cue=cue,
            details=tuple(f.Detail(about, self.evidence(span.start, span.end, piece if sentence.start <= span.start < sentence.end else self._piece_at(span))) for about, span in mention.notes),
        )

    def _piece_at(self, span: Span) -> Piece:
        offset = self.doc[span.start].idx
        return next(p for p in self.excerpt.pieces if p.start <= offset < p.end)

    def _outside(self, piece: Piece, sentence: Span) -> list[f.Condition]:
        out = []
        for span in self.doc.spans[pipeline.TARGETS]:
            if span.label_ != "OUTSIDE" or not sentence.start <= span.start < sentence.end:
                continue
            data = pipeline.metadata(span)
            assertion, cue, _ = assertion_of(span, piece, self.doc, self.text, self.excerpt)
            source = source_of(piece.sentence, self.facts)
            imaging, own = self.facts.imaging_of(piece, sentence, source)
            out.append(
                f.Condition(
                    kind="outside_cause",
                    evidence=self.evidence(span.start, span.end, piece),
                    source=source,
                    assertion=assertion,
                    name=data["name"],
                    explains=tuple(data["explains"]),
                    item=piece.sentence.item,
                    heading=piece.sentence.first and source == "assessment",
                    imaging=imaging,
                    own_reading=own,
                    cue=cue,
                )
            )
        return out

    # -- links -------------------------------------------------------------------------------------------------------

    def _links(self, read: list[tuple[Piece, Span, list[Mention]]], places: dict[int, int], rank: dict[int, int]) -> tuple[f.Link, ...]:
        out = []
        for piece, _, mentions in read:
            real = [m for m in mentions if id(m) in places]
            for left in real:
                for right in real:
                    if right.head.start <= left.head.start or 14 < right.start - left.end:
                        continue
                    kind, start, end = _tie(self.doc, left.end, right.start)
                    if kind is None:
                        continue
                    effect, cause = (right, left) if kind == "causes" else (left, right)
                    name: Any = "due_to" if kind == "causes" else kind
                    out.append(f.Link(name, rank[places[id(effect)]], rank[places[id(cause)]], self.evidence(start, end, piece)))
        return tuple(sorted(out, key=lambda link: (link.effect, link.cause, link.evidence)))


_TIES = (
    ("not_due_to", re.compile(r"\b(?:not (?:due|related|secondary)|unrelated)\b")),
    ("due_to", re.compile(r"\b(?:due to|secondary to|caused by|because of|from|attributed to|attributable to|related to|2/2|as a result of|resulting from|owing to)\b")),
    ("causes", re.compile(r"\b(?:causing|resulting in|producing|leading to|causes|explains|explaining|accounts for|responsible for|compressing|impinging|which is causing|with resultant|with resulting)\b")),
    ("with", re.compile(r"\b(?:with|associated with|accompanied by)\b")),
)


def _tie(doc: Doc, start: int, end: int) -> tuple[str | None, int, int]:
    words = doc[start:end].text.lower() if start < end else ""
    if not words or "." in words.split():
        return None, 0, 0
    for kind, pattern in _TIES:
        if pattern.search(words):
            return kind, start, end
    return None, 0, 0


def _regions(mention: Mention) -> tuple[f.Region, ...]:
    """Levels outrank the region word; a pain keeps both out of the question of level unless it names no region."""
    if mention.discs:
        found = {lv.region_of_disc(d) for d in mention.discs}
    elif mention.vertebrae:
        region_of = lv.region_of_root if mention.kind in _ROOT_KINDS else lv.region_of_vertebra
        found = {region_of(v) for v in mention.vertebrae}
        # A vertebra alone is coarser than the region word it stands with ("lumbosacral ... L5").
        if mention.regions and not found & set(mention.regions):
            found = set(mention.regions)  # type: ignore[arg-type]
    else:
        found = set(mention.regions)  # type: ignore[arg-type]
    if mention.kind == "pain" and mention.regions:
        found = set(mention.regions)  # type: ignore[arg-type]
    return tuple(r for r in _PLACE_ORDER if r in found)  # type: ignore[misc]
