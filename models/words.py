"""The words of a raw note as the second reader sees them: cut, folded, and marked by what stands before them.

Deliberately not the reading of `nlp/`: the second reader is worth something only where it can be wrong in other places.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

_TOKEN: Final = re.compile(r"[a-z][a-z'-]*[a-z]|[a-z]|[ctls]\d{1,2}(?:-[ctls]?\d{1,2})?|\n|[.;:!?]", re.IGNORECASE)
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


def marked_words(text: str) -> list[str]:
    """Words in note order: plain, ``not_`` behind a denying word, and again with ``dx_`` behind a diagnosis heading."""
    headings = [match.start() for match in _DIAGNOSIS.finditer(text)]
    return list(_marked(text, headings))


def _marked(text: str, headings: list[int]) -> Iterator[str]:
    denied, left = False, 0
    waiting = iter([*headings, len(text) + 1])
    heading = next(waiting)
    for match in _TOKEN.finditer(text):
        while match.start() >= heading:
            heading, left = next(waiting), _DIAGNOSIS_WORDS
        word = match.group().lower()
        if not word[0].isalpha():
            denied = denied and word == ":"
            continue
        yield f"not_{word}" if denied else word
        if left:
            left -= 1
            if not denied:
                yield f"dx_{word}"
        denied = denied or word in _DENYING


def terms(text: str) -> Counter[str]:
    """How often each word and each pair of neighbouring words stands in a note."""
    words = marked_words(text)
    plain = [word for word in words if word[:3] != "dx_"]
    named = [word for word in words if word[:3] == "dx_"]
    counts = Counter(words)
    counts.update([f"{first} {second}" for line in (plain, named) for first, second in pairwise(line)])
    return counts
