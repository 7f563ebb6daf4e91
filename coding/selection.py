"""Which mentions may be coded, which only supply details, which are refused (policy section 1)."""

from __future__ import annotations

import operator
from dataclasses import dataclass

from .findings import REPORTS, Condition, Findings, Region, Source
from .kinds import (
    CHARACTER,
    DETAILS,
    EXPLAINED_AWAY,
    NOT_REPLACING,
    OUTSIDE,
    SYMPTOMS,
    is_graded_down,
    is_light,
    is_mild_narrowing,
    is_of_doubted_kind,
    is_spinal,
)
from .regions import NECK, groups_of, same_or_unknown

TOLD: frozenset[Source] = frozenset({"chief_complaint", "history", "indication", "plan", "other"})
"""Where a patient's present state is told outside the diagnostic statement."""

OF_TODAY: frozenset[Source] = TOLD | frozenset({"assessment", "post_diagnosis", "pre_diagnosis"})
"""What the patient or the provider says of this visit: no past history, no finding of an examination or a study."""

SUPPORTING: frozenset[Source] = OF_TODAY | frozenset({"exam", "imaging"})
"""Where details may come from. Not from a procedure's name, a drug's indication, advice, or a list of old problems."""

_NEVER_RECITED = OUTSIDE | {"endplate_change", "pain"}
_COMPLAINT_SOURCES: frozenset[Source] = frozenset({"chief_complaint", "history", "indication"})
_COMPLAINT_KINDS = SYMPTOMS | {"leg_pain", "radiating_pain"}
_SILENCING = ("hedged-impression", "assessment-outranks")
"""A hedged or overruled mention supplies nothing; a recited finding still supplies level and region."""

_BACK_GROUPS = ("mid_back", "low_back", "sacral")


@dataclass(frozen=True)
class Selection:
    """Indexes into the ordered conditions. ``refused`` pairs a present mention with the rule that keeps it out."""

    coded: tuple[int, ...] = ()
    support: tuple[int, ...] = ()
    refused: tuple[tuple[int, str], ...] = ()


_LOOKED_AT = operator.attrgetter(
    "kind",
    "source",
    "assertion",
    "regions",
    "qualities",
    "item",
    "heading",
    "imaging",
    "own_reading",
    "explains",
)
"""All of a mention that `select` depends on."""


def sees_the_same(a: Findings, b: Findings) -> bool:
    """Whether two findings, one made of the other by a change, differ in nothing that `select` looks at."""
    return (
        len(a.conditions) == len(b.conditions)
        and a.links is b.links
        and (a.document_type, a.has_assessment, a.complaint) == (b.document_type, b.has_assessment, b.complaint)
        and all(c is d or _LOOKED_AT(c) == _LOOKED_AT(d) for c, d in zip(a.conditions, b.conditions, strict=True))
    )


def select(findings: Findings) -> Selection:
    """Sort the present mentions of a note by document type; everything else is status, never a code."""
    if findings.document_type in REPORTS:
        coded, refused = _from_report(findings)
    elif findings.document_type == "procedure_note":
        coded, refused = _from_procedure(findings), ()
    elif findings.has_assessment:
        coded, refused = _from_assessment(findings)
    else:
        coded, refused = _from_history(findings)
    silenced = {i for i, rule in refused if rule in _SILENCING}
    support = {
        i
        for i, c in _present(findings)
        if i not in coded and c.source in SUPPORTING and c.kind not in OUTSIDE and i not in silenced
    }
    support |= _shown_present(findings, coded)
    return Selection(tuple(sorted(coded)), tuple(sorted(support)), tuple(refused))


def _shown_present(findings: Findings, coded: set[int]) -> set[int]:
    """Past history and "history of X" are past unless the note shows X present: then they tell more of it."""
    past = [
        (i, c)
        for i, c in enumerate(findings.conditions)
        if (c.assertion == "historical" or c.source == "past_history") and _told_as_history(c)
    ]
    now = [findings.conditions[i] for i in coded] if past else []
    return {i for i, c in past if any(o.kind == c.kind and same_or_unknown(o.regions, c.regions) for o in now)}


def _told_as_history(c: Condition) -> bool:
    if "resolved" in c.qualities or c.imaging:
        return False
    if c.assertion == "historical":
        return (c.source == "past_history" or c.source in TOLD) and _is_history_of(c)
    return c.assertion == "present" and c.source == "past_history"


