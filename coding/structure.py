"""Structural causes and the conditions with one row each: stenosis, spondylosis, slips, syndromes (policy section 4)."""

from __future__ import annotations

from .case import Case
from .codes import draft
from .codeset import NotCoded
from .findings import Kind, Quality
from .kinds import DEGENERATIVE
from .problem import NOTHING, Draft, Found, Problem, evidence_of
from .radicular import Spending
from .regions import same_or_unknown
from .words import named, reason

_ONE_ROW: dict[Kind, str] = {
    "sacroiliac_pain": "sacroiliac-pain",
    "coccydynia": "coccydynia",
    "sacroiliitis": "sacroiliitis",
    "occipital_neuralgia": "occipital-neuralgia",
    "cervicobrachial_syndrome": "cervicobrachial",
    "cervicocranial_syndrome": "cervicocranial",
    "instability": "instability",
    "multifidus_dysfunction": "multifidus",
    "postlaminectomy_syndrome": "postlaminectomy",
    "cauda_equina": "cauda-equina",
}
"""Kinds whose code follows from the region alone."""

_SEVERAL_SITES: dict[Kind, str] = {
    "spondylolisthesis": "spondylolisthesis",
    "spondylolysis": "spondylolysis",
    "ankylosing_spondylitis": "ankylosing-spondylitis",
    "discitis": "discitis",
}
"""Kinds with a leaf for several regions (policy 2)."""

_STRUCTURES: frozenset[Kind] = DEGENERATIVE | frozenset(
    {
        *_ONE_ROW,
        *_SEVERAL_SITES,
        "stenosis",
        "facet_syndrome",
        "scoliosis",
        "muscle_spasm",
        "segmental_dysfunction",
        "myelopathy",
    }
)
_SCOLIOSES: tuple[Quality, ...] = ("adolescent", "juvenile", "neuromuscular", "secondary")


def structures(case: Case, spending: Spending) -> Found:
    """Codes of every confirmed cause that is neither disc nor injury."""
    told = case.kinds
    if told.isdisjoint(_STRUCTURES):
        return NOTHING
    found = _stenosis(case) + _spondylosis(case, spending) + _facet_syndrome(case)
    for kind in [kind for kind in _ONE_ROW if kind in told]:
        for problem in case.of(kind):
            found += _or_query(problem, draft(problem, kind, _ONE_ROW[kind]))
    for kind in [kind for kind in _SEVERAL_SITES if kind in told]:
        found += _several(case, kind, _SEVERAL_SITES[kind])
    return found + _scoliosis(case) + _spasm(case) + _segmental(case) + _unspent_cord(case, spending)


def _or_query(problem: Problem, drafts: tuple[Draft, ...]) -> Found:
    return Found(drafts) if drafts else Found(queries=(f"Please state the spinal region of {named(problem)}.",))


def _stenosis(case: Case) -> Found:
    """Claudication makes .062 of the lumbar leaf; the other regions do not tell it apart."""
    found = NOTHING
    for problem in case.of("stenosis"):
        claudication = [
            i for i in case.present("claudication") if same_or_unknown(case.mention(i).regions, problem.regions)
        ]
        walked = problem.region == "lumbar" and (bool(claudication) or problem.noted("with_claudication"))
        rule, variant = ("stenosis-claudication", "claudication") if walked else ("stenosis", "")
        also = case.mentions(claudication) if walked else ()
        found += Found(draft(problem, "stenosis", rule, variant, also=also))
    return found


def _spondylosis(case: Case, spending: Spending) -> Found:
    """Facet degeneration is coded as spondylosis; one leaf per region, the neural one if the nerve was spent here."""
    found = NOTHING
    neural_regions = set()
    for problem in case.among(DEGENERATIVE):
        cord, root = spending.myelopathy.get(problem, ()), spending.radiculopathy.get(problem, ())
        if cord:
            found += Found(
                draft(problem, "spondylosis", "spondylosis-myelopathy", "myelopathy", also=case.mentions(cord))
            )
        if root:
            also = case.mentions(root)
            found += Found(draft(problem, "spondylosis", "spondylosis-radiculopathy", "radiculopathy", also=also))
        if cord or root:
            neural_regions.add(problem.region)
    for problem in case.among(DEGENERATIVE):
        if problem.region not in neural_regions:
            found += Found(draft(problem, "spondylosis", "spondylosis"))
    return found


