"""`suggest --why-not CODE`: the code checked, the question asked of the findings, the answer as JSON and as text."""

from __future__ import annotations

from typing import Any, Final

from .. import __version__
from ..coding.claim import official_for
from ..coding.codeset import Code, NotCoded
from ..coding.errors import InputError
from ..coding.tables import retired_codes
from ..coding.tabular import Tabular
from ..coding.typed import is_written_like_a_code, typed_code
from ..coding.why_not import Way, WhyNot, why_not
from .render import items, labelled, plain, wrapped
from .result import Result, evidence_data
from .suggest import ruleset

SCHEMA: Final = "spinecode/why-not/1"

_ANSWERS: Final = {
    "suggested": "is suggested for this note",
    "left_out": "was considered and left out",
    "not_documented": "is not suggested: the note does not document it",
    "never_suggested": "is a valid code that spinecode never suggests: it is outside its scope",
}


def checked_code(typed: str, day: str | None, release: Tabular | None) -> str:
    """The code as people may type it, if it is a billable code of the release for ``day``.

    Raises:
        InputError: it is not; one line that names what it lacks.
    """
    code = typed_code(typed)
    official = official_for(day, release)
    if not is_written_like_a_code(code):
        raise InputError(f"--why-not {typed!r}: is not written like an ICD-10-CM code")
    if not official.covers(code):
        raise InputError(f"--why-not {code}: is in no category that spinecode knows (release {official.release})")
    if official.is_leaf(code):
        return code
    while code.endswith("X") and not official.exists(code):  # M51.36x: any code below the header
        code = code[:-1].rstrip(".")
    old = retired_codes().get(code)
    if old is not None:
        instead = ", ".join(old.replaced_by)
        raise InputError(f"--why-not {code}: is not billable, it was retired on {old.retired_on}; ask about {instead}")
    raise InputError(f"--why-not {code}: is not billable, it lacks {official.lacks(code)}")


def ask(result: Result, code: str, release: Tabular | None) -> WhyNot:
    """Why a checked code is not among those of ``result``, whose findings are decided again."""
    return why_not(result.findings, code, release)


# -- JSON --------------------------------------------------------------------------------------------------------------


def why_not_data(answer: WhyNot, result: Result) -> dict[str, Any]:
    """The JSON object of an answer."""
    return {
        "schema": SCHEMA,
        "encounter_id": result.encounter_id,
        "date_of_service": result.date_of_service,
        "release": answer.release,
        "engine": __version__,
        "ruleset": ruleset(),
        "text_sha256": result.text_sha256,
        "code": answer.code,
        "description": answer.description,
        "answer": answer.answer,
        "suggested": None if answer.suggested is None else _code(answer.suggested),
        "left_out": [_entry(entry) for entry in answer.entries],
        "against": [
            {
                "code": rival.code.code,
                "note": rival.note or None,
                "stays": rival.stays,
                "rationale": rival.code.rationale,
            }
            for rival in answer.rivals
        ],
        "would_need": [_way(way) for way in answer.ways],
    }


def _code(code: Code) -> dict[str, Any]:
    return {
        "rule": code.rule,
        "rationale": code.rationale,
        "source": code.source,
        "evidence": evidence_data(code.evidence),
    }


def _entry(entry: NotCoded) -> dict[str, Any]:
    return {
        "what": entry.what,
        "code": entry.code,
        "status": entry.status,
        "rule": entry.rule,
        "reason": entry.reason,
        "evidence": evidence_data(entry.evidence),
    }


def _way(way: Way) -> dict[str, Any]:
    return {
        "facts": list(way.facts),
        "codes": list(way.codes),
        "adds": list(way.adds),
        "removes": list(way.removes),
        "outcome": way.outcome,
    }


# -- text --------------------------------------------------------------------------------------------------------------


def render_why_not(answer: WhyNot) -> str:
    """The answer for a person: what stands against the code, then what the note would have to say."""
    lines = wrapped(f"{answer.code}  {answer.description}", 0, 9)
    lines += wrapped(f"{answer.code} {_ANSWERS[answer.answer]} (release {answer.release}).", 2)
    if answer.suggested is not None:
        lines += labelled("why", answer.suggested.rationale) + labelled("source", answer.suggested.source)
    against = [f"{entry.status.replace('_', ' ')}: {entry.reason} (rule {entry.rule})" for entry in answer.entries]
    for rival in answer.rivals:
        if rival.note:
            stays = f"; of the two {rival.stays} stays" if rival.stays else ""
            against.append(f"{rival.code.code} is suggested; Excludes1 note at {rival.note}{stays}")
        else:
            against.append(f"{rival.code.code} is suggested in its place: {rival.code.rationale}")
    if against:
        lines += ["", "WHAT STANDS AGAINST IT", *items(map(plain, against))]
    if answer.ways:
        lines += ["", "WHAT THE NOTE WOULD HAVE TO SAY"]
        for number, way in enumerate(answer.ways, start=1):
            lines += _way_lines(number, way)
    elif answer.answer in ("left_out", "not_documented"):
        lines += [
            "",
            *wrapped("No few facts that could be added would bring it in: the note says more, or something else.", 0),
        ]
    return "\n".join(lines) + "\n"


def _way_lines(number: int, way: Way) -> list[str]:
    lines = wrapped(plain(f"{number}. {'; and '.join(way.facts)}"), 2, 5)
    changes = [f"adds {', '.join(way.adds)}"] if way.adds else []
    changes += [f"takes out {', '.join(way.removes)}"] if way.removes else []
    also = f" (also {' and '.join(changes)})" if changes else ""
    return [*lines, *wrapped(f"then: {', '.join(way.codes)}{also}", 5, 11)]