def _is_history_of(c: Condition) -> bool:
    """Past only as long as the note does not show it present (policy 1), and not treated and gone."""
    return c.assertion == "historical" and "history_of" in c.qualities and "resolved" not in c.qualities


def _present(findings: Findings) -> list[tuple[int, Condition]]:
    return [(i, c) for i, c in enumerate(findings.conditions) if c.assertion == "present"]


# -- a visit with an assessment ----------------------------------------------------------------------------------------


def _from_assessment(findings: Findings) -> tuple[set[int], tuple[tuple[int, str], ...]]:
    coded: set[int] = set()
    refused: list[tuple[int, str]] = []
    entries = [c for c in findings.conditions if c.source == "assessment"]
    stated = [(i, c) for i, c in _present(findings) if c.source == "assessment" and c.kind not in OUTSIDE]
    for i, c in stated:
        rule = _refusal(findings, entries, c)
        if rule:
            refused.append((i, rule))
        else:
            coded.add(i)
    told = _symptoms_told(findings, [findings.conditions[i] for i in sorted(coded)])
    settled = bool(told) and _settled_elsewhere(entries)
    for i, c in told:
        overruled = "not-assessed" if settled else _overruled(findings, c)
        if overruled:
            refused.append((i, overruled))
        else:
            coded.add(i)
    recited, unread = _recitals(findings, coded)
    return coded | recited, (*refused, *unread)


def _refusal(findings: Findings, entries: list[Condition], c: Condition) -> str:
    """Why a definite mention in the assessment, one of its ``entries``, is not coded; empty when it is."""
    if c.kind in SYMPTOMS and _told_under_other_problem(entries, c):
        return "other-problem-symptom"
    if not c.heading and _hedged_by_heading(entries, c):
        return "hedged-impression"
    if not c.imaging or c.heading:
        return "imaging-minor" if is_mild_narrowing(c) else ""
    if EXPLAINED_AWAY.intersection(c.qualities) or is_mild_narrowing(c):
        return "imaging-minor"
    if _is_free_of_pain(findings, c):
        return "imaging-recital"
    if is_light(c) and _has_stated_cause(findings, c):
        return "imaging-lighter"
    return ""


def _told_under_other_problem(entries: list[Condition], c: Condition) -> bool:
    """A symptom in the reasoning below another problem's heading is that problem's, not one of its own."""
    if c.heading or not c.item:
        return False
    headings = [o for o in entries if o.heading and o.item == c.item]
    named_again = any(o.heading and o.kind == c.kind and _same_pain(o, c) for o in entries)
    return bool(headings) and not named_again and all(not is_spinal(o) and o.assertion == "present" for o in headings)


def _same_pain(named: Condition, told: Condition) -> bool:
    """Whether the one may be the other; back pain of no stated region is never the neck's."""
    if told.kind == "pain" and bool(told.regions) != bool(named.regions):
        return groups_of((*named.regions, *told.regions)) != (NECK,)
    return same_or_unknown(named.regions, told.regions)


def _hedged_by_heading(entries: list[Condition], c: Condition) -> bool:
    return any(
        other.assertion == "uncertain"
        and other.heading
        and other.item == c.item
        and other.kind == c.kind
        and not _leaves_the_pain(other, c)
        and same_or_unknown(other.regions, c.regions)
        for other in entries
    )


def _is_free_of_pain(findings: Findings, c: Condition) -> bool:
    """Whether the note denies pain where this finding lies and tells of no spinal symptom at all."""
    denied = any(
        o.kind == "pain" and o.assertion == "negated" and same_or_unknown(o.regions, c.regions)
        for o in findings.conditions
    )
    return denied and _symptomatic_groups(findings, SUPPORTING) is None


def _has_stated_cause(findings: Findings, c: Condition) -> bool:
    """Whether a heading of the assessment states a cause or diagnosis for the group of this finding."""
    return any(
        other.source == "assessment"
        and other.assertion == "present"
        and is_diagnosis(other)
        and (other.heading or not other.imaging)
        and same_or_unknown(other.regions, c.regions)
        for other in findings.conditions
        if other is not c
    )


