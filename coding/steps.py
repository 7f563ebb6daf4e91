"""Single documented facts that could be added to findings, as far as they bear on one code: the steps of `why_not`."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, get_args

from .case import STATEMENT
from .findings import (
    Chronicity,
    Condition,
    Evidence,
    Findings,
    Injury,
    Kind,
    Mark,
    Mechanism,
    Pregnancy,
    Quality,
    Region,
    Side,
)
from .kinds import DISCS, LOW_BACK_ONLY, SACRAL_ONLY, SYMPTOMS, is_spinal
from .pain import CHARACTER
from .regions import region_of_level, same_or_unknown
from .selection import select
from .tables import REGIONS, CodeRow
from .words import named_mention, quoted, region_words

Change = Callable[[Findings], Findings]

_CARRIERS = ("disc_displacement", *sorted(DISCS - {"disc_displacement", "annular_defect", "schmorl_nodes"}))
_KINDS: dict[str, tuple[str, ...]] = {
    "disc_radiculopathy": _CARRIERS,
    "disc_myelopathy": _CARRIERS,
    "spondylosis": ("spondylosis", "facet_arthropathy"),
    "low_back_pain_with_sciatica": ("low_back_pain_with_sciatica", "sciatica"),
}
_TITLES = {
    ("pain", "characterised"): "the kind of pain (mechanical, muscular, myofascial, facetogenic ...) with its region",
    ("pain", ""): "pain with its region",
}
_QUALITIES: dict[tuple[str, str], tuple[Quality, ...]] = {
    ("pain", "characterised"): ("mechanical",),
    ("disc_degeneration", "0"): ("with_back_pain",),
    ("disc_degeneration", "1"): ("with_leg_pain",),
    ("disc_degeneration", "2"): ("with_back_pain", "with_leg_pain"),
    ("disc_radiculopathy", ""): ("with_radiculopathy",),
    ("disc_myelopathy", ""): ("with_myelopathy",),
    ("spondylosis", "radiculopathy"): ("with_radiculopathy",),
    ("spondylosis", "myelopathy"): ("with_myelopathy",),
    ("stenosis", "claudication"): ("with_claudication",),
}
_QUALITY_WORDS: dict[str, str] = {
    "mechanical": "what kind of pain it is (mechanical, muscular, myofascial, facetogenic ...)",
    "with_back_pain": "back pain from it",
    "with_leg_pain": "leg pain from it",
    "with_radiculopathy": "radiculopathy or sciatica from it",
    "with_myelopathy": "myelopathy or cord compression from it",
    "with_claudication": "neurogenic claudication",
    "own_problem": "that it is a problem of its own",
    "unrelated": "that it is unrelated to the other diagnoses",
    "from_injury": "that it comes from an injury",
    "acute_onset": "that it began acutely",
    "due_to_trauma": "that it is due to trauma",
    "postprocedural": "that it follows a procedure",
    "mid_cervical": "that the level is mid-cervical",
}
_PHASES = {"A": "initial", "D": "subsequent", "S": "sequela"}
_PHASE_WORDS = {
    "A": "active treatment of the injury (7th character A)",
    "D": "routine healing or aftercare of the injury (7th character D)",
    "S": "that what is treated is a late effect of the injury (7th character S)",
}
_G89_WORDS: dict[str, tuple[Quality, ...]] = {"trauma": ("due_to_trauma",), "postprocedural": ("postprocedural",)}
_TOLD_ONLY = frozenset({"resolved", "minor", "incidental", "age_related", "asymptomatic", "narrowing"})


@dataclass(frozen=True)
class Step:
    """One fact. ``about`` names what it sets: two steps about the same thing are never taken together."""

    words: str
    cost: int
    about: str
    change: Change = field(compare=False)


@dataclass(frozen=True)
class Wanted:
    """What the note would have to state for one row of the code table."""

    kinds: tuple[str, ...]
    regions: tuple[Region, ...]
    levels: tuple[str, ...]
    sides: tuple[Side, ...]
    qualities: tuple[Quality, ...]
    phase: str


def wanted(row: CodeRow) -> Wanted | None:
    """The statement behind a row; None where the row stands for something else than a condition."""
    kinds = _KINDS.get(row.family, (row.family,))
    if row.variant == "vertebrogenic":
        kinds = ("vertebrogenic_pain",)
    if kinds[0] not in get_args(Kind):
        return None
    regions = tuple(region for region in REGIONS if region == row.region)
    if row.variant == "multiple":
        regions = ("lumbar", "lumbosacral")
    words: list[Quality] = [q for q in get_args(Quality) if q == row.variant]
    words += [*_QUALITIES.get((row.family, row.variant), _QUALITIES.get((row.family, ""), ()))]
    if row.variant == "mid":
        words.append("mid_cervical")
    is_level = bool(re.match(r"[CTLS]\d", row.variant))
    return Wanted(
        kinds,
        regions,
        (row.variant,) if is_level else (),
        tuple(side for side in get_args(Side) if side == row.variant),
        tuple(words),
        row.variant if row.variant in _PHASES and row.family in ("strain", "sprain", "back_injury") else "",
    )


def steps(note: Findings, rows: tuple[CodeRow, ...], title: str) -> tuple[Step, ...]:
    """Every fact that could bear on the code of these rows, cheapest first: a detail before a diagnosis."""
    found: list[Step] = []
    for row in rows:
        want = wanted(row)
        if want is None:
            found += _of_the_encounter(note, row)
            continue
        found.append(_stated(note, want, _TITLES.get((row.family, row.variant), title)))
        found += _of_mentions(note, want)
        found += _companions(note, row, want)
        if want.phase:
            found.append(_phase(want.phase))
            found += _injured(note, want)
    found += _without(note, {kind for row in rows for kind in _KINDS.get(row.family, (row.family,))})
    unique = {step.words: step for step in reversed(found)}
    return tuple(sorted(unique.values(), key=lambda step: (step.cost, step.words)))


# -- a statement -------------------------------------------------------------------------------------------------------


def _stated(note: Findings, want: Wanted, title: str) -> Step:
    where = f", {region_words(want.regions)}" if len(want.regions) > 1 else ""
    level = f" at {want.levels[0]}" if want.levels else ""
    words = f"the {_place(note)} states: {title}{where}{level}"
    condition = _new(note, want.kinds[0], regions=want.regions, levels=want.levels, sides=want.sides)
    condition = dataclasses.replace(condition, qualities=want.qualities)
    return Step(words, 3, "statement", _adding(condition))


def _place(note: Findings) -> str:
    if note.document_type == "procedure_note":
        return "post-operative diagnosis"
    return "assessment" if note.has_assessment else "note"


def _new(note: Findings, kind: str, **attributes: Any) -> Condition:
    """A mention at the end of the note, an entry of its own where the note has entries."""
    end = 1 + max((c.evidence.end for c in note.conditions), default=0) + _last(note)
    item = 1 + max((c.item for c in note.conditions), default=0)
    source = {"post-operative diagnosis": "post_diagnosis", "assessment": "assessment"}.get(_place(note), "history")
    stated = source != "history"
    evidence = Evidence(end, end, "", source)
    return Condition(
        kind,  # type: ignore[arg-type]
        evidence,
        source,  # type: ignore[arg-type]
        item=item if stated else 0,
        heading=stated,
        **attributes,
    )


def _last(note: Findings) -> int:
    ends = [mark.evidence.end for mark in (*note.intents, *note.phases, *note.studies)]
    return max([*ends, *(injury.evidence.end for injury in note.injuries)], default=0)


def _adding(condition: Condition) -> Change:
    return lambda note: dataclasses.replace(note, conditions=(*note.conditions, condition))


def _companions(note: Findings, row: CodeRow, want: Wanted) -> Iterator[Step]:
    """What makes the code together with a mention that is there: the other half, the imaging, the pain."""
    low = _new(note, "pain", regions=("lumbar",))
    if row.family == "low_back_pain_with_sciatica":
        yield Step(f"the {_place(note)} states low back pain of today", 2, "pain", _adding(low))
        sided = _new(note, "sciatica", sides=want.sides)
        words = f"the {_place(note)} states sciatica{', ' + want.sides[0] if want.sides else ''}"
        yield Step(words, 2, "sciatica", _adding(sided))
    if row.variant == "vertebrogenic":
        plate = dataclasses.replace(_new(note, "endplate_change", regions=("lumbar",)), source="imaging", imaging=True)
        plate = dataclasses.replace(plate, item=0, heading=False)
        yield Step("MRI or CT in the note shows Modic or endplate change", 2, "imaging", _adding(plate))
        for group in _groups(note, ("endplate_change",)):
            yield _quality(note, group, "pain_generator", f"that {_said(note, group)} is the source of the pain", 1)
        word = _new(note, "vertebrogenic_pain", regions=want.regions)
        yield Step(f"the {_place(note)} calls the pain vertebrogenic", 1, "statement", _adding(word))
    if note.document_type in ("imaging_report", "emg_report") and want.regions:
        asked = dataclasses.replace(
            _new(note, "pain", regions=want.regions), source="indication", item=0, heading=False
        )
        words = f"the indication of the study names pain, {region_words(want.regions)}"
        yield Step(words, 1, "indication", _adding(asked))
    if "with_radiculopathy" in want.qualities:
        nerve = _new(note, "radiculopathy", regions=want.regions)
        words = f"the {_place(note)} states radiculopathy, {region_words(want.regions)}"
        yield Step(words, 2, "radiculopathy", _adding(nerve))


# -- mentions that are there -------------------------------------------------------------------------------------------


def _groups(note: Findings, kinds: tuple[str, ...]) -> tuple[tuple[int, ...], ...]:
    """Mentions of the same condition in the same place."""
    found: dict[tuple[str, tuple[Region, ...]], list[int]] = {}
    for i, c in enumerate(note.conditions):
        if c.kind in kinds and c.assertion not in ("family", "other_person"):
            found.setdefault((c.kind, c.regions), []).append(i)
    return tuple(tuple(group) for group in found.values())


def _best(note: Findings, group: tuple[int, ...]) -> int:
    """The mention that speaks for its group: coded, then stated as a diagnosis, then the first."""
    coded = select(note).coded
    stated = [note.conditions[i] for i in group]
    ranks = [(i not in coded, c.source not in STATEMENT, not c.heading, i) for i, c in zip(group, stated, strict=True)]
    return min(ranks)[-1]


def _said(note: Findings, group: tuple[int, ...]) -> str:
    c = note.conditions[_best(note, group)]
    return quoted((c.evidence,)) or named_mention(c)


def _of_mentions(note: Findings, want: Wanted) -> Iterator[Step]:
    coded = select(note).coded
    for group in _groups(note, want.kinds):
        said = _said(note, group)
        if not set(group) & set(coded):
            yield _confirmed(note, group, said)
        yield from _located(note, group, want, said)
        yield from _sided(note, group, want, said)
        for quality in want.qualities:
            yield _quality(note, group, quality, f"{_QUALITY_WORDS.get(quality, quality.replace('_', ' '))}", 1, said)
        if note.conditions[group[0]].kind in SYMPTOMS:
            yield _quality(note, group, "own_problem", _QUALITY_WORDS["own_problem"], 1, said)
            yield _quality(note, group, "unrelated", _QUALITY_WORDS["unrelated"], 2, said)
        yield from _plainer(note, group, want, said)


def _setting(group: tuple[int, ...], **attributes: Any) -> Change:
    def change(note: Findings) -> Findings:
        new = [dataclasses.replace(c, **attributes) if i in group else c for i, c in enumerate(note.conditions)]
        return dataclasses.replace(note, conditions=tuple(new))

    return change


def _confirmed(note: Findings, group: tuple[int, ...], said: str) -> Step:
    """The mention that was refused or doubted, stated by the provider as a present diagnosis."""
    index = _best(note, group)
    c = note.conditions[index]
    item = 1 + max(other.item for other in note.conditions)
    source = {"post-operative diagnosis": "post_diagnosis", "assessment": "assessment"}.get(_place(note), "history")
    change = _setting(
        (index,),
        assertion="present",
        source=source,
        heading=source != "history",
        item=item if source != "history" else 0,
        imaging=False,
        cue="",
        qualities=tuple(q for q in c.qualities if q not in _TOLD_ONLY),
    )
    others = tuple(i for i in group if i != index)
    doubt = tuple(i for i in others if note.conditions[i].assertion != "present")

    def settled(found: Findings) -> Findings:
        return _setting(doubt, assertion="present", cue="")(change(found))

    return Step(f"the {_place(note)} states {said} as a confirmed, present diagnosis", 2, f"status {index}", settled)


def _located(note: Findings, group: tuple[int, ...], want: Wanted, said: str) -> Iterator[Step]:
    c = note.conditions[group[0]]
    if c.kind in LOW_BACK_ONLY | SACRAL_ONLY or not same_or_unknown(c.regions, want.regions):
        return
    if want.levels and any(want.levels[0] not in note.conditions[i].levels for i in group):
        region = region_of_level(want.levels[0])
        change = _setting(group, levels=want.levels, regions=(region,) if region else (), roots=())
        yield Step(f"the level of {said}: {want.levels[0]}", 1 if not c.levels else 2, f"region {group}", change)
    elif want.regions and c.regions != want.regions:
        change = _setting(group, regions=want.regions, levels=(), roots=())
        words = f"the region of {said}: {region_words(want.regions)}"
        yield Step(words, 1 if not c.regions else 3, f"region {group}", change)


def _sided(note: Findings, group: tuple[int, ...], want: Wanted, said: str) -> Iterator[Step]:
    if not want.sides:
        return
    told = [i for i in group if note.conditions[i].sides]
    if any(note.conditions[i].sides != want.sides for i in told) or not told:
        change = _setting(tuple(told) or (_best(note, group),), sides=want.sides)
        yield Step(f"the side of {said}: {want.sides[0]}", 2 if told else 1, f"side {group}", change)


def _quality(note: Findings, group: tuple[int, ...], quality: Quality, words: str, cost: int, said: str = "") -> Step:
    index = _best(note, group)
    c = note.conditions[index]
    change = _setting((index,), qualities=tuple(dict.fromkeys((*c.qualities, quality))))
    return Step(
        f"the note says of {said}: {words}" if said else f"the note says {words}", cost, f"{quality} {group}", change
    )


def _plainer(note: Findings, group: tuple[int, ...], want: Wanted, said: str) -> Iterator[Step]:
    """The same mention without the word that makes it another code."""
    words = {q for i in group for q in note.conditions[i].qualities}
    extra = words & ({*CHARACTER, "old", "residual", "improving"} - set(want.qualities))
    if extra and not want.qualities:
        plain = ", ".join(sorted(word.replace("_", " ") for word in extra))
        yield Step(f"{said} is not called {plain}", 4, f"words {group}", _unsaid(group, extra))


def _unsaid(group: tuple[int, ...], words: set[Quality]) -> Change:
    def change(note: Findings) -> Findings:
        left = [
            dataclasses.replace(c, qualities=tuple(q for q in c.qualities if q not in words)) if i in group else c
            for i, c in enumerate(note.conditions)
        ]
        return dataclasses.replace(note, conditions=tuple(left))

    return change


# -- the encounter -----------------------------------------------------------------------------------------------------


def _phase(phase: str) -> Step:
    def change(note: Findings) -> Findings:
        kept = tuple(
            c if c.kind not in ("strain", "sprain", "back_injury") else _in_phase(c, phase) for c in note.conditions
        )
        mark = Mark(_PHASES[phase], Evidence(0, 0, "", "phase"))
        return dataclasses.replace(note, conditions=kept, phases=(mark,))

    return Step(f"the note shows {_PHASE_WORDS[phase]}", 1, "phase", change)


def _in_phase(c: Condition, phase: str) -> Condition:
    gone = {"residual", "old", "longstanding"} if phase != "S" else set()
    gone |= {"improving"} if phase == "A" else set()
    return dataclasses.replace(c, qualities=tuple(q for q in c.qualities if q not in gone))


def _injured(note: Findings, want: Wanted) -> Iterator[Step]:
    """The guide's rule: pain from an injury with mechanism and acute onset."""
    if not any(injury.mechanism for injury in note.injuries):
        yield _injury("lifting", "how the injury happened (its mechanism)")
    for group in _groups(note, ("pain",)):
        if same_or_unknown(note.conditions[group[0]].regions, want.regions):
            said = _said(note, group)
            yield _quality(note, group, "from_injury", _QUALITY_WORDS["from_injury"], 1, said)
            yield _quality(note, group, "acute_onset", _QUALITY_WORDS["acute_onset"], 1, said)


