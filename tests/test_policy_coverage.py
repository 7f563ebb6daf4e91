"""`docs/policy-coverage.md`: every sentence of the policy has a case, and every case named there exists."""

from __future__ import annotations

import re
from pathlib import Path

from spinecode.pipelines.cases import read_cases

ROOT = Path(__file__).resolve().parent.parent
TITLES = {case.title for case in read_cases(ROOT / "tests" / "cases")}
ROWS = [
    (section, sentence, cells)
    for section, body in re.findall(
        r"^## (.+?)$(.*?)(?=^## |\Z)",
        (ROOT / "docs" / "policy-coverage.md").read_text(encoding="utf-8"),
        flags=re.MULTILINE | re.DOTALL,
    )
    for sentence, cells in re.findall(r"^\| (.+?) \| (.*) \|$", body, flags=re.MULTILINE)
    if sentence != "sentence"
]


def test_every_section_is_there() -> None:
    sections = {section[:2] for section, _, _ in ROWS}
    assert {"1.", "2.", "3.", "4.", "5.", "6.", "7."} <= sections
    assert len(ROWS) > 120


def test_every_sentence_has_cases_that_exist() -> None:
    for _, sentence, cells in ROWS:
        named = [name for name in cells.split("; ") if name]
        assert named, sentence
        for name in named:
            if name.startswith("read: "):
                assert (ROOT / name.removeprefix("read: ")).exists(), name
            else:
                assert name in TITLES, (sentence, name)
