"""Scoring: the rules of the reference scorer, case by case, and facts in one vocabulary."""

from __future__ import annotations

import pytest
from spinecode.coding.findings import Condition, Evidence, Findings, Mark, Pregnancy
from spinecode.pipelines.evaluate import (
    Corpus,
    evaluate,
    in_scope,
    is_accepted,
    render_report,
    report_data,
    score,
)
from spinecode.pipelines.evaluate_facts import read_facts, reference_facts

WORDS = Evidence(0, 4, "pain", "assessment")


def rates(got, **note):
    return score([{"id": "a", "codes": [], **note}], {"a": got})


@pytest.mark.parametrize(
    ("code", "inside"),
    [
        ("M54.50", True),
        ("M47.816", True),
        ("M48.061", True),
        ("M48.50XA", False),
        ("O26.892", True),
        ("O99.891", True),
        ("R10.A1", True),
        ("R10.9", False),
        ("S33.5XXA", True),
        ("S33.1XXA", False),
        ("Z3A.20", False),
        ("M62.830", True),
        ("M25.50", False),
    ],
)
def test_scope(code, inside):
    assert in_scope([code]) == [code] * inside


def test_an_exact_set_is_right_everywhere():
    assert set(rates(["M54.41", "G89.29"], codes=["M54.41", "G89.29"]).values()) == {1.0}


def test_order_matters_for_the_first_listed_alone():
    got = rates(["G89.29", "M54.41"], codes=["M54.41", "G89.29"])
    assert (got["accepted"], got["strict"], got["first-listed"]) == (1, 1, 0)


def test_an_alternative_is_accepted_and_not_strict():
    got = rates(["M54.50"], codes=["M54.59"], alternatives=[["M54.50"]])
    assert (got["accepted"], got["strict"], got["first-listed"], got["F1"]) == (1, 0, 1, 1)


def test_codes_that_may_come_or_go_are_not_scored():
    note = {"codes": ["M54.50"], "accept_extra": ["G89.29"]}
    assert rates(["M54.50", "G89.29"], **note)["accepted"] == 1
    assert rates(["G89.29", "M54.50"], **note)["first-listed"] == 1  # first and free, and the set is accepted
    assert rates(["G89.29", "M54.2"], **note)["first-listed"] == 0


def test_nothing_against_nothing_is_right():
    got = rates([])
    assert (got["accepted"], got["strict"], got["first-listed"]) == (1, 1, 1)
    assert got["F1"] == 0  # nothing to find, nothing found


def test_f1_is_counted_against_the_nearest_accepted_set():
    got = rates(["M54.2", "M54.6"], codes=["M54.50"], alternatives=[["M54.2", "M54.6", "G89.29"]])
    assert got["precision"] == 1
    assert got["recall"] == pytest.approx(2 / 3)


def test_counts_are_summed_over_notes():
    notes = [{"id": "a", "codes": ["M54.2"]}, {"id": "b", "codes": ["M54.6"]}]
    got = score(notes, {"a": ["M54.2", "M54.9"], "b": []})
    assert (got["precision"], got["recall"], got["F1"]) == (0.5, 0.5, 0.5)
    assert not is_accepted(notes[0], ["M54.2", "M54.9"])


def test_facts_are_those_of_present_spinal_conditions():
    findings = Findings(
        conditions=(
            Condition("pain", WORDS, "assessment", regions=("lumbar",), sides=("bilateral",), duration_days=84),
            Condition(
                "radiculopathy", WORDS, "assessment", assertion="negated", regions=("cervical",), sides=("left",)
            ),
            Condition("stenosis", WORDS, "imaging", regions=("thoracic",), imaging=True),
            Condition("outside_problem", WORDS, "assessment", chronicity="acute"),
        ),
        intents=(Mark("pain_control", WORDS), Mark("diagnostic", WORDS, assertion="negated")),
        pregnancy=Pregnancy(WORDS, weeks=28),
    )
    assert read_facts(findings) == {
        "region": {"lumbar"},
        "laterality": {"left", "right"},
        "chronicity": {"chronic"},
        "intent": {"pain_control"},
        "trimester": {"third"},
    }


def test_a_visit_without_a_mark_of_another_purpose_is_an_evaluation():
    assert read_facts(Findings())["intent"] == {"evaluation"}
    assert read_facts(Findings(document_type="imaging_report"))["intent"] == {"diagnostic"}


def test_evidence_counts_when_it_stands_in_the_sentence_of_the_reference(engine):
    text = "Plumber, 40. Assessment: Low back pain, worse with bending. Neck is fine."
    note = {"id": "a", "text": text, "codes": ["M54.50"], "evidence": {"M54.50": "worse  with bending"}}
    far = {**note, "id": "b", "evidence": {"M54.50": "Neck is fine"}}
    unsaid = {**note, "id": "c", "evidence": {"M54.50": "not in the note"}}
    assert evaluate(Corpus((note, far, unsaid), ()), engine).evidence == (1, 2)
    assert "evidence            0.500   (1 of 2 right codes" in render_report(evaluate(Corpus((note, far), ()), engine))


def test_reference_facts_of_both_corpora_read_alike():
    as_lists = {
        "region": ["unspecified"],
        "laterality": ["left", "right"],
        "intent": ["pain_management"],
        "trimester": [],
    }
    as_words = {
        "region": "back",
        "laterality": "bilateral",
        "intent": "pain_control",
        "trimester": None,
        "imaging": ["x"],
    }
    assert reference_facts({"facts": as_lists}) == reference_facts({"facts": as_words})
    assert reference_facts({}) == {}
    assert reference_facts({"facts": {"region": ["unspecified", "lumbar"]}}) == {"region": {"lumbar"}}
    assert reference_facts({"facts": {"intent": "follow-up"}}) == {"intent": {"evaluation"}}
    assert reference_facts({"facts": {"chronicity": "acute on chronic"}}) == {"chronicity": {"acute_on_chronic"}}


def test_negatives_count_only_in_their_own_line(engine):
    pain = "ASSESSMENT: Low back pain."
    corpus = Corpus(
        notes=({"id": "a", "text": pain, "codes": ["M54.2"], "evidence": {"M54.2": ["neck", {"text": "pain"}]}},),
        negatives=({"id": "n", "text": pain, "codes": []}, {"id": "m", "text": "Asthma.", "codes": []}),
    )
    report = evaluate(corpus, engine)
    assert (report.notes, report.coded, report.negatives, report.false_on_negatives) == (1, 1, 2, 1)
    assert report.rates["accepted"] == {"all": 0, "all_no_codes": 0, "coded": 0, "coded_no_codes": 0}
    text = render_report(report)
    assert "a: got M54.50 · reference M54.2" in text
    assert "“neck; pain”" in text
    assert "n (negative): got M54.50" in text
    assert "reference" not in render_report(report, quiet=True)
    assert len(report_data(report)["disagreements"]) == 2


def test_gap_figures_stand_beside_a_constant_answer(engine):
    sided = {"id": "a", "text": "A: Back pain for 2 weeks.", "codes": ["M54.9"], "gaps": ["region"]}
    silent = {"id": "b", "text": "A: Asthma.", "codes": [], "gaps": []}
    figures = evaluate(Corpus(notes=(sided, silent), negatives=()), engine).gaps
    assert (figures.notes, figures.all.recall, figures.all.precision) == (2, 1.0, 1.0)
    assert (figures.constant.both, figures.constant.ours, figures.constant.reference) == (0, 6, 1)
    text = render_report(evaluate(Corpus(notes=(sided, silent), negatives=()), engine), quiet=True)
    assert "gaps                recall 1.000   precision 1.000" in text
