"""Searching text for long lists of stems, word by word: each word is looked at once, however often notes say it.

``re`` tries every alternative of a pattern at every letter, and the cue patterns have hundreds. Most alternatives are stems
that lie within one word; whether a word holds one is remembered. The others ("medial branch", "referred ... from") hold
letters that must stand in some word: they are only searched for where such a word stands. The patterns stay what they
are in ``wording.json``: they are taken apart here, and what is found is what ``pattern.search`` finds.
"""

from __future__ import annotations

import functools
import re
import re._constants as op  # type: ignore[import-not-found] # the parser of re, which has no public name
import re._parser as parser  # type: ignore[import-not-found]
from collections.abc import Iterable, Iterator
from typing import Any

# Words kept in mind, then forgotten all at once: a stream of odd "words" must not fill the memory.
_MOST_WORDS = 50_000
# Letters that ``re.IGNORECASE`` takes for i, s and k although lower() does not.
_FOLD = str.maketrans({"\u0130": "i", "\u0131": "i", "\u017f": "s", "\u212a": "k"})
_SPACES = " \t\n\r\v\f\x1c\x1d\x1e\x1f\x85\xa0\u2003\u2028\u2029"


class WordSearch:
    """``pattern.search(text, start, end) is not None``, for patterns that are lists of stems."""

    def __init__(self, pattern: re.Pattern[str]) -> None:
        inside = [part for part in _alternatives(pattern) if _stays_in_word(parser.parse(part, pattern.flags))]
        across = [part for part in _alternatives(pattern) if part not in inside]
        self._inside = re.compile("|".join(inside) or r"(?!)", pattern.flags)
        self._across = re.compile("|".join(across) or r"(?!)", pattern.flags)
        self._gate = _gate(self._across) if across else re.compile(r"(?!)")
        self._known: set[str] = set()
        self._telling: set[str] = set()
        self._opening: set[str] = set()

    def found(self, text: str, start: int, end: int) -> bool:
        """Whether ``text[start:end]`` holds a match."""
        if start and not text[start - 1].isspace():  # the first word is only a part of one
            return bool(self._inside.search(text, start, end) or self._across.search(text, start, end))
        words = set(text[start:end].split())
        if not words <= self._known:
            self._learn(words - self._known)
        if not self._telling.isdisjoint(words):
            return True
        return not self._opening.isdisjoint(words) and self._across.search(text, start, end) is not None

    def _learn(self, words: Iterable[str]) -> None:
        if len(self._known) > _MOST_WORDS:
            for kept in (self._known, self._telling, self._opening):
                kept.clear()
        for word in words:
            self._known.add(word)
            if self._inside.search(word):
                self._telling.add(word)
            if self._gate.search(_folded(word)):
                self._opening.add(word)


class Gated:
    """A pattern for turns of phrase, whose search asks the words first: without "surgery" nothing "underwent ... surgery"."""

    def __init__(self, pattern: re.Pattern[str]) -> None:
        self.pattern = pattern
        self._gate = _gate(pattern)
        self._known: set[str] = set()
        self._opening: set[str] = set()

    def search(self, text: str, start: int = 0, end: int | None = None) -> re.Match[str] | None:
        """As ``pattern.search`` of ``re``."""
        end = len(text) if end is None else end
        return self.pattern.search(text, start, end) if self.may_match(_words(text[start:end])) else None

    def finditer(self, text: str) -> Iterator[re.Match[str]]:
        """As ``pattern.finditer`` of ``re``."""
        return self.pattern.finditer(text) if self.may_match(_words(text)) else iter(())

    def may_match(self, words: frozenset[str]) -> bool:
        """Whether a text of these words (cut at white space) can hold a match."""
        if not words <= self._known:
            self._learn(words - self._known)
        return not self._opening.isdisjoint(words)

    def _learn(self, words: Iterable[str]) -> None:
        if len(self._known) > _MOST_WORDS:
            self._known.clear()
            self._opening.clear()
        self._known.update(words)
        self._opening.update(word for word in words if self._gate.search(_folded(word)))


