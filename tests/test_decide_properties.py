"""What holds for every code set, whatever the findings: legality, evidence, order, determinism."""

from __future__ import annotations

import dataclasses
import json
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from spinecode.coding import findings as f
from spinecode.coding.case import open_case, ordered
from spinecode.coding.codeset import Code, CodeSet
from spinecode.coding.decide import decide
from spinecode.coding.disc import discs
from spinecode.coding.edits import edit, g89_alone
from spinecode.coding.injury import injuries
from spinecode.coding.kinds import LOW_BACK_ONLY, OUTSIDE, SACRAL_ONLY, WITHOUT_REGION
from spinecode.coding.pain import pains
from spinecode.coding.radicular import spend
from spinecode.coding.regions import groups_of
from spinecode.coding.structure import structures
from spinecode.coding.tables import tables, tabular

EXAMPLES = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])

LEVELS = ("C3-C4", "C5-C6", "C7-T1", "T7-T8", "T12-L1", "L3-L4", "L4-L5", "L5-S1")
ROOTS = ("C2", "C6", "C8", "T6", "L4", "L5", "S1", "S2")
OBSTETRIC = ("O26.89", "O99.89", "O9A.21")
ADDRESSED = ("assessment", "chief_complaint", "history", "indication", "post_diagnosis", "pre_diagnosis")


def _some(values: Any, most: int = 2) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(st.sampled_from(values), max_size=most, unique=True).map(tuple)


@st.composite
def conditions(draw: st.DrawFn, index: int) -> f.Condition:
    """One mention; likely sources and a present state come more often than the rest."""
    kind = draw(st.sampled_from(get_args(f.Kind)))
    start = 100 * index + draw(st.integers(0, 3))
    quote = f"{kind} {index}"
    source = draw(st.one_of(st.sampled_from(ADDRESSED), st.sampled_from(get_args(f.Source))))
    return f.Condition(
        kind,
        f.Evidence(start, start + len(quote), quote, source),
        source,
        assertion=draw(st.one_of(st.just("present"), st.sampled_from(get_args(f.Assertion)))),
        regions=draw(_some(get_args(f.Region))),
        levels=draw(st.one_of(st.just(()), _some(LEVELS))),
        roots=draw(_some(ROOTS, 1)) if kind == "radiculopathy" else (),
        sides=draw(_some(get_args(f.Side), 1)),
        chronicity=draw(st.one_of(st.none(), st.sampled_from(get_args(f.Chronicity)))),
        duration_days=draw(st.one_of(st.none(), st.integers(1, 4000))),
        qualities=draw(_some(get_args(f.Quality))),
        item=draw(st.integers(0, 3)),
        heading=draw(st.booleans()),
        imaging=draw(st.booleans()),
        own_reading=draw(st.booleans()),
        explains=draw(_some(get_args(f.Region), 1)),
    )


@st.composite
def notes(draw: st.DrawFn) -> f.Findings:
    count = draw(st.integers(1, 6))
    facts = [draw(conditions(i)) for i in range(count)]
    links = [
        f.Link(
            draw(st.sampled_from(get_args(f.LinkKind))),
            draw(st.integers(0, count - 1)),
            draw(st.integers(0, count - 1)),
            f.Evidence(5000, 5006, "due to", "link"),
        )
        for _ in range(draw(st.integers(0, 2)))
    ]
    mark = f.Evidence(6000, 6004, "mark", "mark")
    return f.Findings(
        document_type=draw(st.sampled_from(get_args(f.DocumentType))),
        has_assessment=draw(st.booleans()),
        complaint=draw(st.booleans()),
        conditions=tuple(facts),
        links=tuple(links),
        pregnancy=draw(
            st.one_of(
                st.none(),
                st.builds(
                    f.Pregnancy,
                    st.just(mark),
                    st.one_of(st.none(), st.sampled_from(get_args(f.Trimester))),
                    st.one_of(st.none(), st.integers(0, 45)),
                    st.one_of(st.none(), st.sampled_from(get_args(f.Relation))),
                ),
            )
        ),
        injuries=tuple(
            draw(
                st.lists(
                    st.builds(f.Injury, st.sampled_from(get_args(f.Mechanism)), st.just(mark), st.booleans()),
                    max_size=1,
                )
            )
        ),
        phases=tuple(draw(st.lists(st.builds(f.Mark, st.sampled_from(get_args(f.Phase)), st.just(mark)), max_size=2))),
        intents=tuple(
            draw(st.lists(st.builds(f.Mark, st.sampled_from(get_args(f.Intent)), st.just(mark)), max_size=1))
        ),
    )


