"""Changes of findings: one fact stated, located, confirmed or unsaid. `steps` and `gaps` try them; each is pure.

A change takes findings whose conditions are in note order (`case.ordered`) and keeps that order: new mentions go last.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any

from .case import STATEMENT
from .findings import Condition, Evidence, Findings, Quality, Region, Source, altered
from .selection import select
from .words import named_mention, quoted

Change = Callable[[Findings], Findings]

_TOLD_ONLY = frozenset({"resolved", "minor", "incidental", "age_related", "asymptomatic", "narrowing"})
_STATED_AS: dict[str, Source] = {"post-operative diagnosis": "post_diagnosis", "assessment": "assessment"}


def statement_place(note: Findings) -> str:
    """Where the provider of this note states a diagnosis, in words."""
    if note.document_type == "procedure_note":
        return "post-operative diagnosis"
    return "assessment" if note.has_assessment else "note"


def end_of(note: Findings) -> int:
    """An offset behind all that was found in the note, and within its text."""
    marks = (*note.intents, *note.phases, *note.studies, *note.red_flags, *note.supports)
    told = [*note.conditions, *note.injuries, *((note.pregnancy,) if note.pregnancy else ())]
    ends = [thing.evidence.end for thing in (*marks, *told)]
    return max([*ends, *(detail.evidence.end for thing in told for detail in thing.details)], default=0)


def new_mention(note: Findings, kind: str, **attributes: Any) -> Condition:
    """A mention at the end of the note, an entry of its own where the note has entries."""
    end = end_of(note)
    item = 1 + max((c.item for c in note.conditions), default=0)
    source = _STATED_AS.get(statement_place(note), "history")
    stated = source != "history"
    return Condition(
        kind,  # type: ignore[arg-type]
        Evidence(end, end, "", source),
        source,
        item=item if stated else 0,
        heading=stated,
        **attributes,
    )


def unchanged(note: Findings) -> Findings:
    """No change: the answer that leaves the note as it is."""
    return note


def together(*changes: Change) -> Change:
    """One change after the other."""

    def change(note: Findings) -> Findings:
        for each in changes:
            note = each(note)
        return note

    return change


def adding(condition: Condition) -> Change:
    """One more mention."""
    return lambda note: altered(note, conditions=(*note.conditions, condition))


def setting(indexes: Iterable[int], **attributes: Any) -> Change:
    """These mentions with these attributes."""
    chosen = frozenset(indexes)

    def change(note: Findings) -> Findings:
        new = [altered(c, **attributes) if i in chosen else c for i, c in enumerate(note.conditions)]
        return altered(note, conditions=tuple(new))

    return change


def saying(index: int, *qualities: Quality) -> Change:
    """One mention with these words beside its own."""

    def change(note: Findings) -> Findings:
        words = tuple(dict.fromkeys((*note.conditions[index].qualities, *qualities)))
        return setting((index,), qualities=words)(note)

    return change


def unsaid(indexes: Iterable[int], words: Iterable[Quality]) -> Change:
    """These mentions without these words."""
    chosen, gone = frozenset(indexes), frozenset(words)

    def change(note: Findings) -> Findings:
        left = [
            altered(c, qualities=tuple(q for q in c.qualities if q not in gone)) if i in chosen else c
            for i, c in enumerate(note.conditions)
        ]
        return altered(note, conditions=tuple(left))

    return change


def confirming(note: Findings, group: tuple[int, ...]) -> Change:
    """A mention that was refused or doubted, stated by the provider as a present diagnosis, an entry of its own."""
    index = best(note, group)
    c = note.conditions[index]
    source = _STATED_AS.get(statement_place(note), "history")
    stated = source != "history"
    item = 1 + max(other.item for other in note.conditions)
    change = setting(
        (index,),
        assertion="present",
        source=source,
        heading=stated,
        item=item if stated else 0,
        imaging=False,
        cue="",
        qualities=tuple(q for q in c.qualities if q not in _TOLD_ONLY),
    )
    doubt = tuple(i for i in group if i != index and note.conditions[i].assertion != "present")
    return together(change, setting(doubt, assertion="present", cue=""))


def removing(group: tuple[int, ...]) -> Change:
    """Without these mentions, as if they had not been written; they stay in place so that links keep their ends."""

    def change(note: Findings) -> Findings:
        gone = set(group)
        links = tuple(k for k in note.links if not {k.effect, k.cause} & gone)
        left = tuple(_silent(c) if i in gone else c for i, c in enumerate(note.conditions))
        return altered(note, conditions=left, links=links)

    return change


def _silent(c: Condition) -> Condition:
    return altered(c, kind="outside_problem", source="other", item=0, heading=False, assertion="hypothetical")


def in_phase(c: Condition, phase: str) -> Condition:
    """An injury without the words that say another phase than this 7th character."""
    gone = {"residual", "old", "longstanding"} if phase != "S" else set()
    gone |= {"improving"} if phase == "A" else set()
    return altered(c, qualities=tuple(q for q in c.qualities if q not in gone))


# -- which mentions ----------------------------------------------------------------------------------------------------


def groups_of_mentions(note: Findings, kinds: Collection[str]) -> tuple[tuple[int, ...], ...]:
    """Mentions of the same condition in the same place."""
    found: dict[tuple[str, tuple[Region, ...]], list[int]] = {}
    for i, c in enumerate(note.conditions):
        if c.kind in kinds and c.assertion not in ("family", "other_person"):
            found.setdefault((c.kind, c.regions), []).append(i)
    return tuple(tuple(group) for group in found.values())


def best(note: Findings, group: tuple[int, ...]) -> int:
    """The mention that speaks for its group: coded, then stated as a diagnosis, then the first."""
    if len(group) == 1:
        return group[0]
    coded = select(note).coded
    stated = [note.conditions[i] for i in group]
    ranks = [(i not in coded, c.source not in STATEMENT, not c.heading, i) for i, c in zip(group, stated, strict=True)]
    return min(ranks)[-1]


def said_in(note: Findings, group: tuple[int, ...]) -> str:
    """The words of a group: its best mention quoted, or named."""
    c = note.conditions[best(note, group)]
    return quoted((c.evidence,)) or named_mention(c)
