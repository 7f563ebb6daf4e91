"""One encounter as the decision functions see it: ordered findings, the selection, the merged problems, the links."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from .findings import Condition, Evidence, Findings, Kind, Link, Region, Source, altered, to_json
from .kinds import LOW_BACK_ONLY, SACRAL_ONLY, SPINAL_PAIN
from .merge import Merged, merge
from .problem import Problem
from .regions import groups_of, in_order, same_or_unknown, share_group, stated_sites
from .selection import Selection, sees_the_same, select

CHRONIC_DAYS = 84

_PAINS: tuple[Kind, ...] = (*SPINAL_PAIN, "sacroiliac_pain", "coccydynia", "flank_pain")
_ONE_PLACE = LOW_BACK_ONLY | SACRAL_ONLY

STATEMENT: frozenset[Source] = frozenset({"assessment", "post_diagnosis", "pre_diagnosis"})
"""Where the provider states diagnoses."""


def ordered(findings: Findings, known: Findings | None = None) -> Findings:
    """The same findings with their conditions in note order, as `Link` counts them, and their regions made exact.

    Equal places are told apart by everything else the mention says, so that no order of the list can matter. What
    stands where it stands in ``known``, which is ordered, is taken as it is.
    """
    conditions = findings.conditions
    count = len(conditions)
    new: Sequence[int] = range(count)
    if known:
        old = known.conditions
        new = [i for i in new if i >= len(old) or conditions[i] is not old[i]]
    if not all(_follows(conditions[n - 1], conditions[n]) for i in new for n in (i, i + 1) if 0 < n < count):
        return ordered(altered(findings, conditions=tuple(sorted(conditions, key=_place))))
    located = {
        i: _located(c) for i in new if (c := conditions[i]).levels or c.roots or c.kind in _ONE_PLACE or c.regions[1:]
    }
    if all(c is conditions[i] for i, c in located.items()):
        return findings
    return altered(findings, conditions=tuple([located.get(i, c) for i, c in enumerate(conditions)]))


def _located(c: Condition) -> Condition:
    """The mention with the regions that its levels, roots or kind give (policy 2)."""
    regions = tuple(region for region in stated_sites(c) if region)
    if c.kind in LOW_BACK_ONLY:
        regions = ("lumbar",)
    elif c.kind in SACRAL_ONLY:
        regions = ("sacral",)
    exact = in_order(regions)
    return c if exact == c.regions else altered(c, regions=exact)


def _follows(a: Condition, b: Condition) -> bool:
    """Whether ``b`` may stand behind ``a``; all that they say is compared only where their places are the same."""
    if a.evidence.start != b.evidence.start:
        return a.evidence.start < b.evidence.start
    if a.evidence != b.evidence:
        return a.evidence < b.evidence
    return _place(a) <= _place(b)


def _place(c: Condition) -> tuple[Evidence, str]:
    return c.evidence, json.dumps(to_json(c), sort_keys=True)


class Case(NamedTuple):
    """Everything a decision function may ask. Built once by `open_case`.

    ``kinds``: those of the problems. ``usable``: the present mentions that are coded or may supply details, each with
    its kind, in note order. ``told``: the kinds of these. ``merged``: how the problems came about, for `open_case` again.
    """

    findings: Findings
    selection: Selection
    problems: tuple[Problem, ...]
    kinds: frozenset[Kind]
    usable: tuple[tuple[int, Kind], ...]
    told: frozenset[Kind]
    merged: Merged

    def of(self, *kinds: Kind) -> tuple[Problem, ...]:
        """The problems of these kinds, in note order."""
        return self.among(kinds)

    def among(self, kinds: Collection[Kind]) -> tuple[Problem, ...]:
        """The same for kinds that have a name together."""
        if self.kinds.isdisjoint(kinds):  # a note has a few of the fifty kinds
            return ()
        return tuple([p for p in self.problems if p.kind in kinds])

    def near(self, kinds: Collection[Kind], regions: tuple[Region, ...]) -> tuple[Problem, ...]:
        """Problems of these kinds in the same region group, or where either region is unknown."""
        return tuple([p for p in self.among(kinds) if same_or_unknown(p.regions, regions)])

    def present(self, *kinds: Kind) -> tuple[int, ...]:
        """Indexes of all present mentions of these kinds that are coded or may supply details."""
        if self.told.isdisjoint(kinds):
            return ()
        return tuple([i for i, kind in self.usable if kind in kinds])

    def mention(self, index: int) -> Condition:
        """The mention with this index."""
        return self.findings.conditions[index]

    def mentions(self, indexes: Iterable[int]) -> tuple[Condition, ...]:
        """The mentions with these indexes."""
        conditions = self.findings.conditions
        return tuple([conditions[i] for i in indexes])

    def links(self, kind: str) -> tuple[Link, ...]:
        """The links of one kind whose ends are mentions of this note."""
        count = len(self.findings.conditions)
        links = self.findings.links
        return tuple(k for k in links if k.kind == kind and 0 <= k.effect < count and 0 <= k.cause < count)

    def tied(self, effect: Iterable[int], cause: Iterable[int], *kinds: str) -> bool:
        """Whether the provider ties any of these effects to any of these causes by a link of one of the kinds."""
        if not self.findings.links:
            return False
        effects, causes = set(effect), set(cause)
        return any(k.effect in effects and k.cause in causes for kind in kinds for k in self.links(kind))

    def apart(self, a: Problem, b: Problem) -> bool:
        """Whether the provider states that the two are unrelated."""
        if self.tied((*a.mentions, *a.details), b.mentions, "not_due_to"):
            return True
        return a.said("unrelated") or self.tied(b.mentions, a.mentions, "not_due_to")

    def own_entry(self, a: Problem, b: Problem) -> bool:
        """Whether the assessment lists ``a`` as a problem of its own beside ``b``: another entry, or said to be one."""
        if a.said("own_problem"):
            return True
        if self.tied(a.mentions, b.mentions, "due_to", "with"):
            return False
        mine = {c.item for c in a.stated if c.source in STATEMENT and c.heading and c.item}
        theirs = {c.item for c in b.stated if c.item}
        return bool(mine) and bool(theirs) and not mine & theirs

    def pain_mentions(self, regions: tuple[Region, ...]) -> tuple[int, ...]:
        """Present mentions of pain in these regions' group; a region-less "back pain" belongs where no neck is meant."""
        found = []
        for i in self.present(*_PAINS):
            c = self.mention(i)
            if not c.regions:
                fits = groups_of(regions) != ("neck",) and c.kind != "flank_pain"
            else:
                fits = not regions or share_group(c.regions, regions)
            if fits:
                found.append(i)
        return tuple(found)


def open_case(findings: Findings, known: Case | None = None) -> Case:
    """Order, select and merge: the first two steps of the decision.

    ``known``: the case of findings that these were made from by a change; what the change left alone is taken over.
    """
    note = ordered(findings, known and known.findings)
    selection = known.selection if known and sees_the_same(known.findings, note) else select(note)
    merged = merge(note, selection, known and known.merged)
    problems = merged.problems
    conditions = note.conditions
    usable = tuple([(i, conditions[i].kind) for i in sorted({*selection.coded, *selection.support})])
    told = frozenset([kind for _, kind in usable])
    return Case(note, selection, problems, frozenset([p.kind for p in problems]), usable, told, merged)
