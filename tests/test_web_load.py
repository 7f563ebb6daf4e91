"""Hostile inputs and many clients at once, small; `make bench` runs 10,000 inputs and a whole minute."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from spinecode.web import jobs

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "benchmarks"))
import bench_serve


@pytest.fixture(scope="module")
def busy(serving, tmp_path_factory):
    with serving.Server(tmp_path_factory.mktemp("busy")) as running:
        yield running


def test_hostile_inputs_neither_break_nor_hold_it(busy):
    met = bench_serve.hostile(busy, 500)
    assert met.good, met
    assert met.statuses["200"] > 250
    assert met.statuses["400"] > 20
    assert "defect" not in busy.log


def test_hostile_notes_have_a_page(engine, hostile):
    for text in hostile.texts(80, seed=3):
        outcome, body = jobs.answer(engine, "page_note", {"text": text, "provider": text[:50], "answers": (text[:40],)})
        assert outcome == "done", body
        assert body.count("<script") == 1


def test_many_clients_get_the_answers_of_one(busy):
    texts = bench_serve.notes()
    found = bench_serve.load(busy, texts, 50, 10)
    assert found.good, found.statuses
    early, late = found.memory
    assert late < 1.1 * early + 20
