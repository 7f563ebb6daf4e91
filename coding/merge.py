"""From selected mentions to problems: what is said twice is one, and history and exam fill in region, level and side.

Policy sections 1 and 2: the diagnostic statement outranks, a level outranks the region word, a region-less condition
among conditions of one region takes that region, and a side comes from the best source that states one.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from .findings import Condition, Findings, Kind, Region, Side
from .kinds import DISCS, LOW_BACK_ONLY, SACRAL_ONLY, SPINAL_PAIN, WITHOUT_REGION, is_graded_down
from .problem import Problem, evidence_of
from .regions import NECK, groups_of, in_order, share_group, stated_sites
from .selection import Selection

Sites = dict[Region | None, tuple[str, ...]]
"""Regions with the levels named in each."""

Site = tuple[Region | None, str]
"""A region and, for discs, one level."""

_FIXED: dict[str, Region] = {
    "occipital_neuralgia": "occipito_atlanto_axial",
    "cervicobrachial_syndrome": "cervical",
    "cervicocranial_syndrome": "cervical",
}
_LEG: frozenset[Kind] = frozenset({"leg_pain", "radiating_pain"})
_SIDED_BY_LEG: frozenset[Kind] = frozenset({"sciatica", "low_back_pain_with_sciatica"})
"""Kinds whose side may be that of a leg."""

_APART = WITHOUT_REGION | _LEG
"""Kinds that say nothing of the region of another condition: they have none, or a leg's, which is no region of the spine."""

_APART_FROM_PAIN = _APART | SACRAL_ONLY


class _Told(NamedTuple):
    """What `merge` looks at: all mentions, which of them are coded or supply details, and the places that these name.

    ``apart``: mentions said to be unrelated to another; they are no company that tells where it is.
    """

    conditions: tuple[Condition, ...]
    coded: tuple[int, ...]
    support: tuple[int, ...]
    sites: Mapping[int, Sites]
    apart: frozenset[int]


class Merged(NamedTuple):
    """The problems, and what they were made from. ``stated``: the places that a mention names; ``exact``: where it is."""

    findings: Findings
    selection: Selection
    problems: tuple[Problem, ...]
    stated: Mapping[int, Sites]
    exact: Mapping[int, Sites]


def merge(findings: Findings, selection: Selection, known: Merged | None = None) -> Merged:
    """One `Problem` per condition and region (per level for discs), in the order of their first mention.

    ``known``: what was merged before from nearly the same findings; what no change bears on is taken from there.
    """
    touched = _touched(findings, selection, known) if known else frozenset()
    if known and not touched:
        return known._replace(findings=findings, selection=selection)
    conditions, coded, support = findings.conditions, selection.coded, selection.support
    changed = _bearing_on(findings, known, touched) if known else frozenset()
    stated: dict[int, Sites] = {}
    exact: dict[int, Sites] = {}
    if known:
        stated = {i: sites for i, sites in known.stated.items() if i not in touched}
        # One that names no place may take any other's.
        exact = {i: s for i, s in known.exact.items() if stated.get(i) and conditions[i].kind not in changed}
    stated.update({i: stated_sites(conditions[i]) for i in (*coded, *support) if i not in stated})
    apart = frozenset(link.effect for link in findings.links if link.kind == "not_due_to")
    told = _Told(conditions, coded, support, stated, apart)
    sites: dict[tuple[Kind, Site], list[int]] = {}
    for index in coded:
        kind = conditions[index].kind
        if index not in exact:
            exact[index] = _sites(told, index)
        for region, levels in exact[index].items():
            split = levels if levels and kind in DISCS else ("",)
            for level in split:
                sites.setdefault((kind, (region, level)), []).append(index)
    if len(sites) > 1:
        _fold(sites)
    kept = {
        (p.kind, p.region, p.level if p.kind in DISCS else "", p.mentions): p
        for p in (known.problems if known else ())
        if p.kind not in changed
    }
    problems = []
    for (kind, (region, level)), indexes in sites.items():
        mentions = tuple(sorted(set(indexes))) if len(indexes) > 1 else tuple(indexes)
        problem = kept.get((kind, region, level, mentions)) if kept else None
        problems.append(problem or _problem(told, (region, level), mentions))
    return Merged(findings, selection, tuple(problems), stated, exact)


def _touched(findings: Findings, selection: Selection, known: Merged) -> frozenset[int]:
    """The mentions that are changed, new or otherwise selected."""
    old, new = known.findings.conditions, findings.conditions
    indexes = {i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a is not b}
    indexes.update(range(*sorted((len(old), len(new)))))
    if selection is not known.selection:
        indexes |= {*selection.coded} ^ {*known.selection.coded}
        indexes |= {*selection.support} ^ {*known.selection.support}
    return frozenset(indexes)


