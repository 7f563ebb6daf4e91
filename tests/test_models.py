"""The models: trained for real and twice the same, codes untouched by them, and what never goes to *auto*."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import spinecode
from spinecode.models import fitting, store
from spinecode.models.routing import Reason, route_of
from spinecode.models.words import marked_words, tokens
from spinecode.pipelines.corpus import check_corpora, write_splits
from spinecode.pipelines.figures import auroc, calibration_error, clopper_pearson
from spinecode.pipelines.generate import generate
from spinecode.pipelines.train import decision_of, save_trained, train

CORPORA = Path(__file__).resolve().parents[1] / "corpora"
NOTE = "HPI: neck pain for 2 weeks after a long drive.\nAssessment: Neck pain, mechanical. Lumbar spine normal.\nPlan: heat."
RED = "HPI: low back pain for 3 days, new urinary retention and saddle numbness.\nAssessment: low back pain.\nPlan: MRI today."
OPEN = "Reason: leg pain\nAssessment: sciatica.\nPlan: naproxen."


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A folder of corpora small enough to train on here: 90 notes, no blind part."""
    folder = tmp_path_factory.mktemp("corpora")
    for name, step in (("excerpts", 2), ("written", 4), ("scribed", 6)):
        lines = (CORPORA / name / "notes.jsonl").read_text(encoding="utf-8").splitlines()[::step]
        (folder / name).mkdir()
        (folder / name / "notes.jsonl").write_text("\n".join(lines), encoding="utf-8")
    write_splits(str(folder))
    return folder


@pytest.fixture(scope="module")
def trained(small):
    return train([str(small)], weakened=1)


def test_training_twice_gives_equal_arrays(trained, small):
    again = train([str(small)], weakened=1)
    first, second = (store.arrays_of(t.models.reader, t.models.habit, t.models.confidence) for t in (trained, again))
    assert first.keys() == second.keys()
    for name in first:
        np.testing.assert_array_equal(first[name], second[name])
    assert trained.models.hash == again.models.hash


def test_saved_models_say_what_the_trained_ones_say(trained, tmp_path, engine):
    save_trained(trained, str(tmp_path))
    loaded = store.load(tmp_path)
    result = engine.suggest(NOTE)
    decision = decision_of(NOTE, result)
    assert loaded.judge(decision) == trained.models.judge(decision)
    (tmp_path / "arrays.npz").write_bytes((tmp_path / "arrays.npz").read_bytes()[:-40])
    with pytest.raises(spinecode.InputError, match="train them again"):
        store.load(tmp_path)


def test_the_arrays_read_as_the_estimators_they_were_made_from(trained, tmp_path):
    save_trained(trained, str(tmp_path))
    held = fitting.load_estimators(tmp_path / "second_reader.skops")
    counted = fitting.terms(NOTE)
    row = fitting._counts([counted], held["vocabulary"])
    wanted = held["classifiers"].predict_proba(held["tfidf"].transform(row))[0]
    read = trained.models.reader.read(NOTE).expected
    np.testing.assert_allclose([read[name] for name in held["families"]], wanted, atol=1e-6)


def test_a_foreign_type_is_neither_written_nor_read(tmp_path):
    from sklearn.tree import DecisionTreeClassifier
    from skops import io

    class Foreign:
        pass

    with pytest.raises(ValueError, match="trusted"):
        fitting.save_estimators({"foreign": Foreign()}, tmp_path / "x.skops")
    io.dump({"tree": DecisionTreeClassifier().fit([[0], [1]], [0, 1])}, tmp_path / "tree.skops")
    if io.get_untrusted_types(file=tmp_path / "tree.skops"):
        with pytest.raises(Exception, match="ntrusted"):
            fitting.load_estimators(tmp_path / "tree.skops")


def test_codes_are_the_same_with_and_without_models(engine):
    bare = spinecode.Spinecode(models=None)
    lines = (CORPORA / "excerpts" / "notes.jsonl").read_text(encoding="utf-8").splitlines()[::3]
    for note in map(json.loads, lines):
        with_models, without = engine.suggest(note["text"]), bare.suggest(note["text"])
        assert with_models.route in ("auto", "review", "query")
        assert 0 <= with_models.confidence <= 1
        assert 1 <= len(with_models.reasons) <= 3
        assert without.route is None
        assert without.confidence is None
        told = dict.fromkeys(("confidence", "route", "models"), None) | {"reasons": ()}
        assert replace(with_models, **told) == without


