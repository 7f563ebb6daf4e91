"""What a note leaves open: the gaps people see, the facts told after it, and that nothing open is missed."""

from __future__ import annotations

import dataclasses
import itertools
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from spinecode.coding import findings as f
from spinecode.coding.case import Case, open_case
from spinecode.coding.decide import claim_codes, decide
from spinecode.coding.gaps.analysis import gaps_of, open_questions
from spinecode.coding.gaps.answers import answered
from spinecode.coding.gaps.model import Element
from spinecode.coding.kinds import CHARACTER, DETAILS, LOW_BACK_ONLY, SACRAL_ONLY, WITHOUT_REGION
from spinecode.coding.problem import Problem
from spinecode.coding.tables import gap_checklists, gap_elements
from spinecode.pipelines import space

ROOT = Path(__file__).resolve().parent.parent
SCIATICA = "HPI: Low back pain with sciatica for 2 weeks.\nAssessment: Low back pain with sciatica.\n"


def gap(result, gap_id):
    return next((g for g in result.gaps if g.id == gap_id), None)


def codes(result):
    return [code.code for code in result.codes]


# -- what a reader sees ------------------------------------------------------------------------------------------------


def test_the_side_of_sciatica_is_a_gap_with_the_code_of_each_answer(engine):
    found = gap(engine.suggest(SCIATICA), "laterality:sciatica")
    assert found.effect == "code"
    assert {option.answer: option.codes for option in found.options} == {
        "left": ("M54.42",),
        "right": ("M54.41",),
        "bilateral": ("M54.41", "M54.42"),
    }
    assert "sciatica" in [e.text for e in found.indicators]


def test_a_side_that_is_stated_or_changes_nothing_is_no_gap(engine):
    assert gap(engine.suggest(SCIATICA.replace("with sciatica.", "with left sciatica.")), "laterality:sciatica") is None
    plain = engine.suggest("HPI: Low back pain for 2 weeks.\nAssessment: Low back pain.\n")
    assert not [g for g in plain.gaps if g.element == "laterality"]
    assert not [fact for fact in plain.open_facts if fact.element == "laterality"]


@pytest.mark.parametrize(
    ("note", "expected", "answer", "leads_to"),
    [
        ("CC: back pain.\nAssessment: Back pain for 3 weeks.\n", "region:pain", "lumbar", ["M54.50"]),
        ("CC: low back pain.\nAssessment: Low back pain.\n", "duration:pain", "chronic", ["M54.50", "G89.29"]),
        ("CC: low back pain.\nAssessment: Low back pain.\n", "etiology:pain", "mechanical", ["M54.59"]),
        (
            "CC: low back pain.\nAssessment: Low back pain for 2 weeks, possible lumbar strain.\n",
            "strain_confirmation:strain:lumbar",
            "confirmed",
            ["S39.012A"],
        ),
        (
            "CC: low back pain, 20 weeks pregnant.\nAssessment: Low back pain for 2 weeks in pregnancy.\n",
            "etiology:pregnancy",
            "incidental",
            ["M54.50", "Z33.1"],
        ),
        (
            "CC: back pain.\nAssessment: Pregnant. Low back pain for 2 weeks caused by the pregnancy.\n",
            "trimester:pregnancy",
            "second",
            ["O26.892", "M54.50"],
        ),
        (
            "CC: low back pain radiating down the right leg.\nAssessment: Low back pain for 2 weeks.\n",
            "diagnosis_statement:radiating_pain",
            "sciatica",
            ["M54.41"],
        ),
        (
            "CC: low back pain.\nAssessment: Vertebrogenic low back pain for 2 weeks.\n",
            "imaging:vertebrogenic_pain",
            "endplate_change",
            ["M54.51"],
        ),
        (
            "CC: low back pain.\nMRI: Modic type 1 changes at L4-L5.\nAssessment: Low back pain for 2 weeks.\n",
            "diagnosis_statement:vertebrogenic_pain",
            "vertebrogenic",
            ["M54.51"],
        ),
    ],
)
def test_an_answer_leads_to_its_codes(engine, note, expected, answer, leads_to):
    result = engine.suggest(note)
    found = gap(result, expected)
    assert found is not None, [g.id for g in result.gaps]
    option = next(o for o in found.options if o.answer == answer)
    assert set(leads_to) <= set(option.codes)
    assert list(option.codes) != codes(result)


def test_entries_that_disagree_are_a_gap_that_quotes_both(engine):
    note = "HPI: Right sciatica for 2 weeks.\nExam: normal.\nAssessment: Left sciatica.\n"
    found = gap(engine.suggest(note), "conflict:sciatica")
    quoted = " ".join(e.text for e in found.indicators)
    assert "Right sciatica" in quoted
    assert "Left sciatica" in quoted


