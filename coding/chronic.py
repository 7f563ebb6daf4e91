"""Chronicity and G89: when pain is chronic, which pain code it accompanies, which comes first (policy section 5)."""

from __future__ import annotations

from collections.abc import Iterable

from .case import CHRONIC_DAYS, STATEMENT, Case
from .codes import plain
from .codeset import NotCoded
from .findings import Condition, Evidence, Kind
from .kinds import INJURIES, SPINAL_PAIN
from .problem import NOTHING, Draft, Found
from .words import rationale

PAIN_CODES = ("M54.2", "M54.3", "M54.4", "M54.5", "M54.6", "M54.8", "M54.9", "R10.A")
"""With *chronic* they take G89.29. M53.3 does too when it is the pain, M54.1- when chronic pain is stated."""

_PAINS: tuple[Kind, ...] = (*sorted(SPINAL_PAIN), "sciatica", "sacroiliac_pain", "coccydynia", "flank_pain")
_TAKING = (*_PAINS, "radiculopathy", "occipital_neuralgia")
"""Kinds whose own chronicity may add G89.29 to their code."""

_REGIONAL = ("pain", "low_back_pain_with_sciatica", "radiculopathy", "strain", "sprain")
"""Families whose chronicity may be told of any pain in their region group."""

_OWN_PAINS: dict[str, tuple[Kind, ...]] = {
    "sciatica": ("sciatica", "low_back_pain_with_sciatica"),
    "low_back_pain_with_sciatica": ("sciatica",),
    "sacroiliac_pain": ("sacroiliac_pain",),
    "coccydynia": ("coccydynia",),
    "flank_pain": ("flank_pain",),
}
"""Families whose pain has one place, and the mentions that tell of it."""

_SYNDROMES: tuple[tuple[Kind, str], ...] = (
    ("chronic_pain_syndrome", "chronic-pain-syndrome"),
    ("neoplasm_pain", "neoplasm-pain"),
)
_G89_SITES = (*PAIN_CODES, "M53.3")
_ACUTE_DAYS = 42
_BESIDE_CAUSE = "sciatica-beside-cause"


def chronicity(case: Case, drafts: tuple[Draft, ...]) -> Found:
    """The G89 codes of a note, given the codes of site and cause."""
    found = _named_syndromes(case)
    if any(d.code == "G89.4" for d in found.drafts):
        return found
    return found + _chronic(case, drafts, found) + _acute(case, drafts)


def pain_control(case: Case) -> bool:
    """Whether the encounter is for pain control (guideline I.C.6.b.1): G89 then comes first."""
    return any(m.value == "pain_control" and m.assertion == "present" for m in case.findings.intents)


def _named_syndromes(case: Case) -> Found:
    """G89.3 and G89.4 are diagnoses of their own."""
    found: list[Draft] = []
    for kind, rule in _SYNDROMES:
        problems = case.of(kind)
        if problems:
            evidence = [e for p in problems for e in p.evidence]
            found.append(plain(kind, "", rule, min(p.place for p in problems), evidence))
    tumour = [i for i in case.selection.coded if "neoplasm_related" in case.mention(i).qualities]
    if tumour and not any(d.code == "G89.3" for d in found):
        first = case.mention(tumour[0])
        place = (first.item or 10_000, first.evidence.start)
        found.append(plain("neoplasm_pain", "", "neoplasm-pain", place, [case.mention(i).evidence for i in tumour]))
    return Found(tuple(found))


# -- chronic pain ------------------------------------------------------------------------------------------------------


def _chronic(case: Case, drafts: tuple[Draft, ...], named: Found) -> Found:
    if any(d.code == "G89.3" for d in named.drafts):
        return NOTHING
    conditions = case.findings.conditions
    lasting = {i for i, _ in case.usable if _is_chronic(conditions[i])}
    if not lasting:  # what drafts stand for is among the usable mentions
        return _longstanding(case, drafts)
    found = NOTHING
    covered: set[int] = set()
    chronic: dict[tuple[str, str], list[tuple[Draft, tuple[int, ...]]]] = {}
    for d in drafts:
        mentions = _mentions_of(case, d)
        words = tuple([i for i in mentions if i in lasting])
        if not words or not _takes_g89(case, d, words):
            covered.update(words if _is_pain(d) and d.rule != _BESIDE_CAUSE else ())
            continue
        covered.update(words)
        chronic.setdefault(_variant(case, mentions, words), []).append((d, words))
    for (variant, rule), pairs in chronic.items():
        found += Found((_g89(case, variant, rule, pairs),))
    found += _of_causes(case, drafts, lasting, covered)
    if not found.drafts:
        found += _longstanding(case, drafts)
    return found


