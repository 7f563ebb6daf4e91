"""Where radiculopathy and myelopathy are spent: once, on the cause named or the likeliest disc (policy section 4)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from .case import Case
from .findings import Condition, Kind
from .kinds import DEGENERATIVE, DISCS, INTEGRAL_CAUSES, NERVES
from .problem import Problem, evidence_of
from .regions import LOW_BACK, exiting_root_matches, groups_of, root_matches, same_or_unknown
from .selection import TOLD

CARRIERS = DEGENERATIVE | DISCS - {"annular_defect", "schmorl_nodes"}
"""Conditions that have a code "with radiculopathy" or "with myelopathy"."""

_SCIATICA: tuple[Kind, ...] = ("sciatica", "low_back_pain_with_sciatica")
_LEG_SYMPTOMS: tuple[Kind, ...] = (*NERVES, "leg_pain", "radiating_pain")


@dataclass(frozen=True)
class Spending:
    """``radiculopathy`` and ``myelopathy``: carrier problem → the mentions that make it so. ``spent``: used up."""

    radiculopathy: Mapping[Problem, tuple[int, ...]]
    myelopathy: Mapping[Problem, tuple[int, ...]]
    spent: frozenset[Problem]


_NOTHING_SPENT = Spending({}, {}, frozenset())


def spend(case: Case) -> Spending:
    """Give every radiculopathy, sciatica, root compression and myelopathy of the note its carrier, if there is one."""
    if case.kinds.isdisjoint(CARRIERS):
        return _NOTHING_SPENT
    roots: dict[Problem, tuple[int, ...]] = {}
    cord: dict[Problem, tuple[int, ...]] = {}
    spent: set[Problem] = set()
    for disc in _compressed(case):
        _add(roots, disc, _compressions(case))
    for carrier in case.among(CARRIERS):
        if carrier.said("with_radiculopathy"):
            _add(roots, carrier, carrier.mentions)
        if carrier.said("with_myelopathy"):
            _add(cord, carrier, carrier.mentions)
    assessed = tokens(case)
    for token in assessed:
        for carrier in _carriers_of(case, token, tuple(roots)):
            _add(roots, carrier, token.mentions)
            spent.add(token)
    _add_told(case, roots, () if assessed else _told_nerves(case))
    for token in case.of("myelopathy", "cord_compression"):
        for carrier in _cord_carriers(case, token, tuple(cord)):
            _add(cord, carrier, token.mentions)
            spent.add(token)
    return Spending(roots, cord, frozenset(spent))


def tokens(case: Case) -> tuple[Problem, ...]:
    """Each radiculopathy; each sciatica too where no radiculopathy of the low back stands for it."""
    radiculopathies = case.of("radiculopathy")
    loose = [s for s in case.among(_SCIATICA) if not replaced_by_radiculopathy(case, s)]
    return (*radiculopathies, *loose)


def _add_told(case: Case, roots: dict[Problem, tuple[int, ...]], told: Sequence[Problem]) -> None:
    for token in told:
        for carrier in _carriers_of(case, token, tuple(roots)):
            if carrier.kind in DISCS:
                _add(roots, carrier, token.mentions)


def _told_nerves(case: Case) -> tuple[Problem, ...]:
    """Leg pain that the history of a visit calls sciatica or radiculopathy, where a disc is assessed and no nerve.

    Pain of the same episode counts as the disc's, and so called it makes M51.1- (policy 4). A report or a procedure note
    is coded for what it finds; where a nerve is denied or in doubt, or leg symptoms are gone, nothing is taken over.
    """
    note = case.findings
    if note.document_type not in ("visit", "therapy") or not note.has_assessment or not case.among(DISCS):
        return ()
    nerves = [(i, note.conditions[i]) for i in case.selection.support if note.conditions[i].kind in NERVES]
    if not nerves or any(_speaks_against(c) for c in note.conditions):
        return ()
    return tuple(
        Problem(c.kind, "lumbar", c.levels, c.sides, (i,), (), (c,), evidence_of((c,)))
        for i, c in nerves
        if c.source in TOLD and LOW_BACK in groups_of(c.regions) and not c.imaging
    )


def _speaks_against(c: Condition) -> bool:
    if c.kind in NERVES:
        return c.assertion != "present"
    return c.kind in _LEG_SYMPTOMS and c.assertion == "historical"


def replaced_by_radiculopathy(case: Case, symptom: Problem) -> bool:
    """Whether a radiculopathy of the same region group stands in the note beside this symptom."""
    return any(same_or_unknown(r.regions, symptom.regions) for r in case.of("radiculopathy"))


def _add(carriers: dict[Problem, tuple[int, ...]], carrier: Problem, mentions: Iterable[int]) -> None:
    carriers[carrier] = tuple(dict.fromkeys((*carriers.get(carrier, ()), *mentions)))


# -- roots -------------------------------------------------------------------------------------------------------------


def _carriers_of(case: Case, token: Problem, already: Sequence[Problem]) -> tuple[Problem, ...]:
    named = _stated_cause(case, token)
    if named:
        return tuple(p for p in named if p.kind in CARRIERS and _may_carry(token, p))
    told = _told_with(case, token)
    near = [
        p
        for p in told or case.near(CARRIERS, token.regions)
        if p.kind in CARRIERS and _may_carry(token, p) and not case.apart(token, p)
    ]
    known = [p for p in near if p in already]
    return tuple(known) or _likeliest(token, near) or (tuple(near) if told else ())


def _likeliest(token: Problem, near: Sequence[Problem]) -> tuple[Problem, ...]:
    """A displacement whose root or side fits, else spondylosis, else another disc that fits (policy 4)."""
    displaced = _matching(token, [p for p in near if p.kind == "disc_displacement"])
    if displaced:
        return displaced
    spondylosis = [p for p in near if p.kind in DEGENERATIVE]
    if spondylosis:
        return _of_region(token, spondylosis)
    return _matching(token, near)  # of a displacement none matched above


def _stated_cause(case: Case, token: Problem) -> tuple[Problem, ...]:
    causes = case.among(INTEGRAL_CAUSES)
    return tuple(p for p in causes if case.tied(token.mentions, p.mentions, "due_to", "with"))


def _told_with(case: Case, token: Problem) -> tuple[Problem, ...]:
    """What stands before "with": of "herniation and stenosis with radiculopathy" both, of "stenosis with a herniation and
    radiculopathy" nothing that would settle it.
    """
    near = case.near(INTEGRAL_CAUSES, token.regions)
    told = tuple(p for p in near if case.tied(p.mentions, token.mentions, "with"))
    tied = {i for p in told for i in p.mentions}
    between = {
        i for link in case.links("with") if link.cause in token.mentions for i in range(link.effect + 1, link.cause)
    }
    other = any(case.mention(i).kind in INTEGRAL_CAUSES for i in between - tied)
    return () if other else told


def _may_carry(token: Problem, carrier: Problem) -> bool:
    """Sciatica beside spondylosis stays sciatica (policy 4)."""
    return token.kind == "radiculopathy" or carrier.kind not in DEGENERATIVE


def _matching(token: Problem, discs: Sequence[Problem]) -> tuple[Problem, ...]:
    """The discs whose root matches, else whose side matches, else those that nothing contradicts."""
    by_root = [d for d in discs if root_matches(token.roots, d.level)]
    by_exit = [d for d in discs if exiting_root_matches(token.roots, d.level)]
    open_roots = [d for d in discs if not token.roots or not d.level]
    by_side = [d for d in open_roots if set(d.sides) & set(token.sides)]
    uncontradicted = [d for d in open_roots if not d.sides or not token.sides]
    return tuple(by_root or by_exit or by_side or uncontradicted)


def side_decides(case: Case, problem: Problem) -> bool:
    """Whether a code may hang on the side of a radiculopathy or a disc: only where the one is matched with the other.

    Merging compares the sides of mentions that carry the same words, so that one with words counts as well.
    """
    partners = NERVES if problem.kind in DISCS else DISCS
    return not case.told.isdisjoint(partners) or any(c.qualities for c in problem.conditions)


def _of_region(token: Problem, problems: Sequence[Problem]) -> tuple[Problem, ...]:
    exact = tuple(p for p in problems if p.region == token.region)
    return exact or tuple(problems)


def _compressions(case: Case) -> tuple[int, ...]:
    return tuple(i for p in case.of("root_compression") for i in p.mentions)


def _compressed(case: Case) -> tuple[Problem, ...]:
    """Discs with definite compression of a root at their level, unless the leg symptoms are gone (policy 4)."""
    found: list[Problem] = []
    for compression in case.of("root_compression"):
        if _resolved(case, compression):
            continue
        discs = [d for d in case.near(DISCS, compression.regions) if d.kind in CARRIERS]
        displaced = [d for d in discs if d.kind == "disc_displacement"] or discs
        at_level = [d for d in displaced if d.level in compression.levels]
        by_root = [d for d in displaced if root_matches(compression.roots, d.level)]
        by_exit = [d for d in displaced if exiting_root_matches(compression.roots, d.level)]
        placed = bool(compression.levels or compression.roots)
        alone = displaced if len(displaced) == 1 and not (displaced[0].level and placed) else []
        found.extend(d for d in (at_level or by_root or by_exit or alone) if d not in found)
    return tuple(found)


def _resolved(case: Case, compression: Problem) -> bool:
    """Radiculopathy or leg pain was there and is gone, and none is left."""
    gone = any(
        c.kind in _LEG_SYMPTOMS and c.assertion == "historical" and same_or_unknown(c.regions, compression.regions)
        for c in case.findings.conditions
    )
    return gone and not case.present(*_LEG_SYMPTOMS)


# -- cord --------------------------------------------------------------------------------------------------------------


def _cord_carriers(case: Case, token: Problem, already: Sequence[Problem]) -> tuple[Problem, ...]:
    named = _stated_cause(case, token)
    if named:
        return tuple(p for p in named if p.kind in CARRIERS)
    near = [p for p in case.near(CARRIERS, token.regions) if not case.apart(token, p)]
    known = [p for p in near if p in already]
    if known:
        return tuple(known)
    displaced = [p for p in near if p.kind == "disc_displacement"]
    at_level = [p for p in displaced if p.level in token.levels]
    if displaced:
        return tuple(at_level or displaced)
    spondylosis = [p for p in near if p.kind in DEGENERATIVE]
    return _of_region(token, spondylosis) if spondylosis else tuple(near)
