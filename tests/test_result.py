"""The result object: its schema, its text-free form, and evidence that is true."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import spinecode
from spinecode.coding.codeset import Code, Exemption, NotCoded, Notice, RedFlag, Seen
from spinecode.coding.findings import Condition, Evidence, Findings, Mark
from spinecode.coding.gaps.model import Gap, OpenFact, Option
from spinecode.pipelines.no_text import blank_text
from spinecode.pipelines.result import SCHEMA, Result, canonical_json, result_schema
from spinecode.pipelines.suggest import replay

ROOT = Path(__file__).resolve().parent.parent
OPTIONS = (
    Option("left", "left", ("M54.32",), introduces=False, supported_by=(0,)),
    Option("right", "right", ("M54.31",), introduces=False, supported_by=()),
)
WORDS = 'Mr. Quill said ”my back” is "on fire", denies   numbness'


def quote(text: str, section: str = "assessment") -> Evidence:
    return Evidence(10, 10 + len(text), text, section)


@pytest.fixture
def result() -> Result:
    """A result made by hand that uses every key of the contract."""
    said, problem = quote(WORDS), quote("Gouty arthritis of Mr. Quill")
    return Result(
        encounter_id=7,
        provider=None,
        date_of_service="2026-05-04",
        release="2026-04-01",
        engine="0.1.0",
        ruleset="0123456789abcdef",
        text_sha256="0" * 64,
        outcome="code_and_query",
        codes=(
            Code("M54.50", "Low back pain", "first_listed", "pain.x", f"The note says “{WORDS}”.", "tabular", (said,)),
            Code(
                "M25.50",
                "Pain",
                "additional",
                "pain.y",
                "It stands.",
                "tabular",
                (said,),
                Exemption("I.A.12.a", "M54.50"),
            ),
        ),
        not_coded=(
            NotCoded("disc displacement", "M51.26", "negated", f"“{WORDS}” says so.", "r", (said,)),
            NotCoded("Gouty arthritis", None, "uncertain", 'It says "Gouty arthritis of".', "r", (problem,)),
        ),
        seen=(Seen("Gouty arthritis of Mr. Quill", (problem,)),),
        red_flags=(RedFlag("saddle anaesthesia", (said,)),),
        open_facts=(OpenFact("laterality:sciatica", "laterality", "side of the sciatica", "code", OPTIONS),),
        gaps=(
            Gap("laterality:sciatica", "laterality", "side of the sciatica", "It is open.", "code", OPTIONS, (said,)),
        ),
        warnings=(Notice("conflict", f"“{WORDS}” against the exam."),),
        findings=Findings(
            conditions=(
                Condition("pain", said, "assessment", assertion="negated", cue="denies   numbness"),
                Condition("outside_problem", problem, "assessment", name="Gouty arthritis of Mr. Quill"),
            ),
            red_flags=(Mark("saddle_anaesthesia", said),),
        ),
        extra={"mrn": "Quill-1", "nested": {"deep": ["Quill"]}},
    )


def test_the_published_schema_is_the_one_in_the_code():
    published = json.loads((ROOT / "docs" / "result.schema.json").read_text(encoding="utf-8"))
    assert published == result_schema()
    jsonschema.Draft202012Validator.check_schema(published)


def test_results_follow_the_schema(result, engine, note):
    validator = jsonschema.Draft202012Validator(result_schema())
    for each in (result, engine.suggest(note, date_of_service="2026-05-04"), engine.suggest("")):
        validator.validate(each.to_dict())
        validator.validate(blank_text(each.to_dict()))


def test_the_schema_refuses_a_code_without_evidence(result):
    data = result.to_dict()
    data["codes"][0]["evidence"] = []
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(data, result_schema())


def test_keys_stand_in_the_contracts_order(result):
    keys = (
        "schema encounter_id provider date_of_service release engine ruleset text_sha256 outcome codes not_coded seen "
        "red_flags warnings open_facts gaps confidence route reasons models findings extra"
    )
    assert " ".join(result.to_dict()) == keys
    assert list(result.to_dict()["codes"][1]) == [
        "code",
        "description",
        "role",
        "rule",
        "rationale",
        "source",
        "evidence",
        "exception",
    ]
    assert result.to_dict()["schema"] == SCHEMA == "spinecode/result/1"


def test_no_text_leaves_no_word_of_the_note(result):
    blank = blank_text(result.to_dict())  # codes that these findings do not decide to: every sentence goes
    dumped = canonical_json(blank)
    for word in ("Quill", "my back", "on fire", "numbness", "Gouty"):
        assert word not in dumped
    before = result.to_dict()
    assert [code["code"] for code in blank["codes"]] == [code["code"] for code in before["codes"]]
    assert [entry["rule"] for entry in blank["not_coded"]] == [entry["rule"] for entry in before["not_coded"]]
    assert blank["codes"][0]["evidence"] == [{"start": 10, "end": 10 + len(WORDS), "text": "", "section": ""}]
    assert blank["seen"][0]["what"] == ""
    assert blank["extra"] == {"mrn": "", "nested": ""}


@pytest.mark.parametrize("words", ["history of", "h/o", "Hx of"])
def test_no_text_decides_to_the_same_codes(engine, words):
    """What a word of the note says (here that the past may be present) is a fact, and no matter of that word."""
    text = f"HISTORY: {words} chronic low back pain.\nASSESSMENT:\n1. Back pain.\n2. Diabetes.\n"
    result = engine.suggest(text)
    assert [code.code for code in result.codes] == ["M54.50", "G89.29"]
    blank = blank_text(result.to_dict())
    assert [code.code for code in replay(blank).codes] == ["M54.50", "G89.29"]
    assert all(code["rationale"] for code in blank["codes"])


def test_no_text_keeps_our_own_sentences(engine, every_evidence):
    text = """CHIEF COMPLAINT OF QUILL:
