"""The reference of rules: the command, the document and the tables say the same."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from spinecode.coding.decide import decide
from spinecode.coding.errors import InputError
from spinecode.coding.reference import codes_of_rule
from spinecode.coding.tables import FOLDER, tables
from spinecode.pipelines import rules
from spinecode.pipelines.cases import read_cases

CASES = Path(__file__).parent / "cases"
Cli = Callable[..., "subprocess.CompletedProcess[bytes]"]


def test_the_stored_cases_are_those_of_the_clone() -> None:
    stored = (FOLDER / "rule_cases.json").read_text(encoding="utf-8")
    assert stored == rules.cases_json(CASES), "run python -m spinecode.pipelines.rules"


def test_the_document_is_what_the_tables_say() -> None:
    document = (CASES.parent.parent / "docs" / "rules.md").read_text(encoding="utf-8")
    assert document == rules.markdown(), "run python -m spinecode.pipelines.rules"
    assert document.count("\n## ") == len(tables().rules)


def test_a_rule_emits_only_the_codes_its_page_names() -> None:
    emitted = {(c.rule, c.code) for case in read_cases(CASES) for c in decide(case.findings).codes}
    assert sorted((rule, code) for rule, code in emitted if code not in codes_of_rule(rule)) == []


def test_the_page_of_a_rule() -> None:
    (page,) = rules.find_rules("Sciatica-Beside-Cause")
    text = rules.render_rules([page], whole=True)
    for part in (
        "sciatica-beside-cause: Sciatica beside stenosis",
        "policy 4; tabular M54.3",
        "M54.30, M54.31, M54.32",
    ):
        assert part in text
    assert "sciatica beside spondylosis" in " ".join(text.split())


def test_every_page_has_its_parts() -> None:
    for page in rules.rules_data(rules.find_rules(None))["rules"]:
        assert page["source"]
        assert page["rationale"]
        assert len(page["fires"]) >= 1
        assert len(page["withheld"]) >= 1


def test_an_unknown_rule_names_the_nearest() -> None:
    with pytest.raises(InputError, match=r"no rule 'sciatic'; near it: sciatica"):
        rules.find_rules("sciatic")


def test_the_command(cli: Cli) -> None:
    every = cli("rules")
    assert every.returncode == 0
    assert len(every.stdout.splitlines()) == len(tables().rules)
    one = cli("rules", "g89-alone", "--json")
    assert [rule["rule"] for rule in json.loads(one.stdout)["rules"]] == ["g89-alone"]
    wrong = cli("rules", "nothing-like-it")
    assert wrong.returncode == 2
    assert wrong.stdout == b""
