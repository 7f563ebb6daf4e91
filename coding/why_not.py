"""What stood against a code, and the smallest documented facts that would bring it in: found by deciding again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from .case import ordered
from .claim import apart, families, official_for, rows_of
from .codeset import Code, CodeSet, NotCoded, Outcome
from .decide import decide
from .edits import stays
from .findings import Findings
from .steps import Step, steps
from .tabular import Tabular

Answer = Literal["suggested", "left_out", "not_documented", "never_suggested"]

_MOST_WAYS = 3
_SLACK = 1
"""How much dearer than the cheapest way another may be and still be told."""
_PLAIN = ("", "9", "A")
"""The variants that the table gives a mention of which no more is said."""
_FEW = 18
"""Of so many facts at most, the cheapest ones, three are tried together."""


@dataclass(frozen=True)
class Rival:
    """A suggested code that the asked one may not stand beside, with the note, or that says the same thing in its place."""

    code: Code
    note: str
    stays: str


@dataclass(frozen=True)
class Way:
    """Facts that together bring the code in, with all that changes then."""

    facts: tuple[str, ...]
    codes: tuple[str, ...]
    adds: tuple[str, ...]
    removes: tuple[str, ...]
    outcome: Outcome


@dataclass(frozen=True)
class WhyNot:
    """The answer about one code. ``entries``: what the decision considered and left out of this kind."""

    code: str
    description: str
    release: str
    answer: Answer
    suggested: Code | None
    entries: tuple[NotCoded, ...]
    rivals: tuple[Rival, ...]
    ways: tuple[Way, ...]


def why_not(findings: Findings, code: str, release: str | Tabular | None = None, *, most_facts: int = 3) -> WhyNot:
    """Why ``code``, a billable code of the release, is not suggested for these findings. ``release`` as for `decide`.

    The facts are tried in the order of what they cost a provider to document, a missing side before a new diagnosis;
    the first ways that bring the code in are given, none of which contains another.
    """
    official = official_for(findings.date_of_service, release)
    now = decide(findings, release)
    suggested = next((c for c in now.codes if c.code == code), None)
    entries = tuple(entry for entry in now.not_coded if _is_about(entry, code))
    ways: tuple[Way, ...] = ()
    answer: Answer = "suggested"
    if suggested is None:
        answer = "left_out" if entries else "not_documented"
        answer = answer if rows_of(code) else "never_suggested"
        ways = tuple(_ways(ordered(findings), code, release, now, most_facts)) if rows_of(code) else ()
    return WhyNot(
        code=code,
        description=official.description(code),
        release=official.release,
        answer=answer,
        suggested=suggested,
        entries=entries,
        rivals=() if suggested else tuple(_rivals(code, now, official)),
        ways=ways,
    )


def _is_about(entry: NotCoded, code: str) -> bool:
    """The same code, or the same condition with less said of it."""
    if entry.code is None or apart(entry.code, code):
        return entry.code == code
    asked = {(row.family, variant) for row in rows_of(code) for variant in (row.variant, *_PLAIN)}
    return entry.code == code or any((row.family, row.variant) in asked for row in rows_of(entry.code))


def _rivals(code: str, now: CodeSet, official: Tabular) -> Iterator[Rival]:
    for other in now.codes:
        note = official.excludes1(code, other.code)
        if note is not None and not apart(code, other.code):
            yield Rival(other, f"{note.owner}: {note.text}", stays(other.code, code))
        elif families(code) & families(other.code) and not apart(code, other.code):
            yield Rival(other, "", other.code)


# -- the search --------------------------------------------------------------------------------------------------------


def _ways(note: Findings, code: str, release: str | Tabular | None, now: CodeSet, most_facts: int) -> Iterable[Way]:
    """The cheapest sets of facts that bring the code in, by trying them in order of cost."""
    official = official_for(note.date_of_service, release)
    possible = steps(note, rows_of(code), official.description(code))
    found: list[tuple[int, frozenset[Step], Way]] = []
    for cost, chosen in _candidates(possible, most_facts):
        if found and cost > found[0][0] + _SLACK:
            break
        if any(known <= set(chosen) for _, known, _ in found):
            continue
        way = _tried(note, code, release, now, chosen)
        if way is not None:
            found.append((cost, frozenset(chosen), way))
    found.sort(key=lambda each: (each[0], len(each[2].removes), len(each[2].adds)))
    return [way for _, _, way in found[:_MOST_WAYS]]


def _candidates(possible: tuple[Step, ...], most_facts: int) -> list[tuple[int, tuple[Step, ...]]]:
    few = possible[:_FEW]
    found = [
        (sum(step.cost for step in chosen), chosen)
        for count in range(1, most_facts + 1)
        for chosen in combinations(possible if count <= 2 else few, count)
        if len({step.about for step in chosen}) == count
    ]
    return sorted(found, key=lambda each: (each[0], len(each[1]), [step.words for step in each[1]]))


def _tried(
    note: Findings, code: str, release: str | Tabular | None, now: CodeSet, chosen: tuple[Step, ...]
) -> Way | None:
    changed = note
    for step in chosen:
        changed = step.change(changed)
    after = decide(changed, release)
    codes = tuple(c.code for c in after.codes)
    if code not in codes:
        return None
    before = tuple(c.code for c in now.codes)
    return Way(
        facts=tuple(step.words for step in chosen),
        codes=codes,
        adds=tuple(c for c in codes if c not in before and c != code),
        removes=tuple(c for c in before if c not in codes),
        outcome=after.outcome,
    )
