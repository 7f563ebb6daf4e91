"""What may be done to a note without changing its codes, on twelve notes; `make properties` measures every corpus."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent
GUIDE = ("GD-02", "GD-03", "GD-04", "GD-05", "GD-12", "GD-13", "GD-20", "GD-21", "GD-26")


def _benchmark() -> ModuleType:
    """benchmarks/text_properties.py: no part of the package, loaded by its path."""
    spec = importlib.util.spec_from_file_location("text_properties", ROOT / "benchmarks" / "text_properties.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


bench = _benchmark()


def _notes() -> dict[str, str]:
    notes = {p.stem: p.read_text(encoding="utf-8") for p in sorted((ROOT / "corpora" / "samples").glob("*.txt"))}
    for line in (ROOT / "corpora" / "guide" / "notes.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if row["id"] in GUIDE:
            notes[row["id"]] = row["text"]
    return notes


NOTES = _notes()


@pytest.fixture(scope="module")
def suggest(engine):
    return bench.coder(engine)


def test_twelve_notes_and_every_property_applies_to_some_of_them():
    assert len(NOTES) == 12
    for prop in bench.PROPERTIES:
        assert sum(bool(prop.variants(text)) for text in NOTES.values()) >= 3, prop.name


@pytest.mark.parametrize("prop", bench.PROPERTIES, ids=lambda prop: prop.name)
def test_property_holds(suggest, prop):
    for name, text in NOTES.items():
        outcome = bench.check(prop, text, suggest(text), suggest)
        assert outcome is None or (outcome.codes and outcome.spans and outcome.words), (name, outcome)


def test_a_lost_side_a_new_code_and_a_moved_span_are_seen(suggest):
    """The measure itself: a coder that breaks a property is caught."""
    text = NOTES["right-sciatica"]
    before = suggest(text)
    mirror, added, *_ = bench.PROPERTIES
    assert "M54.41" in before.codes
    assert not bench.check(mirror, text, before, lambda _: before).codes
    empty = bench.Coded((), (), {}, (), spans_hold=True)
    assert not bench.check(added, text, empty, lambda _: before).codes
    shifted = bench.Coded(before.codes, before.titles, before.words, before.sides, spans_hold=False)
    assert not bench.check(added, text, before, lambda _: shifted).spans


@pytest.mark.parametrize(
    ("text", "mirrored"),
    [
        ("Right leg, left arm. LEFT side.", "Left leg, right arm. RIGHT side."),
        ("Lt hip, rt knee, R>L, R/L, (L), L-sided", "Rt hip, lt knee, L>R, L/R, (R), R-sided"),
        ("Pain to the RLE, RUQ tender", "Pain to the LLE, LUQ tender"),
        ("Pain on the left at L4 since she twisted", "Pain on the right at L4 since she twisted"),
    ],
)
def test_sides_are_swapped(text, mirrored):
    assert bench.swap_sides(text) == mirrored
    assert bench.swap_sides(mirrored) == text


@pytest.mark.parametrize(
    "text",
    [
        "Right-handed baker, left hand dominant brother.",
        "Stopped right away; he left work early and was left with stiffness.",
        "L-spine films, L spine, L4-L5, R/O fracture, r/o stone, p.r.n., RR 16, R 16",
    ],
)
def test_what_is_no_side_stays(text):
    assert bench.swap_sides(text) == text


def test_sections_move_whole():
    text = "Clinic\nCC: neck pain\nHPI: a\nb\nPlan: rest"
    assert bench.sections(text) == ["Clinic\n", "CC: neck pain\n", "HPI: a\nb\n", "Plan: rest"]
    assert bench.moved(text)[0] == "Clinic\nHPI: a\nb\nPlan: rest\nCC: neck pain\n"
    assert bench.moved("A/P\n1. Neck pain\nPlan: rest\n2. Cough\nPlan: wait") == []


def test_lines_are_wrapped_at_blanks():
    text = "word " * 30 + "\nnext"
    assert max(map(len, bench.wrap(text).splitlines())) <= bench.WRAP_AT
    assert bench.wrap(text).split() == text.split()