def billed(result: CodeSet) -> list[Code]:
    return [c for c in result.codes if c.role != "optional"]


@EXAMPLES
@given(notes())
def test_only_leaves_of_the_release(note: f.Findings) -> None:
    official = tabular()
    for code in decide(note).codes:
        assert official.is_leaf(code.code), f"{code.code} lacks {official.lacks(code.code)}"


@EXAMPLES
@given(notes())
def test_an_excluded_pair_stands_only_with_its_exception(note: f.Findings) -> None:
    official = tabular()
    result = decide(note)
    codes = result.codes
    for i, first in enumerate(codes):
        for second in codes[i + 1 :]:
            if official.excludes1(first.code, second.code):
                assert first.exception, (first.code, second.code)
                assert second.exception, (first.code, second.code)
                assert any(w.kind == "claim_edit" for w in result.warnings)


@EXAMPLES
@given(notes())
def test_a_current_injury_stands_without_pain_codes_of_its_region(note: f.Findings) -> None:
    codes = decide(note).codes
    for injury in [c for c in codes if c.code[0] == "S" and c.code[-1] != "S"]:
        rows = [row for row in tables().injuries if injury.code.startswith(row.injury)]
        assert rows, injury.code
        for pain in codes:
            regions = _regions_of(pain.code)
            if pain.code.startswith(rows[0].removes) and {row.group for row in rows} & set(groups_of(regions)):
                assert pain.exception, (injury.code, pain.code)


def _regions_of(code: str) -> tuple[f.Region, ...]:
    rows = [row for row in tables().codes.values() if row.code == code]
    return tuple(
        region for region in get_args(f.Region) if len({row.region for row in rows}) == 1 and rows[0].region == region
    )


@EXAMPLES
@given(notes())
def test_what_was_edited_once_stands(note: f.Findings) -> None:
    case, official = open_case(note), tabular()
    spending, injured = spend(case), injuries(case)
    found = injured + discs(case, spending) + structures(case, spending) + pains(case, spending, injured.drafts)
    once = edit(case, found.drafts, official)
    again = edit(case, once.drafts, official)
    assert again.drafts == once.drafts
    assert not again.left_out
    assert not again.queries


@EXAMPLES
@given(notes())
def test_g89_2_is_never_alone_and_never_beside_g89_4(note: f.Findings) -> None:
    codes = [c.code for c in billed(decide(note))]
    chronic = [c for c in codes if c.startswith("G89.2")]
    if chronic:
        assert len(codes) > len(chronic)
        assert "G89.4" not in codes
        assert "G89.3" not in codes


@EXAMPLES
@given(notes())
def test_obstetric_codes_come_first(note: f.Findings) -> None:
    result = decide(note)
    for place, code in enumerate(result.codes):
        if code.code.startswith(OBSTETRIC):
            assert place == 0
            assert len(billed(result)) > 1


@EXAMPLES
@given(notes())
def test_only_what_is_present_gives_a_code(note: f.Findings) -> None:
    absent = tuple(
        c if c.assertion != "present" else dataclasses.replace(c, assertion="uncertain") for c in note.conditions
    )
    assert decide(dataclasses.replace(note, conditions=absent)).codes == ()


@EXAMPLES
@given(notes())
def test_every_code_is_explained_by_the_note(note: f.Findings) -> None:
    for code in decide(note).codes:
        assert code.evidence
        assert code.rationale
        assert code.source
        assert code.rule in tables().rules
        assert list(code.evidence) == sorted(code.evidence)


@EXAMPLES
@given(notes())
def test_a_side_is_never_invented(note: f.Findings) -> None:
    sides = {side for c in note.conditions for side in c.sides}
    codes = [c.code for c in decide(note).codes]
    for side, sided in (("right", ("M54.31", "M54.41", "R10.A1")), ("left", ("M54.32", "M54.42", "R10.A2"))):
        if not sides & {side, "bilateral"}:
            assert not set(codes) & set(sided)


