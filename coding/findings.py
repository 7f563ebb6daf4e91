"""`Findings`: everything a code depends on, each with its evidence. The one word between reading a note and coding it.

The reading side (`nlp/`) says what the note states: which condition, where, which side, since when, how sure, whose,
and in which part of the note. It chooses no code and drops nothing: a negated or uncertain mention stays here with its
status, so that the decision layer can say why it was not coded. The decision layer (`coding/decide.py`) reads nothing
but this value. Facts are frozen, closed in their vocabulary and round-trip through JSON, so that stored findings
decide to the same codes years later.

Offsets are Unicode code points of the decoded note; ``text[start:end]`` is the quote.
"""

from __future__ import annotations

import dataclasses
import functools
import typing
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, get_args

from .errors import FindingsError

SCHEMA = "spinecode/findings/1"

Assertion = Literal["present", "negated", "uncertain", "historical", "family", "hypothetical", "other_person"]
"""*historical* includes what was treated and is gone ("leg pain resolved"); an uncertain mention is one that policy
section 1 lists (possible, versus, "I believe" ...)."""

Region = Literal[
    "occipito_atlanto_axial",
    "cervical",
    "cervicothoracic",
    "thoracic",
    "thoracolumbar",
    "lumbar",
    "lumbosacral",
    "sacral",
]
Side = Literal["left", "right", "bilateral"]
Chronicity = Literal["acute", "subacute", "chronic", "acute_on_chronic"]
Trimester = Literal["first", "second", "third"]
DocumentType = Literal["visit", "imaging_report", "emg_report", "procedure_note", "therapy"]
REPORTS: typing.Final = frozenset[DocumentType]({"imaging_report", "emg_report"})
"""Documents that tell of a study alone."""

Source = Literal[
    "assessment",  # assessment, impression or diagnosis: the provider's diagnostic statement
    "post_diagnosis",  # procedure note: post-operative diagnosis
    "pre_diagnosis",  # procedure note: pre-operative diagnosis
    "indication",  # procedure note or imaging report: why it was done
    "chief_complaint",
    "history",  # history of present illness, or running text without headings
    "past_history",  # past medical or surgical history
    "problem_list",
    "review_of_systems",
    "exam",
    "imaging",  # results of a study
    "plan",
    "medication",
    "education",  # consent, risks, instructions, goals
    "procedure",  # name or description of a procedure
    "other",
]

Kind = Literal[
    # pain and symptoms
    "pain",  # spinal pain; regions empty = "back pain" with no region said
    "sciatica",
    "low_back_pain_with_sciatica",  # said as one phrase
    "radiculopathy",
    "flank_pain",
    "sacroiliac_pain",  # pain or dysfunction of the sacroiliac joint
    "coccydynia",
    "occipital_neuralgia",
    "cervicobrachial_syndrome",
    "cervicocranial_syndrome",
    "muscle_spasm",
    "leg_pain",  # pain in a leg or buttock: never coded, decides disc degeneration and queries
    "radiating_pain",  # radiating / shooting / "radicular symptoms" / positive SLR: never coded, a query
    "chronic_pain",  # chronic pain said with no site, or of no spinal site: never alone
    "chronic_pain_syndrome",
    "neoplasm_pain",
    "postoperative_pain",
    # causes
    "vertebrogenic_pain",  # the word vertebrogenic or vertebral endplate pain
    "endplate_change",  # Modic or endplate change: an imaging finding
    "disc_displacement",  # herniation, protrusion, extrusion, bulge, HNP
    "disc_degeneration",
    "disc_disruption",  # internal disc disruption, other named disc disorder
    "disc_disorder",  # disc disease of no stated kind
    "annular_defect",
    "schmorl_nodes",
    "root_compression",  # definite compression or impingement of a root
    "cord_compression",
    "myelopathy",
    "stenosis",
    "claudication",  # neurogenic (pseudo)claudication
    "spondylosis",  # spondylosis, spinal osteoarthritis, degenerative changes of the spine
    "facet_arthropathy",  # facet arthropathy, arthrosis, hypertrophy, degeneration
    "facet_syndrome",
    "spondylolisthesis",
    "spondylolysis",
    "instability",
    "scoliosis",
    "sacroiliitis",
    "multifidus_dysfunction",
    "postlaminectomy_syndrome",
    "cauda_equina",
    "ankylosing_spondylitis",
    "discitis",
    "segmental_dysfunction",
    "strain",
    "sprain",
    "back_injury",  # the diagnosis is "(low) back injury", no type
    "outside_cause",  # a definite cause outside our scope: `name` says which
    "outside_problem",  # any other problem of the assessment: only ever *seen*
]

