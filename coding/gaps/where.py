"""Where it is: the region, level or side of a condition that the note leaves open (policy sections 1 and 2)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from ..case import STATEMENT, Case
from ..changes import Change, setting, together
from ..findings import Condition, Findings, Region, Side
from ..kinds import DISCS, LOW_BACK_ONLY, SACRAL_ONLY, WITHOUT_REGION
from ..problem import Problem
from ..radicular import side_decides
from ..regions import region_of_level, same_or_unknown, share_group, stated_sites
from ..words import named, region_words
from .model import Answer, Element, Question, quotes
from .subjects import lead, subject

_PLACES: Final[tuple[Region, ...]] = ("cervical", "thoracic", "lumbar", "lumbosacral")
_LEVELS: Final[dict[Region, tuple[str, ...]]] = {
    "cervical": ("C3-C4", "C4-C5", "C5-C6", "C6-C7", "C7-T1"),
    "lumbar": ("L4-L5", "L5-S1"),
}
_SIDE_OF_NO_CODE: Final = ("radiculopathy", "disc_displacement")
_SIDED: Final = ("sciatica", "low_back_pain_with_sciatica")
_SIDES: Final[tuple[tuple[Side, str], ...]] = (("left", "left"), ("right", "right"), ("bilateral", "both sides"))
_OF_THE_LEG: Final = ("leg_pain", "radiating_pain", "sciatica", "radiculopathy", "root_compression")


def questions(case: Case) -> Iterator[Question]:
    """Every open region, level and side of the problems of a note."""
    for problem in case.problems:
        if problem.kind in WITHOUT_REGION | LOW_BACK_ONLY | SACRAL_ONLY:
            continue
        if problem.region is None or _only_told_elsewhere(problem):
            yield _region(case, problem)
        elif not problem.levels and not problem.roots and problem.region in _LEVELS and problem.kind != "pain":
            yield _level(case, problem)
    yield from _sides(case)


def _only_told_elsewhere(problem: Problem) -> bool:
    """The assessment says "back pain", and only history or exam say where (the guide's first element of M54.50)."""
    stated = [c for c in problem.stated if c.source in STATEMENT]
    return problem.kind == "pain" and bool(stated) and not any(site for c in stated for site in stated_sites(c))


# -- region and level --------------------------------------------------------------------------------------------------


def _region(case: Case, problem: Problem) -> Question:
    open_ones = [i for i in problem.mentions if not stated_sites(case.mention(i))] or problem.mentions
    answers = [
        Answer(
            region,
            region_words((region,)),
            setting(open_ones, regions=(region,)),
            indicators=quotes(_elsewhere(case, problem, lambda c, r=region: share_group(c.regions, (r,)))),
        )
        for region in _PLACES
        if region != "lumbosacral" or problem.kind != "pain"
    ]
    return Question(
        "region", subject(case, problem), f"region of the {named(problem)}", tuple(answers), quotes(problem.stated)
    )


def _level(case: Case, problem: Problem) -> Question:
    assert problem.region is not None
    levels = _LEVELS[problem.region]
    if problem.region == "cervical" and problem.kind not in DISCS:
        levels = ("C5-C6", "C7-T1")
    answers = []
    for level in levels:
        told = _elsewhere(case, problem, lambda c, wanted=level: wanted in c.levels)
        answers.append(Answer(level, level, _placed(problem, level), indicators=quotes(told)))
    about = f"level of the {named(problem)}"
    return Question("region", f"{subject(case, problem)}:level", about, tuple(answers), quotes(problem.stated))


def _placed(problem: Problem, level: str) -> Change:
    """The problem at one level; what its mentions say of other regions stays ("cervical and lumbar herniation")."""
    region = region_of_level(level)
    here = (region,) if region else ()

    def change(note: Findings) -> Findings:
        for i in problem.mentions:
            c = note.conditions[i]
            others = tuple(r for r in c.regions if r != problem.region and r not in here)
            note = setting((i,), levels=(*c.levels, level), regions=(*others, *here))(note)
        return note

    return change


def _elsewhere(case: Case, problem: Problem, fits: object) -> Iterable[Condition]:
    """Mentions outside the problem, this patient's and not denied, that speak for an answer."""
    assert callable(fits)
    own = {*problem.mentions, *problem.details}
    return [
        c
        for i, c in enumerate(case.findings.conditions)
        if i not in own and c.assertion in ("present", "uncertain") and c.regions and fits(c)
    ]


# -- side --------------------------------------------------------------------------------------------------------------


def _sides(case: Case) -> Iterator[Question]:
    sciatica = case.among(_SIDED)
    if sciatica and not any(p.sides for p in sciatica):
        yield _side(case, "sciatica", "sciatica", sciatica)
    for problem in case.of("flank_pain", "radiculopathy", "disc_displacement"):
        if problem.side_conflict or not problem.sides:
            yield _side(case, subject(case, problem), named(problem), (problem,))
    for problem in sciatica:
        if problem.sides and problem.side_conflict:
            yield _side(case, subject(case, problem), named(problem), (problem,))


def _side(case: Case, name: str, about: str, problems: tuple[Problem, ...]) -> Question:
    """Not stated, or stated in two ways: then every entry that says a side is settled by the answer."""
    first = problems[0]
    disputed = any(p.side_conflict for p in problems)
    told = _with_sides(case, first)
    neutral = not disputed and first.kind in _SIDE_OF_NO_CODE and not side_decides(case, first)
    answers = []
    for side, words in _SIDES:
        value: tuple[Side, ...] = (side,)
        change = setting((lead(case, first),), sides=value)
        if disputed:
            change = together(setting(told, sides=value), change)
        fits = [c for c in case.mentions(told) if c.sides == value]
        answers.append(Answer(side, words, change, indicators=quotes(fits), neutral=neutral))
    documented = quotes(c for p in problems for c in p.stated)
    element: Element = "conflict" if disputed else "laterality"
    return Question(element, name, f"side of the {about}", tuple(answers), documented, telling=disputed)


def _with_sides(case: Case, problem: Problem) -> tuple[int, ...]:
    """Mentions with a side that are this condition; of sciatica also the leg pain of its region."""
    return tuple(
        i
        for i, c in enumerate(case.findings.conditions)
        if c.sides
        and c.assertion == "present"
        and (i in (*problem.mentions, *problem.details) or (problem.kind in _SIDED and c.kind in _OF_THE_LEG))
        and same_or_unknown(c.regions, problem.regions)
    )