Low back pain.

ASSESSMENT:
1. Low back pain; "Quill" denies sciatica.
2. Quillitis, stable.
"""
    data = engine.suggest(text).to_dict()
    assert "Quillitis" in canonical_json(data)
    blank = blank_text(data)
    assert "quill" not in canonical_json(blank).lower()
    assert [entry["start"] for entry in every_evidence(blank)] == [entry["start"] for entry in every_evidence(data)]
    assert all(code["rationale"] for code in blank["codes"])
    assert all(entry["reason"] for entry in blank["not_coded"])


def test_no_text_changes_nothing_it_was_given(result):
    before = result.to_json()
    data = result.to_dict()
    blank_text(data)
    assert canonical_json(data) == before


def test_one_result_is_one_line_for_every_reader():
    assert len(canonical_json({"a": "x\u2028y\u2029z\x85w\x0bv\x0cu\x1ct"}).splitlines()) == 1


def test_stored_findings_replay_to_the_same_codes(engine, note, sample_texts):
    for text in (note, *sample_texts):
        data = engine.suggest(text).to_dict()
        assert decided(spinecode.replay(canonical_json(data))) == decided(engine.suggest(text))


def test_findings_without_the_notes_words_replay_to_the_same_codes(engine, note, sample_texts):
    for text in (note, *sample_texts):
        result = engine.suggest(text)
        assert decided(spinecode.replay(blank_text(result.to_dict()))) == decided(result), text


def decided(answer):
    return answer.outcome, [(code.code, code.role, code.rule) for code in answer.codes]


def test_the_example_note_is_coded(engine, note):
    result = engine.suggest(note)
    assert [code.code for code in result.codes] == ["M54.41", "G89.29"]
    assert [code.role for code in result.codes] == ["first_listed", "additional"]


VARIANTS = {
    "as-is": lambda text: text,
    "crlf": lambda text: text.replace("\n", "\r\n"),
    "cr": lambda text: text.replace("\n", "\r"),
    "astral": lambda text: "😀𝒜 " + text.replace("pain", "pain 🦴"),
    "combining": lambda text: text.replace("e", "e\u0301", 3).replace(" ", "\u00a0", 5),
    "nul": lambda text: text.replace(".", ".\x00"),
    "bom-inside": lambda text: text.replace("\n", "\n\ufeff", 2),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_evidence_is_true_by_offset(engine, note, sample_texts, every_evidence, variant):
    for text in map(VARIANTS[variant], (note, *sample_texts)):
        result = engine.suggest(text).to_dict()
        quotes = list(every_evidence(result))
        assert all(text[quoted["start"] : quoted["end"]] == quoted["text"] for quoted in quotes)
        assert all(code["evidence"] for code in result["codes"])
        assert all(quoted["text"] for code in result["codes"] for quoted in code["evidence"])


def test_the_engine_keeps_nothing_of_a_note(engine, note):
    first = engine.suggest(note).to_json()
    engine.suggest("ASSESSMENT: Left flank pain. Cervical radiculopathy.")
    assert engine.suggest(note).to_json() == first


@pytest.mark.parametrize("text", [None, 7, b"low back pain", "half \ud800 pair"])
def test_text_that_is_none_is_refused(engine, text):
    with pytest.raises(spinecode.InputError):
        engine.suggest(text)


def test_rendered_text_obeys_no_escape_of_the_note(result):
    result = result.__class__(**{**vars(result), "seen": (Seen("gout\x1b[31m\u202e", ()),)})
    text = spinecode.render(result)
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert text.startswith("RED FLAGS")


def test_rendered_text_stays_short_however_long_the_note(engine):
    text = "ASSESSMENT:\n" + "\n".join(f"{i}. Low back pain on day {i}, sciatica denied." for i in range(1, 60))
    rendered = spinecode.render(engine.suggest(text))
    assert len(rendered.splitlines()) < 60
