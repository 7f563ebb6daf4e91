"""The cases of the decision layer: plain text a coder can read, made into facts and held against what is decided.

``tests/cases/README.md`` describes the format. Tests, the rule reference and the mutants run all read them here.
"""

from __future__ import annotations

import dataclasses
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from ..coding import findings as f
from ..coding.codeset import CodeSet
from ..coding.decide import decide
from ..coding.errors import InputError

EXPECTATIONS = (
    "codes",
    "rules",
    "absent",
    "left out",
    "withheld",
    "outcome",
    "query",
    "no query",
    "warns",
    "seen",
    "flags",
    "exception",
    "says",
    "quotes",
    "left out exactly",
    "warns exactly",
    "warning",
)
_MARKS = {"phase": "phases", "intent": "intents", "flag": "red_flags", "study": "studies"}
_LEVEL = re.compile(r"[CTLS]\d+-[CTLS]\d+")


@dataclasses.dataclass(frozen=True)
class Case:
    """One case: facts, and what they are coded to."""

    name: str
    file: str
    findings: f.Findings
    expected: dict[str, str]
    table: str = ""
    """The name of the table of examples that the case is a row of."""

    @property
    def title(self) -> str:
        """What a list of cases calls it: a table of examples is listed once."""
        return self.table or self.name


# -- reading -----------------------------------------------------------------------------------------------------------


def read_cases(folder: Path) -> list[Case]:
    """All cases of a folder, in the order of its files (`tests/cases` of a clone; an installed package has none).

    Raises:
        InputError: no case there; or a line that is no fact and no expectation; names file, case and line.
    """
    found = [case for path in sorted(folder.glob("*.txt")) for case in _cases_of(path)]
    if not found:
        raise InputError(f"{folder}: no cases here; name the folder tests/cases of a clone")
    return found


def _cases_of(path: Path) -> Iterator[Case]:
    blocks = re.split(r"^case: ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    for block in blocks[1:]:
        name, *lines = (line.strip() for line in block.strip().splitlines())
        lines = [line for line in lines if line and not line.startswith("#")]
        yield from _examples(name, path.name, lines)


def _examples(name: str, file: str, lines: list[str]) -> Iterator[Case]:
    """One case; with a table of examples ("each: a | b" and rows "| 1 | 2") one for each row."""
    header = [line for line in lines if line.startswith("each: ")]
    rows = [_cells(line.removeprefix("|").removesuffix("|")) for line in lines if line.startswith("|")]
    facts = [line for line in lines if line not in header and not line.startswith("|")]
    if not header:
        yield _case(name, file, facts)
        return
    columns = _cells(header[0].removeprefix("each: "))
    for row in rows:
        if len(row) != len(columns):
            raise InputError(f"{file}, {name}: {len(row)} cells instead of {len(columns)}: {' | '.join(row)}")
        values = dict(zip(columns, row, strict=True))
        case = _case(f"{name}: {row[0]}", file, [_filled(line, values) for line in facts])
        yield dataclasses.replace(case, table=name)


def _filled(line: str, values: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda match: values[match[1]], line)


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("|")]


def _case(name: str, file: str, lines: list[str]) -> Case:
    made = _Maker()
    for line in lines:
        try:
            made.line(line)
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"{file}, {name}: {line}: {error}") from error
    if "codes" not in made.expected:
        raise InputError(f"{file}, {name}: no line says which codes are expected")
    return Case(name, file, made.findings(), made.expected)