Quality = Literal[
    # what the provider calls the pain (M54.59 of section 3, or the tie to a structure)
    "mechanical",
    "muscular",
    "musculoskeletal",
    "myofascial",
    "strain_like",
    "facetogenic",
    "postural",
    "discogenic",
    "nonspecific",
    "axial",
    # how a finding is graded or explained away
    "minor",  # mild, minimal, slight, borderline
    "incidental",
    "age_related",
    "asymptomatic",
    # of the pain or condition
    "resolved",  # present before, gone now (assertion is then "historical")
    "history_of",  # told as "history of X" (assertion is then "historical"): past unless the note shows X present
    "longstanding",  # longstanding, persistent, for years, recurrent: without a number, a query
    "improving",
    "old",  # old, chronic, recurrent, residual of an injury
    "residual",  # "residual from", "residual pain of": a sequela
    "acute_onset",
    "from_injury",  # said to come from an injury
    "own_problem",  # assessed as a problem apart (axial pain beside a radiculopathy; SI pain beside low back pain)
    "unrelated",  # stated as unrelated to another condition here
    "pain_generator",  # endplate change tied to the pain: concordant, due to, pain generator
    "due_to_trauma",
    "postprocedural",
    "neoplasm_related",
    "with_radiculopathy",  # said as one phrase: "disc disorder with radiculopathy / sciatica"
    "with_myelopathy",
    "with_claudication",
    "with_back_pain",
    "with_leg_pain",
    "degenerative",  # stated on a spondylolisthesis, stenosis or scoliosis
    "idiopathic",
    "mid_cervical",
    "central",
    "foraminal",
    # which word of its family the note uses, where the word decides the code
    "bulge",  # a disc displacement only called a bulge
    "narrowing",  # narrowing, the word stenosis absent
    "brachial",  # brachial neuritis or radiculitis
    "pain_named",  # the word pain stands in a radiculopathy ("chronic radicular pain")
    "small",
    "large",
    "pelvic",
    "adolescent",
    "juvenile",
    "neuromuscular",
    "secondary",
]


NO_HEADING: typing.Final = "(no heading)"
"""What the section of words is called that stand under no heading."""


@dataclass(frozen=True, order=True)
class Evidence:
    """A quote: code point offsets into the note, the words, and the section they stand in."""

    start: int
    end: int
    text: str
    section: str


@dataclass(frozen=True)
class Detail:
    """Where an attribute of a condition was said: ``about`` is the attribute's name (``sides``, ``levels`` ...)."""

    about: str
    evidence: Evidence


@dataclass(frozen=True)
class Condition:
    """One mention of one condition.

    ``regions``: as said or as the levels give it (a level outranks the region word; the span L4-S1 gives lumbar and
    lumbosacral); empty when the mention itself says none (the decision layer may take it from its neighbours).
    ``levels``: disc levels "C5-C6", "L5-S1", head to tail. ``roots``: "L5". ``item``: which numbered entry or heading
    of the assessment the mention belongs to, from 1; 0 when none. ``heading``: the mention stands in the diagnostic
    statement itself (the heading or first line of an item, a diagnosis line), not in the reasoning below it.
    ``own_reading``: an imaging finding that this provider read or recites as his own. ``imaging``: the mention is the
    finding of a study, wherever it is told. ``explains``: for an outside cause, the regions of pain it explains, or
    empty when it explains any. ``duration_days``: as stated, normalised (3 months = 84).
    """

    kind: Kind
    evidence: Evidence
    source: Source
    assertion: Assertion = "present"
    name: str = ""
    regions: tuple[Region, ...] = ()
    levels: tuple[str, ...] = ()
    roots: tuple[str, ...] = ()
    sides: tuple[Side, ...] = ()
    chronicity: Chronicity | None = None
    duration_days: int | None = None
    qualities: tuple[Quality, ...] = ()
    item: int = 0
    heading: bool = False
    imaging: bool = False
    own_reading: bool = False
    explains: tuple[Region, ...] = ()
    cue: str = ""
    """The word or phrase that set the assertion ("possible", "denies"); empty when present."""
    details: tuple[Detail, ...] = ()