def _bearing_on(findings: Findings, known: Merged, touched: Iterable[int]) -> frozenset[str]:
    """The kinds of problem that touched mentions bear on, as they are and as they were."""
    old, new = known.findings.conditions, findings.conditions
    kinds: set[str] = {c.kind for i in touched for c in (*old[i : i + 1], *new[i : i + 1])}
    if not kinds.isdisjoint(SPINAL_PAIN):
        kinds |= SPINAL_PAIN
    if not kinds.isdisjoint(_LEG):
        kinds |= _SIDED_BY_LEG
    return frozenset(kinds)


def _fold(sites: dict[tuple[Kind, Site], list[int]]) -> None:
    """A mention without level or region is the same problem as its more exact namesake: no second code for it."""
    for kind, (region, level) in list(sites):
        if level:
            continue
        if region is None:
            fuller = [key for key in sites if key[0] == kind and key[1][0] and _may_join(kind, key[1][0])]
        else:
            fuller = [key for key in sites if key[0] == kind and key[1][0] == region and key[1][1]]
        if fuller:
            indexes = sites.pop((kind, (region, level)))
            for key in fuller:
                sites[key].extend(i for i in indexes if i not in sites[key])


def _may_join(kind: str, region: Region | None) -> bool:
    """Whether a region-less mention can be meant there: "back pain" is not the neck pain said beside it."""
    return kind != "pain" or not region or NECK not in groups_of((region,))


# -- where -------------------------------------------------------------------------------------------------------------


def _sites(told: _Told, index: int) -> Sites:
    """Regions of a coded mention with their levels, after all that the rest of the note says about it."""
    c = told.conditions[index]
    stated = told.sites[index]
    if c.kind in LOW_BACK_ONLY:
        return {"lumbar": c.levels}
    if c.kind in _FIXED:
        return {_FIXED[c.kind]: ()}
    if c.kind in SACRAL_ONLY:
        return {"sacral": ()}
    if c.kind in WITHOUT_REGION:
        return {in_order(r for r in stated if r)[0] if stated else None: ()}
    if c.kind == "radiculopathy" and not c.roots and "brachial" in c.qualities:
        return {"cervicothoracic": ()}
    if not stated:
        return _inherited(told, index)
    if c.roots or c.kind in SPINAL_PAIN:
        return stated  # as exact as it gets
    exact: Sites = {}
    for region, levels in stated.items():
        found = {region: levels} if levels else _levelled(told, index, region)
        exact.update({r: (*exact.get(r, ()), *ls) for r, ls in found.items()})
    return exact


def _levelled(told: _Told, index: int, region: Region | None) -> Sites:
    """A region word made exact by the levels said for the same condition elsewhere, when they agree on one region."""
    c = told.conditions[index]
    coded = _exact_namesakes(told, told.coded, index)
    support = _exact_namesakes(told, told.support, index)
    if region is None or not (coded or support):
        return {region: ()}
    named = [i for i in coded if not (c.heading and told.conditions[i].heading)]
    shown = [i for i in support if not is_graded_down(told.conditions[i])]
    taken = {r for i in coded for r in told.sites[i]}
    for others in (named, shown):
        places: Sites = {}
        for i in others:
            for where, levels in told.sites[i].items():
                if where and share_group((where,), (region,)) and (others is named or where not in taken):
                    places[where] = tuple(dict.fromkeys((*places.get(where, ()), *levels)))
        if len(places) == 1:
            return places
        if region in places:
            # Each disc is a finding of its own; a narrowed or worn spine that is called lumbar stays lumbar.
            return places if c.kind in DISCS else {region: places[region]}
    return {region: ()}


def _exact_namesakes(told: _Told, among: Iterable[int], index: int) -> list[int]:
    """The other mentions of the same condition that name a level or a root."""
    conditions = told.conditions
    kind = conditions[index].kind
    alike = [i for i in among if conditions[i].kind == kind and i != index]
    return [i for i in alike if conditions[i].levels or conditions[i].roots]


def _inherited(told: _Told, index: int) -> Sites:
    """The region of a mention that says none: from its namesakes, else from the company it keeps, else unknown."""
    conditions = told.conditions
    c = conditions[index]
    coded = [i for i in told.coded if i != index]
    others = (*coded, *told.support)
    namesakes = [i for i in others if conditions[i].kind == c.kind]
    for i in namesakes:
        if told.sites[i] and _same_words(c, conditions[i]):
            return told.sites[i]
    for i in coded:
        if conditions[i].kind == c.kind and _usable(c, told.sites[i]):
            return {None: ()}  # `_fold` joins it to the namesake that says more
    pains = [i for i in others if conditions[i].kind in SPINAL_PAIN]
    alike = pains if c.kind in SPINAL_PAIN else namesakes
    places = _one_group(told, c, [i for i in alike if not is_graded_down(conditions[i])])
    if places:
        return places
    apart = _APART_FROM_PAIN if c.kind in SPINAL_PAIN else _APART
    pains = [i for i in pains if i not in told.apart]
    company = [i for i in coded if conditions[i].kind not in apart and i not in told.apart]
    places = _one_group(told, c, company) or _one_group(
        told, c, [*company, *[i for i in pains if not conditions[i].imaging]]
    )
    return {_nearest(places) if places else None: ()}


