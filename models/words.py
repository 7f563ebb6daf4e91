"""The words of a raw note as the second reader sees them: cut, folded, and marked by what stands before them.

Deliberately not the reading of `nlp/`: the second reader is worth something only where it can be wrong in other places.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

_TOKEN: Final = re.compile(r"[ctls]\d{1,2}(?!\d)|[a-z][a-z'-]*[a-z]|[a-z]|\n|[.;:!?]")
Token = tuple[str, int]
"""A word, a sign that ends a clause or a line feed, in small letters, and where it stands."""

_DENYING: Final = frozenset(
    {
        *("no", "not", "denies", "denied", "deny", "without", "negative", "never", "none", "ruled", "rule"),
        *("mother", "father", "brother", "sister", "aunt", "uncle", "son", "daughter", "wife", "husband", "family"),
        *("risk", "risks", "return", "prevent", "possible", "probable", "suspected", "versus", "vs", "unlikely"),
    }
)
"""Until the end of the clause, what follows these is another thing than the word itself (Das and Chen 2001)."""
_DIAGNOSIS: Final = re.compile(
    r"^(?:\W|\d)*(?:clinical |ed |final |discharge |working )?"
    r"(?:assessments?|impressions?|diagnos[ie]s|dx|imp|a|a/p|ap)(?: (?:and|&) plan| list)?\s*[:\-/\n]",
    re.IGNORECASE | re.MULTILINE,
)
_DIAGNOSIS_WORDS: Final = 40
"""So many words behind a diagnosis heading count as the diagnosis; the plan follows it."""


def tokens(text: str) -> list[Token]:
    """The tokens of a note. A vertebral level is one word."""
    # Folding must not move what stands behind it: the few letters that grow or shrink stay as they are.
    folded = text.lower()
    if len(folded) != len(text):
        folded = "".join(letter.lower() if len(letter.lower()) == 1 else letter for letter in text)
    return [(match.group(), match.start()) for match in _TOKEN.finditer(folded)]


def marked_words(text: str, cut: Sequence[Token] | None = None) -> list[str]:
    """Words in note order: plain, ``not_`` behind a denying word, and again with ``dx_`` behind a diagnosis heading."""
    headings = [match.start() for match in _DIAGNOSIS.finditer(text)]
    return _marked(tokens(text) if cut is None else cut, headings)


def _marked(cut: Sequence[Token], headings: list[int]) -> list[str]:
    marked: list[str] = []
    denied, left = False, 0
    waiting = iter([*headings, sys.maxsize])
    heading = next(waiting)
    for word, at in cut:
        while at >= heading:
            heading, left = next(waiting), _DIAGNOSIS_WORDS
        if not "a" <= word[0] <= "z":
            denied = denied and word == ":"
            continue
        marked.append(f"not_{word}" if denied else word)
        if left:
            left -= 1
            if not denied:
                marked.append(f"dx_{word}")
        denied = denied or word in _DENYING
    return marked


def terms(text: str, cut: Sequence[Token] | None = None) -> Counter[str]:
    """How often each word and each pair of neighbouring words stands in a note."""
    words = marked_words(text, cut)
    plain = [word for word in words if word[:3] != "dx_"]
    named = [word for word in words if word[:3] == "dx_"]
    counts = Counter(words)
    counts.update([f"{first} {second}" for line in (plain, named) for first, second in pairwise(line)])
    return counts