def is_diagnosis(c: Condition) -> bool:
    """A diagnosis in the sense of the recital rule: any spinal condition that is not bare pain."""
    bare = ("pain", "flank_pain", "sacroiliac_pain", "coccydynia")
    return is_spinal(c) and c.kind not in DETAILS and c.kind not in NOT_REPLACING and c.kind not in bare


def _symptoms_told(findings: Findings, stated: list[Condition]) -> list[tuple[int, Condition]]:
    """Symptoms of complaint and history that count because the assessment confirms nothing (policy 1)."""
    if any(c.kind not in DETAILS and c.kind not in NOT_REPLACING for c in stated):
        return []
    unsure = [
        c for c in findings.conditions if c.source == "assessment" and c.assertion == "uncertain" and is_spinal(c)
    ]
    spinal = findings.complaint or bool(unsure) or bool(stated)
    if not spinal:
        return []
    anchors = [c.regions for c in (*unsure, *stated)]
    return [
        (i, c)
        for i, c in _present(findings)
        if c.kind in SYMPTOMS
        and c.source in TOLD
        and not c.imaging
        and (findings.complaint or any(same_or_unknown(c.regions, regions) for regions in anchors))
    ]


def _settled_elsewhere(entries: list[Condition]) -> bool:
    """The assessment names definite problems, none of them spinal and none in doubt: it took up no spinal symptom.

    A cause that the tables know to explain the pain is left to `pain.outside_cause`, which says so.
    """
    if any(is_spinal(c) and c.assertion in ("present", "uncertain") for c in entries):
        return False
    others = [c for c in entries if not is_spinal(c) and c.assertion != "historical"]
    named = [c for c in others if c.heading and c.kind == "outside_problem"]
    return bool(named) and all(c.kind == "outside_problem" and c.assertion == "present" for c in others)


def _overruled(findings: Findings, c: Condition) -> str:
    """The assessment says otherwise: negated or gone there, or only suspected."""
    for other in findings.conditions:
        said = other.source == "assessment" and other.kind == c.kind and same_or_unknown(other.regions, c.regions)
        if said and other.assertion in ("negated", "historical") and not _is_history_of(other):
            return "assessment-outranks"
        if said and other.assertion == "uncertain" and not _leaves_the_pain(other, c):
            return "hedged-impression"
    return ""


def _leaves_the_pain(doubted: Condition, told: Condition) -> bool:
    """Whether only the kind of a pain is hedged, and the remark names no such kind: the certain symptom stays (IV.H)."""
    return is_of_doubted_kind(doubted) and not set(CHARACTER).intersection(told.qualities)


# -- imaging told in a visit -------------------------------------------------------------------------------------------


def _recitals(findings: Findings, coded: set[int]) -> tuple[set[int], tuple[tuple[int, str], ...]]:
    """Imaging findings told outside the assessment: the provider's own reading counts, a pasted report does not."""
    recited = [
        (i, c)
        for i, c in _present(findings)
        if c.imaging and c.kind not in _NEVER_RECITED and c.source != "assessment" and c.source in SUPPORTING
    ]
    if not recited:
        return set(), ()
    groups = _symptomatic_groups(findings, SUPPORTING)
    stated = [findings.conditions[i] for i in coded]
    found: set[int] = set()
    refused: list[tuple[int, str]] = []
    for i, c in recited:
        explains = _explains_complaint(findings, i)
        if is_graded_down(c) and not explains:
            refused.append((i, "imaging-minor"))
        elif (
            not (c.own_reading or explains)
            or not _in_groups(c.regions, groups)
            or _overruled(findings, c)
            or (not explains and any(is_diagnosis(s) and same_or_unknown(s.regions, c.regions) for s in stated))
            or _caused_elsewhere(findings, c)
        ):
            refused.append((i, "imaging-recital"))
        else:
            found.add(i)
    graver = [findings.conditions[i] for i in sorted(found) if not is_light(findings.conditions[i])]
    for i in sorted(found):
        c = findings.conditions[i]
        if is_light(c) and any(same_or_unknown(g.regions, c.regions) for g in graver):
            found.discard(i)
            refused.append((i, "imaging-lighter"))
    return found, tuple(refused)


def _caused_elsewhere(findings: Findings, c: Condition) -> bool:
    """Whether the assessment states a cause outside our scope for pain of that region: a recital does not change it."""
    return any(
        o.kind == "outside_cause"
        and o.source == "assessment"
        and o.assertion == "present"
        and o.heading
        and same_or_unknown(o.explains, c.regions)
        for o in findings.conditions
    )


