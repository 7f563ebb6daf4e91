"""Vary each fact the note leaves open over its answers, decide again, see what changes (policy section 8)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..case import Case, open_case
from ..changes import unchanged
from ..codeset import CodeSet
from ..decide import claim_codes
from ..findings import Evidence, Findings
from ..tables import gap_checklists, gap_elements
from ..tabular import Tabular
from . import diagnosis, encounter, pain, where
from .model import Answer, Effect, Element, Gap, Gaps, OpenFact, Option, Question

_RANKS: dict[Effect, int] = {"code": 0, "order": 1, "defence": 2}
_DEFENCES: frozenset[Element] = frozenset({"objective", "pain_pattern", "conservative_care"})
"""What the checklists want in the note although no answer changes a code."""

_DEFENDED = ("red_flags", "diagnosis_statement:assessment")
"""Asked although no answer changes a code: the note itself shows that something is missing."""

_NOT_ON_A_LIST = ("chronic_pain", "pregnancy")
_NOT_LOW = (":cervical", ":cervicothoracic", ":thoracic", ":occipito_atlanto_axial")


def gaps_of(findings: Findings, decided: CodeSet, release: str | Tabular | None = None) -> Gaps:
    """What the note leaves open, given what was decided from it; ``release`` as for `decide`."""
    case = open_case(findings)
    now = tuple(code.code for code in decided.codes)
    asked = [(question, _outcomes(case, question, now, release)) for question in open_questions(case, decided)]
    facts = [_fact(q, outcomes) for q, outcomes in asked if _effect(outcomes) != "defence"]
    found = [gap for q, outcomes in asked for gap in _gap(q, outcomes, now)]
    return Gaps(tuple(sorted(facts, key=lambda fact: fact.id)), tuple(_ranked(_once(found))))


def open_questions(case: Case, decided: CodeSet) -> tuple[Question, ...]:
    """Every fact that the note leaves open, whether or not an answer would change a code; ids are unique."""
    told = {clarification.fact for clarification in case.findings.clarifications}
    found: dict[str, Question] = {}
    for question in _all(case, decided):
        if len(question.answers) > 1 and question.id not in told:
            found.setdefault(question.id, question)
    return tuple(found.values())


def _all(case: Case, decided: CodeSet) -> Iterator[Question]:
    yield from where.questions(case)
    yield from pain.questions(case, decided)
    yield from diagnosis.questions(case, decided)
    yield from encounter.questions(case, decided)


Outcomes = tuple[tuple[Answer, tuple[str, ...]], ...]


def _outcomes(case: Case, question: Question, now: tuple[str, ...], release: str | Tabular | None) -> Outcomes:
    known: dict[str, tuple[str, ...]] = {}
    for answer in question.answers:
        if _leaves_codes(answer):
            known[answer.value] = now
        else:
            known[answer.value] = (
                known[answer.like] if answer.like in known else claim_codes(answer.change(case.findings), release, case)
            )
    outcomes = tuple((answer, known[answer.value]) for answer in question.answers)
    return _without_idle(outcomes, now) if question.element == "etiology" else outcomes


def _leaves_codes(answer: Answer) -> bool:
    """Whether the codes need not be decided again to be known."""
    return answer.neutral or answer.change is unchanged


def _without_idle(outcomes: Outcomes, now: tuple[str, ...]) -> Outcomes:
    """Of the causes and kinds that leave the codes as they are one is enough, the last: it stands for all the others."""
    idle = [answer for answer, codes in outcomes if codes == now and not answer.introduces]
    return tuple((answer, codes) for answer, codes in outcomes if answer not in idle[:-1])


def _effect(outcomes: Outcomes) -> Effect:
    """What the answers change: the set, only its order, or nothing."""
    if len({frozenset(codes) for _, codes in outcomes}) > 1:
        return "code"
    return "order" if len({codes for _, codes in outcomes}) > 1 else "defence"


def _fact(question: Question, outcomes: Outcomes) -> OpenFact:
    return OpenFact(
        question.id, question.element, question.about, _effect(outcomes), _options(outcomes, question.documented)
    )


def _options(outcomes: Outcomes, indicators: tuple[Evidence, ...]) -> tuple[Option, ...]:
    return tuple(
        Option(
            a.value, a.words, codes, a.introduces, tuple(indicators.index(e) for e in a.indicators if e in indicators)
        )
        for a, codes in outcomes
    )


# -- which of them are worth a provider's time -------------------------------------------------------------------------


def _gap(question: Question, outcomes: Outcomes, now: tuple[str, ...]) -> Iterator[Gap]:
    effect = _effect(outcomes)
    demanded = _demanded(question, now, effect)
    if effect == "defence":
        wanted = bool(demanded) or question.id in _DEFENDED
    else:
        told = any(answer.indicators for answer, codes in outcomes if codes != now)
        wanted = bool(demanded) or told or question.telling
    if not wanted:
        return
    indicators = _indicators(question)
    element = gap_elements()[question.element]
    yield Gap(
        id=question.id,
        element=question.element,
        about=question.about,
        why=element.why.format(about=question.about),
        effect=effect,
        options=_options(outcomes, indicators),
        indicators=indicators,
        demanded_by=demanded,
    )


def _demanded(question: Question, now: tuple[str, ...], effect: Effect) -> str:
    """The checklist item that asks for this fact beside a code now emitted; empty when none does."""
    if effect == "defence" and question.element not in _DEFENCES:
        return ""
    if question.subject in _NOT_ON_A_LIST or question.subject.startswith("beside:"):
        return ""
    if question.element == "diagnosis_statement" and question.subject != "vertebrogenic_pain":
        return ""
    for item in gap_checklists():
        if item.element == question.element and any(code.startswith(item.code) for code in now):
            return f"{item.item} ({item.source})"
    return ""


def _indicators(question: Question) -> tuple[Evidence, ...]:
    """The documented condition first, then what speaks for an answer, each quote once."""
    spoken = sorted({e for answer in question.answers for e in answer.indicators})
    return tuple(dict.fromkeys((*question.documented, *spoken)))


def _once(gaps: Iterable[Gap]) -> list[Gap]:
    """Without what another gap asks: where a low strain is to be confirmed, the kind of the low back pain is not asked too."""
    found = list(gaps)
    strained = any(gap.element == "strain_confirmation" and _confirms_low(gap) for gap in found)
    kept: dict[tuple[object, ...], Gap] = {}
    for gap in found:
        if not (strained and gap.id.startswith("etiology:pain")):
            kept.setdefault(_asks(gap), gap)
    return list(kept.values())


def _confirms_low(gap: Gap) -> bool:
    return any(option.answer == "confirmed" for option in gap.options) and not gap.id.endswith(_NOT_LOW)


def _asks(gap: Gap) -> tuple[object, ...]:
    """Two gaps whose answers lead to the same codes ask one thing: the duration of a pain and of its sciatica."""
    if gap.effect == "defence":
        return (gap.id,)
    return (gap.element, *((option.answer, option.codes) for option in gap.options))


def _ranked(gaps: list[Gap]) -> list[Gap]:
    table = gap_elements()
    return sorted(gaps, key=lambda gap: (_RANKS[gap.effect], table[gap.element].order, gap.id))
