"""Every query that the notes written here call for passes its judge, with its note and without it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from spinecode.coding.decide import decide
from spinecode.coding.findings import to_json
from spinecode.coding.gaps.analysis import gaps_of
from spinecode.pipelines import space
from spinecode.pipelines.cases import read_cases
from spinecode.pipelines.query.ask import ask, asked_data, render_asked
from spinecode.pipelines.query.templates import built_in
from spinecode.pipelines.result import decision_data, gap_data

ROOT = Path(__file__).resolve().parent.parent
CORPORA = ("guide", "written", "dictated", "scribed", "voices")
_THINNED = 3001
"""A prime: every value of every product of the space comes by."""


def texts_of(corpus):
    lines = (ROOT / "corpora" / corpus / "notes.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["text"] for line in lines if line]


@pytest.mark.parametrize("corpus", CORPORA)
def test_every_query_of_a_corpus_passes(engine, corpus):
    asked = 0
    for text in texts_of(corpus):
        result = engine.suggest(text).to_dict()
        with_note = ask(result, built_in(), text=text)
        without = ask(result, built_in(), text=None)
        assert not with_note.refused, [refused.message for refused in with_note.refused]
        assert not without.refused, [refused.message for refused in without.refused]
        assert len(with_note.queries) == len(result["gaps"]) == len(without.queries)
        assert asked_data(with_note) == asked_data(ask(result, built_in(), text=text))
        asked += len(with_note.queries)
        for approved in with_note.queries:
            for quote in approved.query.indicators:
                assert text[quote.start : quote.end] == quote.text
        assert "M54" not in render_asked(with_note).replace(text, "")
    assert asked


def result_of(findings):
    decided = decide(findings)
    gaps = gap_data(gaps_of(findings, decided))
    nobody = {"encounter_id": None, "provider": None, "date_of_service": None, "text_sha256": "0" * 64}
    return {**nobody, **decision_data(decided), **gaps, "findings": to_json(findings)}


def test_every_query_of_the_cases_passes():
    for case in read_cases(ROOT / "tests" / "cases"):
        asked = ask(result_of(case.findings), built_in(), text=None)
        assert not asked.refused, (case.title, [refused.message for refused in asked.refused])


def test_every_query_of_the_thinned_space_passes():
    share = space.Share(0, _THINNED)
    asked = 0
    for findings in (*space.families(share), *space.pairs(share)):
        found = ask(result_of(findings), built_in(), text=None)
        assert not found.refused, (findings, [refused.message for refused in found.refused])
        asked += len(found.queries)
    assert asked > 100
