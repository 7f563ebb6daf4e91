"""What defends a code without deciding one: examination findings, an axial pattern, treatment tried, past surgery.

Asked of the whole text, not of the excerpt that is read closely: one quote of each is enough.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, get_args

from ..coding import findings as f
from .cues import Gated
from .lexicon import wording

if TYPE_CHECKING:
    from .draft import Draft

_PATTERNS: Final = {value: Gated(wording(f"support-{value.replace('_', '-')}")) for value in get_args(f.Support)}

_DENIED: Final = wording("support-denied")
_EITHER_WAY: Final = ("objective",)
"""A normal finding of an examination is a finding too."""

_JUST_BEFORE: Final = 40


def supports(draft: Draft) -> tuple[f.Mark, ...]:
    """The first quote of each kind of support that the note holds, in note order."""
    found = []
    for value, pattern in _PATTERNS.items():
        told = (m for m in _told(draft, pattern) if value in _EITHER_WAY or not _is_denied(draft.text, m.start()))
        found += [f.Mark(value, draft.quote(*match.span())) for match in itertools.islice(told, 1)]
    return tuple(sorted(found, key=lambda mark: (mark.evidence, mark.value)))


def _told(draft: Draft, pattern: Gated) -> Iterator[re.Match[str]]:
    """Its matches, sentence by sentence; where the words rule one out it is not looked for."""
    for sentence, bits in zip(draft.layout.sentences, draft.excerpt.bits, strict=True):
        if pattern.may_match(bits):
            yield from pattern.pattern.finditer(draft.text, sentence.start, sentence.end)


def _is_denied(text: str, start: int) -> bool:
    """Whether a word of denial stands just before, in the same clause ("has not | had back surgery")."""
    return bool(_DENIED.search(text, max(0, start - _JUST_BEFORE), start))
