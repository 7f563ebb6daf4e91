"""`--rules DIR`: own phrases and rows change what is read and decided, and the hash that says by which rules."""

from __future__ import annotations

import json

import pytest

PHRASE = {
    "literal": "rachialgia",
    "category": "CONDITION",
    "metadata": {"id": "own-1", "source": "our office", "example": "Rachialgia since Monday.", "kind": "pain"},
}
FLAREUP = {
    "literal": "zorbitis",
    "category": "CONDITION",
    "pattern": [{"LOWER": {"IN": ["zorbitis", "zorbosis"]}}, {"LOWER": "lumborum"}],
    "metadata": {
        "id": "own-2",
        "source": "our office",
        "example": "Zorbosis lumborum.",
        "kind": "pain",
        "regions": ["lumbar"],
    },
}


@pytest.fixture
def batch(cli, tmp_path):
    """Run notes under rules (file name → content); the results, or what was said when it was refused."""

    def run(notes, rules=None):
        lines = (json.dumps({"encounter_id": i, "text": text}) + "\n" for i, text in enumerate(notes))
        (tmp_path / "in.jsonl").write_text("".join(lines))
        options = []
        if rules is not None:
            folder = tmp_path / "own"
            folder.mkdir(exist_ok=True)
            for name, content in rules.items():
                (folder / name).write_text(content if isinstance(content, str) else json.dumps(content))
            options = ["--rules", "own"]
        done = cli("batch", "in.jsonl", "out.jsonl", "--workers", "2", *options)
        if done.returncode:
            assert done.returncode == 2
            return done.stderr.decode()
        return [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]

    return run


def codes(result):
    return [code["code"] for code in result["codes"]]


def test_a_phrase_of_ones_own_is_read(batch):
    notes = ["Assessment: rachialgia."]
    (before,) = batch(notes)
    (after,) = batch(notes, {"conditions.json": {"target_rules": [PHRASE, FLAREUP]}, "README.md": "ours"})
    assert codes(before) == []
    assert codes(after) == ["M54.9"]
    assert before["ruleset"] != after["ruleset"]


def test_a_row_of_ones_own_replaces_ours(batch):
    (before,) = batch(["Assessment: neck pain."])
    assert codes(before) == ["M54.2"]
    header = "family,region,variant,code,when_to_use,documentation,cpt,source\n"
    (after,) = batch(
        ["Assessment: neck pain."], {"codes.csv": header + "pain,cervical,,M54.89,ours,region,,our office\n"}
    )
    assert codes(after) == ["M54.89"]
    assert after["ruleset"] != before["ruleset"]


def test_a_phrase_switched_off_is_not_read(batch):
    (before,) = batch(["Assessment: sciatica."])
    assert codes(before)
    from spinecode.nlp import lexicon

    ids = [r["metadata"]["id"] for r in lexicon.rules("conditions.json") if r["literal"].lower().startswith("sciatic")]
    assert ids
    (after,) = batch(["Assessment: sciatica."], {"off.txt": "\n".join(ids)})
    assert codes(after) == []


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ({"conditions.json": "{"}, "conditions.json"),
        ({"conditions.json": {"target_rules": [{"literal": "x", "category": "CONDITION"}]}}, "its id is missing"),
        ({"conditions.json": {"target_rules": [{**PHRASE, "metadata": {"id": "a"}}]}}, "has no source"),
        ({"codes.csv": "family,code\nx,M54.2\n"}, "the columns are family, region"),
        ({"off.txt": "nothing-of-the-kind"}, "there is no entry"),
        ({"off.txt": "assertion-negated"}, "can be replaced, not switched off"),
        ({"phrases.txt": "x"}, "is no file of rules"),
        ({}, "holds no file of rules"),
        (
            {
                "codes.csv": "family,region,variant,code,when_to_use,documentation,cpt,source\n"
                "pain,cervical,,M54.5,ours,region,,our office\n"
            },
            "is not a billable code",
        ),
    ],
)
def test_rules_that_cannot_be_used_are_refused_by_file_and_entry(batch, rules, words):
    assert words in batch(["x"], rules)


def test_another_ruleset_is_another_run(cli, tmp_path, batch):
    batch(["Assessment: rachialgia."])
    (tmp_path / "out.jsonl.journal").write_text(
        json.dumps({"schema": "spinecode/journal/2", "identity": {}, "progress": {}})
    )
    assert cli("batch", "in.jsonl", "out.jsonl").returncode == 2
    assert cli("batch", "in.jsonl", "out.jsonl", "--rules", "nowhere").returncode == 2
