"""The decision layer against its invariants: a thinned space here, all of it with `make verify`."""

from __future__ import annotations

import dataclasses
from typing import Any, get_args

import pytest
from spinecode.coding import findings as f
from spinecode.coding.codeset import CodeSet
from spinecode.coding.decide import decide
from spinecode.pipelines import space, verify
from spinecode.pipelines.covering import count_combinations, covering, uncovered
from spinecode.pipelines.invariants import INVARIANTS

STATED: dict[str, Any] = {"source": "assessment", "item": 1, "heading": True}


def test_the_quick_space_breaks_no_invariant() -> None:
    tally = verify.run(quick=True)
    assert tally.broken == {}, verify.report(tally, 0, 2)
    assert set(tally.counts) == {"every family", "every two kinds", "combinations"}
    assert sum(tally.counts.values()) > 8000


@pytest.mark.parametrize("strength", [2, 3])
def test_a_covering_array_holds_every_combination(strength: int) -> None:
    sizes = [4, 3, 2, 5, 2, 3]
    rows = covering(sizes, [1, 3, 1, 1, 1, 1], strength)
    assert uncovered(rows, sizes, strength) == {}
    assert len(rows) < count_combinations(sizes, strength)
    assert (rows < sizes).all()


def test_every_value_of_the_vocabulary_stands_in_the_space() -> None:
    notes = list(space.families(kinds=("strain",)))
    conditions = [c for note in notes for c in note.conditions]
    assert {c.assertion for c in conditions} == set(space.ASSERTIONS)
    assert {q for c in conditions for q in c.qualities} == set(space.QUALITIES)
    assert {r for c in conditions for r in c.regions} == set(space.REGIONS)
    assert {i.mechanism for note in notes for i in note.injuries} == {None, *space.MECHANISMS}
    assert {note.document_type for note in notes} == set(get_args(f.DocumentType))


def test_the_smallest_findings_of_a_violation(monkeypatch: pytest.MonkeyPatch) -> None:
    def twice(findings: f.Findings, release: str | None = None) -> CodeSet:
        result = decide(findings, release)
        return dataclasses.replace(result, codes=result.codes * 2)

    monkeypatch.setattr(verify, "decide", twice)
    pain = space.condition(0, "pain", STATED, {"regions": ("lumbar",), "chronicity": "acute"})
    other = space.condition(1, "pain", STATED, {"regions": ("cervical",), "sides": ("left",)})
    note = f.Findings(has_assessment=True, complaint=True, conditions=(pain, other))
    name = "one first-listed code, optional last"
    assert name in dict(verify.violations(note))
    less = verify.smallest(note, name)
    assert len(less.conditions) == 1
    assert less.conditions[0] == f.Condition(less.conditions[0].kind, less.conditions[0].evidence, "assessment")


def test_a_crash_is_a_violation(monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(findings: f.Findings) -> CodeSet:
        raise ValueError("no")

    monkeypatch.setattr(verify, "decide", crash)
    assert dict(verify.violations(f.Findings())) == {"no crash": "ValueError('no')"}


def test_every_invariant_has_a_name_and_a_reason() -> None:
    assert all(i.name and i.reason for i in INVARIANTS)
    assert len({i.name for i in INVARIANTS}) == len(INVARIANTS) >= 17
