"""Stored results decided again from their findings: the codes must be the same, years later.

Under another release they may differ: then each difference says why.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..coding.codeset import CodeSet
from ..coding.errors import FindingsError, InputError, ReleaseError
from ..coding.releases import INFORMATION
from ..coding.tabular import Tabular
from .stored import stored_results
from .suggest import replay


@dataclass(frozen=True)
class Difference:
    """A result whose findings decide to something else now, and why as far as that can be said."""

    line: int
    encounter_id: str | int | None
    stored: tuple[str, ...]
    now: tuple[str, ...]
    why: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReplayReport:
    """How many results were replayed, and which differ. ``under``: the release they were decided under, if one for all."""

    results: int
    differences: tuple[Difference, ...]
    under: str | None = None


def replay_file(path: str, *, under: Tabular | None = None, known: Tabular | None = None) -> ReplayReport:
    """Replay every result of a JSON Lines file.

    ``under``: a release to decide all of them under, whatever their date; else each is decided under the release it
    names. ``known``: a release that is not built in and may be the one named.

    Raises:
        InputError: the file cannot be read, or a line is no result; names file and line.
        ReleaseError: a result names a release that is neither built in nor known; names file and line.
    """
    count, differences = 0, []
    for line, stored in stored_results(path):
        count += 1
        try:
            decided = replay(stored, under, known=known)
            now, before = _decision_now(decided), _decision_stored(stored)
        except ReleaseError as error:
            raise ReleaseError(f"{path}, line {line}: {error}") from None
        except (FindingsError, KeyError, TypeError) as error:
            detail = str(error) if isinstance(error, FindingsError) else "is no spinecode result"
            raise InputError(f"{path}, line {line}: {detail}") from None
        if now != before:
            why = _why(stored, decided, under) if under else ()
            differences.append(Difference(line, stored.get("encounter_id"), before, now, why))
    return ReplayReport(count, tuple(differences), under.label if under else None)


def _decision_now(code_set: CodeSet) -> tuple[str, ...]:
    return (code_set.outcome, *(f"{code.code} {code.role}" for code in code_set.codes))


def _decision_stored(result: Mapping[str, Any]) -> tuple[str, ...]:
    return (result["outcome"], *(f"{code['code']} {code['role']}" for code in result["codes"]))


# -- why another release gives other codes -----------------------------------------------------------------------------


def _why(stored: Mapping[str, Any], decided: CodeSet, under: Tabular) -> tuple[str, ...]:
    """One sentence for each code that went or came, in claim order; the words of notes are not in them."""
    before = [code["code"] for code in stored["codes"]]
    now = [code.code for code in decided.codes]
    said = [notice.message for notice in decided.warnings if notice.kind not in (INFORMATION, "query")]
    gone = [_gone(code, decided, under) for code in before if code not in now]
    come = [_come(code, said, str(stored.get("release")), under) for code in now if code not in before]
    if not gone and not come:
        return ("The codes are the same; their order, roles or the outcome differ.",)
    return (*gone, *come)


def _gone(code: str, decided: CodeSet, under: Tabular) -> str:
    if not under.is_leaf(code):
        lacks = under.lacks(code) if under.covers(code) else "its category"
        below = list(under.leaves(code)) if under.exists(code) else []
        instead = f"; billable below it: {', '.join(below)}" if below else ""
        return f"{code} went: to be billable under release {under.release} it lacks {lacks}{instead}."
    rule = next((entry.rule for entry in decided.not_coded if entry.code == code), None)
    if rule:
        return f"{code} went: left out by rule {rule} under release {under.release}."
    return f"{code} went: the rules of this version do not give it for these findings."


def _come(code: str, said: list[str], earlier: str, under: Tabular) -> str:
    reason = next((message for message in said if code in message), None)
    if reason:
        return f"{code} came: {reason}"
    return f"{code} came: {under.description(code)} (release {under.release}, before it {earlier})."


def render_replay(report: ReplayReport) -> str:
    """The report as text: each difference on a few lines, then the count."""
    lines = []
    for each in report.differences:
        lines += [
            f"line {each.line} (encounter {json.dumps(each.encounter_id, ensure_ascii=False)})",
            f"    stored  {', '.join(each.stored)}",
            f"    now     {', '.join(each.now)}",
            *(f"    why     {reason}" for reason in each.why),
        ]
    under = f" under release {report.under}" if report.under else ""
    lines.append(f"{report.results} results replayed{under}, {len(report.differences)} differ")
    return "\n".join(lines) + "\n"