LinkKind = Literal["due_to", "with", "not_due_to"]


@dataclass(frozen=True)
class Link:
    """The provider ties two mentions together: ``effect`` *due to* (or *with*, *not due to*) ``cause``.

    Both are indexes into ``Findings.conditions`` as sorted by place.
    """

    kind: LinkKind
    effect: int
    cause: int
    evidence: Evidence


Relation = Literal["caused", "pre_existing", "incidental"]


@dataclass(frozen=True)
class Pregnancy:
    """A current pregnancy. ``weeks`` are completed weeks; ``relation`` is that of the pain to it, when stated."""

    evidence: Evidence
    trimester: Trimester | None = None
    weeks: int | None = None
    relation: Relation | None = None
    details: tuple[Detail, ...] = ()


Mechanism = Literal[
    "lifting",
    "posture",
    "repetitive",
    "fall_same_level",
    "fall_stairs",
    "fall_ladder",
    "fall",
    "motor_vehicle",
    "struck",
    "other",
]
Phase = Literal["initial", "subsequent", "sequela"]


@dataclass(frozen=True)
class Injury:
    """What the note says about an injury of the back or neck, now."""

    mechanism: Mechanism | None
    evidence: Evidence
    at_work: bool = False
    assertion: Assertion = "present"
    details: tuple[Detail, ...] = ()


Intent = Literal["evaluation", "pain_control", "diagnostic"]


@dataclass(frozen=True)
class Mark:
    """A fact of the whole note with its words: an encounter phase cue, an intent, a red flag, a study."""

    value: str
    evidence: Evidence
    assertion: Assertion = "present"


Support = Literal["objective", "axial", "conservative_care", "spine_surgery", "past_trauma"]
"""What the checklists want beside a code (examination findings, an axial pattern, treatment tried), and a past operation
or accident that chronic pain may come from."""


@dataclass(frozen=True)
class Clarification:
    """A fact told after the note: ``fact`` and ``answer`` as they were typed, ``by`` whom."""

    fact: str
    answer: str
    by: Literal["provider", "coder"]


@dataclass(frozen=True)
class Findings:
    """One encounter, read. ``conditions`` are sorted by place in the note; every tuple is.

    ``has_assessment``: the note has a diagnostic statement of its own (an assessment, impression, diagnosis or
    post-/pre-operative diagnosis with content). ``complaint``: the visit's stated reason is spinal (chief complaint, reason for
    visit, or the first sentence of the history). ``phases``: cues for the 7th character, values of `Phase`.
    ``intents``: cues, values of `Intent`. ``studies``: imaging in the note, value e.g. ``MRI lumbar``. ``supports``: what
    defends a code without deciding one, values of `Support`, the first quote of each.
    ``clarifications``: answers given after the note was written, by its provider or by the coder.
    """

    document_type: DocumentType = "visit"
    date_of_service: str | None = None
    has_assessment: bool = False
    complaint: bool = False
    conditions: tuple[Condition, ...] = ()
    links: tuple[Link, ...] = ()
    pregnancy: Pregnancy | None = None
    injuries: tuple[Injury, ...] = ()
    phases: tuple[Mark, ...] = ()
    intents: tuple[Mark, ...] = ()
    studies: tuple[Mark, ...] = ()
    red_flags: tuple[Mark, ...] = ()
    supports: tuple[Mark, ...] = ()
    clarifications: tuple[Clarification, ...] = ()


Fact = typing.TypeVar("Fact", Condition, Findings)


def altered(fact: Fact, **attributes: Any) -> Fact:
    """``fact`` with other attributes, as `dataclasses.replace` makes it in ten times the time: gaps try hundreds."""
    unknown = attributes.keys() - fact.__dict__.keys()
    if unknown:
        raise TypeError(f"{type(fact).__name__} has no {min(unknown)}")
    new = object.__new__(type(fact))
    new.__dict__.update(fact.__dict__, **attributes)
    return new


# -- JSON --------------------------------------------------------------------------------------------------------------


