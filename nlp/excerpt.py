"""The part of a note worth reading, made ready for the tokenizer, with the way back to the note's own offsets.

Sentences without any cue are left out before spaCy sees them. What is kept is normalised: white space folded, Unicode
dashes and quotes made plain, common misspellings mended, "w/" written out, level expressions replaced by one word.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from . import levels
from .cues import WordSearch
from .layout import Layout, Sentence
from .lexicon import wording

_PLAIN = {
    **{ord(c): "-" for c in "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d"},
    **{ord(c): "'" for c in "\u2018\u2019\u201a\u201b\u2032\u02bc\u00b4`"},
    **{ord(c): '"' for c in "\u201c\u201d\u201e\u2033\u00ab\u00bb"},
    **{ord(c): " " for c in "\t\n\r\v\f\u0000\u00a0\u200a\u202f\u205f\u3000\u2028\u2029\x85\ufeff\u200b"},
    **dict.fromkeys(range(8192, 8202), " "),
}
# "-neck pain" beside "+back pain": the sign is no part of the word.
_SIGN = re.compile(r"(?:(?<=[\s,;(])|^)[-+](?=[A-Za-z]{3})")
_SHOUTED_NOT = re.compile(r"\b[A-Z]+N'T\b")
# A crossed nought is "no".
_NONE_SIGN = re.compile(r"(?<!\w)[\u00d8\u2205][ ]?(?=[A-Za-z])")
_WITH = re.compile(r"(?<![\w/])w/(?!o\b)[ ]?|(?<![\w/])w/o[ ]?", re.IGNORECASE)

# "6mo h/o low back pain", "2 yr hx neck pain": a time is told, not a past.
_TIMED_HISTORY = wording("timing-history")
_HX = re.compile(r"h/o|hx|hist\b", re.IGNORECASE)
_SPAN_OF = {"d": "day", "w": "week", "m": "month", "y": "year"}

# What a sentence must hold to be read: stems, so that a new phrase seldom needs a new cue. The lexicon test reads every
# rule's example through them. Lower case and no flags: the engine can then skip by first letter.
_STRONG = WordSearch(wording("excerpt-strong"))
# These matter only beside what is read anyway, or where the visit's reason and diagnosis stand.
_WEAK = WordSearch(wording("excerpt-weak"))
_WEAK_SECTIONS = frozenset(
    ("none", "chief_complaint", "history", "assessment", "indication", "procedure", "post_diagnosis", "pre_diagnosis")
)
# The hundredth copy of a sentence in the same part of a note (a torn template, a hostile file) adds nothing.
_MOST_COPIES = 12
_ASCII_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}


def _parted(history: re.Match[str]) -> str:
    """The blank that "6mo" lacks."""
    return "" if history["low"][-1] in " -" else " "


def kept_sentences(text: str, layout: Layout) -> list[Sentence]:
    """The sentences worth reading: those with a strong cue, and weak ones beside them or in the visit's own sections."""
    lower = text.translate(_ASCII_LOWER)
    sentences = layout.sentences
    strong = [_STRONG.found(lower, s.start, s.end) for s in sentences]
    copies: dict[tuple[str, str, str], int] = {}
    out = []
    for index, sentence in enumerate(sentences):
        if strong[index] or (
            sentence.section.category in _WEAK_SECTIONS
            and _near(strong, index)
            and _WEAK.found(lower, sentence.start, sentence.end)
        ):
            words = (sentence.section.category, sentence.label, lower[sentence.start : sentence.end])
            copies[words] = copies.get(words, 0) + 1
            if copies[words] <= _MOST_COPIES:
                out.append(sentence)
    return out


def _near(strong: list[bool], index: int) -> bool:
    return any(strong[max(0, index - 3) : index + 4])


def _single_spaced(plain: str) -> tuple[str, Sequence[int]]:
    """`plain` without doubled spaces, so that no pattern need know of them, and the place in `plain` of each letter."""
    if "  " not in plain:
        return plain, range(len(plain))
    where = [i for i, c in enumerate(plain) if c != " " or not i or plain[i - 1] != " "]
    return "".join([plain[i] for i in where]), where


@dataclass(frozen=True)
class Piece:
    """A kept sentence: its place in the excerpt's text, and the level expressions in it (by excerpt offset)."""

    sentence: Sentence
    start: int
    end: int
    levels: tuple[tuple[int, levels.Levels], ...]


