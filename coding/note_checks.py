"""A claim held against its note: what the decided codes, and what was left out and why, say of each code claimed."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .claim import (
    AuditFinding,
    apart,
    families,
    groups,
    is_cause,
    is_decided,
    is_symptom,
    is_unspecified,
    make,
    rows_of,
    use,
)
from .codeset import Code, CodeSet, NotCoded
from .findings import Evidence, Findings
from .tabular import Tabular
from .why_not import why_not
from .words import quoted

_SIDES = ("left", "right", "bilateral")
_SPOKEN_FOR = frozenset(
    {
        "symptom-integral",
        "radiculopathy-replaces-pain",
        "sciatica-of-disc",
        "sacroiliac-source",
        "outside-cause",
        "current-injury",
        "pain-into-degeneration",
        "chronic-with-cause",
    }
)
"""Rules by which a diagnosis speaks for its symptom."""

_CONSERVATIVE = "guide-injury-alternative"


@dataclass(frozen=True)
class NoteSide:
    """What the note of a claim is coded to. ``claimed``: the codes of the claim, in its order."""

    claimed: tuple[str, ...]
    decided: CodeSet
    findings: Findings
    official: Tabular
    release: str | Tabular | None = None

    @property
    def codes(self) -> tuple[Code, ...]:
        """The suggested codes that count; optional ones are never asked for."""
        return tuple(code for code in self.decided.codes if code.role != "optional")

    @property
    def names(self) -> tuple[str, ...]:
        """Their codes, in claim order."""
        return tuple(code.code for code in self.codes)

    def left_out(self, code: str) -> NotCoded | None:
        """What the decision says of a code it considered and left out."""
        return next((entry for entry in self.decided.not_coded if entry.code == code), None)


def kin(code: str, note: NoteSide) -> tuple[Code, ...]:
    """The suggested codes that may stand for the same problem: of its family first, else of its region."""
    alike = [d for d in note.codes if families(d.code) & families(code)]
    of_pain = code.startswith("G89")
    near = [
        d
        for d in note.codes
        if not of_pain and d not in alike and not d.code.startswith(("G89", "O", "Z")) and not apart(d.code, code)
    ]
    return tuple(alike or near)


def against_the_note(note: NoteSide, invalid: Iterable[str]) -> Iterator[AuditFinding]:
    """One finding for each claimed code that the note is not coded to."""
    for code in dict.fromkeys(note.claimed):
        if code not in invalid and is_decided(code) and code not in note.names:
            yield _judge(code, note)


def narrowed(finding: AuditFinding, note: NoteSide) -> AuditFinding:
    """A finding about a code that cannot be billed, with the codes that the note is coded to in its place."""
    fits = [d for d in note.codes if d.code in finding.instead]
    for candidate in finding.instead[:1]:
        fits = fits or list(kin(candidate, note))
    if not fits:
        return finding
    instead = tuple(d.code for d in fits)
    evidence = tuple(sorted({piece for d in fits for piece in d.evidence}))
    why = " ".join([finding.why, *(d.rationale for d in fits)])
    advice = use(finding.code, instead, note.claimed)
    return dataclasses.replace(finding, instead=instead, evidence=evidence, why=why, advice=advice)


def _judge(code: str, note: NoteSide) -> AuditFinding:
    entry = note.left_out(code)
    if entry is not None and entry.rule == _CONSERVATIVE:
        instead = tuple(d.code for d in kin(code, note))
        return make("alternative", code, instead=instead, evidence=entry.evidence, reason=entry.reason)
    same = kin(code, note)
    for kind, better in (
        ("seventh_wrong", [d for d in same if len(code) == 8 and d.code[:-1] == code[:-1]]),
        ("side_missing", [d for d in same if _adds_side(code, d.code)]),
        ("region_missing", [d for d in note.codes if _adds_region(code, d.code)]),
        ("symptom_kept", [d for d in note.codes if _is_cause_of(code, d.code)]),
        ("unspecified", [d for d in same if is_unspecified(code, note.official) and not _vague(d.code, note)]),
    ):
        if better:
            return _instead(kind, code, note, better, entry)
    if entry is not None and entry.rule in _SPOKEN_FOR and is_symptom(code):
        return make("symptom_kept", code, evidence=entry.evidence, reason=entry.reason)
    return _unsupported(code, note, entry)


def _vague(code: str, note: NoteSide) -> bool:
    return is_unspecified(code, note.official)


def _instead(kind: str, code: str, note: NoteSide, better: list[Code], entry: NotCoded | None) -> AuditFinding:
    instead = tuple(d.code for d in better)
    evidence = tuple(sorted({piece for d in better for piece in d.evidence}))
    told = kind == "symptom_kept" and entry is not None and entry.rule in _SPOKEN_FOR
    reason = " ".join([entry.reason] if told and entry else []) or " ".join(d.rationale for d in better)
    return make(kind, code, instead=instead, evidence=evidence, reason=reason, use=use(code, instead, note.claimed))


def _adds_side(code: str, other: str) -> bool:
    """Whether ``other`` is ``code`` with its side."""
    return any(
        not row.variant and row.family == sided.family and row.region == sided.region and sided.variant in _SIDES
        for row in rows_of(code)
        for sided in rows_of(other)
    )


def _adds_region(code: str, other: str) -> bool:
    """Whether ``other`` is ``code`` with its region; pain of any named region is to *back pain* what that is."""
    if groups(code) or not groups(other) or apart(code, other):
        return False
    if code == "M54.9":
        return is_symptom(other)
    return bool(families(code) & families(other))


def _is_cause_of(code: str, other: str) -> bool:
    """Whether ``other`` names the cause of the symptom ``code``; a radiculopathy speaks for pain of its region."""
    speaks = is_cause(other) or (other.startswith("M54.1") and not code.startswith("M54.1"))
    return is_symptom(code) and speaks and not apart(code, other)


def _unsupported(code: str, note: NoteSide, entry: NotCoded | None) -> AuditFinding:
    same = kin(code, note)
    evidence: tuple[Evidence, ...] = ()
    if entry is not None:
        reason, evidence = entry.reason, entry.evidence
    elif same:
        reason, evidence = f"Nothing in the note is coded to it. {same[0].rationale}", same[0].evidence
    else:
        reason = f"Nothing in the note is coded to it ({note.official.description(code)})."
    instead = tuple(d.code for d in same if d.code not in note.claimed)
    told = f"{reason}{_what_it_takes(code, note)}"
    return make(
        "unsupported", code, instead=instead, evidence=evidence, reason=told, use=use(code, instead, note.claimed)
    )


def _what_it_takes(code: str, note: NoteSide) -> str:
    """The smallest fact that would bring the code in, as a sentence; empty when none is found."""
    ways = why_not(note.findings, code, note.release, most_facts=2).ways
    return f" The code would need this in the note: {'; '.join(ways[0].facts)}." if ways else ""


# -- what the claim does not carry -------------------------------------------------------------------------------------


def not_on_the_claim(note: NoteSide, found: Iterable[AuditFinding]) -> Iterator[AuditFinding]:
    """Codes the note supports and the claim does not carry, but for those that a finding asks for already."""
    asked = {code for each in found for code in each.instead}
    for d in note.codes:
        if d.code in note.claimed or d.code in asked:
            continue
        kind = "g89_missing" if d.code.startswith("G89.2") else "not_claimed"
        yield make(kind, d.code, evidence=d.evidence, reason=d.rationale, source=d.source)


# -- order -------------------------------------------------------------------------------------------------------------


def sequence(note: NoteSide, found: Iterable[AuditFinding]) -> Iterator[AuditFinding]:
    """The first code of those that claim and note share must be the note's first; each wrong code counts as its right one."""
    right = {each.code: each.instead[0] for each in found if each.instead and each.instead[0] in note.names}
    stand_for = {right.get(code, code): code for code in reversed(note.claimed)}
    claimed = [code for code in dict.fromkeys(right.get(code, code) for code in note.claimed) if code in note.names]
    wanted = [d for d in note.codes if d.code in claimed]
    if not wanted or wanted[0].code == claimed[0] or wanted[0].code.startswith("O"):
        return
    first, other = wanted[0], claimed[0]
    kind, reason, evidence = _order_reason(first, other, note)
    yield make(
        kind, stand_for[first.code], evidence=evidence, reason=reason, other=stand_for[other], source=first.source
    )


def _order_reason(first: Code, other: str, note: NoteSide) -> tuple[str, str, tuple[Evidence, ...]]:
    control = tuple(m.evidence for m in note.findings.intents if m.value == "pain_control" and m.assertion == "present")
    if first.code.startswith("G89") and control:
        return (
            "order_purpose",
            f"The encounter is for pain control ({quoted(control)}), so the pain code leads.",
            control,
        )
    if other.startswith("G89.2"):
        words = f"The encounter is not for pain control; {quoted(first.evidence)} is what it was for."
        return "order_purpose", words, first.evidence
    if other.startswith("S") and other.endswith("S"):
        return "order_purpose", f"{quoted(first.evidence)} is what remains of the injury and leads.", first.evidence
    words = f"By the assessment's order, or as the more specific diagnosis, {quoted(first.evidence)} leads."
    return "order_assessment", words, first.evidence
