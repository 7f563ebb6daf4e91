"""Searching word by word finds what the patterns themselves find."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

import pytest
from spinecode.nlp import cues
from spinecode.nlp.lexicon import rules, spelling, wording

ROOT = Path(__file__).resolve().parent.parent
PATTERNS = {
    entry["id"]: wording(entry["id"])
    for entry in json.loads((ROOT / "nlp" / "rules" / "wording.json").read_text(encoding="utf-8"))["wording"]
    if entry.get("pattern")
}
PATTERNS["spelling"] = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, spelling()))})(?!\w)")


def sentences() -> list[str]:
    """Sentences of notes, examples of rules, and pieces of both cut anywhere, in other cases and with odd letters."""
    lines = (ROOT / "corpora" / "written" / "notes.jsonl").read_text(encoding="utf-8").splitlines()
    found = [part for line in lines for part in re.split(r"(?<=[.;:])\s", json.loads(line)["text"])][::3]
    found += [rule["metadata"]["example"] for rule in rules("context.json")]
    found += [
        entry["example"]
        for entry in json.loads((ROOT / "nlp" / "rules" / "wording.json").read_text(encoding="utf-8"))["wording"]
    ]
    rng = random.Random(7)
    cut = [text[rng.randrange(len(text)) :][: rng.randrange(1, 60)] for text in found if text]
    odd = [text.replace("k", "\u212a").replace("s", "\u017f").replace("i", "\u0130") for text in found[::9]]
    return [
        *found,
        *cut,
        *odd,
        *(text.upper() for text in found[::5]),
        *(text.replace(" ", "\n") for text in found[::7]),
    ]


SENTENCES = sentences()


@pytest.mark.parametrize("name", PATTERNS)
def test_word_search_finds_what_the_pattern_finds(name):
    pattern, quick = PATTERNS[name], cues.WordSearch(PATTERNS[name], cues.Vocabulary())
    for text in SENTENCES:
        for start in {0, len(text) // 3}:
            assert quick.found(text, start, len(text)) == bool(pattern.search(text, start, len(text))), text


@pytest.mark.parametrize("name", PATTERNS)
def test_a_gate_shuts_out_no_match(name):
    pattern, gated = PATTERNS[name], cues.gated(PATTERNS[name], cues.Vocabulary())
    for text in SENTENCES:
        for start in {0, len(text) // 3}:
            match, found = pattern.search(text, start), gated.search(text, start)
            assert (found and found.span()) == (match and match.span()), text


def test_most_cues_are_told_by_one_word():
    """Else reading is slow again, and nothing else would say so."""
    searched = []
    strong = cues.WordSearch(wording("excerpt-strong"))
    strong._across = type("Watched", (), {"search": lambda _, *args: searched.append(args)})()
    for text in SENTENCES:
        strong.found(text.lower(), 0, len(text.lower()))
    assert len(searched) < len(SENTENCES) / 5
