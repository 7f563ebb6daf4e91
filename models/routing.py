"""Where an encounter goes: straight on (*auto*), to a coder (*review*), or first back to the provider (*query*)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, islice
from typing import Final

from ..coding.releases import WARNING
from .confidence import Part
from .features import Decision, coded_families, has_conflict, told
from .judgement import Reason, Route
from .second_reader import Reading, SecondReader

MOST_REASONS: Final = 3


@dataclass(frozen=True)
class Thresholds:
    """``auto``: the least confidence of *auto*; ``expects``: how sure the second reader is of a family that is not
    coded before it is heard; ``doubts``: how sure that a coded family is wrong. ``risk``: the share of wrong sets among
    *auto* that ``auto`` was chosen for.
    """

    auto: float
    expects: float = 0.8
    doubts: float = 0.97
    risk: float = 0.02


def doubt_of(decision: Decision, reading: Reading, reader: SecondReader, limits: Thresholds) -> tuple[Reason, ...]:
    """What the second reader expects beside the codes, and which of them it doubts; the surest first."""
    coded = coded_families(decision.code_set)
    found: list[tuple[float, Reason]] = []
    for family, probability in reading.expected.items():
        if family not in coded and probability >= limits.expects:
            words = reader.words_for(reading, family)
            found.append((probability, Reason("second_reader_expects", f"a second reader expects: {family}", words)))
        elif family in coded and 1.0 - probability >= limits.doubts:
            words = reader.words_for(reading, family, against=True)
            found.append(
                (1.0 - probability, Reason("second_reader_doubts", f"a second reader doubts: {family}", words))
            )
    return tuple(reason for _, reason in sorted(found, key=lambda each: (-each[0], each[1].message)))


def route_of(
    decision: Decision, confidence: float, parts: tuple[Part, ...], doubts: tuple[Reason, ...], limits: Thresholds
) -> tuple[Route, tuple[Reason, ...]]:
    """The route, and the three strongest reasons: what forbids *auto* first, then what moved the confidence most."""
    asked, looked = _for_query(decision), _for_review(decision, doubts)
    low = confidence < limits.auto
    if low and not asked and not looked:
        looked = (Reason("low_confidence", f"confidence {confidence:.2f} is below {limits.auto:.2f}"),)
    route: Route = "review" if looked else "query" if asked else "auto"
    wanted = -1 if looked or low else 1
    moved = (Reason(part.feature, _said(part), ()) for part in parts if part.weight * wanted > 0)
    return route, tuple(islice(chain(looked, asked, moved), MOST_REASONS))


def _for_query(decision: Decision) -> tuple[Reason, ...]:
    code_set, gaps = decision.code_set, decision.gaps
    found = []
    if has_conflict(code_set, gaps):
        found.append(Reason("conflict", "two entries of the note contradict each other"))
    found += [
        Reason("code_gap", f"an open question of {gap.element.replace('_', ' ')} changes the code")
        for gap in gaps.gaps
        if gap.effect == "code"
    ][:1]
    if code_set.outcome in ("query", "code_and_query") and not found:
        found.append(Reason("query_owed", "a query to the provider is owed"))
    return tuple(found)


def _for_review(decision: Decision, doubts: tuple[Reason, ...]) -> tuple[Reason, ...]:
    flags = tuple(Reason("red_flag", "a red flag is documented") for _ in decision.code_set.red_flags[:1])
    return (*flags, *_of_other_year(decision), *doubts)


def _of_other_year(decision: Decision) -> tuple[Reason, ...]:
    """Codes of a year's list that was not in force on the date of service are for no claim unseen."""
    if all(warning.kind != WARNING for warning in decision.code_set.warnings):
        return ()
    return (Reason("release", "the code set at hand was not in force on the date of service"),)


def _said(part: Part) -> str:
    effect = "lowers" if part.weight < 0 else "raises"
    return f"{told(part.feature)}: {effect} the confidence"