def to_json(value: Any) -> Any:
    """Plain JSON data of a findings dataclass; defaults are left out, so stored findings stay readable."""
    if isinstance(value, tuple):
        return [to_json(item) for item in value]
    if isinstance(value, type) or not dataclasses.is_dataclass(value):
        return value
    out: dict[str, Any] = {"schema": SCHEMA} if isinstance(value, Findings) else {}
    kind: Any = type(value)
    for name, default in _defaults(kind):
        item = getattr(value, name)
        if item is not default and item != default:
            out[name] = item if item.__class__ in _PLAIN else to_json(item)
    return out


_PLAIN: typing.Final = frozenset((str, int, bool, type(None)))


@functools.cache
def _defaults(kind: Any) -> tuple[tuple[str, Any], ...]:
    """The fields of a dataclass with their defaults (`MISSING` where there is none)."""
    return tuple((field.name, field.default) for field in dataclasses.fields(kind))


def from_json(data: Any) -> Findings:
    """`Findings` of what `to_json` wrote.

    Raises:
        FindingsError: an unknown or missing key, a value outside the vocabulary, or another schema; names the path.
    """
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        raise FindingsError(f"findings: schema is not {SCHEMA}; these were not written by this version")
    built = _build(Findings, {k: v for k, v in data.items() if k != "schema"}, "findings")
    assert isinstance(built, Findings)
    if built.date_of_service is not None and not _is_day(built.date_of_service):
        raise FindingsError("findings.date_of_service: a day written YYYY-MM-DD is needed")
    return built


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _build(kind: Any, data: Any, path: str) -> Any:
    origin, args = typing.get_origin(kind), get_args(kind)
    if origin is tuple:
        if not isinstance(data, list):
            raise FindingsError(f"{path}: a list is needed")
        return tuple(_build(args[0], item, f"{path}[{i}]") for i, item in enumerate(data))
    if origin is Literal:
        if data not in args:
            raise FindingsError(f"{path}: {data!r} is none of {', '.join(map(str, args))}")
        return data
    if type(None) in args:
        inner = next(a for a in args if a is not type(None))
        return None if data is None else _build(inner, data, path)
    if dataclasses.is_dataclass(kind):
        return _build_dataclass(kind, data, path)
    if not isinstance(data, kind) or (kind is int and isinstance(data, bool)):
        raise FindingsError(f"{path}: {kind.__name__} is needed")
    return data


def _build_dataclass(kind: Any, data: Any, path: str) -> Any:
    if not isinstance(data, dict):
        raise FindingsError(f"{path}: an object is needed")
    hints = typing.get_type_hints(kind)
    unknown = sorted(set(data) - set(hints))
    if unknown:
        raise FindingsError(f"{path}: unknown key {unknown[0]!r}")
    values = {name: _build(hint, data[name], f"{path}.{name}") for name, hint in hints.items() if name in data}
    missing = [f.name for f in dataclasses.fields(kind) if f.default is dataclasses.MISSING and f.name not in values]
    if missing:
        raise FindingsError(f"{path}: key {missing[0]!r} is missing")
    return kind(**values)


def json_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of `Findings` as `to_json` writes them, made from the dataclasses themselves."""
    defs: dict[str, Any] = {}
    root = _schema_of(Findings, defs)
    defs["Findings"]["properties"]["schema"] = {"const": SCHEMA}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$defs": defs, **root}


def _schema_of(kind: Any, defs: dict[str, Any]) -> dict[str, Any]:
    origin, args = typing.get_origin(kind), get_args(kind)
    if origin is tuple:
        return {"type": "array", "items": _schema_of(args[0], defs)}
    if origin is Literal:
        return {"enum": list(args)}
    if type(None) in args:
        return {"anyOf": [_schema_of(a, defs) if a is not type(None) else {"type": "null"} for a in args]}
    if dataclasses.is_dataclass(kind):
        name = kind.__name__  # type: ignore[union-attr]
        if name not in defs:
            defs[name] = {}
            hints = typing.get_type_hints(kind)
            required = [f.name for f in dataclasses.fields(kind) if f.default is dataclasses.MISSING]
            properties = {k: _schema_of(h, defs) for k, h in hints.items()}
            defs[name] = {
                "type": "object",
                "properties": properties,
                "required": required,
                "additionalProperties": False,
            }
        return {"$ref": f"#/$defs/{name}"}
    return {"type": {str: "string", int: "integer", bool: "boolean"}[kind]}
