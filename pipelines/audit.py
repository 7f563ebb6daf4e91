"""Auditing claims: one claim against its note, or a file of claims with or without their notes, and a summary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from .. import __version__
from ..coding.audit import Audit, audit
from ..coding.claim import AuditFinding, Claim, Severity
from ..coding.codeset import Notice
from ..coding.errors import InputError
from ..coding.findings import Findings
from ..coding.releases import notices
from ..coding.tables import audit_checks
from ..coding.tabular import Tabular
from ..coding.typed import typed_codes
from .claims import ClaimRow, read_claims, typed_cpt
from .no_text import hide
from .result import Result, evidence_data
from .suggest import release_of, ruleset
from .text_input import check_date, read_note

SCHEMA: Final = "spinecode/audit/1"
SEVERITIES: Final[tuple[Severity, ...]] = ("error", "warning", "info")


class Suggests(Protocol):
    """The engine, as far as an audit needs it."""

    def suggest(self, text: str, *, date_of_service: str | None = None) -> Result:
        """The result for one note."""
        ...


@dataclass(frozen=True)
class Audited:
    """One claim with what was found on it. ``warnings``: how its note was read, and under which release it was judged
    where that is not the one of its date.
    """

    row: ClaimRow
    audit: Audit
    warnings: tuple[Notice, ...] = ()


def given_claims(
    note_and_codes: Sequence[str], file: str | None, *, cpt: str, date: str | None, encoding: str
) -> tuple[tuple[ClaimRow, ...], tuple[Notice, ...]]:
    """The claims of a command line: a file of them, or one note with its codes; and how the note was read.

    Raises:
        InputError: neither or both are given, or something cannot be read.
    """
    if file is None:
        return _one_claim(note_and_codes, cpt, check_date(date, "--date"), encoding)
    if note_and_codes or cpt or date:
        raise InputError("audit: --claims FILE stands alone; codes, dates and CPT numbers are in the file")
    return read_claims(file), ()


def _one_claim(
    note_and_codes: Sequence[str], cpt: str, day: str | None, encoding: str
) -> tuple[tuple[ClaimRow, ...], tuple[Notice, ...]]:
    if len(note_and_codes) < 2:
        raise InputError("audit: give NOTE and its codes, or --claims FILE")
    path, *cells = note_and_codes
    note = read_note(path, encoding)
    claim = Claim(
        codes=tuple(code for cell in cells for code in typed_codes(cell)),
        cpt=typed_cpt(cpt),
        date_of_service=day,
        empty_note=not note.text.strip(),
    )
    return (ClaimRow(1, "", claim, note.text),), note.warnings


def audit_claims(
    rows: Sequence[ClaimRow],
    build: Callable[[], Suggests],
    *,
    release_file: Tabular | None = None,
    no_text: bool = False,
    warnings: tuple[Notice, ...] = (),
) -> tuple[Audited, ...]:
    """Audit every claim. The engine is built only if a claim has its note; ``no_text`` hides the note's words."""
    engine = build() if any(row.text is not None for row in rows) else None
    found = []
    for row in rows:
        findings: Findings | None = None
        if engine is not None and row.text is not None:
            findings = engine.suggest(row.text, date_of_service=row.claim.date_of_service).findings
            findings = hide(findings) if no_text else findings
        release = release_of(row.claim.date_of_service, release_file)
        done = audit(row.claim, findings, release)
        about = notices(row.claim.date_of_service, done.release)
        found.append(Audited(row, _without_words(done) if no_text else done, (*warnings, *about)))
    return tuple(found)


def _without_words(done: Audit) -> Audit:
    """Offsets stay; the marks that hidden findings have for words go."""
    bare = [
        replace(f, evidence=tuple(replace(piece, text="", section="") for piece in f.evidence)) for f in done.findings
    ]
    return replace(done, findings=tuple(bare))


def has_errors(audited: Sequence[Audited]) -> bool:
    """Whether any claim has a finding of level error: the command's own exit status."""
    return any(finding.severity == "error" for each in audited for finding in each.audit.findings)


