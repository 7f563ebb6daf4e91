"""The tables are checked when they are read: one broken file per error, and the words of the message."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from spinecode.coding import tables as t
from spinecode.coding.errors import ReleaseError, TableError
from spinecode.coding.regions import (
    groups_of,
    region_of_level,
    regions_of_roots,
    root_matches,
    same_or_unknown,
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the tables that a test may break."""
    copy = tmp_path / "tables"
    shutil.copytree(t.FOLDER, copy)
    monkeypatch.setattr(t, "FOLDER", copy)
    caches = (t.tables, t.tabular, t.ruleset_hash)
    for cache in caches:
        cache.cache_clear()
    yield copy
    for cache in caches:
        cache.cache_clear()


def _change(path: Path, change: Callable[[str], str]) -> None:
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")


BROKEN = [
    pytest.param(
        "codes.csv",
        lambda s: s.replace("cpt", "cpts", 1),
        "codes.csv, row 1: unknown column 'cpts'",
        id="unknown column",
    ),
    pytest.param(
        "codes.csv",
        lambda s: "\n".join(line.rpartition(",")[0] for line in s.splitlines()),
        "codes.csv, row 1: column 'source' is missing",
        id="missing column",
    ),
    pytest.param(
        "codes.csv",
        lambda s: s.replace("pain,cervical,", "pain,neck,", 1),
        "row 3: unknown region 'neck'",
        id="unknown region",
    ),
    pytest.param("codes.csv", lambda s: s + s.splitlines()[1] + "\n", "is there twice", id="duplicate key"),
    pytest.param(
        "codes.csv", lambda s: s.replace("M54.50", "M54.5", 1), "'M54.5' is not a billable code", id="no leaf"
    ),
    pytest.param(
        "codes.csv", lambda s: s.replace("S39.012A", "S39.012", 1), "'S39.012' is not a billable", id="no 7th character"
    ),
    pytest.param("codes.csv", lambda s: s + "pain,,\n", "3 cells instead of 8", id="short row"),
    pytest.param("rules.csv", lambda s: s + s.splitlines()[1] + "\n", "is there twice", id="rule twice"),
    pytest.param(
        "rules.csv", lambda s: s + "new,1,Title,Words,\n", "rule 'new' has no source", id="rule without source"
    ),
    pytest.param("rules.csv", lambda s: s + "new,1,Title,{wrong},x\n", "bad placeholder", id="bad placeholder"),
    pytest.param(
        "region_groups.csv", lambda s: s + "neck,neck,x,x\n", "unknown region 'neck'", id="group of no region"
    ),
    pytest.param("region_groups.csv", lambda s: s + "lumbar,low_back,x,x\n", "already in group", id="region twice"),
    pytest.param(
        "injury_regions.csv", lambda s: s.replace("removes", "remove", 1), "unknown column 'remove'", id="injury column"
    ),
]


@pytest.mark.parametrize(("name", "change", "words"), BROKEN)
def test_a_broken_table_names_file_and_row(folder: Path, name: str, change: Callable[[str], str], words: str) -> None:
    _change(folder / name, change)
    with pytest.raises(TableError) as error:
        t.tables()
    assert words in str(error.value)
    assert str(error.value).startswith(name)


def test_a_release_that_is_not_built_in() -> None:
    with pytest.raises(ReleaseError, match="2019-10-01 is not built in"):
        t.tabular("2019-10-01")


def test_no_release_at_all(folder: Path) -> None:
    shutil.rmtree(folder / "releases")
    with pytest.raises(ReleaseError, match="no release file"):
        t.tabular()


def test_the_hash_follows_the_tables(folder: Path) -> None:
    before = t.ruleset_hash()
    _change(folder / "rules.csv", lambda s: s + "new,1,Title,Words,Source\n")
    t.ruleset_hash.cache_clear()
    assert t.ruleset_hash() != before


def test_fallbacks_of_the_code_table() -> None:
    table = t.tables()
    row = table.code("spondylosis", "lumbosacral", "myelopathy")
    assert row is not None
    assert row.code == "M47.10"
    assert table.code("schmorl_nodes", "cervical") is None
    assert table.has("pain", "lumbar", "characterised")
    assert not table.has("pain", "cervical", "characterised")


def test_every_rule_and_row_has_its_source() -> None:
    assert all(rule.source and rule.policy_section for rule in t.tables().rules.values())
    assert all(row.source for row in t.tables().codes.values())
    assert all(number.isdigit() and len(number) == 5 for row in t.tables().codes.values() for number in row.cpt)


def test_the_three_guide_rules_are_named_as_such() -> None:
    guide = [rule.id for rule in t.tables().rules.values() if rule.id.startswith("guide-")]
    assert guide == [
        "guide-vertebrogenic-imaging",
        "guide-injury-strain",
        "guide-injury-alternative",
        "guide-chronic-12-weeks",
    ]
    assert all(t.tables().rules[rule].source.startswith("guide rule") for rule in guide)


def test_injury_table_names_the_codes_of_the_injury_families() -> None:
    codes = {row.code for row in t.tables().codes.values() if row.family in ("strain", "sprain", "back_injury")}
    assert all(any(code.startswith(row.injury) for row in t.tables().injuries) for code in codes)


@pytest.mark.parametrize(
    ("level", "region"),
    [
        ("C0-C1", "occipito_atlanto_axial"),
        ("C1-C2", "occipito_atlanto_axial"),
        ("C2-C3", "cervical"),
        ("C7-T1", "cervicothoracic"),
        ("T1-T2", "thoracic"),
        ("T12-L1", "thoracolumbar"),
        ("L4-L5", "lumbar"),
        ("L5-S1", "lumbosacral"),
        ("S1-S2", "sacral"),
        ("L4", "lumbar"),
        ("X1", None),
    ],
)
def test_region_of_level(level: str, region: str | None) -> None:
    assert region_of_level(level) == region


def test_regions_of_roots() -> None:
    assert regions_of_roots(("L5", "S1")) == ("lumbosacral",)
    assert regions_of_roots(("L4", "L5", "S1")) == ("lumbar", "lumbosacral")
    assert regions_of_roots(("C7", "C8")) == ("cervical", "cervicothoracic")
    assert regions_of_roots(()) == ()


def test_groups() -> None:
    assert groups_of(("thoracolumbar",)) == ("mid_back", "low_back")
    assert same_or_unknown(("lumbar",), ("lumbosacral",))
    assert same_or_unknown((), ("cervical",))
    assert not same_or_unknown(("cervical",), ("lumbar",))


def test_roots_and_their_discs() -> None:
    assert root_matches(("C8",), "C7-T1")
    assert root_matches(("S1",), "L5-S1")
    assert not root_matches(("L4",), "L4-L5")
