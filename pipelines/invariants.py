"""What must hold for every code set, whatever the findings: each invariant with its name and its reason.

They are written from the policy and the official list, not from the rules of `coding/`, and judge a result by its codes
and the facts of the note alone. `verify` holds them against the whole space of findings.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import get_args

from ..coding import findings as f
from ..coding.codeset import Code, CodeSet, Status
from ..coding.decide import decide
from ..coding.kinds import (
    DETAILS,
    INTEGRAL_CAUSES,
    LOW_BACK_ONLY,
    NOT_REPLACING,
    OUTSIDE,
    SACRAL_ONLY,
    WITHOUT_REGION,
)
from ..coding.regions import groups_of, stated_sites
from ..coding.tables import REGIONS, UNSPECIFIED, releases, tables, tabular

Check = Callable[[f.Findings, CodeSet], Iterator[str]]
"""Yields what is wrong, in words; nothing when all is well."""


@dataclass(frozen=True)
class Invariant:
    """A sentence that holds for every result, why it must, and the function that holds a result against it."""

    name: str
    reason: str
    check: Check
    decides_again: bool = False
    """Whether it holds the result against that of other findings, which takes longer."""


OBSTETRIC = ("O26.89", "O99.89", "O9A.21")
OBSTETRIC_OR_LATE = (*OBSTETRIC, "Z33.1")
BARE_PAIN = ("M54.2", "M54.50", "M54.59", "M54.6", "M54.4")
_NEURAL = ("disc_radiculopathy", "disc_myelopathy")
_SIDED = {"right": ("M54.31", "M54.41", "R10.A1"), "left": ("M54.32", "M54.42", "R10.A2"), "bilateral": ("R10.A3",)}
_BY_NOTE = ("excludes1", "current-injury", "sprain-with-disc", "injury-sequela-pain")
"""Rules that leave a code out because of an Excludes1 note."""

_WARNINGS = ("query", "claim_edit", "release", "release_information", "release_file")
_PAIN_NAMED_TWICE = ("M54.5", "M54.6", "M54.89")
_FIXED: dict[str, tuple[f.Region, ...]] = {
    "occipital_neuralgia": ("occipito_atlanto_axial",),
    "cervicobrachial_syndrome": ("cervical",),
    "cervicocranial_syndrome": ("cervical",),
}
_LOW_BACK_UNSAID: frozenset[f.Kind] = frozenset({"strain", "sprain", "vertebrogenic_pain"})
"""Words that mean the low back where they name no region."""


# -- what a code says of the spine -------------------------------------------------------------------------------------


@functools.cache
def _rows_of(code: str) -> tuple[tuple[str, str], ...]:
    """(family, region) of every table row that holds the code."""
    return tuple((row.family, row.region) for row in tables().codes.values() if row.code == code)


@functools.cache
def _possible(code: str) -> frozenset[f.Region]:
    """The regions the code can stand for; empty when any row of it has none."""
    named = {region for _, region in _rows_of(code)}
    if not named or "" in named or UNSPECIFIED in named:
        return frozenset()
    return frozenset(region for region in REGIONS if region in named)


@functools.cache
def _surely_in(code: str) -> frozenset[str]:
    """The region groups in which the code lies, whichever of its regions is meant."""
    groups = [frozenset(groups_of((region,))) for region in _possible(code)]
    return frozenset.intersection(*groups) if groups else frozenset()


@functools.cache
def _has_no_region(code: str) -> bool:
    return all(region in ("", UNSPECIFIED) for _, region in _rows_of(code))


@functools.cache
def _is_cause(code: str) -> bool:
    families = {family for family, _ in _rows_of(code)}
    return bool(families & {*INTEGRAL_CAUSES, *_NEURAL}) and not code.startswith("M54") and not _is_sequela(code)


def _is_sequela(code: str) -> bool:
    return code[0] == "S" and code[-1] == "S"


def _said_apart(note: f.Findings) -> bool:
    """Whether the provider states of anything here that it is unrelated; such pairs are then his to answer for."""
    return any("unrelated" in c.qualities for c in note.conditions) or any(k.kind == "not_due_to" for k in note.links)


def _billed(result: CodeSet) -> list[Code]:
    return [c for c in result.codes if c.role != "optional"]


def _pairs(result: CodeSet) -> Iterator[tuple[Code, Code]]:
    return itertools.combinations(result.codes, 2)


# -- the invariants ----------------------------------------------------------------------------------------------------


def _only_leaves(_: f.Findings, result: CodeSet) -> Iterator[str]:
    official = tabular(result.release)
    yield from (f"{c.code} lacks {official.lacks(c.code)}" for c in result.codes if not official.is_leaf(c.code))


def _excludes1(note: f.Findings, result: CodeSet) -> Iterator[str]:
    official = tabular(result.release)
    for a, b in _pairs(result):
        if official.excludes1(a.code, b.code) is None:
            continue
        if not a.exception or not b.exception:
            yield f"{a.code} and {b.code} exclude each other and carry no exception"
        elif not any(w.kind == "claim_edit" and a.code in w.message and b.code in w.message for w in result.warnings):
            yield f"{a.code} and {b.code} stand with an exception but without a claim-edit warning"
        elif not _said_apart(note):
            yield from _of_one_region(a.code, b.code)


def _of_one_region(a: str, b: str) -> Iterator[str]:
    if _has_no_region(a) or _has_no_region(b):
        yield f"{a} and {b} exclude each other and one of them is of no known region"
    elif _surely_in(a) & _surely_in(b):
        yield f"{a} and {b} exclude each other and are of one region group"


def _current_injury(note: f.Findings, result: CodeSet) -> Iterator[str]:
    for injury in result.codes:
        if injury.code[0] != "S" or _is_sequela(injury.code):
            continue
        rows = [row for row in tables().injuries if injury.code.startswith(row.injury)]
        if not rows:
            yield f"{injury.code} stands in no row of injury_regions.csv"
        for pain in result.codes:
            named = [row for row in rows if pain.code.startswith(row.removes)]
            here = any(row.group in _surely_in(pain.code) for row in named) or (named and _has_no_region(pain.code))
            if here and not (_said_apart(note) and pain.exception and injury.exception):
                yield f"{pain.code} beside the current injury {injury.code}"


def _no_symptom_beside_cause(note: f.Findings, result: CodeSet) -> Iterator[str]:
    if _said_apart(note):
        return
    for pain, cause in itertools.permutations(result.codes, 2):
        symptom = pain.code.startswith(BARE_PAIN) and _is_cause(cause.code)
        if symptom and _surely_in(pain.code) & _surely_in(cause.code):
            yield f"{pain.code} beside its cause {cause.code}"


def _pain_beside_radiculopathy(note: f.Findings, result: CodeSet) -> Iterator[str]:
    if _said_apart(note) or any("own_problem" in c.qualities for c in note.conditions):
        return
    if len({c.item for c in note.conditions if c.item and c.heading}) > 1:
        return  # each may be an entry of its own
    if any({"old", "residual"} & set(c.qualities) or c.chronicity == "chronic" for c in note.conditions):
        return  # what is left of an old injury is coded beside it
    for pain, nerve in itertools.permutations(result.codes, 2):
        symptom = pain.code.startswith((*BARE_PAIN, "M54.3")) and nerve.code.startswith("M54.1")
        if symptom and _surely_in(pain.code) & _surely_in(nerve.code):
            yield f"{pain.code} beside {nerve.code}, not listed as a problem of its own"


def _g89(_: f.Findings, result: CodeSet) -> Iterator[str]:
    codes = [c.code for c in _billed(result)]
    chronic = [c for c in codes if c.startswith("G89.2")]
    if chronic and len(chronic) == len([c for c in codes if not c.startswith(OBSTETRIC_OR_LATE)]):
        yield f"{', '.join(chronic)} alone"
    for other in ("G89.3", "G89.4"):
        if chronic and other in codes:
            yield f"{chronic[0]} beside {other}"


def _g89_by_intent(note: f.Findings, result: CodeSet) -> Iterator[str]:
    codes = [c.code for c in _billed(result) if not c.code.startswith(OBSTETRIC)]
    pain = [c for c in codes if c.startswith("G89")]
    control = any(m.value == "pain_control" and m.assertion == "present" for m in note.intents)
    if control and codes[: len(pain)] != pain:
        yield f"{', '.join(pain)} not first at an encounter for pain control: {', '.join(codes)}"
    others = [c for c in codes if not c.startswith("G89") and not _is_sequela(c)]
    if not control and others and codes[0].startswith("G89.2"):
        yield f"{codes[0]} first, the encounter is not for pain control: {', '.join(codes)}"


def _g89_needs_words(note: f.Findings, result: CodeSet) -> Iterator[str]:
    said = any(
        c.assertion in ("present", "historical")
        and (
            c.chronicity in ("chronic", "acute_on_chronic")
            or (c.duration_days or 0) >= 84
            or c.kind in ("chronic_pain", "chronic_pain_syndrome")
        )
        for c in note.conditions
    )
    if not said:
        yield from (
            f"{c.code}, nothing is called chronic" for c in result.codes if c.code.startswith(("G89.2", "G89.4"))
        )


def _obstetric_first(_: f.Findings, result: CodeSet) -> Iterator[str]:
    for place, code in enumerate(result.codes):
        if code.code.startswith(OBSTETRIC) and place:
            yield f"{code.code} at place {place + 1}"
    if result.codes and result.codes[0].code.startswith(OBSTETRIC) and len(_billed(result)) == 1:
        yield f"{result.codes[0].code} without the condition"


def _obstetric_present(note: f.Findings, result: CodeSet) -> Iterator[str]:
    found = [c for c in result.codes if c.code.startswith(OBSTETRIC_OR_LATE)]
    spine = [c for c in _billed(result) if c not in found]
    if note.pregnancy is None and found:
        yield f"{found[0].code} without a pregnancy"
    if note.pregnancy is not None and spine and len(found) != 1:
        yield f"{len(found)} obstetric codes for a pregnancy: {[c.code for c in result.codes]}"


def _residual_first(_: f.Findings, result: CodeSet) -> Iterator[str]:
    codes = [c.code for c in _billed(result) if c.code != "Z33.1"]
    late = [_is_sequela(code) for code in codes]
    if late != sorted(late):
        yield f"a sequela before its residual: {', '.join(codes)}"


def _sides(note: f.Findings, result: CodeSet) -> Iterator[str]:
    said = {side for c in note.conditions if c.assertion in ("present", "historical") for side in c.sides}
    codes = {c.code for c in result.codes}
    for side, sided in _SIDED.items():
        enough = {side, "bilateral"} if side != "bilateral" else {"bilateral"}
        if not said & enough and not (side == "bilateral" and {"left", "right"} <= said):
            yield from (f"{code}, the side {side} is nowhere stated" for code in sorted(codes.intersection(sided)))


def _regions(note: f.Findings, result: CodeSet) -> Iterator[str]:
    said: set[f.Region] = set()
    for c in note.conditions:
        said.update(region for region in stated_sites(c) if region)
        said.update(_FIXED.get(c.kind, ()))
        if c.kind in LOW_BACK_ONLY | _LOW_BACK_UNSAID:
            said.add("lumbar")
        if c.kind in SACRAL_ONLY:
            said.add("sacral")
        if "pelvic" in c.qualities:
            said.add("sacral")
        if "brachial" in c.qualities:
            said.add("cervicothoracic")
        if c.roots:
            said.update(REGIONS)
    for code in result.codes:
        if _possible(code.code) and not _possible(code.code) & said:
            yield f"{code.code}, its region is nowhere stated"


def _explained(_: f.Findings, result: CodeSet) -> Iterator[str]:
    for code in result.codes:
        if not (code.rationale and code.source and code.description):
            yield f"{code.code} without rationale, source or description"
        if not code.evidence or list(code.evidence) != sorted(set(code.evidence)):
            yield f"{code.code} with evidence {code.evidence}"
    for left in result.not_coded:
        if not (left.reason and left.rule in tables().rules):
            yield f"{left.what} left out without reason or rule"
        if left.status not in get_args(Status) or (left.rule in _BY_NOTE) != (left.status == "excludes1"):
            yield f"{left.what} left out by {left.rule} has the status {left.status}"
        if left.code is not None and not any(tabular(release).is_leaf(left.code) for release in releases()):
            yield f"{left.code} left out, a code that is in no release"
    for warning in result.warnings:
        if warning.kind not in _WARNINGS or not warning.message:
            yield f"a warning of kind {warning.kind}"


def _only_present(note: f.Findings, result: CodeSet) -> Iterator[str]:
    never = {c.evidence for c in note.conditions if c.assertion not in ("present", "historical")}
    never -= {c.evidence for c in note.conditions if c.assertion in ("present", "historical")}
    for code in result.codes:
        if set(code.evidence) & never:
            yield f"{code.code} rests on a mention that is not this patient's certain present state"
    if result.codes and not any(c.assertion == "present" for c in note.conditions):
        yield f"{result.codes[0].code} although nothing is stated as present"


def _roles(_: f.Findings, result: CodeSet) -> Iterator[str]:
    roles = [c.role for c in result.codes]
    if roles != sorted(roles, key=["first_listed", "additional", "optional"].index):
        yield f"roles out of order: {roles}"
    if roles.count("first_listed") != (1 if roles else 0):
        yield f"{roles.count('first_listed')} first-listed codes"
    if len({c.code for c in result.codes}) != len(roles):
        yield f"a code twice: {[c.code for c in result.codes]}"


def _outcome(_: f.Findings, result: CodeSet) -> Iterator[str]:
    asked = any(w.kind == "query" for w in result.warnings)
    name = {(True, False): "code", (True, True): "code_and_query", (False, True): "query"}
    if result.outcome != name.get((bool(result.codes), asked), "out_of_scope"):
        yield f"outcome {result.outcome} with {len(result.codes)} codes, query {asked}"


def _back_pain(note: f.Findings, result: CodeSet) -> Iterator[str]:
    codes = [c.code for c in result.codes]
    if "M54.9" in codes and any(code.startswith(_PAIN_NAMED_TWICE) for code in codes):
        yield f"M54.9 beside a back pain whose region is named: {', '.join(codes)}"
    degenerated = any(code.startswith(("M51.36", "M51.37")) for code in codes)
    if {"M54.50", "M54.59"} & set(codes) and degenerated and not _said_apart(note):
        yield f"low back pain beside the degeneration that holds it: {', '.join(codes)}"


def _shuffled(note: f.Findings, result: CodeSet) -> Iterator[str]:
    if len(note.conditions) > 1:
        turned = dataclasses.replace(note, conditions=note.conditions[::-1])
        if decide(turned) != result:
            yield "the findings listed backwards decide otherwise"


def _elsewhere(note: f.Findings, result: CodeSet) -> Iterator[str]:
    added = _unrelated_finding(note, result)
    if added is None:
        return
    more = decide(dataclasses.replace(note, conditions=(*note.conditions, added)))
    gone = {c.code for c in result.codes} - {c.code for c in more.codes}
    if gone:
        yield f"{', '.join(sorted(gone))} gone once {added.regions[0]} {added.kind} is added"


def _unrelated_finding(note: f.Findings, result: CodeSet) -> f.Condition | None:
    """A pain of a region group that the note does not touch, told as the first condition is told.

    None where the policy itself lets it matter: a mention without a region takes that of its company, kinds that share a
    leaf for several sites, a diagnosis made by an assessment that says nothing else.
    """
    here: set[str] = set()
    if any(c.imaging and c.source != "assessment" for c in note.conditions):
        return None  # a recital counts where the patient has symptoms
    for c in note.conditions:
        sites = (*(region for region in stated_sites(c) if region), *_implied(c))
        if not sites and c.kind not in OUTSIDE:
            return None
        here.update(groups_of((*sites, *c.explains)))
    region = next((r for r in _FAR if not set(groups_of((r,))) & here), None)
    if region is None or not result.codes or note.document_type not in ("visit", "therapy"):
        return None  # a report codes findings, a procedure note the diagnosis it was done for
    source: f.Source = "assessment" if note.has_assessment else "history"
    if note.has_assessment and not _assessed(note, result):
        return None  # a symptom told is coded because the assessment confirms nothing
    evidence = f.Evidence(70_000, 70_009, "also pain", source)
    return f.Condition("pain", evidence, source, regions=(region,), item=9 if note.has_assessment else 0, heading=True)


def _assessed(note: f.Findings, result: CodeSet) -> bool:
    """Whether a finding that the assessment states is coded."""
    details = DETAILS | NOT_REPLACING | OUTSIDE
    stated = {c.evidence for c in note.conditions if c.source == "assessment" and c.kind not in details}
    return any(stated.intersection(code.evidence) for code in result.codes)


_FAR: Sequence[f.Region] = ("cervical", "thoracic", "lumbar")


def _implied(c: f.Condition) -> tuple[f.Region, ...]:
    if c.kind in _FIXED:
        return _FIXED[c.kind]
    if c.kind in LOW_BACK_ONLY:
        return ("lumbar",)
    if c.kind in SACRAL_ONLY:
        return ("sacral",)
    return get_args(f.Region)[-1:] if c.kind in WITHOUT_REGION else ()


INVARIANTS: tuple[Invariant, ...] = (
    Invariant("only leaves", "every code is billable, 7th character included (policy 7; I.B.2)", _only_leaves),
    Invariant("no Excludes1 pair", "of one group or unknown region; else I.A.12.a on both, and a warning", _excludes1),
    Invariant("no pain beside its current injury", "block note at M50-M54, by injury_regions.csv", _current_injury),
    Invariant("no symptom beside its cause", "I.B.5; policy 1", _no_symptom_beside_cause),
    Invariant("no pain beside its radiculopathy", "policy 3: only as a problem of its own", _pain_beside_radiculopathy),
    Invariant("G89.2- never alone", "policy 5; never with G89.3 or G89.4", _g89),
    Invariant("G89 placed by intent", "I.C.6.b.1: first for pain control, else behind the site", _g89_by_intent),
    Invariant("G89.2- and G89.4 need words", "I.C.6.b.4: the provider's word or a stated duration", _g89_needs_words),
    Invariant("obstetric first", "I.C.15.a.1; policy 6", _obstetric_first),
    Invariant("one obstetric code for a pregnancy", "policy 6", _obstetric_present),
    Invariant("residual before sequela", "I.B.10", _residual_first),
    Invariant("side only from a stated side", "I.B.13: laterality is documented, never guessed", _sides),
    Invariant("region only from a stated region", "policy 2: never a neighbour's leaf", _regions),
    Invariant(
        "only what is present", "IV.H, IV.J: negated, uncertain, past, family, other, hypothetical", _only_present
    ),
    Invariant("every code explained", "rationale, source and evidence in note order", _explained),
    Invariant("one first-listed code, optional last", "a claim has one first-listed diagnosis; no code twice", _roles),
    Invariant("the outcome says what is there", "contract: four outcomes", _outcome),
    Invariant("no back pain said twice", "policy 3 and 7: M54.9 beside M54.5-; M54.5- beside M51.36-", _back_pain),
    Invariant("the order of the list is nothing", "findings carry their place in the note", _shuffled, True),
    Invariant("another region removes nothing", "policy 2: same region means same group", _elsewhere, True),
)
