"""The pain itself: how long, of what kind, from what, with what (policy sections 3, 4 and 5)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from ..case import CHRONIC_DAYS, Case
from ..changes import adding, confirming, groups_of_mentions, new_mention, saying, setting, together
from ..chronic import PAIN_CODES, pain_control
from ..codeset import CodeSet
from ..findings import Condition, Evidence, Quality
from ..kinds import CHARACTER, INJURIES, INTEGRAL_CAUSES, SYMPTOMS
from ..problem import Problem
from ..regions import LOW_BACK, groups_of, same_or_unknown
from ..words import named, named_mention
from .model import Answer, Question, quotes
from .subjects import lead, place_of_mention, subject

_KINDS_OF_PAIN: Final[tuple[tuple[str, str, Quality], ...]] = (
    ("mechanical", "mechanical, muscular or myofascial", "mechanical"),
    ("facetogenic", "from the facet joints", "facetogenic"),
    ("discogenic", "from the disc, without degeneration", "discogenic"),
)
_SAME_CODE: Final = "mechanical"
"""Whatever kind is named, low back pain of a stated kind has one code."""

_SPEAKS_FOR: Final[dict[str, frozenset[str]]] = {
    "mechanical": frozenset({"muscle_spasm", "multifidus_dysfunction", "segmental_dysfunction"}),
    "facetogenic": frozenset({"facet_arthropathy", "facet_syndrome", "spondylosis"}),
    "discogenic": frozenset(
        {"disc_displacement", "disc_degeneration", "disc_disruption", "disc_disorder", "annular_defect"}
    ),
}
_TRAUMA: Final = ("fall", "fall_same_level", "fall_stairs", "fall_ladder", "motor_vehicle", "struck")
_ORIGINS: Final[frozenset[Quality]] = frozenset({"due_to_trauma", "postprocedural"})
_MAY_REPLACE: Final = INTEGRAL_CAUSES - INJURIES
_TUMOUR: Final = "metastatic disease"
_CAUSES: Final = INTEGRAL_CAUSES | {"radiculopathy", "sacroiliac_pain"}


def questions(case: Case, now: CodeSet) -> Iterator[Question]:
    """Every open duration, kind, cause and pattern of the pains of a note."""
    yield from _durations(case, now)
    yield from _kinds(case)
    yield from _origins(case, now)
    yield from _patterns(case)
    yield from _own_problems(case)


# -- how long ----------------------------------------------------------------------------------------------------------


def _durations(case: Case, now: CodeSet) -> Iterator[Question]:
    if any(entry.rule == "procedure-no-diagnosis" for entry in now.not_coded) and pain_control(case):
        yield _duration_undiagnosed(case)
        return
    if _is_treated_for_its_cause(case, now):
        if not _chronic_anywhere(case) and not any(_says_how_long(c) for c in case.mentions(case.present(*SYMPTOMS))):
            yield _duration_treated(case)
        return
    for problem in case.among(SYMPTOMS):
        told = (*problem.mentions, *problem.details)
        lasting = tuple(i for i in told if _says_how_long(case.mention(i)))
        if not lasting and not _chronic_anywhere(case):
            yield _duration(case, problem)
        elif _disagree(case.mentions(lasting)):
            yield _settled(case, problem, lasting)


def _is_treated_for_its_cause(case: Case, now: CodeSet) -> bool:
    """A procedure for pain control on a coded cause: chronic pain would be listed before it (I.C.6.b.1)."""
    return pain_control(case) and bool(now.codes) and not any(c.code.startswith(PAIN_CODES) for c in now.codes)


def _says_how_long(c: Condition) -> bool:
    return c.chronicity is not None or c.duration_days is not None


def _chronic_anywhere(case: Case) -> bool:
    """Chronic pain told without a site: nobody needs to be asked whether there is any."""
    return bool(case.present("chronic_pain")) or bool(case.of("chronic_pain_syndrome"))


def _disagree(mentions: Iterable[Condition]) -> bool:
    """Whether the entries say both chronic and not chronic; acute on chronic is no contradiction."""
    said = list(mentions)
    if any(c.chronicity == "acute_on_chronic" for c in said):
        return False
    return len({_is_chronic(c) for c in said}) > 1


def _is_chronic(c: Condition) -> bool:
    if c.chronicity is not None:
        return c.chronicity == "chronic"
    return c.duration_days is not None and c.duration_days >= CHRONIC_DAYS


def _duration(case: Case, problem: Problem) -> Question:
    index = lead(case, problem)
    vague = [c for c in problem.conditions if "longstanding" in c.qualities]
    extra: tuple[Quality, ...] = ("pain_named",) if problem.kind == "radiculopathy" else ()
    chronic = together(setting((index,), chronicity="chronic"), saying(index, *extra))
    began = any(i.assertion == "present" and i.mechanism for i in case.findings.injuries)
    plain = not began and _ORIGINS.isdisjoint(
        case.mention(index).qualities
    )  # else *acute* may make it an injury or G89.1-
    answers = (
        Answer("acute", "acute (less than 6 weeks)", setting((index,), chronicity="acute"), neutral=plain),
        Answer("subacute", "subacute (6 to 12 weeks)", setting((index,), chronicity="subacute"), neutral=True),
        Answer("chronic", "chronic (12 weeks or more)", chronic, indicators=quotes(vague)),
    )
    about = f"duration of the {named(problem)}"
    return Question("duration", subject(case, problem), about, answers, quotes(problem.stated))


def _duration_treated(case: Case) -> Question:
    """How long the pain has lasted that the procedure treats."""
    answers = (
        Answer("acute", "acute (less than 12 weeks)"),
        Answer("chronic", "chronic (12 weeks or more)", adding(new_mention(case.findings, "chronic_pain"))),
    )
    marks = [m for m in case.findings.intents if m.value == "pain_control" and m.assertion == "present"]
    documented = tuple(sorted({m.evidence for m in marks}))
    return Question("duration", "pain", "duration of the pain treated", answers, documented, telling=True)


def _duration_undiagnosed(case: Case) -> Question:
    """The same where the note states no diagnosis: each answer is tried with pain of the region as the diagnosis."""
    regions = tuple(dict.fromkeys(r for c in case.findings.conditions for r in c.regions))[:1] or ("lumbar",)
    answers = tuple(
        Answer(value, words, adding(new_mention(case.findings, "pain", regions=regions, chronicity=value)))
        for value, words in (("acute", "acute (less than 12 weeks)"), ("chronic", "chronic (12 weeks or more)"))
    )
    marks = [m for m in case.findings.intents if m.value == "pain_control" and m.assertion == "present"]
    documented = tuple(sorted({m.evidence for m in marks}))
    return Question("duration", "pain", "duration of the pain treated", answers, documented, telling=True)


def _settled(case: Case, problem: Problem, lasting: tuple[int, ...]) -> Question:
    chronic = [c for c in case.mentions(lasting) if _is_chronic(c)]
    recent = [c for c in case.mentions(lasting) if not _is_chronic(c)]
    answers = (
        Answer(
            "acute",
            "less than 12 weeks",
            setting(lasting, chronicity="acute", duration_days=None),
            indicators=quotes(recent),
        ),
        Answer(
            "chronic",
            "chronic (12 weeks or more)",
            setting(lasting, chronicity="chronic", duration_days=None),
            indicators=quotes(chronic),
        ),
    )
    about = f"duration of the {named(problem)}"
    return Question(
        "conflict", f"duration:{subject(case, problem)}", about, answers, quotes(problem.stated), telling=True
    )


# -- of what kind, from what -------------------------------------------------------------------------------------------


def _kinds(case: Case) -> Iterator[Question]:
    """The character that makes low back pain *other* instead of *unspecified* (the guide's fourth element)."""
    for problem in case.of("pain"):
        if problem.noted(*CHARACTER, "nonspecific"):
            continue
        low = not problem.regions or LOW_BACK in groups_of(problem.regions)
        suspected = _suspected(case, problem)
        if not low and not suspected:
            continue  # pain of the neck and upper back has one code, whatever its kind
        index = lead(case, problem)
        answers = [
            Answer(value, words, saying(index, quality), indicators=_speaking(case, problem, value), like=_SAME_CODE)
            for value, words, quality in _KINDS_OF_PAIN
            if low
        ]
        answers += suspected
        answers.append(Answer("nonspecific", "no specific cause found", saying(index, "nonspecific"), neutral=True))
        about = f"cause or kind of the {named(problem)}"
        yield Question("etiology", subject(case, problem), about, tuple(answers), quotes(problem.stated))


def _speaking(case: Case, problem: Problem, value: str) -> tuple[Evidence, ...]:
    kinds = _SPEAKS_FOR[value]
    return quotes(
        c
        for c in case.findings.conditions
        if c.kind in kinds and c.assertion in ("present", "uncertain") and same_or_unknown(c.regions, problem.regions)
    )


def _suspected(case: Case, problem: Problem) -> list[Answer]:
    """Causes of this pain that the note only suspects: each is an answer, with the hedge as its indicator."""
    found: list[Answer] = []
    for group in suspected_causes(case, problem):
        first = case.mention(group[0])
        value = place_of_mention(first)
        if any(answer.value == value for answer in found):
            continue
        words = f"{named_mention(first)}, confirmed"
        change = confirming(case.findings, group)
        found.append(Answer(value, words, change, introduces=True, indicators=quotes(case.mentions(group))))
    return found


def suspected_causes(case: Case, problem: Problem) -> list[tuple[int, ...]]:
    """Mentions in doubt of a cause that would replace this pain, by condition and place; strains are asked apart."""
    if not any(c.assertion == "uncertain" for c in case.findings.conditions):
        return []
    return [
        group
        for group in groups_of_mentions(case.findings, _MAY_REPLACE)
        if all(case.mention(i).assertion in ("uncertain", "negated", "historical") for i in group)
        and any(case.mention(i).assertion == "uncertain" for i in group)
        and same_or_unknown(case.mention(group[0]).regions, problem.regions)
    ]


def _origins(case: Case, now: CodeSet) -> Iterator[Question]:
    """Chronic pain of no stated origin: due to trauma, after a procedure or of a tumour it has codes of its own."""
    if not any(c.code == "G89.29" for c in now.codes):
        return
    chronic = [i for i in case.present(*SYMPTOMS, "chronic_pain") if _is_chronic(case.mention(i))]
    if not chronic:
        return
    injuries = [i for i in case.findings.injuries if i.assertion in ("present", "historical")]
    past = tuple(sorted({i.evidence for i in injuries if i.mechanism in _TRAUMA}))
    past += tuple(m.evidence for m in case.findings.supports if m.value == "past_trauma")
    past += quotes(c for c in case.findings.conditions if c.kind in INJURIES and c.assertion == "historical")
    operated = tuple(m.evidence for m in case.findings.supports if m.value == "spine_surgery")
    answers = [
        Answer("trauma", "due to an old injury", saying(chronic[0], "due_to_trauma"), indicators=past),
        Answer("procedure", "after surgery", saying(chronic[0], "postprocedural"), indicators=operated),
        Answer("other", "neither"),
    ]
    tumours = [c for c in case.findings.conditions if c.kind == "neoplasm_pain" and c.assertion == "uncertain"]
    tumours += [c for c in case.findings.conditions if c.kind == "outside_cause" and "neoplasm_related" in c.qualities]
    if tumours:
        change = saying(chronic[0], "neoplasm_related")
        answers.insert(2, Answer("neoplasm", "due to a tumour", change, indicators=quotes(tumours)))
    documented = quotes(case.mentions(chronic))
    yield Question("etiology", "chronic_pain", "origin of the chronic pain", tuple(answers), documented)


# -- with what ---------------------------------------------------------------------------------------------------------


def _patterns(case: Case) -> Iterator[Question]:
    """The sixth character of lumbar disc degeneration: back pain, leg pain, both or neither."""
    for problem in case.of("disc_degeneration"):
        if problem.region not in ("lumbar", "lumbosacral"):
            continue
        for kinds, quality, words in (
            (("leg_pain", "radiating_pain"), "with_leg_pain", "leg pain"),
            (("pain", "low_back_pain_with_sciatica"), "with_back_pain", "low back pain"),
        ):
            said = [c for c in case.findings.conditions if c.kind in kinds and _fits(c, problem)]
            if any(c.assertion == "negated" or (c.assertion == "present" and c.kind == kinds[0]) for c in said):
                continue
            answers = (
                Answer("yes", f"{words} from it", saying(lead(case, problem), quality), indicators=quotes(said)),  # type: ignore[arg-type]
                Answer("no", f"no {words} from it"),
            )
            name = f"{quality.removeprefix('with_')}:{subject(case, problem)}"
            about = f"{words} of the {named(problem)}"
            yield Question("pain_pattern", name, about, answers, quotes(problem.stated))


def _fits(c: Condition, problem: Problem) -> bool:
    return same_or_unknown(c.regions, problem.regions)


def _own_problems(case: Case) -> Iterator[Question]:
    """Pain beside its cause is integral, unless the provider assesses it as a problem apart."""
    for problem in case.among(SYMPTOMS):
        causes = [p for p in case.problems if p.kind in _CAUSES and same_or_unknown(p.regions, problem.regions)]
        if not causes or problem.noted("own_problem", "unrelated"):
            continue
        cause = causes[0]
        apart = saying(lead(case, problem), "own_problem", "unrelated")
        answers = (
            Answer("explained", f"explained by the {named(cause)}"),
            Answer("own_problem", "a problem of its own", apart),
        )
        about = f"relation of the {named(problem)} to the {named(cause)}"
        documented = quotes((*problem.stated, *cause.stated))
        telling = case.findings.document_type == "visit" and all(_is_only_recited(case, p) for p in causes)
        yield Question("etiology", f"beside:{subject(case, problem)}", about, answers, documented, telling=telling)
    yield from _outside_causes(case)


def _is_only_recited(case: Case, cause: Problem) -> bool:
    """A finding of imaging that was read, but not said to explain the pain."""
    return all(c.imaging for c in cause.stated) and not any(
        link.cause in cause.mentions for link in case.links("due_to")
    )


def _outside_causes(case: Case) -> Iterator[Question]:
    """A cause outside our scope stands in the note and nobody says that it is this pain's (policy 1; G89.3)."""
    pains = case.of("pain", "flank_pain")
    causes = {
        i: c for i, c in enumerate(case.findings.conditions) if c.kind == "outside_cause" and c.assertion == "present"
    }
    tied = {
        link.cause for kind in ("due_to", "with", "not_due_to") for link in case.findings.links if link.kind == kind
    }
    if not pains or not causes or set(causes) & tied or any(p.noted("neoplasm_related", "own_problem") for p in pains):
        return
    index = lead(case, pains[0])
    names = tuple(dict.fromkeys(c.name for c in causes.values()))
    answers = [
        Answer("explained", f"explained by the {names[0]}", confirming(case.findings, tuple(causes))),
        Answer("own_problem", "a problem of its own", saying(index, "own_problem")),
    ]
    if _TUMOUR in names:
        answers.insert(0, Answer("neoplasm", "pain due to the tumour", saying(index, "neoplasm_related")))
    about = f"relation of the {named(pains[0])} to the {names[0]}"
    documented = quotes((*pains[0].stated, *causes.values()))
    yield Question("etiology", "beside:outside_cause", about, tuple(answers), documented, telling=True)
