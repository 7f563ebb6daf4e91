"""The written corpora: the guide's cases come out right and in order, and every corpus is what its README says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from spinecode.coding.tables import tabular

CORPORA = Path(__file__).resolve().parents[1] / "corpora"
NAMES = ("guide", "written", "dictated", "scribed", "voices", "practice", "excerpts", "blind")


def notes(name: str) -> list[dict]:
    return [json.loads(line) for line in (CORPORA / name / "notes.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("note", notes("guide"), ids=lambda note: note["id"])
def test_the_guides_cases_come_out_right_and_in_order(engine, note):
    result = engine.suggest(note["text"], date_of_service=note.get("date_of_service"))
    assert [code.code for code in result.codes if code.role != "optional"] == note["codes"]


@pytest.mark.parametrize("name", NAMES)
def test_a_corpus_holds_together(name):
    release = tabular()
    seen = set()
    for note in notes(name):
        assert note["id"] not in seen
        seen.add(note["id"])
        for code in [*note["codes"], *(c for s in note.get("alternatives", []) for c in s)]:
            assert release.is_leaf(code), (note["id"], code)
        for quote in note.get("evidence", {}).values():
            for part in [quote] if isinstance(quote, str) else quote:
                assert part in note["text"], (note["id"], "a quote that the note does not hold")
        for span in note.get("fact_spans", []):
            assert 0 <= span["start"] < span["end"] <= len(note["text"]), note["id"]
    assert seen


@pytest.mark.parametrize("name", ["guide", "written", "dictated", "scribed", "voices", "practice", "excerpts"])
def test_every_code_has_evidence_that_is_true_by_offset(engine, name):
    for note in notes(name):
        result = engine.suggest(note["text"], date_of_service=note.get("date_of_service"))
        for code in result.codes:
            assert code.evidence, (note["id"], code.code)
            assert all(note["text"][e.start : e.end] == e.text for e in code.evidence), note["id"]