def test_what_never_goes_to_auto(engine):
    eager = spinecode.Spinecode(auto=0.0)
    red = eager.suggest(RED)
    assert red.red_flags
    assert (red.route, red.reasons[0].reason) == ("review", "red_flag")
    asked = eager.suggest(OPEN)
    assert any(gap.effect == "code" for gap in asked.gaps)
    assert asked.route in ("query", "review")
    for line in (CORPORA / "written" / "notes.jsonl").read_text(encoding="utf-8").splitlines()[::4]:
        result = eager.suggest(json.loads(line)["text"])
        held = result.red_flags or any(gap.effect == "code" for gap in result.gaps)
        held = held or any(notice.kind in ("conflict", "query") for notice in result.warnings)
        assert not (held and result.route == "auto")


def test_codes_of_another_year_never_go_to_auto(engine):
    eager = spinecode.Spinecode(auto=0.0)
    note = "Assessment: lumbar spinal stenosis at L4-5 with neurogenic claudication."
    assert eager.suggest(note, date_of_service="2026-05-01").route == "auto"
    late = eager.suggest(note, date_of_service="2026-11-28")
    assert [notice.kind for notice in late.warnings if "outside fiscal year" in notice.message] == ["release"]
    assert (late.route, late.reasons[0].reason) == ("review", "release")


def test_low_confidence_and_doubt_go_to_review(engine):
    models = store.load()
    result = engine.suggest(NOTE)
    decision = decision_of(NOTE, result)
    quiet = replace(decision, gaps=replace(decision.gaps, gaps=()))
    limits = replace(models.thresholds, auto=0.9)
    assert route_of(quiet, 0.95, (), (), limits)[0] == "auto"
    assert route_of(quiet, 0.85, (), (), limits)[0] == "review"
    doubt = (Reason("second_reader_expects", "a second reader expects: stenosis", ("stenosis",)),)
    route, reasons = route_of(quiet, 0.99, (), doubt, limits)
    assert (route, reasons[0]) == ("review", doubt[0])


def test_no_text_blanks_the_words_that_made_it_doubt(engine):
    from spinecode.pipelines.no_text import blank_text

    result = replace(engine.suggest(NOTE), reasons=(Reason("second_reader_doubts", "it doubts", ("mechanical",)),))
    blank = blank_text(result.to_dict())
    assert blank["reasons"] == [{"reason": "second_reader_doubts", "message": "it doubts", "words": [""]}]


def test_the_built_in_models_need_no_scikit_learn(tmp_path):
    import subprocess
    import sys

    script = (
        "import sys\nfrom spinecode.models.store import load\nassert load()\n"
        "print([n for n in ('sklearn', 'skops') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_words_are_marked_by_what_stands_before_them():
    assert marked_words("L4-5 and T12, İ C6") == ["l4", "and", "t12", "c6"]
    assert [text[at : at + 2] for text in ("İİ L5",) for word, at in tokens(text) if word == "l5"] == ["L5"]
    words = marked_words("Denies back pain. Neck stiff.\nAssessment: cervical pain")
    assert "not_back" in words
    assert "neck" in words
    assert "dx_cervical" in words
    assert "dx_neck" not in words


def test_generated_notes_are_sound_and_the_same_for_a_seed(tmp_path):
    notes = list(generate(3, 90))
    assert notes[:20] == list(generate(3, 20))
    assert notes[:20] != list(generate(4, 20))
    assert sum(not note["codes"] for note in notes) == 30
    (tmp_path / "some").mkdir()
    (tmp_path / "some" / "notes.jsonl").write_text("\n".join(map(json.dumps, notes)), encoding="utf-8")
    assert check_corpora([str(tmp_path)])[0] == []


def test_figures_by_hand():
    confidence, right = np.array([0.9, 0.8, 0.3, 0.1]), np.array([True, False, True, False])
    assert auroc(confidence, right) == 0.75
    assert calibration_error(np.array([0.5, 0.5]), np.array([True, False]), 1) == 0
    assert calibration_error(np.array([1.0, 1.0]), np.array([True, False]), 1) == 0.5
    assert round(clopper_pearson(0, 59), 3) == 0.05


def test_the_least_confidence_keeps_the_stated_risk():
    confidence, right = np.array([0.9, 0.8, 0.7, 0.6]), np.array([True, True, False, True])
    every = np.ones(4, dtype=bool)
    assert fitting.least_confidence(confidence, right, every, 0.0) == 0.8
    assert fitting.least_confidence(confidence, right, every, 0.25) == 0.6
    assert fitting.least_confidence(confidence, ~right, every, 0.0) > 1