def test_two_durations_are_a_conflict(engine):
    note = "HPI: Low back pain for 6 weeks.\nAssessment: Low back pain for 6 months.\n"
    assert gap(engine.suggest(note), "conflict:duration:pain") is not None


def test_a_trimester_against_the_weeks_is_a_conflict(engine):
    note = "HPI: 30 weeks pregnant.\nAssessment: Low back pain caused by pregnancy, second trimester.\n"
    assert gap(engine.suggest(note), "conflict:trimester") is not None


def test_a_red_flag_is_asked_about_unless_the_assessment_says_what_it_warned_of(engine):
    fever = "HPI: Low back pain and fever for 3 days.\nAssessment: {}\n"
    assert gap(engine.suggest(fever.format("Low back pain.")), "red_flags")
    assert gap(engine.suggest(fever.format("L4-5 discitis.")), "red_flags") is None
    retention = fever.replace("fever", "urinary retention")
    assert gap(engine.suggest(retention.format("L4-5 discitis.")), "red_flags")  # the cauda equina is another question


def test_the_guides_checklist_defends_a_code(engine):
    bare = engine.suggest("CC: low back pain.\nAssessment: Low back pain.\n")
    found = gap(bare, "objective")
    assert found.effect == "defence"
    assert "five elements 4" in found.demanded_by
    examined = engine.suggest("CC: low back pain.\nExam: Tender paraspinals.\nAssessment: Low back pain.\n")
    assert gap(examined, "objective") is None


# -- facts told after the note -----------------------------------------------------------------------------------------


def test_an_answer_is_decided_again_with_its_own_evidence(cli, tmp_path):
    (tmp_path / "note.txt").write_text(SCIATICA)
    done = cli("suggest", "note.txt", "--json", "--answer", "laterality:sciatica=left")
    data = json.loads(done.stdout)
    assert [c["code"] for c in data["codes"]] == ["M54.42"]
    assert data["before"] == ["M54.40"]
    assert data["findings"]["clarifications"] == [{"fact": "laterality:sciatica", "answer": "left", "by": "provider"}]
    sections = [e["section"] for e in data["codes"][0]["evidence"]]
    assert "provider clarification: laterality:sciatica=left" in sections
    assert all(SCIATICA[e["start"] : e["end"]] == e["text"] for e in data["codes"][0]["evidence"])
    assert "laterality:sciatica" not in [g["id"] for g in data["gaps"]]


def test_answers_add_up_and_the_text_shows_the_difference(cli, tmp_path):
    (tmp_path / "note.txt").write_text("CC: low back pain.\nAssessment: Low back pain with sciatica.\n")
    done = cli(
        "suggest",
        "note.txt",
        "--answer",
        "laterality:sciatica=right",
        "--answer",
        "duration:pain=chronic",
        COLUMNS="100",
    )
    assert "before: M54.40; now: M54.41 + G89.29" in done.stdout.decode()


@pytest.mark.parametrize(
    ("option", "told", "says"),
    [
        ("--answer", "laterality:sciatica=up", "bilateral, left, right"),
        ("--answer", "side=left", "laterality:sciatica"),
        ("--answer", "laterality:sciatica", "FACT=VALUE"),
        ("--set", "sciatica.side=left", "sides"),
        ("--set", "sciatica.sides=up", "bilateral, left, right"),
        ("--set", "stenosis.sides=left", "is no fact of this note"),
        ("--set", "intents=money", "pain_control"),
        ("--set", "pregnancy.weeks=²", "whole number"),
        ("--set", "conditions.².sides=left", "counted from 0"),
    ],
)
def test_what_cannot_be_told_is_refused_with_what_can(cli, tmp_path, option, told, says):
    (tmp_path / "note.txt").write_text(SCIATICA)
    done = cli("suggest", "note.txt", option, told)
    assert done.returncode == 2
    assert says in done.stderr.decode()
    assert done.stderr.decode().count("\n") == 1
    assert not done.stdout


def test_a_coder_sets_a_fact_by_its_name_in_the_schema(cli, tmp_path):
    (tmp_path / "note.txt").write_text(SCIATICA)
    data = json.loads(cli("suggest", "note.txt", "--json", "--set", "sciatica.sides=right").stdout)
    assert [c["code"] for c in data["codes"]] == ["M54.41"]
    assert data["findings"]["clarifications"][0]["by"] == "coder"


