"""The values that pass between the steps: a merged `Problem`, a `Draft` of a code, and what a step `Found`."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from .codeset import Exemption, NotCoded, Notice
from .findings import Condition, Evidence, Kind, Quality, Region, Side

Place = tuple[int, int]
"""Where in the assessment's order: item (unnumbered last), then offset."""

_UNNUMBERED = 10_000
_IN_NOTE_ORDER = operator.attrgetter("start", "end", "text", "section")


class Problem(NamedTuple):
    """Mentions of one condition in one region, put together. ``region`` None: nowhere stated.

    ``mentions`` index the coded mentions, ``details`` the supporting ones of the same condition; ``conditions`` holds
    both in that order. Disc problems have at most one level, all others any number.
    """

    kind: Kind
    region: Region | None
    levels: tuple[str, ...]
    sides: tuple[Side, ...]
    mentions: tuple[int, ...]
    details: tuple[int, ...]
    conditions: tuple[Condition, ...]
    evidence: tuple[Evidence, ...]
    side_conflict: bool = False

    def __hash__(self) -> int:
        # Problems are asked for in sets and mappings all the time; these parts tell them apart as a rule.
        return hash((self.kind, self.region, self.levels, self.mentions))

    @property
    def regions(self) -> tuple[Region, ...]:
        """The region as a tuple; empty when unknown."""
        return (self.region,) if self.region else ()

    @property
    def level(self) -> str:
        """The one level of a disc problem, or an empty word."""
        return self.levels[0] if self.levels else ""

    @property
    def stated(self) -> tuple[Condition, ...]:
        """The coded mentions alone."""
        return self.conditions[: len(self.mentions)]

    @property
    def place(self) -> Place:
        """Of the first coded mention in the order of the assessment."""
        return min(map(place_of, self.stated))

    @property
    def roots(self) -> tuple[str, ...]:
        """Every root named, in order of mention."""
        return tuple(dict.fromkeys(root for c in self.conditions for root in c.roots))

    def said(self, *qualities: Quality) -> bool:
        """Whether a coded mention carries one of these."""
        return _says(self.stated, qualities)

    def noted(self, *qualities: Quality) -> bool:
        """Whether any mention, supporting ones included, carries one of these."""
        return _says(self.conditions, qualities)


def _says(conditions: Sequence[Condition], qualities: tuple[Quality, ...]) -> bool:
    for c in conditions:  # asked all the time, and most mentions carry no word at all
        for quality in c.qualities:
            if quality in qualities:
                return True
    return False


def place_of(condition: Condition) -> Place:
    """The place of a mention for ordering codes."""
    return (condition.item or _UNNUMBERED, condition.evidence.start)


class Draft(NamedTuple):
    """A code on its way: still to be edited, ordered and given words. ``regions`` empty: of no or unknown region.

    ``follows``: codes it is put behind (G89.29 behind the pain it belongs to).
    """

    code: str
    family: str
    rule: str
    regions: tuple[Region, ...]
    place: Place
    evidence: tuple[Evidence, ...]
    mentions: tuple[int, ...] = ()
    side: str = ""
    follows: tuple[str, ...] = ()
    exception: Exemption | None = None


class Found(NamedTuple):
    """What one step of the decision gives. Steps are added up with ``+``."""

    drafts: tuple[Draft, ...] = ()
    left_out: tuple[NotCoded, ...] = ()
    queries: tuple[str, ...] = ()
    notices: tuple[Notice, ...] = ()

    def __bool__(self) -> bool:
        return any(self)

    def __add__(self, other: Found) -> Found:  # type: ignore[override] # steps are added up, not chained as tuples
        if other is NOTHING or other == NOTHING:  # most steps find nothing
            return self
        if self is NOTHING or self == NOTHING:
            return other
        return Found(*map(operator.add, self, other))


NOTHING = Found()
"""What most steps find in most notes."""


def evidence_of(conditions: Sequence[Condition]) -> tuple[Evidence, ...]:
    """The quotes of mentions and of their attributes, in note order without repeats."""
    if len(conditions) == 1 and not conditions[0].details:
        return (conditions[0].evidence,)
    found = {c.evidence for c in conditions}
    for c in conditions:
        found.update([detail.evidence for detail in c.details])
    return in_note_order(found)


def in_note_order(evidence: Iterable[Evidence]) -> tuple[Evidence, ...]:
    """Quotes as `Evidence` itself orders them, compared as tuples of C rather than one by one."""
    return tuple(sorted(evidence, key=_IN_NOTE_ORDER))
