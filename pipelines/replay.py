"""Stored results decided again from their findings: the codes must be the same, years later."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..coding.codeset import CodeSet
from ..coding.errors import FindingsError, InputError
from .suggest import replay
from .text_input import read_bytes


@dataclass(frozen=True)
class Difference:
    """A result whose findings decide to something else now."""

    line: int
    encounter_id: str | int | None
    stored: tuple[str, ...]
    now: tuple[str, ...]


@dataclass(frozen=True)
class ReplayReport:
    """How many results were replayed, and which differ."""

    results: int
    differences: tuple[Difference, ...]


def replay_file(path: str) -> ReplayReport:
    """Replay every result of a JSON Lines file.

    Raises:
        InputError: the file cannot be read, or a line is no result; names file and line.
    """
    count, differences = 0, []
    for line, stored in _results(path):
        count += 1
        try:
            now = _decision_now(replay(stored))
            before = _decision_stored(stored)
        except (FindingsError, KeyError, TypeError) as error:
            detail = str(error) if isinstance(error, FindingsError) else "is no spinecode result"
            raise InputError(f"{path}, line {line}: {detail}") from None
        if now != before:
            differences.append(Difference(line, stored.get("encounter_id"), before, now))
    return ReplayReport(count, tuple(differences))


def _results(path: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for number, raw in enumerate(read_bytes(path).split(b"\n"), start=1):
        if not raw.strip():
            continue
        try:
            data = json.loads(raw)
        except (ValueError, RecursionError):
            raise InputError(f"{path}, line {number}: is not JSON; give results of suggest --json or batch") from None
        if not isinstance(data, dict) or "findings" not in data:
            raise InputError(f"{path}, line {number}: is no spinecode result")
        yield number, data


def _decision_now(code_set: CodeSet) -> tuple[str, ...]:
    return (code_set.outcome, *(f"{code.code} {code.role}" for code in code_set.codes))


def _decision_stored(result: Mapping[str, Any]) -> tuple[str, ...]:
    return (result["outcome"], *(f"{code['code']} {code['role']}" for code in result["codes"]))


def render_replay(report: ReplayReport) -> str:
    """The report as text: each difference on three lines, then the count."""
    lines = []
    for each in report.differences:
        lines += [
            f"line {each.line} (encounter {json.dumps(each.encounter_id, ensure_ascii=False)})",
            f"    stored  {', '.join(each.stored)}",
            f"    now     {', '.join(each.now)}",
        ]
    lines.append(f"{report.results} results replayed, {len(report.differences)} differ")
    return "\n".join(lines) + "\n"
