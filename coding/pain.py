"""Pain without a confirmed cause, sciatica and radiculopathy, and what replaces them (policy sections 1 and 3)."""

from __future__ import annotations

from .case import Case
from .codes import draft
from .codeset import NotCoded
from .disc import both_sources
from .endplate import Endplate, endplate, is_low
from .findings import Condition, Region, Side
from .kinds import CHARACTER, DISCS, INJURIES, INTEGRAL_CAUSES, SACRAL_ONLY, SPINAL_PAIN
from .problem import NOTHING, Draft, Found, Problem, evidence_of
from .radicular import Spending, replaced_by_radiculopathy
from .regions import LOW_BACK, NECK, groups_of, same_or_unknown, share_group
from .selection import OF_TODAY
from .tables import tables
from .words import named, reason

_RULE_OF_CODE = {
    "M54.2": "pain-neck",
    "M54.6": "pain-thoracic",
    "M54.50": "pain-low-back",
    "M54.59": "pain-low-back-characterised",
    "M54.9": "pain-back",
    "M54.89": "pain-back-characterised",
    "M53.3": "pain-sacral",
}


def pains(case: Case, spending: Spending, injury: tuple[Draft, ...]) -> Found:
    """Codes of every pain, sciatica and radiculopathy. ``injury``: drafts of injuries made from a pain (guide rule)."""
    plate = endplate(case)
    found = _vertebrogenic(case, plate) + radiculopathies(case, spending) + _sciatica(case, spending, plate)
    for problem in case.of("pain", "vertebrogenic_pain"):
        found += _pain(case, problem, plate, injury)
    for problem in case.of("flank_pain"):
        found += _flank(case, problem)
    return found


def pain_draft(problem: Problem) -> tuple[Draft, ...]:
    """The code of a pain by its region and character."""
    variant = "characterised" if problem.noted(*CHARACTER) else ""
    row = tables().code("pain", problem.region, variant)
    return draft(problem, "pain", _RULE_OF_CODE[row.code], variant) if row else ()


# -- pain --------------------------------------------------------------------------------------------------------------


def _pain(case: Case, problem: Problem, plate: Endplate, injury: tuple[Draft, ...]) -> Found:
    drafts = pain_draft(problem)
    taken = {i for d in injury for i in d.mentions}
    if taken.issuperset(problem.mentions) or _is_vertebrogenic(problem, plate) or _in_sciatica(case, problem, plate):
        return NOTHING
    rule = _replaced_by(case, problem)
    if rule:
        code = drafts[0].code if drafts else None
        return Found(
            left_out=(
                NotCoded(named(problem), code, "replaced", reason(rule, problem, code or ""), rule, problem.evidence),
            )
        )
    query = () if drafts[0].code != "M54.9" else ("Please state the region of the back pain.",)
    return Found(drafts, queries=query)


def _replaced_by(case: Case, problem: Problem) -> str:
    """The rule by which a cause or a radiculopathy speaks for this pain; empty when it stands."""
    if problem.noted("neoplasm_related"):
        return "neoplasm-pain"
    for cause in case.problems:
        if cause.kind in INTEGRAL_CAUSES and explains(case, cause, problem):
            return "symptom-integral"
    for joint in case.of("sacroiliac_pain", "sacroiliitis"):
        if LOW_BACK in groups_of(problem.regions or ("lumbar",)) and not case.own_entry(problem, joint):
            return "sacroiliac-source"
    if outside_cause(case, problem) is not None:
        return "outside-cause"
    for nerve in case.of("radiculopathy"):
        if _same_back(nerve, problem) and not case.own_entry(problem, nerve) and not case.apart(problem, nerve):
            return "radiculopathy-replaces-pain"
    return ""


def explains(case: Case, cause: Problem, pain: Problem) -> bool:
    """Whether this cause speaks for a pain: of one region group, not stated as unrelated, not an old injury."""
    if cause.kind in SACRAL_ONLY:
        return cause.kind == "sacroiliitis" and pain.region == "sacral"
    return _same_back(cause, pain) and not case.apart(pain, cause) and not is_old_injury(cause)


def is_old_injury(cause: Problem) -> bool:
    """The pain is what is left of an old strain; it is coded, not replaced (policy 4)."""
    return cause.kind in INJURIES and cause.said("old", "residual")


def _same_back(cause: Problem, pain: Problem) -> bool:
    """Same region group; a region-less "back pain" is never the neck's, and a disc of unknown region never the neck."""
    if not pain.region and cause.region:
        return groups_of(cause.regions) != (NECK,)
    if not cause.region and cause.kind in DISCS and pain.region:
        return groups_of(pain.regions) != (NECK,)
    return same_or_unknown(cause.regions, pain.regions)


