"""The encounter: injury and its phase, claudication, pregnancy, intent, red flags, and what only defends a code."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Final

from ..case import Case
from ..changes import Change, adding, end_of, in_phase, new_mention, saying, setting, together, unsaid
from ..chronic import pain_control
from ..codeset import CodeSet
from ..findings import Evidence, Findings, Injury, Mark, Mechanism, Phase, Pregnancy, Quality, Relation, Trimester
from ..kinds import INJURIES, SYMPTOMS
from ..pregnancy import trimester_of_weeks
from ..regions import same_or_unknown
from ..words import named
from .model import Answer, Element, Question, quotes
from .subjects import lead, subject

_PHASES: Final[tuple[tuple[Phase, str, str], ...]] = (
    ("initial", "A", "active treatment"),
    ("subsequent", "D", "routine healing or aftercare"),
    ("sequela", "S", "a late effect of the injury"),
)
_MECHANISMS: Final[tuple[tuple[Mechanism, str], ...]] = (
    ("lifting", "lifting or overexertion"),
    ("posture", "an awkward posture"),
    ("repetitive", "repetitive movement"),
    ("fall", "a fall"),
    ("motor_vehicle", "a motor vehicle accident"),
)
_TRIMESTERS: Final[tuple[tuple[Trimester, str], ...]] = (
    ("first", "first trimester (before 14w0d)"),
    ("second", "second trimester (14w0d to 27w6d)"),
    ("third", "third trimester (28w0d or later)"),
)
_RELATIONS: Final[tuple[tuple[Relation, str], ...]] = (
    ("caused", "caused by the pregnancy"),
    ("pre_existing", "there before, and complicating the pregnancy"),
    ("incidental", "unrelated to the pregnancy"),
)
_KINDS_OF_SCOLIOSIS: Final[tuple[Quality, ...]] = (
    "idiopathic",
    "degenerative",
    "adolescent",
    "juvenile",
    "neuromuscular",
    "secondary",
)
_SERIOUS: Final = (
    "spinal infection",
    "vertebral fracture",
    "metastatic disease",
    "epidural hematoma",
    "aortic aneurysm",
)
"""Causes out of scope (`nlp/rules/facts.json`, OUTSIDE) that a red flag warns of."""
_FLAGS_OF_THE_CAUDA: Final = ("bowel or bladder dysfunction", "saddle anaesthesia")
_DEFENCES: Final[tuple[tuple[Element, str, str, str], ...]] = (
    ("objective", "objective", "", "objective findings on examination"),
    ("pain_pattern", "axial", "vertebrogenic_pain", "axial, midline pattern of the pain"),
    ("conservative_care", "conservative_care", "", "conservative treatment tried and its result"),
)


def questions(case: Case, now: CodeSet) -> Iterator[Question]:
    """Every open fact of the encounter itself."""
    yield from _strains(case, now)
    yield from _phases(case, now)
    yield from _mechanisms(case, now)
    yield from _claudication(case)
    yield from _scoliosis(case)
    yield from _pregnancy(case)
    yield from _intent(case, now)
    yield from _red_flags(case, now)
    yield from _defences(case)


# -- injury ------------------------------------------------------------------------------------------------------------


def _strains(case: Case, now: CodeSet) -> Iterator[Question]:
    """The guide's injury rule, pain that began with an activity, and an injury of no stated type."""
    guided = any(c.rule == "guide-injury-strain" for c in now.codes)
    began = any(entry.rule == "pain-began-with-activity" for entry in now.not_coded)
    injuries = tuple(sorted({i.evidence for i in case.findings.injuries if i.assertion == "present"}))
    pains = case.of("pain") if guided or began else ()
    if pains:
        strains = [adding(new_mention(case.findings, "strain", regions=p.regions)) for p in pains]
        not_injured = unsaid([i for p in pains for i in (*p.mentions, *p.details)], ("from_injury",))
        answers = (
            Answer("strain", "a strain", together(*strains), introduces=True, indicators=injuries),
            Answer("no_injury", "pain without an injury diagnosed", not_injured),
        )
        documented = (*quotes(c for p in pains for c in p.stated), *injuries)
        about = f"{' and '.join(map(named, pains))} after an injury"
        yield Question("strain_confirmation", "strain", about, answers, documented, telling=True)
    yield from _both_types(case)
    for problem in case.of("back_injury"):
        index = lead(case, problem)
        options = (("strain", "strain"), ("sprain", "sprain"))
        types = [Answer(kind, words, setting(problem.mentions, kind=kind), introduces=True) for kind, words in options]
        types.append(Answer("unspecified", "type not determined"))
        documented = quotes((case.mention(index),))
        yield Question(
            "strain_confirmation",
            subject(case, problem),
            f"type of the {named(problem)}",
            tuple(types),
            documented,
            telling=True,
        )