@dataclass
class Excerpt:
    """Text for the tokenizer with, for each of its characters, the span of the note it stands for."""

    text: str = ""
    begin: list[int] = field(default_factory=list)
    finish: list[int] = field(default_factory=list)
    pieces: list[Piece] = field(default_factory=list)

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Offsets in the note of ``text[start:end]`` of the excerpt."""
        return self.begin[start], self.finish[end - 1]


class ExcerptBuilder:
    """Builds excerpts; holds the spelling table (variant → standard)."""

    def __init__(self, spelling: dict[str, str]) -> None:
        self._spelling = spelling
        words = "|".join(sorted(map(re.escape, spelling), key=len, reverse=True))
        self._misspelt = re.compile(rf"(?<!\w)(?:{words})(?!\w)") if words else None
        self._may_be_misspelt = WordSearch(self._misspelt or re.compile(r"(?!)"))

    def build(self, text: str, layout: Layout) -> Excerpt:
        """The excerpt of `text`: every kept sentence on a line of its own."""
        out = Excerpt()
        parts: list[str] = []
        length = 0
        for sentence in kept_sentences(text, layout):
            raw = text[sentence.start : sentence.end]
            if parts:
                parts.append("\n")
                out.begin.append(sentence.start)
                out.finish.append(sentence.start)
                length += 1
            piece, words = self._piece(raw, sentence, out, length)
            parts.append(words)
            length += len(words)
            out.pieces.append(piece)
        out.text = "".join(parts)
        return out

    def _changes(self, plain: str) -> list[tuple[int, int, str, levels.Levels | None]]:
        """What is written otherwise in the excerpt: level expressions, "w/", misspelt words; in no order yet."""
        changes: list[tuple[int, int, str, levels.Levels | None]] = [
            (lv.start, lv.end, f" {levels.PLACEHOLDER} ", lv) for lv in levels.find(plain)
        ]
        if "w/" in plain or "W/" in plain:
            changes += [
                (m.start(), m.end(), "with " if "o" not in m.group().lower() else "without ", None)
                for m in _WITH.finditer(plain)
            ]
        if "\u00d8" in plain or "\u2205" in plain:
            changes += [(m.start(), m.end(), "no ", None) for m in _NONE_SIGN.finditer(plain)]
        if "N'T" in plain:
            # The tokenizer parts "isn't" and not "ISN'T".
            changes += [(m.start(), m.end(), m.group().lower(), None) for m in _SHOUTED_NOT.finditer(plain)]
        if _HX.search(plain):
            changes += [
                (m.start("unit"), m.end(), _parted(m) + _SPAN_OF[m["unit"][0].lower()] + " history of", None)
                for m in _TIMED_HISTORY.finditer(plain)
            ]
        if "-" in plain or "+" in plain:
            changes += [(m.start(), m.end(), m.group() + " ", None) for m in _SIGN.finditer(plain)]
        lower = plain.translate(_ASCII_LOWER)
        if self._misspelt is not None and self._may_be_misspelt.found(lower, 0, len(lower)):
            changes += [(m.start(), m.end(), self._spelling[m.group()], None) for m in self._misspelt.finditer(lower)]
        return changes

    def _piece(self, raw: str, sentence: Sentence, out: Excerpt, offset: int) -> tuple[Piece, str]:
        plain, where = _single_spaced(raw.translate(_PLAIN))
        changes = self._changes(plain)
        if not changes and len(plain) == len(raw):
            # Most sentences stand as they are: no need to go letter by letter.
            first = sentence.start
            out.begin.extend(range(first, first + len(plain)))
            out.finish.extend(range(first + 1, first + len(plain) + 1))
            return Piece(sentence, offset, offset + len(plain), ()), plain
        changes.sort(key=lambda c: c[:2])
        letters: list[str] = []
        found: list[tuple[int, levels.Levels]] = []
        base = sentence.start
        position = 0

        def put(character: str, begin: int, finish: int) -> None:
            if character == " " and (not letters or letters[-1] == " "):
                return
            letters.append(character)
            out.begin.append(begin)
            out.finish.append(finish)

        for start, end, words, level in changes:
            if start < position:
                continue
            for i in range(position, start):
                put(plain[i], base + where[i], base + where[i] + 1)
            for character in words:
                if level is not None and character == levels.PLACEHOLDER[0]:
                    found.append((offset + len(letters), level))
                put(character, base + where[start], base + where[end - 1] + 1)
            position = end
        for i in range(position, len(plain)):
            put(plain[i], base + where[i], base + where[i] + 1)
        words = "".join(letters)
        return Piece(sentence, offset, offset + len(words), tuple(found)), words