def _mentions_of(case: Case, d: Draft) -> tuple[int, ...]:
    """Present mentions of the pain this code stands for, unlocated "chronic pain" included where it is this pain."""
    regional = case.pain_mentions(d.regions) if d.family in _REGIONAL else ()
    own = [i for i in (*d.mentions, *_same_kind(case, d)) if case.mention(i).kind in _TAKING]
    return tuple(dict.fromkeys((*own, *regional, *_unlocated(case, d))))


def _same_kind(case: Case, d: Draft) -> tuple[int, ...]:
    kinds = _OWN_PAINS.get(d.family, ())
    return case.present(*kinds) if kinds else ()


def _unlocated(case: Case, d: Draft) -> tuple[int, ...]:
    """Chronic pain told with no site of its own: this pain's if tied to it, in its entry, or the only pain diagnosed."""
    unlocated = case.present("chronic_pain")
    if not unlocated:
        return ()
    items = {case.mention(i).item for i in d.mentions} - {0}
    found = []
    for i in unlocated:
        c = case.mention(i)
        tied = case.tied((i,), d.mentions, "due_to", "with") or case.tied(d.mentions, (i,), "with")
        stated = c.source in STATEMENT | {"indication"} or not case.findings.has_assessment
        if tied or (not c.name and (stated or c.item in items)):
            found.append(i)
    return tuple(found)


def _is_chronic(c: Condition) -> bool:
    """The provider's word on this pain, or a stated duration of twelve weeks or more."""
    if c.duration_days is not None and c.duration_days >= CHRONIC_DAYS and c.assertion == "present":
        return True
    return _by_word(c)


def _told(c: Condition) -> list[Evidence]:
    """The pain and the words that make it chronic."""
    return [c.evidence, *(d.evidence for d in c.details if d.about in ("chronicity", "duration_days"))]


def _by_word(c: Condition) -> bool:
    return c.chronicity in ("chronic", "acute_on_chronic") or c.kind == "chronic_pain"


def _is_chronic_pain_in_words(c: Condition) -> bool:
    """Chronic *pain*, not a chronic radiculopathy, and not a duration alone."""
    return _by_word(c) and (c.kind != "radiculopathy" or "pain_named" in c.qualities)


def _is_pain(d: Draft) -> bool:
    return d.code.startswith(_G89_SITES)


def _takes_g89(case: Case, d: Draft, words: tuple[int, ...]) -> bool:
    if d.rule == _BESIDE_CAUSE:
        return False  # its cause is coded: the pain of a definitive cause
    if _is_pain(d):
        return True
    if d.family == "radiculopathy":
        return any(_is_chronic_pain_in_words(case.mention(i)) for i in words)
    if d.family in INJURIES and d.code[-1] != "S":
        # Acute strain on chronic low back pain: the strain explains the acute part only.
        return any(_by_word(case.mention(i)) for i in words)
    return d.family in INJURIES and any("due_to_trauma" in case.mention(i).qualities for i in words)


def _variant(case: Case, mentions: tuple[int, ...], words: tuple[int, ...]) -> tuple[str, str]:
    qualities = {q for i in mentions for q in case.mention(i).qualities}
    if "due_to_trauma" in qualities:
        return "trauma_chronic", "pain-due-to-trauma"
    if "postprocedural" in qualities:
        return "postprocedural_chronic", "postprocedural-pain"
    return "chronic", "chronic-pain" if any(_by_word(case.mention(i)) for i in words) else "guide-chronic-12-weeks"


def _g89(case: Case, variant: str, rule: str, pairs: Iterable[tuple[Draft, tuple[int, ...]]]) -> Draft:
    drafts = [d for d, _ in pairs]
    words = [i for _, found in pairs for i in found]
    if rule == "chronic-pain" and any(d.family in INJURIES for d in drafts):
        rule = "chronic-acute-strain"
    place = max(d.place for d in drafts)
    evidence = [e for i in words for e in _told(case.mention(i))]
    return plain("pain_g89", variant, rule, place, evidence, [d.code for d in drafts])


