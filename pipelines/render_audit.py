"""An audit as text for a person: each claim with what is wrong on it, then the figures. Nothing is judged here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ..coding.claim import AuditFinding
from ..coding.tables import audit_checks
from .audit import SEVERITIES, Audited, Summary, summarise
from .render import items, labelled, plain, wrapped

_MARK: Final = {"error": "ERROR  ", "warning": "WARNING", "info": "info   "}
_NONE: Final = "nothing found"


def render_claim(each: Audited) -> str:
    """One claim held against its note."""
    return "\n".join([*_claim(each, ""), *_not_checked(each), ""])


def render_claims(audited: Sequence[Audited]) -> str:
    """Every claim that has a finding, then the summary. Clean claims are only counted."""
    lines: list[str] = []
    for each in audited:
        if each.audit.findings:
            name = plain(str(each.row.encounter_id)) or "no id"
            lines += [*_claim(each, f"Encounter {name} (row {each.row.line}): "), ""]
    return "\n".join([*lines, *_summary(summarise(audited)), ""])


def _claim(each: Audited, name: str) -> list[str]:
    codes = ", ".join(plain(code) for code in each.row.claim.codes) or "no codes"
    lines = wrapped(f"{name}{codes}  (release {each.audit.release})", 0)
    lines += [line for notice in each.warnings for line in wrapped(f"note: {plain(notice.message)}", 2)]
    if each.audit.decided is not None:
        suggested = ", ".join(code.code for code in each.audit.decided.codes if code.role != "optional")
        lines += wrapped(f"The note is coded to: {suggested or 'no spine code'}", 2)
    if not each.audit.findings:
        return [*lines, f"  {_NONE}"]
    for finding in each.audit.findings:
        lines += ["", *_finding(finding)]
    return lines


def _finding(finding: AuditFinding) -> list[str]:
    guide = f"  [guide: {finding.guide}]" if finding.guide else ""
    return [
        *wrapped(f"{_MARK[finding.severity]}  {plain(finding.what)}{guide}", 2, 11),
        *labelled("why", finding.why),
        *labelled("do", finding.advice),
        *labelled("source", finding.source),
    ]


def _not_checked(each: Audited) -> list[str]:
    if not each.audit.not_checked:
        return []
    return ["", *wrapped(f"Not judged here: {', '.join(each.audit.not_checked)}", 0)]


def _summary(summary: Summary) -> list[str]:
    worst = summary.by_severity
    parts = [f"{worst[name]} with {name}{'s' if name != 'info' else ' only'}" for name in SEVERITIES]
    lines = ["SUMMARY", *items([f"{_claims(summary.claims)}, {summary.with_note} with their note"])]
    lines += items([", ".join([*parts, f"{worst['clean']} clean"])])
    if summary.unspecified_rate is not None:
        codes = ", ".join(f"{code} {count}" for code, count in summary.unspecified_codes.items())
        rate = (
            f"unspecified-code rate {summary.unspecified_rate:.1%}: {summary.unspecified} of {summary.of_spine} claims"
        )
        lines += items([f"{rate} with a spine code{f' ({codes})' if codes else ''}"])
    lines += items(f"{name}: {_claims(count)}" for name, count in summary.mistakes.items())
    if summary.with_note < summary.claims:
        needs = [check.kind.replace("_", " ") for check in audit_checks().values() if check.needs == "note"]
        lines += items([f"checks that need the note, left out where there was none: {', '.join(needs)}"])
    return lines


def _claims(count: int) -> str:
    return f"{count} claim{'' if count == 1 else 's'}"
