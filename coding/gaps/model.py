"""The values of the gap analysis: a question with its answers as changes, and what is told of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from ..changes import Change, unchanged
from ..findings import Condition, Evidence
from ..problem import in_note_order

Element = Literal[
    "region",
    "laterality",
    "duration",
    "etiology",
    "imaging",
    "objective",
    "intent",
    "red_flags",
    "diagnosis_statement",
    "strain_confirmation",
    "trimester",
    "mechanism",
    "encounter_phase",
    "pain_pattern",
    "claudication",
    "conservative_care",
    "conflict",
]
Effect = Literal["code", "order", "defence"]


@dataclass(frozen=True)
class Answer:
    """One value that an open fact may have. ``words``: the answer as a provider would say it.

    ``introduces``: the answer names a diagnosis that the note does not state as certain; ``indicators`` are the words
    of the note that speak for it. ``neutral``: it is recorded, but no code hangs on it. ``like``: the earlier answer to
    the same question that gives the same codes.
    """

    value: str
    words: str
    change: Change = field(default=unchanged, compare=False)
    introduces: bool = False
    indicators: tuple[Evidence, ...] = ()
    neutral: bool = False
    like: str = ""


@dataclass(frozen=True)
class Question:
    """A fact that the note leaves open. ``about``: what it is a fact of, in words; ``subject``: the same in its id.

    ``documented``: the words of the note that the fact belongs to. ``telling``: the note holds an indicator of another
    answer than the one the codes now rest on, whichever answer that is (two entries disagree, a hedge).
    """

    element: Element
    subject: str
    about: str
    answers: tuple[Answer, ...]
    documented: tuple[Evidence, ...] = ()
    telling: bool = False

    @property
    def id(self) -> str:
        """What people type: ``laterality:sciatica``."""
        return f"{self.element}:{self.subject}" if self.subject else self.element


@dataclass(frozen=True)
class Option:
    """An answer with the codes it leads to. ``supported_by``: indexes into the indicators of its gap."""

    answer: str
    words: str
    codes: tuple[str, ...]
    introduces: bool
    supported_by: tuple[int, ...]


@dataclass(frozen=True)
class OpenFact:
    """A fact left open of which two answers lead to different code sets."""

    id: str
    element: Element
    about: str
    effect: Effect
    options: tuple[Option, ...]


@dataclass(frozen=True)
class Gap:
    """An open fact worth a provider's time. ``demanded_by``: the checklist that asks for it; empty for an indicator's.

    ``options``: the answers and the codes each leads to. ``indicators``: quotes of the note, the condition itself first.
    """

    id: str
    element: Element
    about: str
    why: str
    effect: Effect
    options: tuple[Option, ...]
    indicators: tuple[Evidence, ...]
    demanded_by: str = ""


@dataclass(frozen=True)
class Gaps:
    """``open_facts``: all of them, by id. ``gaps``: those to ask about, the most important first."""

    open_facts: tuple[OpenFact, ...] = ()
    gaps: tuple[Gap, ...] = ()


def quotes(mentions: Iterable[Condition]) -> tuple[Evidence, ...]:
    """The words of some mentions, in note order, each once, those without words left out."""
    found = [c.evidence for c in mentions if c.evidence.end > c.evidence.start]
    return in_note_order(set(found)) if len(found) > 1 else tuple(found)
