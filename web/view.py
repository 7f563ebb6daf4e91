"""A result as the page shows it: the note cut into pieces, each with what rests on it, and the rest made ready to print.

Offsets of a result are code points; a browser counts UTF-16 units. Both are kept here, and nothing else converts them.
"""

from __future__ import annotations

import bisect
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from ..coding.codeset import Code, Status
from ..pipelines.render import outermost
from ..pipelines.result import Result

COLOURS: Final = 8
"""Codes have colours of their own up to this number; then they begin anew."""

_STATUS_WORDS: Final[Mapping[str, str]] = {
    "negated": "denied",
    "uncertain": "uncertain",
    "historical": "in the past",
    "family": "family",
    "hypothetical": "hypothetical",
    "other_person": "someone else",
    "replaced": "replaced",
    "excludes1": "excluded",
    "needs_documentation": "lacks documentation",
}
_ODD: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]"
)
_PICTURES: Final = 0x2400


@dataclass(frozen=True)
class Mark:
    """Why some words are marked. ``code``: index of the code they support; ``status``: why they are not coded."""

    code: int | None = None
    status: str = ""
    label: str = ""
    rule: str = ""


@dataclass(frozen=True)
class Piece:
    """A stretch of the note with the same marks. ``start`` and ``end``: in UTF-16 units."""

    text: str
    start: int
    end: int
    marks: tuple[Mark, ...] = ()

    @property
    def codes(self) -> tuple[int, ...]:
        """The codes that rest on it, in claim order."""
        return tuple(sorted({mark.code for mark in self.marks if mark.code is not None}))

    @property
    def status(self) -> str:
        """Why it is not coded, where no code rests on it."""
        return "" if self.codes else next((mark.status for mark in self.marks if mark.status), "")

    @property
    def classes(self) -> str:
        """The classes of its colours: that of the first code, and a line for the second."""
        if not self.codes:
            return f"s-{self.status or 'flag'}"
        first, *rest = self.codes
        return " ".join([f"c{colour(first)}", *(f"u{colour(each)}" for each in rest[:1])])

    @property
    def told(self) -> str:
        """What it supports, in words."""
        return "; ".join(dict.fromkeys(mark.label for mark in self.marks))

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules that used it."""
        return tuple(dict.fromkeys(mark.rule for mark in self.marks if mark.rule))


def colour(index: int) -> int:
    """The colour of the code at a place in the claim, from 1."""
    return index % COLOURS + 1


def status_words(status: Status | str) -> str:
    """A status as the page names it."""
    return _STATUS_WORDS.get(status, status.replace("_", " "))


def visible(text: str) -> str:
    """Text in which no character can hide, turn the reading direction round or speak to a terminal."""
    return _ODD.sub(lambda found: _shown(found[0]), text)


def _shown(character: str) -> str:
    number = ord(character)
    if number < 0x20:
        return chr(_PICTURES + number)
    return "\u2421" if number == 0x7F else f"⟨U+{number:04X}⟩"


class Utf16:
    """Turns code point offsets of one text into UTF-16 units."""

    def __init__(self, text: str) -> None:
        self._wide = [place for place, character in enumerate(text) if ord(character) > 0xFFFF]

    def __call__(self, point: int) -> int:
        """The offset in UTF-16 units."""
        return point + bisect.bisect_left(self._wide, point)


def pieces(text: str, result: Result) -> list[Piece]:
    """The note, whole and in order, cut wherever the marks change."""
    unit = Utf16(text)
    spans = sorted(_spans(result), key=lambda span: (span[0], -span[1]))
    bounds = sorted(
        {0, len(text), *(edge for start, end, _ in spans for edge in (start, end) if 0 <= edge <= len(text))}
    )
    found: list[Piece] = []
    open_spans: list[tuple[int, int, Mark]] = []
    waiting = iter([*spans, (len(text) + 1, len(text) + 1, Mark())])
    coming = next(waiting)
    for start, end in itertools.pairwise(bounds):
        while coming[0] <= start:
            open_spans.append(coming)
            coming = next(waiting)
        open_spans = [span for span in open_spans if span[1] > start]
        marks = tuple(dict.fromkeys(mark for _, _, mark in open_spans))
        found.append(Piece(text[start:end], unit(start), unit(end), marks))
    return found


def _spans(result: Result) -> Iterator[tuple[int, int, Mark]]:
    for index, code in enumerate(result.codes):
        mark = Mark(index, "", code.code, code.rule)
        yield from ((piece.start, piece.end, mark) for piece in outermost(code.evidence))
    told = set()
    for entry in result.not_coded:
        code_words = f" ({entry.code})" if entry.code else ""
        mark = Mark(None, entry.status, f"{status_words(entry.status)}, not coded{code_words}", entry.rule)
        for piece in outermost(entry.evidence):
            told.add((piece.start, piece.end))
            yield piece.start, piece.end, mark
    for flag in result.red_flags:
        mark = Mark(None, "flag", f"red flag: {flag.flag}")
        yield from ((piece.start, piece.end, mark) for piece in outermost(flag.evidence))
    for mention in result.findings.conditions:
        place = (mention.evidence.start, mention.evidence.end)
        if mention.assertion != "present" and place not in told and place[1] > place[0]:
            yield *place, Mark(None, mention.assertion, f"{status_words(mention.assertion)}, not coded")


def as_text(codes: Iterable[Code]) -> str:
    """The claim as people paste it: a code and its description a line; optional ones apart."""
    claim = [f"{code.code}\t{code.description}" for code in codes if code.role != "optional"]
    return "\n".join(claim) + "\n" if claim else ""
