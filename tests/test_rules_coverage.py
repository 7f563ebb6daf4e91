"""How much of the rules the cases hold: every rule fires twice, every rule is withheld once where it is near."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from spinecode.coding.decide import decide
from spinecode.coding.tables import REGIONS, UNSPECIFIED, tables, tabular
from spinecode.pipelines.cases import read_cases, rules_fired, words

CASES = read_cases(Path(__file__).resolve().parent / "cases")
ENOUGH, NEAR = 2, 1


def test_every_rule_fires_in_two_cases() -> None:
    fired = Counter(rule for case in CASES for rule in rules_fired(decide(case.findings)))
    assert {rule: fired[rule] for rule in tables().rules if fired[rule] < ENOUGH} == {}


def test_every_rule_is_withheld_in_a_case() -> None:
    withheld = Counter(rule for case in CASES for rule in words(case.expected.get("withheld", "")))
    assert sorted(set(withheld) - set(tables().rules)) == []
    assert [rule for rule in tables().rules if withheld[rule] < NEAR] == []


def test_every_row_of_the_code_table_is_decided_in_a_case() -> None:
    """A row that no case reaches could say anything."""
    emitted = {(c.code, c.rule) for case in CASES for c in decide(case.findings).codes}
    codes = {code for code, _ in emitted}
    assert sorted({row.code for row in tables().codes.values()} - codes) == []


REGIONAL = ("M41", "M43", "M45", "M46.4", "M47", "M48", "M51.0", "M51.1", "M51.2", "M51.3", "M53.2", "M53.8", "M54.1")


def test_the_official_title_of_a_row_names_its_region() -> None:
    """The table against the tabular list: a region's row holds a code whose title says that region, or none at all."""
    wrong = []
    for row in tables().codes.values():
        if not row.code.startswith(REGIONAL) or row.region in ("", UNSPECIFIED):
            continue
        title = tabular().description(row.code).lower()
        in_titles = {region: region.replace("_", "-") for region in REGIONS}
        named = [region for region in REGIONS if in_titles[region] in title.split("(")[0].split()]
        named += [region for region in REGIONS if f"{in_titles[region]} region" in title]
        if named and row.region not in named:
            wrong.append((row.family, row.region, row.code, title))
    assert wrong == []
