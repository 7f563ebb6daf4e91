"""The edits see the set, not the rules that made it: a release without a code, exceptions, no input changed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from spinecode.coding import tables
from spinecode.coding.case import open_case
from spinecode.coding.decide import decide
from spinecode.coding.edits import edit
from spinecode.coding.findings import Condition, Evidence, Findings
from spinecode.coding.problem import Draft
from spinecode.coding.tabular import Tabular


def older_release(*without: str) -> Tabular:
    """The built-in release as it would be without some codes."""
    path = sorted((tables.FOLDER / "releases").glob("*.json"))[-1]
    data: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
    data["codes"] = {code: node for code, node in data["codes"].items() if code not in without}
    return Tabular(data)


def note(kind: str = "disc_degeneration") -> Findings:
    quote = Evidence(0, 10, "Lumbar DDD", "assessment")
    condition = Condition(kind, quote, "assessment", regions=("lumbar",), heading=True, item=1)  # type: ignore[arg-type]
    return Findings(has_assessment=True, complaint=True, conditions=(condition,))


def drafted(code: str, region: str, start: int, family: str = "test") -> Draft:
    quote = Evidence(start, start + 5, code, "assessment")
    return Draft(code, family, "excludes1", (region,), (1, start), (quote,))  # type: ignore[arg-type]


def test_a_code_born_later_is_not_offered() -> None:
    case = open_case(note())
    result = edit(case, [drafted("M51.369", "lumbar", 0)], older_release("M51.369"))
    assert result.drafts == ()
    assert [n.rule for n in result.left_out] == ["not-a-leaf"]
    assert [w.kind for w in result.notices] == ["release"]


def test_a_code_without_its_seventh_character_never_leaves() -> None:
    result = edit(open_case(note()), [drafted("S39.012", "lumbar", 0)], tables.tabular())
    assert result.drafts == ()


@pytest.mark.parametrize(
    ("first", "second", "stays"),
    [
        ("M54.50", "M54.41", "M54.41"),
        ("M54.50", "M51.26", "M51.26"),
        ("M54.50", "M51.360", "M51.360"),
        ("M54.50", "M51.370", "M51.370"),
        ("M54.50", "S39.012A", "S39.012A"),
        ("M54.31", "M54.41", "M54.41"),
        ("M54.31", "M51.16", "M51.16"),
        ("M54.31", "M51.361", "M51.361"),
        ("M54.41", "M51.16", "M51.16"),
        ("M54.41", "M51.362", "M51.362"),
        ("M54.16", "M51.16", "M51.16"),
        ("M54.16", "M47.26", "M47.26"),
        ("M43.06", "M43.16", "M43.16"),
        ("S33.5XXA", "M51.26", "M51.26"),
        ("G89.29", "G89.4", "G89.4"),
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_which_of_a_pair_stays(first: str, second: str, stays: str, turned: bool) -> None:
    codes = (second, first) if turned else (first, second)
    drafts = [drafted(code, "lumbar", 20 * i) for i, code in enumerate(codes)]
    result = edit(open_case(note()), drafts, tables.tabular())
    assert [d.code for d in result.drafts] == [stays]
    assert len(result.left_out) == 1


def test_neck_pairs() -> None:
    for first, second in (("M54.2", "M50.20"), ("M54.12", "M50.10"), ("M54.12", "M47.22")):
        drafts = [drafted(first, "cervical", 0), drafted(second, "cervical", 20)]
        assert [d.code for d in edit(open_case(note()), drafts, tables.tabular()).drafts] == [second]


def test_different_regions_stay_with_the_exception_on_both() -> None:
    drafts = [drafted("M54.6", "thoracic", 0), drafted("M51.26", "lumbar", 20)]
    result = edit(open_case(note()), drafts, tables.tabular())
    assert [(d.code, d.exception.with_code) for d in result.drafts if d.exception] == [
        ("M54.6", "M51.26"),
        ("M51.26", "M54.6"),
    ]
    assert [w.kind for w in result.notices] == ["claim_edit"]


def test_the_same_code_twice_is_one_with_both_quotes() -> None:
    drafts = [drafted("M51.26", "lumbar", 0), drafted("M51.26", "lumbar", 20)]
    (only,) = edit(open_case(note()), drafts, tables.tabular()).drafts
    assert [e.start for e in only.evidence] == [0, 20]


def test_release_is_named() -> None:
    assert decide(note()).release == tables.releases()[-1]
    assert decide(note(), tables.releases()[0]).release == tables.releases()[0]
