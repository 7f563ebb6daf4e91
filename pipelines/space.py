"""The finite space of findings that can change a code, as notes to decide: every family in full, then combinations.

`families` multiplies out, for each kind of condition, everything that can be said of it alone: place, side, quality,
where in which document, assertion, chronicity, intent, pregnancy, injury and its phase. `pairs` multiplies out every two
kinds with what can relate them. The product of everything with everything is not finite work; `combined` is a covering
array of three conditions and the whole note, in which every combination of any three values stands at least once.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from ..coding import findings as f
from ..coding.kinds import INJURIES as INJURED
from ..coding.kinds import SPINAL_PAIN, SYMPTOMS

KINDS: tuple[f.Kind, ...] = get_args(f.Kind)
REGIONS: tuple[f.Region, ...] = get_args(f.Region)
ASSERTIONS: tuple[f.Assertion, ...] = get_args(f.Assertion)
QUALITIES: tuple[f.Quality, ...] = get_args(f.Quality)
LINKS: tuple[f.LinkKind, ...] = get_args(f.LinkKind)
MECHANISMS: tuple[f.Mechanism, ...] = get_args(f.Mechanism)

Fields = Mapping[str, Any]
"""Attributes of a condition, or of the whole note, that one value of a factor sets."""


def _place(region: f.Region | None = None, levels: tuple[str, ...] = (), roots: tuple[str, ...] = ()) -> Fields:
    return {"regions": (region,) if region else (), "levels": levels, "roots": roots}


WHERE: tuple[Fields, ...] = (_place(), *(_place(region) for region in REGIONS))
"""No region, and each region word."""

LEVELS = ("C2-C3", "C3-C4", "C4-C5", "C5-C6", "C6-C7", "C7-T1", "T7-T8", "T12-L1", "L4-L5", "L5-S1")
PLACES: tuple[Fields, ...] = (
    *WHERE,
    *(_place(None, (level,)) for level in LEVELS),
    _place(None, ("L4-L5", "L5-S1")),
    _place(None, ("C4-C5", "C5-C6")),
    *(_place(None, (), (root,)) for root in ("C2", "C6", "C8", "T6", "L5", "S1", "S2")),
)
"""Every region, every level that has a code of its own, spans, and roots."""

SIDES: tuple[Fields, ...] = ({}, *({"sides": (side,)} for side in get_args(f.Side)))
CHRONICITIES: tuple[Fields, ...] = (
    {},
    *({"chronicity": word} for word in get_args(f.Chronicity)),
    *({"duration_days": days} for days in (41, 42, 83, 84)),
)
"""Words, and durations on either side of the limits."""


def _scene(
    document: f.DocumentType, source: f.Source, *, assessment: bool = False, complaint: bool = True, **mention: Any
) -> tuple[Fields, Fields]:
    note = {"document_type": document, "has_assessment": assessment, "complaint": complaint}
    return note, {"source": source, **mention}


SCENES: tuple[tuple[Fields, Fields], ...] = (
    _scene("visit", "assessment", assessment=True, item=1, heading=True),
    _scene("visit", "assessment", assessment=True, complaint=False, item=1, heading=True),
    _scene("visit", "assessment", assessment=True, item=1),
    _scene("visit", "assessment", assessment=True, item=1, imaging=True),
    _scene("visit", "history"),
    _scene("visit", "history", assessment=True),
    _scene("visit", "history", assessment=True, complaint=False),
    _scene("visit", "history", imaging=True, own_reading=True),
    _scene("visit", "imaging", assessment=True, imaging=True),
    *(
        _scene("visit", source, assessment=assessment)
        for source in ("exam", "past_history", "problem_list", "review_of_systems", "medication", "education", "plan")
        for assessment in (True, False)
    ),
    _scene("visit", "procedure"),
    _scene("imaging_report", "assessment", assessment=True, imaging=True),
    _scene("imaging_report", "imaging", imaging=True),
    _scene("imaging_report", "indication"),
    _scene("emg_report", "assessment", assessment=True, item=1, heading=True),
    _scene("procedure_note", "post_diagnosis", assessment=True),
    _scene("procedure_note", "pre_diagnosis", assessment=True),
    _scene("procedure_note", "indication"),
    _scene("procedure_note", "procedure"),
    _scene("therapy", "assessment", assessment=True, item=1, heading=True),
)
"""Document type, who said it where, and whether the visit is about it."""

_MARK = f.Evidence(90_000, 90_004, "mark", "mark")
_TRIMESTERS: tuple[tuple[f.Trimester | None, int | None], ...] = ((None, None), ("second", 28))
PREGNANCIES: tuple[Fields, ...] = (
    {},
    *(
        {"pregnancy": f.Pregnancy(_MARK, trimester, weeks, relation)}
        for relation in (None, *get_args(f.Relation))
        for trimester, weeks in _TRIMESTERS
    ),
)


def _marks(key: str, values: Sequence[str], assertion: f.Assertion = "present") -> Fields:
    return {key: tuple(f.Mark(value, _MARK, assertion) for value in values)}


PHASES: tuple[Fields, ...] = (
    {},
    *(_marks("phases", (phase,)) for phase in get_args(f.Phase)),
    _marks("phases", ("initial", "subsequent")),
    _marks("phases", ("initial", "sequela")),
    _marks("phases", ("sequela",), "negated"),
)
INTENTS: tuple[Fields, ...] = (
    {},
    *(_marks("intents", (intent,)) for intent in get_args(f.Intent)),
    _marks("intents", ("pain_control",), "hypothetical"),
)
INJURIES: tuple[Fields, ...] = (
    {},
    *(
        {"injuries": (f.Injury(mechanism, _MARK, at_work),)}
        for mechanism in (None, *MECHANISMS)
        for at_work in (False, True)
    ),
    {"injuries": (f.Injury("fall", _MARK, False, "negated"),)},
)
INJURY_QUALITIES: tuple[tuple[f.Quality, ...], ...] = (
    (),
    ("old",),
    ("residual",),
    ("improving",),
    ("longstanding",),
    ("acute_onset",),
    ("from_injury",),
    ("from_injury", "acute_onset"),
    ("due_to_trauma",),
)


def condition(index: int, kind: f.Kind, *parts: Fields) -> f.Condition:
    """One mention at its own place in an imagined note; later parts win."""
    fields: dict[str, Any] = {"source": "assessment"}
    for part in parts:
        fields.update(part)
    quote = f"{kind} {index}"
    evidence = f.Evidence(1000 * index, 1000 * index + len(quote), quote, fields["source"])
    return f.Condition(kind=kind, evidence=evidence, **fields)


_STATED: Fields = {"source": "assessment", "item": 1, "heading": True}


def _visit(*conditions: f.Condition, **note: Any) -> f.Findings:
    return f.Findings(**{"has_assessment": True, "complaint": True, "conditions": conditions, **note})


# -- every family in full ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Share:
    """Every ``step``-th note of a product, from ``start``: what one process decides, or a thinned look."""

    start: int = 0
    step: int = 1

    def of(self, *parts: Iterable[Any], repeat: int = 1) -> Iterator[tuple[Any, ...]]:
        """This share of a product."""
        return itertools.islice(itertools.product(*parts, repeat=repeat), self.start, None, self.step)


ALL = Share()


def families(share: Share = ALL, kinds: Sequence[f.Kind] = KINDS) -> Iterator[f.Findings]:
    """Each kind alone with all that can be said of it."""
    for kind in kinds:
        for product in (_told, _described, _timed, _hurt):
            yield from product(kind, share)


def _told(kind: f.Kind, share: Share) -> Iterator[f.Findings]:
    """Where it is said, by which document, in which state."""
    present = itertools.product(SCENES, ("present",), PLACES)
    absent = itertools.product(SCENES, ASSERTIONS[1:], WHERE)
    for (note, mention), assertion, place in itertools.islice((*present, *absent), share.start, None, share.step):
        yield f.Findings(**{**note, "conditions": (condition(0, kind, mention, place, {"assertion": assertion}),)})


def _described(kind: f.Kind, share: Share) -> Iterator[f.Findings]:
    """Each quality at every place, and with each side in every region."""
    qualities = ({}, *({"qualities": (quality,)} for quality in QUALITIES))
    for place, quality in share.of(PLACES, qualities):
        yield _visit(condition(0, kind, _STATED, place, quality))
    for where, side, quality in share.of(WHERE, SIDES[1:], qualities):
        yield _visit(condition(0, kind, _STATED, where, side, quality))


def _timed(kind: f.Kind, share: Share) -> Iterator[f.Findings]:
    """Chronicity, intent and pregnancy in every region."""
    for where, time, intent, state in share.of(WHERE, CHRONICITIES, INTENTS, PREGNANCIES):
        yield _visit(condition(0, kind, _STATED, where, time), **intent, **state)


def _hurt(kind: f.Kind, share: Share) -> Iterator[f.Findings]:
    """Injury and phase in every region; every mechanism with every phase."""
    times: tuple[Fields, ...] = ({}, {"chronicity": "acute"}, {"chronicity": "chronic"})
    times = times if kind in SPINAL_PAIN | INJURED else times[:1]
    some = (INJURIES[0], INJURIES[3], INJURIES[-1])
    for where, injury, phase, words, time in share.of(WHERE, some, PHASES, INJURY_QUALITIES, times):
        yield _visit(condition(0, kind, _STATED, where, time, {"qualities": words}), **injury, **phase)
    for injury, phase, words in share.of(INJURIES, PHASES, ((), ("from_injury", "acute_onset"))):
        yield _visit(condition(0, kind, _STATED, WHERE[6], {"qualities": words}), **injury, **phase)


# -- every two kinds ---------------------------------------------------------------------------------------------------

_NEIGHBOURS: tuple[tuple[Fields, Fields], ...] = (
    (_place("lumbar"), _place("lumbar")),
    (_place(), _place("lumbar")),
    (_place("cervical"), _place("lumbar")),
    (_place("thoracolumbar"), _place("thoracic")),
    (_place(None, ("L5-S1",)), _place("lumbosacral", (), ("S1",))),
)
"""Same region, one unknown, different regions, two groups touched, level and root."""

_ENTRIES: tuple[tuple[Fields, Fields], ...] = (
    (_STATED, {**_STATED, "item": 2}),
    (_STATED, _STATED),
    (_STATED, {"source": "assessment", "item": 1}),
    (_STATED, {"source": "history"}),
)
"""Entries of their own, one entry, told below the other, told in the history."""


def pairs(share: Share = ALL, kinds: Sequence[f.Kind] = KINDS) -> Iterator[f.Findings]:
    """Every two kinds in every relation of place, entry and link."""
    ties: tuple[tuple[f.Link, ...], ...] = ((), *((_link(kind, 0, 1),) for kind in LINKS))
    for first, second, (here, there), (one, other), tie in share.of(kinds, kinds, _NEIGHBOURS, _ENTRIES, ties):
        yield _visit(condition(0, first, one, here), condition(1, second, other, there), links=tie)
    yield from _altered(share, kinds)


_ALTERATIONS: tuple[tuple[tuple[f.Kind, ...], tuple[Fields, ...]], ...] = (
    (
        tuple(sorted(INJURED)),
        ({"qualities": ("old",)}, {"qualities": ("residual",)}, {"chronicity": "chronic"}),
    ),
    (
        tuple(sorted(SYMPTOMS)),
        ({"qualities": ("own_problem",)}, {"qualities": ("unrelated",)}, {"chronicity": "chronic"}),
    ),
)
"""Words that change what a condition does beside another one, and the kinds they are said of."""


def _altered(share: Share, kinds: Sequence[f.Kind]) -> Iterator[f.Findings]:
    """An injury that is old, a symptom that is a problem of its own: before and after every other kind."""
    for said_of, words in _ALTERATIONS:
        told = tuple(kind for kind in said_of if kind in kinds)
        product = share.of(told, words, kinds, _NEIGHBOURS, _ENTRIES, (False, True))
        for kind, word, other, (here, there), (one, two), turned in product:
            altered = condition(0, kind, one, here, word)
            beside = condition(1, other, two, there)
            if turned:
                altered, beside = condition(1, kind, two, there, word), condition(0, other, one, here)
            yield _visit(*sorted((altered, beside), key=lambda c: c.evidence))


def _link(kind: f.LinkKind, effect: int, cause: int) -> f.Link:
    return f.Link(kind, effect, cause, f.Evidence(80_000, 80_004, "link", "link"))


# -- combinations of everything ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Factor:
    """One thing that may vary. ``likely``: how much more often than any other the first value fills an open place."""

    name: str
    values: tuple[Any, ...]
    likely: int = 1


_TELLING: tuple[Fields, ...] = (
    _STATED,
    {"source": "assessment"},
    {"source": "history"},
    {"source": "history", "imaging": True, "own_reading": True},
    {"source": "imaging", "imaging": True},
    {"source": "exam"},
    {"source": "past_history"},
    {"source": "problem_list"},
    {"source": "indication"},
    {"source": "post_diagnosis"},
    {"source": "pre_diagnosis"},
)
_TOGETHER_PLACES = (*WHERE, *(p for p in PLACES if p["levels"] in (("C5-C6",), ("L4-L5",), ("L5-S1",))))
_TOGETHER_PLACES = (*_TOGETHER_PLACES, _place(None, (), ("S1",)))
_TOGETHER_QUALITIES: tuple[f.Quality, ...] = (
    "mechanical",
    "discogenic",
    "minor",
    "longstanding",
    "old",
    "residual",
    "from_injury",
    "own_problem",
    "unrelated",
    "pain_generator",
    "due_to_trauma",
    "postprocedural",
    "neoplasm_related",
    "with_radiculopathy",
    "with_myelopathy",
    "bulge",
)
_TOGETHER_TIMES: tuple[Fields, ...] = (
    {},
    {"chronicity": "acute"},
    {"chronicity": "chronic"},
    {"chronicity": "acute_on_chronic"},
    {"duration_days": 84},
)
_TIES: tuple[tuple[f.Link, ...], ...] = (
    (),
    *((_link(kind, *ends),) for kind in LINKS for ends in ((0, 1), (1, 0), (2, 0))),
)


def factors() -> tuple[Factor, ...]:
    """What varies in `combined`: three conditions, and the note around them."""
    each = [
        Factor(f"{name} {i}", values, likely)
        for i in range(3)
        for name, values, likely in (
            ("kind", KINDS, 1),
            ("place", _TOGETHER_PLACES, 1),
            ("telling", _TELLING, 4),
            ("assertion", ASSERTIONS, 6),
            ("side", SIDES, 1),
            ("time", _TOGETHER_TIMES, 2),
            ("quality", ((), *((q,) for q in _TOGETHER_QUALITIES)), 4),
        )
    ]
    documents = tuple({"document_type": kind} for kind in get_args(f.DocumentType))
    whole = (
        Factor("document", documents, 3),
        Factor("complaint", ({"complaint": True}, {"complaint": False})),
        Factor("pregnancy", (PREGNANCIES[0], *PREGNANCIES[1::2]), 2),
        Factor("injury", (INJURIES[0], INJURIES[1], INJURIES[4], INJURIES[-1]), 2),
        Factor("phase", PHASES[:4], 2),
        Factor("intent", INTENTS[:4], 2),
        Factor("tie", _TIES, 3),
        Factor("entries", ((1, 2, 3), (1, 1, 2), (1, 2, 2), (1, 1, 1))),
    )
    return (*each, *whole)


def combined(row: Sequence[int], space: Sequence[Factor]) -> f.Findings:
    """The note of one row of the covering array."""
    value = {factor.name: factor.values[index] for factor, index in zip(space, row, strict=True)}
    conditions = []
    for i in range(3):
        told = dict(value[f"telling {i}"])
        if told["source"] == "assessment":
            told["item"] = value["entries"][i]
        state = {"assertion": value[f"assertion {i}"], "qualities": value[f"quality {i}"]}
        conditions.append(
            condition(i, value[f"kind {i}"], told, value[f"place {i}"], value[f"side {i}"], value[f"time {i}"], state)
        )
    stated = any(c.source in ("assessment", "post_diagnosis", "pre_diagnosis") for c in conditions)
    note: dict[str, Any] = {"conditions": tuple(conditions), "links": value["tie"], "has_assessment": stated}
    for name in ("document", "complaint", "pregnancy", "injury", "phase", "intent"):
        note.update(value[name])
    return f.Findings(**note)