def _both_types(case: Case) -> Iterator[Question]:
    """As in "sprain/strain", coded as both: a muscle and a ligament are two injuries, and one may be meant."""
    for strain in case.of("strain"):
        twins = [p for p in case.of("sprain") if p.region == strain.region]
        said = {c.evidence.end for c in strain.stated} & {c.evidence.end for p in twins for c in p.stated}
        if not said:
            continue
        answers = (
            Answer("both", "both a strain and a sprain"),
            Answer("strain", "a strain", setting(twins[0].mentions, assertion="hypothetical")),
            Answer("sprain", "a sprain", setting(strain.mentions, assertion="hypothetical")),
        )
        about = f"{named(strain)} or sprain"
        yield Question(
            "strain_confirmation", f"type:{strain.region}", about, answers, quotes(strain.stated), telling=True
        )


def _injury_codes(now: CodeSet) -> list[str]:
    return [c.code for c in now.codes if c.code.startswith("S") and len(c.code) == 8]


def _phases(case: Case, now: CodeSet) -> Iterator[Question]:
    cues = {mark.value for mark in case.findings.phases if mark.assertion == "present"}
    injured = [p for p in case.problems if p.kind in INJURIES]
    if cues or not _injury_codes(now) or any(p.noted("improving", "residual", "old") for p in injured):
        return
    if case.findings.document_type == "therapy":
        return
    answers = tuple(Answer(value, words, _in_phase(case, value, letter)) for value, letter, words in _PHASES)
    documented = quotes(c for p in injured for c in p.stated)
    telling = not case.findings.complaint
    yield Question("encounter_phase", "", "phase of the injury's treatment", answers, documented, telling=telling)


def _in_phase(case: Case, value: Phase, letter: str) -> Change:
    end = end_of(case.findings)
    mark = Mark(value, Evidence(end, end, "", "phase"))

    def change(note: Findings) -> Findings:
        kept = tuple(in_phase(c, letter) if c.kind in INJURIES else c for c in note.conditions)
        return dataclasses.replace(note, conditions=kept, phases=(mark,))

    return change


def _mechanisms(case: Case, now: CodeSet) -> Iterator[Question]:
    known = [i for i in case.findings.injuries if i.assertion == "present" and i.mechanism]
    codes = _injury_codes(now)
    if not codes or known:
        return
    end = end_of(case.findings)
    answers = tuple(
        Answer(mechanism, words, _injured(Injury(mechanism, Evidence(end, end, "", "injury"))))
        for mechanism, words in _MECHANISMS
    )
    told = tuple(sorted({i.evidence for i in case.findings.injuries if i.assertion == "present"}))
    yield Question("mechanism", "", "how the injury happened", answers, told or _documented(now))


def _injured(injury: Injury) -> Change:
    return lambda note: dataclasses.replace(note, injuries=(*note.injuries, injury))


def _documented(now: CodeSet) -> tuple[Evidence, ...]:
    return now.codes[0].evidence if now.codes else ()


# -- structure ---------------------------------------------------------------------------------------------------------


def _claudication(case: Case) -> Iterator[Question]:
    """Lumbar stenosis has one leaf with and one without neurogenic claudication."""
    denied = any(c.kind == "claudication" and c.assertion == "negated" for c in case.findings.conditions)
    for problem in case.of("stenosis"):
        claudicating = any(
            same_or_unknown(case.mention(i).regions, problem.regions) for i in case.present("claudication")
        )
        if problem.region != "lumbar" or denied or claudicating or problem.noted("with_claudication"):
            continue
        legs = [c for c in case.findings.conditions if c.kind == "claudication" and c.assertion == "uncertain"]
        answers = (
            Answer(
                "yes",
                "with neurogenic claudication",
                saying(lead(case, problem), "with_claudication"),
                introduces=True,
                indicators=quotes(legs),
            ),
            Answer("no", "without neurogenic claudication"),
        )
        about = f"neurogenic claudication with the {named(problem)}"
        yield Question("claudication", subject(case, problem), about, answers, quotes(problem.stated))


def _scoliosis(case: Case) -> Iterator[Question]:
    for problem in case.of("scoliosis"):
        if problem.said(*_KINDS_OF_SCOLIOSIS):
            continue
        answers = tuple(
            Answer(kind, f"{kind} scoliosis", saying(lead(case, problem), kind)) for kind in _KINDS_OF_SCOLIOSIS
        )
        yield Question(
            "etiology", subject(case, problem), f"kind of the {named(problem)}", answers, quotes(problem.stated)
        )


# -- pregnancy ---------------------------------------------------------------------------------------------------------


