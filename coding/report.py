"""What is told beside the codes: mentions not coded and why, what was only seen, red flags, queries (policy 1)."""

from __future__ import annotations

from collections.abc import Callable

from .case import Case
from .codeset import NotCoded, RedFlag, Seen, Status
from .findings import REPORTS, Condition, Kind, Source
from .kinds import DETAILS, INTEGRAL_CAUSES, NERVES, SYMPTOMS, is_of_doubted_kind, is_spinal
from .pain import is_old_injury, outside_cause
from .problem import NOTHING, Found, evidence_of, in_note_order
from .regions import same_or_unknown
from .selection import SUPPORTING, TOLD, is_diagnosis
from .tables import tables
from .words import named, named_mention, rationale

_STATUS_RULE: dict[Status, str] = {
    "negated": "assertion-negated",
    "uncertain": "assertion-uncertain",
    "historical": "assertion-historical",
    "family": "assertion-family",
    "hypothetical": "assertion-hypothetical",
    "other_person": "assertion-other-person",
}
_REFUSAL_STATUS: dict[str, Status] = {
    "hedged-impression": "uncertain",
    "assessment-outranks": "negated",
    "not-assessed": "needs_documentation",
    "other-problem-symptom": "replaced",
    "imaging-recital": "needs_documentation",
    "imaging-lighter": "needs_documentation",
    "imaging-minor": "needs_documentation",
}
_SIDED: tuple[Kind, ...] = (*NERVES, "flank_pain", "disc_displacement")
_DONE_FOR: frozenset[Source] = frozenset({"post_diagnosis", "pre_diagnosis"})
_ASKED_ABOUT: frozenset[Kind] = DETAILS - {"leg_pain"}
"""Findings of the back that have no code of their own: alone, they are asked about."""

_SPOKEN_FOR: tuple[Kind, ...] = ("pain", "sciatica", "low_back_pain_with_sciatica", "radiculopathy")
_UNSEEN: frozenset[Source] = frozenset({"procedure", "education"})


def mentions_left_out(case: Case) -> Found:
    """Every spinal mention that is not this patient's certain present state, once per kind, region and status."""
    found: dict[tuple[str, tuple[str, ...], str], list[Condition]] = {}
    for i, c in enumerate(case.findings.conditions):
        if c.assertion == "present" or not is_spinal(c) or i in case.selection.support:
            continue
        rule = _STATUS_RULE[c.assertion]
        if c.assertion == "uncertain" and _coded_kind(case, c):
            if not is_of_doubted_kind(c):
                continue  # stated elsewhere without doubt
            rule = "kind-in-doubt"
        found.setdefault((c.kind, c.regions, rule), []).append(c)
    left = _as_left_out(found, lambda rule: next((s for s, r in _STATUS_RULE.items() if r == rule), "uncertain"))
    doubted = [c for (_, _, rule), cs in found.items() if rule == "kind-in-doubt" for c in cs[:1]]
    return left + Found(queries=tuple(f"The kind of the {named_mention(c)} is in doubt: what is it?" for c in doubted))


def refused_mentions(case: Case) -> Found:
    """Present mentions that the assessment overrules, and imaging that nobody put into a diagnosis."""
    found: dict[tuple[str, tuple[str, ...], str], list[Condition]] = {}
    for index, rule in case.selection.refused:
        c = case.mention(index)
        if not _coded_kind(case, c):
            found.setdefault((c.kind, c.regions, rule), []).append(c)
    left = _as_left_out(found, _REFUSAL_STATUS.__getitem__)
    asked = [c for (_, _, rule), cs in found.items() if rule == "imaging-recital" for c in cs[:1] if _matters(case, c)]
    queries = tuple(f"Does the {named_mention(c)} on imaging explain the complaint?" for c in asked)
    return left + Found(queries=queries)


def _matters(case: Case, c: Condition) -> bool:
    """A question about imaging is owed where this part of the back hurts and nobody says why."""
    near = [p for p in case.problems if same_or_unknown(p.regions, c.regions)]
    return bool(near) and not any(is_diagnosis(m) for p in near for m in p.stated)


def _as_left_out(
    found: dict[tuple[str, tuple[str, ...], str], list[Condition]], status: Callable[[str], Status]
) -> Found:
    left = []
    for (_, _, rule), conditions in found.items():
        evidence = in_note_order({c.evidence for c in conditions})
        first = conditions[0]
        why = rationale(rule, evidence, first.regions)
        cue = next((c.cue for c in conditions if c.cue), "")
        why = f'{why} Cue: "{cue}".' if cue else why
        left.append(NotCoded(named_mention(first), _would_be(first), status(rule), why, rule, evidence))
    return Found(left_out=tuple(left))


def _would_be(c: Condition) -> str | None:
    """The code the mention would have had, where kind and region alone give one."""
    region = c.regions[0] if c.regions else None
    variants = ("characterised",) if is_of_doubted_kind(c) else ("", "9", "A")
    rows = (tables().code(c.kind, region, variant) for variant in variants)
    return next((row.code for row in rows if row), None)


def _coded_kind(case: Case, c: Condition) -> bool:
    return any(p.kind == c.kind and same_or_unknown(p.regions, c.regions) for p in case.problems)


def symptoms_of_causes(case: Case) -> Found:
    """Symptoms told in complaint and history that a coded cause of their region speaks for (I.B.5)."""
    found: dict[tuple[str, tuple[str, ...], str], list[Condition]] = {}
    for i in case.selection.support:
        c = case.mention(i)
        if c.kind not in _SPOKEN_FOR or c.source not in TOLD or c.assertion != "present" or _coded_kind(case, c):
            continue
        rule = _speaks_for(case, c)
        if rule:
            found.setdefault((c.kind, c.regions, rule), []).append(c)
    return _as_left_out(found, lambda _: "replaced")