def outside_cause(case: Case, problem: Problem) -> int | None:
    """The definite cause outside our scope that explains a pain, unless the pain is assessed as its own problem."""
    if problem.said("own_problem", "unrelated"):
        return None
    causes = [(i, c) for i, c in enumerate(case.findings.conditions) if c.kind == "outside_cause"]
    if not causes:
        return None
    denied = {c.name for i, c in causes if case.tied(problem.mentions, (i,), "not_due_to")}
    for i, c in causes:
        if c.assertion != "present" or c.name in denied:
            continue
        if case.tied((*problem.mentions, *problem.details), (i,), "due_to") or case.tied(
            (i,), problem.mentions, "with"
        ):
            return i
        elsewhere = c.explains and problem.region and not share_group(c.explains, problem.regions)
        if c.source in _DIAGNOSTIC and not elsewhere and not _has_own_heading(problem, c.item):
            return i
    return None


_DIAGNOSTIC = ("assessment", "post_diagnosis", "pre_diagnosis", "indication")


def _has_own_heading(problem: Problem, item: int) -> bool:
    """Listed by name in the assessment, in another entry than the cause."""
    return any(c.source == "assessment" and c.heading and (c.item != item or not item) for c in problem.stated)


# -- the endplate ------------------------------------------------------------------------------------------------------


def _is_vertebrogenic(problem: Problem, plate: Endplate) -> bool:
    return is_low(problem.regions) and plate.state in ("stated", "tied", "word_only")


def _vertebrogenic(case: Case, plate: Endplate) -> Found:
    if plate.state == "none":
        return NOTHING
    here = [p for p in case.of("vertebrogenic_pain", "pain") if _is_vertebrogenic(p, plate)]
    if plate.state == "reported":
        return _reported(case, plate)
    also = case.mentions((*plate.words, *plate.changes))
    problem = min(here, key=lambda p: (p.kind != "vertebrogenic_pain", p.place)) if here else None
    if problem is None:  # the pain is only named in the words of the imaging finding
        problem = Problem("endplate_change", None, (), (), plate.changes, (), also, evidence_of(also))
    problem = problem._replace(region=problem.region or "lumbar")
    if plate.state == "word_only":
        found = _word_only(case, problem, also)
        why = reason("guide-vertebrogenic-imaging", problem, "M54.51")
        wanted = NotCoded(
            "vertebrogenic low back pain",
            "M54.51",
            "needs_documentation",
            why,
            "guide-vertebrogenic-imaging",
            problem.evidence,
        )
        return found + Found(
            left_out=(wanted,), queries=("Is there imaging of the vertebral endplates for this vertebrogenic pain?",)
        )
    both = both_sources(case)
    if both:
        why = reason("vertebrogenic-with-degeneration", problem, "M54.51")
        out = NotCoded(named(problem), "M54.51", "replaced", why, "vertebrogenic-with-degeneration", problem.evidence)
        return Found(left_out=(out,), queries=("Endplate and disc are both named: which is the source of the pain?",))
    if plate.state == "tied":
        query = ("Endplate change is tied to the pain: please state the diagnosis in words.",)
        return Found(draft(problem, "pain", "vertebrogenic-tied", "vertebrogenic", also=also), queries=query)
    return Found(draft(problem, "pain", "vertebrogenic", "vertebrogenic", also=also))


def _word_only(case: Case, problem: Problem, also: tuple[Condition, ...]) -> Found:
    """Without imaging it is low back pain like any other: a cause of the region replaces it."""
    rule = _replaced_by(case, problem)
    if rule:
        why = reason(rule, problem, "M54.50")
        return Found(left_out=(NotCoded(named(problem), "M54.50", "replaced", why, rule, problem.evidence),))
    return Found(draft(problem, "pain", "guide-vertebrogenic-imaging", also=also))


def _reported(case: Case, plate: Endplate) -> Found:
    low = [p for p in case.of("pain") if LOW_BACK in groups_of(p.regions)]
    if not low:
        return NOTHING
    evidence = tuple(sorted({case.mention(i).evidence for i in plate.changes}))
    why = reason("endplate-reported", low[0]._replace(evidence=evidence), "M54.51")
    out = NotCoded("vertebrogenic low back pain", "M54.51", "needs_documentation", why, "endplate-reported", evidence)
    return Found(left_out=(out,), queries=("Does the endplate change on imaging explain the low back pain?",))


# -- nerves ------------------------------------------------------------------------------------------------------------


def radiculopathies(case: Case, spending: Spending) -> Found:
    """M54.1- for each radiculopathy that no disc or spondylosis carries; it has no side."""
    found = NOTHING
    for problem in case.of("radiculopathy"):
        if problem in spending.spent:
            continue
        beside = case.near(("stenosis", "spondylolisthesis"), problem.regions)
        rule = "radiculopathy-beside-cause" if beside else "radiculopathy"
        query = () if problem.region else ("Please state the region or root of the radiculopathy.",)
        found += Found(draft(problem, "radiculopathy", rule), queries=query)
    return found