@EXAMPLES
@given(notes(), st.randoms(use_true_random=False))
def test_the_order_of_the_list_is_nothing(note: f.Findings, random: Any) -> None:
    note = ordered(note)  # links count the conditions in note order
    shuffled = list(note.conditions)
    random.shuffle(shuffled)
    assert decide(dataclasses.replace(note, conditions=tuple(shuffled))) == decide(note)


@EXAMPLES
@given(notes())
def test_stored_findings_decide_the_same(note: f.Findings) -> None:
    stored = json.loads(json.dumps(f.to_json(note)))
    assert decide(f.from_json(stored)) == decide(note)


@EXAMPLES
@given(notes())
def test_one_first_listed_and_the_optional_last(note: f.Findings) -> None:
    roles = [c.role for c in decide(note).codes]
    assert roles == sorted(roles, key=["first_listed", "additional", "optional"].index)
    assert roles.count("first_listed") == (1 if roles else 0)
    assert len({c.code for c in decide(note).codes}) == len(roles)


@EXAMPLES
@given(notes())
def test_the_outcome_says_what_is_there(note: f.Findings) -> None:
    result = decide(note)
    asked = any(w.kind == "query" for w in result.warnings)
    wanted = {
        (True, False): "code",
        (True, True): "code_and_query",
        (False, True): "query",
        (False, False): "out_of_scope",
    }
    assert result.outcome == wanted[bool(result.codes), asked]


@EXAMPLES
@given(notes())
def test_low_back_pain_never_stands_beside_degeneration_unless_unrelated(note: f.Findings) -> None:
    result = decide(note)
    codes = [c.code for c in result.codes]
    unrelated = any("unrelated" in c.qualities for c in note.conditions) or any(
        k.kind == "not_due_to" for k in note.links
    )
    if not unrelated and {"M54.50", "M54.59"} & set(codes):
        assert not any(code.startswith(("M51.36", "M51.37")) for code in codes)


@EXAMPLES
@given(notes())
def test_residual_before_sequela(note: f.Findings) -> None:
    codes = [c.code for c in billed(decide(note))]
    sequelae = [i for i, code in enumerate(codes) if code.startswith("S") and code.endswith("S")]
    assert all(i >= len(codes) - len(sequelae) for i in sequelae)


def test_g89_alone_is_dropped() -> None:
    assert g89_alone((), tabular()).drafts == ()


SEVERAL_SITES = {"spondylolisthesis", "spondylolysis", "ankylosing_spondylitis", "discitis"}
"""Two regions of these share the multiple-sites leaf (policy 2)."""


@pytest.mark.parametrize(("here", "there"), [("cervical", "lumbar"), ("lumbar", "cervical"), ("cervical", "thoracic")])
def test_a_finding_of_another_region_removes_nothing(here: f.Region, there: f.Region) -> None:
    """All pairs of kinds whose region is what is said, each an entry of its own in the assessment."""
    placed = LOW_BACK_ONLY | SACRAL_ONLY | WITHOUT_REGION | OUTSIDE | {"chronic_pain", "postlaminectomy_syndrome"}
    fixed = {"occipital_neuralgia", "cervicobrachial_syndrome", "cervicocranial_syndrome"}
    kinds = [kind for kind in get_args(f.Kind) if kind not in placed | fixed]
    for first in kinds:
        alone = _codes_of(_entry(first, here, 1))
        for second in kinds:
            if first != second or first not in SEVERAL_SITES:
                assert alone <= _codes_of(_entry(first, here, 1), _entry(second, there, 2)), (first, second)


def _entry(kind: f.Kind, region: f.Region, item: int) -> f.Condition:
    quote = f.Evidence(100 * item, 100 * item + len(kind), kind, "assessment")
    return f.Condition(kind, quote, "assessment", regions=(region,), item=item, heading=True)


def _codes_of(*entries: f.Condition) -> set[str]:
    note = f.Findings(has_assessment=True, complaint=True, conditions=entries)
    return {c.code for c in decide(note).codes}
