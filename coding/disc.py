"""Disc codes: displacement, degeneration with its pain digit, with radiculopathy or myelopathy (policy section 4)."""

from __future__ import annotations

from collections.abc import Iterable

from .case import Case
from .codes import draft
from .codeset import NotCoded
from .endplate import endplate
from .findings import Condition, Region
from .kinds import DETAILS, DISCS, INJURIES, SPINAL_PAIN, SYMPTOMS
from .problem import NOTHING, Draft, Found, Problem
from .radicular import Spending
from .regions import same_or_unknown
from .selection import OF_TODAY
from .tables import tables
from .words import named, reason

_ROOT_VARIANT = {"C3": "C2-C3", "C4": "C3-C4", "C5": "C4-C5", "C6": "C5-C6", "C7": "C6-C7"}
"""A root without a level gives the disc above it (policy 2)."""

_PAIN_DIGIT = {(True, False): "0", (False, True): "1", (True, True): "2", (False, False): "9"}
_ABSORBED = ("disc_displacement", "disc_degeneration", "disc_disorder")


def discs(case: Case, spending: Spending) -> Found:
    """A code for every disc problem: neural combinations first, what they absorb left out."""
    found = NOTHING
    for problem in case.among(DISCS):
        found += _disc(case, spending, problem)
    return found


def _disc(case: Case, spending: Spending, problem: Problem) -> Found:
    cord = spending.myelopathy.get(problem, ())
    root = spending.radiculopathy.get(problem, ())
    found = NOTHING
    if cord:
        found += _with_myelopathy(case, problem, cord)
    if root:
        variant = _cervical_variant(problem, case.mentions(root))
        also = case.mentions(root)
        moved = _at_root(problem, also)
        found += Found(draft(moved, "disc_radiculopathy", "disc-radiculopathy", variant, also=also))
    if found.drafts:
        return found + _no_region(problem, found.drafts)
    absorber = _absorber(spending, problem)
    if absorber:
        what = named(problem)
        return Found(
            left_out=(
                NotCoded(
                    what,
                    _plain_code(problem),
                    "replaced",
                    reason("disc-absorbed", problem),
                    "disc-absorbed",
                    problem.evidence,
                ),
            )
        )
    return found + _plain(case, problem)


def _with_myelopathy(case: Case, problem: Problem, cord: tuple[int, ...]) -> Found:
    also = case.mentions(cord)
    variant = _cervical_variant(problem, also)
    drafts = draft(problem, "disc_myelopathy", "disc-myelopathy", variant, also=also)
    if not drafts or (problem.region and drafts[0].code == "M51.9"):
        # No leaf for the region: the disc alone, and the provider is asked (policy 2).
        query = f"There is no disc code with myelopathy for this region: please clarify the level of {named(problem)}."
        return Found(_plain(case, problem, "disc-myelopathy-no-leaf").drafts, queries=(query,))
    return Found(drafts)


def _absorber(spending: Spending, problem: Problem) -> bool:
    """Whether a neural disc code of the same level speaks for this disc."""
    if problem.kind not in _ABSORBED:
        return False
    carriers = [p for p in (*spending.radiculopathy, *spending.myelopathy) if p.kind in DISCS]
    return any(
        c.region == problem.region and (not c.level or not problem.level or c.level == problem.level) for c in carriers
    )


def _plain(case: Case, problem: Problem, rule: str = "") -> Found:
    if problem.kind == "disc_degeneration":
        return _degeneration(case, problem, rule)
    rules = {
        "disc_displacement": "disc-displacement",
        "disc_disruption": "disc-disruption",
        "disc_disorder": "disc-disorder",
        "annular_defect": "annular-defect",
        "schmorl_nodes": "schmorl-nodes",
    }
    variant = _cervical_variant(problem, ())
    if problem.kind == "annular_defect":
        variant = "small" if problem.said("small") else "large" if problem.said("large") else ""
    drafts = draft(problem, problem.kind, rule or rules[problem.kind], variant)
    return Found(drafts) + _no_region(problem, drafts)


def _no_region(problem: Problem, drafts: tuple[Draft, ...]) -> Found:
    if drafts and problem.region:
        return NOTHING
    return Found(queries=(f"Please state the spinal region of {named(problem)}.",))