def _sciaticas(case: Case) -> tuple[Problem, ...]:
    return (*case.of("low_back_pain_with_sciatica"), *case.of("sciatica"))


def _sciatica(case: Case, spending: Spending, plate: Endplate) -> Found:
    """M54.4- with low back pain of the day, else M54.3-; radiculopathy and disc disease speak for it (policy 3, 4)."""
    found = NOTHING
    live: list[Problem] = []
    for problem in _sciaticas(case):
        if replaced_by_radiculopathy(case, problem):
            found += Found(left_out=(_gone(problem, "radiculopathy-replaces-pain"),))
        elif problem in spending.spent:
            found += Found(left_out=(_gone(problem, "sciatica-of-disc"),))
        else:
            live.append(problem)
    if not live:
        return found
    whole = _merged(live)
    cause = [c for c in _low_causes(case) if c.region and not case.apart(whole, c)]
    aching = tuple(i for i in _low_back_pain_today(case) if i not in whole.mentions)
    together = bool(case.of("low_back_pain_with_sciatica") or aching) and not cause and not plate.source
    family = "low_back_pain_with_sciatica" if together else "sciatica"
    rule = "sciatica-beside-cause" if cause else ("low-back-pain-with-sciatica" if together else "sciatica")
    sides: tuple[str, ...] = whole.sides or _side_of_phrase(case, whole) or ("",)
    also = case.mentions(aching) if together else ()
    for side in sides:
        found += Found(draft(whole, family, rule, side, also=also, side=side))
    query = () if sides != ("",) else ("Which side is the sciatica on: right, left or both?",)
    return found + Found(queries=query)


def _side_of_phrase(case: Case, sciatica: Problem) -> tuple[Side, ...]:
    """The side of the low back pain said in one phrase with the sciatica ("left low back pain with sciatica")."""
    pains = [p for p in case.of("pain") if case.tied(p.mentions, sciatica.mentions, "with")]
    return next((p.sides for p in pains if p.sides), ())


def _merged(problems: list[Problem]) -> Problem:
    """Sciatica said twice is one; the side of whichever states it, both sides when they differ."""
    first = min(problems, key=lambda p: p.place)
    both: tuple[Side, ...] = ("right", "left")
    sides = tuple(side for side in both if any(side in p.sides for p in problems))
    mentions = tuple(dict.fromkeys(i for p in problems for i in p.mentions))
    conditions = tuple(dict.fromkeys(c for p in problems for c in p.stated))
    evidence = tuple(sorted({e for p in problems for e in p.evidence}))
    return first._replace(sides=sides, mentions=mentions, details=(), conditions=conditions, evidence=evidence)


def _low_back_pain_today(case: Case) -> tuple[int, ...]:
    """Mentions that say the low back hurts at this encounter."""
    low: tuple[Region, ...] = ("lumbar",)
    return tuple(
        i for i in case.pain_mentions(low) if case.mention(i).kind in SPINAL_PAIN and case.mention(i).source in OF_TODAY
    )


def _in_sciatica(case: Case, problem: Problem, plate: Endplate) -> bool:
    """Whether this low back pain is the first half of an M54.4- coded here."""
    live = [s for s in _sciaticas(case) if not replaced_by_radiculopathy(case, s)]
    if not is_low(problem.regions) or plate.source or not live or problem.said("own_problem", "unrelated"):
        return False
    return not _low_causes(case)


def _low_causes(case: Case) -> tuple[Problem, ...]:
    """What may cause low back pain today."""
    return tuple(p for p in case.near(INTEGRAL_CAUSES, ("lumbar",)) if not is_old_injury(p))


def _gone(problem: Problem, rule: str) -> NotCoded:
    row = tables().code(problem.kind, "lumbar", problem.sides[0] if problem.sides else "")
    code = row.code if row else None
    return NotCoded(named(problem), code, "replaced", reason(rule, problem, code or ""), rule, problem.evidence)


def _flank(case: Case, problem: Problem) -> Found:
    variant = "bilateral" if len(problem.sides) > 1 else next(iter(problem.sides), "")
    drafts = draft(problem, "flank_pain", "flank-pain", variant, side=variant)
    if outside_cause(case, problem) is not None:
        code = drafts[0].code
        why = reason("outside-cause", problem, code)
        return Found(left_out=(NotCoded(named(problem), code, "replaced", why, "outside-cause", problem.evidence),))
    return Found(drafts, queries=() if variant else ("Which side is the flank pain on?",))
