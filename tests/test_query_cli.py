"""`spinecode query` as people start it: what it prints, what it refuses, which status it ends with."""

from __future__ import annotations

import json

import jsonschema
import pytest
from spinecode.pipelines.query.ask import asked_schema

NOTE = """\
CHIEF COMPLAINT: Low back pain.

HISTORY: Low back pain and sciatica for two weeks. Denies fever.

EXAM: Straight leg raise positive.

ASSESSMENT:
1. Low back pain with sciatica.
"""
NOTHING = "ASSESSMENT: Hypertension.\n"
SIDE = "laterality:sciatica"


def gaps_of(cli, note):
    return [each["gap"] for each in json.loads(cli("query", "--json", stdin=note.encode()).stdout)["queries"]]


def test_the_query_about_the_side(cli):
    done = cli(
        *("query", "--gap", SIDE, "--date", "2026-05-04", "--provider", "Dr. Adams", "--encounter-id", "E-17"),
        stdin=NOTE.encode(),
    )
    text = done.stdout.decode()
    assert (done.returncode, done.stderr) == (0, b"")
    for words in ("E-17", "2026-05-04", "Dr. Adams", "(ASSESSMENT)", "[ ] Left", "[ ] Right", "Unable to determine"):
        assert words in text
    assert text.count("Provider query") == 1
    assert "M54" not in text


def test_markdown_and_json_hold_the_same_query(cli):
    markdown = cli("query", "--gap", SIDE, "--markdown", stdin=NOTE.encode()).stdout.decode()
    data = json.loads(cli("query", "--gap", SIDE, "--json", stdin=NOTE.encode()).stdout)
    jsonschema.validate(data, asked_schema())
    (query,) = data["queries"]
    assert query["question"] in markdown
    for option in query["options"]:
        assert f"- [ ] {option['text']}" in markdown
    for quote in query["indicators"]:
        assert NOTE[quote["start"] : quote["end"]] == quote["text"]


def test_the_queries_are_the_gaps_of_the_note_in_their_order(cli):
    result = json.loads(cli("suggest", "--json", stdin=NOTE.encode()).stdout)
    assert gaps_of(cli, NOTE) == [gap["id"] for gap in result["gaps"]]
    assert SIDE in gaps_of(cli, NOTE)


def test_nothing_to_ask_is_a_line_and_no_error(cli):
    done = cli("query", stdin=NOTHING.encode())
    assert (done.returncode, done.stderr, done.stdout.decode().count("\n")) == (0, b"", 1)
    assert done.stdout.startswith(b"Nothing to ask")
    assert gaps_of(cli, NOTHING) == []
    assert json.loads(cli("query", "--json", stdin=b"").stdout)["queries"] == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--gap", "laterality"], SIDE),
        (["--gap", "laterality:neck"], SIDE),
        (["--json", "--markdown"], "give one of them"),
        (["--templates", "nowhere.toml"], "no such file"),
        (["--date", "yesterday"], "--date"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_one_line(cli, arguments, words):
    done = cli("query", *arguments, stdin=NOTE.encode())
    (said,) = done.stderr.decode().splitlines()
    assert (done.returncode, done.stdout) == (2, b"")
    assert words in said


def test_words_of_ones_own_are_used_and_judged(cli, tmp_path):
    (tmp_path / "own.toml").write_text("[elements.laterality]\nquestion = 'Which side is it?'\n", encoding="utf-8")
    done = cli("query", "--gap", SIDE, "--templates", "own.toml", stdin=NOTE.encode())
    assert (done.returncode, b"Which side is it?" in done.stdout) == (0, True)
    (tmp_path / "bad.toml").write_text("[elements.laterality]\nquestion = 'Which side pays?'\n", encoding="utf-8")
    refused = cli("query", "--templates", "bad.toml", stdin=NOTE.encode())
    assert (refused.returncode, refused.stdout) == (2, b"")
    assert b"rule payment" in refused.stderr


def test_a_refused_query_is_not_printed_and_the_others_are(cli, tmp_path):
    (tmp_path / "own.toml").write_text("[elements.laterality]\nquestion = 'Is it the left side?'\n", encoding="utf-8")
    done = cli("query", "--templates", "own.toml", stdin=NOTE.encode())
    (said,) = done.stderr.decode().splitlines()
    assert done.returncode == 1
    assert "names-answer" in said
    assert SIDE in said
    assert b"left side" not in done.stdout
    data = json.loads(cli("query", "--templates", "own.toml", "--json", stdin=NOTE.encode()).stdout)
    assert [each["gap"] for each in data["refused"]] == [SIDE]
    jsonschema.validate(data, asked_schema())


def test_a_batch_becomes_a_worklist(cli, tmp_path):
    rows = [
        {"encounter_id": f"E-{n}", "text": NOTE, "provider": provider, "date_of_service": "2026-05-04"}
        for n, provider in enumerate(["Dr. Adams", "Dr. Zhou", "Dr. Adams", "Dr. Adams", "Dr. Adams"])
    ]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert cli("batch", "in.jsonl", "out.jsonl").returncode == 0
    done = cli("worklist", "out.jsonl", "--group-by", "provider", "--top", "3")
    lines = done.stdout.decode().splitlines()
    assert done.returncode == 0
    assert sum(line.startswith("Dr. Adams") for line in lines) == 3
    assert any(line.startswith("Dr. Zhou") for line in lines)
    assert cli("batch", "in.jsonl", "bare.jsonl", "--no-text").returncode == 0
    bare = cli("worklist", "bare.jsonl")
    assert (bare.returncode, bare.stdout) == (2, b"")
    assert b"without --no-text" in bare.stderr