def _same_words(c: Condition, other: Condition) -> bool:
    """Whether the other mention is the same finding told again, as the body of a report tells it before its impression."""
    return c.kind not in SPINAL_PAIN and bool(c.qualities) and (c.qualities, c.sides) == (other.qualities, other.sides)


def _usable(c: Condition, sites: Sites) -> bool:
    return any(region and _may_join(c.kind, region) for region in sites)


def _one_group(told: _Told, c: Condition, others: Iterable[int]) -> Sites:
    """The sites of other mentions when all lie in one region group; empty when they do not."""
    places: Sites = {}
    for i in others:
        sites: Sites = {"lumbar": ()} if told.conditions[i].kind in LOW_BACK_ONLY else told.sites[i]
        for region, levels in sites.items():
            if region and _may_join(c.kind, region):
                places[region] = tuple(dict.fromkeys((*places.get(region, ()), *levels)))
    regions = [region for region in places if region]
    common = set(groups_of(regions[:1]))
    for region in regions[1:]:
        common &= set(groups_of((region,)))
    return places if common else {}


def _nearest(places: Sites) -> Region | None:
    """One region of a group: lumbar speaks for the low back, else the first from the head."""
    regions = in_order(region for region in places if region)
    return "lumbar" if "lumbar" in regions else next(iter(regions), None)


# -- one problem -------------------------------------------------------------------------------------------------------


def _problem(told: _Told, site: Site, mentions: tuple[int, ...]) -> Problem:
    region, level = site
    conditions = told.conditions
    kind = conditions[mentions[0]].kind
    alike = SPINAL_PAIN if kind in SPINAL_PAIN else (kind,)
    details = tuple(
        [i for i in told.support if conditions[i].kind in alike and _supplies(told.sites[i], kind, region, level)]
    )
    stated = [conditions[i] for i in mentions]
    helping = [conditions[i] for i in details]
    legs: list[Condition] = []
    if kind in _SIDED_BY_LEG:
        legs = [conditions[i] for i in (*told.coded, *told.support) if conditions[i].kind in _LEG]
    sides, conflict = _sides(stated, helping, legs)
    levels: tuple[str, ...] = (level,) if level else ()
    if kind not in DISCS and region:
        levels = _levels_in(told, region, (*mentions, *details))
    helpers = [conditions[i] for i in _helpers(told, mentions, details, site, sides)] if details else []
    return Problem(
        kind,
        region,
        levels,
        sides,
        mentions,
        details,
        (*stated, *helping),
        evidence_of([*stated, *helpers] if helpers else stated),
        conflict,
    )


def _helpers(
    told: _Told, mentions: Sequence[int], details: Sequence[int], site: Site, sides: Sequence[Side]
) -> list[int]:
    """The supporting mentions that gave what the statement left open: region, level or side."""
    region, level = site
    conditions = told.conditions
    where_open = region is not None and not any(region in told.sites[i] for i in mentions)
    level_open = bool(level) and not any(level in conditions[i].levels for i in mentions)
    side_open = bool(sides) and not any(conditions[i].sides for i in mentions)
    return [
        i
        for i in details
        if (where_open and region in told.sites[i])
        or (level_open and level in conditions[i].levels)
        or (side_open and conditions[i].sides)
    ]


def _supplies(sites: Sites, kind: str, region: Region | None, level: str) -> bool:
    """Whether a mention of this kind of condition tells of this region and level, or of none other."""
    if not sites or region is None or kind in LOW_BACK_ONLY:
        return True
    if level and any(sites.values()):
        return any(level in levels for levels in sites.values())
    return share_group((region,), [r for r in sites if r])


def _levels_in(told: _Told, region: Region, indexes: Iterable[int]) -> tuple[str, ...]:
    levels = [told.sites[i].get(region, ()) for i in indexes if told.conditions[i].levels]
    return tuple(dict.fromkeys(itertools.chain.from_iterable(levels)))


def _sides(
    stated: Sequence[Condition], told: Sequence[Condition], legs: Sequence[Condition]
) -> tuple[tuple[Side, ...], bool]:
    """The side and whether the note disagrees with itself: headings, then the statement, then the rest (policy 1)."""
    if not [c for c in (*stated, *told, *legs) if c.sides]:
        return (), False
    ranks = (
        [c for c in stated if c.heading],
        [c for c in stated if not c.heading],
        list(told),
        list(legs),
    )
    named = [[_as_set(c.sides) for c in rank if c.sides] for rank in ranks]
    best = next(i for i, sets in enumerate(named) if sets)
    chosen = frozenset[Side]().union(*named[best])
    if best and any(sides != chosen for sides in named[best]):
        return (), True  # two equal sources: unspecified and a query
    lower = [sides for sets in named[best + 1 :] for sides in sets]
    return tuple(sorted(chosen, reverse=True)), any(sides - chosen for sides in lower)


def _as_set(sides: Sequence[Side]) -> frozenset[Side]:
    both: frozenset[Side] = frozenset({"left", "right"})
    return both if "bilateral" in sides else frozenset(sides)