def _facet_syndrome(case: Case) -> Found:
    """Where degeneration of the facets is documented too, the syndrome is that degeneration (policy 4)."""
    found = NOTHING
    for problem in case.of("facet_syndrome"):
        degeneration = [
            i for i in case.present(*DEGENERATIVE) if same_or_unknown(case.mention(i).regions, problem.regions)
        ]
        if not degeneration:
            found += Found(draft(problem, "facet_syndrome", "facet-syndrome"))
        elif not case.near(DEGENERATIVE, problem.regions):
            found += Found(draft(problem, "spondylosis", "spondylosis", also=case.mentions(degeneration)))
    return found


def _several(case: Case, kind: Kind, rule: str) -> Found:
    """Several regions share the multiple-sites leaf."""
    problems = case.of(kind)
    if len({p.region for p in problems if p.region}) < 2:
        return Found(tuple(d for p in problems for d in draft(p, kind, rule)))
    first = min(problems, key=lambda p: p.place)
    evidence = tuple(sorted({e for p in problems for e in p.evidence}))
    regions = tuple(dict.fromkeys(r for p in problems for r in p.regions))
    row = draft(first._replace(region=None), kind, "multiple-sites", "multiple")
    mentions = tuple(dict.fromkeys(i for p in problems for i in p.mentions))
    return Found(tuple(Draft(d.code, kind, "multiple-sites", regions, first.place, evidence, mentions) for d in row))


def _scoliosis(case: Case) -> Found:
    found = NOTHING
    for problem in case.of("scoliosis"):
        variant = next((word for word in _SCOLIOSES if problem.said(word)), "")
        if not variant and problem.said("idiopathic", "degenerative"):
            variant = "idiopathic" if problem.said("idiopathic") else "degenerative"
        found += Found(draft(problem, "scoliosis", "scoliosis", variant))
    return found


def _spasm(case: Case) -> Found:
    """Spasm of the back as a diagnosis, not beside a strain of that region."""
    found = NOTHING
    for problem in case.of("muscle_spasm"):
        if case.near({"strain"}, problem.regions):
            found += Found(left_out=(_left_out(problem, "M62.830", "spasm-with-strain"),))
        else:
            found += Found(draft(problem, "muscle_spasm", "muscle-spasm"))
    return found


def _left_out(problem: Problem, code: str, rule: str) -> NotCoded:
    return NotCoded(named(problem), code, "replaced", reason(rule, problem, code), rule, problem.evidence)


def _segmental(case: Case) -> Found:
    found = NOTHING
    for problem in case.of("segmental_dysfunction"):
        for index, c in zip(problem.mentions, problem.stated, strict=True):
            one = problem._replace(mentions=(index,), conditions=(c,), evidence=evidence_of((c,)))
            pelvic = "pelvic" in c.qualities
            if c.regions or not pelvic:
                found += _or_query(one, draft(one, "segmental_dysfunction", "segmental-dysfunction"))
            if pelvic:
                pelvis = one._replace(region="sacral")  # where the table keeps the pelvis
                found += _or_query(pelvis, draft(pelvis, "segmental_dysfunction", "segmental-dysfunction", "pelvic"))
    return found


def _unspent_cord(case: Case, spending: Spending) -> Found:
    """Myelopathy without a disc or spondylosis to carry it has no code in our scope."""
    loose = [p for p in case.of("myelopathy") if p not in spending.spent]
    return Found(queries=tuple(f"Please state the cause of the {named(p)}." for p in loose))
