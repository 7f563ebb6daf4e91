"""Diagnoses that are hedged, seen on imaging only, contradicted or not put into words (policy sections 1, 3 and 4)."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Final

from ..case import Case
from ..changes import (
    Change,
    adding,
    confirming,
    groups_of_mentions,
    new_mention,
    setting,
    together,
    unsaid,
)
from ..codeset import CodeSet
from ..disc import both_sources
from ..endplate import endplate
from ..findings import Condition, Findings, Kind, Region, Side
from ..kinds import DETAILS, INJURIES, is_spinal
from ..regions import LOW_BACK, NECK, groups_of, same_or_unknown
from ..words import named_mention
from .model import Answer, Element, Question, quotes
from .pain import suspected_causes
from .subjects import place_of_mention, subject

_NERVES: Final[tuple[Kind, ...]] = ("sciatica", "low_back_pain_with_sciatica", "radiculopathy")
_ASKED_REFUSALS: Final = {
    "imaging-recital": "diagnosis_statement",
    "imaging-lighter": "diagnosis_statement",
    "hedged-impression": "diagnosis_statement",
    "not-assessed": "diagnosis_statement",
    "other-problem-symptom": "diagnosis_statement",
    "assessment-outranks": "conflict",
}
_NEVER_CONFIRMED: Final = DETAILS - {"root_compression", "cord_compression"}
_TELLING_REFUSALS: Final = ("imaging-recital", "not-assessed", "assessment-outranks", "hedged-impression")
_CARRIERS: Final[dict[Kind, tuple[tuple[Kind, str], ...]]] = {
    "claudication": (("stenosis", "spinal stenosis"),),
    "root_compression": (("disc_displacement", "disc herniation"), ("stenosis", "foraminal stenosis")),
    "cord_compression": (("stenosis", "spinal stenosis"), ("disc_displacement", "disc herniation")),
    "myelopathy": (("spondylosis", "spondylosis with myelopathy"), ("disc_displacement", "disc herniation")),
}


def questions(case: Case, now: CodeSet) -> Iterator[Question]:
    """Every diagnosis that one word of the provider would add, confirm or take away."""
    yield from _doubted(case)
    yield from _refused(case)
    yield from _radiating(case)
    yield from _outside(case)
    yield from _procedure(case, now)
    yield from _loose_details(case)
    yield from _unassessed(case, now)
    yield from _endplate(case)
    yield from _after_surgery(case)


# -- in doubt ----------------------------------------------------------------------------------------------------------


def _doubted(case: Case) -> Iterator[Question]:
    """A diagnosis that the note only suspects. Causes of a pain whose kind is asked are answers of that question."""
    asked = {i for p in case.of("pain") for group in suspected_causes(case, p) for i in group}
    kinds = tuple(
        dict.fromkeys(c.kind for c in case.findings.conditions if is_spinal(c) and c.assertion == "uncertain")
    )
    for group in groups_of_mentions(case.findings, kinds):
        mentions = case.mentions(group)
        unsure = [c for c in mentions if c.assertion == "uncertain"]
        coded = set(group) & set(case.selection.coded)
        if not unsure or coded or set(group) & asked or mentions[0].kind in _NEVER_CONFIRMED:
            continue
        element: Element = "strain_confirmation" if mentions[0].kind in INJURIES else "diagnosis_statement"
        yield _confirmation(case, element, group, unsure)


def _confirmation(
    case: Case, element: Element, group: tuple[int, ...], mentions: list[Condition], *, telling: bool = True
) -> Question:
    first = mentions[0]
    what = named_mention(first)
    answers = (
        Answer(
            "confirmed",
            f"{what}, confirmed",
            confirming(case.findings, group),
            introduces=True,
            indicators=quotes(mentions),
        ),
        Answer("not_confirmed", f"{what} not confirmed"),
    )
    return Question(element, place_of_mention(first), what, answers, quotes(mentions), telling=telling)


# -- said, and not coded -----------------------------------------------------------------------------------------------


def _refused(case: Case) -> Iterator[Question]:
    """Present mentions that the assessment leaves out or overrules, and imaging that nobody put into a diagnosis."""
    found: dict[tuple[str, str], list[int]] = {}
    taken = {case.mention(i).kind for i in case.selection.coded}
    for index, rule in case.selection.refused:
        c = case.mention(index)
        if rule in _ASKED_REFUSALS and c.kind not in taken and c.kind not in DETAILS:
            found.setdefault((rule, place_of_mention(c)), []).append(index)
    for (rule, _), group in found.items():
        mentions = list(case.mentions(group))
        if rule == "assessment-outranks":
            yield _contradicted(case, tuple(group), mentions)
        else:
            yield _confirmation(case, "diagnosis_statement", tuple(group), mentions, telling=rule in _TELLING_REFUSALS)


def _contradicted(case: Case, group: tuple[int, ...], mentions: list[Condition]) -> Question:
    """Told as present, and denied or past in the assessment."""
    first = mentions[0]
    against = [
        i
        for i, c in enumerate(case.findings.conditions)
        if c.kind == first.kind
        and c.assertion in ("negated", "historical")
        and c.source == "assessment"
        and same_or_unknown(c.regions, first.regions)
    ]
    settle = together(setting(against, assertion="hypothetical"), confirming(case.findings, group))
    what = named_mention(first)
    answers = (
        Answer("present", f"{what} is present", settle, indicators=quotes(mentions)),
        Answer("absent", f"{what} is not present", indicators=quotes(case.mentions(against))),
    )
    documented = quotes((*mentions, *case.mentions(against)))
    return Question("conflict", place_of_mention(first), what, answers, documented, telling=True)


# -- pain that travels -------------------------------------------------------------------------------------------------


def _radiating(case: Case) -> Iterator[Question]:
    """Pain that radiates, or leg pain, without the word for it: sciatica, radiculopathy or neither (policy 1)."""
    loose = [
        c
        for c in case.mentions(case.present("radiating_pain", "leg_pain"))
        if not any(same_or_unknown(p.regions, c.regions) for p in case.among(_NERVES))
    ]
    if not loose or not case.problems or any(p.said("with_radiculopathy") for p in case.problems):
        return
    regions = tuple(r for c in loose for r in c.regions) or tuple(r for p in case.problems for r in p.regions)
    neck = groups_of(regions) == (NECK,)
    sides: tuple[Side, ...] = next((c.sides for c in loose if c.sides), ())
    region: Region = "cervical" if neck else next((r for r in regions if LOW_BACK in groups_of((r,))), "lumbar")
    told = quotes(loose)
    nerve = new_mention(case.findings, "radiculopathy", regions=(region,), sides=sides)
    answers = [Answer("radiculopathy", "radiculopathy", adding(nerve), introduces=True, indicators=told)]
    if not neck:
        leg = new_mention(case.findings, "sciatica", regions=("lumbar",), sides=sides)
        answers.append(Answer("sciatica", "sciatica", adding(leg), introduces=True, indicators=told))
    answers.append(Answer("neither", "neither"))
    telling = any(c.kind == "radiating_pain" for c in loose)
    about = "radiating pain" if telling else "leg pain"
    yield Question("diagnosis_statement", "radiating_pain", about, tuple(answers), told, telling=telling)


# -- causes that are not ours ------------------------------------------------------------------------------------------


def _outside(case: Case) -> Iterator[Question]:
    """A cause outside the spine in doubt: confirmed, it takes the pain code away (policy 1)."""
    found: dict[str, list[int]] = {}
    for i, c in enumerate(case.findings.conditions):
        if c.kind == "outside_cause" and c.assertion in ("uncertain", "present"):
            found.setdefault(c.name or "outside_cause", []).append(i)
    if not any(p.kind in ("pain", "flank_pain") for p in case.problems):
        return
    for name, group in found.items():
        mentions = list(case.mentions(group))
        if not any(c.assertion == "uncertain" for c in mentions):
            continue
        doubt = setting(group, assertion="uncertain")
        answers = (
            Answer(
                "confirmed",
                f"{name}, confirmed",
                confirming(case.findings, tuple(group)),
                introduces=True,
                indicators=quotes(mentions),
            ),
            Answer("not_confirmed", f"{name} not confirmed", doubt),
        )
        slug = "_".join(name.lower().split())
        yield Question("diagnosis_statement", slug, name, answers, quotes(mentions), telling=True)


# -- no diagnosis at all -----------------------------------------------------------------------------------------------


def _procedure(case: Case, now: CodeSet) -> Iterator[Question]:
    """A procedure whose note states no diagnosis: the name of the procedure is none (IV.N)."""
    owed = [entry for entry in now.not_coded if entry.rule == "procedure-no-diagnosis"]
    evidence = next((entry.evidence for entry in owed if entry.evidence), ())
    if not evidence:
        return
    regions = tuple(dict.fromkeys(r for c in case.findings.conditions for r in c.regions))
    region: Region = next(iter(regions), "lumbar")
    kinds: tuple[tuple[Kind, str], ...] = (("pain", "pain of the region treated"), ("radiculopathy", "radiculopathy"))
    answers = tuple(
        Answer(kind, words, adding(new_mention(case.findings, kind, regions=(region,))), introduces=True)
        for kind, words in kinds
    )
    about = "diagnosis the procedure was done for"
    yield Question("diagnosis_statement", "procedure", about, answers, evidence, telling=True)


def _loose_details(case: Case) -> Iterator[Question]:
    """Compression, claudication or myelopathy with no diagnosis to belong to."""
    for problem in case.problems:
        carriers = _CARRIERS.get(problem.kind)
        if not carriers:
            continue
        where = problem.regions or ("lumbar",)
        answers = [
            Answer(kind, words, adding(new_mention(case.findings, kind, regions=where)), introduces=True)
            for kind, words in carriers
            if not any(p.kind == kind for p in case.problems)
        ]
        answers.append(Answer("none_stated", "neither"))
        about = named_mention(problem.stated[0])
        yield Question(
            "diagnosis_statement", subject(case, problem), about, tuple(answers), quotes(problem.stated), telling=True
        )


def _unassessed(case: Case, now: CodeSet) -> Iterator[Question]:
    """A visit without an assessment: its codes rest on the history alone, which a diagnosis would outrank (policy 1)."""
    if case.findings.has_assessment or case.findings.document_type != "visit" or not now.codes:
        return
    answers = (
        Answer("as_told", "the diagnosis is what the history tells"),
        Answer("other", "a different diagnosis"),
    )
    documented = tuple(sorted({e for code in now.codes for e in code.evidence}))
    yield Question(
        "diagnosis_statement", "assessment", "the diagnosis of this visit", answers, documented, telling=True
    )


# -- the endplate ------------------------------------------------------------------------------------------------------


def _endplate(case: Case) -> Iterator[Question]:
    """Vertebrogenic pain: the imaging, the word or the tie that is missing (policy 3; guide, four elements)."""
    plate = endplate(case)
    words, changes = case.mentions(plate.words), case.mentions(plate.changes)
    documented = quotes((*words, *changes))
    if plate.state == "word_only":
        shown = new_mention(case.findings, "endplate_change", regions=("lumbar",))
        answers = (
            Answer(
                "endplate_change", "Modic or endplate change on MRI or CT", adding(_on_imaging(shown)), introduces=True
            ),
            Answer("none", "no endplate change on imaging"),
        )
        about = "imaging of the vertebral endplates"
        yield Question("imaging", "vertebrogenic_pain", about, answers, documented, telling=True)
    if plate.state in ("reported", "tied"):
        named = new_mention(case.findings, "vertebrogenic_pain", regions=("lumbar",))
        apart = setting(plate.changes, qualities=("incidental",))
        answers = (
            Answer(
                "vertebrogenic",
                "vertebrogenic low back pain",
                adding(named),
                introduces=True,
                indicators=quotes(changes),
            ),
            Answer("not_the_source", "the endplate change is not the source of the pain", apart),
        )
        about = "vertebrogenic low back pain"
        yield Question("diagnosis_statement", "vertebrogenic_pain", about, answers, documented, telling=True)
    both = both_sources(case) if plate.source else ()
    if both:
        discs = tuple(i for p in both for i in p.mentions)
        other = setting((*plate.words, *plate.changes), assertion="hypothetical")
        sources = (
            Answer("endplate", "the vertebral endplate", _not_the_source(discs), indicators=quotes(changes)),
            Answer("disc", "the disc", other, indicators=quotes(case.mentions(discs))),
            Answer("both", "both"),
        )
        yield Question(
            "etiology", "vertebrogenic_pain", "source of the low back pain", sources, documented, telling=True
        )


def _not_the_source(discs: tuple[int, ...]) -> Change:
    """The discs stay documented, but nothing says that the pain comes from them."""
    silent = unsaid(discs, ("with_back_pain", "discogenic"))

    def change(note: Findings) -> Findings:
        links = tuple(k for k in note.links if k.cause not in discs)
        return dataclasses.replace(silent(note), links=links)

    return change


def _on_imaging(c: Condition) -> Condition:
    return dataclasses.replace(c, source="imaging", imaging=True, item=0, heading=False)


# -- after surgery -----------------------------------------------------------------------------------------------------


def _after_surgery(case: Case) -> Iterator[Question]:
    """Pain of a back that was operated on: postlaminectomy syndrome only when the provider says so (tabular M96.1)."""
    operated = tuple(m.evidence for m in case.findings.supports if m.value == "spine_surgery")
    pains = [p for p in case.of("pain", "low_back_pain_with_sciatica") if p.region != "thoracic"]
    if not operated or not pains or case.of("postlaminectomy_syndrome"):
        return
    syndrome = adding(new_mention(case.findings, "postlaminectomy_syndrome"))
    answers = (
        Answer("postlaminectomy", "postlaminectomy syndrome", syndrome, introduces=True, indicators=operated),
        Answer("other", "pain of another cause"),
    )
    documented = quotes(pains[0].stated)
    yield Question("diagnosis_statement", "postlaminectomy_syndrome", "pain after spinal surgery", answers, documented)
