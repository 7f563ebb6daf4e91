"""Facts told after the note: a provider's answer to an open question, or a fact that the coder sets (policy 8).

Both change findings, never codes; what they change carries their words as its evidence, behind the end of the note.
"""

from __future__ import annotations

import dataclasses
import typing
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal, get_args

from ..case import open_case, ordered
from ..changes import end_of
from ..codeset import CodeSet
from ..errors import InputError
from ..findings import (
    Clarification,
    Condition,
    Detail,
    Evidence,
    Findings,
    Injury,
    Intent,
    Mark,
    Phase,
    Pregnancy,
    Support,
)
from ..tabular import Tabular
from .analysis import gaps_of, open_questions

By = Literal["provider", "coder"]
Thing = typing.TypeVar("Thing", Condition, Injury)

_LISTS_OF_MARKS: Final = ("phases", "intents", "studies", "red_flags", "supports")
_VOCABULARIES: Final = {"phases": get_args(Phase), "intents": get_args(Intent), "supports": get_args(Support)}
_OF_THE_NOTE: Final = ("document_type", "has_assessment", "complaint")
_CLEARED: Final[Mapping[str, Any]] = {"pregnancy": None, "injuries": ()}
"""What is set part by part, and may be cleared as a whole."""

_MOST_DIGITS: Final = 6
_NOT_SET: Final = ("evidence", "details", "cue")


def answered(
    findings: Findings, decided: CodeSet, told: Iterable[tuple[str, str]], release: str | Tabular | None = None
) -> Findings:
    """The findings with a provider's answers, each an (id of an open fact, answer).

    Raises:
        InputError: no such open fact, or no such answer; the message lists the valid ones.
    """
    note = ordered(findings)
    told = _once(told, "--answer")
    questions = {question.id: question for question in open_questions(open_case(findings), decided)}
    for fact, value in told:
        question = questions.get(fact)
        if question is None:
            known = gaps_of(findings, decided, release)
            valid = _listed({*(f.id for f in known.open_facts), *(g.id for g in known.gaps)})
            raise InputError(f"--answer {fact}: is no open fact of this note; there are {valid}")
        answer = next((a for a in question.answers if a.value == value), None)
        if answer is None:
            valid = _listed(a.value for a in question.answers)
            raise InputError(f"--answer {fact}={value}: is no answer to it; there are {valid}")
        note = _recorded(note, answer.change(note), Clarification(fact, value, "provider"))
    return note


def _once(told: Iterable[tuple[str, str]], option: str) -> list[tuple[str, str]]:
    facts = list(told)
    twice = [fact for fact, count in Counter(fact for fact, _ in facts).items() if count > 1]
    if twice:
        raise InputError(f"{option} {twice[0]}: is given twice; give each fact once")
    return facts


def _listed(words: Iterable[str]) -> str:
    return ", ".join(sorted(words)) or "none"


# -- what an answer changed, with its words ----------------------------------------------------------------------------


def _recorded(before: Findings, after: Findings, told: Clarification) -> Findings:
    """``after`` with the clarification as evidence wherever it differs from ``before``."""
    end = end_of(before)
    words = Evidence(end, end, "", f"{told.by} clarification: {told.fact}={told.answer}")
    known = len(before.conditions)
    conditions = [
        _told(before.conditions[i], c, words) if i < known else dataclasses.replace(c, evidence=words)
        for i, c in enumerate(after.conditions)
    ]
    changed: dict[str, Any] = {"conditions": tuple(conditions)}
    for name in _LISTS_OF_MARKS:
        old, marks = getattr(before, name), getattr(after, name)
        changed[name] = tuple(m if m in old else dataclasses.replace(m, evidence=words) for m in marks)
    changed["injuries"] = tuple(
        _told(before.injuries[n], i, words) if n < len(before.injuries) else dataclasses.replace(i, evidence=words)
        for n, i in enumerate(after.injuries)
    )
    if after.pregnancy is not None and after.pregnancy != before.pregnancy:
        details = (*after.pregnancy.details, Detail("clarification", words))
        changed["pregnancy"] = dataclasses.replace(after.pregnancy, details=details)
    return dataclasses.replace(after, **changed, clarifications=(*before.clarifications, told))


def _told(before: Thing, after: Thing, words: Evidence) -> Thing:
    """The changed mention with the words told as the evidence of each attribute that they changed."""
    told: tuple[Detail, ...] = tuple(Detail(name, words) for name in _changed(before, after))
    return dataclasses.replace(after, details=(*after.details, *told)) if told else after


def _changed(before: object, after: object) -> list[str]:
    return [name for name in _hints(type(after)) if getattr(before, name) != getattr(after, name)]


# -- facts by their name in the schema ---------------------------------------------------------------------------------


