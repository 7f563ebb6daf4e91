"""What an open fact is about: its name in an id, and the mention that an answer is recorded on."""

from __future__ import annotations

from ..case import STATEMENT, Case
from ..findings import Condition
from ..problem import Problem

_CALLED = {"low_back_pain_with_sciatica": "sciatica"}


def subject(case: Case, problem: Problem) -> str:
    """The kind of a problem, with its level or region where the note has several of the kind."""
    kind = _CALLED.get(problem.kind, problem.kind)
    alike = [p for p in case.problems if _CALLED.get(p.kind, p.kind) == kind and p is not problem]
    if not alike:
        return kind
    where = problem.level or problem.region or "unknown"
    return f"{kind}:{where}"


def place_of_mention(c: Condition) -> str:
    """The kind of a mention with every level, or else every region, that it names."""
    return ":".join((c.kind, "+".join(c.levels or c.regions))).rstrip(":")


def lead(case: Case, problem: Problem) -> int:
    """The mention that speaks for a problem: in the diagnostic statement, in a heading, else the first."""
    ranks = [(case.mention(i).source not in STATEMENT, not case.mention(i).heading, i) for i in problem.mentions]
    return min(ranks)[-1]
