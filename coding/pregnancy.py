"""Pregnancy (policy section 6) and external causes (policy section 4): what is put before and after the spine codes."""

from __future__ import annotations

from .case import Case
from .codes import plain
from .problem import NOTHING, Draft, Found, Place
from .tables import tables

FIRST: Place = (-1, 0)
LAST: Place = (1_000_000, 0)

_SECOND_FROM, _THIRD_FROM = 14, 28
_FIRST_NAMED_WEEK, _LAST_NAMED_WEEK = 8, 42
OBSTETRIC = ("pregnancy_caused", "pregnancy_pre_existing", "pregnancy_injury")
OPTIONAL = ("weeks", "external_cause", "work_status")


def pregnancy(case: Case, drafts: tuple[Draft, ...]) -> Found:
    """The obstetric code of a note that has spine codes; first, with the weeks last."""
    state = case.findings.pregnancy
    if state is None or not drafts:
        return NOTHING
    evidence = (state.evidence, *(detail.evidence for detail in state.details))
    trimester = state.trimester or trimester_of_weeks(state.weeks)
    if state.relation == "incidental":
        return Found((plain("pregnancy_incidental", "", "pregnancy-incidental", LAST, evidence),))
    family, rule = _family(case, drafts)
    query: tuple[str, ...] = ()
    if rule == "pregnancy-cause-unstated":
        query = ("Is the back pain caused by the pregnancy, was it there before, or is it unrelated?",)
    found = Found((plain(family, trimester, rule, FIRST, evidence),), queries=query)
    if state.weeks is None:
        return found
    return found + Found((plain("weeks", _week(state.weeks), "weeks-of-gestation", LAST, evidence),))


def _family(case: Case, drafts: tuple[Draft, ...]) -> tuple[str, str]:
    assert case.findings.pregnancy is not None
    if any(d.code.startswith("S") and not d.code.endswith("S") for d in drafts):
        return "pregnancy_injury", "pregnancy-injury"
    relation = case.findings.pregnancy.relation
    if relation == "pre_existing":
        return "pregnancy_pre_existing", "pregnancy-pre-existing"
    return "pregnancy_caused", "pregnancy-caused" if relation == "caused" else "pregnancy-cause-unstated"


def trimester_of_weeks(weeks: int | None) -> str:
    """First below 14 completed weeks, second below 28, third from there."""
    if weeks is None:
        return ""
    if weeks < _SECOND_FROM:
        return "first"
    return "second" if weeks < _THIRD_FROM else "third"


def _week(weeks: int) -> str:
    if weeks < _FIRST_NAMED_WEEK:
        return "0"
    return str(min(weeks, _LAST_NAMED_WEEK + 1))


def external_causes(case: Case, drafts: tuple[Draft, ...]) -> Found:
    """How it happened, optional and last (I.C.20), with the 7th character of the injury it explains."""
    injured = [d for d in drafts if d.code.startswith("S")]
    if not injured:
        return NOTHING
    phase = injured[0].code[-1]
    found: list[Draft] = []
    told = [injury for injury in case.findings.injuries if injury.assertion == "present"]
    kinds_of_fall = [i.mechanism for i in told if (i.mechanism or "").startswith("fall_")]
    for injury in told:
        evidence = (injury.evidence, *(detail.evidence for detail in injury.details))
        # "Slipped on ice and fell" is one fall, and its kind is told.
        mechanism = kinds_of_fall[0] if kinds_of_fall and injury.mechanism == "fall" else injury.mechanism
        row = tables().codes.get(("external_cause", "", f"{mechanism}_{phase}"))
        if row and not any(d.code == row.code for d in found):
            found.append(plain("external_cause", row.variant, "external-cause", LAST, evidence))
        if injury.at_work and phase == "A" and not any(d.family == "work_status" for d in found):
            found.append(plain("work_status", "", "work-status", (LAST[0] + 1, 0), evidence))
    return Found(tuple(found))
