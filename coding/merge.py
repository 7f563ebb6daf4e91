"""From selected mentions to problems: what is said twice is one, and history and exam fill in region, level and side.

Policy sections 1 and 2: the diagnostic statement outranks, a level outranks the region word, a region-less condition
among conditions of one region takes that region, and a side comes from the best source that states one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .findings import Condition, Findings, Region, Side
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
_LEG = frozenset({"leg_pain", "radiating_pain"})


def merge(findings: Findings, selection: Selection) -> tuple[Problem, ...]:
    """One `Problem` per condition and region (per level for discs), in the order of their first mention."""
    sites: dict[tuple[str, Site], list[int]] = {}
    for index in selection.coded:
        c = findings.conditions[index]
        for region, levels in _sites(findings, selection, index).items():
            split = levels if c.kind in DISCS and levels else ("",)
            for level in split:
                sites.setdefault((c.kind, (region, level)), []).append(index)
    _fold(sites)
    return tuple(_problem(findings, selection, site, indexes) for (_, site), indexes in sites.items())


def _fold(sites: dict[tuple[str, Site], list[int]]) -> None:
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


def _sites(findings: Findings, selection: Selection, index: int) -> Sites:
    """Regions of a coded mention with their levels, after all that the rest of the note says about it."""
    c = findings.conditions[index]
    stated = stated_sites(c)
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
        return _inherited(findings, selection, index)
    exact: Sites = {}
    for region, levels in stated.items():
        found = {region: levels} if levels or c.roots else _levelled(findings, selection, index, region)
        exact.update({r: (*exact.get(r, ()), *ls) for r, ls in found.items()})
    return exact


def _levelled(findings: Findings, selection: Selection, index: int, region: Region | None) -> Sites:
    """A region word made exact by the levels said for the same condition elsewhere, when they agree on one region."""
    c = findings.conditions[index]
    if c.kind in SPINAL_PAIN or region is None:
        return {region: ()}
    coded = [findings.conditions[i] for i in selection.coded if i != index]
    named = [o for o in coded if o.kind == c.kind and (o.levels or o.roots) and not (o.heading and c.heading)]
    support = [findings.conditions[i] for i in selection.support]
    told = [o for o in support if o.kind == c.kind and (o.levels or o.roots) and not is_graded_down(o)]
    taken = {r for o in coded if o.kind == c.kind and (o.levels or o.roots) for r in stated_sites(o)}
    for others in (named, told):
        places: Sites = {}
        for other in others:
            for where, levels in stated_sites(other).items():
                if where and share_group((where,), (region,)) and (others is named or where not in taken):
                    places[where] = tuple(dict.fromkeys((*places.get(where, ()), *levels)))
        if len(places) == 1:
            return places
        if region in places:
            # Each disc is a finding of its own; a narrowed or worn spine that is called lumbar stays lumbar.
            return places if c.kind in DISCS else {region: places[region]}
    return {region: ()}


def _inherited(findings: Findings, selection: Selection, index: int) -> Sites:
    """The region of a mention that says none: from its namesakes, else from the company it keeps, else unknown."""
    c = findings.conditions[index]
    coded = [findings.conditions[i] for i in selection.coded if i != index]
    support = [findings.conditions[i] for i in selection.support]
    alike = SPINAL_PAIN if c.kind in SPINAL_PAIN else frozenset({c.kind})
    told_again = [o for o in (*coded, *support) if o.kind == c.kind and _same_words(c, o) and stated_sites(o)]
    if told_again:
        return stated_sites(told_again[0])
    if any(o.kind == c.kind and _usable(c, stated_sites(o)) for o in coded):
        return {None: ()}  # `_fold` joins it to the namesake that says more
    same = [o for o in (*coded, *support) if o.kind in alike and not is_graded_down(o)]
    apart = WITHOUT_REGION | SACRAL_ONLY if c.kind in SPINAL_PAIN else WITHOUT_REGION
    company = [o for o in coded if o.kind not in apart and o.kind not in _LEG]  # a leg is no region of the spine
    pains = [o for o in (*coded, *support) if o.kind in SPINAL_PAIN and not o.imaging]
    for others, keep_levels in ((same, True), (company, False), ((*company, *pains), False)):
        places = _one_group(c, others)
        if places:
            return dict(places) if keep_levels else {_nearest(places): ()}
    return {None: ()}


def _same_words(c: Condition, other: Condition) -> bool:
    """Whether the other mention is the same finding told again, as the body of a report tells it before its impression."""
    return c.kind not in SPINAL_PAIN and bool(c.qualities) and (c.qualities, c.sides) == (other.qualities, other.sides)


def _usable(c: Condition, sites: Sites) -> bool:
    return any(region and _may_join(c.kind, region) for region in sites)


def _one_group(c: Condition, others: Iterable[Condition]) -> Sites:
    """The sites of other mentions when all lie in one region group; empty when they do not."""
    places: Sites = {}
    for other in others:
        sites: Sites = {"lumbar": ()} if other.kind in LOW_BACK_ONLY else stated_sites(other)
        for region, levels in sites.items():
            if region and _may_join(c.kind, region):
                places[region] = tuple(dict.fromkeys((*places.get(region, ()), *levels)))
    regions = [region for region in places if region]
    common = set(groups_of(regions[:1]))
    for region in regions:
        common &= set(groups_of((region,)))
    return places if common else {}


def _nearest(places: Sites) -> Region | None:
    """One region of a group: lumbar speaks for the low back, else the first from the head."""
    regions = in_order(region for region in places if region)
    return "lumbar" if "lumbar" in regions else next(iter(regions), None)


# -- one problem -------------------------------------------------------------------------------------------------------


def _problem(findings: Findings, selection: Selection, site: Site, indexes: list[int]) -> Problem:
    region, level = site
    mentions = tuple(sorted(set(indexes)))
    stated = tuple(findings.conditions[i] for i in mentions)
    kind = stated[0].kind
    alike = SPINAL_PAIN if kind in SPINAL_PAIN else (kind,)
    told_of = [i for i in selection.support if findings.conditions[i].kind in alike]
    details = tuple(i for i in told_of if _supplies(findings.conditions[i], kind, region, level))
    told = tuple(findings.conditions[i] for i in details)
    legs: list[Condition] = []
    if kind in ("sciatica", "low_back_pain_with_sciatica"):
        indexes = [*selection.coded, *selection.support]
        legs = [c for c in (findings.conditions[i] for i in indexes) if c.kind in _LEG]
    sides, conflict = _sides(stated, told, legs)
    levels: tuple[str, ...] = (level,) if level else ()
    if kind not in DISCS and region:
        levels = _levels_in(region, (*stated, *told))
    return Problem(
        kind,
        region,
        levels,
        sides,
        mentions,
        details,
        (*stated, *told),
        evidence_of((*stated, *_helpers(stated, told, site, sides))),
        conflict,
    )


def _helpers(
    stated: Sequence[Condition], told: Sequence[Condition], site: Site, sides: Sequence[Side]
) -> list[Condition]:
    """The supporting mentions that gave what the statement left open: region, level or side."""
    region, level = site
    if not told:
        return []
    where_open = region is not None and not any(region in stated_sites(c) for c in stated)
    level_open = bool(level) and not any(level in c.levels for c in stated)
    side_open = bool(sides) and not any(c.sides for c in stated)
    return [
        c
        for c in told
        if (where_open and region in stated_sites(c)) or (level_open and level in c.levels) or (side_open and c.sides)
    ]


def _supplies(c: Condition, kind: str, region: Region | None, level: str) -> bool:
    """Whether a mention of this kind of condition tells of this region and level, or of none other."""
    sites = stated_sites(c)
    if not sites or region is None or kind in LOW_BACK_ONLY:
        return True
    if level and any(sites.values()):
        return any(level in levels for levels in sites.values())
    return share_group((region,), tuple(r for r in sites if r))


def _levels_in(region: Region, conditions: Sequence[Condition]) -> tuple[str, ...]:
    found = [
        level for c in conditions for where, levels in stated_sites(c).items() if where == region for level in levels
    ]
    return tuple(dict.fromkeys(found))


def _sides(
    stated: Sequence[Condition], told: Sequence[Condition], legs: Sequence[Condition]
) -> tuple[tuple[Side, ...], bool]:
    """The side and whether the note disagrees with itself: headings, then the statement, then the rest (policy 1)."""
    if not any(c.sides for c in (*stated, *told, *legs)):
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