def _explains_complaint(findings: Findings, index: int) -> bool:
    """Whether the provider says that this finding explains a symptom."""
    return any(
        link.kind == "due_to"
        and link.cause == index
        and 0 <= link.effect < len(findings.conditions)
        and findings.conditions[link.effect].kind in _COMPLAINT_KINDS
        for link in findings.links
    )


def _symptomatic_groups(findings: Findings, sources: frozenset[Source]) -> tuple[str, ...] | None:
    """Region groups in which this patient has symptoms; None when the note does not say where."""
    regions: list[Region] = []
    somewhere_in_the_back = False
    for _, c in _present(findings):
        if c.source not in sources or c.kind not in _COMPLAINT_KINDS:
            continue
        regions.extend(c.regions)
        if not c.regions and c.kind == "leg_pain":
            regions.append("lumbar")
        somewhere_in_the_back |= not c.regions and c.kind == "pain"
    groups = groups_of(regions)
    if somewhere_in_the_back:
        groups = tuple(dict.fromkeys((*groups, *_BACK_GROUPS)))
    return groups or None


def _in_groups(regions: tuple[Region, ...], groups: tuple[str, ...] | None) -> bool:
    return groups is None or not regions or bool(set(groups_of(regions)) & set(groups))


# -- a note without an assessment --------------------------------------------------------------------------------------


def _from_history(findings: Findings) -> tuple[set[int], tuple[tuple[int, str], ...]]:
    """An excerpt: what is told as present counts, diagnoses too; spasm is a diagnosis only in an assessment."""
    coded = {
        i
        for i, c in _present(findings)
        if c.kind not in OUTSIDE
        and not c.imaging
        and c.kind != "muscle_spasm"
        and (c.source in TOLD or c.source == "assessment")
    }
    recited, refused = _recitals_of_excerpt(findings)
    return coded | recited, refused


def _recitals_of_excerpt(findings: Findings) -> tuple[set[int], tuple[tuple[int, str], ...]]:
    """Without an assessment nothing is stated that a recital could change, so a told diagnosis does not stop it."""
    stated: set[int] = set()
    return _recitals(findings, stated)


# -- diagnostic reports and procedure notes ----------------------------------------------------------------------------


def _from_report(findings: Findings) -> tuple[set[int], tuple[tuple[int, str], ...]]:
    """Definite findings of the symptomatic region, from the impression or else the body; otherwise the symptom (IV.K)."""
    groups = _symptomatic_groups(findings, _COMPLAINT_SOURCES)
    refused: list[tuple[int, str]] = []
    found: dict[Source, set[int]] = {"assessment": set(), "imaging": set()}
    for i, c in _present(findings):
        if (
            c.source not in found
            or not is_spinal(c)
            or c.kind in ("pain", "leg_pain", "radiating_pain", "chronic_pain", "muscle_spasm")
        ):
            continue
        if is_graded_down(c):
            refused.append((i, "imaging-minor"))
        elif _in_groups(c.regions, groups):
            found[c.source].add(i)
    coded = found["assessment"] if _has_finding(findings, found["assessment"]) else found["imaging"]
    if not _has_finding(findings, coded):
        coded = {i for i, c in _present(findings) if c.source in _COMPLAINT_SOURCES and is_spinal(c) and not c.imaging}
    return coded, tuple(refused)


def _has_finding(findings: Findings, indexes: set[int]) -> bool:
    return any(findings.conditions[i].kind not in DETAILS for i in indexes)


def _from_procedure(findings: Findings) -> set[int]:
    """Post-operative diagnosis, else pre-operative, else indication; the procedure's name is none (IV.N)."""
    ranks: tuple[frozenset[Source], ...] = (
        frozenset({"post_diagnosis", "assessment"}),
        frozenset({"pre_diagnosis"}),
        _COMPLAINT_SOURCES,
    )
    for sources in ranks:
        stated = {i for i, c in _present(findings) if c.source in sources and is_spinal(c)}
        if any(findings.conditions[i].kind not in DETAILS for i in stated):
            return stated
        if any(c.source in sources and not is_spinal(c) for _, c in _present(findings)):
            return set()  # the procedure was done for something else
    return set()
