"""Vertebrogenic pain: the word, the endplate change, and who ties them together (policy section 3, guide rule)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .case import Case
from .findings import Condition, Kind, Region
from .kinds import EXPLAINED_AWAY, SPINAL_PAIN
from .regions import LOW_BACK, groups_of
from .selection import OF_TODAY

State = Literal["none", "stated", "tied", "word_only", "reported"]


@dataclass(frozen=True)
class Endplate:
    """``state``: *stated* word and imaging; *tied* imaging tied to the pain; *word_only*; *reported* imaging alone."""

    state: State
    words: tuple[int, ...] = ()
    changes: tuple[int, ...] = ()

    @property
    def source(self) -> bool:
        """Whether the endplate is the named source of the pain, so that M54.51 is coded."""
        return self.state in ("stated", "tied")


_NAMED_BY: frozenset[Kind] = frozenset({"vertebrogenic_pain", "endplate_change"})
_NONE = Endplate("none")


def endplate(case: Case) -> Endplate:
    """What the note says of the vertebral endplate as a source of low back pain."""
    if case.told.isdisjoint(_NAMED_BY):
        return _NONE
    words = tuple(i for p in case.of("vertebrogenic_pain") if is_low(p.regions) for i in p.mentions)
    changes = tuple(i for i in case.present("endplate_change") if is_low(case.mention(i).regions))
    if words:
        return Endplate("stated" if changes else "word_only", words, changes)
    tied = tuple(i for i in changes if _tied(case, i))
    if tied:
        return Endplate("tied", (), tied)
    return Endplate("reported" if changes else "none", (), changes)


def is_low(regions: tuple[Region, ...]) -> bool:
    """Whether this may be the low back: it is, or no region is stated."""
    groups = groups_of(regions)
    return not groups or LOW_BACK in groups


def _tied(case: Case, index: int) -> bool:
    """Concordant, due to, pain generator, or named in the assessment of a patient whose back hurts."""
    c = case.mention(index)
    if EXPLAINED_AWAY.intersection(c.qualities):
        return False
    pains = [
        i for i in case.present(*SPINAL_PAIN) if is_low(case.mention(i).regions) and case.mention(i).source in OF_TODAY
    ]
    if case.tied(pains, (index,), "not_due_to") or not _said_low(c, case.mentions(pains)):
        return False
    if "pain_generator" in c.qualities or case.tied(pains, (index,), "due_to", "with"):
        return True
    return bool(pains) and c.source == "assessment" and not _in_doubt(case)


def _in_doubt(case: Case) -> bool:
    """Whether the assessment says *vertebrogenic* with a hedge: the finding beside it then states no more (IV.H)."""
    return any(
        o.kind == "vertebrogenic_pain" and o.assertion == "uncertain" and o.source == "assessment"
        for o in case.findings.conditions
    )


def _said_low(change: Condition, pains: tuple[Condition, ...]) -> bool:
    """Whether the change or the pain is said to lie in the low back: the neck has Modic changes too."""
    return any(LOW_BACK in groups_of(c.regions) for c in (change, *pains))
