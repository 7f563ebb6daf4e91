"""The open assertion probes: well formed, complete, and read right. The unseen part is measured by `make probes` only."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest
from spinecode.nlp.reader import Reader

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "corpora" / "assertion-probes"
ROWS = [json.loads(line) for line in (FOLDER / "probes.jsonl").read_text(encoding="utf-8").splitlines()]
OVERALL, EACH_STATUS = 0.97, 0.9

# Policy section 1, each with a probe of its own.
UNCERTAIN_WORDS = [
    "possible",
    "probable",
    "suspected",
    "likely",
    "questionable",
    "presumed",
    "provisional",
    "rule out",
    "r/o",
    "concern for",
    "suspicious for",
    "suggestive of",
    "indicative of",
    "consistent with",
    "compatible with",
    "appears to be",
    "may represent",
    "could represent",
    "working diagnosis",
    "differential",
    "versus",
    "cannot exclude",
    "?",
    "I believe",
    "I feel",
    "I think",
]


def _benchmark() -> ModuleType:
    """benchmarks/assertion_probes.py: no part of the package, loaded by its path."""
    spec = importlib.util.spec_from_file_location("assertion_probes", ROOT / "benchmarks" / "assertion_probes.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


bench = _benchmark()


@pytest.fixture(scope="module")
def ours():
    return bench.our_system(Reader())


@pytest.fixture(scope="module")
def answers(ours):
    return bench.run(ours, bench.load(FOLDER / "probes.jsonl"))


def test_every_probe_is_well_formed():
    assert len(ROWS) >= 140
    assert [row["id"] for row in ROWS] == [f"P{n:03d}" for n in range(1, len(ROWS) + 1)]
    assert len({(row["text"], row["target"]) for row in ROWS}) == len(ROWS)
    for row in ROWS:
        assert list(row) == ["id", "text", "target", "expected", "note"], row["id"]
        assert row["text"].count(row["target"]) == 1, row["id"]
        assert row["expected"] in bench.STATUSES, row["id"]


@pytest.mark.parametrize("status", bench.STATUSES)
def test_every_status_has_at_least_ten_probes(status):
    assert sum(row["expected"] == status for row in ROWS) >= 10


@pytest.mark.parametrize("word", UNCERTAIN_WORDS)
def test_every_uncertain_word_of_the_policy_has_a_probe(word):
    pattern = re.compile(r"\?" if word == "?" else rf"\b{re.escape(word)}\b", re.IGNORECASE)
    assert any(row["expected"] == "uncertain" and pattern.search(row["text"]) for row in ROWS)


def test_overall_accuracy(answers):
    wrong = bench.failures(answers)
    assert bench.accuracy(answers) >= OVERALL, "\n".join([f"{len(wrong)} of {len(answers)} wrong", *wrong])


@pytest.mark.parametrize("status", bench.STATUSES)
def test_accuracy_of_every_status(answers, status):
    some = bench.by_status(answers)[status]
    assert bench.accuracy(some) >= EACH_STATUS, "\n".join([f"{len(some)} probes", *bench.failures(some)])


def test_a_target_that_is_not_read_is_wrong(ours):
    probe = bench.Probe("X", "Low back pain, and a cup of tea.", "cup of tea", "present")
    assert ours(probe) == bench.Answer(probe, bench.UNREAD, right=False)
