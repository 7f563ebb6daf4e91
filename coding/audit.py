"""`audit`: a claim in, findings out. Without the note every check that needs none; with it, all of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from . import claim_checks, note_checks
from .claim import OPTIONAL_FAMILIES, AuditFinding, Claim, either, families, is_decided, is_unspecified, official_for
from .codeset import CodeSet
from .decide import decide
from .findings import Findings
from .note_checks import NoteSide
from .tables import audit_checks
from .tabular import Tabular

_RANK = {"error": 0, "warning": 1, "info": 2}
_BESIDE_A_PAIR = ("side_missing", "seventh_wrong", "unsupported")
"""What is still worth saying of a code that its pair excludes."""


@dataclass(frozen=True)
class Audit:
    """What is found on one claim, errors first.

    ``not_checked``: codes that nothing here can judge: outside the built-in part of the code set or, beside a note,
    never suggested by spinecode. ``unspecified``: billable codes whose title says *unspecified* although there are
    more exact ones. ``decided``: what the note is coded to; None without a note.
    """

    findings: tuple[AuditFinding, ...]
    release: str
    not_checked: tuple[str, ...]
    unspecified: tuple[str, ...]
    of_spine: bool
    decided: CodeSet | None = None


def audit(claim: Claim, findings: Findings | None = None, release: str | Tabular | None = None) -> Audit:
    """Hold a claim against the official list, the guide's checks and, where ``findings`` are given, its note.

    ``release`` names a built-in release or is one; without it the one for the date of service is taken.

    Raises:
        ReleaseError: no such release is built in.
    """
    official = official_for(claim.date_of_service, release)
    bad = tuple(f for code in dict.fromkeys(claim.codes) for f in claim_checks.validity(code, claim, official))
    invalid = {f.code for f in bad}
    codes = tuple(code for code in dict.fromkeys(claim.codes) if code not in invalid)
    known = tuple(code for code in codes if official.covers(code) and official.is_leaf(code))
    decided = None if findings is None else decide(findings, release)
    noted = () if decided is None else tuple(code.code for code in decided.codes)
    found = [*bad, *claim_checks.about_the_claim(claim, official), *claim_checks.excluded_pairs(codes, official, noted)]
    if claim.codes:
        found += claim_checks.order(claim, purpose_known=decided is not None)
        found += claim_checks.procedures(claim)
    if decided is None or findings is None:
        found += [*claim_checks.beside_a_cause(known, official), *claim_checks.unspecified(known, official)]
    else:
        found += claim_checks.unspecified([c for c in known if c in noted], official, note_read=True)
        found = _with_note(found, NoteSide(claim.codes, decided, findings, official, release), invalid)
    return Audit(
        findings=_in_order(found, claim),
        release=official.release,
        not_checked=tuple(code for code in codes if not _is_checked(code, official, decided is not None)),
        unspecified=tuple(code for code in known if is_unspecified(code, official)),
        of_spine=any(is_decided(code) for code in claim.codes) or bool(invalid),
        decided=decided,
    )


def _is_checked(code: str, official: Tabular, with_note: bool) -> bool:
    if not official.covers(code) or not official.is_leaf(code):
        return False
    return not with_note or bool(families(code) & OPTIONAL_FAMILIES) or is_decided(code)


def _with_note(found: list[AuditFinding], note: NoteSide, invalid: set[str]) -> list[AuditFinding]:
    """What the note adds. A pair that excludes itself says already which code goes: no second finding for that one."""
    judged = tuple(note_checks.against_the_note(note, invalid))
    pairs = {f.code for f in found if f.kind == "excludes1"}
    right = {f.code: f.instead for f in judged if f.instead}
    narrowed = [note_checks.narrowed(f, note) if f.code in invalid else _righted(f, right) for f in found]
    whole = [*narrowed, *(f for f in judged if f.code not in pairs or f.kind in _BESIDE_A_PAIR)]
    all_of_it = [*whole, *judged]
    return [*whole, *note_checks.not_on_the_claim(note, all_of_it), *note_checks.sequence(note, all_of_it)]


def _righted(finding: AuditFinding, right: Mapping[str, tuple[str, ...]]) -> AuditFinding:
    """Of an excluded pair the code that stays may be wrong itself: then what is right in its place stays."""
    kept = finding.instead[0] if finding.kind == "excludes1" else ""
    if kept not in right:
        return finding
    instead = right[kept]
    advice = f"Leave {finding.code} off; {either(instead, 'and')} stands in place of both."
    return replace(finding, instead=instead, advice=advice)


def _in_order(found: Iterable[AuditFinding], claim: Claim) -> tuple[AuditFinding, ...]:
    kinds = list(audit_checks())
    place = {code: i for i, code in reversed(list(enumerate(claim.codes)))}
    last = len(claim.codes)
    unique = dict.fromkeys(found)
    return tuple(
        sorted(unique, key=lambda f: (_RANK[f.severity], place.get(f.code, last), kinds.index(f.kind), f.what))
    )
