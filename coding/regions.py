"""Where in the spine: levels, roots, regions and the groups in which *same region* is judged (policy section 2)."""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Iterable

from .findings import Condition, Region
from .tables import REGIONS, tables

_LEVEL = re.compile(r"^([CTLS])(\d+)-([CTLS])(\d+)$")
_CERVICAL_ROOT_BELOW = 2  # roots C1 and C2 leave the skull base, C3 to C7 the neck

LOW_BACK = "low_back"
NECK = "neck"


def groups_of(regions: Iterable[Region]) -> tuple[str, ...]:
    """The region groups that these regions touch, in the order of the spine; thoracolumbar touches two."""
    wanted = tuple(regions)
    if not wanted:
        return ()
    table = tables().groups
    if len(wanted) == 1:
        return table[wanted[0]]
    found: list[str] = []
    for region in REGIONS:
        if region in wanted:
            found.extend(group for group in table[region] if group not in found)
    return tuple(found)


def share_group(a: Collection[Region], b: Collection[Region]) -> bool:
    """Whether both name a region and at least one group is common to them."""
    near = tables().neighbours
    if len(a) == 1:  # nearly always
        return not near[next(iter(a))].isdisjoint(b)
    return any(not near[region].isdisjoint(b) for region in a)


def same_or_unknown(a: Collection[Region], b: Collection[Region]) -> bool:
    """Whether the two lie in one group, or one of them is of unknown region (policy 7)."""
    return not a or not b or share_group(a, b)


@functools.lru_cache(maxsize=1024)
def region_of_level(level: str) -> Region | None:
    """The region of a disc level or vertebra: "L5-S1" lumbosacral, "L4" lumbar; None for what is no level."""
    match = _LEVEL.match(level)
    if match is None:
        return _region_of_vertebra(level)
    upper, lower = match[1] + match[2], match[3]
    if match[1] == lower:
        return _region_of_vertebra(upper)
    crossing: dict[str, Region] = {"CT": "cervicothoracic", "TL": "thoracolumbar", "LS": "lumbosacral"}
    return crossing.get(match[1] + lower)


def _region_of_vertebra(name: str) -> Region | None:
    if re.fullmatch(r"C[01]", name):
        return "occipito_atlanto_axial"
    letters: dict[str, Region] = {"C": "cervical", "T": "thoracic", "L": "lumbar", "S": "sacral"}
    return letters.get(name[:1]) if re.fullmatch(r"[CTLS]\d+", name) else None


def regions_of_roots(roots: Iterable[str]) -> tuple[Region, ...]:
    """The regions of named roots: L5 lumbar, S1 lumbosacral, C8 cervicothoracic; "L5 and S1" is lumbosacral alone."""
    named = list(dict.fromkeys(roots))
    if set(named) == {"L5", "S1"}:
        return ("lumbosacral",)
    found = {region for root in named if (region := _region_of_root(root))}
    return tuple(region for region in REGIONS if region in found)


def _region_of_root(root: str) -> Region | None:
    match = re.fullmatch(r"([CTLS])(\d+)", root)
    if match is None:
        return region_of_level(root)
    letter, number = match[1], int(match[2])
    if letter == "C":
        if number == 8:
            return "cervicothoracic"
        return "occipito_atlanto_axial" if number <= _CERVICAL_ROOT_BELOW else "cervical"
    if letter == "S":
        return "lumbosacral" if number == 1 else "sacral"
    return "thoracic" if letter == "T" else "lumbar"


def root_matches(roots: Iterable[str], level: str) -> bool:
    """Whether a disc at ``level`` presses a named root: the lower vertebra's number, C8 at C7-T1 (policy 2)."""
    lower = "C8" if level == "C7-T1" else level.partition("-")[2]
    return lower in set(roots)


def exiting_root_matches(roots: Iterable[str], level: str) -> bool:
    """Whether a named root leaves at ``level`` itself: L4 at L4-L5, as a foraminal disc presses it."""
    return level.partition("-")[0] in set(roots)


def stated_sites(condition: Condition) -> dict[Region | None, tuple[str, ...]]:
    """Regions of one mention with the levels said for each. A level outranks the region word; {} when nothing is said.

    "lumbar DDD at L5-S1" gives {lumbosacral: ("L5-S1",)}; a word of another part of the spine stays beside it.
    """
    if not condition.levels and not condition.roots:
        return dict.fromkeys(condition.regions, ())
    sites: dict[Region | None, tuple[str, ...]] = {}
    for level in condition.levels:
        region = region_of_level(level)
        if region:
            sites[region] = (*sites.get(region, ()), level)
    from_roots = regions_of_roots(condition.roots) if condition.kind == "radiculopathy" else ()
    if from_roots:
        # The root is the finding; the level of the disc beside it says where it is pressed, not which it is.
        sites = {region: sites.get(region, ()) for region in from_roots}
    levelled = tuple(region for region in sites if region)
    for word in condition.regions:
        if word not in sites and not (levelled and share_group((word,), levelled)):
            sites[word] = ()
    return sites


def in_order(regions: Iterable[Region]) -> tuple[Region, ...]:
    """Without repeats, from head to tail."""
    wanted = set(regions)
    return tuple(region for region in REGIONS if region in wanted)
