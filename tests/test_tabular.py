"""What a coder would notice about the tabular list: billable or not, what is missing, which pairs may not stand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spinecode.coding import tabular
from spinecode.coding.errors import ReleaseError
from spinecode.coding.tabular import ExcludesNote, Note, Tabular

DATA = json.loads((Path(tabular.__file__).parent / "tables" / "releases" / "2026-04-01.json").read_bytes())
BOOK = Tabular(DATA)
LEAVES = list(BOOK.leaves())


def test_release_is_named() -> None:
    assert BOOK.release == "2026-04-01"


@pytest.mark.parametrize(
    ("code", "lacks"),
    [
        ("M54.50", ""),
        ("S39.012A", ""),
        ("S16.1XXA", ""),
        ("M43.5X6", ""),
        ("R52", ""),
        ("Y99.0", ""),
        ("W11.XXXA", ""),
        ("M54", "a 4th character"),
        ("M54.5", "a 5th character"),
        ("M51.36", "a 6th character"),
        ("M43.5X", "a 6th character"),
        ("S39.012", "a 7th character (A, D or S)"),
        ("S16.1", "a 7th character (A, D or S) after placeholder XX"),
        ("S16.1X", "a 7th character (A, D or S) after placeholder X"),
        ("S16.1XX", "a 7th character (A, D or S)"),
        ("W11", "a 7th character (A, D or S) after placeholder XXX"),
        ("M48.46", "a 7th character (A, D, G or S) after placeholder X"),
        ("S16.1A", "placeholder XX before its 7th character (S16.1XXA)"),
        ("S16.1XA", "placeholder X before its 7th character (S16.1XXA)"),
        ("S39.012Q", "a valid 7th character (A, D or S)"),
        ("S39.012AA", "a valid 7th character (A, D or S)"),
        ("M54.99", "an entry in the 2026-04-01 release"),
        ("M54.50A", "an entry in the 2026-04-01 release"),
        ("S33.A", "an entry in the 2026-04-01 release"),
    ],
)
def test_what_a_code_lacks_to_be_billable(code: str, lacks: str) -> None:
    assert BOOK.lacks(code) == lacks
    assert BOOK.is_leaf(code) is (lacks == "")


@pytest.mark.parametrize(
    ("code", "exists"),
    [
        ("M54", True),
        ("M54.5", True),
        ("M54.50", True),
        ("S39.012", True),
        ("S39.012A", True),
        ("S16.1XXA", True),
        ("S16.1A", False),
        ("S16.1XX", False),
        ("S39.012Q", False),
        ("M54.51A", False),
        ("M54.99", False),
        ("E11.9", False),
        ("M5450", False),
        ("M50-M54", False),
        ("chapter 13", False),
        ("", False),
    ],
)
def test_which_codes_exist(code: str, exists: bool) -> None:
    assert BOOK.exists(code) is exists


def test_a_code_of_another_category_cannot_be_judged() -> None:
    assert not BOOK.covers("E11.9")
    assert BOOK.covers("M54.99")
    with pytest.raises(ReleaseError, match="is in no category"):
        BOOK.lacks("E11.9")


def test_billable_codes_below_a_code() -> None:
    assert list(BOOK.leaves("M54.5")) == ["M54.50", "M54.51", "M54.59"]
    assert list(BOOK.leaves("S39.012")) == ["S39.012A", "S39.012D", "S39.012S"]
    assert list(BOOK.leaves("S16.1XXA")) == ["S16.1XXA"]
    assert list(BOOK.leaves("R52")) == ["R52"]
    assert list(BOOK.leaves("E11")) == []
    assert all(BOOK.is_leaf(leaf) and BOOK.exists(leaf) for leaf in LEAVES)


@pytest.mark.parametrize(
    ("code", "description"),
    [
        ("M54.50", "Low back pain, unspecified"),
        ("S39.012", "Strain of muscle, fascia and tendon of lower back"),
        ("S39.012A", "Strain of muscle, fascia and tendon of lower back, initial encounter"),
        ("S16.1XXD", "Strain of muscle, fascia and tendon at neck level, subsequent encounter"),
        ("S33.5XXS", "Sprain of ligaments of lumbar spine, sequela"),
        ("M50-M54", "Other dorsopathies (M50-M54)"),
        ("chapter 13", "Diseases of the musculoskeletal system and connective tissue (M00-M99)"),
    ],
)
def test_descriptions(code: str, description: str) -> None:
    assert BOOK.description(code) == description


def test_ancestors_nearest_first() -> None:
    assert BOOK.ancestors("M54.50") == ("M54.5", "M54", "M50-M54", "M40-M54", "chapter 13")
    assert BOOK.ancestors("S39.012A") == ("S39.012", "S39.01", "S39.0", "S39", "S30-S39", "chapter 19")
    assert BOOK.ancestors("M99.03") == ("M99.0", "M99", "M99-M99", "chapter 13")
    assert BOOK.ancestors("V89.2XXA")[2:5] == ("V80-V89", "V00-V99", "V00-X58")
    assert BOOK.ancestors("chapter 13") == ()


def test_notes_where_they_are_printed_and_where_they_hold() -> None:
    assert BOOK.notes("M51.360", "inclusionTerm") == (
        "Other intervertebral disc degeneration, lumbar region with axial back pain only",
    )
    assert BOOK.notes("M54.50", "excludes1") == ()
    inherited = BOOK.inherited_notes("M54.50", "excludes1")
    assert Note("M54.5", "low back strain (S39.012)") in inherited
    assert inherited[-2:] == (
        Note("M50-M54", "current injury - see injury of spine by body region"),
        Note("M50-M54", "discitis NOS (M46.4-)"),
    )
    assert BOOK.notes("M50-M54", "excludes1")[0].startswith("current injury")
    assert BOOK.inherited_notes("S39.012A", "excludes1") == BOOK.inherited_notes("S39.012", "excludes1")
    assert BOOK.notes("S39.012A", "inclusionTerm") == ()


@pytest.mark.parametrize("code", ["E11.9", "M54.99", "S16.1A", "S16.1XX"])
def test_an_unknown_code_is_named(code: str) -> None:
    for ask in (BOOK.description, BOOK.ancestors, lambda c: BOOK.notes(c, "excludes1")):
        with pytest.raises(ReleaseError, match=code):
            ask(code)


# -- Excludes1 ---------------------------------------------------------------------------------------------------------

OFTEN_USED = {
    "M54.5": ("M54.4", "M51.2", "M51.360", "M51.370", "S39.012"),
    "M54.3": ("M54.4", "M51.1", "M51.361", "M51.371"),
    "M54.4": ("M51.1", "M51.362", "M51.372"),
    "M54.1": ("M50.1", "M51.1", "M47.2"),
    "M54.6": ("M51",),
    "M54.2": ("M50",),
    "G89.2": ("G89.4",),
}
"""Policy section 7, *Often used*, dashes left out."""

PAIRS = [(a, b) for a, others in OFTEN_USED.items() for b in others]


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_often_used_pairs_exclude_each_other(one: str, other: str) -> None:
    for a in BOOK.leaves(one):
        for b in BOOK.leaves(other):
            note = BOOK.excludes1(a, b)
            assert note is not None, (a, b)
            assert note.text in BOOK.notes(note.owner, "excludes1")


@pytest.mark.parametrize(
    ("a", "b", "owner", "codes"),
    [
        pytest.param("M54.50", "M51.26", "M54.5", ("M51.2-",), id="prefix"),
        pytest.param("M54.59", "S39.012A", "M54.5", ("S39.012",), id="7th character"),
        pytest.param("M54.59", "S39.012", "M54.5", ("S39.012",), id="7th character missing"),
        pytest.param("M54.31", "M51.17", "M51.1", ("M54.3",), id="both codes have a note: the one that sorts first"),
        pytest.param("M46.46", "M51.26", "M50-M54", ("M46.4-",), id="block note"),
        pytest.param("O99.891", "Z34.00", "chapter 15", ("Z34.-",), id="chapter note, other code outside the file"),
        pytest.param("Z33.1", "O99.891", "Z33.1", ("O00-O9A",), id="range up to a letter"),
        pytest.param("G54.4", "M51.26", "G54", ("M50-M51",), id="range of categories"),
        pytest.param("M47.12", "M43.5X2", "M47.1", ("M43.3-M43.5X9",), id="range of codes, to its end"),
        pytest.param("M47.12", "M43.3", "M47.1", ("M43.3-M43.5X9",), id="range of codes, from its start"),
        pytest.param("M79.2", "M54.41", "M79.2", ("M54.3-M54.4",), id="range of subcategories"),
        pytest.param("G55", "M47.26", "G55", ("M47.0-", "M47.2.-"), id="several, one misprinted"),
        pytest.param("S33.5XXA", "M51.26", "S33", ("M51.-",), id="sprain and disc"),
        pytest.param("S23.0XXA", "M51.24", "S23.0", ("M51.- with fifth character 4",), id="fifth character"),
        pytest.param("M54.81", "M54.50", "M54.8", ("M54.5-",), id="other dorsalgia and low back pain"),
        pytest.param("M43.06", "M43.16", "M43.0", ("M43.1",), id="spondylolysis and spondylolisthesis"),
        pytest.param("M62.830", "M79.18", "M62", ("M79.1-",), id="category note"),
        pytest.param("R52", "M54.50", "R52", ("M54.5-",), id="pain and low back pain"),
    ],
)
def test_the_note_says_where_it_stands_and_what_it_names(a: str, b: str, owner: str, codes: tuple[str, ...]) -> None:
    note = BOOK.excludes1(a, b)
    assert note is not None
    assert (note.owner, note.codes) == (owner, codes)
    assert BOOK.excludes1(b, a) == note


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("M54.50", "G89.29"),
        ("M54.2", "M54.50"),
        ("M54.16", "M48.061"),
        ("M47.816", "M54.30"),
        ("M47.816", "M54.50"),
        ("M54.50", "M51.362"),
        ("M54.50", "M51.369"),
        ("M54.51", "M51.361"),
        ("M54.30", "M51.360"),
        ("M54.50", "S33.5XXA"),  # the block note on current injury names no code: the decision layer's business
        ("M54.2", "S16.1XXA"),
        ("M47.12", "M43.6"),  # just past the end of the range M43.3-M43.5X9
        ("S23.0XXA", "M51.26"),  # fifth character 6, not 4
        ("M54.50", "M54.50"),
        ("M54.50", "E11.9"),
        ("E11.9", "E10.9"),
    ],
)
def test_pairs_that_may_stand(a: str, b: str) -> None:
    assert BOOK.excludes1(a, b) is None
    assert BOOK.excludes1(b, a) is None


codes = st.sampled_from(LEAVES)


@given(codes, codes)
def test_excludes1_is_symmetric_and_rests_on_a_printed_note(a: str, b: str) -> None:
    note = BOOK.excludes1(a, b)
    assert note == BOOK.excludes1(b, a)
    if note is not None:
        assert note.owner in {a, b, *BOOK.ancestors(a), *BOOK.ancestors(b)}
        assert note.text in BOOK.notes(note.owner, "excludes1")


@given(codes, codes)
def test_every_ancestor_that_is_excluded_excludes_what_is_below(a: str, b: str) -> None:
    for above in BOOK.ancestors(a):
        if BOOK.exists(above) and above not in BOOK.ancestors(b) and BOOK.excludes1(above, b) is not None:
            assert BOOK.excludes1(a, b) is not None


@given(st.text(max_size=9), codes)
def test_no_text_makes_the_questions_fail(text: str, code: str) -> None:
    BOOK.exists(text), BOOK.is_leaf(text), BOOK.excludes1(text, code), list(BOOK.leaves(text))
    if BOOK.covers(text):
        BOOK.lacks(text)


@given(codes, st.text("0189AXS.", max_size=3), st.integers(0, 8))
def test_a_damaged_code_is_billable_only_if_it_is_listed(code: str, tail: str, keep: int) -> None:
    damaged = code[:keep] + tail
    assert BOOK.is_leaf(damaged) is (damaged in set(LEAVES))
    if BOOK.covers(damaged):
        assert (BOOK.lacks(damaged) == "") is BOOK.is_leaf(damaged)


def _book(*texts: str) -> Tabular:
    codes: dict[str, Any] = {
        "chapter 1": {"title": "Chapter"},
        "M54": {"title": "Owner", "parent": "chapter 1", "excludes1": list(texts)},
    }
    return Tabular({"schema": tabular.SCHEMA, "release": "2030-10-01", "codes": codes})


@pytest.mark.parametrize(
    ("text", "named", "not_named"),
    [
        ("torticollis NOS M43.6", ["M43.6"], ["M43.5X2"]),
        ("any type in A15 (J65)", ["J65"], ["A15.0"]),
        ("tumours (C00-D49)", ["C00.0", "C7A.1", "D49.9"], ["D50.0", "B99.9"]),
        ("injury (S00-T88)", ["S00.01XA", "T88.9XXS"], ["V00.01XA", "R99"]),
        ("radiculopathy (M51.16, M51.17)", ["M51.16", "M51.17"], ["M51.15", "M51.1"]),
        ("strain (S39.012-)", ["S39.012", "S39.012A"], ["S39.011A", "S39.01"]),
        ("neuropathy (E08-E13 with .44)", ["E08.44", "E13.44"], ["E11.42", "E14.44"]),
        ("influenza A/H1N1 (in swine)", [], ["H1N.1"]),
        ("current injury - see injury of spine", [], ["S33.5XXA"]),
    ],
)
def test_how_a_note_is_read(text: str, named: list[str], not_named: list[str]) -> None:
    book = _book(text)
    for code in named:
        found = book.excludes1("M54", code)
        assert found is not None, code
        assert found.owner == "M54"
    for code in not_named:
        assert book.excludes1("M54", code) is None, code


def test_a_note_on_a_shared_ancestor_counts_when_it_names_the_other_code() -> None:
    data: dict[str, Any] = {
        "M54": {"title": "Dorsalgia", "excludes1": ["cervicalgia (M54.2)"]},
        "M54.2": {"title": "Cervicalgia", "parent": "M54"},
        "M54.6": {"title": "Thoracic", "parent": "M54"},
        "M54.9": {"title": "Dorsalgia", "parent": "M54"},
    }
    book = Tabular({"schema": tabular.SCHEMA, "release": "2030-10-01", "codes": data})
    assert book.excludes1("M54.6", "M54.2") == ExcludesNote("M54", "cervicalgia (M54.2)", ("M54.2",))
    assert book.excludes1("M54.6", "M54.9") is None


def test_the_nearest_definition_of_the_7th_character_holds() -> None:
    data: dict[str, Any] = {
        "S39": {"title": "Injury", "seventh": {"A": "initial encounter"}},
        "S39.0": {"title": "Strain", "parent": "S39"},
        "S39.1": {"title": "Fracture", "parent": "S39", "seventh": {"B": "open fracture"}},
    }
    book = Tabular({"schema": tabular.SCHEMA, "release": "2030-10-01", "codes": data})
    assert list(book.leaves()) == ["S39.0XXA", "S39.1XXB"]
    assert book.lacks("S39.1") == "a 7th character (B) after placeholder XX"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"schema": "other"}, "rebuild it"),
        ({"schema": tabular.SCHEMA, "release": "r", "codes": {"M54.5": {"parent": "M54"}}}, "M54.5 .* parent M54"),
        ({"schema": tabular.SCHEMA, "release": "r", "codes": {"M54": {"parent": "M54"}}}, "M54 .* parent M54"),
    ],
)
def test_a_wrong_file_is_refused(data: dict[str, Any], words: str) -> None:
    with pytest.raises(ReleaseError, match=words):
        Tabular(data)
