"""The cases of `tests/cases`: facts in, codes out, one case per sentence of the policy."""

from __future__ import annotations

import dataclasses
import re
import shlex
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from spinecode.coding import findings as f
from spinecode.coding.codeset import CodeSet
from spinecode.coding.decide import decide
from spinecode.coding.tables import tables

FOLDER = Path(__file__).parent / "cases"
EXPECTATIONS = ("codes", "rules", "absent", "left out", "outcome", "query", "warns", "seen", "flags", "exception")
NOT_IN_CASES = {"not-a-leaf"}
"""Rules that no findings can reach with the built-in tables; `test_decide_edits.py` fires them."""


@dataclasses.dataclass(frozen=True)
class Case:
    name: str
    file: str
    findings: f.Findings
    expected: dict[str, str]


# -- reading the files -------------------------------------------------------------------------------------------------


def read_cases() -> list[Case]:
    return [case for path in sorted(FOLDER.glob("*.txt")) for case in _cases_of(path)]


def _cases_of(path: Path) -> Iterator[Case]:
    blocks = re.split(r"^case: ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    for block in blocks[1:]:
        name, *lines = (line.strip() for line in block.strip().splitlines())
        yield _case(name, path.name, [line for line in lines if line and not line.startswith("#")])


def _case(name: str, file: str, lines: list[str]) -> Case:
    made = _Maker()
    for line in lines:
        try:
            made.line(line)
        except Exception as error:
            raise ValueError(f"{file}, {name}: {line}") from error
    return Case(name, file, made.findings(), made.expected)


class _Maker:
    """Builds findings line by line; each quote gets the next free place of an imagined note."""

    def __init__(self) -> None:
        self.facts: dict[str, Any] = {}
        self.conditions: list[f.Condition] = []
        self.links: list[f.Link] = []
        self.injuries: list[f.Injury] = []
        self.marks: dict[str, list[f.Mark]] = {"phases": [], "intents": [], "red_flags": [], "studies": []}
        self.expected: dict[str, str] = {}
        self.at = 0

    def evidence(self, quote: str, section: str) -> f.Evidence:
        start, self.at = self.at, self.at + len(quote) + 2
        return f.Evidence(start, start + len(quote), quote, section)

    def line(self, line: str) -> None:
        head, _, rest = (line + " ").partition(": ")
        if head in EXPECTATIONS:
            self.expected[head] = rest.strip()
        elif head in ("phase", "intent", "flag", "study"):
            self.mark(head, shlex.split(rest))
        elif head == "link":
            kind, effect, _, cause = rest.split()
            self.links.append(f.Link(kind, int(effect) - 1, int(cause) - 1, self.evidence(kind, "link")))  # type: ignore[arg-type]
        elif head == "pregnancy":
            self.pregnancy(rest)
        elif head == "injury":
            self.injury(rest)
        elif head == "policy":
            return
        elif not rest.strip():
            self.document(line.split())
        else:
            self.condition(head, rest)

    def document(self, words: list[str]) -> None:
        self.facts["document_type"] = words[0]
        for word in words[1:]:
            self.facts[{"complaint": "complaint", "assessment": "has_assessment"}[word]] = True

    def mark(self, head: str, words: list[str]) -> None:
        value, quote, *rest = words
        assertion = rest[0] if rest else "present"
        key = {"phase": "phases", "intent": "intents", "flag": "red_flags", "study": "studies"}[head]
        self.marks[key].append(f.Mark(value, self.evidence(quote, head), assertion))  # type: ignore[arg-type]

    def pregnancy(self, rest: str) -> None:
        quote, *words = shlex.split(rest)
        state = f.Pregnancy(self.evidence(quote, "pregnancy"))
        for word in words:
            if word.startswith("weeks:"):
                state = dataclasses.replace(state, weeks=int(word[6:]))
            elif word in get_args(f.Trimester):
                state = dataclasses.replace(state, trimester=word)  # type: ignore[arg-type]
            else:
                state = dataclasses.replace(state, relation=word)  # type: ignore[arg-type]
        self.facts["pregnancy"] = state

    def injury(self, rest: str) -> None:
        quote, *words = shlex.split(rest)
        mechanism = next((w for w in words if w in get_args(f.Mechanism)), None)
        assertion = next((w for w in words if w in get_args(f.Assertion)), "present")
        evidence = self.evidence(quote, "injury")
        self.injuries.append(f.Injury(mechanism, evidence, "at_work" in words, assertion))  # type: ignore[arg-type]

    def condition(self, head: str, rest: str) -> None:
        source, _, item = head.rstrip("*").partition(" ")
        kind, quote, *words = shlex.split(rest)
        fields: dict[str, Any] = {"item": int(item or 0), "heading": head.endswith("*")}
        for word in words:
            self.attribute(fields, word)
        self.conditions.append(f.Condition(kind, self.evidence(quote, source), source, **fields))  # type: ignore[arg-type]

    def attribute(self, fields: dict[str, Any], word: str) -> None:
        key, _, value = word.partition(":")
        if value:
            plural = {"root": "roots", "explains": "explains"}
            if key == "days":
                fields["duration_days"] = int(value)
            elif key in plural:
                fields[plural[key]] = (*fields.get(plural[key], ()), value)
            else:
                fields[key] = value.replace("_", " ")
            return
        for name, vocabulary in (("regions", f.Region), ("sides", f.Side), ("qualities", f.Quality)):
            if word in get_args(vocabulary):
                fields[name] = (*fields.get(name, ()), word)
                return
        if re.fullmatch(r"[CTLS]\d+-[CTLS]\d+", word):
            fields["levels"] = (*fields.get("levels", ()), word)
        elif word in get_args(f.Assertion):
            fields["assertion"] = word
        elif word in get_args(f.Chronicity):
            fields["chronicity"] = word
        else:
            fields[{"imaging": "imaging", "own_reading": "own_reading"}[word]] = True

    def findings(self) -> f.Findings:
        stated = any(c.source in ("assessment", "post_diagnosis", "pre_diagnosis") for c in self.conditions)
        self.facts.setdefault("has_assessment", stated)
        marks = {key: tuple(value) for key, value in self.marks.items()}
        return f.Findings(
            conditions=tuple(self.conditions),
            links=tuple(self.links),
            injuries=tuple(self.injuries),
            **marks,
            **self.facts,
        )


# -- tests -------------------------------------------------------------------------------------------------------------

CASES = read_cases()


def _list(words: str) -> list[str]:
    return [word.strip() for word in words.split(",") if word.strip()]


def _codes(result: CodeSet) -> list[str]:
    return [f"({c.code})" if c.role == "optional" else c.code for c in result.codes]


@pytest.mark.parametrize("case", CASES, ids=[f"{case.file}: {case.name}" for case in CASES])
def test_case(case: Case) -> None:
    result = decide(case.findings)
    expected = case.expected
    assert _codes(result) == _list(expected["codes"])
    if "rules" in expected:
        assert [c.rule for c in result.codes] == _list(expected["rules"])
    for code in _list(expected.get("absent", "")):
        assert code not in [c.code for c in result.codes]
    left = [f"{n.code} {n.rule}" for n in result.not_coded]
    for item in _list(expected.get("left out", "")):
        assert item in left
    queries = [w.message for w in result.warnings if w.kind == "query"]
    if "query" in expected:
        assert any(expected["query"] in message for message in queries), queries
    if "warns" in expected:
        assert expected["warns"] in [w.kind for w in result.warnings]
    if "seen" in expected:
        assert _list(expected["seen"]) == [s.what for s in result.seen]
    if "flags" in expected:
        assert _list(expected["flags"]) == [r.flag for r in result.red_flags]
    if "exception" in expected:
        pairs = [f"{c.code}/{c.exception.with_code}" for c in result.codes if c.exception]
        assert pairs == _list(expected["exception"])
    assert result.outcome == expected.get("outcome", "code"), queries


def test_names_are_unique() -> None:
    assert [name for name, count in Counter(case.name for case in CASES).items() if count > 1] == []


def test_every_rule_fires_in_a_case() -> None:
    fired: set[str] = set()
    for case in CASES:
        result = decide(case.findings)
        fired.update(c.rule for c in result.codes)
        fired.update(n.rule for n in result.not_coded)
    assert sorted(set(tables().rules) - fired - NOT_IN_CASES) == []


def test_every_rule_named_in_the_code_is_in_the_table() -> None:
    folder = Path(f.__file__).parent
    source = "\n".join(path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.py")))
    rules = tables().rules
    assert [rule for rule in rules if f'"{rule}"' not in source] == []
