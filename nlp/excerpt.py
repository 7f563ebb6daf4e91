"""The part of a note worth reading, made ready for the tokenizer, with the way back to the note's own offsets.

Sentences without any cue are left out before spaCy sees them. What is kept is normalised: white space folded, Unicode
dashes and quotes made plain, common misspellings mended, "w/" written out, level expressions replaced by one word.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from . import levels
from .cues import VOCABULARY, WordSearch
from .layout import Layout, Sentence
from .lexicon import lowered, wording

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
_HX = ("h/o", "hx", "hist")
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


def _parted(history: re.Match[str]) -> str:
    """The blank that "6mo" lacks."""
    return "" if history["low"][-1] in " -" else " "


def kept_sentences(text: str, sentences: tuple[Sentence, ...], bits: list[int]) -> list[tuple[Sentence, int]]:
    """The sentences worth reading, each with the bits of its words. ``text`` is in lower case.

    Worth reading are those with a strong cue, and those with a weak one beside them or in the visit's own sections.
    """
    strong = [_STRONG.found_by(bits[i], text, s.start, s.end) for i, s in enumerate(sentences)]
    copies: dict[tuple[str, str, str], int] = {}
    out = []
    for index, sentence in enumerate(sentences):
        if strong[index] or (
            sentence.section.category in _WEAK_SECTIONS
            and _near(strong, index)
            and _WEAK.found_by(bits[index], text, sentence.start, sentence.end)
        ):
            words = (sentence.section.category, sentence.label, text[sentence.start : sentence.end])
            copies[words] = copies.get(words, 0) + 1
            if copies[words] <= _MOST_COPIES:
                out.append((sentence, bits[index]))
    return out


def _between(text: str, sentences: tuple[Sentence, ...]) -> Iterator[str]:
    end = 0
    for sentence in sentences:
        yield text[end : sentence.start]
        end = sentence.end
    yield text[end:]


def _plain(raw: str) -> str:
    """`raw` with plain dashes, quotes and blanks; letter for letter."""
    as_it_is = raw.isascii() and raw.isprintable() and "`" not in raw
    return raw if as_it_is else raw.translate(_PLAIN)


def _near(strong: list[bool], index: int) -> bool:
    return any(strong[max(0, index - 3) : index + 4])


def _single_spaced(plain: str) -> tuple[str, Sequence[int]]:
    """`plain` without doubled spaces, so that no pattern need know of them, and the place in `plain` of each letter."""
    if "  " not in plain:
        return plain, range(len(plain))
    where = [i for i, c in enumerate(plain) if c != " " or not i or plain[i - 1] != " "]
    return "".join([plain[i] for i in where]), where


class Piece(NamedTuple):
    """A kept sentence: its place in the excerpt's text, and the level expressions in it (by excerpt offset).

    ``bits``: what its words tell the patterns (`Vocabulary`), as they stand in the note and in the excerpt.
    """

    sentence: Sentence
    start: int
    end: int
    levels: tuple[tuple[int, levels.Levels], ...]
    bits: int


@dataclass
class Excerpt:
    """Text for the tokenizer with, for each of its characters, the span of the note it stands for.

    ``bits``: what the words of each sentence of the layout, kept or not, tell the patterns (`Vocabulary`); ``bits_of_rest``:
    those of what stands between, headings above all.
    """

    text: str = ""
    begin: list[int] = field(default_factory=list)
    finish: list[int] = field(default_factory=list)
    pieces: list[Piece] = field(default_factory=list)
    bits: list[int] = field(default_factory=list)
    bits_of_rest: int = 0

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
        lower = lowered(text)
        out.bits = [VOCABULARY.of(lower[s.start : s.end]) for s in layout.sentences]
        out.bits_of_rest = VOCABULARY.of(" ".join(_between(lower, layout.sentences)))
        for sentence, bits in kept_sentences(lower, layout.sentences, out.bits):
            raw = text[sentence.start : sentence.end]
            if parts:
                parts.append("\n")
                out.begin.append(sentence.start)
                out.finish.append(sentence.start)
                length += 1
            piece, words = self._piece(raw, sentence, bits, out, length)
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
        lower = lowered(plain)
        if any(word in lower for word in _HX):
            changes += [
                (m.start("unit"), m.end(), _parted(m) + _SPAN_OF[m["unit"][0].lower()] + " history of", None)
                for m in _TIMED_HISTORY.finditer(plain)
            ]
        if ("-" in plain or "+" in plain) and _SIGN.search(plain):
            changes += [(m.start(), m.end(), m.group() + " ", None) for m in _SIGN.finditer(plain)]
        if self._misspelt is not None and self._may_be_misspelt.found(lower, 0, len(lower)):
            changes += [(m.start(), m.end(), self._spelling[m.group()], None) for m in self._misspelt.finditer(lower)]
        return changes

    def _piece(self, raw: str, sentence: Sentence, bits: int, out: Excerpt, offset: int) -> tuple[Piece, str]:
        plain, where = _single_spaced(_plain(raw))
        changes = self._changes(plain)
        base = sentence.start
        if not changes and len(plain) == len(raw):
            # Most sentences stand as they are.
            out.begin.extend(range(base, base + len(plain)))
            out.finish.extend(range(base + 1, base + len(plain) + 1))
            return Piece(sentence, offset, offset + len(plain), (), bits), plain
        changes.sort(key=lambda c: c[:2])
        parts: list[str] = []
        found: list[tuple[int, levels.Levels]] = []
        length = position = 0

        def put(words: str, begin: Iterable[int], finish: Iterable[int]) -> None:
            """Takes over `words`, whose letters stand for these offsets, without a second blank in a row."""
            nonlocal length
            doubled = words.startswith(" ") and is_parted()
            if len(words) > doubled:
                parts.append(words[doubled:])
                out.begin.extend(itertools.islice(begin, int(doubled), None))
                out.finish.extend(itertools.islice(finish, int(doubled), None))
                length += len(words) - doubled

        def is_parted() -> bool:
            return not parts or parts[-1].endswith(" ")

        def keep(start: int, end: int) -> None:
            put(plain[start:end], (base + i for i in where[start:end]), (base + i + 1 for i in where[start:end]))

        for start, end, words, level in changes:
            if start < position:
                continue
            keep(position, start)
            if level is not None:
                found.append((offset + length - is_parted() + words.index(levels.PLACEHOLDER), level))
            put(words, [base + where[start]] * len(words), [base + where[end - 1] + 1] * len(words))
            position = end
        keep(position, len(plain))
        whole = "".join(parts)
        bits |= VOCABULARY.of(lowered(whole))
        return Piece(sentence, offset, offset + len(whole), tuple(found), bits), whole