def overridden(findings: Findings, told: Iterable[tuple[str, str]]) -> Findings:
    """The findings with facts that the coder set, each a (name in the schema, value): ``sciatica.sides``, ``right``.

    Names: ``document_type``, ``pregnancy.trimester``, ``intents``, ``conditions.3.sides`` by place in the note, or
    ``sciatica.sides`` for every mention of a kind. Several values are joined by commas; an empty one clears the fact.

    Raises:
        InputError: no such fact, or no such value of it; the message lists the valid ones.
    """
    note = ordered(findings)
    for fact, value in _once(told, "--set"):
        note = _recorded(note, _set(note, fact, value), Clarification(fact, value, "coder"))
    return note


def _set(note: Findings, fact: str, value: str) -> Findings:
    head, _, rest = fact.partition(".")
    if not rest:
        return dataclasses.replace(note, **{head: _whole(note, head, fact, value)})
    if head == "pregnancy":
        known = note.pregnancy or Pregnancy(Evidence(end_of(note), end_of(note), "", "coder"))
        return dataclasses.replace(note, pregnancy=_with(known, rest, fact, value))
    if head == "injuries":
        index, _, name = rest.partition(".")
        return dataclasses.replace(note, injuries=_at(note.injuries, index, name, fact, value))
    if head == "conditions":
        index, _, name = rest.partition(".")
        return dataclasses.replace(note, conditions=_at(note.conditions, index, name, fact, value))
    kinds = {c.kind for c in note.conditions}
    if head not in kinds:
        raise InputError(f"--set {fact}: is no fact of this note; there are {_listed(_names(note))}")
    changed = tuple(_with(c, rest, fact, value) if c.kind == head else c for c in note.conditions)
    return dataclasses.replace(note, conditions=changed)


def _names(note: Findings) -> list[str]:
    whole = (*_OF_THE_NOTE, *_LISTS_OF_MARKS)
    parts = ("pregnancy.trimester", "pregnancy.weeks", "pregnancy.relation", "injuries.0.mechanism")
    attributes = "|".join(name for name in _hints(Condition) if name not in _NOT_SET)
    kinds = "|".join(sorted({c.kind for c in note.conditions}))
    return [*whole, *parts, f"({kinds}).({attributes})"]


def _whole(note: Findings, name: str, fact: str, value: str) -> Any:
    """A fact of the whole note."""
    if name in _LISTS_OF_MARKS:
        vocabulary = _VOCABULARIES.get(name, ())
        marks = []
        for word in _words(value):
            if vocabulary and word not in vocabulary:
                raise InputError(f"--set {fact}={value}: is no value of it; there are {_listed(vocabulary)}")
            marks.append(Mark(word, Evidence(end_of(note), end_of(note), "", "coder")))
        return tuple(marks)
    if name in _CLEARED and not value:
        return _CLEARED[name]
    if name not in _OF_THE_NOTE:
        raise InputError(f"--set {fact}: is no fact of this note; there are {_listed(_names(note))}")
    return _typed(_hints(Findings)[name], fact, value)


def _at(things: tuple[Thing, ...], index: str, name: str, fact: str, value: str) -> tuple[Thing, ...]:
    if not _is_number(index) or int(index) >= len(things):
        raise InputError(f"--set {fact}: there are {len(things)} of them, counted from 0")
    changed = list(things)
    changed[int(index)] = _with(things[int(index)], name, fact, value)
    return tuple(changed)


Owner = typing.TypeVar("Owner", Condition, Injury, Pregnancy)


def _with(owner: Owner, name: str, fact: str, value: str) -> Owner:
    hints = _hints(type(owner))
    if name not in hints or name in _NOT_SET:
        valid = _listed(key for key in hints if key not in _NOT_SET)
        raise InputError(f"--set {fact}: has no such attribute; there are {valid}")
    return dataclasses.replace(owner, **{name: _typed(hints[name], fact, value)})


def _hints(owner: type) -> Mapping[str, Any]:
    return typing.get_type_hints(owner)


def _words(value: str) -> list[str]:
    return [word.strip() for word in value.split(",") if word.strip()]


def _typed(hint: Any, fact: str, value: str) -> Any:
    """A typed value as the schema wants it."""
    args = get_args(hint)
    if typing.get_origin(hint) is tuple:
        return tuple(_typed(args[0], fact, word) for word in _words(value))
    if type(None) in args:
        if not value:
            return None
        return _typed(next(a for a in args if a is not type(None)), fact, value)
    if typing.get_origin(hint) is Literal:
        if value not in args:
            raise InputError(f"--set {fact}={value}: is no value of it; there are {_listed(args)}")
        return value
    return _plain(hint, fact, value)


def _is_number(word: str) -> bool:
    return word.isascii() and word.isdecimal() and len(word) <= _MOST_DIGITS


def _plain(hint: Any, fact: str, value: str) -> Any:
    if hint is bool:
        if value.lower() not in ("true", "false"):
            raise InputError(f"--set {fact}={value}: is true or false")
        return value.lower() == "true"
    if hint is int:
        if not _is_number(value):
            raise InputError(f"--set {fact}={value}: is a whole number")
        return int(value)
    return value