def _speaks_for(case: Case, c: Condition) -> str:
    located = [p for p in case.problems if p.region and same_or_unknown(p.regions, c.regions)]
    if c.kind == "pain" and any(p.kind in INTEGRAL_CAUSES and not is_old_injury(p) for p in located):
        return "symptom-integral"
    if any(p.kind == "radiculopathy" for p in located):
        return "radiculopathy-replaces-pain"
    report = case.findings.document_type in REPORTS
    return "finding-for-symptom" if report and any(is_diagnosis(m) for p in located for m in p.stated) else ""


def radiating(case: Case) -> Found:
    """Radiating or shooting pain is neither sciatica nor radiculopathy until the provider says so (policy 1)."""
    told = case.mentions(case.present("radiating_pain"))
    if not told:
        return NOTHING
    loose = [
        c
        for c in told
        if not any(same_or_unknown(p.regions, c.regions) for p in case.among(NERVES))
        and not any(same_or_unknown(told.regions, c.regions) for told in case.mentions(case.present(*NERVES)))
        and not any(p.said("with_radiculopathy") for p in case.problems)
        and any(same_or_unknown(p.regions, c.regions) for p in case.problems if p.kind not in DETAILS)
    ]
    if not loose:
        return NOTHING
    evidence = evidence_of(tuple(loose))
    why = rationale("radiating-not-radiculopathy", evidence)
    out = NotCoded("radiating pain", None, "needs_documentation", why, "radiating-not-radiculopathy", evidence)
    return Found(left_out=(out,), queries=("Is the radiating pain sciatica, radiculopathy or neither?",))


def side_conflicts(case: Case) -> Found:
    """The entries of the note disagree about the side (policy 1)."""
    conflicts = [p for p in case.among(_SIDED) if p.side_conflict]
    if not conflicts:
        return NOTHING
    return Found(queries=("The note disagrees about the side: which one is right?",))


# -- seen --------------------------------------------------------------------------------------------------------------


def seen(case: Case) -> tuple[Seen, ...]:
    """Problems outside our scope, and spinal mentions that this visit does not address."""
    found: dict[str, list[Condition]] = {}
    refused = {index for index, _ in case.selection.refused}
    coded = frozenset(case.selection.coded)
    for i, c in enumerate(case.findings.conditions):
        if c.assertion != "present":
            continue
        if not is_spinal(c):
            found.setdefault(c.name or " ".join(c.evidence.text.split()), []).append(c)
        elif i not in coded and i not in refused and _only_seen(case, c):
            found.setdefault(named_mention(c), []).append(c)
    return tuple(Seen(what, in_note_order({c.evidence for c in cs})) for what, cs in found.items())


def _only_seen(case: Case, c: Condition) -> bool:
    if c.kind in DETAILS or c.source in _UNSEEN or c.imaging:
        return False
    if c.kind in SYMPTOMS and c.source in SUPPORTING:
        return not any(same_or_unknown(p.regions, c.regions) for p in case.problems)
    return not _coded_kind(case, c)


def red_flags(case: Case) -> tuple[RedFlag, ...]:
    """Documented red flags, once each."""
    found: dict[str, list[object]] = {}
    marks = [m for m in case.findings.red_flags if m.assertion == "present"]
    for mark in sorted(marks, key=lambda m: (m.evidence, m.value)):
        found.setdefault(mark.value, []).append(mark.evidence)
    return tuple(RedFlag(flag, tuple(m.evidence for m in marks if m.value == flag)) for flag in found)


# -- nothing coded -----------------------------------------------------------------------------------------------------


def owed_without_codes(case: Case) -> Found:
    """Why a note about the spine has no code: a procedure without a diagnosis, or only uncertain ones (IV.N, IV.H)."""
    note = case.findings
    spinal = tuple(c for c in note.conditions if is_spinal(c))
    elsewhere = any(
        not is_spinal(c) and c.assertion == "present" and (c.heading or c.source in _DONE_FOR) for c in note.conditions
    )
    if note.document_type == "procedure_note" and not elsewhere and (spinal or note.intents or note.complaint):
        evidence = evidence_of(spinal) or tuple(m.evidence for m in note.intents)
        out = NotCoded(
            "procedure without a stated diagnosis",
            None,
            "needs_documentation",
            rationale("procedure-no-diagnosis", evidence),
            "procedure-no-diagnosis",
            evidence,
        )
        return Found(left_out=(out,), queries=("Which diagnosis was the procedure done for?",))
    unassessed = [case.mention(i) for i, rule in case.selection.refused if rule == "not-assessed"]
    if unassessed:
        return Found(
            queries=(f"Is the {named_mention(unassessed[0])} explained by what was assessed, or a problem apart?",)
        )
    loose = [p for p in case.problems if p.kind in _ASKED_ABOUT and not (p.kind == "chronic_pain" and p.stated[0].name)]
    if loose and note.complaint:
        return Found(queries=(f"Which diagnosis does the {named(loose[0])} belong to?",))
    stated = ("assessment", "post_diagnosis", "pre_diagnosis", "indication", "chief_complaint", "history")
    unsure = [c for c in spinal if c.assertion == "uncertain" and c.source in stated]
    if unsure and (note.complaint or any(c.source == "assessment" for c in unsure)) and not _explained(case):
        return Found(queries=(f"Is the {named_mention(unsure[0])} confirmed, or which symptom is treated?",))
    return NOTHING


def _explained(case: Case) -> bool:
    return any(outside_cause(case, p) is not None for p in case.of("pain", "flank_pain"))