def test_a_fact_that_is_not_so_is_cleared(cli, tmp_path):
    (tmp_path / "note.txt").write_text("HPI: 20 weeks pregnant.\nAssessment: Low back pain for 2 weeks.\n")
    told = ("--set", "pregnancy=", "--set", "conditions.0.qualities=mechanical")
    data = json.loads(cli("suggest", "note.txt", "--json", *told).stdout)
    assert [c["code"] for c in data["codes"]] == ["M54.59"]
    assert data["before"][0].startswith("O26.89")


def test_clarified_results_replay(engine, cli, tmp_path):
    (tmp_path / "note.txt").write_text(SCIATICA)
    done = cli("suggest", "note.txt", "--json", "--answer", "laterality:sciatica=left")
    (tmp_path / "results.jsonl").write_bytes(done.stdout)
    again = cli("replay", "results.jsonl")
    assert again.returncode == 0
    assert "1" in again.stdout.decode()


# -- nothing open is missed, nothing told is empty ---------------------------------------------------------------------


def read_corpora(engine) -> list[f.Findings]:
    found = []
    for corpus in ("guide", "written"):
        lines = (ROOT / "corpora" / corpus / "notes.jsonl").read_text(encoding="utf-8").splitlines()
        found += [engine.suggest(json.loads(line)["text"]).findings for line in lines]
    return found


@pytest.fixture(scope="module")
def notes(engine) -> list[f.Findings]:
    """Findings of real and of imagined notes: two corpora, and every so many-th of the decision layer's space."""
    thinned = itertools.islice(space.families(), 0, None, 1999)
    together = itertools.islice(space.pairs(), 0, None, 997)
    return [*read_corpora(engine), *thinned, *together]


def test_answers_that_are_not_decided_again_leave_the_codes(notes):
    tried = set()
    for note in notes:
        case, decided = open_case(note), decide(note)
        neutral = [a for q in open_questions(case, decided) for a in q.answers if a.neutral]
        for answer in neutral:
            tried.add(answer.value)
            assert claim_codes(answer.change(case.findings)) == tuple(code.code for code in decided.codes)
    assert tried == {"acute", "subacute", "nonspecific", "left", "right", "bilateral"}


def test_a_case_opened_from_a_known_one_is_the_case_opened_anew(notes):
    for note in notes:
        case = open_case(note)
        for question in open_questions(case, decide(note)):
            for answer in question.answers:
                varied = answer.change(case.findings)
                anew, taken_over = open_case(varied), open_case(varied, case)
                assert anew[:-1] == taken_over[:-1], (question.id, answer.value)  # the last is how it came about


def changed(note: f.Findings, indexes, **attributes) -> f.Findings:
    new = [dataclasses.replace(c, **attributes) if i in indexes else c for i, c in enumerate(note.conditions)]
    return dataclasses.replace(note, conditions=tuple(new))


def variations(note: f.Findings) -> Iterator[tuple[set[str], list[f.Findings]]]:
    """Facts that are open by the schema alone, with the note under each of their values."""
    case = open_case(note)
    note = case.findings
    yield from of_the_pregnancy(note)
    for problem in case.problems:
        yield from of_the_words(case, problem)
        indexes = problem.mentions
        if problem.kind in ("sciatica", "low_back_pain_with_sciatica", "flank_pain") and not problem.sides:
            yield {"laterality", "conflict"}, [changed(note, indexes, sides=(s,)) for s in ("left", "right")]
        regionful = problem.kind not in WITHOUT_REGION | LOW_BACK_ONLY | SACRAL_ONLY | DETAILS
        if regionful and problem.region is None:
            yield {"region"}, [changed(note, indexes, regions=(r,)) for r in ("cervical", "lumbar")]
        told = [case.mention(i) for i in (*indexes, *problem.details)]
        if problem.kind in ("pain", "sciatica") and all(c.chronicity is None and c.duration_days is None for c in told):
            chronic = [changed(note, indexes, chronicity=word) for word in ("acute", "chronic")]
            if not case.present("chronic_pain") and not case.of("chronic_pain_syndrome"):
                yield {"duration", "conflict"}, chronic


def of_the_words(case: Case, problem: Problem) -> Iterator[tuple[set[str], list[f.Findings]]]:
    note, indexes = case.findings, problem.mentions
    if problem.kind == "stenosis" and problem.region == "lumbar" and not case.present("claudication"):
        denied = any(c.kind == "claudication" for c in note.conditions)
        words = case.mention(indexes[0]).qualities
        if not denied and "with_claudication" not in words:
            walked = changed(note, indexes, qualities=(*words, "with_claudication"))
            yield {"claudication"}, [note, walked]
    if problem.kind == "pain" and problem.region == "lumbar" and not problem.noted(*CHARACTER, "nonspecific"):
        words = case.mention(indexes[0]).qualities
        yield {"etiology"}, [note, changed(note, indexes[:1], qualities=(*words, "mechanical"))]


