"""What can be found on a claim from its codes alone, without the note: the guide's self-audit, with official sources."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations

from .claim import (
    MOST_CODES,
    AuditFinding,
    Claim,
    apart,
    either,
    groups,
    is_cause,
    is_unspecified,
    make,
    more_exact,
    rows_of,
)
from .edits import stays
from .reference import guide_rows_of
from .tables import PayerNote, payer_notes, retired_codes, tables
from .tabular import Tabular
from .typed import is_written_like_a_code

PAIN = ("M54.2", "M54.50", "M54.59", "M54.6", "M54.9")
"""Pain that a cause of its region replaces (policy 1). M54.51 names its own cause."""

_BACK_PAIN_NAMED = ("M54.5", "M54.6", "M54.89")
_OFFICE_VISIT = ("9920", "9921")
_PAIN_PROCEDURES = (
    ("20552", "20553"),  # trigger points
    ("27096", "27096"),  # sacroiliac joint
    ("62320", "62327"),  # epidural
    ("62367", "62370"),  # pump
    ("63650", "63655"),  # stimulator
    ("64451", "64495"),  # transforaminal, facet
    ("64625", "64636"),  # ablation
    ("95990", "95991"),  # pump refill
)
"""CPT ranges of the procedures that policy section 5 calls pain control."""


def validity(code: str, claim: Claim, official: Tabular) -> tuple[AuditFinding, ...]:
    """Whether the code can be billed on the date of service at all; () also for a code the release says nothing of."""
    old = retired_codes().get(code)
    if not is_written_like_a_code(code):
        return (make("invalid", code, reason="is not written like an ICD-10-CM code"),)
    older = next((row for row in retired_codes().values() if code in row.replaced_by), None)
    if older and claim.date_of_service and claim.date_of_service < older.retired_on:
        reason = f"came into force on {older.retired_on}; on the date of service it was {older.code}"
        return (make("invalid", code, instead=(older.code,), source=older.source, reason=reason),)
    if not official.covers(code) or official.is_leaf(code):
        return ()
    if old:
        if claim.date_of_service and claim.date_of_service < old.retired_on:
            return ()  # billable on that day
        return (make("retired", code, instead=old.replaced_by, source=old.source, date=old.retired_on),)
    lacks = official.lacks(code)
    if "7th character" in lacks:
        return (make("seventh_missing", code, instead=_leaves_at(code, official), lacks=lacks),)
    if official.exists(code):
        return (make("not_billable", code, instead=_leaves_at(code, official), lacks=lacks),)
    return (make("invalid", code, reason=f"is not in release {official.release}"),)


def _leaves_at(code: str, official: Tabular) -> tuple[str, ...]:
    """The billable codes at the nearest heading at or above ``code``."""
    while code and not tuple(official.leaves(code)):
        code = code[:-1].rstrip(".")
    return tuple(official.leaves(code))


def about_the_claim(claim: Claim, official: Tabular) -> Iterator[AuditFinding]:
    """The claim as a whole: empty, too long, doubled codes, an unreadable date, no note."""
    codes = tuple(dict.fromkeys(claim.codes))
    if not codes:
        yield make("no_codes")
    if len(claim.codes) > MOST_CODES:
        lost = claim.codes[MOST_CODES:]
        yield make("too_many", count=str(len(claim.codes)), others=either(lost, "and"))
    for code in codes:
        if claim.codes.count(code) > 1:
            yield make("duplicate", code)
    if claim.bad_date:
        yield make("bad_date", release=official.release)
    if claim.empty_note:
        yield make("no_record")


# -- pairs -------------------------------------------------------------------------------------------------------------


def excluded_pairs(codes: tuple[str, ...], official: Tabular, noted: tuple[str, ...] = ()) -> Iterator[AuditFinding]:
    """Every Excludes1 pair, with the note and which code stays. ``noted``: codes that the note supports."""
    for first, second in combinations(codes, 2):
        note = _excluding_note(first, second, official)
        if not note:
            continue
        supported = [code for code in (first, second) if code in noted]
        kept = supported[0] if len(supported) == 1 else stays(first, second)
        out = second if kept == first else first
        unrelated = len(supported) == 2 or apart(first, second)
        yield make("excludes1_apart" if unrelated else "excludes1", out, instead=(kept,), other=kept, note=note)


def _excluding_note(first: str, second: str, official: Tabular) -> str:
    """The note that keeps the two apart, with where it stands; empty when none does."""
    note = official.excludes1(first, second)
    if note is not None:
        return f"{note.owner}: {note.text}"
    for injury, pain in ((first, second), (second, first)):
        if _is_of_current_injury(injury, pain):
            return "M50-M54: current injury - see injury of spine by body region"
    return ""


def _is_of_current_injury(injury: str, pain: str) -> bool:
    """The block note names no codes; ``injury_regions.csv`` says which pain codes it means."""
    if injury.endswith("S"):
        return False
    rows = [row for row in tables().injuries if injury.startswith(row.injury) and pain.startswith(row.removes)]
    return any(not groups(pain) or row.group in groups(pain) for row in rows)


def beside_a_cause(codes: tuple[str, ...], official: Tabular) -> Iterator[AuditFinding]:
    """Pain beside a diagnosis of its region, and back pain of no region beside back pain of a named one."""
    for code in codes:
        if code not in PAIN:
            continue
        causes = [c for c in codes if is_cause(c) and not apart(c, code) and not _excluding_note(c, code, official)]
        if causes:
            yield make("symptom_beside_cause", code, instead=causes, other=either(tuple(causes), "and"))
        named = tuple(c for c in codes if c.startswith(_BACK_PAIN_NAMED))
        if code == "M54.9" and named:
            yield make("named_beside", code, instead=named, other=either(named, "and"))


# -- one code ----------------------------------------------------------------------------------------------------------


def unspecified(codes: Iterable[str], official: Tabular, *, note_read: bool = False) -> Iterator[AuditFinding]:
    """Codes whose title says unspecified although codes beside them say more."""
    for code in codes:
        if not is_unspecified(code, official):
            continue
        better = more_exact(code, official)
        advice = "The note says no more; a query to the provider could."
        if not note_read:
            advice = f"Hold it against the note: {either(better)} say{'s' if len(better) == 1 else ''} more."
        yield make("unspecified_code", code, title=official.description(code), advice=advice)


# -- order -------------------------------------------------------------------------------------------------------------


def order(claim: Claim, *, purpose_known: bool = False) -> Iterator[AuditFinding]:
    """What may never come first, and what must, whatever the note says."""
    codes = claim.codes
    chronic = [code for code in codes if code.startswith("G89.2")]
    if chronic and len(chronic) == len(codes):
        yield make("g89_alone", chronic[0])
    elif chronic and chronic[0] == codes[0] and not purpose_known and not _has_pain_procedure(claim):
        others = [code for code in codes if not code.startswith("G89")]
        if others:
            yield make("pain_code_first", codes[0], other=others[0])
    obstetric = [code for code in codes if code.startswith("O")]
    if obstetric and not codes[0].startswith("O"):
        yield make("obstetric_first", obstetric[0])
    if len(codes) > 1:
        yield from _never_first(codes)


def _never_first(codes: tuple[str, ...]) -> Iterator[AuditFinding]:
    first = codes[0]
    if first.startswith(("V", "W", "X", "Y", "Z3A")):
        other = next((code for code in codes if not code.startswith(("V", "W", "X", "Y", "Z"))), codes[1])
        yield make("never_first", first, other=other)
    residual = [code for code in codes if code.startswith(("M", "G8"))]
    if first.startswith("S") and len(first) == 8 and first.endswith("S") and residual:
        yield make("sequela_first", first, other=residual[0])


def _has_pain_procedure(claim: Claim) -> bool:
    return any(low <= cpt[:5] <= high for cpt in claim.cpt for low, high in _PAIN_PROCEDURES)


# -- procedures and payers, for information ----------------------------------------------------------------------------


def procedures(claim: Claim) -> Iterator[AuditFinding]:
    """CPT numbers outside the guide's pairings, and the payer notes that apply. They change no code."""
    rows = [row for code in claim.codes for row in rows_of(code)]
    paired = {cpt for row in rows for cpt in row.cpt}
    paired |= {cpt for code in claim.codes for row in guide_rows_of(code) for cpt in row.cpt}
    for cpt in dict.fromkeys(claim.cpt):
        visit = cpt.startswith(_OFFICE_VISIT) and any(c.startswith(_OFFICE_VISIT) for c in paired)
        if paired and cpt[:5] not in paired and not visit:
            yield make("cpt_pairing", cpt=cpt, pairings=", ".join(sorted(paired)))
    for note in payer_notes():
        if rows and _applies(note, claim):
            code = next((code for code in claim.codes if code in note.codes), "")
            cpt = next((number for number in claim.cpt if number[:5] in note.cpt), "")
            about = " with ".join(word for word in (code, f"CPT {cpt}" if cpt else "") if word)
            yield make("payer_note", code, about=about, note=note.note, source=note.source)


def _applies(note: PayerNote, claim: Claim) -> bool:
    by_code = not note.codes or bool(set(note.codes) & set(claim.codes))
    return by_code and (not note.cpt or bool(set(note.cpt) & {cpt[:5] for cpt in claim.cpt}))