def _injury(mechanism: str, words: str, *, at_work: bool = False) -> Step:
    known = next((m for m in get_args(Mechanism) if m == mechanism), None)
    injury = Injury(known, Evidence(0, 0, "", "injury"), at_work)
    return Step(
        f"the note says {words}",
        1,
        "mechanism",
        lambda note: dataclasses.replace(note, injuries=(*note.injuries, injury)),
    )


def _of_the_encounter(note: Findings, row: CodeRow) -> Iterator[Step]:
    if row.family in ("pregnancy_injury", "external_cause", "work_status"):
        strain = _new(note, "strain", regions=("lumbar",))
        yield Step(f"the {_place(note)} states a current injury of the back", 3, "statement", _adding(strain))
    if row.family == "pain_g89":
        yield from _chronic(note, row.variant)
    elif row.family.startswith("pregnancy") or row.family == "weeks":
        yield _pregnant(note, row)
        low = _new(note, "pain", regions=("lumbar",))
        yield Step(f"the {_place(note)} states low back pain", 3, "pain", _adding(low))
    elif row.family == "external_cause":
        yield _injury(row.variant[:-2], f"how it happened: {row.variant[:-2].replace('_', ' ')}")
        yield _phase(row.variant[-1])
    elif row.family == "work_status":
        yield _injury("lifting", "that it happened at work", at_work=True)