def gated(pattern: re.Pattern[str]) -> Gated | re.Pattern[str]:
    """The pattern behind its gate; the pattern itself where it needs no word."""
    return Gated(pattern) if _gate(pattern).pattern else pattern


@functools.lru_cache(maxsize=8)  # the same words are asked by several patterns, one after the other
def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _folded(word: str) -> str:
    return word.lower() if word.isascii() else word.translate(_FOLD).lower()


def _gate(pattern: re.Pattern[str]) -> re.Pattern[str]:
    """Finds, in a word in lower case, letters of which every match of ``pattern`` holds some; any word when there are none."""
    needed = [_needed(parser.parse(part, pattern.flags)) for part in _alternatives(pattern)]
    if not all(needed):
        return re.compile("")
    return re.compile("|".join(sorted({re.escape(letters) for some in needed for letters in some or ()})))


def _alternatives(pattern: re.Pattern[str]) -> tuple[str, ...]:
    """The alternatives of a pattern: its source cut at the bars outside brackets."""
    parts, depth = [""], 0
    for piece in re.findall(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|.", pattern.pattern, re.DOTALL):
        depth += (piece == "(") - (piece == ")")
        if piece == "|" and not depth:
            parts.append("")
        else:
            parts[-1] += piece
    return tuple(parts)


def _stays_in_word(parsed: Any) -> bool:
    """Whether all that it matches, and all that it looks at, lies within one word or at its edges."""
    return all(_is_of_word(code, value) for code, value in parsed)


def _is_of_word(code: Any, value: Any) -> bool:
    if code is op.LITERAL:
        return not chr(value).isspace()
    if code is op.AT:
        return value is op.AT_BOUNDARY
    if code is op.IN:
        return not _takes_space(value)
    # What looks ahead or back finds nothing in white space, as it finds nothing beyond the ends of a word alone.
    return all(map(_stays_in_word, _parts(code, value))) if code in _HOLDERS | _LOOKS else False


_REPEATS = frozenset((op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT))
_HOLDERS = _REPEATS | {op.SUBPATTERN, op.BRANCH, op.ATOMIC_GROUP}
_LOOKS = frozenset((op.ASSERT, op.ASSERT_NOT))


def _parts(code: Any, value: Any) -> Iterator[Any]:
    """What stands within a group, a repetition or a choice."""
    if code is op.BRANCH:
        yield from value[1]
    else:
        yield value if code is op.ATOMIC_GROUP else value[-1]


def _takes_space(members: list[tuple[Any, Any]]) -> bool:
    """Whether a character class takes white space; a negated one is taken to."""
    for code, value in members:
        if code is op.CATEGORY and value not in (op.CATEGORY_DIGIT, op.CATEGORY_WORD):
            return True
        if code is op.NEGATE or (code is op.LITERAL and chr(value).isspace()):
            return True
        if code is op.RANGE and any(value[0] <= ord(space) <= value[1] for space in _SPACES):
            return True
    return False


def _needed(parsed: Any) -> frozenset[str] | None:
    """Letters without a space between them, of which a match holds at least one run; None when it may hold none."""
    best: frozenset[str] | None = None
    run = ""
    for code, value in (*parsed, (None, None)):
        if code is op.LITERAL and not chr(value).isspace():
            run += chr(value).lower()
            continue
        found = frozenset((run,)) if len(run) > 1 else None
        best, run = _rarer(_rarer(best, found), _needed_within(code, value)), ""
    return best


def _needed_within(code: Any, value: Any) -> frozenset[str] | None:
    if code not in _HOLDERS or (code in _REPEATS and not value[0]):
        return None
    parts = [_needed(part) for part in _parts(code, value)]
    return frozenset(letters for part in parts for letters in part or ()) if all(parts) else None


def _rarer(a: frozenset[str] | None, b: frozenset[str] | None) -> frozenset[str] | None:
    """Of two demands, the one with the longer letters."""
    if a is None or b is None:
        return a or b
    return max(a, b, key=lambda some: (min(map(len, some)), sum(map(len, some)) / len(some)))