def _pregnancy(case: Case) -> Iterator[Question]:
    state = case.findings.pregnancy
    if state is None:
        return
    documented = tuple(sorted({state.evidence, *(d.evidence for d in state.details)}))
    by_weeks = trimester_of_weeks(state.weeks)
    disagree = bool(state.trimester and by_weeks and state.trimester != by_weeks)
    if disagree or not (state.trimester or by_weeks):
        answers = tuple(
            Answer(value, words, _stated(state, trimester=value), indicators=_saying(state, value))
            for value, words in _TRIMESTERS
        )
        element: Element = "conflict" if disagree else "trimester"
        name = "trimester" if disagree else "pregnancy"
        yield Question(element, name, "trimester of the pregnancy", answers, documented, telling=True)
    if state.relation is None:
        ties = tuple(Answer(value, words, _stated(state, relation=value)) for value, words in _RELATIONS)
        yield Question("etiology", "pregnancy", "relation of the pain to the pregnancy", ties, documented, telling=True)


def _saying(state: Pregnancy, value: str) -> tuple[Evidence, ...]:
    """The words of the note that speak for one trimester: its name, or the weeks that give it; none if they are the same."""
    named = {d.evidence for d in state.details if d.about == "trimester"} - {state.evidence}
    if not named:
        return ()
    found = named if state.trimester == value else set()
    weeks = {state.evidence} if trimester_of_weeks(state.weeks) == value else set()
    return tuple(sorted(found | weeks))


def _stated(state: Pregnancy, **said: object) -> Change:
    def change(note: Findings) -> Findings:
        known = dataclasses.replace(note.pregnancy or state, **said)  # type: ignore[arg-type]
        return dataclasses.replace(note, pregnancy=known)

    return change


# -- why the patient came ----------------------------------------------------------------------------------------------


def _intent(case: Case, now: CodeSet) -> Iterator[Question]:
    """Pain control puts G89 first (I.C.6.b.1); the guide's sixth element."""
    if not any(c.code.startswith("G89") for c in now.codes) or pain_control(case):
        return
    cues = [m for m in case.findings.intents if m.value == "pain_control"]
    if any(m.assertion == "present" and m.value != "pain_control" for m in case.findings.intents):
        return
    end = end_of(case.findings)
    mark = Mark("pain_control", Evidence(end, end, "", "intent"))
    control: Change = lambda note: dataclasses.replace(note, intents=(*note.intents, mark))  # noqa: E731
    marks = tuple(sorted({m.evidence for m in cues if m.assertion != "negated"}))
    answers = (
        Answer("evaluation", "evaluation and treatment of the condition"),
        Answer("pain_control", "control of the pain", control, indicators=marks),
    )
    yield Question("intent", "", "purpose of the encounter", answers, marks or _documented(now))


# -- red flags and defence ---------------------------------------------------------------------------------------------


def _red_flags(case: Case, now: CodeSet) -> Iterator[Question]:
    """A documented red flag beside a code that says no serious cause was found (guide, seventh element)."""
    flags = [m for m in case.findings.red_flags if m.assertion == "present"]
    hurts = any(case.mention(i).kind in SYMPTOMS for i in (*case.selection.coded, *case.selection.support))
    if not flags or not (now.codes or hurts) or case.of("cauda_equina"):
        return
    told = tuple(sorted({m.evidence for m in flags}))
    cauda = adding(new_mention(case.findings, "cauda_equina"))
    of_cauda = tuple(sorted({m.evidence for m in flags if m.value in _FLAGS_OF_THE_CAUDA}))
    if not of_cauda and _serious_cause_stated(case):
        return
    answers = [
        Answer("no_serious_cause", "evaluated, no serious cause found"),
        Answer("serious_cause", "a serious cause was found (please state it)"),
    ]
    if of_cauda:
        answers.append(Answer("cauda_equina", "cauda equina syndrome", cauda, introduces=True, indicators=of_cauda))
    yield Question("red_flags", "", "red flags in the note", tuple(answers), told, telling=True)


def _serious_cause_stated(case: Case) -> bool:
    """Whether the assessment names what the flags warn of: an infection, a fracture, metastases."""
    return bool(case.of("discitis")) or any(
        c.kind == "outside_cause" and c.assertion == "present" and c.heading and c.name in _SERIOUS
        for c in case.findings.conditions
    )


def _defences(case: Case) -> Iterator[Question]:
    """What the checklists of the guide want in the note beside the code; no answer changes a code."""
    known = {m.value for m in case.findings.supports if m.assertion == "present"}
    for element, value, name, about in _DEFENCES:
        if value not in known:
            answers = (Answer("documented", f"{about}: please document"), Answer("not_obtained", "not obtained"))
            yield Question(element, name, about, answers)