class _Maker:
    """Builds findings line by line; each quote gets the next free place of an imagined note."""

    def __init__(self) -> None:
        self.facts: dict[str, Any] = {}
        self.conditions: list[f.Condition] = []
        self.links: list[f.Link] = []
        self.injuries: list[f.Injury] = []
        self.marks: dict[str, list[f.Mark]] = {key: [] for key in _MARKS.values()}
        self.expected: dict[str, str] = {}
        self.at = 0

    def evidence(self, quote: str, section: str) -> f.Evidence:
        start, self.at = self.at, self.at + len(quote) + 2
        return f.Evidence(start, start + len(quote), quote, section)

    def line(self, line: str) -> None:
        head, _, rest = (line + " ").partition(": ")
        if head in EXPECTATIONS:
            self.expected[head] = rest.strip()
        elif head in _MARKS:
            self.mark(head, shlex.split(rest))
        elif head == "link":
            kind, effect, _, cause = rest.split()
            ends = int(effect) - 1, int(cause) - 1
            self.links.append(f.Link(_of(f.LinkKind, kind), *ends, self.evidence(kind, "link")))
        elif head == "pregnancy":
            self.pregnancy(rest)
        elif head == "injury":
            self.injury(rest)
        elif head == "date":
            self.facts["date_of_service"] = rest.strip()
        elif head == "policy":
            return
        elif not rest.strip():
            self.document(line.split())
        else:
            self.condition(head, rest)

    def document(self, words: list[str]) -> None:
        self.facts["document_type"] = _of(f.DocumentType, words[0])
        for word in words[1:]:
            self.facts[{"complaint": "complaint", "assessment": "has_assessment"}[word]] = True

    def mark(self, head: str, words: list[str]) -> None:
        value, quote, *rest = words
        assertion = _of(f.Assertion, rest[0] if rest else "present")
        self.marks[_MARKS[head]].append(f.Mark(value, self.evidence(quote, head), assertion))

    def pregnancy(self, rest: str) -> None:
        quote, *words = shlex.split(rest)
        state = f.Pregnancy(self.evidence(quote, "pregnancy"))
        for word in words:
            if word.startswith("weeks:"):
                state = dataclasses.replace(state, weeks=int(word[6:]))
            elif word in get_args(f.Trimester):
                state = dataclasses.replace(state, trimester=_of(f.Trimester, word))
            else:
                state = dataclasses.replace(state, relation=_of(f.Relation, word))
        self.facts["pregnancy"] = state

    def injury(self, rest: str) -> None:
        quote, *words = shlex.split(rest)
        mechanism: Any = next((w for w in words if w in get_args(f.Mechanism)), None)
        assertion = next((w for w in words if w in get_args(f.Assertion)), "present")
        evidence = self.evidence(quote, "injury")
        self.injuries.append(f.Injury(mechanism, evidence, "at_work" in words, _of(f.Assertion, assertion)))

    def condition(self, head: str, rest: str) -> None:
        source, _, item = head.rstrip("*").partition(" ")
        kind, quote, *words = shlex.split(rest)
        fields: dict[str, Any] = {"item": int(item or 0), "heading": head.endswith("*")}
        for word in words:
            _attribute(fields, word)
        evidence = self.evidence(quote, source)
        self.conditions.append(f.Condition(_of(f.Kind, kind), evidence, _of(f.Source, source), **fields))

    def findings(self) -> f.Findings:
        stated = any(c.source in ("assessment", "post_diagnosis", "pre_diagnosis") for c in self.conditions)
        self.facts.setdefault("has_assessment", stated)
        self.facts.update({key: tuple(value) for key, value in self.marks.items()})
        return f.Findings(
            conditions=tuple(self.conditions),
            links=tuple(self.links),
            injuries=tuple(self.injuries),
            **self.facts,
        )


def _of(vocabulary: Any, word: str) -> Any:
    """The word, if the vocabulary of the findings has it."""
    if word not in get_args(vocabulary):
        raise ValueError(f"{word!r} is none of {', '.join(get_args(vocabulary))}")
    return word


def _attribute(fields: dict[str, Any], word: str) -> None:
    key, _, value = word.partition(":")
    if value:
        _named_attribute(fields, key, value)
        return
    for name, vocabulary in (("regions", f.Region), ("sides", f.Side), ("qualities", f.Quality)):
        if word in get_args(vocabulary):
            fields[name] = (*fields.get(name, ()), word)
            return
    if _LEVEL.fullmatch(word):
        fields["levels"] = (*fields.get("levels", ()), word)
    elif word in get_args(f.Assertion):
        fields["assertion"] = word
    elif word in get_args(f.Chronicity):
        fields["chronicity"] = word
    else:
        fields[{"imaging": "imaging", "own_reading": "own_reading"}[word]] = True