def of_the_pregnancy(note: f.Findings) -> Iterator[tuple[set[str], list[f.Findings]]]:
    if note.pregnancy is not None and note.pregnancy.trimester is None and note.pregnancy.weeks is None:
        yield (
            {"trimester"},
            [
                dataclasses.replace(note, pregnancy=dataclasses.replace(note.pregnancy, trimester=t))
                for t in get_args(f.Trimester)
            ],
        )
    if note.pregnancy is not None and note.pregnancy.relation is None:
        yield (
            {"etiology"},
            [
                dataclasses.replace(note, pregnancy=dataclasses.replace(note.pregnancy, relation=r))
                for r in get_args(f.Relation)
            ],
        )


def test_every_fact_that_changes_codes_is_among_the_open_facts(notes):
    checked = 0
    for note in notes:
        found = {fact.element for fact in gaps_of(note, decide(note)).open_facts}
        for elements, variants in variations(note):
            if len({claim_codes(variant) for variant in variants}) > 1:
                checked += 1
                assert found & elements, (elements, note)
    assert checked > 200


def test_every_gap_changes_something_or_names_what_it_defends(notes):
    seen = set()
    for note in notes:
        found = gaps_of(note, decide(note))
        ids = [g.id for g in found.gaps]
        assert len(ids) == len(set(ids))
        for g in found.gaps:
            seen.add(g.element)
            outcomes = {option.codes for option in g.options}
            assert len(g.options) >= 2
            if g.effect == "defence":
                assert len(outcomes) == 1
                assert g.demanded_by or g.id in ("red_flags", "diagnosis_statement:assessment")
            else:
                assert len(outcomes) > 1
            assert all(index < len(g.indicators) for option in g.options for index in option.supported_by)
    assert {"region", "laterality", "duration", "etiology", "diagnosis_statement"} <= seen


def test_gaps_do_not_depend_on_the_order_of_the_list(notes):
    shuffler = random.Random(5)
    for note in notes[::7]:
        conditions = list(note.conditions)
        if note.links or len({c.evidence for c in conditions}) < len(conditions):
            continue
        shuffler.shuffle(conditions)
        other = dataclasses.replace(note, conditions=tuple(conditions))
        assert gaps_of(other, decide(other)) == gaps_of(note, decide(note))


def test_an_answer_told_gives_the_codes_that_its_option_shows(notes):
    tried = 0
    for note in notes[::3]:
        decided = decide(note)
        for fact in gaps_of(note, decided).open_facts:
            for option in fact.options:
                told = answered(note, decided, [(fact.id, option.answer)])
                assert claim_codes(told) == option.codes, (fact.id, option.answer)
                assert fact.id not in {f.id for f in gaps_of(told, decide(told)).open_facts}
                tried += 1
    assert tried > 200


def test_two_answers_give_the_same_codes_in_either_order(notes):
    for note in notes[::2]:
        decided = decide(note)
        facts = gaps_of(note, decided).open_facts
        for first, second in itertools.combinations(facts[:5], 2):
            pair = [(fact.id, fact.options[-1].answer) for fact in (first, second)]
            assert claim_codes(answered(note, decided, pair)) == claim_codes(answered(note, decided, pair[::-1])), pair


def test_a_code_that_an_answer_brought_in_carries_the_answer(engine):
    findings = engine.suggest("CC: low back pain.\nAssessment: Low back pain with sciatica.\n").findings
    for told in ("duration:pain=chronic", "laterality:sciatica=left"):
        code_set = decide(answered(findings, decide(findings), [tuple(told.split("="))]))
        new = [c for c in code_set.codes if c.code in ("G89.29", "M54.42")]
        assert len(new) == 1
        assert f"provider clarification: {told}" in {e.section for e in new[0].evidence}


def test_a_fact_is_told_once(cli, tmp_path):
    (tmp_path / "note.txt").write_text(SCIATICA)
    done = cli("suggest", "note.txt", "--answer", "laterality:sciatica=left", "--answer", "laterality:sciatica=right")
    assert done.returncode == 2
    assert "given twice" in done.stderr.decode()


def test_the_page_of_gaps_lists_the_tables():
    page = (ROOT / "docs" / "gaps.md").read_text(encoding="utf-8")
    for element in gap_elements().values():
        assert f"| `{element.element}` |" in page
        assert element.source in page
    for item in gap_checklists():
        assert f"| {item.code} | `{item.element}` | {item.item} |" in page


def test_every_element_of_the_vocabulary_has_a_row():
    assert set(gap_elements()) == set(get_args(Element))
