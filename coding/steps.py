"""Single documented facts that could be added to findings, as far as they bear on one code: the steps of `why_not`."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import get_args

from .changes import (
    Change,
    adding,
    best,
    confirming,
    groups_of_mentions,
    in_phase,
    new_mention,
    removing,
    said_in,
    setting,
    statement_place,
    unsaid,
)
from .findings import (
    REPORTS,
    Chronicity,
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
from .kinds import CHARACTER, DISCS, LOW_BACK_ONLY, SACRAL_ONLY, SYMPTOMS, is_spinal
from .regions import region_of_level, same_or_unknown
from .selection import select
from .tables import REGIONS, CodeRow
from .words import region_words

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
    words = f"the {statement_place(note)} states: {title}{where}{level}"
    condition = new_mention(note, want.kinds[0], regions=want.regions, levels=want.levels, sides=want.sides)
    condition = dataclasses.replace(condition, qualities=want.qualities)
    return Step(words, 3, "statement", adding(condition))


def _companions(note: Findings, row: CodeRow, want: Wanted) -> Iterator[Step]:
    """What makes the code together with a mention that is there: the other half, the imaging, the pain."""
    low = new_mention(note, "pain", regions=("lumbar",))
    if row.family == "low_back_pain_with_sciatica":
        yield Step(f"the {statement_place(note)} states low back pain of today", 2, "pain", adding(low))
        sided = new_mention(note, "sciatica", sides=want.sides)
        words = f"the {statement_place(note)} states sciatica{', ' + want.sides[0] if want.sides else ''}"
        yield Step(words, 2, "sciatica", adding(sided))
    if row.variant == "vertebrogenic":
        plate = dataclasses.replace(
            new_mention(note, "endplate_change", regions=("lumbar",)), source="imaging", imaging=True
        )
        plate = dataclasses.replace(plate, item=0, heading=False)
        yield Step("MRI or CT in the note shows Modic or endplate change", 2, "imaging", adding(plate))
        for group in groups_of_mentions(note, ("endplate_change",)):
            yield _quality(note, group, "pain_generator", f"that {said_in(note, group)} is the source of the pain", 1)
        word = new_mention(note, "vertebrogenic_pain", regions=want.regions)
        yield Step(f"the {statement_place(note)} calls the pain vertebrogenic", 1, "statement", adding(word))
    if note.document_type in REPORTS and want.regions:
        asked = dataclasses.replace(
            new_mention(note, "pain", regions=want.regions), source="indication", item=0, heading=False
        )
        words = f"the indication of the study names pain, {region_words(want.regions)}"
        yield Step(words, 1, "indication", adding(asked))
    if "with_radiculopathy" in want.qualities:
        nerve = new_mention(note, "radiculopathy", regions=want.regions)
        words = f"the {statement_place(note)} states radiculopathy, {region_words(want.regions)}"
        yield Step(words, 2, "radiculopathy", adding(nerve))


# -- mentions that are there -------------------------------------------------------------------------------------------


def _of_mentions(note: Findings, want: Wanted) -> Iterator[Step]:
    coded = select(note).coded
    for group in groups_of_mentions(note, want.kinds):
        said = said_in(note, group)
        if not set(group) & set(coded):
            words = f"the {statement_place(note)} states {said} as a confirmed, present diagnosis"
            yield Step(words, 2, f"status {best(note, group)}", confirming(note, group))
        yield from _located(note, group, want, said)
        yield from _sided(note, group, want, said)
        for quality in want.qualities:
            yield _quality(note, group, quality, f"{_QUALITY_WORDS.get(quality, quality.replace('_', ' '))}", 1, said)
        if note.conditions[group[0]].kind in SYMPTOMS:
            yield _quality(note, group, "own_problem", _QUALITY_WORDS["own_problem"], 1, said)
            yield _quality(note, group, "unrelated", _QUALITY_WORDS["unrelated"], 2, said)
        yield from _plainer(note, group, want, said)


def _located(note: Findings, group: tuple[int, ...], want: Wanted, said: str) -> Iterator[Step]:
    c = note.conditions[group[0]]
    if c.kind in LOW_BACK_ONLY | SACRAL_ONLY or not same_or_unknown(c.regions, want.regions):
        return
    if want.levels and any(want.levels[0] not in note.conditions[i].levels for i in group):
        region = region_of_level(want.levels[0])
        change = setting(group, levels=want.levels, regions=(region,) if region else (), roots=())
        yield Step(f"the level of {said}: {want.levels[0]}", 1 if not c.levels else 2, f"region {group}", change)
    elif want.regions and c.regions != want.regions:
        change = setting(group, regions=want.regions, levels=(), roots=())
        words = f"the region of {said}: {region_words(want.regions)}"
        yield Step(words, 1 if not c.regions else 3, f"region {group}", change)


def _sided(note: Findings, group: tuple[int, ...], want: Wanted, said: str) -> Iterator[Step]:
    if not want.sides:
        return
    told = [i for i in group if note.conditions[i].sides]
    if any(note.conditions[i].sides != want.sides for i in told) or not told:
        change = setting(tuple(told) or (best(note, group),), sides=want.sides)
        yield Step(f"the side of {said}: {want.sides[0]}", 2 if told else 1, f"side {group}", change)


def _quality(note: Findings, group: tuple[int, ...], quality: Quality, words: str, cost: int, said: str = "") -> Step:
    index = best(note, group)
    c = note.conditions[index]
    change = setting((index,), qualities=tuple(dict.fromkeys((*c.qualities, quality))))
    return Step(
        f"the note says of {said}: {words}" if said else f"the note says {words}", cost, f"{quality} {group}", change
    )


def _plainer(note: Findings, group: tuple[int, ...], want: Wanted, said: str) -> Iterator[Step]:
    """The same mention without the word that makes it another code."""
    words = {q for i in group for q in note.conditions[i].qualities}
    extra = words & ({*CHARACTER, "old", "residual", "improving"} - set(want.qualities))
    if extra and not want.qualities:
        plain = ", ".join(sorted(word.replace("_", " ") for word in extra))
        yield Step(f"{said} is not called {plain}", 4, f"words {group}", unsaid(group, extra))


# -- the encounter -----------------------------------------------------------------------------------------------------


def _phase(phase: str) -> Step:
    def change(note: Findings) -> Findings:
        kept = tuple(
            c if c.kind not in ("strain", "sprain", "back_injury") else in_phase(c, phase) for c in note.conditions
        )
        mark = Mark(_PHASES[phase], Evidence(0, 0, "", "phase"))
        return dataclasses.replace(note, conditions=kept, phases=(mark,))

    return Step(f"the note shows {_PHASE_WORDS[phase]}", 1, "phase", change)


def _injured(note: Findings, want: Wanted) -> Iterator[Step]:
    """The guide's rule: pain from an injury with mechanism and acute onset."""
    if not any(injury.mechanism for injury in note.injuries):
        yield _injury("lifting", "how the injury happened (its mechanism)")
    for group in groups_of_mentions(note, ("pain",)):
        if same_or_unknown(note.conditions[group[0]].regions, want.regions):
            said = said_in(note, group)
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
        strain = new_mention(note, "strain", regions=("lumbar",))
        yield Step(f"the {statement_place(note)} states a current injury of the back", 3, "statement", adding(strain))
    if row.family == "pain_g89":
        yield from _chronic(note, row.variant)
    elif row.family.startswith("pregnancy") or row.family == "weeks":
        yield _pregnant(note, row)
        low = new_mention(note, "pain", regions=("lumbar",))
        yield Step(f"the {statement_place(note)} states low back pain", 3, "pain", adding(low))
    elif row.family == "external_cause":
        yield _injury(row.variant[:-2], f"how it happened: {row.variant[:-2].replace('_', ' ')}")
        yield _phase(row.variant[-1])
    elif row.family == "work_status":
        yield _injury("lifting", "that it happened at work", at_work=True)


def _chronic(note: Findings, variant: str) -> Iterator[Step]:
    chronicity: Chronicity = "acute" if variant.endswith("acute") else "chronic"
    for group in groups_of_mentions(note, tuple(SYMPTOMS)):
        said = said_in(note, group)
        index = best(note, group)
        if note.conditions[index].chronicity != chronicity:
            change = setting((index,), chronicity=chronicity)
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
    low = dataclasses.replace(new_mention(note, "pain", regions=("lumbar",)), chronicity=chronicity)
    for qualities in (q for word, q in _G89_WORDS.items() if variant.startswith(word)):
        low = dataclasses.replace(low, qualities=qualities)
    yield Step(f"the {statement_place(note)} states {chronicity} pain with its site", 4, "statement", adding(low))


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
    for group in groups_of_mentions(note, others):
        if set(group) & {*chosen.coded, *chosen.support}:
            said = said_in(note, group)
            yield Step(f"the note does not document {said}", 5, f"without {group}", removing(group))