def _named_attribute(fields: dict[str, Any], key: str, value: str) -> None:
    if key == "days":
        fields["duration_days"] = int(value)
    elif key in ("root", "explains"):
        name = "roots" if key == "root" else key
        fields[name] = (*fields.get(name, ()), value)
    elif key in ("name", "cue"):
        fields[key] = value.replace("_", " ")
    else:
        raise KeyError(key)


# -- checking ----------------------------------------------------------------------------------------------------------


def problems_of(case: Case) -> list[str]:
    """What is decided otherwise than the case says; empty when all is as expected."""
    return [problem for problem in compare(case.expected, decide(case.findings)) if problem]


def rules_fired(result: CodeSet) -> set[str]:
    """Every rule that gave a code or left one out."""
    return {c.rule for c in result.codes} | {n.rule for n in result.not_coded}


def compare(expected: dict[str, str], result: CodeSet) -> Iterator[str]:
    """What a result holds otherwise than expected; an empty word for each expectation that is met."""
    codes = [f"({c.code})" if c.role == "optional" else c.code for c in result.codes]
    queries = [w.message for w in result.warnings if w.kind == "query"]
    yield _same("codes", words(expected["codes"]), codes)
    yield _same("outcome", expected.get("outcome", "code"), f"{result.outcome}")
    if "rules" in expected:
        yield _same("rules", words(expected["rules"]), [c.rule for c in result.codes])
    yield _all_in("left out", expected, [f"{n.code} {n.rule}" for n in result.not_coded])
    if "left out exactly" in expected:
        left = sorted(f"{n.what} {n.rule}" for n in result.not_coded)
        yield _same("left out exactly", sorted(words(expected["left out exactly"])), left)
    yield _all_in("warns", expected, [w.kind for w in result.warnings])
    yield from _warnings(expected, result)
    yield _none_in("absent", expected, [c.code for c in result.codes])
    yield _none_in("withheld", expected, sorted(rules_fired(result)))
    if "query" in expected and not any(expected["query"] in message for message in queries):
        yield f"query: no {expected['query']!r} in {queries}"
    if "no query" in expected and any(expected["no query"] in message for message in queries):
        yield f"no query: {expected['no query']!r} in {queries}"
    if "seen" in expected:
        yield _same("seen", words(expected["seen"]), [s.what for s in result.seen])
    if "flags" in expected:
        yield _same("flags", words(expected["flags"]), [r.flag for r in result.red_flags])
    if "says" in expected:
        told = [*(c.rationale for c in result.codes), *(n.reason for n in result.not_coded)]
        yield "" if any(expected["says"] in text for text in told) else f"says: no {expected['says']!r} in {told}"
    if "quotes" in expected:
        code, *quotes = shlex.split(expected["quotes"])
        found = [e.text for c in result.codes if c.code == code for e in c.evidence]
        yield _same(f"quotes of {code}", quotes, found)
    if "exception" in expected:
        pairs = [f"{c.code}/{c.exception.with_code}" for c in result.codes if c.exception]
        yield _same("exception", words(expected["exception"]), pairs)


def _warnings(expected: dict[str, str], result: CodeSet) -> Iterator[str]:
    if "warns exactly" in expected:
        kinds = sorted(w.kind for w in result.warnings)
        yield _same("warns exactly", sorted(words(expected["warns exactly"])), kinds)
    if "warning" in expected:
        messages = [w.message for w in result.warnings]
        told = any(expected["warning"] in message for message in messages)
        yield "" if told else f"warning: no {expected['warning']!r} in {messages}"


def words(listed: str) -> list[str]:
    """The entries of a list written with commas."""
    return [word.strip() for word in listed.split(",") if word.strip()]


def _same(what: str, expected: object, found: object) -> str:
    return "" if expected == found else f"{what}: {expected} expected, {found} found"


def _all_in(what: str, expected: dict[str, str], found: list[str]) -> str:
    missing = [item for item in words(expected.get(what, "")) if item not in found]
    return f"{what}: {missing} missing in {found}" if missing else ""


def _none_in(what: str, expected: dict[str, str], found: list[str]) -> str:
    present = [item for item in words(expected.get(what, "")) if item in found]
    return f"{what}: {present} found" if present else ""
