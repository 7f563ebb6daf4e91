"""The words of a raw note as the second reader sees them: cut, folded, and marked by what stands before them.

Deliberately not the reading of `nlp/`: the second reader is worth something only where it can be wrong in other places.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Final

_WORD: Final = re.compile(r"([a-z][a-z'-]*[a-z]|[ctls]\d{1,2}(?!\d)|[a-z])")
_CLAUSE_END: Final = re.compile(r"[\n.;!?]")

_NOT: Final = "not_"
_DENYING: Final = frozenset(
    {
        *("no", "not", "denies", "denied", "deny", "without", "negative", "never", "none", "ruled", "rule"),
        *("mother", "father", "brother", "sister", "aunt", "uncle", "son", "daughter", "wife", "husband", "family"),
        *("risk", "risks", "return", "prevent", "possible", "probable", "suspected", "versus", "vs", "unlikely"),
    }
)
"""Until the end of the clause, what follows these is another thing than the word itself (Das and Chen 2001)."""
HEADED: Final = r"\n[\W\d]*"
"""How the pattern of a heading begins, for `headings`: a line feed, and what is no word. A pattern that begins with a letter
is looked for far faster than one that begins with the beginning of a line."""
_DIAGNOSIS: Final = re.compile(
    HEADED + r"(?:clinical |ed |final |discharge |working )?"
    r"(?:assessments?|impressions?|diagnos[ie]s|dx|imp|a|a/p|ap)(?: (?:and|&) plan| list)?\s*[:\-/\n]",
    re.IGNORECASE,
)
_DIAGNOSIS_WORDS: Final = 40
"""So many words behind a diagnosis heading count as the diagnosis; the plan follows it."""


@dataclass(frozen=True)
class Tokens:
    """A note in small letters, its words in their order, and where each of them begins."""

    folded: str
    words: Sequence[str]
    starts: Sequence[int]

    def __iter__(self) -> Iterator[tuple[str, int]]:
        return zip(self.words, self.starts, strict=True)


def tokens(text: str) -> Tokens:
    """The words of a note. A vertebral level is one word."""
    # Folding must not move what stands behind it: the few letters that grow or shrink stay as they are.
    folded = text.lower()
    if len(folded) != len(text):
        folded = "".join(letter.lower() if len(letter.lower()) == 1 else letter for letter in text)
    parts = _WORD.split(folded)  # in turn what is no word and a word: their lengths tell where each begins
    ends = list(accumulate(map(len, parts)))
    return Tokens(folded, parts[1::2], ends[:-1:2])


def headings(pattern: re.Pattern[str], text: str) -> list[int]:
    """Where the lines begin that ``pattern`` finds, each behind the end of the one before."""
    lines = f"\n{text}"
    found: list[int] = []
    end = 1
    while match := pattern.search(lines, end - 1):  # the line feed that ends one heading may begin the next
        found.append(match.start())
        end = match.end()
    return found


@dataclass(frozen=True)
class Marked:
    """The words of a note with their marks, in note order.

    ``words``: plain, and ``not_`` behind a denying word; ``named``: those behind a diagnosis heading and not denied again,
    with ``dx_``; ``both``: each of ``words``, and behind it what stands for it in ``named``.
    """

    words: Sequence[str]
    named: Sequence[str]
    both: Sequence[str]


def marked(text: str, cut: Tokens) -> Marked:
    """The words of a note, marked."""
    words = _with_denied(cut)
    named: list[str] = []
    both: list[str] = []
    done = 0
    for first, last in _diagnoses(text, cut):
        both += words[done:first]
        for word in words[first:last]:
            both.append(word)
            if not word.startswith(_NOT):
                both.append(f"dx_{word}")
                named.append(both[-1])
        done = last
    both += words[done:]
    return Marked(words, named, both)


def _with_denied(cut: Tokens) -> list[str]:
    words = list(cut.words)
    end = 0
    for place in [place for place, word in enumerate(words) if word in _DENYING]:
        if place >= end:  # else it is denied itself
            stop = _CLAUSE_END.search(cut.folded, cut.starts[place])
            end = bisect_left(cut.starts, stop.start()) if stop else len(words)
            words[place + 1 : end] = [_NOT + word for word in words[place + 1 : end]]
    return words


def _diagnoses(text: str, cut: Tokens) -> Iterator[tuple[int, int]]:
    """First and last place of the words behind each diagnosis heading, up to the next one."""
    firsts = [bisect_left(cut.starts, start) for start in headings(_DIAGNOSIS, text)]
    for first, following in pairwise((*firsts, len(cut.words))):
        yield first, min(first + _DIAGNOSIS_WORDS, following)


def marked_words(text: str) -> list[str]:
    """Words in note order: plain, ``not_`` behind a denying word, and again with ``dx_`` behind a diagnosis heading."""
    return list(marked(text, tokens(text)).both)


def terms(text: str) -> Counter[str]:
    """How often each word and each pair of neighbouring words stands in a note."""
    found = marked(text, tokens(text))
    counts = Counter(found.both)
    counts.update([f"{first} {second}" for line in (found.words, found.named) for first, second in pairwise(line)])
    return counts