def _chronic(note: Findings, variant: str) -> Iterator[Step]:
    chronicity: Chronicity = "acute" if variant.endswith("acute") else "chronic"
    pains = (
        "pain",
        "sciatica",
        "low_back_pain_with_sciatica",
        "radiculopathy",
        "sacroiliac_pain",
        "coccydynia",
        "flank_pain",
    )
    for group in _groups(note, pains):
        said = _said(note, group)
        index = _best(note, group)
        if note.conditions[index].chronicity != chronicity:
            change = _setting((index,), chronicity=chronicity)
            yield Step(f"the note calls {said} {chronicity}", 1, f"chronicity {group}", change)
        for word, qualities in _G89_WORDS.items():
            if variant.startswith(word):
                yield _quality(note, group, qualities[0], _QUALITY_WORDS[qualities[0]], 1, said)
    control = Mark("pain_control", Evidence(0, 0, "", "intent"))
    yield Step(
        "the encounter is for pain control",
        2,
        "intent",
        lambda found: dataclasses.replace(found, intents=(*found.intents, control)),
    )
    low = dataclasses.replace(_new(note, "pain", regions=("lumbar",)), chronicity=chronicity)
    for qualities in (q for word, q in _G89_WORDS.items() if variant.startswith(word)):
        low = dataclasses.replace(low, qualities=qualities)
    yield Step(f"the {_place(note)} states {chronicity} pain with its site", 4, "statement", _adding(low))


