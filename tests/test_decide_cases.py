"""The cases of `tests/cases`: facts in, codes out, one case per sentence of the policy."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from spinecode.coding import findings as f
from spinecode.coding.errors import InputError
from spinecode.coding.tables import tables
from spinecode.pipelines.cases import Case, problems_of, read_cases

FOLDER = Path(__file__).parent / "cases"
CASES = read_cases(FOLDER)


@pytest.mark.parametrize("case", CASES, ids=[f"{case.file}: {case.name}" for case in CASES])
def test_case(case: Case) -> None:
    assert problems_of(case) == []


def test_names_are_unique() -> None:
    assert [name for name, count in Counter(case.name for case in CASES).items() if count > 1] == []


def test_every_rule_named_in_the_code_is_in_the_table() -> None:
    folder = Path(f.__file__).parent
    source = "\n".join(path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.py")))
    rules = tables().rules
    assert [rule for rule in rules if f'"{rule}"' not in source] == []


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("visit\n  assessment 1*: pains 'x'\n  codes:", "'pains' is none of"),
        ("visit\n  assessment 1*: pain 'x' lumber\n  codes:", "lumber"),
        ("visit\n  assessment 1*: pain 'x' lumbar", "no line says which codes"),
        ("visit\n  each: a | b\n  | 1 | 2 |\n  | 1 | 2 | 3 |\n  codes:", "3 cells instead of 2"),
    ],
)
def test_a_line_that_is_not_understood_is_named(tmp_path: Path, lines: str, words: str) -> None:
    (tmp_path / "x.txt").write_text(f"case: wrong\n  {lines}\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"x\.txt, wrong") as error:
        read_cases(tmp_path)
    assert words in str(error.value)


def test_a_table_of_examples_is_a_case_for_each_row(tmp_path: Path) -> None:
    text = (
        'case: pains\n  visit complaint\n  assessment 1*: pain "x" {region}\n  codes: {code}\n  each: region | code\n'
    )
    (tmp_path / "x.txt").write_text(text + "  | lumbar | M54.50 |\n  | cervical | M54.2 |\n", encoding="utf-8")
    cases = read_cases(tmp_path)
    assert [case.name for case in cases] == ["pains: lumbar", "pains: cervical"]
    assert [problems_of(case) for case in cases] == [[], []]