def _of_causes(case: Case, drafts: tuple[Draft, ...], lasting: set[int], covered: set[int]) -> Found:
    """Chronic pain whose definitive cause is coded: G89 only when the encounter is for pain control (I.C.6.b.1)."""
    loose = [
        i
        for i in case.present(*_PAINS, "chronic_pain")
        if i in lasting and i not in covered and not _elsewhere(case.mention(i))
    ]
    if not loose or not drafts:
        return NOTHING
    evidence = tuple(sorted({case.mention(i).evidence for i in loose}))
    if pain_control(case):
        return Found((plain("pain_g89", "chronic", "pain-control", min(d.place for d in drafts), evidence),))
    if all(case.mention(i).kind == "chronic_pain" for i in loose) and all(map(_is_bare_pain, drafts)):
        why = rationale("chronic-of-what", evidence, (), "", "G89.29")
        out = NotCoded("chronic pain", "G89.29", "needs_documentation", why, "chronic-of-what", evidence)
        return Found(left_out=(out,))
    why = rationale("chronic-with-cause", evidence, (), "", "G89.29")
    return Found(left_out=(NotCoded("chronic pain", "G89.29", "replaced", why, "chronic-with-cause", evidence),))


def _is_bare_pain(d: Draft) -> bool:
    """A pain whose cause is not coded beside it."""
    return _is_pain(d) and d.rule != _BESIDE_CAUSE


def _elsewhere(c: Condition) -> bool:
    """Chronic pain of a site that is not the spine."""
    return c.kind == "chronic_pain" and bool(c.name)


def _longstanding(case: Case, drafts: tuple[Draft, ...]) -> Found:
    """Longstanding, persistent, for years: not *chronic* in the provider's words, so it is asked."""
    vague = [i for i in _with_words(case) if "longstanding" in case.mention(i).qualities]
    if not vague or not any(_is_pain(d) for d in drafts):
        return NOTHING
    evidence = tuple(sorted({case.mention(i).evidence for i in vague}))
    why = rationale("longstanding-not-chronic", evidence, (), "", "G89.29")
    out = NotCoded("chronic pain", "G89.29", "needs_documentation", why, "longstanding-not-chronic", evidence)
    return Found(left_out=(out,), queries=("Is the pain chronic, and since when?",))


def _with_words(case: Case) -> list[int]:
    """The pains that are called something."""
    return [i for i in case.present(*_PAINS) if case.mention(i).qualities]


# -- acute pain of a stated kind ---------------------------------------------------------------------------------------


def _acute(case: Case, drafts: tuple[Draft, ...]) -> Found:
    """Acute pain stated as due to trauma or after a procedure, where no definitive cause is coded."""
    postoperative = [i for p in case.of("postoperative_pain") for i in p.mentions]
    if postoperative:
        return _postoperative(case, postoperative, drafts)
    pains = _with_words(case)
    if not pains or not any(_is_pain(d) for d in drafts):
        return NOTHING
    for quality, variant, rule in (
        ("due_to_trauma", "trauma_acute", "pain-due-to-trauma"),
        ("postprocedural", "postprocedural_acute", "postprocedural-pain"),
    ):
        words = [i for i in pains if quality in case.mention(i).qualities and _is_acute(case.mention(i))]
        if words:
            evidence = [e for i in words for e in _told(case.mention(i))]
            place = max(d.place for d in drafts if _is_pain(d))
            follows = [d.code for d in drafts if _is_pain(d)]
            return Found((plain("pain_g89", variant, rule, place, evidence, follows),))
    return NOTHING


def _postoperative(case: Case, mentions: list[int], drafts: tuple[Draft, ...]) -> Found:
    chronic = any(_is_chronic(case.mention(i)) for i in mentions)
    variant = "postprocedural_chronic" if chronic else "postprocedural_acute"
    if any(d.code == "M96.1" for d in drafts):
        return NOTHING
    place = min((case.mention(i).item or 10_000, case.mention(i).evidence.start) for i in mentions)
    evidence = [case.mention(i).evidence for i in mentions]
    behind = [d.code for d in drafts]  # the site first, unless the encounter is for pain control (I.C.6.b.1.b)
    return Found((plain("pain_g89", variant, "postprocedural-pain", place, evidence, behind),))


def _is_acute(c: Condition) -> bool:
    days = c.duration_days is not None and c.duration_days < _ACUTE_DAYS
    return c.chronicity == "acute" or "acute_onset" in c.qualities or days
