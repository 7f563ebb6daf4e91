"""One encounter as the decision functions see it: ordered findings, the selection, the merged problems, the links."""

from __future__ import annotations

import functools
import itertools
import json
import operator
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from .findings import Condition, Findings, Kind, Link, Region, Source, altered, to_json
from .kinds import LOW_BACK_ONLY, SACRAL_ONLY, SPINAL_PAIN
from .merge import merge
from .problem import Problem
from .regions import groups_of, in_order, same_or_unknown, share_group, stated_sites
from .selection import Selection, select

CHRONIC_DAYS = 84

_ONE_PLACE = LOW_BACK_ONLY | SACRAL_ONLY

STATEMENT: frozenset[Source] = frozenset({"assessment", "post_diagnosis", "pre_diagnosis"})
"""Where the provider states diagnoses."""


def ordered(findings: Findings) -> Findings:
    """The same findings with their conditions in note order, as `Link` counts them, and their regions made exact.

    Equal places are told apart by everything else the mention says, so that no order of the list can matter.
    """
    note = _sorted(findings)
    located = [
        _located(c) if c.levels or c.roots or c.kind in _ONE_PLACE or len(c.regions) > 1 else c  # most say one word
        for c in note.conditions
    ]
    same = all(map(operator.is_, located, note.conditions))
    return note if same else altered(note, conditions=tuple(located))


def _located(c: Condition) -> Condition:
    """The mention with the regions that its levels, roots or kind give (policy 2)."""
    regions = tuple(region for region in stated_sites(c) if region)
    if c.kind in LOW_BACK_ONLY:
        regions = ("lumbar",)
    elif c.kind in SACRAL_ONLY:
        regions = ("sacral",)
    exact = in_order(regions)
    return c if exact == c.regions else altered(c, regions=exact)


def _sorted(findings: Findings) -> Findings:
    places = [(c.evidence.start, c.evidence.end) for c in findings.conditions]
    if all(before < after for before, after in itertools.pairwise(places)):
        return findings
    told = Counter(c.evidence for c in findings.conditions)
    keys = [(c.evidence, _everything(c) if told[c.evidence] > 1 else "") for c in findings.conditions]
    order = sorted(range(len(keys)), key=keys.__getitem__)
    if order == list(range(len(keys))):
        return findings
    return altered(findings, conditions=tuple(findings.conditions[i] for i in order))


def _everything(c: Condition) -> str:
    return json.dumps(to_json(c), sort_keys=True)


@dataclass(frozen=True)
class Case:
    """Everything a decision function may ask. Built once by `open_case`."""

    findings: Findings
    selection: Selection
    problems: tuple[Problem, ...]

    @functools.cached_property
    def kinds(self) -> frozenset[Kind]:
        """The kinds of the problems."""
        return frozenset(p.kind for p in self.problems)

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
        return tuple([i for i, kind in self._usable if kind in kinds])

    @functools.cached_property
    def _usable(self) -> tuple[tuple[int, Kind], ...]:
        conditions = self.findings.conditions
        usable = {*self.selection.coded, *self.selection.support}
        return tuple([(i, conditions[i].kind) for i in sorted(usable)])

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
        for i in self.present(*SPINAL_PAIN, "sacroiliac_pain", "coccydynia", "flank_pain"):
            c = self.mention(i)
            if not c.regions:
                fits = groups_of(regions) != ("neck",) and c.kind != "flank_pain"
            else:
                fits = not regions or share_group(c.regions, regions)
            if fits:
                found.append(i)
        return tuple(found)


def open_case(findings: Findings) -> Case:
    """Order, select and merge: the first two steps of the decision."""
    note = ordered(findings)
    selection = select(note)
    return Case(note, selection, merge(note, selection))