def _plain_code(problem: Problem) -> str | None:
    row = tables().code(problem.kind, problem.region, _cervical_variant(problem, ()) or "9")
    return row.code if row else None


# -- degeneration ------------------------------------------------------------------------------------------------------


def _degeneration(case: Case, problem: Problem, rule: str) -> Found:
    back = _own_pain(case, problem, case.present(*SPINAL_PAIN), problem.regions)
    leg = _own_pain(case, problem, case.present("leg_pain"), problem.regions)
    if endplate(case).source and not _named_source(case, problem):
        back = ()
    if _leg_is_a_roots(case, problem):
        leg = tuple(i for i in leg if case.tied((i,), problem.mentions, "due_to", "with"))
    in_back = bool(back) or problem.said("with_back_pain", "discogenic")
    in_leg = bool(leg) or problem.said("with_leg_pain")
    low_back = problem.region in ("lumbar", "lumbosacral")
    variant = _PAIN_DIGIT[in_back, in_leg] if low_back else _cervical_variant(problem, ())
    rule = rule or ("disc-degeneration-pain" if low_back and variant != "9" else "disc-degeneration")
    drafts = draft(problem, "disc_degeneration", rule, variant, also=case.mentions((*back, *leg)) if low_back else ())
    return Found(drafts) + _no_region(problem, drafts)


def _leg_is_a_roots(case: Case, problem: Problem) -> bool:
    """Whether the leg pain is the radiculopathy's of a herniation beside this disc."""
    nerves = list(case.near(("radiculopathy", "sciatica"), problem.regions))
    return bool(nerves) and any(p is not problem for p in case.near({"disc_displacement"}, problem.regions))


def _named_source(case: Case, problem: Problem) -> bool:
    """Whether the provider names this disc as the source of the pain, in words or by a link."""
    pains = case.present(*SPINAL_PAIN, "endplate_change")
    return problem.said("with_back_pain", "discogenic") or case.tied(pains, problem.mentions, "due_to", "with")


def both_sources(case: Case) -> tuple[Problem, ...]:
    """Low back discs named as the pain's source in a note that names the endplate too."""
    return tuple(
        p for p in case.of("disc_degeneration") if p.region in ("lumbar", "lumbosacral") and _named_source(case, p)
    )


def _own_pain(case: Case, problem: Problem, mentions: Iterable[int], regions: tuple[Region, ...]) -> tuple[int, ...]:
    """Pain of the same episode, told by the patient or the assessment, that nobody attributes elsewhere."""
    injured = any(not p.said("old", "residual") for p in case.near(INJURIES, problem.regions))
    kept = []
    for i in mentions:
        c = case.mention(i)
        if c.source not in OF_TODAY or not same_or_unknown(c.regions, regions):
            continue
        mine = case.tied((i,), problem.mentions, "due_to", "with")
        away = case.tied((i,), problem.mentions, "not_due_to") or bool(_causes_told(case, i))
        if mine or not (away or (injured and c.kind != "leg_pain")):
            kept.append(i)
    return tuple(kept)


def _causes_told(case: Case, index: int) -> set[int]:
    """What a pain is told to come from; of "back pain with leg pain" neither is the other's cause."""
    due = {k.cause for k in case.links("due_to") if k.effect == index}
    beside = {k.cause for k in case.links("with") if k.effect == index}
    return due | {i for i in beside if case.mention(i).kind not in SYMPTOMS | DETAILS}


# -- the neck ----------------------------------------------------------------------------------------------------------


def _cervical_variant(problem: Problem, tokens: tuple[Condition, ...]) -> str:
    if problem.region != "cervical":
        return ""
    if problem.level:
        return problem.level
    roots = (*problem.roots, *(root for c in tokens for root in c.roots))
    by_root = next((_ROOT_VARIANT[root] for root in roots if root in _ROOT_VARIANT), "")
    return by_root or ("mid" if problem.noted("mid_cervical") else "")


def _at_root(problem: Problem, tokens: tuple[Condition, ...]) -> Problem:
    """A cervical disc without a level whose root is C8 lies at C7-T1."""
    roots = (*problem.roots, *(root for c in tokens for root in c.roots))
    if problem.region == "cervical" and not problem.level and set(roots) == {"C8"}:
        return problem._replace(region="cervicothoracic")
    return problem
