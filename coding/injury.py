"""Strain, sprain and back injury with their 7th character, old injuries, the guide's injury rule (policy section 4)."""

from __future__ import annotations

from .case import Case
from .codes import draft
from .codeset import NotCoded
from .kinds import CHARACTER, DETAILS, INJURIES, INTEGRAL_CAUSES, NOT_REPLACING, SPINAL_PAIN
from .pain import explains, pain_draft
from .problem import NOTHING, Draft, Found, Problem
from .regions import LOW_BACK, NECK, groups_of, same_or_unknown
from .words import named, reason

ACTIVE, HEALING, SEQUELA = "A", "D", "S"
_ACUTE_DAYS = 42
_RULES = {"strain": "strain", "sprain": "sprain", "back_injury": "back-injury"}


def injuries(case: Case) -> Found:
    """Codes of the injuries diagnosed, then of a pain that the guide's rule reads as one."""
    found = NOTHING
    for problem in case.among(INJURIES):
        found += _injury(case, problem)
    return found + _from_pain(case)


def _injury(case: Case, problem: Problem) -> Found:
    if _is_sequela(case, problem):
        return _sequela(case, problem)
    if _is_old(problem) and not _current_injury(case):
        return _old_back_injury(case, problem) if problem.kind == "back_injury" else _chronic(case, problem)
    phase, unclear = _phase(case, problem)
    drafts = _drafts(problem, _RULES[problem.kind], phase)
    if not drafts:
        return Found(queries=(f"Please state the type and site of the {named(problem)}.",))
    query = ("Is this active treatment or routine healing of the injury (7th character)?",) if unclear else ()
    return Found(drafts, queries=query) + _site_query(problem)


def _site_query(problem: Problem) -> Found:
    return NOTHING if problem.region else Found(queries=(f"Please state the site of the {named(problem)}.",))


def _drafts(problem: Problem, rule: str, phase: str) -> tuple[Draft, ...]:
    if problem.kind == "back_injury" and groups_of(problem.regions) in ((NECK,), ("mid_back",)):
        return ()
    return draft(problem, problem.kind, rule, phase)


# -- the 7th character -------------------------------------------------------------------------------------------------


def _phase(case: Case, problem: Problem) -> tuple[str, bool]:
    """The 7th character and whether the note leaves it open (I.C.19.a)."""
    cues = {mark.value for mark in case.findings.phases if mark.assertion == "present"}
    if "initial" in cues:
        return ACTIVE, False
    if "subsequent" in cues or problem.noted("improving") or case.findings.document_type == "therapy":
        return HEALING, False
    return ACTIVE, not case.findings.complaint


def _is_sequela(case: Case, problem: Problem) -> bool:
    cues = {mark.value for mark in case.findings.phases if mark.assertion == "present"}
    return problem.said("residual") or ("sequela" in cues and "initial" not in cues)


def _is_old(problem: Problem) -> bool:
    chronic = any(c.chronicity == "chronic" for c in problem.stated)
    return chronic or problem.said("old", "longstanding")


def _current_injury(case: Case) -> bool:
    return any(injury.assertion == "present" for injury in case.findings.injuries)


# -- old injuries ------------------------------------------------------------------------------------------------------


def _chronic(case: Case, problem: Problem) -> Found:
    """A chronic, recurrent or old strain is chapter 13 (I.C.13.b): the pain code of its region.

    A confirmed cause there replaces it like any pain (I.B.5); degeneration of a low disc takes it into its 6th
    character, which is left to the edits.
    """
    placed = problem._replace(region=problem.region or "lumbar")
    drafts = draft(placed, "pain", "chronic-strain", "characterised")
    causes = [c for c in case.problems if c.kind in INTEGRAL_CAUSES - INJURIES and explains(case, c, placed)]
    if causes and not any(c.kind == "disc_degeneration" and c.region in ("lumbar", "lumbosacral") for c in causes):
        code = drafts[0].code
        why = reason("symptom-integral", placed, code)
        return Found(left_out=(NotCoded(named(problem), code, "replaced", why, "symptom-integral", problem.evidence),))
    return Found(drafts) + _site_query(problem)


def _old_back_injury(case: Case, problem: Problem) -> Found:
    """An old injury of no stated type is no active treatment; what hurts today is coded, else asked (I.C.19.a)."""
    why = reason("old-back-injury", problem)
    out = NotCoded(named(problem), None, "historical", why, "old-back-injury", problem.evidence)
    others = case.near({p.kind for p in case.problems} - INJURIES - DETAILS, problem.regions)
    pain = () if others else _residual_pain(case, problem)
    query = () if pain or others else (f"What remains of the {named(problem)}, and is it treated today?",)
    return Found(pain, left_out=(out,), queries=query)


