"""`docs/reading.md` is the test: every row of its tables is read, and must read as the page says."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from spinecode.coding import findings as f
from spinecode.nlp.reader import Reader

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reading.md"
PARTS = "reading and part"
FEWEST = 3


def rows() -> Iterator[tuple[str, dict[str, str]]]:
    """(section of the page, its cells by column) of every row of every table."""
    section, columns = "", None
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            section = line.removeprefix("## ")
        if not line.startswith("|"):
            columns = None
        elif columns is None:
            columns = _cells(line)
        elif not line.startswith("|---"):
            yield section, dict(zip(columns, _cells(line), strict=True))


def _cells(line: str) -> list[str]:
    return [cell.strip().replace(r"\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def note_of(cell: str) -> str:
    """The note a cell stands for."""
    return cell.replace("␍⏎", "\r\n").replace(" ⏎ ", "\n")


def reading(found: f.Findings, *, parts: bool = False) -> str:
    """Findings in the words of the page."""
    said = [_words(c, parts=parts) for c in found.conditions if c.kind != "outside_problem"]
    return "; ".join(said) or "nothing"


def _words(condition: f.Condition, *, parts: bool) -> str:
    c = condition
    words: list[str] = [*c.regions, *c.levels, *(f"root {root}" for root in c.roots), *c.sides]
    words += [c.chronicity] if c.chronicity else []
    words += [f"{c.duration_days} days"] if c.duration_days is not None else []
    words += c.qualities
    words += [c.assertion] if c.assertion != "present" else []
    line = f"{c.kind}: {', '.join(words)}" if words else c.kind
    if parts:
        where = [
            f"in {c.source}",
            *(["a study's finding"] if c.imaging else []),
            *(["own reading"] if c.own_reading else []),
        ]
        line += ", " + ", ".join(where)
    return line.replace("_", " ")


def pregnancy(found: f.Findings) -> str:
    """The pregnancy in the words of the page."""
    state = found.pregnancy
    if state is None:
        return "no"
    when = f"{state.weeks} weeks" if state.weeks is not None else state.trimester or "yes"
    return ", ".join([when, *([state.relation.replace("_", " ")] if state.relation else [])])


def visit(found: f.Findings) -> str:
    """Encounter phases and intents in the words of the page, each once."""
    said = [m.value.replace("_", " ") for m in (*found.phases, *found.intents) if m.assertion == "present"]
    return ", ".join(dict.fromkeys(said)) or "nothing"


OF_THE_NOTE: dict[str, Callable[[f.Findings], str]] = {"pregnancy": pregnancy, "visit": visit}


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader()


@pytest.mark.parametrize("row", [pytest.param(row, id=f"{section}: {row['note']}") for section, row in rows()])
def test_the_page_reads_as_it_says(reader: Reader, row: dict[str, str]) -> None:
    found = reader.read(note_of(row["note"]), row.get("date of service") or None)
    for fact, told in OF_THE_NOTE.items():
        if fact in row:
            assert told(found) == row[fact]
            return
    assert reading(found, parts=PARTS in row) == row.get(PARTS, row.get("reading"))


def test_quotes_are_the_notes_own_characters(reader: Reader) -> None:
    for _, row in rows():
        text = note_of(row["note"])
        for condition in reader.read(text, row.get("date of service") or None).conditions:
            for evidence in (condition.evidence, *(detail.evidence for detail in condition.details)):
                assert text[evidence.start : evidence.end] == evidence.text


PIECES = (
    *(
        "  ",
        "\n",
        "\n\n",
        "\t",
        "\u00a0",
        ". ",
        "; ",
        ": ",
        "1. ",
        "2) ",
        "#1 ",
        "- ",
        "One, ",
        "[x] ",
        "(+) ",
        "--",
        "?",
    ),
    *(
        "R. ",
        "(L) ",
        "L-4 ",
        "C 5",
        "L4-",
        "T12",
        "w/o ",
        "ISN'T ",
        "no ",
        "possible ",
        "denies ",
        "h/o ",
        "vs ",
        "Dr. ",
    ),
    *("28w3d ", "G2P1 ", "x 3 wks ", "3 months ago ", "since March 2025 ", "1/2", "A: ", "MRI: ", "Impression:\n"),
    *("\u017f", "\u0130", "\u212a", "\u2019s ", "\u2013", "\u00bd", "\u0663"),
)


def torn(text: str, chance: random.Random) -> str:
    """`text` with pieces put in, cut out, shouted and repeated anywhere, as pasting and dictation do."""
    letters = list(text)
    for _ in range(chance.randint(1, 12)):
        at, what = chance.randint(0, len(letters)), chance.random()
        if what < 0.5:
            letters[at:at] = chance.choice(PIECES)
        elif what < 0.75:
            del letters[at : at + chance.randint(1, 30)]
        elif what < 0.9:
            letters[at : at + 60] = "".join(letters[at : at + 60]).upper()
        else:
            letters[at:at] = letters[chance.randint(0, at) :][:80]
    return "".join(letters)


def test_torn_notes_are_read_and_quoted(reader: Reader) -> None:
    chance = random.Random(20)
    folder = PAGE.parents[1] / "corpora"
    notes = [
        json.loads(line)["text"]
        for name in ("written", "dictated", "scribed")
        for line in (folder / name / "notes.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    for number in range(600):
        text = torn(chance.choice(notes), chance)
        for condition in reader.read(text, "2026-05-01" if number % 2 else None).conditions:
            evidence = condition.evidence
            assert text[evidence.start : evidence.end] == evidence.text, text


def test_every_phenomenon_says_default_limits_and_examples() -> None:
    sections = re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    counts = {section.splitlines()[0]: 0 for section in sections}
    for name, _ in rows():
        counts[name] += 1
    assert [s.splitlines()[0] for s in sections if "*Default*:" not in s or "*Limits*:" not in s] == []
    assert [name for name, count in counts.items() if count < FEWEST] == []


@pytest.mark.parametrize(
    "line",
    ["Tolerated well.", "Normal study.", "No acute findings.", "Continue home exercises.", "[e-signed, NAME MD]"],
)
def test_what_names_no_problem_is_not_seen(reader, line):
    text = f"Assessment:\n1. Low back pain.\n2. Hypertension.\n3. {line}\n"
    assert [c.name for c in reader.read(text).conditions if c.kind == "outside_problem"] == ["Hypertension"]
