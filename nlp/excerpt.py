"""The part of a note worth reading, made ready for the tokenizer, with the way back to the note's own offsets.

Sentences without any cue are left out before spaCy sees them. What is kept is normalised: white space folded, Unicode
dashes and quotes made plain, common misspellings mended, "w/" written out, level expressions replaced by one word.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from . import levels
from .layout import Layout, Sentence

_PLAIN = {
    **{ord(c): "-" for c in "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d"},
    **{ord(c): "'" for c in "\u2018\u2019\u201a\u201b\u2032\u02bc\u00b4`"},
    **{ord(c): '"' for c in "\u201c\u201d\u201e\u2033\u00ab\u00bb"},
    **{ord(c): " " for c in "\t\n\r\v\f\u0000\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000\u2028\u2029\x85\ufeff\u200b"},
}
_WITH = re.compile(r"(?<![\w/])w/(?!o\b)[ ]?|(?<![\w/])w/o[ ]?", re.IGNORECASE)

# What a sentence must hold to be read. Stems, so that a new phrase seldom needs a new cue; the lexicon test reads
# every rule's example through it.
CUE = re.compile(
    r"back|neck|spin[ea]|lumb|thorac|cervi|sacr|coccy|tailbone|\bdis[ck]|radic|sciat|sketic|\bpain|pian\b|\bach(?:e|ing|y)|aches\b|sore|hurt|discomfort"
    r"|steno|narrow|spond|listhes|facet|apophys|uncover|uncinate|herni|hnp|bulg|buldg|protru|protus|extru|strain|sprain|whiplash|spasm|modic|end ?-?plate"
    r"|vertebr|myelop|myelom|\bcord\b|nerve|\broots?\b|impinge|scolio|fusion|laminect|cauda|flank|pregnan|gestation|gravid|trimester|weeker|iup\b"
    r"|claudic|degener|arthr|osteoph|sublux|dysfunction|multifid|\bddd\b|\bdjd\b|\bc?lbp\b|\blpb\b|\bfbss\b|\bsi\b|\bsij\b|\bidd\b|\bloin|algia|odynia|occipital"
    r"|shoulder blade|interscap|annul|schmorl|instability|slipped|\bpars\b|discit|ankylos|brachial|basivert|\bpulled|lifting|lifted|fell\b|fall\b|accident|\bmv[ac]\b"
    r"|collision|rear-ended|twist|bending|incontinen|saddle|retention|weight loss|fever|\d\s*/?\d?\s*(?:wks?|weeks)\b|onset|\bago\b|symptoms? (?:began|started)|stone|fracture|metasta|zoster|shingles"
    r"|nephr|lithia|aneurysm|\baaa\b|dissection|pancreat|cholecyst|gallst|endometri|fibroid|ovarian|ectopic|macromast|breast|pneumonia|pleur|embol|infarct|nstemi|angina|piriform|mening|abscess|osteomy|hematoma|tumou?r|cancer|neoplas|malignan|myelom|labor|abruption|\buti\b|colic|straight leg|\bslr\b|\b[CTL]\d{1,2}\b|\b[CTL]\d{1,2}-|injection|ablation|rhizotomy|block\b|stimulator|follow|initial|return|refill|report|calcul|\bleg\b|\blegs\b|buttock|\bhip",
    re.IGNORECASE,
)


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
        self._misspelt = re.compile(rf"(?<!\w)(?:{words})(?!\w)", re.IGNORECASE) if words else None

    def build(self, text: str, layout: Layout) -> Excerpt:
        out = Excerpt()
        parts: list[str] = []
        length = 0
        for sentence in layout.sentences:
            raw = text[sentence.start : sentence.end]
            if not CUE.search(raw):
                continue
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

    def _piece(self, raw: str, sentence: Sentence, out: Excerpt, offset: int) -> tuple[Piece, str]:
        plain = raw.translate(_PLAIN)
        changes = [(lv.start, lv.end, f" {levels.PLACEHOLDER} ", lv) for lv in levels.find(plain)]
        changes += [(m.start(), m.end(), "with " if "o" not in m.group().lower() else "without ", None) for m in _WITH.finditer(plain)]
        if self._misspelt is not None:
            changes += [(m.start(), m.end(), self._spelling[m.group().lower()], None) for m in self._misspelt.finditer(plain)]
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
                put(plain[i], base + i, base + i + 1)
            for character in words:
                if level is not None and character == levels.PLACEHOLDER[0]:
                    found.append((offset + len(letters), level))
                put(character, base + start, base + end)
            position = end
        for i in range(position, len(plain)):
            put(plain[i], base + i, base + i + 1)
        words = "".join(letters)
        return Piece(sentence, offset, offset + len(words), tuple(found)), words
