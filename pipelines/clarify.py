"""`--answer` and `--set`: facts told after the note, decided again, with the codes as they were before."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ..coding.decide import decide
from ..coding.errors import InputError
from ..coding.gaps.answers import answered, overridden
from .result import Result
from .suggest import Spinecode, release_of

Told = tuple[tuple[str, str], ...]


def told(typed: Iterable[str], option: str) -> Told:
    """What people typed as ``FACT=VALUE``, taken apart.

    Raises:
        InputError: there is no = in one of them.
    """
    found = []
    for text in typed:
        fact, equals, value = text.partition("=")
        if not equals or not fact.strip():
            raise InputError(f"{option} {text}: write it as FACT=VALUE, for instance laterality:sciatica=left")
        found.append((fact.strip(), value.strip()))
    return tuple(found)


def clarified(engine: Spinecode, text: str, result: Result, answers: Told, facts: Told) -> Result:
    """``result`` decided again with the provider's answers and then the coder's facts; itself if there are none.

    Raises:
        InputError: no such open fact, finding, answer or value in this note; the message lists the valid ones.
    """
    if not answers and not facts:
        return result
    release = release_of(result.date_of_service, engine.release_file)
    findings = result.findings
    if answers:
        findings = answered(findings, decide(findings, release), answers, release)
    if facts:
        findings = overridden(findings, facts)
    again = engine.decided(text, findings, encounter_id=result.encounter_id, provider=result.provider)
    return replace(again, before=tuple(code.code for code in result.codes))
