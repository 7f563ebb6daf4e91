"""`spinecode corpus check`: what it lets pass, and that it names the note and the fault of what it does not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from spinecode.cli import main
from spinecode.pipelines.corpus import Split, assigned, load_splits, write_splits

CORPORA = Path(__file__).resolve().parents[1] / "corpora"

NOTE = {
    "id": "X-1",
    "source": "written here",
    "title": "t",
    "specialty": "primary care",
    "text": "Assessment: low back pain.",
    "codes": ["M54.50"],
    "alternatives": [],
    "accept_extra": [],
    "extra": [],
    "facts": {"region": ["lumbar"]},
    "fact_spans": [{"fact": "region", "value": "lumbar", "start": 12, "end": 20}],
    "evidence": {"M54.50": "low back pain"},
    "gaps": [],
    "agreed": None,
    "why": "",
}


def corpus(tmp_path, *notes):
    (tmp_path / "some").mkdir(exist_ok=True)
    (tmp_path / "some" / "notes.jsonl").write_text("\n".join(map(json.dumps, notes)), encoding="utf-8")
    return str(tmp_path / "some")


def test_the_corpora_here_pass_and_are_as_many_as_promised(capsys):
    assert main(["corpus", "check", str(CORPORA)]) == 0
    counted = {}
    for line in capsys.readouterr().out.splitlines():
        name, _, rest = line.partition(" ")
        words = rest.replace(":", " ").replace(",", " ").replace(";", " ").replace("with ", "").split()
        if "full" in words:
            counted[name] = [int(words[words.index(word) - 1]) for word in ("full", "excerpts", "none", "notes")]
    ours = [counted[name] for name in counted if name not in ("all", "blind/notes.jsonl", "generated/notes.jsonl")]
    full, excerpts, none, notes = map(sum, zip(*ours, strict=True))
    assert full >= 120
    assert excerpts >= 300
    assert none / notes >= 0.32


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"codes": ["M54.5"]}, "M54.5 is no billable code"),
        ({"codes": ["M54.50", "M54.50"]}, "twice"),
        ({"codes": ["M54.41", "M54.50"]}, "exclude each other"),
        ({"alternatives": [["M54.41", "M54.50"]]}, "exclude each other"),
        ({"fact_spans": [{"fact": "region", "value": "lumbar", "start": 12, "end": 99}]}, "outside the text"),
        ({"fact_spans": [{"fact": "region", "value": "lumbar", "start": 11, "end": 20}]}, "white space"),
        ({"fact_spans": [{"fact": "region", "value": "sacral", "start": 12, "end": 20}]}, "do not list"),
        ({"fact_spans": []}, "has no span"),
        ({"evidence": {"M54.50": "lumbago"}}, "not in the text"),
        ({"facts": {"mood": []}, "fact_spans": []}, "unknown fact"),
        ({"codes": None}, "codes is no list"),
        ({"text": ""}, "text is missing"),
    ],
)
def test_a_fault_is_found_and_named_without_the_notes_words(tmp_path, capsys, change, says):
    path = corpus(tmp_path, {**NOTE, **change})
    assert main(["corpus", "check", path]) == 1
    said = capsys.readouterr().out
    assert says in said
    assert "X-1" in said
    assert "Assessment" not in said


def test_an_id_stands_once_over_all_corpora(tmp_path, capsys):
    assert main(["corpus", "check", corpus(tmp_path, NOTE, NOTE)]) == 1
    assert "its id stands in" in capsys.readouterr().out


def test_a_folder_without_a_corpus_is_an_input_error(tmp_path, capsys):
    assert main(["corpus", "check", str(tmp_path)]) == 2
    assert "holds no corpus" in capsys.readouterr().err


def test_a_group_keeps_its_fold_when_others_join(tmp_path):
    corpus(tmp_path, NOTE)
    assert write_splits(str(tmp_path)) == 1
    before = load_splits(tmp_path)
    corpus(tmp_path, NOTE, *({**NOTE, "id": f"Y-{i}", "specialty": f"s{i % 7}"} for i in range(50)))
    assert write_splits(str(tmp_path)) == 7
    assert set(before) <= set(load_splits(tmp_path))
    assert write_splits(str(tmp_path)) == 0


def test_groups_without_a_split_are_found(tmp_path, capsys):
    path = corpus(tmp_path, NOTE)
    (tmp_path / "splits.csv").write_text("author,family,fold\nsome,other,0\n", encoding="utf-8")
    assert main(["corpus", "check", path]) == 1
    assert "0 rows in splits.csv" in capsys.readouterr().out


def test_folds_are_even():
    groups = {("a", str(n)): n % 9 + 1 for n in range(60)}
    sizes = [0] * 5
    for split in assigned(groups, [Split("a", "0", 3)]):
        sizes[split.fold] += groups[split.author, split.family]
    assert max(sizes) - min(sizes) <= 3
