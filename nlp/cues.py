"""Searching text for long lists of stems, word by word: each word is looked at once, however often notes say it.

``re`` tries every alternative of a pattern at every letter, and the cue patterns have hundreds. Most alternatives are stems
that lie within one word; whether a word holds one is remembered. The others ("medial branch", "referred ... from") hold
letters that must stand in some word: they are only searched for where such a word stands. The patterns stay what they
are in ``wording.json``: they are taken apart here, and what is found is what ``pattern.search`` finds.

A `Vocabulary` knows each word by its bits, one for each thing that some pattern asks of words. The bits of a sentence
answer for all patterns at once which of them can match in it at all.
"""

from __future__ import annotations

import functools
import operator
import re
import re._constants as op  # type: ignore[import-not-found] # the parser of re, which has no public name
import re._parser as parser  # type: ignore[import-not-found]
from collections.abc import Callable, Iterator
from typing import Any

# Words kept in mind, then forgotten all at once: a stream of odd "words" must not fill the memory.
_MOST_WORDS = 50_000
# Letters that ``re.IGNORECASE`` takes for i, s and k although lower() does not.
_FOLD = str.maketrans({"\u0130": "i", "\u0131": "i", "\u017f": "s", "\u212a": "k"})
_SPACES = " \t\n\r\v\f\x1c\x1d\x1e\x1f\x85\xa0\u2003\u2028\u2029"


class Vocabulary:
    """What words tell the patterns that were entered here, as bits; words are cut at white space."""

    def __init__(self) -> None:
        self._size = 0
        self._runs: dict[str, dict[str, int]] = {}
        """Runs of letters with their bits, by their first two letters (`_needed` asks for no shorter ones)."""
        self._stems: list[tuple[re.Pattern[str], int]] = []
        self._of_any_word = 0
        self._known = _Bits(self._learn)
        self.of = functools.lru_cache(maxsize=8)(self._of)  # one text is asked by several patterns, one after the other

    def _of(self, text: str) -> int:
        """The bits of all words of `text`."""
        return functools.reduce(operator.or_, map(self._known.__getitem__, text.split()), 0)

    def enter_stems(self, pattern: re.Pattern[str]) -> int:
        """A bit for the words in which `pattern` is found."""
        bit = self._new()
        self._stems.append((pattern, bit))
        return bit

    def enter_letters(self, letters: frozenset[str] | None) -> int:
        """A bit for the words that hold, in lower case, one of these runs of letters; for every word when there are none."""
        bit = self._new()
        if letters is None:
            self._of_any_word |= bit
        for run in letters or ():
            alike = self._runs.setdefault(run[:2], {})
            alike[run] = alike.get(run, 0) | bit
        return bit

    def _new(self) -> int:
        self._known.clear()
        self.of.cache_clear()
        self._size += 1
        return 1 << self._size

    def _learn(self, word: str) -> int:
        bits, folded = self._of_any_word, _folded(word)
        for pattern, bit in self._stems:
            if pattern.search(word):
                bits |= bit
        for start in range(len(folded) - 1):
            for run, bit in self._runs.get(folded[start : start + 2], {}).items():
                if folded.startswith(run, start):
                    bits |= bit
        return bits


class _Bits(dict[str, int]):
    """The words known so far; what is asked of a new one is worked out."""

    def __init__(self, learn: Callable[[str], int]) -> None:
        self._learn = learn

    def __missing__(self, word: str) -> int:
        if len(self) > _MOST_WORDS:
            self.clear()
        self[word] = bits = self._learn(word)
        return bits


VOCABULARY = Vocabulary()
"""The words of all notes, and every pattern of the reader."""


class WordSearch:
    """``pattern.search(text, start, end) is not None``, for patterns that are lists of stems."""

    def __init__(self, pattern: re.Pattern[str], vocabulary: Vocabulary = VOCABULARY) -> None:
        parsed = {part: parser.parse(part, pattern.flags) for part in _alternatives(pattern)}
        inside = [part for part in parsed if _stays_in_word(parsed[part])]
        across = [part for part in parsed if part not in inside and _needed(parsed[part])]
        anywhere = [part for part in parsed if part not in inside and part not in across]
        self._pattern, self._vocabulary = pattern, vocabulary
        self._across = re.compile("|".join(across) or r"(?!)", pattern.flags)
        self._anywhere = re.compile("|".join(anywhere), pattern.flags) if anywhere else None
        self._telling = vocabulary.enter_stems(re.compile("|".join(inside), pattern.flags)) if inside else 0
        self._opening = vocabulary.enter_letters(_letters_of(self._across)) if across else 0

    def found(self, text: str, start: int, end: int) -> bool:
        """Whether ``text[start:end]`` holds a match."""
        return self.found_by(self._vocabulary.of(text[start:end]), text, start, end)

    def found_by(self, bits: int, text: str, start: int, end: int) -> bool:
        """As `found`, where the `bits` of the words are known."""
        if start and not text[start - 1].isspace():  # the first word is only a part of one
            return bool(self._pattern.search(text, start, end))
        if bits & self._telling or (bits & self._opening and self._across.search(text, start, end)):
            return True
        return self._anywhere is not None and self._anywhere.search(text, start, end) is not None


class Gated:
    """A pattern for turns of phrase, whose search asks the words first: without "surgery" nothing "underwent ... surgery"."""

    def __init__(self, pattern: re.Pattern[str], vocabulary: Vocabulary = VOCABULARY) -> None:
        self.pattern = pattern
        self._vocabulary = vocabulary
        self._opening = vocabulary.enter_letters(_letters_of(pattern))

    def search(self, text: str, start: int = 0, end: int | None = None) -> re.Match[str] | None:
        """As ``pattern.search`` of ``re``."""
        end = len(text) if end is None else end
        return self.pattern.search(text, start, end) if self.may_match(self._vocabulary.of(text[start:end])) else None

    def search_by(self, bits: int, text: str, start: int = 0) -> re.Match[str] | None:
        """As `search`; the `bits` may be those of a longer text that holds this one."""
        return self.pattern.search(text, start) if bits & self._opening else None

    def finditer(self, text: str) -> Iterator[re.Match[str]]:
        """As ``pattern.finditer`` of ``re``."""
        return self.pattern.finditer(text) if self.may_match(self._vocabulary.of(text)) else iter(())

    def may_match(self, bits: int) -> bool:
        """Whether a text whose words have these `bits` can hold a match."""
        return bool(bits & self._opening)


def gated(pattern: re.Pattern[str], vocabulary: Vocabulary = VOCABULARY) -> Gated | re.Pattern[str]:
    """The pattern behind its gate; the pattern itself where it needs no word."""
    return pattern if _letters_of(pattern) is None else Gated(pattern, vocabulary)


def _folded(word: str) -> str:
    return word.lower() if word.isascii() else word.translate(_FOLD).lower()


@functools.cache
def _letters_of(pattern: re.Pattern[str]) -> frozenset[str] | None:
    """Runs of letters in lower case, of which every match of ``pattern`` holds one in a word; None when it may hold none."""
    needed = [_needed(parser.parse(part, pattern.flags)) for part in _alternatives(pattern)]
    return frozenset(run for some in needed for run in some or ()) if all(needed) else None


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