def _sequela(case: Case, problem: Problem) -> Found:
    """The residual first, then the injury with S; residual low back pain stands without its strain (Excludes1)."""
    drafts = _drafts(problem, "injury-sequela", SEQUELA)
    pain = _residual_pain(case, problem)
    others = [
        p
        for p in case.problems
        if p.kind not in INJURIES | SPINAL_PAIN | DETAILS and same_or_unknown(p.regions, problem.regions)
    ]
    traumatic = _due_to_trauma(case, problem)
    excluded = any(d.code.startswith("S39.012") for d in drafts)
    if traumatic and excluded:
        return Found(drafts)
    if pain and excluded:
        out = NotCoded(
            named(problem),
            drafts[0].code,
            "excludes1",
            reason("injury-sequela-pain", problem),
            "injury-sequela-pain",
            problem.evidence,
        )
        return Found(pain, left_out=(out,))
    query = () if pain or others else (f"What remains of the {named(problem)}?",)
    return Found((*pain, *drafts), queries=query)


def _residual_pain(case: Case, problem: Problem) -> tuple[Draft, ...]:
    """The pain that is left: coded for itself where the assessment says so, else taken from the history."""
    coded = [p for p in case.of("pain") if same_or_unknown(p.regions, problem.regions)]
    if coded:
        return tuple(d for p in coded for d in pain_draft(p))
    told = [i for i in case.pain_mentions(problem.regions) if case.mention(i).kind == "pain"]
    if not told:
        return ()
    first = case.mention(told[0])
    variant = "characterised" if set(CHARACTER).intersection(first.qualities) else ""
    rule = "pain-low-back-characterised" if variant else "pain-low-back"
    if groups_of(problem.regions or ("lumbar",)) == (NECK,):
        rule = "pain-neck"
    return draft(problem._replace(region=problem.region or "lumbar"), "pain", rule, variant, also=(first,))


def _due_to_trauma(case: Case, problem: Problem) -> bool:
    """Chronic pain stated as due to trauma: G89.21 then stands for the pain, and the strain may follow it."""
    mentions = case.mentions(case.pain_mentions(problem.regions))
    return any("due_to_trauma" in c.qualities and c.chronicity in ("chronic", "acute_on_chronic") for c in mentions)


# -- the guide's rule --------------------------------------------------------------------------------------------------


def _from_pain(case: Case) -> Found:
    """Pain from an injury, with mechanism and acute onset and no other diagnosis, points to a strain (guide rule)."""
    found = NOTHING
    mechanism = [i for i in case.findings.injuries if i.assertion == "present" and i.mechanism]
    if not mechanism or any(p.kind not in SPINAL_PAIN | DETAILS | NOT_REPLACING for p in case.problems):
        return found
    for problem in case.of("pain"):
        groups = groups_of(problem.regions)
        if not (LOW_BACK in groups or groups == (NECK,)) or not _acute(problem):
            continue
        pain = pain_draft(problem)[0]
        if not problem.noted("from_injury"):
            query = "The pain began with an activity: was there an injury, and of what kind?"
            strain = "S16.1XXA" if groups == (NECK,) else "S39.012A"
            why = reason("pain-began-with-activity", problem, strain)
            out = NotCoded("strain", strain, "needs_documentation", why, "pain-began-with-activity", problem.evidence)
            found += Found(left_out=(out,), queries=(query,))
            continue
        phase, _ = _phase(case, problem)
        drafts = draft(problem, "strain", "guide-injury-strain", phase)
        evidence = tuple(sorted({*drafts[0].evidence, *(i.evidence for i in mechanism)}))
        why = reason("guide-injury-alternative", problem, pain.code)
        out = NotCoded(
            named(problem), pain.code, "needs_documentation", why, "guide-injury-alternative", problem.evidence
        )
        query = "The pain is said to come from an injury: is the diagnosis a strain?"
        found += Found((drafts[0]._replace(evidence=evidence),), left_out=(out,), queries=(query,))
    return found


def _acute(problem: Problem) -> bool:
    """Acute in words or by days, and no longer duration told of the same pain."""
    if any(c.duration_days is not None and c.duration_days >= _ACUTE_DAYS for c in problem.conditions):
        return False
    return any(
        c.chronicity in ("acute", "acute_on_chronic")
        or "acute_onset" in c.qualities
        or (c.duration_days is not None and c.duration_days < _ACUTE_DAYS)
        for c in problem.conditions
    )