# -- summary -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Summary:
    """The figures of the guide's self-audit.

    ``unspecified``: claims with a spine code that carry an unspecified one, and how often each of those codes stands.
    ``kinds``: claims with each kind of finding. ``mistakes``: claims with each of the guide's mistakes and triggers.
    """

    claims: int
    with_note: int
    of_spine: int
    by_severity: dict[str, int]
    kinds: dict[str, int]
    mistakes: dict[str, int]
    unspecified: int
    unspecified_codes: dict[str, int]

    @property
    def unspecified_rate(self) -> float | None:
        """Share of the claims with a spine code that carry an unspecified one."""
        return round(self.unspecified / self.of_spine, 4) if self.of_spine else None


def summarise(audited: Sequence[Audited]) -> Summary:
    """Count claims, not findings: a claim with two errors is one claim to correct."""
    worst = Counter(_worst(each.audit.findings) for each in audited)
    kinds: Counter[str] = Counter()
    mistakes: Counter[str] = Counter()
    for each in audited:
        kinds.update({finding.kind for finding in each.audit.findings})
        mistakes.update({name for finding in each.audit.findings for name in finding.guide.split("; ") if name})
    codes = Counter(code for each in audited for code in each.audit.unspecified)
    return Summary(
        claims=len(audited),
        with_note=sum(each.audit.decided is not None for each in audited),
        of_spine=sum(each.audit.of_spine for each in audited),
        by_severity={name: worst[name] for name in (*SEVERITIES, "clean")},
        kinds={kind: kinds[kind] for kind in audit_checks() if kinds[kind]},
        mistakes={name: mistakes[name] for name in _guide_names() if mistakes[name]},
        unspecified=sum(bool(each.audit.unspecified) for each in audited),
        unspecified_codes=dict(sorted(codes.items(), key=lambda pair: (-pair[1], pair[0]))),
    )


def _worst(findings: Sequence[AuditFinding]) -> str:
    found = {finding.severity for finding in findings}
    return next((name for name in SEVERITIES if name in found), "clean")


def _guide_names() -> list[str]:
    """The guide's mistakes, then its triggers, each by number."""
    names = {name for check in audit_checks().values() for name in check.guide.split("; ") if name}
    return sorted(names, key=lambda name: (name.split()[0], int(name.split()[1])))


# -- JSON --------------------------------------------------------------------------------------------------------------


def audit_data(audited: Sequence[Audited]) -> dict[str, Any]:
    """The JSON object of an audit."""
    summary = summarise(audited)
    return {
        "schema": SCHEMA,
        "engine": __version__,
        "ruleset": ruleset(),
        "claims": [_claim(each) for each in audited],
        "summary": {
            "claims": summary.claims,
            "with_note": summary.with_note,
            "of_spine": summary.of_spine,
            "worst": summary.by_severity,
            "kinds": summary.kinds,
            "guide": summary.mistakes,
            "unspecified": summary.unspecified,
            "unspecified_rate": summary.unspecified_rate,
            "unspecified_codes": summary.unspecified_codes,
        },
    }


def _claim(each: Audited) -> dict[str, Any]:
    decided = each.audit.decided
    return {
        "encounter_id": each.row.encounter_id,
        "line": each.row.line,
        "date_of_service": each.row.claim.date_of_service,
        "release": each.audit.release,
        "codes": list(each.row.claim.codes),
        "cpt": list(each.row.claim.cpt),
        "suggested": None if decided is None else [code.code for code in decided.codes if code.role != "optional"],
        "findings": [finding_data(finding) for finding in each.audit.findings],
        "not_checked": list(each.audit.not_checked),
        "warnings": [{"kind": notice.kind, "message": notice.message} for notice in each.warnings],
    }


def finding_data(finding: AuditFinding) -> dict[str, Any]:
    """One finding as the JSON has it."""
    return {
        "kind": finding.kind,
        "severity": finding.severity,
        "code": finding.code or None,
        "what": finding.what,
        "why": finding.why,
        "advice": finding.advice,
        "instead": list(finding.instead),
        "source": finding.source,
        "guide": finding.guide or None,
        "evidence": evidence_data(finding.evidence),
    }
