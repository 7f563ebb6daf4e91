"""What defends a code without deciding one: examination findings, an axial pattern, treatment tried, past surgery.

Asked of the whole text, not of the excerpt that is read closely: one quote of each is enough.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, get_args

from ..coding import findings as f
from .cues import gated
from .lexicon import wording

if TYPE_CHECKING:
    from .draft import Draft

_PATTERNS: Final = {value: gated(wording(f"support-{value.replace('_', '-')}")) for value in get_args(f.Support)}

_DENIED: Final = wording("support-denied")
_EITHER_WAY: Final = ("objective",)
"""A normal finding of an examination is a finding too."""

_JUST_BEFORE: Final = 40


def supports(draft: Draft) -> tuple[f.Mark, ...]:
    """The first quote of each kind of support that the note holds, in note order."""
    found = []
    for value, pattern in _PATTERNS.items():
        told = pattern.finditer(draft.text)
        match = next((m for m in told if value in _EITHER_WAY or not _is_denied(draft.text, m.start())), None)
        if match is not None:
            sentence = draft.sentence_at(match.start())
            section = (sentence.section.title if sentence else "") or "(no heading)"
            found.append(f.Mark(value, f.Evidence(match.start(), match.end(), match[0], section)))
    return tuple(sorted(found, key=lambda mark: (mark.evidence, mark.value)))


def _is_denied(text: str, start: int) -> bool:
    """Whether a word of denial stands just before, in the same clause ("has not | had back surgery")."""
    return bool(_DENIED.search(text, max(0, start - _JUST_BEFORE), start))