def _pregnant(note: Findings, row: CodeRow) -> Step:
    relations = {"pregnancy_pre_existing": "pre_existing", "pregnancy_incidental": "incidental"}
    relation = relations.get(row.family, "caused")
    words = {
        "caused": "that it causes the pain",
        "pre_existing": "that the spine condition was there before and complicates it",
        "incidental": "that it is incidental to the visit",
    }[relation]
    trimester = row.variant if row.variant in ("first", "second", "third") else None
    weeks = int(row.variant) if row.family == "weeks" and row.variant else None
    detail = f", {trimester} trimester" if trimester else f", {weeks} weeks" if weeks is not None else ""
    evidence = note.pregnancy.evidence if note.pregnancy else Evidence(0, 0, "", "pregnancy")
    state = Pregnancy(evidence, trimester=trimester, weeks=weeks, relation=relation)  # type: ignore[arg-type]
    return Step(
        f"the note states a current pregnancy{detail}, and {words}",
        2,
        "pregnancy",
        lambda found: dataclasses.replace(found, pregnancy=state),
    )


# -- what stands in the way --------------------------------------------------------------------------------------------


def _without(note: Findings, kinds: set[str]) -> Iterator[Step]:
    """A diagnosis of the note taken out, to show what it replaces: the dearest of all steps."""
    chosen = select(note)
    others = tuple(dict.fromkeys(c.kind for c in note.conditions if is_spinal(c) and c.kind not in kinds))
    for group in _groups(note, others):
        if set(group) & {*chosen.coded, *chosen.support}:
            said = _said(note, group)
            yield Step(f"the note does not document {said}", 5, f"without {group}", _removing(group))


def _removing(group: tuple[int, ...]) -> Change:
    """Without these mentions, as if they had not been written; they stay in place so that links keep their ends."""

    def change(note: Findings) -> Findings:
        gone = set(group)
        links = tuple(k for k in note.links if not {k.effect, k.cause} & gone)
        left = tuple(_silent(c) if i in gone else c for i, c in enumerate(note.conditions))
        return dataclasses.replace(note, conditions=left, links=links)

    return change


def _silent(c: Condition) -> Condition:
    return dataclasses.replace(
        c, kind="outside_problem", source="other", item=0, heading=False, assertion="hypothetical"
    )
